/**
 * OPTIONS to the targets of zones that probe: one task for each target. Two to the same place are never closer than the interval, whatever
 * happens between them (an answer, a failure, a reload): peers count them.
 */
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import { hostText } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import { WheelTimer } from '../base/timer-wheel.ts'
import { applyHeaderRules } from '../routing/alterations/header-rules.ts'
import { allowToward } from '../routing/methods.ts'
import type { SipResponse } from '../sip/message.ts'
import { reasonText } from '../sip/reason.ts'
import type { Target, Zone } from '../zones/zone.ts'
import { OWN_ALLOW } from './answers.ts'
import { leaveConnection, retryAfter } from './busy.ts'
import type { ClientTransaction, ClientUser } from './client-transaction.ts'
import { advertisedBy, type Edge, listenerFor } from './edge.ts'
import type { TargetRecord } from './health.ts'
import { type Way, wayToTarget } from './next-hop.ts'
import { optionsRequest } from './options-request.ts'
import type { Timer, TimerKind, TimerOwner } from './timers.ts'

export class Prober {
  readonly #edge: Edge
  #probes = new Map<string, Probe>()
  /** When places were asked that are asked no more, clock milliseconds: they may come back with the next reload. */
  readonly #left = new Map<string, number>()

  constructor(edge: Edge) {
    this.#edge = edge
  }

  /** Probes the targets of these zones from now on, and no others; those that were probed before keep their turn. */
  watch(zones: Iterable<Zone>): void {
    const before = this.#probes
    this.#probes = new Map()
    const fresh: Probe[] = []
    for (const zone of zones) {
      if (!zone.probing.enabled) continue
      for (const target of zone.targets) {
        const place = this.#placeOf(zone, target)
        const known = before.get(place)
        before.delete(place)
        known?.change(zone, target)
        const probe = known ?? new Probe(this.#edge, zone, target, this.#left.get(place) ?? 0)
        if (known === undefined) fresh.push(probe)
        this.#probes.set(place, probe)
      }
    }
    const now = this.#edge.clock.now()
    for (const [place, sentAt] of this.#left) if (now - sentAt > LONGEST_MS) this.#left.delete(place)
    for (const [place, probe] of before) {
      probe.stop()
      this.#left.set(place, probe.sentAt)
    }
    for (const [i, probe] of fresh.entries()) probe.begin(i / fresh.length)
  }

  stop(): void {
    for (const probe of this.#probes.values()) probe.stop()
    this.#probes.clear()
  }

  /** Where the OPTIONS goes, whatever the target is called; two targets may be one place. */
  #placeOf({ name }: Zone, { host, port, transport, secure }: Target): string {
    const place = `${name} ${host} ${port} ${transport} ${secure}`
    let free = place
    for (let n = 2; this.#probes.has(free); n++) free = `${place} ${n}`
    return free
  }
}

/** The longest interval that can be configured. */
const LONGEST_MS = 3_600_000
/** Parts of the interval by which the next OPTIONS is late: always a little, and never two targets by the same. */
const LATE_LEAST = 0.002
const LATE_SPREAD = 0.01

class Probe implements TimerOwner, ClientUser {
  readonly #edge: Edge
  #zone: Zone
  #target: Target
  readonly #timer: Timer
  #transaction: ClientTransaction | undefined
  #destination: Destination | undefined
  #flow: Flow | undefined
  /** Clock milliseconds at which the last OPTIONS left; 0: none did. */
  sentAt: number
  #nextAt = 0
  #sequence = 1
  readonly #callId: string
  #stopped = false

  constructor(edge: Edge, zone: Zone, target: Target, sentAt: number) {
    this.#edge = edge
    this.#zone = zone
    this.#target = target
    this.sentAt = sentAt
    this.#timer = new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    this.#callId = edge.ids.token(22)
  }

  /** @param phase 0 to 1: the part of the first second or two that passes before the first OPTIONS */
  begin(phase: number): void {
    this.#schedule(Math.max(this.#edge.clock.now() + 50 + phase * 1000, this.sentAt === 0 ? 0 : this.#next()))
  }

  /** A reload: the same place, perhaps under other rules. */
  change(zone: Zone, target: Target): void {
    const { intervalSeconds } = this.#zone.probing
    this.#zone = zone
    this.#target = target
    if (zone.probing.intervalSeconds !== intervalSeconds) this.begin(0)
    else Object.assign(this.#record, { sentAt: this.sentAt, nextAt: this.#nextAt })
  }

  stop(): void {
    this.#stopped = true
    this.#edge.transactions.wheel.cancel(this.#timer)
  }

  /** The interval has passed. */
  fired(): void {
    if (this.#stopped) return
    if (this.#transaction !== undefined) this.#overdue()
    // A connection that took longer than we waited for the answer has carried the OPTIONS all the same
    if (this.#left()) return
    const { clock, running } = this.#edge
    this.#schedule(clock.now() + this.#zone.probing.intervalSeconds * 1000)
    if (!running.snapshot.zones.has(this.#zone.name)) return
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
    if (response.status < 200 || this.#stopped) return
    this.#transaction = undefined
    this.#left()
    const { clock, health, resolver } = this.#edge
    const [zone, target, record] = [this.#zone, this.#target, this.#record]
    record.status = response.status
    record.answeredAt = clock.now()
    if (zone.probing.alive(response.status)) {
      if (this.#destination !== undefined) resolver.answered(this.#destination)
      health.answered(zone, target, (clock.now() - this.sentAt) / 1000)
      return
    }
    const why = reasonText(response)
    const said = `OPTIONS was answered with ${response.status}${why === undefined ? '' : ` (${own(why.slice(0, MOST_REASON))})`}`
    const seconds = retryAfter(response)
    if (seconds === 0) health.failed(zone, target, said)
    else {
      health.refused(zone, target, said, seconds)
      leaveConnection(this.#edge, zone, this.#flow)
    }
  }

  timedOut(): void {
    this.#overdue()
  }

  failed(_: ClientTransaction, why: string): void {
    this.#transaction = undefined
    if (this.#stopped) return
    if (this.#destination !== undefined) this.#edge.resolver.failed(this.#destination)
    this.#edge.health.failed(this.#zone, this.#target, `OPTIONS could not be sent: ${why}`)
  }

  due(kind: TimerKind): void {
    if (kind === 'noReply') this.#overdue()
  }

  #overdue(): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    this.#transaction = undefined
    transaction.abandon()
    if (this.#stopped) return
    if (this.#destination !== undefined) this.#edge.resolver.failed(this.#destination)
    this.#left()
    this.#edge.health.failed(this.#zone, this.#target, `No answer to OPTIONS within ${this.#zone.probing.timeoutSeconds} s`)
  }

  #unreachable(error: unknown): void {
    if (!this.#stopped) this.#edge.health.failed(this.#zone, this.#target, error instanceof Error ? error.message : String(error))
  }

  #send(way: Way): void {
    if (this.#stopped) return
    const edge = this.#edge
    const destination = way.kind === 'destinations' ? way.list[0] : undefined
    const listener = destination === undefined ? undefined : listenerFor(this.#zone.listeners, destination.transport, destination.address)
    if (destination === undefined || listener === undefined) {
      edge.health.failed(this.#zone, this.#target, 'No listener of the zone can reach it')
      return
    }
    edge.running.admission.learn(this.#zone, destination.address, edge.clock.now())
    this.#destination = destination
    const as = advertisedBy(listener, this.#zone.advertise)
    // How to get there is said by what was looked up: a transport in the Request-URI would be the peer's to follow (§19.1.1)
    const uri = `sip:${hostText(this.#target.host)}${this.#target.port === undefined ? '' : `:${this.#target.port}`}`
    const { request, branch } = optionsRequest(edge, {
      listener,
      as,
      requestUri: uri,
      to: uri,
      callId: this.#callId,
      sequence: this.#sequence++,
      tag: 'probe',
      more: [],
      allow: allowToward(OWN_ALLOW, this.#zone),
    })
    const flow = edge.transports.flowTo(listener, destination, this.#zone.connections, as)
    this.#flow = flow
    this.#at(edge.clock.now())
    const transaction = edge.transactions.send(applyHeaderRules(request, this.#zone.headersOut), branch, flow, this)
    if (transaction.state === 'terminated') return
    this.#transaction = transaction
    transaction.startTimer('noReply', this.#zone.probing.timeoutSeconds * 1000)
  }

  /** A connection that was opened for it has carried it when it was open, not when it was asked for. @returns whether that was later */
  #left(): boolean {
    const openedAt = this.#flow?.openedAt ?? 0
    if (openedAt <= this.sentAt) return false
    this.#at(openedAt)
    return true
  }

  /** It left, or will have left, at that moment; the next one follows from it. */
  #at(moment: number): void {
    this.sentAt = moment
    this.#record.sentAt = moment
    this.#schedule(this.#next())
  }

  #next(): number {
    const late = LATE_LEAST + LATE_SPREAD * this.#edge.running.view.random()
    return this.sentAt + this.#zone.probing.intervalSeconds * 1000 * (1 + late)
  }

  #schedule(moment: number): void {
    this.#nextAt = moment
    this.#record.nextAt = moment
    this.#edge.transactions.wheel.schedule(this.#timer, Math.max(0, moment - this.#edge.clock.now()))
  }

  get #record(): TargetRecord {
    return this.#edge.health.record(this.#zone, this.#target)
  }
}

/** Of a peer's own words. */
const MOST_REASON = 200
