/** rtpengines and time for tests of the nodes: no socket, no timer, and a clock that the test moves. */
import type { Clock } from '../../../src/base/clock.ts'
import { MediaError } from '../../../src/base/errors.ts'
import type { MediaNodeEntry, MediaSettings } from '../../../src/config/snapshot.ts'
import type { Log, LogFields } from '../../../src/observability/log.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import type { NgClient } from '../../../src/rtpengine/client.ts'
import type { MediaEvents, MediaNode, NgCommand, NgReply } from '../../../src/rtpengine/types.ts'

/** A clock with things that happen at times; nothing is late. */
export class FakeTime implements Clock {
  #now = 1_000_000
  readonly #due = new Set<{ at: number; readonly every: number | undefined; readonly run: () => void }>()

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now
  }

  readonly every = (ms: number, run: () => void): (() => void) => {
    const item = { at: this.#now + ms, every: ms, run }
    this.#due.add(item)
    return () => this.#due.delete(item)
  }

  after(ms: number, run: () => void): void {
    this.#due.add({ at: this.#now + ms, every: undefined, run })
  }

  /** Lets time pass, and everything that follows from it happen. */
  async passes(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#now = next.at
      if (next.every === undefined) this.#due.delete(next)
      else next.at += next.every
      next.run()
      await settled()
    }
    this.#now = end
  }
}

/** All promises that can go on have gone on. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done))
}

export interface Asked {
  readonly command: NgCommand
  readonly dictionary: Readonly<Record<string, unknown>>
  readonly at: number
  readonly deadlineMs: number | undefined
}

type Outcome = NgReply | 'silent' | 'unsendable' | 'nonsense'

/** One daemon, with the replies that rtpengine 10.5 gives. */
export class FakeDaemon {
  readonly asked: Asked[] = []
  interfaces: readonly string[] | undefined = ['wan', 'lan']
  calls: string[] = []
  /** What becomes of each command. */
  mood: 'well' | 'silent' | 'unsendable' = 'well'
  /** Of some commands, before the mood. */
  readonly replies = new Map<NgCommand, (dictionary: Readonly<Record<string, unknown>>) => Outcome>()
  readonly #time: FakeTime
  #startedAt: number

  constructor(time: FakeTime) {
    this.#time = time
    this.#startedAt = time.now()
  }

  /** @param ago seconds that it runs already */
  restarts(ago = 0): void {
    this.calls = []
    this.#startedAt = this.#time.now() - ago * 1000
  }

  /** The commands so far, and forgets them. */
  said(): readonly string[] {
    return this.asked.splice(0).map(({ command }) => command)
  }

  /** When a command came, in milliseconds since `from`. */
  times(command: NgCommand, from: number): readonly number[] {
    return this.asked.filter((asked) => asked.command === command).map(({ at }) => at - from)
  }

  outcome(command: NgCommand, dictionary: Readonly<Record<string, unknown>>): Outcome {
    const reply = this.replies.get(command)
    if (reply !== undefined) return reply(dictionary)
    if (this.mood !== 'well') return this.mood
    switch (command) {
      case 'ping':
        return { result: 'pong' }
      case 'statistics':
        return {
          result: 'ok',
          statistics: {
            currentstatistics: { sessionsown: this.calls.length, sessionstotal: this.calls.length },
            totalstatistics: { uptime: String(Math.floor((this.#time.now() - this.#startedAt) / 1000)) },
            ...(this.interfaces !== undefined && { interfaces: this.interfaces.map((name) => ({ name, address: '127.0.0.1' })) }),
          },
        }
      case 'list':
        return { result: 'ok', calls: this.calls.slice(0, Number(dictionary.limit)) }
      default:
        return { result: 'ok' }
    }
  }
}

export interface Line {
  readonly level: string
  readonly text: string
  readonly fields: LogFields
}

/** The daemons by `address:port`, what is connected to them, and everything that the nodes told. */
export class NgWorld {
  readonly time = new FakeTime()
  readonly daemons = new Map<string, FakeDaemon>()
  readonly lines: Line[] = []
  readonly restarted: string[] = []
  readonly unlisted: string[] = []
  readonly listed: { readonly node: string; readonly callIds: readonly string[] }[] = []
  readonly names = new Map<string, string | Error>()
  resolved = 0
  /** `address:port` of clients that are not closed. */
  readonly open: string[] = []

  daemon(address: string): FakeDaemon {
    let daemon = this.daemons.get(address)
    if (daemon === undefined) {
      daemon = new FakeDaemon(this.time)
      this.daemons.set(address, daemon)
    }
    return daemon
  }

  readonly connect = (host: string, port: number): NgClient => {
    const address = `${host}:${port}`
    this.open.push(address)
    const waiting = new Set<() => void>()
    let closed = false
    const gone = (): MediaError => new MediaError('SBC_MEDIA_CLOSED', `closed ${address}`)
    return {
      request: (command, dictionary, deadlineMs) => {
        if (closed) return Promise.reject(gone())
        const daemon = this.daemon(address)
        daemon.asked.push({ command, dictionary, deadlineMs, at: this.time.now() })
        const outcome = daemon.outcome(command, dictionary)
        if (typeof outcome === 'object') return Promise.resolve(outcome)
        if (outcome === 'unsendable') return Promise.reject(new MediaError('SBC_MEDIA_SEND', `no route to ${address}`))
        if (outcome === 'nonsense') return Promise.reject(new MediaError('SBC_MEDIA_REPLY', `nonsense from ${address}`))
        return new Promise((_, reject) => {
          const close = (): void => reject(gone())
          waiting.add(close)
          this.time.after(deadlineMs ?? 2500, () => {
            waiting.delete(close)
            reject(new MediaError('SBC_MEDIA_TIMEOUT', `no reply from ${address}`))
          })
        })
      },
      close: () => {
        if (closed) return
        closed = true
        this.open.splice(this.open.indexOf(address), 1)
        for (const close of waiting) close()
      },
    }
  }

  readonly resolveHost = async (name: string): Promise<string> => {
    this.resolved++
    const found = this.names.get(name) ?? new Error(`no such name ${name}`)
    if (found instanceof Error) throw found
    // A name server that says nothing
    if (found === '') return new Promise<never>(() => {})
    return found
  }

  readonly events: MediaEvents = {
    restarted: (node: MediaNode) => this.restarted.push(`${node.name} ${node.epoch}`),
    listed: (node: MediaNode, callIds: readonly string[]) => this.listed.push({ node: node.name, callIds }),
    unlisted: (node: MediaNode) => this.unlisted.push(node.name),
  }

  get log(): Log {
    const at = (level: string) => (fields: LogFields, text: string) => {
      this.lines.push({ level, text, fields })
    }
    return { ...SILENT_LOG, enabled: () => true, info: at('info'), warn: at('warn'), error: at('error'), with: () => this.log }
  }

  /** Level and text of the lines so far, with the reason where there is one, and forgets them. */
  logged(): readonly string[] {
    return this.lines
      .splice(0)
      .map(({ level, text, fields }) => `${level} ${text}${fields.reason === undefined ? '' : `: ${fields.reason}`}`)
  }
}

export const entry = (name: string, more: Partial<MediaNodeEntry> = {}): MediaNodeEntry => ({
  name,
  host: '10.0.0.1',
  port: 2223,
  set: 'default',
  weight: 1,
  drain: false,
  ...more,
})

export const settings = (nodes: readonly MediaNodeEntry[], more: Partial<MediaSettings> = {}): MediaSettings => ({
  mode: 'nodes',
  withoutRtpengine: 'refuse',
  nodes,
  local: { interfaces: [], portMin: 30_000, portMax: 31_999, maxSessions: 500 },
  interfaces: ['wan'],
  onMediaTimeout: 'end',
  commandMs: 2500,
  ...more,
})
