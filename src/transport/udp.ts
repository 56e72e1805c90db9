import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { normalAddress } from './addresses.ts'
import { bindError, type CoarseTime } from './shared.ts'
import { bindingResponse, isStun } from './stun.ts'
import type { ListenerOptions, TransportEvents } from './types.ts'

/** Remotes remembered per listener: two generations of this size. */
const GENERATION = 16_384
/** No SIP message is shorter than this. */
const TINY = 32
/** STUN requests answered between two sweeps (a quarter of a second): 20 000 clients each fifth second, and a bound for who floods. */
const MOST_STUN = 1000
/** What may be too long for a datagram is always sent with a look at the result. */
const LONG = 60_000

/**
 * One UDP socket and the remotes it heard from or sent to.
 *
 * An error of a datagram is told by `events.closed(flow, reason)`, although the flow stays usable: transactions that wait for an
 * answer from there fail over at once instead of after Timer B or F (§8.1.3.1, §17.1.4).
 */
export class DatagramListener {
  listener: Listener
  readonly #events: TransportEvents
  readonly #time: CoarseTime
  readonly #socket: Socket
  /** An IPv6 socket that also speaks IPv4 wants IPv4 addresses as `::ffff:192.0.2.1`. */
  readonly #dualStack: boolean
  // Two generations instead of an ordered map: finding a flow is one lookup, and nothing is moved
  #young = new Map<string, DatagramFlow>()
  #old = new Map<string, DatagramFlow>()
  #closed = false
  #stunTick = -1
  #stunAnswered = 0
  readonly #generation: number

  constructor(listener: Listener, options: ListenerOptions, events: TransportEvents, time: CoarseTime, generation = GENERATION) {
    this.listener = listener
    this.#events = events
    this.#time = time
    this.#generation = generation
    const six = listener.bindAddress.includes(':')
    this.#dualStack = six && !options.ipv6Only
    this.#socket = createSocket({
      type: six ? 'udp6' : 'udp4',
      ipv6Only: six && options.ipv6Only,
      // Destinations are literals: answering at once spares each datagram a trip through DNS code
      lookup: literalLookup,
      recvBufferSize: options.datagramBuffer,
      sendBufferSize: options.datagramBuffer,
    })
    this.#socket.on('message', (bytes, remote) => this.#receive(bytes, remote))
  }

  /** @throws TransportError when the address cannot be bound */
  async bind(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#socket.once('error', reject)
    this.#socket.bind({ address: this.listener.bindAddress, port: this.listener.bindPort, exclusive: true }, resolve)
    try {
      await promise
    } catch (cause) {
      this.#closed = true
      this.#socket.close()
      throw bindError(this.listener, cause as NodeJS.ErrnoException)
    }
    this.#socket.removeListener('error', reject)
    // Reading failed (no memory, or an ICMP error without its datagram): the socket goes on
    this.#socket.on('error', () => this.#events.dropped(this.listener, 'datagram', ''))
  }

  flow(address: string, port: number): DatagramFlow {
    const id = `${address}:${port}`
    return this.#young.get(id) ?? this.#remember(id, address, port)
  }

  /** Sends one datagram; `watch` asks for `failed` when the kernel refuses it. */
  transmit(bytes: Buffer, port: number, address: string, watch: boolean): void {
    if (this.#closed) return
    // Port 0 is what a forged datagram comes from
    if (port < 1 || port > 65_535) return
    if (watch) this.#socket.send(bytes, port, address, this.#sent)
    else this.#socket.send(bytes, port, address)
  }

  /** A flow of this socket sent something; keep-alives do not count. */
  told(flow: DatagramFlow, bytes: Buffer): void {
    if (bytes.length >= TINY) this.#events.sent?.(flow, bytes)
  }

  get tick(): number {
    return this.#time.now
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await new Promise<void>((resolve) => this.#socket.close(resolve))
    this.#young.clear()
    this.#old.clear()
  }

  #receive(bytes: Buffer, remote: RemoteInfo): void {
    const flow = this.flow(remote.address, remote.port)
    const first = bytes[0]
    if (bytes.length >= TINY && first! > 32) this.#events.received(flow, bytes)
    else if (isStun(bytes)) this.#stun(flow, bytes, remote)
    else if (first === undefined) this.#events.dropped(this.listener, 'datagram', flow.remoteAddress)
    else if (isKeepAlive(bytes)) this.#events.keptAlive(flow)
    // §7.5: a message may follow CRLFs
    else if (bytes.length >= TINY && (first === 13 || first === 10)) this.#events.received(flow, bytes)
    else this.#events.dropped(this.listener, 'datagram', flow.remoteAddress)
  }

  /** RFC 5626 §8: tells the client where its datagram came from, which holds its mapping. */
  #stun(flow: DatagramFlow, bytes: Buffer, remote: RemoteInfo): void {
    if (this.#stunTick !== this.#time.now) {
      this.#stunTick = this.#time.now
      this.#stunAnswered = 0
    }
    const response = this.#stunAnswered < MOST_STUN ? bindingResponse(bytes, flow.remoteAddress, flow.remotePort) : undefined
    if (response === undefined) {
      this.#events.dropped(this.listener, 'stun', flow.remoteAddress)
      return
    }
    this.#stunAnswered++
    this.transmit(response, remote.port, remote.address, false)
    this.#events.keptAlive(flow)
  }

  #remember(id: string, address: string, port: number): DatagramFlow {
    let flow = this.#old.get(id)
    if (flow === undefined) {
      const plain = normalAddress(address)
      if (plain === address)
        flow = new DatagramFlow(this, id, address, port, this.#dualStack && !address.includes(':') ? `::ffff:${address}` : address)
      // Only the wire keeps the scope of a link-local address; the mapped form of an IPv4 address is another key of the same flow
      else
        flow = address.includes('%')
          ? this.#keep(`${plain}:${port}`, new DatagramFlow(this, `${plain}:${port}`, plain, port, address))
          : this.flow(plain, port)
    }
    return this.#keep(id, flow)
  }

  #keep(id: string, flow: DatagramFlow): DatagramFlow {
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(id, flow)
    return flow
  }

  /** One function for all datagrams: the error names its remote. */
  readonly #sent = (error: Error | null): void => {
    if (error === null) return
    const { address, port, code } = error as NodeJS.ErrnoException & { address?: string; port?: number }
    if (address === undefined || port === undefined || this.#closed) return
    const flow = this.flow(address, port)
    flow.failing = true
    this.#events.closed(flow, `datagram not sent: ${code}`)
  }
}

/** The remote end of datagrams (RFC 5626 §2: the address pair is the flow). Small: there is one for each remote that is heard. */
export class DatagramFlow implements Flow {
  readonly id: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #socket: DatagramListener
  /** The address as the socket wants it. */
  readonly #wire: string
  #looked = -1
  /** The last datagram was refused: look at each until one passes. */
  failing = false

  constructor(socket: DatagramListener, id: string, remoteAddress: string, remotePort: number, wire: string) {
    this.#socket = socket
    this.id = id
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
    this.#wire = wire
  }

  get listener(): Listener {
    return this.#socket.listener
  }

  /** The listener's address is one of ours to send from, whoever sent first. */
  get inbound(): boolean {
    return false
  }

  get open(): boolean {
    return true
  }

  send(bytes: Buffer): void {
    // Asking for the result costs time for every datagram: one in each tick of the sweep tells that a remote cannot be reached
    const watch = this.failing || this.#looked !== this.#socket.tick || bytes.length > LONG
    if (watch) {
      this.#looked = this.#socket.tick
      this.failing = false
    }
    this.#socket.told(this, bytes)
    this.#socket.transmit(bytes, this.remotePort, this.#wire, watch)
  }

  close(): void {}
}

const literalLookup = (host: string, family: unknown, callback: (error: null, address: string, family: number) => void): void =>
  callback(null, host, family as number)

const isKeepAlive = (bytes: Buffer): boolean => {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte !== 13 && byte !== 10 && byte !== 0) return false
  }
  return true
}
