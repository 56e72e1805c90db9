/** WebSocket on the admin server's port: its HTTP server is asked, and a listener of a zone has the connection. */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Flow } from '../address/flow.ts'
import { normalAddress } from '../transport/addresses.ts'
import { forwardedClient } from '../transport/forwarded.ts'
import type { Handshake } from '../transport/types.ts'
import { refuse } from '../transport/websocket.ts'
import { foreignPage, isLoopback, isRefusal, type Principal, type Refusal } from './access.ts'
import { mayAs, type Role } from './auth/roles.ts'
import type { ConnectionLimits } from './connection-limits.ts'

/** Who may connect here, and to which listener. */
export interface WebSocketDesk {
  /** Name of the listener for the path `/sip`; undefined: there is nothing on that path. */
  open(): string | undefined
  /** Name of the listener for the web admin's test phone. @param zone undefined: of the first zone that has one */
  phone(zone: string | undefined): string | undefined
  /** As `Transports.adopt`. */
  adopt(listenerName: string, handshake: Handshake): Flow | undefined
}

export interface WebSocketDoorOptions {
  readonly desk: WebSocketDesk
  /** A reverse proxy of this machine stands before us. */
  readonly plain: boolean
  readonly accessOf: (request: IncomingMessage) => Principal | Refusal
  readonly limits: ConnectionLimits
}

/** For SIP clients, where `admin.websocket` names their zone. */
export const OPEN_PATH = '/sip'
/** For the test phone: `?zone=NAME` chooses the zone. */
export const PHONE_PATH = '/phone/sip'
const PHONE_ROLE: Role = 'operator'

const STATUS = { 401: '401 Unauthorized', 403: '403 Forbidden', 404: '404 Not Found' } as const

interface Fault {
  readonly status: keyof typeof STATUS
  readonly message: string
}

/** The upgrades of an HTTP server: to a listener, or refused. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions
  /** Connections of test phones, with who uses them. */
  readonly #phones = new Map<Flow, Principal>()

  constructor(server: Server, options: WebSocketDoorOptions) {
    this.#options = options
    server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => this.#asked(request, socket as Socket, head))
  }

  /** Whoever may do less than before loses the connection. */
  sweep(): void {
    for (const [flow, principal] of this.#phones) {
      const role = principal.roleNow()
      if (flow.open && (role === undefined || !mayAs(role, PHONE_ROLE))) flow.close('signed out of the web admin')
      if (!flow.open) this.#phones.delete(flow)
    }
  }

  #asked(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { remoteAddress, remotePort } = socket
    // Closed by the remote before we came to it
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const remote = { address: this.#addressOf(request, normalAddress(remoteAddress)), port: remotePort }
    const [path, query] = (request.url ?? '').split('?', 2)
    if (path === PHONE_PATH) this.#phoneAsked(new URLSearchParams(query), { request, socket, head, remote, originChecked: true })
    else {
      const listener = path === OPEN_PATH ? this.#options.desk.open() : undefined
      if (listener === undefined) refuseWith(socket, NOTHING_HERE)
      else this.#hand(listener, { request, socket, head, remote, originChecked: false })
    }
  }

  #phoneAsked(query: URLSearchParams, handshake: Handshake): void {
    const { request, socket } = handshake
    const principal = this.#phoneUser(request)
    if (isFault(principal)) {
      refuseWith(socket, principal)
      return
    }
    const listener = this.#options.desk.phone(query.get('zone') ?? undefined)
    const flow = listener === undefined ? undefined : this.#hand(listener, handshake)
    if (listener === undefined) refuseWith(socket, NO_ZONE)
    if (flow === undefined) return
    this.#phones.set(flow, principal)
    socket.once('close', () => this.#phones.delete(flow))
  }

  #hand(listener: string, handshake: Handshake): Flow | undefined {
    const flow = this.#options.desk.adopt(listener, handshake)
    if (flow !== undefined) this.#options.limits.handedOn(handshake.socket)
    return flow
  }

  /** As Fastify's `trustProxy`. */
  #addressOf({ headers }: IncomingMessage, address: string): string {
    return this.#options.plain && isLoopback(address) ? (forwardedClient(headers, isLoopback) ?? address) : address
  }

  /** Whoever is signed in with a browser, on a page of ours. */
  #phoneUser(request: IncomingMessage): Principal | Fault {
    // Browsers say always where a WebSocket is opened from
    const foreign = request.headers.origin === undefined ? NO_ORIGIN : foreignPage({ method: 'GET', headers: request.headers })
    if (foreign !== undefined) return foreign
    const principal = this.#options.accessOf(request)
    if (isRefusal(principal)) return principal
    if (principal.by !== 'session' && principal.by !== 'local') return SESSION_ONLY
    if (mayAs(principal.role, PHONE_ROLE)) return principal
    return { status: 403, message: `This needs the role ${PHONE_ROLE}, and ${principal.who} has the role ${principal.role}` }
  }
}

const NOTHING_HERE: Fault = { status: 404, message: 'There is no WebSocket here' }
const NO_ZONE: Fault = { status: 404, message: 'There is no such zone with a ws or wss listener' }
const NO_ORIGIN: Fault = { status: 403, message: 'This is for the test phone of the web admin' }
const SESSION_ONLY: Fault = { status: 403, message: 'This is for people who signed in with a browser, not for tokens' }

const isFault = (result: Principal | Fault): result is Fault => 'status' in result

const refuseWith = (socket: Socket, { status, message }: Fault): void => refuse(socket, STATUS[status], `${message}.`)
