/** The keeper of certificates with its CAs, its sockets and its alarms. Beside main.ts: it joins edges. */
import type { FastifyInstance } from 'fastify'
import { addCertificateRoutes } from './admin/certificate-routes.ts'
import type { ConfigDesk } from './admin/contract.ts'
import type { EventHub } from './admin/events.ts'
import type { Clock } from './base/clock.ts'
import { inLine } from './base/in-line.ts'
import { createHttpResponder } from './certs/acme/http-responder.ts'
import { createAcmeIssuer } from './certs/acme/issuer.ts'
import { publicFetch } from './certs/intake/public-fetch.ts'
import { CertificateKeeper } from './certs/keeper.ts'
import type { ChallengeSockets } from './certs/types.ts'
import { usesOf } from './certs/usage.ts'
import type { Snapshot } from './config/snapshot.ts'
import type { CertificateSource } from './engine/options.ts'
import type { EdgeMetrics } from './observability/edge-metrics.ts'
import type { Log } from './observability/log.ts'
import { createWebhook, type Webhook } from './observability/webhook.ts'
import type { Transports } from './transport/types.ts'

export interface CertificateServiceDeps {
  readonly dataDir: string
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: EdgeMetrics
  readonly every: (ms: number, run: () => void) => () => void
  /** For challenges; asked when there is one. */
  readonly transports: () => Transports
  /** Certificates are other ones: everybody who shows one takes it. */
  readonly refresh: () => Promise<void>
}

export interface CertificateService {
  readonly keeper: CertificateKeeper
  /** For the engine, and others who show certificates. */
  readonly source: CertificateSource
  /** The configuration that runs is another one. */
  readonly applied: (snapshot: Snapshot) => void
  readonly routes: (config: ConfigDesk) => (app: FastifyInstance) => void
  /** Tells those who look. */
  follow(events: EventHub): void
  /** Upkeep begins; to be called when the listeners are open, for challenges come to them. */
  start(): Promise<void>
  stop(): Promise<void>
}

export const createCertificateService = async (snapshot: Snapshot, deps: CertificateServiceDeps): Promise<CertificateService> => {
  const { dataDir, version, clock, log, metrics, every, refresh } = deps
  const responder = createHttpResponder({ log })
  const sockets: ChallengeSockets = {
    http: responder.http,
    alpn: async (host, certificate) => {
      const transports = deps.transports()
      transports.challenge(host, certificate)
      return async () => transports.challenge(host, undefined)
    },
  }
  let webhook = webhookOf(snapshot, deps)
  let events: EventHub | undefined
  let running = snapshot
  const keeper = new CertificateKeeper({
    folder: dataDir,
    clock,
    log,
    random: Math.random,
    every,
    issuer: (settings) => createAcmeIssuer(settings, { folder: dataDir, clock, sockets, log, environment: process.env, version }),
    fetchIssuer: publicFetch(),
    refresh,
    told: () => {
      if (events?.wanted === true) events.publish('certificates', { certificates: keeper.views() })
    },
    alarm: (alarm) => webhook?.send({ edge: running.name, ...alarm }),
    counted: (name, result) => metrics.certificates.order(name, result),
  })
  metrics.certificates.watch(() => keeper.daysLeft())
  await keeper.open()
  await keeper.watch(snapshot.certificates, usesOf(snapshot))
  const line = inLine()
  let endDaily: (() => void) | undefined
  return {
    keeper,
    source: (entry, from) => keeper.material(entry, from),
    applied: (next) => {
      if (JSON.stringify(next.alarms) !== JSON.stringify(running.alarms)) {
        webhook?.stop()
        webhook = webhookOf(next, deps)
      }
      running = next
      // Not in the way of the reload: an order that is given up may wait for it
      line(async () => {
        await keeper.watch(next.certificates, usesOf(next))
        await keeper.look()
      }).catch((err: unknown) => log.error({ err }, 'The certificates of the new configuration could not be looked at'))
    },
    routes: (config) => (app) => addCertificateRoutes(app, keeper, config),
    follow: (hub) => {
      events = hub
    },
    start: async () => {
      await keeper.start()
      // What the development CA makes for parts that are in no configuration comes to its end, too
      endDaily = every(
        DAY_MS,
        () => void refresh().catch((err: unknown) => log.error({ err }, 'The listeners do not take the certificates')),
      )
    },
    stop: async () => {
      endDaily?.()
      await keeper.stop()
      await responder.stop()
      webhook?.stop()
    },
  }
}

const DAY_MS = 86_400_000

const webhookOf = ({ alarms }: Snapshot, { version, clock, log }: CertificateServiceDeps): Webhook | undefined => {
  if (alarms === undefined) return undefined
  const { webhook: url, secretFile } = alarms
  return createWebhook({ url, secretFile, userAgent: `edgeways/${version}`, clock, random: Math.random, log })
}
