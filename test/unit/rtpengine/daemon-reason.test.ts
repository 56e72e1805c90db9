import { describe, expect, test } from 'vitest'
import { type DaemonEnd, endReason } from '../../../src/rtpengine/daemon-reason.ts'

const end = (differences: Partial<DaemonEnd>): string =>
  endReason({ code: 255, signal: null, error: undefined, lines: [], answered: false, ...differences }, '/usr/bin/rtpengine')

describe('why rtpengine ended', () => {
  // The lines are those of 10.5
  test.each([
    [
      ["Failed to resolve 'nonsense' as a DNS host name: Name or service not known", "Fatal error: Invalid interface specification: 'wan'"],
      'It cannot use the interface wan; write an address of this machine under media.interfaces',
    ],
    [
      ['Fatal error: Failed to open UDP NG control connection port (127.0.0.1:40001): Address already in use'],
      'Its control port 127.0.0.1:40001 was taken by another program in the meantime; it gets another one',
    ],
    [['Fatal error: Missing option --interface'], 'It has no interface; write one under media.interfaces'],
    [
      [
        'Failed to create spool directory "/srv/calls": No such file or directory',
        'Please run `mkdir /srv/calls` and start rtpengine again.',
      ],
      'It cannot write to the folder for recordings /srv/calls; make it, and let the user that rtpengine runs as write to it',
    ],
    [
      [
        '/usr/bin/rtpengine: error while loading shared libraries: libspandsp.so.2: cannot open shared object file: No such file or directory',
      ],
      'The library libspandsp.so.2 is missing; install the package rtpengine-daemon again',
    ],
    [
      ['setpriv: failed to execute /root/rtpengine: Permission denied'],
      'Its account may not execute it; install rtpengine where every user may execute it, such as /usr/bin',
    ],
    [
      ['setpriv: failed to execute /usr/bin/rtpengine: No such file or directory'],
      '/usr/bin/rtpengine is not there any more; install the package rtpengine-daemon',
    ],
    [
      ['setpriv: setresuid failed: Operation not permitted'],
      'It could not be given an account of its own (setpriv: setresuid failed: Operation not permitted); start Edgeways as a user other than root, or with CAP_SETUID',
    ],
  ])('%j', (lines, reason) => {
    expect(end({ lines })).toBe(reason)
  })

  test('without a word: perhaps an option that it does not know', () => {
    expect(end({})).toContain('Edgeways needs rtpengine 10.5 or newer (/usr/bin/rtpengine --version)')
  })

  test('anything else is quoted', () => {
    expect(end({ lines: ['one', 'Fatal error: Something new'] })).toBe(
      'It ended with exit code 255; its last line: Fatal error: Something new',
    )
  })

  test('in service its arguments are not to blame', () => {
    expect(end({ code: null, signal: 'SIGKILL', answered: true })).toBe(
      "It was killed, by hand or for lack of memory (the kernel's log tells)",
    )
    expect(end({ code: null, signal: 'SIGSEGV', answered: true, lines: ['last words'] })).toBe(
      'It ended by SIGSEGV; its last line: last words',
    )
    expect(end({ code: 255, answered: true, lines: ['x: Permission denied'] })).toBe(
      'It ended with exit code 255; its last line: x: Permission denied',
    )
  })

  test('a program that cannot be started', () => {
    expect(end({ error: Object.assign(new Error('spawn'), { code: 'EACCES' }) })).toBe(
      '/usr/bin/rtpengine may not be executed by this user; correct its permissions',
    )
    expect(end({ error: Object.assign(new Error('spawn EIO'), { code: 'EIO' }) })).toBe('/usr/bin/rtpengine cannot be started (spawn EIO)')
  })
})
