import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { afterEach } from 'vitest'
import { Accounts } from '../../../src/admin/auth/accounts.ts'
import type { Role } from '../../../src/admin/auth/roles.ts'
import type { EngineCommands, EngineView, ReloadView, ZoneView } from '../../../src/admin/contract.ts'
import { type AdminOptions, type AdminServer, createAdminServer } from '../../../src/admin/server.ts'
import type { Clock } from '../../../src/base/clock.ts'
import type { Log, LogLevel } from '../../../src/observability/log.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'

const COUNTERS = { messages: 12, invites: 3, refused: 1 }
export const TOKEN = 'a-token-of-at-least-thirty-two-characters'
export const PBX: ZoneView = {
  name: 'pbx',
  kind: 'trunk',
  listeners: ['lan/udp'],
  targets: [
    { name: 'sip:10.0.0.20', health: 'up', drain: false, optionsSeconds: 0.004 },
    { name: 'sip:10.0.0.21', health: 'down', drain: false, reason: 'No answer to 3 OPTIONS' },
  ],
}

const started: AdminServer[] = []
const opened: Accounts[] = []
const folders: string[] = []
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop()
  for (const accounts of opened.splice(0)) await accounts.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A folder that is gone after the test. */
export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeways-admin-'))
  folders.push(folder)
  return folder
}

/** A clock that stands until it is told to go. */
export class HandClock implements Clock {
  #now = 1000
  #wall = Date.UTC(2026, 0, 1)

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wall
  }

  pass(ms: number): void {
    this.#now += ms
    this.#wall += ms
  }
}

export interface Wishes extends Pick<AdminOptions, 'tls' | 'accounts' | 'events' | 'pages' | 'more' | 'webSocket'> {
  readonly address?: string
  readonly port?: number
  readonly view?: Partial<EngineView>
  readonly reload?: () => Promise<ReloadView>
  readonly drainNode?: EngineCommands['drainNode']
  readonly log?: Log
  readonly metrics?: AdminOptions['metrics']
  readonly certificates?: AdminOptions['certificates']
  readonly clock?: Clock
}

/** A server over an engine of cardboard; stopped after the test. */
export const serverWith = (wishes: Wishes = {}): AdminServer => {
  const { address = '127.0.0.1', port = 0, view = {}, reload, drainNode, log = SILENT_LOG, metrics, ...rest } = wishes
  let level: LogLevel = 'info'
  const engine: EngineView = {
    version: '1.2.3',
    phase: () => 'running',
    uptimeSeconds: () => 12.5,
    listeners: () => [
      { name: 'lan/udp', transport: 'udp', bind: '10.0.0.5:5060', advertised: 'sbc.example.com:5060', open: true, flows: 0 },
      { name: 'web/wss', transport: 'wss', bind: '10.0.0.5:443', advertised: 'sbc.example.com:443', open: true, flows: 7 },
    ],
    zones: () => [PBX],
    transactions: () => ({ 'invite-server': 2 }),
    checks: () => [{ name: 'certificates', ok: true, detail: '2 loaded' }],
    logLevel: () => level,
    lastReload: () => undefined,
    media: () => ({ mode: 'off', nodes: [], sessions: 0, deletes: 0 }),
    calls: () => [],
    pastCalls: () => [],
    ladder: () => undefined,
    capture: () => undefined,
    registrations: () => ({ all: 0, total: 0, registrations: [] }),
    watchRegistrations: () => () => {},
    refusals: () => [],
    peering: () => undefined,
    ...view,
  }
  const commands: EngineCommands = {
    reload: reload ?? (async () => ({ result: 'applied', at: '2026-01-01T00:00:00.000Z', changes: ['zone pbx'], problems: [] })),
    setLogLevel: (to) => {
      level = to
    },
    drainNode: drainNode ?? (() => false),
    drainTarget: () => false,
    endRegistration: () => undefined,
  }
  const page = metrics ?? {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    text: async () => 'edgeways_build_info 1\n',
    counters: () => COUNTERS,
  }
  const server = createAdminServer({ view: engine, commands, metrics: page, log, address, port, token: TOKEN, ...rest })
  started.push(server)
  return server
}

export const PASSWORD = 'correct horse battery staple'

/** Accounts with a cheap hash and users of these roles, named as the roles are. */
export const accountsWith = async (
  roles: readonly Role[],
  clock: Clock,
  folder = newFolder(),
  log: Log = SILENT_LOG,
): Promise<Accounts> => {
  const accounts = await Accounts.open({ folder, clock, log, cost: 4 })
  opened.push(accounts)
  for (const role of roles) await accounts.users.add(role, role, await accounts.passwords.hash(PASSWORD))
  return accounts
}

/** What a browser remembers. */
export interface Browser {
  readonly cookie: string
  readonly csrf: string
  /** With the cookie, and for changes with the CSRF token. */
  send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object): Promise<LightMyRequestResponse>
}

export const cookieOf = (answer: LightMyRequestResponse): string => String(answer.headers['set-cookie']).split(';')[0]!

export const browserOf = (server: AdminServer, answer: LightMyRequestResponse): Browser => {
  const cookie = cookieOf(answer)
  const { csrf } = answer.json<{ csrf: string }>()
  return {
    cookie,
    csrf,
    send: (method, url, payload) => {
      const headers = { cookie, host: 'sbc.example.com', ...(method !== 'GET' && { 'x-csrf-token': csrf }) }
      const options: InjectOptions = { method, url, headers, ...(payload !== undefined && { payload }) }
      return server.app.inject(options)
    },
  }
}

export const login = (server: AdminServer, user: string, password = PASSWORD, more: object = {}): Promise<LightMyRequestResponse> =>
  server.app.inject({ method: 'POST', url: '/api/login', payload: { user, password, ...more } })

export const signIn = async (server: AdminServer, user: string, more: object = {}): Promise<Browser> =>
  browserOf(server, await login(server, user, PASSWORD, more))
