import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { turnCredentials } from '../../src/authentication/turn.ts'
import type { Snapshot, TurnSettings } from '../../src/config/snapshot.ts'
import { SILENT_LOG } from '../../src/observability/log.ts'
import { line } from '../../src/sip/message.ts'
import { createTurnService, type TurnServiceDeps } from '../../src/turn-service.ts'

const NOW = 1_893_452_400_000
const SERVERS = ['turn:turn.example.com:3478?transport=udp', 'turns:turn.example.com:5349']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-turn-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const service = (judge: TurnServiceDeps['judge'], turn: Partial<TurnSettings> | false = {}) => {
  const errors: unknown[] = []
  const settings = { servers: SERVERS, secretFile: join(folder, 'secret'), lifetimeSeconds: 3600, ...turn }
  const made = createTurnService({
    clock: { now: () => 0, wall: () => NOW },
    log: { ...SILENT_LOG, error: (fields) => void errors.push(fields) },
    running: () => ({ turn: turn === false ? undefined : settings }) as Snapshot,
    judge,
  })
  return { ...made, errors }
}

const alice: TurnServiceDeps['judge'] = () => ({
  kind: 'proven',
  proven: { user: 'alice', subscriber: undefined, by: 'token', until: undefined },
})
const REQUEST = {} as Parameters<TurnServiceDeps['judge']>[0]

test('the REST scheme of coturn: seconds and name, and the HMAC-SHA-1 of that', () => {
  // printf '1893456000:alice' | openssl dgst -sha1 -hmac 'north star' -binary | base64
  expect(turnCredentials(SERVERS, Buffer.from('north star'), 'alice', 3600, NOW)).toEqual({
    urls: SERVERS,
    username: '1893456000:alice',
    credential: '7jY1IF6k5/sXeErI+9MjBVeeHQM=',
    ttl: 3600,
  })
})

test('whoever has shown who he is gets what RTCPeerConnection wants', async () => {
  writeFileSync(join(folder, 'secret'), 'north star\n')
  const { web } = service(alice)
  const { status, headers, body } = await web.answer(REQUEST)
  expect([status, headers['Content-Type']]).toEqual([200, 'application/json'])
  expect(JSON.parse(body)).toEqual(turnCredentials(SERVERS, Buffer.from('north star'), 'alice', 3600, NOW))
})

test.each([
  ['ends with the token that they were made for', 600, 600],
  ['lasts as configured for one that goes on', 7200, 3600],
  ['lasts a minute at least, for clocks that differ', 5, 60],
])('what it gives %s', async (_, left, ttl) => {
  writeFileSync(join(folder, 'secret'), 'north star')
  const { web } = service(() => ({
    kind: 'proven',
    proven: { user: 'alice', subscriber: undefined, by: 'token', until: NOW + left * 1000 },
  }))
  expect(JSON.parse((await web.answer(REQUEST)).body)).toMatchObject({ ttl, username: `${NOW / 1000 + ttl}:alice` })
})

test('another secret in the file counts at once', async () => {
  writeFileSync(join(folder, 'secret'), 'north star')
  const { credentials } = service(alice)
  const before = await credentials('alice')
  writeFileSync(join(folder, 'secret'), 'south wind')
  expect((await credentials('alice'))?.credential).not.toBe(before?.credential)
})

test('everybody else gets the challenges of the gate, each as a header of its own', async () => {
  const headers = [line('WWW-Authenticate', 'Digest realm="a"'), line('WWW-Authenticate', 'Bearer realm="a"')]
  const { web } = service(() => ({ kind: 'answer', status: 401, reason: 'Unauthorized', headers }))
  const { status, headers: got, body } = await web.answer(REQUEST)
  expect(status).toBe(401)
  expect(got['www-authenticate']).toEqual(['Digest realm="a"', 'Bearer realm="a"'])
  expect(JSON.parse(body)).toEqual({ message: 'Unauthorized' })
})

test.each([
  ['is not there', undefined, 'cannot be read'],
  ['is empty', ' \n', 'is empty'],
])('a secret that %s is told to the operator, and to nobody else', async (_, text, words) => {
  if (text !== undefined) writeFileSync(join(folder, 'secret'), text)
  const { web, errors, credentials } = service(alice)
  const { status, body } = await web.answer(REQUEST)
  expect([status, JSON.parse(body)]).toEqual([503, { message: 'There are no TURN credentials now' }])
  expect(errors).toEqual([{ err: expect.objectContaining({ code: 'SBC_TURN_SECRET', message: expect.stringContaining(words) }) }])
  await expect(credentials('alice')).rejects.toMatchObject({ code: 'SBC_TURN_SECRET' })
})

test('without servers there is no such path', async () => {
  const { web, credentials } = service(alice, false)
  expect(web.methods('/turn')).toEqual([])
  expect(await credentials('alice')).toBeUndefined()
  expect(service(alice).web.methods('/turn')).toEqual(['GET'])
  expect(service(alice).web.methods('/turn/')).toEqual([])
})
