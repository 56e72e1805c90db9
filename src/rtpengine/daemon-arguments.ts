/** How our own rtpengine is called: values in, argument lists out. Options and their meaning: rtpengine 10.5. */
import type { MediaSettings } from '../config/snapshot.ts'
import { LOG_MARKS } from './daemon-log.ts'

export type LocalMedia = MediaSettings['local']

/** A user of this machine, by number. */
export interface DaemonAccount {
  readonly uid: number
  readonly gid: number
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** Debian leaves these out of the PATH of those who are not root. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin']

/**
 * Absolute path of a program, along PATH and where servers stand; undefined when there is none.
 * Relative folders of PATH are passed over: what lies in the working folder is not what the operator installed.
 * @param exists whether there is a file that we may execute
 */
export const findProgram = (name: string, path: string | undefined, exists: (file: string) => boolean): string | undefined =>
  [...(path ?? '').split(':').filter((folder) => folder.startsWith('/')), ...SERVER_FOLDERS]
    .map((folder) => `${folder.replace(/\/+$/, '')}/${name}`)
    .find(exists)

/** Absolute path of rtpengine; see `findProgram`. */
export const findRtpengine = (path: string | undefined, exists: (file: string) => boolean): string | undefined =>
  findProgram('rtpengine', path, exists)

/**
 * The rtpengine to run: the one that `EDGEWAYS_RTPENGINE` names (an absolute path; `none`: as if it was not installed), else `findRtpengine`.
 * One that is named is not replaced by another when it is not there: why it does not start, the log tells.
 */
export const chosenRtpengine = (
  { EDGEWAYS_RTPENGINE: named = '', PATH }: Readonly<Record<string, string | undefined>>,
  exists: (file: string) => boolean,
): string | undefined => {
  if (named === '') return findRtpengine(PATH, exists)
  return named === 'none' ? undefined : named
}

/**
 * Arguments of a daemon in userspace that listens for control on one loopback port and nowhere else.
 * @param place.recording absolute path of the folder that recordings go to; undefined: the daemon refuses to record
 */
export const daemonArguments = (
  local: LocalMedia,
  place: { readonly host: string; readonly port: number; readonly threads: number; readonly recording?: string | undefined },
): readonly string[] => [
  // Without `none` it reads the distribution's file, which opens further control ports
  '--config-file=none',
  ...['--foreground', '--log-stderr', '--no-log-timestamps', '--log-level=5'],
  // At this level it still logs whole commands that it refuses, SDP and keys included: the marks and the split show what to cut off
  ...['--split-logs', '--max-log-line-length=500', `--log-mark-prefix=${LOG_MARKS.open}`, `--log-mark-suffix=${LOG_MARKS.close}`],
  '--table=-1',
  ...local.interfaces.map(
    ({ name, address, advertised }) => `--interface=${name}/${address}${advertised === undefined ? '' : `!${advertised}`}`,
  ),
  `--listen-ng=${place.host}:${place.port}`,
  ...[`--port-min=${local.portMin}`, `--port-max=${local.portMax}`, `--max-sessions=${local.maxSessions}`],
  ...[`--num-threads=${place.threads}`, `--media-num-threads=${place.threads}`],
  // Seconds. The first is for ports of deleted calls; the others are the last net for calls that nobody deletes
  ...['--delete-delay=0', '--timeout=60', '--silent-timeout=3600', '--offer-timeout=240', '--final-timeout=14400'],
  ...['--tos=184', '--dtls-passive'],
  ...(place.recording === undefined ? [] : [`--recording-dir=${place.recording}`, '--recording-method=pcap']),
]

/**
 * The same program, called through `setpriv` (util-linux), which becomes that program: same process, no wrapper that could die alone.
 * - The kernel kills it as soon as the process that started it is gone, however that went (prctl PR_SET_PDEATHSIG): a daemon without its edge
 *   would hold ports and calls that nobody knows any more. No signal handler of ours could do that after `kill -9`.
 * - It can gain no privileges, gets none of our capabilities (port 443 is none of its business), and runs under `account`.
 * @param account undefined: the account of this process
 */
export const guarded = (setpriv: string, { program, args }: Command, account: DaemonAccount | undefined): Command => ({
  program: setpriv,
  args: [
    ...(account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups']),
    ...['--ambient-caps=-all', '--no-new-privs', '--pdeathsig=KILL', '--', program, ...args],
  ],
})

/** The account of that name in the text of /etc/passwd; never root. */
export const accountOf = (name: string, passwd: string): DaemonAccount | undefined => {
  for (const line of passwd.split('\n')) {
    const [user, , uid, gid] = line.split(':')
    if (user === name && Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}

const CAP_SETGID = 1n << 6n
const CAP_SETUID = 1n << 7n

/** Whether a process may take another account: root may, unless a container took that from it. @param status the text of /proc/self/status */
export const mayChangeAccount = (status: string): boolean => {
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return (capabilities & CAP_SETUID) !== 0n && (capabilities & CAP_SETGID) !== 0n
}
