/** The admin server with everything that it shows and may do. Beside main.ts: it joins the parts. */
import { join } from 'node:path'
import { isLoopback } from './admin/access.ts'
import { Accounts } from './admin/auth/accounts.ts'
import { addCallRoutes } from './admin/call-routes.ts'
import { addConfigRoutes } from './admin/config-routes.ts'
import type { ConfigDesk, EngineCommands, EngineView } from './admin/contract.ts'
import { EventHub } from './admin/events.ts'
import { addPhoneRoutes } from './admin/phone-routes.ts'
import { phoneView } from './admin/phone-view.ts'
import { addRegistrationRoutes, publishRegistrations } from './admin/registration-routes.ts'
import type { MetricsPage } from './admin/routes.ts'
import { type AdminOptions, type AdminServer, createAdminServer } from './admin/server.ts'
import { type Counters, stateOf } from './admin/state.ts'
import { adminToken } from './admin/token.ts'
import { addWatchRoutes } from './admin/watch-routes.ts'
import type { WebSocketDesk } from './admin/web-socket.ts'
import type { Clock } from './base/clock.ts'
import type { CertificateView } from './certs/types.ts'
import { loadConfigText } from './config/commands.ts'
import { FileConfig } from './config/desk.ts'
import type { CertificateEntry, Snapshot } from './config/snapshot.ts'
import type { Log } from './observability/log.ts'
import type { RecentLines } from './observability/recent.ts'
import type { CertificateMaterial } from './transport/types.ts'
import type { Zone } from './zones/zone.ts'

export interface AdminServiceDeps {
  readonly snapshot: Snapshot
  readonly running: () => Snapshot
  readonly dataDir: string
  /** Absolute path of the configuration file. */
  readonly file: string
  readonly engine: EngineView & EngineCommands
  readonly metrics: MetricsPage
  readonly log: Log
  readonly recent: RecentLines
  readonly clock: Clock
  readonly every: (ms: number, run: () => void) => () => void
  readonly adopt: WebSocketDesk['adopt']
  readonly certificate: (entry: CertificateEntry) => CertificateMaterial | Promise<CertificateMaterial>
  /** What listeners show, for the health. */
  readonly certificates: () => readonly CertificateView[]
  /** Routes of further parts. */
  readonly more: (config: ConfigDesk) => NonNullable<AdminOptions['more']>
}

export interface AdminService {
  readonly events: EventHub
  /** Listens. @returns what to tell the operator, line by line. @throws TransportError */
  start(): Promise<readonly string[]>
  /** The certificate may be another one. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

/** How often somebody who looks gets the state anew. */
const WATCH_MS = 2000
/** How often a session is looked at that has ended by itself. */
const PHONES_MS = 15_000
/** Cannot be the name of a configured certificate. */
const OWN = '_admin'
const PAGES = join(import.meta.dirname, '..', 'web-admin', 'dist')

/** @returns undefined when the configuration has no admin listener */
export const createAdminService = async (deps: AdminServiceDeps): Promise<AdminService | undefined> => {
  const { snapshot, dataDir, engine, metrics, log, recent, clock, every } = deps
  const { admin } = snapshot
  if (admin === undefined) return undefined
  const accounts = await Accounts.open({ folder: join(dataDir, 'admin'), clock, log })
  const events = new EventHub({ clock, every })
  const desk = configDesk(deps)
  const material = (): CertificateMaterial | Promise<CertificateMaterial> => {
    const configured = deps.running().certificates.find(({ name }) => name === admin.certificate)
    return deps.certificate(configured ?? { name: OWN, source: { kind: 'development' }, hosts: admin.hosts })
  }
  const tlsOf = async () => {
    const { chain, key } = await material()
    return { cert: chain, key }
  }
  const server: AdminServer = createAdminServer({
    address: admin.address,
    port: admin.port,
    token: (await adminToken(dataDir)).token,
    view: engine,
    commands: engine,
    metrics,
    certificates: deps.certificates,
    log,
    clock,
    accounts,
    events,
    pages: PAGES,
    tls: admin.plain ? undefined : await tlsOf(),
    webSocket: webSocketDesk(deps, admin.webSocket),
    more: [
      (app) => addConfigRoutes(app, desk),
      (app) => addCallRoutes(app, engine),
      (app) => addRegistrationRoutes(app, engine, engine),
      (app) => addPhoneRoutes(app, () => phoneView(deps.running())),
      (app) => addWatchRoutes(app, engine, engine, (limit) => recent.list(limit)),
      ...deps.more(desk),
    ],
  })
  let told = engine.lastReload()
  /** Also those that SIGHUP or the API asked for. */
  const tellReload = (): void => {
    const last = engine.lastReload()
    if (last === told || last === undefined) return
    told = last
    events.publish('config', last)
  }
  const stopWatching = every(WATCH_MS, () => {
    tellReload()
    watch(events, engine, () => metrics.counters())
  })
  const stopRegistrations = publishRegistrations(events, engine, every)
  const stopSweeping = every(PHONES_MS, () => server.sweepPhones())
  recent.follow((line) => {
    if (events.wanted) events.publish('log', line)
  })
  return {
    events,
    start: async () => {
      const url = await server.start()
      const setup = await accounts.setupToken()
      const scheme = url.slice(0, url.indexOf(':'))
      const bound = url.slice(url.indexOf('/') + 2, url.lastIndexOf(':'))
      // On loopback our public name leads nowhere
      const named = isLoopback(admin.address)
        ? admin.hosts.find((host) => host === 'localhost')
        : admin.hosts.find((host) => !/^[\d.:]+$/.test(host))
      const shown = `${scheme}://${named ?? bound}`
      const place = `${shown}${url.slice(url.lastIndexOf(':'))}`
      return [
        setup === undefined
          ? `Web admin: ${place}`
          : `Web admin: ${place}/#setup=${setup}  (this link works once; it makes the first account)`,
        ...(phoneView(deps.running()).zones.length > 0 ? [`Test phone: ${place}/#/phone  (a page of the web admin)`] : []),
      ]
    },
    refresh: async () => {
      tellReload()
      if (admin.plain) return
      try {
        server.setTls(await tlsOf())
      } catch (error) {
        log.error({ err: error }, 'The admin server goes on with its certificate from before')
      }
    },
    stop: async () => {
      stopWatching()
      stopRegistrations()
      stopSweeping()
      await server.stop()
    },
  }
}

/** @param openZone whose clients may connect on the admin port */
const webSocketDesk = ({ running, adopt }: AdminServiceDeps, openZone: string | undefined): WebSocketDesk => {
  /** The encrypted one, where there is a choice. */
  const listenerOf = (zone: Zone | undefined): string | undefined => {
    const listeners = zone?.listeners.filter(({ transport }) => transport.webSocket) ?? []
    return (listeners.find(({ transport }) => transport.secure) ?? listeners[0])?.name
  }
  return {
    open: () => (openZone === undefined ? undefined : listenerOf(running().zones.get(openZone))),
    phone: (name) => {
      if (name !== undefined) return listenerOf(running().zones.get(name))
      for (const zone of running().zones.values()) {
        const listener = listenerOf(zone)
        if (listener !== undefined) return listener
      }
      return undefined
    },
    adopt,
  }
}

/** The same as the GET of the topic's name, for those who look. */
const watch = (events: EventHub, view: EngineView, counters: () => Counters): void => {
  if (!events.wanted) return
  events.publish('calls', { calls: view.calls(100), total: view.media().sessions })
  events.publish('state', stateOf(view, counters()))
}

const configDesk = ({ file, dataDir, clock, engine, running }: AdminServiceDeps): FileConfig =>
  new FileConfig({
    file,
    folder: join(dataDir, 'config-history'),
    wall: () => clock.wall(),
    load: (text, previous) =>
      loadConfigText(text, file, { dataDir, environment: process.env, ...(previous === undefined ? {} : { previous }) }),
    running,
    reload: () => engine.reload(),
  })
