/** Microsoft Teams: status, doctor and wizard of the running edge. Beside main.ts: it joins the parts. */
import { networkInterfaces } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { ConfigDesk, EngineView } from './admin/contract.ts'
import type { EventHub } from './admin/events.ts'
import type { Ids } from './base/ids.ts'
import { rootsNamed } from './certs/roots.ts'
import type { Snapshot } from './config/snapshot.ts'
import { namedServers } from './dns/servers.ts'
import type { CertificateSource } from './engine/options.ts'
import type { Log } from './observability/log.ts'
import { TeamsDesk } from './teams/desk.ts'
import { zonesOf } from './teams/patient.ts'
import { removePeering, WRITE_MS, writePeering } from './teams/peering-file.ts'
import { addTeamsRoutes } from './teams/routes.ts'
import { systemWorld } from './teams/system-world.ts'
import type { World } from './teams/world.ts'
import type { Zone } from './zones/zone.ts'

export interface TeamsServiceDeps {
  readonly dataDir: string
  readonly log: Log
  readonly ids: Ids
  readonly every: (ms: number, run: () => void) => () => void
  readonly running: () => Snapshot
  readonly engine: EngineView
  readonly certificate: CertificateSource
  /** Default: the world as it is. */
  readonly world?: World
}

export interface TeamsService {
  readonly routes: (config: ConfigDesk) => (app: FastifyInstance) => void
  /** Tells those who look. */
  follow(events: EventHub): void
  start(): void
  stop(): Promise<void>
}

export const createTeamsService = (deps: TeamsServiceDeps): TeamsService => {
  const {
    dataDir,
    log,
    ids,
    every,
    running,
    engine,
    certificate,
    world = systemWorld({ servers: namedServers(process.env.EDGEWAYS_DNS_SERVERS) }),
  } = deps
  let events: EventHub | undefined
  let desk: TeamsDesk | undefined
  let endWriting: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()
  let written = false

  /** What the doctor of the command line cannot see by itself. */
  const write = async (): Promise<void> => {
    const zones = zonesOf(running()).flatMap(({ name }) => {
      const view = engine.peering(name)
      return view === undefined ? [] : [[name, view] as const]
    })
    if (zones.length === 0 && !written) return
    written = true
    const state = { writtenAt: new Date(world.wall()).toISOString(), zones: Object.fromEntries(zones), refusals: engine.refusals() }
    await writePeering(dataDir, state)
  }

  return {
    routes: (config) => {
      const made = new TeamsDesk({
        ...{ running, engine, world, ids, config },
        sources: { shown: async (entry) => certificate(entry, 'kept'), rootsOf, ownAddresses },
        told: (report) => {
          if (events?.wanted === true) events.publish('doctor', report)
        },
      })
      desk = made
      return (app) => addTeamsRoutes(app, made)
    },
    follow: (hub) => {
      events = hub
    },
    start: () => {
      endWriting = every(WRITE_MS, () => {
        writing = write().catch((err: unknown) => log.warn({ err }, 'What is known of Microsoft cannot be written for the command line'))
      })
    },
    stop: async () => {
      endWriting?.()
      desk?.stop()
      await writing
      if (written) await removePeering(dataDir).catch(() => {})
    },
  }
}

/** PEM. */
export const rootsOf = async (zone: Zone): Promise<readonly string[]> => (zone.peers?.roots ?? []).flatMap(rootsNamed)

export const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address))
