import type { Clock } from '../base/clock.ts'
import type { Target, Zone } from '../zones/zone.ts'

/** What is known of one target: from OPTIONS and from traffic. */
export interface TargetRecord {
  readonly zone: string
  readonly target: string
  up: boolean
  /** Consecutive failures and answers of probes. */
  failures: number
  answers: number
  /** Clock milliseconds; 0: never. */
  lastAnswer: number
  /** Why it is down, in words. */
  reason: string
  /** Seconds from OPTIONS to its answer. */
  optionsSeconds: number | undefined
  /** Clock milliseconds until which traffic alone keeps it out (503 with Retry-After, or failures without probing). */
  retryAt: number
  /** Until when it asked for that itself; 0: it never did. */
  busyUntil: number
  /** OPTIONS of ours, clock milliseconds: when the last one left and when one was answered last, and when the next one is due. 0: never. */
  sentAt: number
  answeredAt: number
  nextAt: number
  /** Of the last answer to OPTIONS; 0: there was none. */
  status: number
}

export type HealthChange = (record: TargetRecord) => void

/**
 * Health of targets, for all zones: a target is down after `downAfter` failures in a row, of OPTIONS or of calls, and up again after
 * `upAfter` answers. Where nothing probes, a target that traffic put down is tried again after `RETRY_MS`.
 */
export class TargetHealth {
  readonly #clock: Clock
  readonly #changed: HealthChange
  readonly #records = new Map<string, TargetRecord>()
  /** Taken out by hand, until the next reload. */
  readonly #drained = new Set<string>()

  constructor(clock: Clock, changed: HealthChange) {
    this.#clock = clock
    this.#changed = changed
  }

  record(zone: Zone, target: Target): TargetRecord {
    const key = `${zone.name} ${target.name}`
    let record = this.#records.get(key)
    if (record === undefined) {
      record = {
        zone: zone.name,
        target: target.name,
        up: true,
        failures: 0,
        answers: 0,
        lastAnswer: 0,
        reason: '',
        optionsSeconds: undefined,
        retryAt: 0,
        busyUntil: 0,
        sentAt: 0,
        answeredAt: 0,
        nextAt: 0,
        status: 0,
      }
      this.#records.set(key, record)
    }
    return record
  }

  records(): Iterable<TargetRecord> {
    return this.#records.values()
  }

  /** No new dialogs by hand, over what the configuration says; those there are go on. */
  drain(zone: Zone, target: Target, drain: boolean): void {
    if (drain) this.#drained.add(`${zone.name} ${target.name}`)
    else this.#drained.delete(`${zone.name} ${target.name}`)
  }

  drains(zone: Zone, target: Target): boolean {
    return target.drain || this.#drained.has(`${zone.name} ${target.name}`)
  }

  /** Forgets targets that the configuration no longer has, and what was done by hand. */
  keep(zones: Iterable<Zone>): void {
    this.#drained.clear()
    const known = new Set<string>()
    for (const zone of zones) for (const target of zone.targets) known.add(`${zone.name} ${target.name}`)
    for (const key of this.#records.keys()) if (!known.has(key)) this.#records.delete(key)
  }

  usable(zone: Zone, target: Target): boolean {
    if (this.#drained.size > 0 && this.#drained.has(`${zone.name} ${target.name}`)) return false
    const record = this.#records.get(`${zone.name} ${target.name}`)
    if (record === undefined || record.up) return record === undefined || record.retryAt <= this.#clock.now()
    return !zone.probing.enabled && record.retryAt <= this.#clock.now()
  }

  answered(zone: Zone, target: Target, optionsSeconds?: number): void {
    const record = this.record(zone, target)
    record.lastAnswer = this.#clock.now()
    record.failures = 0
    record.answers++
    if (optionsSeconds !== undefined) record.optionsSeconds = optionsSeconds
    if (record.up || (optionsSeconds !== undefined && record.answers < zone.probing.upAfter)) return
    record.up = true
    record.reason = ''
    // What it asked for by Retry-After while it was up stays: an answer to OPTIONS does not mean that it has room for calls
    record.retryAt = 0
    this.#changed(record)
  }

  failed(zone: Zone, target: Target, reason: string): void {
    const record = this.record(zone, target)
    record.answers = 0
    record.failures++
    if (record.failures < zone.probing.downAfter) return
    record.retryAt = this.#clock.now() + RETRY_MS
    record.reason = reason
    if (!record.up) return
    record.up = false
    this.#changed(record)
  }

  /** 503 with Retry-After to a call: that long no new request goes there, though it is alive (§21.5.4). */
  busy(zone: Zone, target: Target, seconds: number): void {
    const record = this.record(zone, target)
    record.lastAnswer = this.#clock.now()
    record.failures = 0
    this.#leaveAlone(record, seconds)
  }

  /** The same to OPTIONS: it failed, and gets no calls at once. */
  refused(zone: Zone, target: Target, reason: string, seconds: number): void {
    this.failed(zone, target, reason)
    this.#leaveAlone(this.record(zone, target), seconds)
  }

  #leaveAlone(record: TargetRecord, seconds: number): void {
    record.busyUntil = this.#clock.now() + Math.min(seconds, MAX_RETRY_AFTER) * 1000
    record.retryAt = record.busyUntil
  }
}

const RETRY_MS = 30_000
/** Seconds. A peer's wish is bounded: an hour out of service because of one header would be our fault, not its. */
export const MAX_RETRY_AFTER = 300
