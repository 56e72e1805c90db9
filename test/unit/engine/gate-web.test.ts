import { createHash } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { Listener } from '../../../src/address/listener.ts'
import type { TokenVerdict } from '../../../src/authentication/types.ts'
import type { Running } from '../../../src/engine/edge.ts'
import { Gate, type WebVerdict } from '../../../src/engine/gate.ts'
import { Refusals } from '../../../src/engine/refusals.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { SILENT_METRICS } from '../../../src/observability/metrics.ts'
import type { Subscriber } from '../../../src/registrar/types.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const listener = new Listener({
  ...{ name: 'web/wss', group: 'web', transport: 'wss', bindAddress: '10.0.0.5', bindPort: 443 },
  ...{ advertisedHost: 'sbc.example.com', advertisedPort: 443, names: [] },
})
const ALICE: Subscriber = { user: 'alice', aliases: [], displayName: '', enabled: true }
const settings = {
  realm: 'example.com',
  algorithms: ['SHA-256', 'MD5'],
  nonceMs: 300_000,
  failures: 3,
  failureMs: 60_000,
}
const running = {
  snapshot: { name: 'sbc.example.com', registrar: { domains: ['example.com'] }, authentication: settings },
  myself: { owns: () => false },
} as unknown as Running

let now: number
let gate: Gate
let counted: string[]
let token: TokenVerdict
let alice: Subscriber
beforeEach(() => {
  now = 1000
  counted = []
  token = { kind: 'bad', why: 'The token has expired' }
  alice = ALICE
  const clock = { now: () => now, wall: () => now }
  let ids = 0
  gate = new Gate({
    clock,
    ids: { token: (length: number) => `${++ids}`.padEnd(length, 'x') } as never,
    log: SILENT_LOG,
    metrics: { ...SILENT_METRICS, authentication: (result) => void counted.push(result) },
    refusals: new Refusals(clock),
    key: Buffer.alloc(32, 7),
    subscribers: {
      find: (user) => (user === 'alice' ? alice : undefined),
      ha1: (user, algorithm) => (user === 'alice' && algorithm === 'SHA-256' ? sha256('alice:example.com:secret') : undefined),
    },
    proofs: () => ({ timedSecrets: [], tokens: { server: undefined, remembers: () => false, judge: async () => token } }),
  })
})

const ask = async (authorization?: string, target = '/turn', remoteAddress = '203.0.113.9'): Promise<WebVerdict> =>
  gate.judgeWeb({ method: 'GET', target, listener, remoteAddress, authorization }, running)

const headersOf = (verdict: WebVerdict): readonly string[] =>
  verdict.kind === 'answer' ? verdict.headers.map(({ name, value }) => `${name}: ${value}`) : []

/** RFC 7616 §3.4.1, written down here a second time. */
const digest = async (password = 'secret', uri = '/turn', method = 'GET', nc = '00000001'): Promise<string> => {
  const challenge = headersOf(await ask()).find((header) => header.includes('SHA-256'))!
  const nonce = /nonce="([^"]+)"/.exec(challenge)![1]!
  const response = sha256(`${sha256(`alice:example.com:${password}`)}:${nonce}:${nc}:c:auth:${sha256(`${method}:${uri}`)}`)
  return `Digest username="alice", realm="example.com", nonce="${nonce}", uri="${uri}", algorithm=SHA-256, qop=auth, nc=${nc}, cnonce="c", response="${response}"`
}

test('RFC 7616 §3.3: a request without credentials is challenged as by an origin server', async () => {
  const verdict = await ask()
  expect(verdict).toMatchObject({ kind: 'answer', status: 401 })
  expect(headersOf(verdict)).toEqual([
    'www-authenticate: Bearer realm="example.com"',
    expect.stringMatching(/^www-authenticate: Digest realm="example.com", .*algorithm=SHA-256$/),
    expect.stringMatching(/^www-authenticate: Digest realm="example.com", .*algorithm=MD5$/),
  ])
})

test('RFC 7616 §3.4.1: the password of a subscriber does, once for each count', async () => {
  const authorization = await digest()
  expect(await ask(authorization)).toEqual({
    kind: 'proven',
    proven: { user: 'alice', subscriber: ALICE, by: 'password', until: undefined },
  })
  expect(counted.at(-1)).toBe('password')
  const again = await ask(authorization)
  expect(again).toMatchObject({ kind: 'answer', status: 401 })
  expect(headersOf(again).at(-1)).toContain('stale=true')
})

test('RFC 7616 §3.4.6: credentials are good for this method and path alone', async () => {
  expect(await ask(await digest('secret', '/other'))).toMatchObject({ kind: 'answer', status: 400 })
  expect(await ask(await digest('secret', '/turn', 'REGISTER'))).toMatchObject({ kind: 'answer', status: 401 })
  expect(await ask('Digest nonsense')).toMatchObject({ kind: 'answer', status: 400 })
  expect(await ask('Basic YWxpY2U6c2VjcmV0')).toMatchObject({ kind: 'answer', status: 401 })
})

test('a token does; one that does not is told so (RFC 6750 §3)', async () => {
  expect(headersOf(await ask('Bearer abc'))[0]).toBe('www-authenticate: Bearer realm="example.com", error="invalid_token"')
  token = { kind: 'good', user: 'alice', domain: 'example.com', until: 99_000 }
  expect(await ask('Bearer abc')).toMatchObject({ kind: 'proven', proven: { user: 'alice', by: 'token', until: 99_000 } })
  token = { kind: 'unsure', why: 'no keys' }
  expect(await ask('Bearer abc')).toMatchObject({ kind: 'answer', status: 503 })
})

test('wrong passwords count as they do for SIP: after some the source is refused without a look', async () => {
  const right = await digest()
  for (let attempt = 0; attempt < 3; attempt++) expect(await ask(await digest('wrong'))).toMatchObject({ status: 401 })
  expect(await ask(right)).toMatchObject({ kind: 'answer', status: 403 })
  expect(headersOf(await ask(right))).toEqual(['retry-after: 60'])
  now += 60_001
  expect(await ask(await digest())).toMatchObject({ kind: 'proven' })
})

test('a user who is disabled gets nothing', async () => {
  alice = { ...ALICE, enabled: false }
  expect(await ask(await digest())).toMatchObject({ kind: 'answer', status: 403 })
})
