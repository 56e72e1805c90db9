import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttp, type Server } from 'node:http'
import { createServer, type Server as PlainServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Edge, metricReaches } from '../../support/edge.ts'
import { freePort } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { acme, type CaGround, configuration, dial, issued, layCaGround, post, shownSerial, start, viewOf, viewWhen } from './place.ts'

let place: CaGround
let edge: Edge
let hook: Server
let alarms: { readonly body: string; readonly signature: string }[]
/** Takes connections and says nothing: a CA that looks there waits. */
let silent: PlainServer

const certificates = () => `  main: { acme: ${acme(place, 'tls-alpn-01')}, key: rsa2048 }
  second: { acme: ${acme(place, 'http-01')}, names: [second.edge.test], key: ecdsa256 }
`
const SECRET = 'between the edge and its operators'

beforeAll(async () => {
  place = await layCaGround(81, ['sbc.edge.test', 'second.edge.test'])
  alarms = []
  hook = createHttp((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      alarms.push({ body, signature: String(request.headers['x-edgeways-signature']) })
      response.writeHead(204).end()
    })
  })
  const hookPort = await freePort('127.0.0.1')
  hook.listen(hookPort, '127.0.0.1')
  silent = createServer(() => {})
  silent.listen(place.pebble.tlsPort, '127.0.81.99')
  await Promise.all([once(hook, 'listening'), once(silent, 'listening')])
  const secretFile = join(place.ground.folder, 'secret')
  writeFileSync(secretFile, `${SECRET}\n`)
  const config = configuration(place, certificates(), `alarms: { webhook: 'http://127.0.0.1:${hookPort}/', secret-file: ${secretFile} }`)
  const withSecond = config.replace('certificate: main }\n  web:', 'certificate: [ main, second ] }\n  web:')
  edge = await start(place.ground, withSecond)
})

afterAll(async () => {
  await edge?.stop()
  hook?.close()
  silent?.close()
  await place?.stop()
})

it('the first order of each certificate is made at the start: by TLS-ALPN-01 on a listener of the edge, and by HTTP-01', async () => {
  const main = await issued(edge, 'main')
  const second = await issued(edge, 'second')
  expect(main).toMatchObject({ hosts: ['sbc.edge.test'], keyType: 'RSA 2048', order: { running: false } })
  const steps = [main, second].map(({ order }) => order!.steps.map(({ at }) => at))
  for (const some of steps)
    expect(some).toEqual(expect.arrayContaining(['start', 'order', 'challenge', 'validation', 'finalize', 'download', 'check', 'done']))
  // Both have one account, which the first of them has registered
  expect(steps.flat().filter((at) => at === 'account')).toHaveLength(1)
  expect(main.order?.steps.map(({ text }) => text).join('\n')).toContain('The TLS listeners answer for sbc.edge.test')
  expect(second).toMatchObject({ hosts: ['second.edge.test'], keyType: 'ECDSA P-256' })
  const root = await place.pebble.root()
  // New handshakes verify, by the name asked for; no restart, no reload
  expect(await shownSerial(place.ground, root, 'sbc.edge.test')).toBe(main.serial)
  expect(await shownSerial(place.ground, root, 'second.edge.test')).toBe(second.serial)
  expect(await edge.metric('edgeways_reloads_total')).toBe(0)
})

it('the edge did not wait for the CA', () => {
  const said = edge.log().map(({ msg }) => msg)
  expect(said.indexOf('Edgeways is ready')).toBeGreaterThan(-1)
  expect(said.indexOf('Edgeways is ready')).toBeLessThan(said.indexOf('Certificate in force'))
})

it('metrics count orders and days', async () => {
  await metricReaches(edge, 'edgeways_certificate_order_total', { name: 'main', result: 'ok' }, 1)
  await metricReaches(edge, 'edgeways_certificate_days_left', { name: 'second' }, 1)
  expect(await edge.metric('edgeways_drops_total', { reason: 'handshake' })).toBe(0)
})

it('a restart shows the same certificates, and orders none', async () => {
  const before = [(await viewOf(edge, 'main')).serial, (await viewOf(edge, 'second')).serial]
  expect(await edge.stop()).toBe(0)
  await edge.restart()
  const root = await place.pebble.root()
  expect([await shownSerial(place.ground, root, 'sbc.edge.test'), await shownSerial(place.ground, root, 'second.edge.test')]).toEqual(
    before,
  )
  expect((await viewOf(edge, 'main')).next.what).toBe('renew')
  expect(await edge.metric('edgeways_certificate_order_total')).toBe(0)
})

it('killed in mid-order, it knows at the next start, serves the old one, and tries again', async () => {
  const before = await viewOf(edge, 'main')
  await place.lead('sbc.edge.test', '127.0.81.99')
  const asked = once(silent, 'connection')
  expect((await post(place.ground, '/api/certificates/main/renew')).status).toBe(202)
  await asked
  await edge.kill9()
  await edge.restart()
  expect(await viewOf(edge, 'main')).toMatchObject({
    serial: before.serial,
    next: { what: 'retry', text: 'The last order was cut off by a restart; it is tried again' },
    order: { running: false, steps: expect.arrayContaining([expect.objectContaining({ at: 'start' })]) },
  })
  expect(await shownSerial(place.ground, await place.pebble.root(), 'sbc.edge.test')).toBe(before.serial)
  await place.lead('sbc.edge.test', place.ground.outside)
  await post(place.ground, '/api/certificates/main/renew')
  const renewed = await issued(edge, 'main', before.serial)
  expect(renewed.history[0]?.serial).toBe(before.serial)
})

it('a CA that is away: the old one serves, people are told with the reason, signed; when it is back all is well', async () => {
  const before = await viewOf(edge, 'main')
  const oldRoot = await place.pebble.root()
  await place.pebble.kill()
  await post(place.ground, '/api/certificates/main/renew')
  const failed = await viewWhen(edge, 'main', ({ order }) => order?.steps.at(-1)?.at === 'failed', 'failure')
  expect(failed.serial).toBe(before.serial)
  expect(failed.problems[0]?.text).toContain('refuses connections')
  expect(await shownSerial(place.ground, oldRoot, 'sbc.edge.test')).toBe(before.serial)
  const alarm = await until(() => alarms[0], 'alarm')
  expect(JSON.parse(alarm.body)).toMatchObject({
    edge: 'sbc.edge.test',
    kind: 'renewal-failed',
    certificate: 'main',
    text: expect.stringMatching(/^Certificate main was not renewed: .*refuses connections/),
  })
  const [, seconds] = /^t=(\d+),v1=/.exec(alarm.signature)!
  expect(alarm.signature).toBe(`t=${seconds},v1=${createHmac('sha256', SECRET).update(`${seconds}.${alarm.body}`).digest('hex')}`)
  // It forgets all accounts, and has another root
  await place.pebble.startAgain()
  await post(place.ground, '/api/certificates/main/renew')
  const renewed = await issued(edge, 'main', before.serial)
  expect(await shownSerial(place.ground, await place.pebble.root(), 'sbc.edge.test')).toBe(renewed.serial)
  const recovered = await until(() => alarms[1], 'second alarm')
  expect(JSON.parse(recovered.body)).toMatchObject({ kind: 'recovered', certificate: 'main' })
  await metricReaches(edge, 'edgeways_certificate_order_total', { name: 'main', result: 'failed' }, 1)
})

it('who only operates this machine renews, but neither restores nor brings certificates', async () => {
  const { history } = await viewOf(edge, 'main')
  expect((await post(place.ground, '/api/certificates/main/restore', { id: history[0]!.id })).status).toBe(403)
  expect((await post(place.ground, '/api/certificates/main/upload', { chain: 'x' })).status).toBe(403)
})

it('clients that were connected all the while were never cut off', async () => {
  const root = await place.pebble.root()
  const socket = await dial(place.ground, root, 'sbc.edge.test')
  const { serial } = await viewOf(edge, 'main')
  await post(place.ground, '/api/certificates/main/renew')
  await issued(edge, 'main', serial)
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})
