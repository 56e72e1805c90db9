import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { Myself } from '../../../src/address/myself.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Running } from '../../../src/engine/edge.ts'
import { Gate, type Verdict } from '../../../src/engine/gate.ts'
import { Refusals } from '../../../src/engine/refusals.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { SILENT_METRICS } from '../../../src/observability/metrics.ts'
import type { DigestAlgorithm } from '../../../src/registrar/types.ts'
import type { SipRequest } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'
import { authorization } from '../../support/digest-client.ts'

const loaded = loadConfig(
  `
listeners: { lan: { udp: 127.0.0.1:5060 } }
zones: { phones: { kind: phones, on: lan, registration: here } }
registrar: { domains: [ example.com ] }
authentication: { failures: 10000, algorithms: [ MD5, SHA-256 ] }
media: off
`,
  { file: '/etc/edgeways/edge.yaml', dataDir: '/var/lib/edgeways' },
)
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
const { snapshot } = loaded
const listener = snapshot.listeners[0]!.listener
const running = { snapshot, myself: new Myself([listener]) } as Running
const zone = snapshot.zones.get('phones')!
const flow = { listener, remoteAddress: '192.0.2.1' } as Parameters<Gate['judge']>[2]
const hash = (algorithm: DigestAlgorithm, text: string) =>
  createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text)
    .digest('hex')

let gate: Gate
let tokens = 0
beforeEach(() => {
  const clock = { now: () => 1000, wall: () => Date.UTC(2030, 0, 1) }
  gate = new Gate({
    ...{ clock, log: SILENT_LOG, metrics: SILENT_METRICS, refusals: new Refusals(clock), key: Buffer.alloc(32, 1) },
    ids: { token: (length) => (++tokens).toString(36).padStart(length, '-') },
    subscribers: {
      find: (user) => (user === 'alice' ? { user, aliases: [], displayName: '', enabled: true } : undefined),
      ha1: (user, algorithm) => (user === 'alice' ? hash(algorithm, 'alice:example.com:correct horse') : undefined),
    },
    proofs: () => ({ timedSecrets: [Buffer.from('a secret of the application')], tokens: undefined }),
  })
})

const register = (header = ''): SipRequest => {
  const lines = [
    'REGISTER sip:example.com SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:alice@example.com>;tag=1',
    'To: <sip:alice@example.com>',
    'Call-ID: a',
    'CSeq: 1 REGISTER',
    ...(header === '' ? [] : [header]),
    'Content-Length: 0',
  ]
  return parse(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), snapshot.limits.message) as SipRequest
}
const judge = (header?: string): Verdict => gate.judge(register(header), zone, flow, running) as Verdict
const shown = (algorithm: DigestAlgorithm, nc: number): string => {
  const refused = judge()
  if (refused.kind !== 'answer') throw new Error('not asked')
  const challenge = refused.headers.find(({ value }) => value.includes(`algorithm=${algorithm}`))!.value
  return authorization(challenge, 'REGISTER', 'sip:example.com', { user: 'alice', password: 'correct horse' }, { nc })
}

/** The response was right, whatever became of the nonce. */
const fits = (verdict: Verdict): boolean => verdict.kind === 'proven' || verdict.headers.some(({ value }) => value.includes('stale=true'))

test('credentials with one character changed, left out or put in prove nothing, but where it is another spelling of the same', () => {
  // MD5 need not be said, and nobody reads the opaque
  const wholes = [shown('MD5', 1).replace(', algorithm=MD5', ''), shown('SHA-256', 1)]
  const meant = (text: string) => text.replace(/[", \\]/g, '')
  for (const whole of wholes) {
    const nonce = /nonce="[^"]+"/.exec(whole)![0]
    let spelled = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 'Authorization: Digest '.length, max: whole.indexOf(', opaque') - 1 }),
        fc.constantFrom('', 'x', '"', '\\', ',', '=', 'ä', '0'),
        fc.boolean(),
        (at, put, keep) => {
          const changed = whole.slice(0, at) + put + whole.slice(keep ? at : at + 1)
          // Another nonce is stale, whatever the rest is
          if (!changed.includes(nonce) || !fits(judge(changed))) return
          spelled++
          expect(meant(changed)).toBe(meant(whole))
        },
      ),
      { numRuns: 1500 },
    )
    expect(spelled).toBeGreaterThan(0)
    expect(fits(judge(whole))).toBe(true)
  }
})

test('the same credentials are good once, and the next count is', () => {
  const [first, second] = [shown('SHA-256', 1), shown('MD5', 1)]
  for (const one of [first, second]) {
    expect(judge(one).kind).toBe('proven')
    expect(judge(one)).toMatchObject({ kind: 'answer', status: 401 })
  }
})

test('whatever stands in the header, the answer is one of few', () => {
  const piece = fc.constantFrom(
    'Digest ',
    'Bearer ',
    'username="alice"',
    'realm="example.com"',
    ', ',
    '=',
    '"',
    '\\',
    'nonce="x"',
    'uri="sip:example.com"',
    'response="0"',
    'qop=auth',
    'nc=1',
    'cnonce=1',
    'ÿ',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      expect(judge(`Authorization: ${pieces.join('')}`)).toMatchObject({
        kind: 'answer',
        status: expect.toSatisfy((status) => [400, 401, 403].includes(status)),
      })
    }),
    { numRuns: 1000 },
  )
})

test('a hundred headers are looked at as far as eight', () => {
  const noise = Array.from(
    { length: 100 },
    () => 'Authorization: Digest username="x", realm="elsewhere", nonce="n", uri="u", response="0"',
  ).join('\r\n')
  const own = shown('MD5', 1)
  expect(judge(`${noise}\r\n${own}`)).toMatchObject({ kind: 'answer', status: 401 })
  expect(judge(`${own}\r\n${noise}`).kind).toBe('proven')
})
