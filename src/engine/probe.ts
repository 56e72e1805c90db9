/** OPTIONS to the targets of zones that probe: one task for each target, spread over the interval so that they do not all go at once. */
import type { Destination } from '../address/destination.ts'
import { hostText } from '../address/listener.ts'
import { WheelTimer } from '../base/timer-wheel.ts'
import type { SipResponse } from '../sip/message.ts'
import type { Target, Zone } from '../zones/zone.ts'
import type { ClientTransaction, ClientUser } from './client-transaction.ts'
import { advertisedBy, type Edge, listenerFor } from './edge.ts'
import { type Way, wayToTarget } from './next-hop.ts'
import { optionsRequest } from './options-request.ts'
import type { Timer, TimerKind, TimerOwner } from './timers.ts'

export class Prober {
  readonly #edge: Edge
  #probes: Probe[] = []

  constructor(edge: Edge) {
    this.#edge = edge
  }

  /** Probes the targets of these zones from now on, and no others. */
  watch(zones: Iterable<Zone>): void {
    this.stop()
    for (const zone of zones) {
      if (!zone.probing.enabled) continue
      for (const target of zone.targets) this.#probes.push(new Probe(this.#edge, zone, target))
    }
    const count = this.#probes.length
    for (const [i, probe] of this.#probes.entries()) probe.begin(i / Math.max(1, count))
  }

  stop(): void {
    for (const probe of this.#probes) probe.stop()
    this.#probes = []
  }
}

class Probe implements TimerOwner, ClientUser {
  readonly #edge: Edge
  readonly #zone: Zone
  readonly #target: Target
  readonly #timer: Timer
  #transaction: ClientTransaction | undefined
  #destination: Destination | undefined
  #sentAt = 0
  #sequence = 1
  readonly #callId: string
  #stopped = false

  constructor(edge: Edge, zone: Zone, target: Target) {
    this.#edge = edge
    this.#zone = zone
    this.#target = target
    this.#timer = new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    this.#callId = edge.ids.token(22)
  }

  /** @param phase 0 to 1: the part of the first second or two that passes before the first OPTIONS */
  begin(phase: number): void {
    this.#edge.transactions.wheel.schedule(this.#timer, 50 + phase * 1000)
  }

  stop(): void {
    this.#stopped = true
    this.#edge.transactions.wheel.cancel(this.#timer)
  }

  /** The interval has passed, or the answer is overdue. */
  fired(): void {
    if (this.#stopped) return
    if (this.#transaction !== undefined) {
      this.#overdue()
      return
    }
    const { probing } = this.#zone
    this.#edge.transactions.wheel.schedule(this.#timer, probing.intervalSeconds * 1000)
    const { snapshot } = this.#edge.running
    if (!snapshot.zones.has(this.#zone.name)) return
    let way: Way | Promise<Way>
    try {
      way = wayToTarget(this.#edge, this.#zone, this.#target)
    } catch (error) {
      this.#unreachable(error)
      return
    }
    if (way instanceof Promise)
      way.then(
        (found) => this.#send(found),
        (error) => this.#unreachable(error),
      )
    else this.#send(way)
  }

  responded(response: SipResponse): void {
    if (response.status < 200) return
    this.#transaction = undefined
    const seconds = (this.#edge.clock.now() - this.#sentAt) / 1000
    if (this.#zone.probing.alive(response.status)) {
      if (this.#destination !== undefined) this.#edge.resolver.answered(this.#destination)
      this.#edge.health.answered(this.#zone, this.#target, seconds)
    } else this.#edge.health.failed(this.#zone, this.#target, `OPTIONS was answered with ${response.status}`)
    this.#again()
  }

  timedOut(): void {
    this.#overdue()
  }

  failed(_: ClientTransaction, why: string): void {
    this.#transaction = undefined
    this.#edge.health.failed(this.#zone, this.#target, `OPTIONS could not be sent: ${why}`)
    this.#again()
  }

  due(kind: TimerKind): void {
    if (kind === 'noReply') this.#overdue()
  }

  #overdue(): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    this.#transaction = undefined
    transaction.abandon()
    if (this.#destination !== undefined) this.#edge.resolver.failed(this.#destination)
    this.#edge.health.failed(this.#zone, this.#target, `No answer to OPTIONS within ${this.#zone.probing.timeoutSeconds} s`)
    this.#again()
  }

  #again(): void {
    if (!this.#stopped) this.#edge.transactions.wheel.schedule(this.#timer, this.#zone.probing.intervalSeconds * 1000)
  }

  #unreachable(error: unknown): void {
    if (!this.#stopped) this.#edge.health.failed(this.#zone, this.#target, error instanceof Error ? error.message : String(error))
  }

  #send(way: Way): void {
    if (this.#stopped) return
    const destination = way.kind === 'destinations' ? way.list[0] : undefined
    const listener = destination === undefined ? undefined : listenerFor(this.#zone.listeners, destination.transport, destination.address)
    if (destination === undefined || listener === undefined) {
      this.#edge.health.failed(this.#zone, this.#target, 'No listener of the zone can reach it')
      return
    }
    this.#edge.running.admission.learn(this.#zone, destination.address, this.#edge.clock.now())
    this.#destination = destination
    const as = advertisedBy(listener, this.#zone.advertise)
    const target = this.#target
    const host = hostText(target.host)
    const port = target.port === undefined ? '' : `:${target.port}`
    const { uri } = listener.transport
    const { request, branch } = optionsRequest(this.#edge, {
      listener,
      as,
      requestUri: `sip:${host}${port}${target.transport === undefined || target.transport === 'udp' ? '' : `;transport=${uri}`}`,
      to: `sip:${host}${port}`,
      callId: this.#callId,
      sequence: this.#sequence++,
      tag: 'probe',
      more: [],
    })
    this.#sentAt = this.#edge.clock.now()
    const flow = this.#edge.transports.flowTo(listener, destination, this.#zone.connections)
    const transaction = this.#edge.transactions.send(request, branch, flow, this)
    if (transaction.state === 'terminated') return
    this.#transaction = transaction
    transaction.startTimer('noReply', this.#zone.probing.timeoutSeconds * 1000)
  }
}
