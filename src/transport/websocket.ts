import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { PONG } from '../sip/framing.ts'
import { type Arrival, arrivalKey } from './arrival.ts'
import { CLOSE_MS, type Endpoint } from './connections.ts'
import { clientOf, forwardedClient, isProxy } from './forwarded.ts'
import { allows } from './origin.ts'
import type { Client } from './proxy-header.ts'
import { type Remote, SocketFlow } from './stream.ts'
import type { Handshake } from './types.ts'
import { answerWeb } from './web-side.ts'

/** RFC 7118 §4.1. */
const SUB_PROTOCOL = 'sip'
const TEXT = { binary: false }
const BINARY = { binary: true }
const GOING_AWAY = 1001
/** An option of `ws` that its types do not know. */
const CLOSE_TIMEOUT: object = { closeTimeout: CLOSE_MS }

/** The HTTP side of a WS or WSS listener: it is given connected sockets, and makes flows of those that upgrade. */
export class WebSocketSide {
  readonly #endpoint: Endpoint
  /** Not bound to any port. It serves one request for each socket. */
  readonly #http: Server
  #server: WebSocketServer

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#http = createServer({ keepAliveTimeout: 1000, maxHeaderSize: 16_384 })
    this.#http.on('request', (request, response) => {
      const arrival = this.#arrivalOf(request.socket)
      if (answerWeb(endpoint, arrival, request, response)) return
      arrival?.refused('handshake')
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close, Upgrade', 'Content-Type': 'text/plain; charset=utf-8' })
      response.end(`This port speaks SIP over WebSocket (RFC 7118). Connect with a WebSocket client and sub-protocol "${SUB_PROTOCOL}".\n`)
    })
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket as Socket, head))
    this.#http.on('clientError', (_error, socket) => refuse(socket as Socket, '400 Bad Request', 'This is no HTTP request.'))
    this.#server = this.#webSocketServer()
  }

  /** Takes a socket, after its TLS handshake where there is one, through the WebSocket handshake. */
  accept(socket: Socket): void {
    this.#http.emit('connection', socket)
  }

  /** The endpoint has new options. */
  update(): void {
    this.#server = this.#webSocketServer()
  }

  #webSocketServer(): WebSocketServer {
    const { maxHead, maxBody } = this.#endpoint.options.limits
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxHead + maxBody,
      // The head is read as latin1, whatever the kind of the frame
      skipUTF8Validation: true,
      // Measured: a seventh less CPU for each call than with the default
      allowSynchronousEvents: false,
      ...CLOSE_TIMEOUT,
      handleProtocols: () => SUB_PROTOCOL,
    })
  }

  #arrivalOf(socket: Socket): Arrival | undefined {
    return this.#endpoint.arrivals.get(arrivalKey(socket))
  }

  /** Who is behind a handshake that another server was asked for. */
  behind({ headers }: IncomingMessage, remote: Client): Client {
    return { ...remote, address: clientOf(this.#endpoint.options.behind, headers, { remote }) }
  }

  /** Such a handshake goes on here; its socket is counted already. */
  adopt({ request, socket, head, originChecked }: Handshake, remote: Client): WebSocketFlow | undefined {
    const refusal = this.#refusal(request, originChecked)
    if (refusal !== undefined) refuse(socket, refusal.status, refusal.sentence)
    const flow = refusal === undefined ? this.#open(request, socket, head, remote) : undefined
    if (flow === undefined) this.#endpoint.table.dropped(this.#endpoint.listener, refusal?.reason ?? 'handshake', remote.address)
    return flow
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const arrival = this.#arrivalOf(socket)
    // It closed at the very moment
    if (arrival === undefined) {
      socket.destroy()
      return
    }
    if (!this.#known(request, arrival)) {
      refuse(socket, '503 Service Unavailable', 'There are too many connections of yours.')
      return
    }
    const refusal = this.#refusal(request, false)
    if (refusal !== undefined) {
      arrival.refused(refusal.reason)
      refuse(socket, refusal.status, refusal.sentence)
      return
    }
    this.#open(request, socket, head, arrival.remote, arrival)
  }

  /**
   * Whom a reverse proxy speaks for. Its port is still that of the proxy's connection, which keeps clients of one address apart.
   * @returns false: one connection too many of that client
   */
  #known({ headers }: IncomingMessage, arrival: Arrival): boolean {
    const { behind } = this.#endpoint.options
    if (behind?.by !== 'forwarded-for' || !arrival.proxied) return true
    const address = forwardedClient(headers, (one) => isProxy(behind, one))
    if (address !== undefined) return arrival.speaksFor({ address, port: arrival.remote.port })
    const { table, listener } = this.#endpoint
    table.dropped(listener, 'proxy-header', arrival.remote.address)
    return true
  }

  #refusal(request: IncomingMessage, originChecked: boolean): Refusal | undefined {
    const origin = originOf(request)
    if (!originChecked && !allows(this.#endpoint.options, origin)) {
      const sentence = origin === undefined ? 'An Origin header is required.' : `Origin ${origin} is not allowed here.`
      return { reason: 'origin', status: '403 Forbidden', sentence }
    }
    // RFC 6455 §4.2.2: a list; RFC 7118 §4.1: `sip` must be in it
    const offered = request.headers['sec-websocket-protocol'] ?? ''
    if (offered.split(',').some((one) => one.trim() === SUB_PROTOCOL)) return undefined
    const sentence = `The WebSocket must offer sub-protocol "${SUB_PROTOCOL}" (RFC 7118).`
    return { reason: 'sub-protocol', status: '400 Bad Request', sentence }
  }

  #open(request: IncomingMessage, socket: Socket, head: Buffer, remote: Remote, arrival?: Arrival): WebSocketFlow | undefined {
    const origin = originOf(request)
    let flow: WebSocketFlow | undefined
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      arrival?.done()
      flow = new WebSocketFlow(this.#endpoint, socket, webSocket, origin === undefined ? remote : { ...remote, origin })
    })
    return flow
  }
}

interface Refusal {
  readonly reason: 'origin' | 'sub-protocol'
  readonly status: string
  readonly sentence: string
}

const originOf = ({ headers }: IncomingMessage): string | undefined => headers.origin?.toLowerCase()

/** A short answer in words, then the end, also when the other side never closes. */
export const refuse = (socket: Socket, status: string, sentence: string): void => {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.on('error', ignoreLateError)
  const body = `${sentence}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  setTimeout(() => socket.destroy(), CLOSE_MS).unref()
}

/** Whom we have sent away may reset the connection: its close is what counts. */
const ignoreLateError = (): void => {}

const FLOW = Symbol('flow')

interface FlowWebSocket extends WebSocket {
  [FLOW]?: WebSocketFlow
}

/** WS and WSS (RFC 7118): each WebSocket message is one SIP message, text or binary. */
export class WebSocketFlow extends SocketFlow {
  readonly #webSocket: WebSocket
  #pingedAt: number
  /** Nothing has come since the last ping. */
  #silent = false
  /** The last ping has no pong yet. */
  #asked = false
  roundTripMs?: number

  constructor(endpoint: Endpoint, socket: Socket, webSocket: WebSocket, remote: Remote) {
    super(endpoint, socket, remote, true)
    this.#webSocket = webSocket
    this.#pingedAt = this.since
    ;(webSocket as FlowWebSocket)[FLOW] = this
    webSocket.on('message', onMessage)
    webSocket.on('pong', onPong)
    webSocket.on('error', onError)
    endpoint.table.opened(this)
  }

  read(bytes: Buffer): void {
    if (this.stage !== 'open') return
    this.#heard()
    const first = bytes[0]
    if (first === undefined || (first < 32 && isBlank(bytes))) {
      // RFC 7118 §6 has WebSocket pings for this; clients send CRLFs all the same
      if (bytes.length === 4) this.transmit(PONG)
      this.endpoint.table.events.keptAlive(this)
    } else this.endpoint.table.events.received(this, bytes)
  }

  ponged(): void {
    if (this.stage !== 'open') return
    this.#heard()
    // RFC 6455 §5.5.3: a pong may come without a ping
    if (this.#asked) this.roundTripMs = Math.round(this.endpoint.table.clockNow() - this.#pingedAt)
    this.#asked = false
    this.endpoint.table.events.keptAlive(this)
  }

  #heard(): void {
    this.since = this.endpoint.table.time.now
    this.#silent = false
  }

  /** A frame that breaks RFC 6455, or a message over the limit. */
  broken(error: Error): void {
    if (this.stage !== 'open') return
    this.endpoint.table.dropped(this.listener, 'framing', this.remoteAddress)
    this.close(`framing: ${error.message}`)
  }

  protected override checkOpen(now: number, age: number): void {
    const { pingMs } = this.endpoint.options.limits
    if (pingMs > 0 && now - this.#pingedAt >= pingMs) {
      if (this.#silent) {
        this.endpoint.table.dropped(this.listener, 'idle', this.remoteAddress)
        this.cut(`no pong within ${pingMs} ms`)
        return
      }
      // A sweep may take longer than the way there and back
      this.#pingedAt = this.endpoint.table.clockNow()
      this.#silent = true
      this.#asked = true
      this.#webSocket.ping()
    }
    super.checkOpen(now, age)
  }

  protected override write(bytes: Buffer): void {
    // A text frame must be UTF-8, or the client ends the connection (RFC 6455 §8.1)
    this.#webSocket.send(bytes, isUtf8(bytes) ? TEXT : BINARY)
  }

  protected override finish(): void {
    this.#webSocket.close(GOING_AWAY)
  }
}

const isBlank = (bytes: Buffer): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 13 && bytes[i] !== 10) return false
  return true
}

function onMessage(this: WebSocket, bytes: Buffer): void {
  ;(this as FlowWebSocket)[FLOW]?.read(bytes)
}

function onPong(this: WebSocket): void {
  ;(this as FlowWebSocket)[FLOW]?.ponged()
}

function onError(this: WebSocket, error: Error): void {
  ;(this as FlowWebSocket)[FLOW]?.broken(error)
}
