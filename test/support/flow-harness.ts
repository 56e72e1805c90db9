/**
 * Whole calls through the real engine, with a clock, transports and a DNS of our own: no sockets, no waiting. A test says who is there
 * and reads like the call. What the edge sends is looked at by `FlowChecks`, and when a test has ended nothing of its calls may be left.
 */
import { createHmac } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import type { Listener } from '../../src/address/listener.ts'
import type { Proofs } from '../../src/authentication/types.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { KeyedHash } from '../../src/base/keyed-hash.ts'
import type { Sealing } from '../../src/base/sealing.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Snapshot } from '../../src/config/snapshot.ts'
import { Engine } from '../../src/engine/engine.ts'
import { SealKey } from '../../src/engine/seal.ts'
import type { Log, LogFields } from '../../src/observability/log.ts'
import { type Metrics, SILENT_METRICS } from '../../src/observability/metrics.ts'
import type { BindingStore, Subscribers } from '../../src/registrar/types.ts'
import { resolverOver, TableLookup, type ZoneTable } from '../unit/dns/fixture.ts'
import type { FakeMedia } from './fake-media.ts'
import { FlowChecks } from './flow-checks.ts'
import { type FakeFlow, FakeTransports, type Remote } from './flow-network.ts'
import { Party, type PartySpec } from './flow-party.ts'
import { readWire } from './wire.ts'

export interface EdgeOptions {
  /** The DNS, as `TableLookup` takes it. */
  readonly dns?: ZoneTable
  /** The rtpengines; the configuration must not say `media: off` then. */
  readonly media?: FakeMedia
  /** What outlives the process of registrations. */
  readonly bindings?: BindingStore
  /** Users of ours. */
  readonly subscribers?: Subscribers
  /** What shows who somebody is beside that. */
  readonly proofs?: Proofs
  /** Headers that the configuration's own rules change. */
  readonly touches?: readonly string[]
}

interface LogLine {
  readonly level: string
  readonly text: string
  readonly fields: LogFields
}

interface Runner {
  readonly ms: number
  readonly run: () => void
  next: number
}

const STEP_MS = 10
/** Of the transports. */
const SWEEP_MS = 250
/** Longer than any timer of a call: Timer C, then 64*T1 after its CANCEL, then Timers D, H and so on. */
const ALL_TIMERS_MS = 300_000

/** Milliseconds of §17.1.1.1. */
export const T1 = 500

export const startEdge = async (configuration: string, options: EdgeOptions = {}): Promise<EdgeUnderTest> => {
  const edge = new EdgeUnderTest(configuration, options)
  await edge.start()
  onTestFinished(({ task }) => edge.finished(task.result?.state === 'fail'))
  return edge
}

export class EdgeUnderTest {
  engine!: Engine
  readonly lookup: TableLookup
  readonly counts = new Map<string, number>()
  readonly warnings: LogLine[] = []
  /** Lines of level info. */
  readonly notes: LogLine[] = []
  readonly checks: FlowChecks
  #configuration: string
  #snapshot: Snapshot
  #network!: FakeTransports
  readonly #clock: Clock
  #now = 1_000_000
  #sweptAt = 0
  #runners: Runner[] = []
  readonly #parties: Party[] = []
  readonly #keys: KeyedHash & Sealing & { rotate(): void; secret: string }
  #tokens = 0
  #numbers = 0
  #lives = 0
  readonly #media: FakeMedia | undefined
  readonly #bindings: BindingStore | undefined
  readonly #subscribers: Subscribers | undefined
  readonly #proofs: Proofs | undefined
  #tolerated: RegExp[] = []
  #stopped = false
  #breaks = false
  #chain = ''

  constructor(configuration: string, options: EdgeOptions) {
    this.#configuration = configuration
    this.#media = options.media
    this.#bindings = options.bindings
    this.#subscribers = options.subscribers
    this.#proofs = options.proofs
    this.#clock = { now: () => this.#now, wall: () => 1_790_000_000_000 + this.#now }
    this.lookup = new TableLookup(options.dns ?? {}, 3600)
    this.checks = new FlowChecks(options.touches ?? [], options.media)
    this.#snapshot = this.#load()
    this.#keys = {
      secret: 'kept in the data folder',
      currentKey: 'a',
      mac(key, text) {
        return key === 'a' ? createHmac('sha256', this.secret).update(text).digest('base64url').slice(0, 11) : undefined
      },
      seal(key, text, bound) {
        return key === 'a' ? new SealKey(Buffer.from(this.secret)).seal(text, bound) : undefined
      },
      open(key, sealed, bound) {
        const text = key === 'a' ? new SealKey(Buffer.from(this.secret)).open(sealed, bound) : undefined
        return key === 'a' ? (text === undefined ? 'forged' : { text }) : undefined
      },
      rotate: () => {},
    }
  }

  async start(): Promise<void> {
    const life = ++this.#lives
    const runners: Runner[] = []
    this.#runners = runners
    this.engine = new Engine(
      {
        version: 'test',
        owner: '0',
        clock: this.#clock,
        ids: { token: (length) => this.#token(length) },
        log: this.#log(),
        metrics: this.#metrics(),
        resolver: resolverOver(this.lookup, this.#clock),
        keys: this.#keys,
        transports: (events) => {
          this.#network = new FakeTransports(
            events,
            {
              at: (address, port) => this.#at(address, port),
              sent: (flow, bytes) => {
                try {
                  this.checks.sent(flow, readWire(bytes))
                } catch (error) {
                  this.checks.faults.push(`${(error as Error).message}\n${bytes.toString('latin1')}`)
                }
              },
            },
            `0life${life}-`,
            () => this.#now,
          )
          return this.#network
        },
        media:
          this.#media === undefined
            ? undefined
            : (_settings, events) => {
                this.#media!.events = events
                return this.#media!
              },
        ...(this.#bindings && { bindings: this.#bindings }),
        ...(this.#subscribers && { subscribers: this.#subscribers }),
        ...(this.#proofs && { proofs: () => this.#proofs! }),
        certificates: ({ name, hosts }) => ({ name, chain: this.#chain, key: '', hosts }),
        reread: (previous) => loadConfig(this.#configuration, { file: '/etc/edgeways/edge.yaml', dataDir: '/var/lib/edgeways', previous }),
        logLevel: { get: () => 'info', set: () => {} },
        every: (ms, run) => {
          const runner = { ms, run, next: this.#now + ms }
          runners.push(runner)
          return () => {
            runners.splice(runners.indexOf(runner), 1)
          }
        },
      },
      this.#snapshot,
    )
    await this.engine.start()
    this.checks.setListeners(this.#network.listeners())
  }

  /** The process is killed and started again: nothing survives but the configuration and the keys. */
  async restarts(): Promise<void> {
    for (const party of this.#parties) party.reset()
    await this.start()
  }

  async reloads(configuration: string): Promise<void> {
    this.#configuration = configuration
    const result = await this.engine.reload()
    expect(result).toMatchObject({ result: 'applied' })
    this.checks.setListeners(this.#network.listeners())
  }

  /** Its certificates are renewed; nothing in its file changes. */
  async renewsCertificates(): Promise<void> {
    this.#chain += 'and another one'
    await this.engine.refreshCertificates()
  }

  /** Other keys: what was signed before is forged now. */
  losesItsKeys(): void {
    this.#keys.secret = 'another one'
  }

  /** @param at `10.0.0.20:5060`, where it listens and, over UDP, sends from; over connections ports from there on */
  party(name: string, listener: string, at: string, more: Partial<PartySpec> = {}): Party {
    const match = /^\[?(.+?)\]?:(\d+)$/.exec(at)!
    const party = new Party(
      {
        connect: (from, address, port, peer) => this.#network.connect(from, address, port, peer),
        datagrams: (from, address, port) => this.#network.datagramFlow(this.#network.listener(from), address, port),
        transportOf: (from) => this.#network.listener(from).transport.name,
        arrives: (flow, bytes) => this.#arrives(flow, bytes),
        later: (run) => this.#network.later(run),
        pump: () => this.#network.pump(),
        next: () => ++this.#numbers,
      },
      { name, listener, address: match[1]!, port: Number(match[2]), ...more },
    )
    this.#parties.push(party)
    return party
  }

  /** A browser: a connection to a WebSocket listener, and a name under .invalid (RFC 7118 §5). */
  browser(name: string, listener: string, at: string): Party {
    const party = this.party(name, listener, at, { host: `${name}0rnd.invalid` })
    party.connects()
    return party
  }

  /** Something that is no message comes from there: a CRLF, an answered STUN request. */
  keptAlive(listener: string, address: string, port: number): void {
    this.#network.events.keptAlive(this.#network.datagramFlow(this.#network.listener(listener), address, port))
  }

  listener(name: string): Listener {
    return this.#network.listener(name)
  }

  /** Time goes by, and everything that is due happens. */
  passes(ms: number): void {
    const end = this.#now + ms
    this.#network.pump()
    while (this.#now < end) {
      this.#now += Math.min(STEP_MS, end - this.#now)
      if (this.#now >= this.#sweptAt + SWEEP_MS) {
        this.#sweptAt = this.#now
        this.#network.sweep()
      }
      for (const runner of [...this.#runners]) {
        if (this.#now < runner.next) continue
        runner.next += runner.ms
        try {
          runner.run()
        } catch (error) {
          this.checks.faults.push(`a timer threw: ${(error as Error).stack}`)
        }
        this.#network.pump()
      }
    }
  }

  /** The same in one step: a timer that is due fires once, however often it would have been. */
  leaps(ms: number): void {
    this.#now += ms
    for (const runner of [...this.#runners]) {
      runner.next = this.#now
      runner.run()
      runner.next = this.#now + runner.ms
    }
    this.#network.pump()
  }

  /** Lets everything happen that waits for promises only. */
  async settles(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      this.#network.pump()
    }
  }

  /** Milliseconds since 1970, as the edge reads them. */
  get wall(): number {
    return this.#clock.wall()
  }

  /** The fields of log lines, of whatever level, with that text. */
  logged(text: string): readonly LogFields[] {
    return [...this.warnings, ...this.notes].filter((line) => line.text === text).map(({ fields }) => fields)
  }

  /** How often something was counted: `drop response-stray`, `refused forged`, `leg`, `500`, `call ok`. */
  count(what: string): number {
    return this.counts.get(what) ?? 0
  }

  /** The next thing that is sent meets a mistake of ours. */
  breaksOnce(): void {
    this.#breaks = true
  }

  /** What was under way when the engine stopped may stay. */
  isStopped(): void {
    this.#stopped = true
  }

  /** A fault that the test provokes. */
  tolerates(fault: RegExp): void {
    this.#tolerated.push(fault)
  }

  /** Every timer runs out; then nothing of the calls may be left, nor anything that somebody got and no test looked at. */
  finished(failed = false): void {
    if (failed) return
    this.#network.pump()
    this.#nobodyGot('during the test')
    this.passes(ALL_TIMERS_MS)
    this.#nobodyGot('after it')
    expect(this.checks.faults.filter((fault) => !this.#tolerated.some((one) => one.test(fault)))).toEqual([])
    if (this.#stopped) return
    expect(this.#media?.left() ?? [], 'what is left in rtpengine').toEqual([])
    const { sessions, deletes } = this.engine.media()
    expect({ sessions, deletes }, 'what is left of media').toEqual({ sessions: 0, deletes: 0 })
    expect(this.engine.transactions(), 'what is left of the calls').toEqual({
      server: 0,
      client: 0,
      pending: 0,
      onFlows: 0,
      waitingCalls: 0,
    })
    if (!this.#tolerated.some((one) => one.test('500'))) expect(this.warnings.filter(({ level }) => level === 'error')).toEqual([])
    if (!this.#tolerated.some((one) => one.test('T9'))) expect(this.count('leg'), 'legs that changed').toBe(0)
  }

  #token(length: number): string {
    if (this.#breaks) {
      this.#breaks = false
      throw new Error('a mistake')
    }
    return (++this.#tokens).toString(36).padStart(length, 'x').slice(-length)
  }

  #nobodyGot(when: string): void {
    for (const { inbox, name } of this.#parties)
      expect(
        inbox.map(({ start }) => start),
        `what ${name} got ${when}, and nobody expected`,
      ).toEqual([])
  }

  #at(address: string, port: number): Remote | undefined {
    return (
      this.#parties.findLast(({ spec }) => spec.address === address && spec.port === port) ??
      // The ports that its connections come from
      this.#parties.findLast(({ spec }) => spec.address === address && port > spec.port && port < spec.port + 100) ??
      this.#ourselves(address, port)
    )
  }

  /** What we send to a datagram listener of our own comes back to us. */
  #ourselves(address: string, port: number): Remote | undefined {
    const there = this.#network
      .listeners()
      .find(({ transport, bindAddress, bindPort }) => transport.name === 'udp' && bindAddress === address && bindPort === port)
    if (there === undefined) return undefined
    return {
      name: there.name,
      refused: new Set(),
      accepted: () => {},
      arrived: ({ listener }, bytes) =>
        this.#network.later(() => this.#arrives(this.#network.datagramFlow(there, listener.bindAddress, listener.bindPort), bytes)),
    }
  }

  #arrives(flow: FakeFlow, bytes: Buffer): void {
    try {
      this.checks.received(flow, readWire(bytes))
    } catch {
      // A test may send what is no message
    }
    this.#network.events.received(flow, bytes)
  }

  #load(): Snapshot {
    const result = loadConfig(this.#configuration, { file: '/etc/edgeways/edge.yaml', dataDir: '/var/lib/edgeways' })
    if (!result.ok) throw new Error(JSON.stringify(result.problems, undefined, 1))
    return result.snapshot
  }

  #counted(what: string): void {
    this.counts.set(what, this.count(what) + 1)
  }

  #metrics(): Metrics {
    return {
      ...SILENT_METRICS,
      drop: (reason) => this.#counted(`drop ${reason}`),
      retransmission: (direction) => this.#counted(`retransmission ${direction}`),
      legTransportViolation: () => this.#counted('leg'),
      oversizeDatagram: (outcome) => this.#counted(`oversize ${outcome}`),
      registration: (zone, result) => this.#counted(`${zone} ${result}`),
      passedRegistration: (zone, what) => this.#counted(`${zone} ${what}`),
      routeStateRefused: (reason) => this.#counted(`refused ${reason}`),
      unadmitted: (_, answer) => this.#counted(`unadmitted ${answer}`),
      peerRefused: (_, reason) => this.#counted(`peer ${reason}`),
      internalError: () => this.#counted('500'),
      authentication: (result) => this.#counted(`auth ${result}`),
      dialogResumed: () => this.#counted('resumed'),
      dialogEnded: () => this.#counted('connection lost'),
      mediaCall: (result) => this.#counted(`call ${result}`),
      mediaFlag: (what) => this.#counted(`media ${what}`),
      mediaStray: () => this.#counted('stray'),
      connectionRetired: (_, why) => this.#counted(`retired ${why}`),
      optionsAsked: (zone) => this.#counted(`asked ${zone}`),
      requestOnOurs: (zone) => this.#counted(`on ours ${zone}`),
      keepAlive: (zone, what) => this.#counted(`keep-alive ${zone} ${what}`),
    }
  }

  #log(): Log {
    const write =
      (level: string, lines = this.warnings) =>
      (fields: LogFields, text: string) => {
        lines.push({ level, text, fields })
      }
    const log: Log = {
      enabled: () => true,
      trace: () => {},
      debug: write('debug', this.notes),
      info: write('info', this.notes),
      warn: write('warn'),
      error: write('error'),
      with: () => log,
    }
    return log
  }
}
