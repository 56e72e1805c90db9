import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TurnCredentials, turnCredentials } from '../../../src/authentication/turn.ts'
import { createAuthority } from '../../support/authority.ts'
import { startCoturn, startEcho, useRelay, writeSecret } from '../../support/coturn.ts'
import type { Place } from '../../support/crossing.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import type { Program } from '../../support/processes.ts'

const project = join(import.meta.dirname, '..', '..', '..')
const [EDGE, COTURN, MEDIA, ELSEWHERE] = ['127.0.39.1', '127.0.39.2', '127.0.39.3', '127.0.39.4'] as const
const NAME = 'sbc.edge.test'
const ORIGIN = 'https://app.edge.test'
const PASSWORD = 'correct horse battery staple'
const JWT_SECRET = 'a secret that the web application shares with the edge'
const TURN_SECRET = 'a secret that coturn shares with the edge'

const folder = temporaryFolder('turn')
const programs: Program[] = []
let edge: Edge
let wss: Place
let coturn: Place
let media: Place
let elsewhere: Place
let root: string

beforeAll(async () => {
  const ca = createAuthority(folder.path)
  root = ca.file
  const { chainFile, keyFile } = ca.issue('edge', [NAME])
  const secretFile = writeSecret(folder.path, `${TURN_SECRET}\n`)
  const jwtFile = join(folder.path, 'jwt-secret')
  writeFileSync(jwtFile, JWT_SECRET)
  const place = async (address: string): Promise<Place> => ({ address, port: await freePort(address) })
  wss = await place(EDGE)
  coturn = await place(COTURN)
  media = await place(MEDIA)
  elsewhere = await place(ELSEWHERE)
  const adminPort = await freePort('127.0.0.1')
  edge = await startEdge({
    folder: folder.path,
    adminPort,
    config: `name: ${NAME}
listeners: { web: { wss: "${EDGE}:${wss.port}" } }
zones: { browsers: { kind: webrtc, on: web, origins: ["${ORIGIN}"] } }
routes: []
registrar: {}
authentication: { realm: ${NAME}, tokens: { secret-file: "${jwtFile}", audience: ${NAME} } }
turn: { servers: ["turn:${COTURN}:${coturn.port}?transport=udp"], secret-file: "${secretFile}", lifetime: 10m }
media: off
certificates: { main: { chain: "${chainFile}", key: "${keyFile}" } }
admin: { listen: "127.0.0.1:${adminPort}", plain: true }
`,
  })
  const main = [join(project, 'src', 'main.ts'), 'user', 'add', 'alice', '--config', edge.configFile, '--data', edge.dataFolder]
  execFileSync(join(project, 'node_modules', '.bin', 'node'), main, { cwd: project, input: `${PASSWORD}\n`, stdio: 'pipe' })
  programs.push(await startCoturn({ folder: folder.path, secretFile, at: coturn, peers: [MEDIA] }))
  programs.push(await startEcho(media), await startEcho(elsewhere))
})

afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()))
  await edge?.stop()
  folder.remove()
})

/** The answer to `GET /turn` as curl sees it: an independent judge of TLS, HTTP and digest. */
const curl = (more: readonly string[] = [], origin = ORIGIN): { readonly status: number; readonly head: string; readonly body: string } => {
  const where = ['--cacert', root, '--resolve', `${NAME}:${wss.port}:${EDGE}`, '-H', `Origin: ${origin}`]
  const text = execFileSync('curl', ['-sS', '-i', ...where, ...more, `https://${NAME}:${wss.port}/turn`], { encoding: 'utf8' })
  const last = text.lastIndexOf('HTTP/1.1 ')
  const [head = '', body = ''] = text.slice(last).split('\r\n\r\n')
  return { status: Number(head.slice(9, 12)), head, body }
}

const bearer = (claims: object): readonly string[] => {
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return ['-H', `Authorization: Bearer ${parts}.${createHmac('sha256', JWT_SECRET).update(parts).digest('base64url')}`]
}

const given = (body: string): TurnCredentials => JSON.parse(body) as TurnCredentials
const seconds = (): number => Math.floor(Date.now() / 1000)

describe('who gets credentials', () => {
  it('RFC 7616: the password of a user of the registrar', async () => {
    const { status, head, body } = curl(['--digest', '-u', `alice:${PASSWORD}`])
    expect(status).toBe(200)
    expect(head).toMatch(/^Cache-Control: no-store\r?$/im)
    expect(head).toMatch(new RegExp(`^Access-Control-Allow-Origin: ${ORIGIN}\\r?$`, 'im'))
    const { urls, username, ttl } = given(body)
    expect([urls, ttl]).toEqual([[`turn:${COTURN}:${coturn.port}?transport=udp`], 600])
    expect(username).toMatch(/^\d{10}:alice$/)
    expect(await useRelay(coturn, given(body), media)).toContain('Total lost packets 0')
  })

  it('RFC 6750: a token of the web application', async () => {
    const { status, body } = curl(bearer({ sub: 'bob', aud: NAME, exp: seconds() + 60 }))
    expect([status, given(body).username?.split(':')[1]]).toEqual([200, 'bob'])
    expect(await useRelay(coturn, given(body), media)).toContain('Total lost packets 0')
  })

  it('nobody else: no password, a wrong one, a token that has expired, a page from elsewhere', () => {
    const nothing = curl()
    expect(nothing.status).toBe(401)
    expect(nothing.head).toMatch(/^WWW-Authenticate: Digest .*SHA-256/im)
    expect(nothing.head).toMatch(/^WWW-Authenticate: Bearer/im)
    expect(curl(['--digest', '-u', 'alice:wrong']).status).toBe(401)
    expect(curl(bearer({ sub: 'bob', aud: NAME, exp: seconds() - 60 })).status).toBe(401)
    expect(curl(['--digest', '-u', `alice:${PASSWORD}`], 'https://evil.example').status).toBe(403)
  })

  it('an operator of the web admin, for the test phone', async () => {
    const made = await edge.api<TurnCredentials>('/api/turn')
    expect(made.username).toMatch(/^\d{10}:local$/)
    expect(await useRelay(coturn, made, media)).toContain('Total lost packets 0')
  })
})

describe('what coturn makes of them', () => {
  const secret = Buffer.from(TURN_SECRET)

  it('it refuses those that have ended, those of another name, and those of another secret', async () => {
    const good = turnCredentials([], secret, 'alice', 60, Date.now())
    const bad = [
      turnCredentials([], secret, 'alice', -60, Date.now()),
      { ...good, username: good.username.replace('alice', 'bob') },
      turnCredentials([], Buffer.from('another secret'), 'alice', 60, Date.now()),
    ]
    for (const one of bad) expect(await useRelay(coturn, one, media)).toContain('Cannot complete Allocation')
  })

  it('it leads to the media of rtpengine and nowhere else', async () => {
    const good = turnCredentials([], secret, 'alice', 60, Date.now())
    expect(await useRelay(coturn, good, elsewhere)).toContain('403 (Forbidden IP)')
  })
})

it('no secret is in the log, and none on a command line', () => {
  const text = [...edge.program().lines, ...programs.flatMap(({ lines }) => lines)].join('\n')
  for (const secret of [TURN_SECRET, JWT_SECRET, PASSWORD]) expect(text).not.toContain(secret)
  expect(execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' })).not.toContain(TURN_SECRET)
})
