import { describe, expect, test } from 'vitest'
import {
  accountOf,
  chosenRtpengine,
  daemonArguments,
  findRtpengine,
  guarded,
  mayChangeAccount,
} from '../../../src/rtpengine/daemon-arguments.ts'

const SETTINGS = {
  interfaces: [
    { name: 'wan', address: '10.0.0.5', advertised: '203.0.113.5' },
    { name: 'lan', address: '10.1.0.5', advertised: undefined },
    { name: 'lan', address: '2001:db8::5', advertised: undefined },
  ],
  portMin: 30_000,
  portMax: 30_999,
  maxSessions: 250,
}
const PLACE = { host: '127.0.0.1', port: 40_001, threads: 4 }

describe('arguments of rtpengine', () => {
  test('media §12: the settings to ship, each as one argument', () => {
    expect(daemonArguments(SETTINGS, PLACE).filter((argument) => !argument.startsWith('--log-mark'))).toEqual([
      '--config-file=none',
      '--foreground',
      '--log-stderr',
      '--no-log-timestamps',
      '--log-level=5',
      '--split-logs',
      '--max-log-line-length=500',
      '--table=-1',
      '--interface=wan/10.0.0.5!203.0.113.5',
      '--interface=lan/10.1.0.5',
      '--interface=lan/2001:db8::5',
      '--listen-ng=127.0.0.1:40001',
      '--port-min=30000',
      '--port-max=30999',
      '--max-sessions=250',
      '--num-threads=4',
      '--media-num-threads=4',
      '--delete-delay=0',
      '--timeout=60',
      '--silent-timeout=3600',
      '--offer-timeout=240',
      '--final-timeout=14400',
      '--tos=184',
      '--dtls-passive',
    ])
  })

  test('media §12: control is on loopback and nowhere else', () => {
    const listening = daemonArguments(SETTINGS, PLACE).filter((argument) => argument.startsWith('--listen'))
    expect(listening).toEqual(['--listen-ng=127.0.0.1:40001'])
  })

  test('media §8: a folder for recordings is given only when somebody records', () => {
    const recording = (folder: string | undefined) =>
      daemonArguments(SETTINGS, { ...PLACE, recording: folder }).filter((argument) => argument.startsWith('--recording'))
    expect(recording(undefined)).toEqual([])
    expect(recording('/var/spool/rtpengine')).toEqual(['--recording-dir=/var/spool/rtpengine', '--recording-method=pcap'])
  })
})

describe('the program', () => {
  const has =
    (...files: string[]) =>
    (file: string) =>
      files.includes(file)

  test('is the first along PATH', () => {
    expect(findRtpengine('/opt/bin:/usr/bin/', has('/usr/bin/rtpengine', '/usr/sbin/rtpengine'))).toBe('/usr/bin/rtpengine')
  })

  test('is found where servers stand, also without PATH', () => {
    expect(findRtpengine('/usr/bin', has('/usr/local/sbin/rtpengine'))).toBe('/usr/local/sbin/rtpengine')
    expect(findRtpengine(undefined, has('/usr/sbin/rtpengine'))).toBe('/usr/sbin/rtpengine')
  })

  test('is not looked for in the working folder', () => {
    expect(findRtpengine('.::bin', () => true)).toBe('/usr/sbin/rtpengine')
    expect(findRtpengine('.::bin', has('./rtpengine', '/rtpengine', 'bin/rtpengine'))).toBeUndefined()
  })

  test('is the one that EDGEWAYS_RTPENGINE names, there or not; none is none', () => {
    const there = has('/usr/bin/rtpengine')
    const PATH = '/usr/bin'
    expect(chosenRtpengine({ PATH }, there)).toBe('/usr/bin/rtpengine')
    expect(chosenRtpengine({ PATH, EDGEWAYS_RTPENGINE: '' }, there)).toBe('/usr/bin/rtpengine')
    expect(chosenRtpengine({ PATH, EDGEWAYS_RTPENGINE: '/opt/rtpengine' }, there)).toBe('/opt/rtpengine')
    expect(chosenRtpengine({ PATH, EDGEWAYS_RTPENGINE: 'none' }, there)).toBeUndefined()
  })
})

describe('the guard', () => {
  const command = { program: '/usr/bin/rtpengine', args: ['--foreground', '--table=-1'] }

  test('has the kernel kill the daemon with its parent, and gives it no privileges', () => {
    expect(guarded('/usr/bin/setpriv', command, undefined)).toEqual({
      program: '/usr/bin/setpriv',
      args: ['--ambient-caps=-all', '--no-new-privs', '--pdeathsig=KILL', '--', '/usr/bin/rtpengine', '--foreground', '--table=-1'],
    })
  })

  test('changes the account first: a change afterwards would take the death signal away (prctl(2))', () => {
    const { args } = guarded('/usr/bin/setpriv', command, { uid: 103, gid: 106 })
    expect(args.slice(0, 3)).toEqual(['--reuid=103', '--regid=106', '--clear-groups'])
  })

  test('knows accounts by name, and root is none', () => {
    const passwd = 'root:x:0:0:root:/root:/bin/bash\nrtpengine:x:103:106::/run/rtpengine:/usr/sbin/nologin\nrtp:x:7:8::/:\n'
    expect(accountOf('rtpengine', passwd)).toEqual({ uid: 103, gid: 106 })
    expect(accountOf('root', passwd)).toBeUndefined()
    expect(accountOf('rtpeng', passwd)).toBeUndefined()
  })

  test('leaves the account alone where it may not be changed: other users, and root in a container without that capability', () => {
    const may = (mask: string) => mayChangeAccount(`CapPrm:\t000001ffffffffff\nCapEff:\t${mask}\nCapBnd:\t000001ffffffffff\n`)
    expect([may('000001ffffffffff'), may('00000000000000c0')]).toEqual([true, true])
    expect([may('0000000000000000'), may('0000000000000400'), may('0000000000000080'), may('0000000000000040')]).toEqual([
      false,
      false,
      false,
      false,
    ])
    expect(mayChangeAccount('')).toBe(false)
  })
})
