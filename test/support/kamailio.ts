import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Issued } from './authority.ts'
import type { Ground } from './crossing.ts'
import { type Program, start } from './processes.ts'

/**
 * Faults to build into the reference, one at a time: each must be caught by a check, or the check is worth nothing.
 * The value says which check.
 */
export const FAULTS = {
  'single record-route': 'T7',
  'record-route at dialog requests': 'T7',
  'swapped record-route': 'T7',
  'bind address shown': 'A2',
  'max-forwards kept': '§16.6 item 3',
  'contact changed': 'T5',
  'transport leaks': 'T4',
  'header lost': 'untouched bytes',
} as const

export type Fault = keyof typeof FAULTS

const config = (ground: Ground, fault: Fault | undefined): string => {
  const advertise = (port: number): string => (fault === 'bind address shown' ? '' : ` advertise "${ground.name}":${port}`)
  const { inside, outside, targets, folder } = ground
  return `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
enable_tls=yes
auto_aliases=no
dns=no
rev_dns=no
server_signature=no
tcp_connection_lifetime=600
tcp_accept_no_cl=yes
alias="${ground.name}"
listen=udp:${inside}:${ground.callersPort}
listen=tcp:${inside}:${ground.callersPort}
listen=udp:${inside}:${ground.targetsPort}
listen=tcp:${inside}:${ground.targetsPort}
listen=tls:${outside}:${ground.callersTlsPort}${advertise(ground.callersTlsPort)}
listen=tls:${outside}:${ground.targetsTlsPort}${advertise(ground.targetsTlsPort)}
listen=tls:${outside}:${ground.wssPort}${advertise(ground.wssPort)}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "htable.so"
loadmodule "corex.so"
loadmodule "path.so"
loadmodule "ctl.so"
loadmodule "tls.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
loadmodule "nathelper.so"
modparam("tls", "config", "${folder}/kamailio/tls.cfg")
modparam("ctl", "binrpc", "unix:${folder}/kamailio/ctl")
modparam("htable", "htable", "source=>size=8;")
modparam("htable", "htable", "dest=>size=8;")
modparam("rr", "enable_full_lr", 0)
modparam("rr", "enable_double_rr", ${fault === 'single record-route' ? 0 : 2})
modparam("path", "use_received", 1)

request_route {
	${fault === 'max-forwards kept' ? '' : 'if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }'}
	if (is_method("OPTIONS") && uri == myself && $rU == $null) { sl_send_reply("200", "OK"); exit; }
	force_rport();
	${fault === 'header lost' ? 'remove_hf("Subject");' : ''}
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	if (!has_totag() && $rd =~ "[.]invalid$") {
		# toward a browser, by the Path of its registration and the connection it came by
		loose_route();
		$du = $sht(source=>$tU);
		$fs = "tls:${outside}:${ground.wssPort}";
		if (is_method("INVITE")) { $sht(dest=>$ci) = $du; record_route(); }
		if (!t_relay()) sl_reply_error();
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			${fault === 'record-route at dialog requests' ? 'if (!is_method("ACK")) record_route();' : ''}
			# callers are reached through the connection they opened
			if (is_direction("upstream") && $sht(source=>$ci) != $null) $du = $sht(source=>$ci);
			if (is_direction("downstream") && $sht(dest=>$ci) != $null) $du = $sht(dest=>$ci);
			if (!t_relay()) sl_reply_error();
			exit;
		}
		if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
		sl_send_reply("404", "Not Here");
		exit;
	}
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	t_check_trans();
	if (is_method("INVITE")) {
		$sht(source=>$ci) = "sip:" + $si + ":" + $sp + ";transport=" + $(proto{s.tolower}{re.subst,/wss/ws/});
		${fault === 'contact changed' ? `remove_hf("Contact"); append_hf("Contact: <sip:edge@${inside}:5060>\\r\\n");` : ''}
	}
	if ($rU == "to-udp") {
		$ru = "sip:" + $rU + "@${targets.udp.address}:${targets.udp.port}${fault === 'transport leaks' ? ';transport=tls' : ';transport=udp'}";
		$du = "sip:${targets.udp.address}:${targets.udp.port}";
		$fs = "udp:${inside}:${ground.targetsPort}";
	} else if ($rU == "to-tcp") {
		$ru = "sip:" + $rU + "@${targets.tcp.address}:${targets.tcp.port};transport=tcp";
		$fs = "tcp:${inside}:${ground.targetsPort}";
	} else if ($rU == "to-tls") {
		$ru = "sip:" + $rU + "@${targets.tls.address}:${targets.tls.port};transport=tls";
		$fs = "tls:${outside}:${ground.targetsTlsPort}";
	} else if (proto == WSS) {
		$ru = "sip:" + $rU + "@${targets.udp.address}:${targets.udp.port}";
		$fs = "udp:${inside}:${ground.targetsPort}";
		if (is_method("REGISTER")) { $ru = "sip:${targets.udp.address}:${targets.udp.port}"; $sht(source=>$tU) = "sip:" + $si + ":" + $sp + ";transport=ws"; add_path_received(); }
	} else {
		sl_send_reply("404", "Not Found");
		exit;
	}
	if (is_method("INVITE")) ${fault === 'swapped record-route' ? `record_route_advertised_address("${inside}:${ground.callersPort}")` : 'record_route()'};
	if (!t_relay()) sl_reply_error();
	exit;
}

event_route[xhttp:request] {
	if (ws_handle_handshake()) exit;
	xhttp_reply("404", "Not Found", "", "");
}
`
}

const tls = (ground: Ground, own: Issued): string =>
  ['server', 'client']
    .map(
      (side) =>
        `[${side}:default]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\nprivate_key = ${own.keyFile}\ncertificate = ${own.chainFile}\nca_list = ${ground.authority.file}\n`,
    )
    .join('\n')

/** The known proxy that shows whether the scenarios are right: the job of the edge, as Kamailio does it. */
export const startKamailio = (ground: Ground, own: Issued, fault?: Fault): Program => {
  const folder = join(ground.folder, 'kamailio')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'kamailio.cfg'), config(ground, fault))
  writeFileSync(join(folder, 'tls.cfg'), tls(ground, own))
  return start('kamailio', ['-DD', '-E', '-f', join(folder, 'kamailio.cfg'), '-m', '64', '-M', '8', '-Y', folder])
}
