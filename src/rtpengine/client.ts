/**
 * Commands to one rtpengine over UDP. The npm package `rtpengine-client` does it, and nothing of it is seen outside this file.
 *
 * Facts about it (0.4.12), and what is made of them here:
 * - It sends once and waits for ever: resends and deadline are ours, and its own timer is off, for that one outlives `close`.
 * - It prints, and raises `error`, for a reply that nobody waits for or that it cannot read, and prints when socket buffers cannot be set:
 *   its listeners are taken off the socket, so that it never sees a reply. It encodes, sends and decodes.
 * - Its decoder trusts lengths, and one below zero sends it round for ever: `holdsDictionary` looks first.
 * - Its encoder prints a stack for a number that is not whole and for a boolean, and breaks the message at what it does not know.
 * - It builds a message as text and encodes that as UTF-8. So a latin1 character above 127 crosses the wire as two bytes, to and fro; rtpengine
 *   copies what it does not understand, and what comes back is the very byte.
 */
import { isIPv4 } from 'node:net'
import { Client } from 'rtpengine-client'
import { InvariantError, MediaError } from '../base/errors.ts'
import type { NgCommand, NgReply } from './types.ts'

/** `unsent`: the command could not be sent, or may not be. */
export type NgOutcome = 'ok' | 'error' | 'load-limit' | 'timeout' | 'malformed' | 'closed' | 'unsent'

export interface NgObserver {
  /** Once for each request that ended. `outcome`: what the daemon's `result` was, or why there was none. `seconds` from the first datagram on. */
  ended(command: NgCommand, outcome: NgOutcome, seconds: number, resends: number): void
  /**
   * A datagram that nobody waited for: a reply after its deadline (`late`), one more reply to a datagram that was sent again (`duplicate`), one
   * with a cookie that we never had, or had long ago (`unknown`), or no ng message at all (`malformed`).
   */
  dropped(why: 'late' | 'duplicate' | 'unknown' | 'malformed'): void
}

export interface NgClientOptions {
  /** IPv4 literal: names are resolved before. */
  readonly host: string
  readonly port: number
  /** Local address to bind; undefined: any. */
  readonly localAddress?: string | undefined
  /** Milliseconds for one command, resends included. */
  readonly deadlineMs: number
  readonly observe: NgObserver
}

/** The ng socket of one rtpengine. */
export interface NgClient {
  /**
   * One command; the same datagram is sent again until the deadline, which the daemon answers from memory when it has executed it already.
   * Texts are latin1, SDP too: one character is one byte. Resolves with whatever the daemon said, `result: error` included.
   * @param deadlineMs instead of that of the options
   * @throws (rejects with) MediaError: SBC_MEDIA_TIMEOUT no reply; SBC_MEDIA_REPLY a reply that cannot be read; SBC_MEDIA_SEND not sent, at
   * once; SBC_MEDIA_CLOSED. InvariantError: a value that has no place in bencode
   */
  request(command: NgCommand, dictionary: Readonly<Record<string, unknown>>, deadlineMs?: number): Promise<NgReply>
  /** For good: what is under way is rejected now. */
  close(): void
}

export const createNgClient = (options: NgClientOptions): NgClient => new DatagramNgClient(options)

/**
 * Milliseconds after the first datagram. The daemon remembers a cookie for at least 30 s, so none of these is executed again. With 40 % loss each
 * way 97 of 100 commands get through; with three resends it were 83.
 */
const RESENDS_MS = [250, 500, 750, 1000, 1300, 1650, 2050]
/** Bytes; the kernel may grant less. A burst of offers is larger than the usual 208 KiB. */
const SOCKET_BUFFER = 4 << 20
/** A daemon executes some thousand commands in a second: more than this under way are lost anyway. */
const MOST_UNDER_WAY = 10_000
/** Cookies of ended commands that are remembered, to tell what a datagram is that comes too late. */
const MOST_REMEMBERED = 4096
/** Length of a cookie of the package (a UUID); a space follows. */
const COOKIE = 36

interface Pending {
  readonly command: NgCommand
  readonly deadlineMs: number
  readonly resolve: (reply: NgReply) => void
  readonly reject: (error: Error) => void
  /** What was sent, once it was. */
  sent: { readonly cookie: string; readonly datagram: Buffer; readonly at: number } | undefined
  /** Milliseconds after `sent.at` at which the last resend was due. */
  due: number
  resends: number
  timer: NodeJS.Timeout | undefined
  over: boolean
}

class DatagramNgClient implements NgClient {
  readonly #options: NgClientOptions
  /** `host:port`, for texts. */
  readonly #name: string
  readonly #pending = new Map<string, Pending>()
  readonly #ended = new Map<string, 'late' | 'duplicate'>()
  /** Undefined after its socket could not be bound: the next request tries another. */
  #client: Client | undefined
  /** The datagram that the package sent last. */
  #outgoing: Buffer | undefined
  #closed = false

  constructor(options: NgClientOptions) {
    this.#options = options
    this.#name = `${options.host}:${options.port}`
  }

  request(command: NgCommand, dictionary: Readonly<Record<string, unknown>>, deadlineMs = this.#options.deadlineMs): Promise<NgReply> {
    const { promise, resolve, reject } = Promise.withResolvers<NgReply>()
    const pending = { command, deadlineMs, resolve, reject, sent: undefined, due: 0, resends: 0, timer: undefined, over: false }
    const refusal = this.#refusal(command, dictionary)
    if (refusal === undefined) this.#start(pending, dictionary)
    else this.#end(pending, this.#closed ? 'closed' : 'unsent', refusal)
    return promise
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const pending of [...this.#pending.values()]) this.#end(pending, 'closed', this.#closedError(pending.command))
    this.#ended.clear()
    if (this.#client !== undefined) closeSocket(this.#client)
  }

  #refusal(command: NgCommand, dictionary: Readonly<Record<string, unknown>>): Error | undefined {
    if (this.#closed) return this.#closedError(command)
    // A name would be looked up for each datagram, on the few threads that everybody shares
    if (!isIPv4(this.#options.host)) return this.#sendError(command, 'its address is not an IPv4 address')
    if (this.#pending.size >= MOST_UNDER_WAY) return this.#sendError(command, `${MOST_UNDER_WAY} commands wait for a reply already`)
    try {
      const key = misfit(dictionary)
      return key === undefined ? undefined : new InvariantError(`The value of "${key}" in a command for rtpengine has no place in bencode`)
    } catch (cause) {
      return new InvariantError('A command for rtpengine that has no end', cause)
    }
  }

  #start(pending: Pending, dictionary: Readonly<Record<string, unknown>>): void {
    const { command, deadlineMs } = pending
    const refused = (error: unknown): void => {
      if (error) this.#end(pending, 'unsent', this.#sendError(command, reasonOf(error), error))
    }
    try {
      this.#client ??= this.#open()
      this.#client[command](this.#options, dictionary, refused)
    } catch (error) {
      refused(error)
    }
    const datagram = this.#takeOutgoing()
    if (datagram === undefined) {
      refused('nothing was sent')
      return
    }
    const cookie = datagram.toString('latin1', 0, COOKIE)
    if (pending.over) {
      this.#client?.messages.delete(cookie)
      return
    }
    pending.sent = { cookie, datagram, at: performance.now() }
    this.#pending.set(cookie, pending)
    this.#wait(pending, 0, deadlineMs)
  }

  #takeOutgoing(): Buffer | undefined {
    const datagram = this.#outgoing
    this.#outgoing = undefined
    return datagram
  }

  /** One timer for each command: until the next resend, or the deadline when that is sooner. */
  #wait(pending: Pending, elapsed: number, deadlineMs: number): void {
    // A timer may ring a moment early: what was due is not due again
    const past = Math.max(elapsed, pending.due)
    const resend = RESENDS_MS.find((ms) => ms > past)
    const due = resend !== undefined && resend < deadlineMs ? resend : deadlineMs
    pending.timer = setTimeout(() => this.#due(pending, due), due - elapsed)
  }

  #due(pending: Pending, due: number): void {
    const { command, sent, deadlineMs, resends } = pending
    if (sent === undefined || pending.over) return
    if (due >= deadlineMs) {
      const times = resends === 0 ? 'once' : `${resends + 1} times`
      const error = new MediaError(
        'SBC_MEDIA_TIMEOUT',
        `rtpengine at ${this.#name} did not answer "${command}" within ${deadlineMs} ms; it was sent ${times}`,
      )
      // When this process was held up, the reply may lie in the socket: that is read before this runs
      setImmediate(() => this.#end(pending, 'timeout', error))
      return
    }
    pending.due = due
    pending.resends++
    // Refused now is lost: the datagram before may still be answered
    this.#client?.socket.send(sent.datagram, this.#options.port, this.#options.host, () => {})
    this.#takeOutgoing()
    this.#wait(pending, performance.now() - sent.at, deadlineMs)
  }

  #receive(datagram: Buffer): void {
    const cookie = datagram.toString('latin1', 0, COOKIE)
    const pending = this.#pending.get(cookie)
    if (pending === undefined) {
      const known = this.#ended.get(cookie)
      this.#options.observe.dropped(known ?? (holdsDictionary(datagram) ? 'unknown' : 'malformed'))
      return
    }
    const reply = replyIn(datagram)
    if (reply !== undefined) {
      this.#end(pending, outcomeOf(reply.result), reply)
      return
    }
    const text = `rtpengine at ${this.#name} answered "${pending.command}" with ${datagram.length} bytes that are no reply`
    this.#end(pending, 'malformed', new MediaError('SBC_MEDIA_REPLY', text))
  }

  #end(pending: Pending, outcome: NgOutcome, result: NgReply | Error): void {
    if (pending.over) return
    pending.over = true
    clearTimeout(pending.timer)
    const { command, sent, resends } = pending
    if (sent !== undefined) {
      this.#pending.delete(sent.cookie)
      this.#client?.messages.delete(sent.cookie)
      this.#remember(sent.cookie, outcome === 'timeout' ? 'late' : 'duplicate')
    }
    if (result instanceof Error) pending.reject(result)
    else pending.resolve(result)
    this.#options.observe.ended(command, outcome, sent === undefined ? 0 : (performance.now() - sent.at) / 1000, resends)
  }

  #remember(cookie: string, what: 'late' | 'duplicate'): void {
    this.#ended.set(cookie, what)
    if (this.#ended.size <= MOST_REMEMBERED) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }

  #open(): Client {
    const { localAddress } = this.#options
    const client = new Client(localAddress === undefined ? {} : { localAddress })
    const { socket } = client
    const send = socket.send.bind(socket)
    socket.send = (datagram, port, host, done) => {
      this.#outgoing = datagram
      send(datagram, port, host, done)
    }
    let bound = false
    socket.removeAllListeners('message').removeAllListeners('listening')
    socket.on('message', (datagram) => this.#receive(datagram))
    socket.on('listening', () => {
      bound = true
      enlarge(socket)
    })
    client.on('error', (error) => {
      // Reading failed once: the socket goes on, and so do the resends
      if (!bound) this.#notBound(client, error)
    })
    return client
  }

  /** What waited for the socket would never be sent. */
  #notBound(client: Client, error: unknown): void {
    closeSocket(client)
    if (this.#client !== client) return
    this.#client = undefined
    for (const pending of [...this.#pending.values()])
      this.#end(pending, 'unsent', this.#sendError(pending.command, reasonOf(error), error))
  }

  #sendError(command: NgCommand, why: string, cause?: unknown): MediaError {
    return new MediaError('SBC_MEDIA_SEND', `"${command}" could not be sent to rtpengine at ${this.#name}: ${why}`, cause)
  }

  #closedError(command: NgCommand): MediaError {
    return new MediaError('SBC_MEDIA_CLOSED', `"${command}" to rtpengine at ${this.#name} was given up: its socket was closed`)
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const enlarge = (socket: Client['socket']): void => {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER)
    socket.setSendBufferSize(SOCKET_BUFFER)
  } catch {
    // Linux grants what it may and says nothing; other kernels refuse, and then their own size will do
  }
}

const closeSocket = (client: Client): void => {
  try {
    client.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error
  }
}

const outcomeOf = (result: string): NgOutcome => {
  if (result === 'ok' || result === 'pong') return 'ok'
  return result === 'load limit' ? 'load-limit' : 'error'
}

/** The reply behind the cookie; undefined when there is none. */
const replyIn = (datagram: Buffer): NgReply | undefined => {
  if (!holdsDictionary(datagram)) return undefined
  try {
    const { data } = Client.decodeMessage(datagram)
    return typeof (data as NgReply).result === 'string' ? (data as NgReply) : undefined
  } catch {
    // No bencode after all: a key that is no text, a number without digits
    return undefined
  }
}

/** Bytes of bencode. */
const [SPACE, ZERO, NINE, COLON, D, E, I, L] = [0x20, 0x30, 0x39, 0x3a, 0x64, 0x65, 0x69, 0x6c] as const
/** Replies of the daemon nest about ten deep. */
const DEEPEST = 32

/** Whether a space and a whole bencode dictionary stand behind a cookie: every length is a length, and inside. In one pass. */
const holdsDictionary = (datagram: Buffer): boolean => {
  if (datagram[COOKIE] !== SPACE || datagram[COOKIE + 1] !== D) return false
  let depth = 0
  let at = COOKIE + 1
  while (at < datagram.length && depth <= DEEPEST) {
    const first = datagram[at]
    if (first === D || first === L) {
      depth++
      at++
    } else if (first === E) {
      if (--depth === 0) return true
      at++
    } else if (first === I) {
      const end = datagram.indexOf(E, at)
      if (end < 0) return false
      at = end + 1
    } else {
      let length = 0
      let digit = at
      for (let byte = datagram[digit]; byte !== undefined && byte >= ZERO && byte <= NINE; byte = datagram[++digit]) {
        length = length * 10 + byte - ZERO
      }
      if (digit === at || datagram[digit] !== COLON) return false
      at = digit + 1 + length
    }
  }
  return false
}

/** The key of the first value that is neither text, nor a whole number, nor a list or dictionary of such; undefined members are left out. */
const misfit = (value: unknown, key = ''): string | undefined => {
  if (typeof value === 'string' || value === undefined || Number.isSafeInteger(value)) return undefined
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return key
  for (const [name, member] of Object.entries(value)) {
    const found = misfit(member, Array.isArray(value) ? key : name)
    if (found !== undefined) return found
  }
  return undefined
}
