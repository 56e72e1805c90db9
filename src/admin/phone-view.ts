/** What the test phone has to know of the configuration. */
import type { Snapshot } from '../config/snapshot.ts'
import { CALL_BACK, ECHO, EXTENSIONS, type Extension } from '../demo/extensions.ts'
import type { Zone } from '../zones/zone.ts'
import { PHONE_PATH } from './web-socket.ts'

/** A zone that browsers enter by. */
export interface PhoneZone {
  readonly name: string
  /** Who keeps its registrations; `refuse`: nobody registers. */
  readonly registration: 'here' | 'pass' | 'refuse'
  /** Its clients have to show that they are subscribers. */
  readonly authenticate: boolean
  /** Host of addresses that have none. */
  readonly domain: string
  /** Its WebSockets, `wss` first. */
  readonly listeners: readonly { readonly name: string; readonly url: string }[]
}

export interface PhoneView {
  readonly zones: readonly PhoneZone[]
  /** Path of the WebSocket on the port of the web admin itself; a query `zone=NAME` says which zone. */
  readonly path: string
  /** GET /api/turn has credentials for TURN servers. */
  readonly turn: boolean
  /** The demonstration PBX; without it, there is none. */
  readonly demo?: { readonly echo: string; readonly callBack: string; readonly extensions: readonly Extension[] }
}

export const phoneView = (snapshot: Snapshot): PhoneView => ({
  zones: [...snapshot.zones.values()].flatMap((zone) => zoneOf(zone, snapshot)),
  path: PHONE_PATH,
  turn: snapshot.turn !== undefined,
  ...(snapshot.demo !== undefined && { demo: { echo: ECHO.name, callBack: CALL_BACK.name, extensions: EXTENSIONS } }),
})

const zoneOf = (zone: Zone, { registrar, authentication }: Snapshot): readonly PhoneZone[] => {
  const sockets = zone.listeners
    .filter(({ transport }) => transport.webSocket)
    .sort((a, b) => Number(b.transport.secure) - Number(a.transport.secure))
  const [first] = sockets
  if (first === undefined) return []
  const realm = zone.authenticate ? authentication?.realm : undefined
  return [
    {
      name: zone.name,
      registration: zone.registration.mode,
      authenticate: zone.authenticate,
      domain: (zone.registration.mode === 'here' ? registrar?.domains[0] : undefined) ?? realm ?? first.advertisedHost,
      listeners: sockets.map(({ name, transport, sentBy }) => ({ name, url: `${transport.name}://${sentBy}` })),
    },
  ]
}
