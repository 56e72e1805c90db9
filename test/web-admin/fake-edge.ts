/** A server with the API of the edge and nothing behind it: the pages are tested against what it says. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { formSchema } from '../../src/config/document.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { CertificateView, Role, Subscriber } from '../../web-admin/src/api/types.ts'
import { answerSip } from './fake-sip.ts'
import { answerTeams } from './fake-teams.ts'
import { ordinaryDay, type World } from './world.ts'
import { runningOrder } from './world-certificates.ts'
import { iso } from './world-times.ts'

export const PASSWORD = 'correct horse battery staple'
export const SETUP_TOKEN = 'k7Qm-one_time_token'

/** As the edge has it: nothing inline, nothing from elsewhere. */
export const POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' wss:"
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

export interface Answer {
  readonly status?: number
  readonly body?: unknown
  readonly text?: string
  readonly type?: string
  readonly cookie?: string
}

const refusal = (status: number, code: string, message: string): Answer => ({ status, body: { code, message } })

export interface FakeEdge {
  readonly origin: string
  world: World
  /** Nobody has an account. */
  setup: boolean
  /** Changes that were asked for. */
  readonly asked: Asked[]
  /** Paths that were read. */
  readonly reads: string[]
  /** The next answers of a path: `GET /state`. */
  readonly fails: Map<string, Answer>
  publish(topic: string, data: unknown): void
  /** Cuts all streams of events, and refuses new ones until `resume`. */
  interrupt(): void
  resume(): void
  /** How many streams are open, and for which topics. */
  streams(): readonly string[]
  /** For a cookie: somebody who is signed in. */
  session(user: string, role: Role): { readonly name: string; readonly value: string; readonly url: string }
  /** As if the session was over. */
  signOutAll(): void
  close(): Promise<void>
}

interface Signed {
  readonly user: string
  readonly role: Role
  readonly csrf: string
}

const ROLES = ['viewer', 'operator', 'admin']

export const startFakeEdge = async (pages: string, first: World = ordinaryDay()): Promise<FakeEdge> => {
  const sessions = new Map<string, Signed>()
  const streams = new Map<ServerResponse, string>()
  const asked: Asked[] = []
  const reads: string[] = []
  const fails = new Map<string, Answer>()
  let interrupted = false
  let version = 1
  let number = 0

  const signedIn = (request: IncomingMessage): Signed | undefined =>
    sessions.get(/\bfake=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '')

  const begin = (user: string, role: Role): string => {
    const id = randomBytes(8).toString('hex')
    sessions.set(id, { user, role, csrf: randomBytes(8).toString('hex') })
    return id
  }
  const view = ({ user, role, csrf }: Signed): object => ({
    user,
    role,
    csrf,
    by: 'session',
    totp: user === 'anna',
    expiresAt: iso(11 * 3_600_000),
  })

  const check = (text: string): { ok: boolean; problems: readonly unknown[]; changes: readonly string[] } => {
    const result = loadConfig(text, { file: '/etc/edgeways/edgeways.yaml', dataDir: '/nowhere' })
    const problems = result.ok ? result.warnings : result.problems
    const same = text.trim() === edge.world.config.trim()
    return { ok: result.ok, problems, changes: same || !result.ok ? [] : ['zone changed: pbx', 'log level changed: info to debug'] }
  }

  const answer = (method: string, path: string, query: URLSearchParams, body: Readonly<Record<string, unknown>>, who: Signed): Answer => {
    const { world } = edge
    const [, first = '', second = '', third = ''] = path.split('/').map(decodeURIComponent)
    const needs = (role: Role): void => {
      if (ROLES.indexOf(who.role) < ROLES.indexOf(role))
        throw refusal(403, 'forbidden', `This needs the role ${role}, and you are ${who.role}`)
    }
    switch (`${method} /${first}`) {
      case 'GET /session':
        return { body: view(who) }
      case 'POST /logout':
        sessions.clear()
        return { status: 204 }
      case 'PUT /password':
        return body.current === PASSWORD ? { body: view(who) } : refusal(403, 'wrong-password', 'The password is wrong')
      case 'POST /totp':
        if (second === '')
          return {
            body: {
              secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
              uri: 'otpauth://totp/Edgeways:ben?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Edgeways',
            },
          }
        return body.code === '123456'
          ? { status: 204 }
          : refusal(422, 'wrong-totp', 'The code is wrong, or has been used; take the next one')
      case 'GET /state':
        return { body: world.state }
      case 'GET /health':
        return { status: world.health.status === 'ok' ? 200 : 503, body: world.health }
      case 'GET /certificates':
        return second === '' ? { body: { certificates: world.certificates } } : { text: world.chain, type: 'application/x-pem-file' }
      case 'POST /certificates':
        return certificates(second, third, body, needs)
      case 'GET /development-ca.pem':
        return { text: world.chain, type: 'application/x-pem-file' }
      case 'GET /calls': {
        if (second === '') return { body: { calls: world.calls, total: world.calls.length } }
        if (second === 'past') return { body: { calls: world.past } }
        const detail = world.details.get(second)
        if (detail === undefined) return refusal(404, 'unknown-call', `There is no call ${second}`)
        if (third === '') return { body: detail }
        needs('operator')
        if (third === 'ladder.pcap') return { text: 'pcap', type: 'application/vnd.tcpdump.pcap' }
        if (third === 'ladder.txt') return { text: 'ladder' }
        const masked = JSON.parse(JSON.stringify(world.ladder).replaceAll(/anna/gi, '***')) as typeof world.ladder
        const whole = query.get('redact') === 'true' ? masked : world.ladder
        return { body: detail.ladder ? whole : { ...whole, messages: [], parties: [] } }
      }
      case 'GET /registrations': {
        const skip = Number(query.get('skip') ?? 0)
        const found = world.registrations.filter((one) =>
          JSON.stringify(one)
            .toLowerCase()
            .includes(query.get('search')?.toLowerCase() ?? ''),
        )
        const shown = found.slice(skip, skip + Number(query.get('limit')))
        return { body: { all: world.registrations.length, total: found.length, registrations: shown } }
      }
      case 'DELETE /registrations': {
        needs('operator')
        const ended = world.registrations.find(({ id }) => id === second)
        world.registrations = world.registrations.filter((one) => one !== ended)
        return { body: ended }
      }
      case 'GET /subscribers': {
        const found = world.subscribers.filter((one) =>
          JSON.stringify(one)
            .toLowerCase()
            .includes(query.get('search')?.toLowerCase() ?? ''),
        )
        const from = found.findIndex(({ user }) => user === query.get('after')) + 1
        const shown = found.slice(from, from + Number(query.get('limit')))
        const next = from + shown.length < found.length ? { next: shown.at(-1)?.user } : {}
        return { body: { realm: 'example.com', subscribers: shown, total: found.length, ...next } }
      }
      case 'POST /subscribers':
      case 'PATCH /subscribers':
      case 'PUT /subscribers':
      case 'DELETE /subscribers':
        needs('operator')
        return subscribers(method, second, body)
      case 'GET /phone':
        needs('operator')
        return { body: world.phone }
      case 'POST /phone': {
        needs('operator')
        const user = String(body.user ?? 'test-phone')
        return {
          body: { uri: `sip:${user}@example.com`, user: `1790000000:${user}`, password: 'x', realm: 'example.com', expires: iso(1e7) },
        }
      }
      case 'GET /turn':
        return { body: { iceServers: [] } }
      case 'GET /security':
        return { body: world.security }
      case 'GET /log':
        needs('operator')
        return { body: { lines: world.log } }
      case 'PUT /log-level':
        needs('operator')
        world.state = { ...world.state, logLevel: body.level as 'info' }
        return { body }
      case 'POST /zones':
      case 'POST /media':
        needs('operator')
        return { body: { drain: body.drain } }
      case 'GET /users':
        needs('admin')
        return { body: { users: world.users } }
      case 'POST /users':
        needs('admin')
        if (String(body.password).length < 12)
          return refusal(422, 'weak-password', 'A password has at least 12 characters, and this one has fewer')
        world.users = [...world.users, { ...world.users[0]!, name: String(body.name), role: body.role as Role, totp: false, sessions: 0 }]
        return { status: 201, body: world.users.at(-1) }
      case 'GET /tokens':
        needs('admin')
        return { body: { tokens: world.tokens } }
      case 'POST /tokens':
        needs('admin')
        return { status: 201, body: { token: 'ew_1f9a7c2e5b', name: body.name, role: body.role, expiresAt: iso(1e10) } }
      case 'GET /teams':
      case 'POST /teams':
        if (method === 'POST') needs('operator')
        return answerTeams(world, method, second, third, path.endsWith('/text'), query, body) ?? refusal(404, 'not-found', 'There is none')
      case 'GET /audit':
        needs('admin')
        return { body: { entries: world.audit } }
      case 'GET /config':
      case 'POST /config':
      case 'PUT /config':
        needs(method === 'GET' || second === 'check' ? 'operator' : 'admin')
        return config(method, second, third, body)
      default:
        return refusal(404, 'not-found', `There is no ${method} /api${path}`)
    }
  }

  const subscribers = (method: string, user: string, body: Readonly<Record<string, unknown>>): Answer => {
    const { world } = edge
    const name = method === 'POST' ? String(body.user) : user
    const known = world.subscribers.find((one) => one.user === name)
    if (method === 'POST' && known !== undefined)
      return refusal(409, 'SBC_SUBSCRIBER_EXISTS', `There is a user "${name}" already; change that one`)
    const others = world.subscribers.filter((one) => one !== known)
    if (method === 'DELETE') {
      world.subscribers = others
      return { body: { user: name } }
    }
    const base: Subscriber = known ?? { ...world.subscribers[0]!, user: name, displayName: '', aliases: [] }
    const { generate, password, ...change } = body
    const next = { ...base, ...change, password: true } as Subscriber
    world.subscribers = [...others, next]
    const made = method === 'PATCH' || password !== undefined ? {} : { password: 'wren-otter-maple-7319' }
    return { status: method === 'POST' ? 201 : 200, body: method === 'PATCH' ? next : { subscriber: next, ...made } }
  }

  const certificates = (name: string, what: string, body: Readonly<Record<string, unknown>>, needs: (role: Role) => void): Answer => {
    needs(what === 'renew' ? 'operator' : 'admin')
    const { world } = edge
    const replace = (view: CertificateView): void => {
      const others = world.certificates.filter((one) => one.name !== view.name)
      world.certificates = [view, ...others]
    }
    if (name === '') {
      const source = body.source as CertificateView['source']
      if (body.name === 'refused')
        return {
          status: 422,
          body: {
            result: 'refused',
            at: iso(0),
            problems: [
              {
                path: 'certificates.refused',
                line: 40,
                column: 3,
                message: 'No listener may have it',
                remedy: 'Choose another name',
                severity: 'error',
              },
            ],
          },
        }
      replace({ ...runningOrder(), name: String(body.name), source })
      return { body: { result: 'applied', at: iso(0), changes: [`certificate added: ${body.name}`], problems: [] } }
    }
    if (what === 'request')
      return { body: { csr: '-----BEGIN CERTIFICATE REQUEST-----\nMIIBzTCCAXMC\n-----END CERTIFICATE REQUEST-----\n' } }
    if (what === 'upload' && String(body.key ?? body.pkcs12).includes('bad'))
      return refusal(422, 'SBC_CERTIFICATE_KEY', 'The key belongs to another certificate than CN=voice.example.org')
    if (what === 'renew') {
      replace({ ...runningOrder(), name })
      edge.publish('certificates', { certificates: world.certificates })
      return { status: 202 }
    }
    return { status: 204 }
  }

  const config = (method: string, what: string, id: string, body: Readonly<Record<string, unknown>>): Answer => {
    const { world } = edge
    const applied = { body: { result: 'applied', at: iso(0), changes: ['zone changed: pbx'], problems: [] } }
    if (method === 'PUT') {
      if (body.version !== `v${version}`) return refusal(409, 'conflict', 'The file has changed on disk meanwhile')
      const result = check(String(body.text))
      if (!result.ok) return { status: 422, body: { result: 'refused', at: iso(0), problems: result.problems } }
      world.versions = [{ id: `new${version}`, at: iso(0), by: 'anna', changes: result.changes }, ...world.versions]
      world.config = String(body.text)
      version++
      edge.publish('config', { version: `v${version}` })
      return applied
    }
    switch (what) {
      case '':
        return { body: { text: world.config, version: `v${version}`, file: '/etc/edgeways/edgeways.yaml' } }
      case 'check':
        return { body: check(String(body.text)) }
      case 'schema':
        return { body: formSchema() }
      case 'effective':
        return { body: { text: `${world.config}limits:\n  headers: 256   # default\n` } }
      case 'history':
        if (id === '') return { body: { versions: world.versions } }
        return method === 'POST' ? applied : { body: { text: world.config.replace('priority: 2', 'priority: 1') } }
      default:
        return refusal(404, 'not-found', 'There is none')
    }
  }

  const open = (method: string, path: string, body: Readonly<Record<string, unknown>>): Answer | undefined => {
    if (method === 'POST' && path === '/setup') {
      if (body.token !== SETUP_TOKEN) return refusal(401, 'wrong-setup-token', 'The link is not the one of the last start; the log has it')
      if (String(body.password).length < 12)
        return refusal(422, 'weak-password', 'A password has at least 12 characters, and this one has fewer')
      edge.setup = false
      const id = begin(String(body.user), 'admin')
      return { status: 201, body: view(sessions.get(id)!), cookie: id }
    }
    if (method === 'POST' && path === '/login') {
      if (body.password !== PASSWORD) return refusal(401, 'wrong-credentials', 'User name or password is wrong')
      if (body.user === 'anna' && body.totp === undefined)
        return refusal(401, 'totp-needed', 'This account has a second factor: send the code of the app, too')
      if (body.user === 'anna' && body.totp !== '123456') return refusal(401, 'wrong-totp', 'The code is wrong, or has been used')
      const role = ({ anna: 'admin', ben: 'operator' } as const)[String(body.user)] ?? 'viewer'
      const id = begin(String(body.user), role)
      return { body: view(sessions.get(id)!), cookie: id }
    }
    return undefined
  }

  const api = (request: IncomingMessage, path: string, query: URLSearchParams, body: Readonly<Record<string, unknown>>): Answer => {
    const method = request.method ?? 'GET'
    const planned = fails.get(`${method} ${path}`)
    if (planned !== undefined) return planned
    if (method === 'GET') reads.push(path)
    else asked.push({ method, path, body })
    const opened = open(method, path, body)
    if (opened !== undefined) return opened
    const who = signedIn(request)
    if (who === undefined) {
      if (edge.setup) return refusal(401, 'setup-needed', 'Nobody has an account yet: open the link that the start has logged')
      return refusal(401, /fake=/.test(request.headers.cookie ?? '') ? 'session-over' : 'unauthorized', 'You are signed out; sign in again')
    }
    if (method !== 'GET' && request.headers['x-csrf-token'] !== who.csrf)
      return refusal(403, 'csrf', 'A change from a browser needs the header X-CSRF-Token')
    try {
      return answer(method, path, query, body, who)
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown
      return thrown as Answer
    }
  }

  const stream = (request: IncomingMessage, response: ServerResponse, topics: string): void => {
    if (interrupted || signedIn(request) === undefined) {
      response.writeHead(interrupted ? 503 : 401, { 'content-type': 'application/json' }).end('{"code":"x","message":"x"}')
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 300\n\n')
    streams.set(response, topics)
    response.on('close', () => streams.delete(response))
  }

  const page = (response: ServerResponse, path: string): void => {
    const file = join(pages, normalize(path === '/' ? '/index.html' : path))
    if (!existsSync(file)) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': POLICY })
    response.end(readFileSync(file))
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    if (!url.pathname.startsWith('/api/')) return page(response, url.pathname)
    const path = url.pathname.slice(4)
    if (path === '/events') return stream(request, response, url.searchParams.get('topics') ?? '')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const {
      status = 200,
      body,
      text: plain,
      type = 'text/plain',
      cookie,
    } = api(request, path, url.searchParams, text === '' ? {} : JSON.parse(text))
    response.writeHead(status, {
      'cache-control': 'no-store',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(plain !== undefined && { 'content-type': type }),
      ...(cookie !== undefined && { 'set-cookie': `fake=${cookie}; Path=/; HttpOnly` }),
    })
    response.end(body === undefined ? (plain ?? '') : JSON.stringify(body))
  })
  const sip = answerSip(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const edge: FakeEdge = {
    origin,
    world: first,
    setup: false,
    asked,
    reads,
    fails,
    publish: (topic, data) => {
      for (const [response, topics] of streams)
        if (topics.split(',').includes(topic)) response.write(`id: f-${++number}\nevent: ${topic}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    interrupt: () => {
      interrupted = true
      for (const response of streams.keys()) response.destroy()
    },
    resume: () => {
      interrupted = false
    },
    streams: () => [...streams.values()],
    session: (user, role) => ({ name: 'fake', value: begin(user, role), url: origin }),
    signOutAll: () => sessions.clear(),
    close: () =>
      new Promise((closed) => {
        sip.close()
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
  return edge
}
