import { describe, expect, test } from 'vitest'
import { DaemonLog, readDaemonLine } from '../../../src/rtpengine/daemon-log.ts'
import { keepingLog, manualClock } from './daemon-support.ts'

const KEY = 'inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'

/** What 10.5 wrote for an offer that it could not parse, with its marks; the second and third line are the rest of the command. */
const REFUSED = [
  'WARNING: [\u0001a84b4c76e66710~Zm9v\u0002]: [control] Protocol error in packet from 127.0.0.1:59002: Failed to parse SDP [\u0001d7:command5:offer3:sdp95:v=0 ...',
  `WARNING: [\u0001a84b4c76e66710~Zm9v\u0002]: ... a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY} ...`,
  'WARNING: [\u0001a84b4c76e66710~Zm9v\u0002]: ... e\u0002]',
]

describe('one line of rtpengine', () => {
  test.each([
    ['CRIT: [core] Fatal error: Missing option --interface', 'error', 'Fatal error: Missing option --interface'],
    ['ERR: [core] Error allocating media ports', 'error', 'Error allocating media ports'],
    ['WARNING: [core] Interface not found, using default', 'warn', 'Interface not found, using default'],
    ['NOTICE: [core] Something worth a note', 'debug', 'Something worth a note'],
    ['INFO: [crypto] Generating new DTLS certificate', 'debug', 'Generating new DTLS certificate'],
    ['DEBUG: [internals] timer', 'trace', 'timer'],
    ['malloc(): corrupted top size', 'warn', 'malloc(): corrupted top size'],
  ])('%s', (line, level, text) => {
    expect(readDaemonLine(line)).toEqual({ level, callId: undefined, text })
  })

  test('the call is a field, as SIP calls it', () => {
    expect(readDaemonLine('ERR: [\u0001abc@10.0.0.1~Zm9v\u0002]: [core] Destroying call')).toEqual({
      level: 'error',
      callId: 'abc@10.0.0.1',
      text: 'Destroying call',
    })
    expect(readDaemonLine('WARNING: [\u0001abc~Zm9v\u0002 port 30012]: [srtp] Discarded packet')?.callId).toBe('abc')
    expect(readDaemonLine('WARNING: [\u0001abc~Zm9v\u0002/\u0001a\u0002/1]: [ice] No candidates')?.text).toBe('No candidates')
  })

  test('what it marks as confidential is cut off, with all that follows', () => {
    const line = 'WARNING: [ice] Peer address \u0001192.0.2.7:4000\u0002 not known, \u0001secret\u0002'
    expect(readDaemonLine(line)?.text).toBe('Peer address …')
  })

  test('media §12: of a command that it refuses neither SDP nor keys are shown', () => {
    expect(REFUSED.map(readDaemonLine)).toEqual([
      { level: 'debug', callId: 'a84b4c76e66710', text: 'Protocol error in packet from 127.0.0.1:59002: Failed to parse SDP […' },
      undefined,
      undefined,
    ])
    expect(readDaemonLine(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}`)).toBeUndefined()
  })

  test.each(['SRTP', 'SRTCP'])('%s before the keys are known (DTLS, or an answer that is on its way) is no warning', (what) => {
    const line = `ERR: [\u0001abc\u0002 port 30012]: [srtp] ${what} output wanted, but no crypto suite was negotiated`
    expect(readDaemonLine(line)?.level).toBe('debug')
  })

  test('a call cannot write control characters into the log', () => {
    expect(readDaemonLine('ERR: [core] a\u001b[31mb\u0007')?.text).toBe('a [31mb')
  })
})

describe('the log of rtpengine', () => {
  const feeding = () => {
    const clock = manualClock()
    const { log, lines } = keepingLog()
    return { clock, lines, daemon: new DaemonLog(log, clock) }
  }

  test('puts lines together from pieces, and the last one needs no line end', () => {
    const { daemon, lines } = feeding()
    daemon.feed('ERR: [core] fi')
    daemon.feed('rst\nWARNING: [core] second\nCRIT: [co')
    daemon.feed('re] third')
    daemon.end()
    expect(lines.map(({ level, text }) => `${level} ${text}`)).toEqual([
      'error rtpengine: first',
      'warn rtpengine: second',
      'error rtpengine: third',
    ])
    expect(daemon.last).toEqual(['first', 'second', 'third'])
  })

  test('a flood of warnings is bounded in time, and counted', () => {
    const { daemon, clock, lines } = feeding()
    for (let i = 0; i < 50; i++) daemon.feed(`ERR: [core] line ${i}\n`)
    expect(lines.length).toBe(20)
    clock.pass(9_999)
    daemon.feed('ERR: [core] still\n')
    expect(lines.length).toBe(20)
    clock.pass(1)
    daemon.feed('ERR: [core] again\n')
    expect(lines.slice(20).map(({ text, fields }) => [text, fields.lines])).toEqual([
      ['rtpengine said more than is logged', 31],
      ['rtpengine: again', undefined],
    ])
  })

  test('what is left out counts for the reason of an end, and is told at the end', () => {
    const { daemon, lines } = feeding()
    for (let i = 0; i < 50; i++) daemon.feed(`ERR: [core] line ${i}\n`)
    daemon.end()
    expect(daemon.last.length).toBe(20)
    expect(daemon.last.at(-1)).toBe('line 49')
    expect(lines.at(-1)?.fields.lines).toBe(30)
  })

  test('a line without end does not grow for ever', () => {
    const { daemon, lines } = feeding()
    for (let i = 0; i < 100; i++) daemon.feed('x'.repeat(10_000))
    daemon.feed('\nERR: [core] after\n')
    expect(lines.at(-1)?.text).toBe('rtpengine: after')
    expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThan(400)
  })
})
