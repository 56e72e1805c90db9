/** One rtpengine: whether it is there, whether it is still the same, and what is asked of it. */
import type { Clock } from '../base/clock.ts'
import { MediaError } from '../base/errors.ts'
import type { MediaNodeEntry } from '../config/snapshot.ts'
import { type Rival, seedOf } from '../media/rendezvous.ts'
import type { NgDictionary } from '../media/types.ts'
import type { Log } from '../observability/log.ts'
import { Connection, type ConnectionDeps } from './connection.ts'
import { DeleteQueue } from './deletes.ts'
import { NodeHealth } from './node-health.ts'
import { hasRestarted, lackingInterfaces, type NodeStatistics, readStatistics } from './node-statistics.ts'
import { Sweep } from './sweep.ts'
import type { MediaEvents, MediaNode, MediaNodeView, NgCommand, NgReply, NodeState } from './types.ts'

export interface NodeDeps extends ConnectionDeps {
  readonly clock: Clock
  readonly log: Log
  readonly events: MediaEvents
  /** Whether an ng call-id is one that this edge made. */
  readonly ours: (ngCallId: string) => boolean
}

/** What a reload may change of a node without making it another one. */
export interface NodeSettings {
  readonly entry: Pick<MediaNodeEntry, 'set' | 'weight' | 'drain'>
  readonly interfaces: readonly string[]
  readonly commandMs: number
}

const PROBE_UP_MS = 5000
const PROBE_OTHER_MS = 1000
const PING_MS = 1000
/** Together with every second ping, however the ticks fall. */
const STATISTICS_MS = 7500
/** Interfaces that were wrong are looked at again after so long; only a new start of the daemon changes them. */
const REFUSED_MS = 5000
const GIVEN_UP_LOG_MS = 60_000
const UNLISTED =
  'Media node has more sessions than its list can show: strays, and calls without media, are not looked for; ' +
  'to see all, ask its HTTP port for /cli/list+sessions+all'

export class RtpengineNode implements MediaNode, Rival {
  readonly name: string
  readonly seed: number
  epoch = 0
  readonly #deps: NodeDeps
  readonly #changed: () => void
  readonly #health = new NodeHealth()
  readonly #deletes: DeleteQueue
  readonly #sweep: Sweep
  #connection: Connection
  #settings: NodeSettings
  /** Why it takes no new calls whatever its health is: it left the configuration. */
  #leaving = false
  /** Why our own daemon does not run: there is nobody to ask. */
  #absent: string | undefined
  #closed = false
  /** State and reason that were logged last. */
  #told: { readonly state: string; readonly reason: string | undefined }
  #probing = false
  #probedAt = Number.NEGATIVE_INFINITY
  /** Look at the statistics with the next probe, and let that be soon. */
  #early = false
  #statisticsAt = Number.NEGATIVE_INFINITY
  /** By which a new process is told from the old one. */
  #life: { readonly uptime: number; readonly at: number } | undefined
  #seen: NodeStatistics | undefined
  #pingSeconds: number | undefined
  #interfacesTold = false
  #givenUp = 0
  #givenUpAt = Number.NEGATIVE_INFINITY

  /** @param changed the state is another one: who takes new calls has to be seen anew */
  constructor(deps: NodeDeps, settings: NodeSettings & { readonly entry: MediaNodeEntry }, changed: () => void) {
    this.#deps = deps
    const { entry } = settings
    this.name = entry.name
    this.seed = seedOf(entry.name)
    this.#settings = settings
    this.#changed = changed
    this.#connection = new Connection(deps, entry)
    this.#told = { state: this.state, reason: this.#health.reason }
    this.#sweep = new Sweep(deps.clock, {
      list: async (limit) => (await this.#connection.client()).request('list', { limit }, this.#settings.commandMs),
      listed: (callIds) => {
        if (!this.#closed) this.#inform(() => deps.events.listed(this, callIds.filter(deps.ours)))
      },
      up: () => !this.#closed && this.#health.state === 'up',
      unlisted: (why, first) => {
        if (first) deps.log.warn({ node: this.name, sessions: this.#seen?.sessions, why }, UNLISTED)
        if (!this.#closed) this.#inform(() => deps.events.unlisted(this))
      },
    })
    this.#deletes = new DeleteQueue({
      clock: deps.clock,
      ask: (dictionary) => this.#ask('delete', dictionary),
      givenUp: (dictionary, why) => this.#countGivenUp(dictionary, why),
      broken: (error) => deps.log.error({ node: this.name, err: error }, 'What follows a delete of media failed'),
    })
  }

  get set(): string {
    return this.#settings.entry.set
  }

  get weight(): number {
    return this.#settings.entry.weight
  }

  get host(): string {
    return this.#connection.host
  }

  get port(): number {
    return this.#connection.port
  }

  /** A node that drains and is gone is down: its dialogs have to go elsewhere. */
  get state(): NodeState {
    const { state } = this.#health
    return state !== 'down' && (this.#leaving || this.#settings.entry.drain) ? 'drain' : state
  }

  /** Deletes that were not acknowledged yet. */
  get deletes(): number {
    return this.#deletes.size
  }

  async request(command: 'offer' | 'answer' | 'query', dictionary: NgDictionary): Promise<NgReply> {
    if (command === 'offer') this.#deletes.revived(dictionary['call-id'])
    const reply = await this.#ask(command, dictionary)
    if (reply.result === 'error' && /unknown call-id/i.test(String(reply['error-reason']))) this.#lookEarly()
    return reply
  }

  delete(dictionary: NgDictionary, deleted: (reply: NgReply | undefined) => void): void {
    this.#deletes.add(dictionary, deleted)
  }

  view(): MediaNodeView {
    const reason =
      this.#health.reason ?? (this.#leaving ? 'It left the configuration' : this.state === 'drain' ? 'It is to be emptied' : undefined)
    return {
      name: this.name,
      set: this.set,
      address: `${this.host}:${this.port}`,
      state: this.state,
      weight: this.weight,
      ...(reason !== undefined && { reason }),
      ...(this.#seen !== undefined && { sessions: this.#seen.sessions }),
      ...(this.#pingSeconds !== undefined && { pingSeconds: this.#pingSeconds }),
      ...(this.#seen?.interfaces !== undefined && { interfaces: this.#seen.interfaces }),
    }
  }

  // ---- what the pool says

  configure(settings: NodeSettings): void {
    const { interfaces } = this.#settings
    this.#settings = settings
    this.#leaving = false
    if (String(interfaces) !== String(settings.interfaces)) this.#lookEarly()
    this.#tell()
  }

  /** By hand, over what the configuration says, until that is read again. */
  drain(drain: boolean): void {
    this.#settings = { ...this.#settings, entry: { ...this.#settings.entry, drain } }
    this.#tell()
  }

  /** It is no longer in the configuration: no new calls. */
  leave(): void {
    this.#leaving = true
    this.#tell()
  }

  /** Our own daemon runs again, elsewhere and with nothing in it. */
  moved(host: string, port: number): void {
    if (this.#closed) return
    this.#connection.close()
    this.#connection = new Connection(this.#deps, { name: this.name, host, port })
    this.#absent = undefined
    this.#life = undefined
    this.#seen = undefined
    this.#statisticsAt = Number.NEGATIVE_INFINITY
    this.#probedAt = Number.NEGATIVE_INFINITY
    this.#health.renewed()
    this.#tell()
    this.#restarted()
    this.tick()
  }

  /** Our own daemon does not run. @param why in a sentence with the remedy */
  absent(why: string): void {
    this.#absent = why
    // Whoever waits for a reply waits in vain
    this.#connection.close()
    this.#health.refused(why)
    this.#tell()
  }

  tick(): void {
    const now = this.#deps.clock.now()
    this.#connection.tick()
    this.#deletes.tick()
    if (this.#closed || this.#absent !== undefined) return
    const pause = this.#health.state === 'up' && !this.#early ? PROBE_UP_MS : PROBE_OTHER_MS
    if (!this.#probing && now - this.#probedAt >= pause) void this.#probe()
    this.#sweep.tick()
  }

  close(): void {
    this.#closed = true
    this.#deletes.close()
    this.#connection.close()
  }

  // ---- commands

  async #ask(command: NgCommand, dictionary: NgDictionary): Promise<NgReply> {
    if (this.#absent !== undefined) throw new MediaError('SBC_MEDIA_DAEMON', this.#absent)
    const connection = this.#connection
    try {
      const client = await connection.client()
      const reply = await client.request(command, { ...dictionary }, this.#settings.commandMs)
      this.#health.heard()
      return reply
    } catch (error) {
      if (connection === this.#connection) this.#commandFailed(command, error)
      throw error
    }
  }

  #commandFailed(command: NgCommand, error: unknown): void {
    if (this.#closed || this.#absent !== undefined || !(error instanceof MediaError) || error.code === 'SBC_MEDIA_CLOSED') return
    // What cannot be sent, or not be read, may be the fault of this one command
    if (error.code === 'SBC_MEDIA_TIMEOUT') {
      this.#health.exhausted(`It did not answer ${command} in ${this.#settings.commandMs} ms`)
      this.#tell()
    }
    if (!this.#probing && this.#deps.clock.now() - this.#probedAt >= PROBE_OTHER_MS) void this.#probe()
  }

  #countGivenUp({ 'call-id': session }: NgDictionary, why: string): void {
    this.#givenUp++
    const now = this.#deps.clock.now()
    if (now - this.#givenUpAt < GIVEN_UP_LOG_MS) return
    this.#givenUpAt = now
    this.#deps.log.warn(
      { node: this.name, session, why, sinceStart: this.#givenUp },
      'A delete of media is given up; if rtpengine still has the call, its own timeouts end it',
    )
  }

  // ---- health

  /** Something looks as if the daemon had restarted. */
  #lookEarly(): void {
    this.#early = true
  }

  async #probe(): Promise<void> {
    const { clock } = this.#deps
    const connection = this.#connection
    const current = (): boolean => !this.#closed && this.#absent === undefined && connection === this.#connection
    this.#probing = true
    this.#probedAt = clock.now()
    let failed = false
    let asking: NgCommand = 'ping'
    try {
      if (this.#health.state === 'down') connection.again()
      const client = await connection.client()
      const sentAt = clock.now()
      const { result } = await client.request('ping', {}, PING_MS)
      if (result !== 'pong')
        throw new MediaError('SBC_MEDIA_REPLY', `It answered ping with "${String(result).slice(0, 40)}", not with "pong"`)
      if (current()) {
        this.#pingSeconds = (clock.now() - sentAt) / 1000
        const promising = this.#health.answered()
        if (this.#statisticsAreDue(promising)) {
          asking = 'statistics'
          const reply = await client.request('statistics', {}, PING_MS)
          if (current()) this.#examine(reply)
        }
      }
    } catch (error) {
      failed = current()
      if (failed) this.#health.failed(reasonOf(error, asking))
    }
    this.#probing = false
    if (!current()) return
    this.#tell()
    // The reply that did not come took as long as the pause
    if (failed && clock.now() - this.#probedAt >= PROBE_OTHER_MS) void this.#probe()
  }

  /** @param promising nothing but the check is between it and new calls */
  #statisticsAreDue(promising: boolean): boolean {
    const age = this.#deps.clock.now() - this.#statisticsAt
    if (this.#early) return true
    return promising ? this.#health.state === 'suspect' || age >= REFUSED_MS : this.#health.state === 'up' && age >= STATISTICS_MS
  }

  #examine(reply: NgReply): void {
    const seen = readStatistics(reply)
    if (seen === undefined) throw new MediaError('SBC_MEDIA_REPLY', 'It answers ping, but its statistics are not those of rtpengine')
    const at = this.#deps.clock.now()
    const life = { uptime: seen.uptime, at }
    const restarted = this.#life !== undefined && hasRestarted(this.#life, life)
    this.#seen = seen
    this.#early = false
    this.#statisticsAt = at
    this.#life = life
    const { interfaces } = this.#settings
    const lacking = seen.interfaces === undefined ? undefined : lackingInterfaces(interfaces, seen.interfaces)
    if (seen.interfaces === undefined && interfaces.length > 0) this.#tellUnchecked(interfaces)
    if (lacking === undefined) this.#health.passed()
    else this.#health.refused(lacking)
    if (restarted) this.#restarted()
  }

  #restarted(): void {
    this.epoch++
    this.#deletes.hurry()
    this.#inform(() => this.#deps.events.restarted(this))
  }

  /** Log, and whoever chooses among nodes. */
  #tell(): void {
    const { state } = this
    const { reason } = this.#health
    const before = this.#told
    if (state === before.state && reason === before.reason) return
    this.#told = { state, reason }
    if (state !== before.state) {
      this.#changed()
      // From down to suspect: our own daemon was just started, and will be up with its first answer
      if (state !== 'suspect' || before.state !== 'down') this.#logState(state, reason)
      if (before.state === 'down') this.#deletes.hurry()
    } else if (state === 'down') this.#logState(state, reason)
  }

  #logState(state: NodeState, reason: string | undefined): void {
    const { log } = this.#deps
    const fields = { node: this.name, set: this.set, address: `${this.host}:${this.port}` }
    if (state === 'up') log.info(fields, 'Media node is up')
    else if (state === 'drain') log.info(fields, 'Media node takes no new calls')
    else log.warn({ ...fields, reason }, state === 'down' ? 'Media node is down' : 'Media node is suspect')
  }

  #tellUnchecked(interfaces: readonly string[]): void {
    if (this.#interfacesTold) return
    this.#interfacesTold = true
    this.#deps.log.warn(
      { node: this.name, interfaces },
      'Media node does not tell its interfaces; a name that it does not know is replaced by its first one',
    )
  }

  /** What others do about it must not look like a failure of the node. */
  #inform(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#deps.log.error({ node: this.name, err: error }, 'What follows an event of a media node failed')
    }
  }
}

const reasonOf = (error: unknown, asking: NgCommand): string => {
  if (error instanceof MediaError && error.code === 'SBC_MEDIA_TIMEOUT') return `It did not answer ${asking} in ${PING_MS} ms`
  return error instanceof Error ? error.message : String(error)
}
