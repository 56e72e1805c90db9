/** Why our own rtpengine ended, in a sentence for the operator: what is wrong, and what to do. */

/** How a process ended, and what it said last. */
export interface DaemonEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It could not be started at all. */
  readonly error: NodeJS.ErrnoException | undefined
  /** Its last warnings and errors, oldest first; `DaemonLog.last`. */
  readonly lines: readonly string[]
  /** It was in service: then its arguments are not the reason. */
  readonly answered: boolean
}

const SPAWN: Readonly<Record<string, string>> = {
  ENOENT: 'is not there any more; install the package rtpengine-daemon',
  EACCES: 'may not be executed by this user; correct its permissions',
  EAGAIN: 'cannot be started, because this user has too many processes',
  ENOMEM: 'cannot be started for lack of memory',
}

/** Texts of rtpengine 10.5, of setpriv (util-linux) and of the dynamic linker; the first that fits is the reason. */
const KNOWN: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [
    /Failed to open .*control connection port \(([^)]+)\): Address already in use/,
    ([, port]) => `Its control port ${port} was taken by another program in the meantime; it gets another one`,
  ],
  [
    /Invalid interface specification: '([^']*)'/,
    ([, name]) => `It cannot use the interface ${name}; write an address of this machine under media.interfaces`,
  ],
  [/Missing option --interface/, () => 'It has no interface; write one under media.interfaces'],
  [
    /spool directory "([^"]+)"/,
    ([, folder]) => `It cannot write to the folder for recordings ${folder}; make it, and let the user that rtpengine runs as write to it`,
  ],
  [
    /error while loading shared libraries: ([^:]+)/,
    ([, library]) => `The library ${library} is missing; install the package rtpengine-daemon again`,
  ],
  [/^setpriv: failed to execute (.+): No such file or directory/, ([, program]) => `${program} ${SPAWN.ENOENT}`],
  [
    /^setpriv: failed to execute .*: Permission denied/,
    () => 'Its account may not execute it; install rtpengine where every user may execute it, such as /usr/bin',
  ],
  [
    /^setpriv: (.+)/,
    ([, said]) =>
      `It could not be given an account of its own (setpriv: ${said}); start Edgeways as a user other than root, or with CAP_SETUID`,
  ],
  [/Cannot assign requested address/, () => 'An address under media.interfaces is not an address of this machine'],
  [/(.*(?:Permission denied|Operation not permitted).*)/, ([, said]) => `Something is not permitted to its account: ${said}`],
]

/** @param program the path that was to be executed */
export const endReason = (end: DaemonEnd, program: string): string => {
  if (end.error !== undefined) return `${program} ${SPAWN[end.error.code ?? ''] ?? `cannot be started (${end.error.message})`}`
  const said = end.lines.at(-1)
  const quoted = said === undefined ? '' : `; its last line: ${said}`
  if (end.signal === 'SIGKILL') return `It was killed, by hand or for lack of memory (the kernel's log tells)${quoted}`
  if (end.signal !== null) return `It ended by ${end.signal}${quoted}`
  if (end.answered || end.code === 0) return `It ended with exit code ${end.code}${quoted}`
  // The decisive line comes before those that only follow from it
  for (const [pattern, sentence] of KNOWN) {
    for (const line of end.lines) {
      const found = pattern.exec(line)
      if (found !== null) return sentence(found)
    }
  }
  if (said === undefined) {
    // An unknown option ends it without a word
    return `It ended with exit code ${end.code} and said nothing, as it does when it does not know an option; Edgeways needs rtpengine 10.5 or newer (${program} --version)`
  }
  return `It ended with exit code ${end.code}${quoted}`
}
