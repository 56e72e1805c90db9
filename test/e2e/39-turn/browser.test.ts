import { createHmac } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TurnCredentials } from '../../../src/authentication/turn.ts'
import { startCoturn, writeSecret } from '../../support/coturn.ts'
import type { Place } from '../../support/crossing.ts'
import { freePort } from '../../support/places.ts'
import type { Program } from '../../support/processes.ts'
import { type Ground, NAME, usualZones } from '../11-media-calls/ground.ts'
import { hearEachOther } from '../11-media-calls/talk.ts'
import { calling, type Stage, setStage } from '../38-browsers/place.ts'

const JWT_SECRET = 'a secret that the web application shares with the edge'
let stage: Stage
let coturn: Program
let turn: Place

beforeAll(async () => {
  const port = await freePort('127.0.0.1')
  let secretFile = ''
  stage = await setStage(9, (ground: Ground) => {
    secretFile = writeSecret(ground.folder, 'a secret that coturn shares with the edge')
    writeFileSync(join(ground.folder, 'jwt'), JWT_SECRET)
    turn = { address: ground.wan(5), port }
    return `${usualZones(ground)}
authentication: { tokens: { secret-file: "${join(ground.folder, 'jwt')}", audience: ${NAME} } }
turn: { servers: "turn:${turn.address}:${turn.port}?transport=tcp", secret-file: "${secretFile}", lifetime: 10m }
`
  })
  const folder = join(stage.folder, 'coturn')
  mkdirSync(folder)
  coturn = await startCoturn({ folder, secretFile, at: turn, peers: [stage.wan(2)] })
})

afterAll(async () => {
  await coturn?.stop()
  await stage?.stop()
})

const token = (): string => {
  const claims = { sub: 'browser', aud: NAME, exp: Math.floor(Date.now() / 1000) + 60 }
  const parts = [{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${parts}.${createHmac('sha256', JWT_SECRET).update(parts).digest('base64url')}`
}

it('RFC 8656: a page asks for credentials across origins, and calls through the relay alone, over TCP', async () => {
  const pbx = await stage.pbx()
  const asking = await stage.open('JsSIP', { register: false })
  const script = `fetch('https://${NAME}:${stage.ports.wss}/turn', { headers: { Authorization: 'Bearer ${token()}' } }).then((answer) => answer.json())`
  const server = await asking.phone.page.evaluate<TurnCredentials>(script)
  expect(server.urls).toEqual([`turn:${turn.address}:${turn.port}?transport=tcp`])

  const page = await stage.open('JsSIP', { configuration: { iceServers: [server], iceTransportPolicy: 'relay' } })
  const side = await calling(stage, page, pbx)
  await Promise.all([side.call.answer(), page.phone.event('confirmed')])
  await hearEachOther(page, side)
  const pair = `window.phone.connection().getStats().then((stats) => {
    const all = [...stats.values()]
    const transport = all.find(({ type }) => type === 'transport')
    const local = stats.get(stats.get(transport.selectedCandidatePairId).localCandidateId)
    return { type: local.candidateType, relay: local.relayProtocol, address: local.address ?? local.ip }
  })`
  expect(await page.phone.page.evaluate(pair)).toEqual({ type: 'relay', relay: 'tcp', address: turn.address })
  await page.phone.do('hangUp')
  await side.call.ended()
  await stage.cleared()
})
