import { join } from 'node:path'
import { expect } from 'vitest'
import type { RegistrationsView } from '../../../src/admin/contract.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { startSipp } from '../../support/sipp.ts'
import { developmentRoot } from '../../support/subject.ts'
import type { Wire } from '../../support/wire.ts'
import { type Client, type ClientTransport, openClient, ownContact } from './client.ts'
import { type Habit, type Registrar, startRegistrar } from './registrar.ts'

export const HOST = '127.0.0.1'
export const NAME = 'sbc.edge.test'
const ORIGIN = 'https://app.example.com'
export const TRANSPORTS: readonly ClientTransport[] = ['wss', 'tls', 'tcp', 'udp']

/** The edge between clients and one registrar. */
export interface Site {
  readonly edge: Edge
  readonly registrar: Registrar
  readonly folder: string
  readonly root: string
  readonly wss: number
  client(user: string, transport: ClientTransport): Promise<Client>
  /** SIPp calls a user by the registrar; every check of the scenario passed. */
  calls(user: string): Promise<void>
  views(): Promise<RegistrationsView>
  cleared(): Promise<void>
  stop(): Promise<void>
}

export interface Wishes {
  readonly way?: 'auto' | 'path' | 'contact'
  readonly clients?: string
  /** Of the pages. */
  readonly origin?: string
}

export const startSite = async (habit: Habit, { way = 'auto', clients = '', origin = ORIGIN }: Wishes = {}): Promise<Site> => {
  const { path: folder, remove } = temporaryFolder(`pass-${habit}`)
  const [lan, wss, stream, tls, port, adminPort] = (await Promise.all([1, 2, 3, 4, 5, 6].map(() => freePort(HOST)))) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const registrar = await startRegistrar(habit, folder, HOST, port)
  const config = `
name: ${NAME}
listeners:
  lan:    { udp: '${HOST}:${lan}' }
  web:    { wss: '${HOST}:${wss}' }
  public: { udp: '${HOST}:${stream}', tcp: '${HOST}:${stream}', tls: '${HOST}:${tls}' }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, registrar: ${way}, targets: [ 'sip:${HOST}:${port};transport=udp' ] }
  browsers: { kind: webrtc, on: web, origins: [ '${origin}' ]${clients} }
  phones:   { kind: phones, on: public, nat: off${clients} }
routes:
  - { from: [ browsers, phones ], to: pbx }
media: off
certificates: { main: development }
admin: { listen: '${HOST}:${adminPort}', plain: true }
`
  const edge = await startEdge({ config, adminPort, folder })
  const root = developmentRoot(edge)
  const places = { wss, tls, tcp: stream, udp: stream }
  const open: Client[] = []
  return {
    edge,
    registrar,
    folder,
    root,
    wss,
    client: async (user, transport) => {
      const place = { address: HOST, port: places[transport] }
      const client = await openClient({ user, transport, edge: place, root, name: NAME, origin, domain: `${HOST}:${port}` })
      open.push(client)
      return client
    },
    calls: async (user) => {
      const sipp = await startSipp({
        scenario: join(import.meta.dirname, 'peers', 'calls.xml'),
        values: { user, registrar: `${HOST}:${port}` },
        transport: 'udp',
        address: HOST,
        port: await freePort(HOST),
        remote: { address: HOST, port },
        folder,
      })
      const { errors, code } = await sipp.result
      expect({ errors, code }).toEqual({ errors: '', code: 0 })
    },
    views: () => edge.api<RegistrationsView>('/api/registrations'),
    cleared: async () => {
      for (const client of open.splice(0)) {
        expect(client.problems).toEqual([])
        client.close()
      }
    },
    stop: async () => {
      await edge.stop()
      await registrar.stop()
      remove()
    },
  }
}

export const expiresOf = (ok: Wire, client: Client): string | undefined => /;expires=(\d+)/.exec(ownContact(ok, client) ?? '')?.[1]

/** A client is registered, and called by the registrar under its own Contact. */
export const isReached = async ({ calls }: Site, user: string, client: Client): Promise<void> => {
  await calls(user)
  await client.gets('INVITE')
  await client.gets('ACK')
  await client.gets('BYE')
}
