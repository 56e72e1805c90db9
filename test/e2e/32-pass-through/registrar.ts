import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Program, start } from '../../support/processes.ts'

/**
 * `path`: stores the Path (RFC 3327). `plain`: stores the Contact as it is and calls it, as Asterisk does. `source`: calls the place that the
 * REGISTER came from, with the stored Contact as the Request-URI, as FreeSWITCH does.
 */
export type Habit = 'path' | 'plain' | 'source'

export const REALM = 'registrar.test'
export const PASSWORD = 'open sesame'

/** Kamailio as the registrar behind the edge: with digest, and a line after each REGISTER that says what it keeps. */
const config = (habit: Habit, address: string, port: number): string => `#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
auto_aliases=no
dns=no
rev_dns=no
listen=udp:${address}:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "htable.so"
loadmodule "corex.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "path.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:/dev/null")
modparam("htable", "htable", "source=>size=8;")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "max_expires", 7200)
modparam("registrar", "min_expires", 0)
modparam("registrar", "use_path", ${habit === 'path' ? 1 : 0})
modparam("registrar", "path_mode", 2)

request_route {
	if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
		sl_send_reply("404", "Not Here");
		exit;
	}
	t_check_trans();
	if (is_method("REGISTER")) {
		if (!pv_auth_check("${REALM}", "${PASSWORD}", "0", "0")) { auth_challenge("${REALM}", "0"); exit; }
		$sht(source=>$tU) = "sip:" + $si + ":" + $sp;
		save("location");
		if (reg_fetch_contacts("location", "$tu", "kept")) xlog("L_WARN", "KEPT $tU $(ulc(kept=>count)) $(ulc(kept=>addr)[0])\\n");
		else xlog("L_WARN", "KEPT $tU none\\n");
		exit;
	}
	record_route();
	$var(user) = $rU;
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	${habit === 'source' ? '$du = $sht(source=>$var(user));' : ''}
	if (!t_relay()) sl_reply_error();
	exit;
}
`

export interface Registrar {
  readonly habit: Habit
  readonly address: string
  readonly port: number
  /** What it keeps for a user, from the last time it was asked: how many Contacts, and the URI of the first. */
  kept(user: string): { readonly count: number; readonly contact: string } | undefined
  /** Resolves when it has kept so many for the user, at the latest REGISTER. */
  keeps(user: string, count: number): Promise<string>
  /** Forgets everything. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const LINE = /KEPT (\S+) (?:none|(\d+) (\S+))/

export const startRegistrar = async (habit: Habit, folder: string, address: string, port: number): Promise<Registrar> => {
  const home = join(folder, `registrar-${habit}`)
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'kamailio.cfg'), config(habit, address, port).replace('unix:/dev/null', `unix:${home}/ctl`))
  let program: Program
  const launch = async (): Promise<void> => {
    program = start('kamailio', ['-DD', '-E', '-f', join(home, 'kamailio.cfg'), '-m', '32', '-M', '8', '-Y', home])
    await program.line((line) => /Listening on|initializ|KEPT|INFO|WARNING/.test(line), 'word of the registrar')
  }
  await launch()
  const read = (line: string, user: string) => {
    const match = LINE.exec(line)
    return match?.[1] === user ? { count: Number(match[2] ?? 0), contact: match[3] ?? '' } : undefined
  }
  const kept = (user: string) => program.lines.map((line) => read(line, user)).findLast((one) => one !== undefined)
  return {
    habit,
    address,
    port,
    kept,
    keeps: (user, count) =>
      program.line((line) => read(line, user) !== undefined && kept(user)?.count === count, `${count} contacts of ${user}`),
    restart: async () => {
      await program.stop()
      await launch()
    },
    stop: async () => {
      await program.stop()
    },
  }
}
