import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { isIPv6 } from 'node:net'

export type DnsType = 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'NAPTR'

/** `name` without final dot, any case. `ttl` in seconds. */
export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly ttl: number; readonly address: string }
  | { readonly type: 'CNAME'; readonly name: string; readonly ttl: number; readonly target: string }
  | {
      readonly type: 'SRV'
      readonly name: string
      readonly ttl: number
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | {
      readonly type: 'NAPTR'
      readonly name: string
      readonly ttl: number
      readonly order: number
      readonly preference: number
      readonly flags: string
      readonly service: string
      readonly replacement: string
    }

const TTL = 60

export const a = (name: string, address: string, ttl = TTL): DnsRecord => ({ type: 'A', name, ttl, address })
export const aaaa = (name: string, address: string, ttl = TTL): DnsRecord => ({ type: 'AAAA', name, ttl, address })
export const cname = (name: string, target: string, ttl = TTL): DnsRecord => ({ type: 'CNAME', name, ttl, target })
/** `srv('_sip._udp.pbx.test', 10, 60, 5060, 'one.pbx.test')`: priority, weight, port, target (`.` for "no such service"). */
export const srv = (name: string, priority: number, weight: number, port: number, target: string, ttl = TTL): DnsRecord => ({
  type: 'SRV',
  name,
  ttl,
  priority,
  weight,
  port,
  target,
})
/** `naptr('pbx.test', 10, 50, 'SIP+D2U', '_sip._udp.pbx.test')`: order, preference, service, replacement; flags are `s`. */
export const naptr = (
  name: string,
  order: number,
  preference: number,
  service: string,
  replacement: string,
  flags = 's',
  ttl = TTL,
): DnsRecord => ({
  type: 'NAPTR',
  name,
  ttl,
  order,
  preference,
  flags,
  service,
  replacement,
})

/** What happens to a query instead of an answer from the records. */
export type Behaviour =
  | 'drop'
  | 'SERVFAIL'
  | 'REFUSED'
  /** Answers come when the function that `behave` returned is called. */
  | 'hold'
  | { readonly delayMs: number }

export interface DnsQuery {
  readonly name: string
  /** A `DnsType`, or the number as text. */
  readonly type: string
}

export interface DnsServer {
  /** `127.0.0.1:port`, as `dns.setServers` and the resolver's `servers` take it. */
  readonly address: string
  /** Every query since the start (retransmissions too), oldest first. */
  readonly queries: readonly DnsQuery[]
  /** Replaces all records. */
  serve(...records: readonly DnsRecord[]): void
  /** Replaces the records of the names and types that are among these; the others stay. */
  put(...records: readonly DnsRecord[]): void
  /** Removes the records of a name, of one type or all. */
  remove(name: string, type?: DnsType): void
  /** From now on, queries that match are treated so; the newest rule that matches counts. @returns takes the rule back (and releases what it held) */
  behave(behaviour: Behaviour, match?: { readonly name?: string; readonly type?: DnsType }): () => void
  /** How many queries there were. */
  count(match?: { readonly name?: string; readonly type?: DnsType }): number
  /** Resolves when the `times`-th such query (since the start) has arrived. */
  asked(match: { readonly name?: string; readonly type?: DnsType }, times?: number): Promise<void>
  stop(): Promise<void>
}

interface Rule {
  readonly behaviour: Behaviour
  readonly match: { readonly name?: string; readonly type?: DnsType }
  readonly held: (() => void)[]
}

/**
 * An authoritative DNS server on loopback, over UDP: answers A, AAAA, CNAME, SRV and NAPTR from a list, NXDOMAIN and "no data" properly,
 * and can misbehave. Its answers must fit a datagram.
 */
export const startDnsServer = (...records: readonly DnsRecord[]): Promise<DnsServer> => startDnsServerAt({}, ...records)

/** The same at an address and port of one's own. @param options.others `address:port` of a server that knows the names which are not ours */
export const startDnsServerAt = async (
  { address = '127.0.0.1', port = 0, others }: { readonly address?: string; readonly port?: number; readonly others?: string | undefined },
  ...records: readonly DnsRecord[]
): Promise<DnsServer> => {
  const socket = createSocket('udp4')
  socket.bind(port, address)
  await once(socket, 'listening')
  return new LoopbackDnsServer(socket, records, others)
}

class LoopbackDnsServer implements DnsServer {
  readonly address: string
  readonly queries: DnsQuery[] = []
  readonly #socket: Socket
  readonly #timers = new Set<NodeJS.Timeout>()
  #records: readonly DnsRecord[]
  #rules: readonly Rule[] = []
  #waiting: readonly { readonly ready: () => boolean; readonly resolve: () => void }[] = []
  #open = true
  readonly #others: string | undefined

  constructor(socket: Socket, records: readonly DnsRecord[], others?: string) {
    this.#others = others
    this.#socket = socket
    this.#records = records
    const { address, port } = socket.address() as AddressInfo
    this.address = `${address}:${port}`
    socket.on('message', (bytes, from) => this.#received(bytes, from))
  }

  serve(...records: readonly DnsRecord[]): void {
    this.#records = records
  }

  put(...records: readonly DnsRecord[]): void {
    const replaced = new Set(records.map(({ type, name }) => `${type} ${name.toLowerCase()}`))
    this.#records = [...this.#records.filter(({ type, name }) => !replaced.has(`${type} ${name.toLowerCase()}`)), ...records]
  }

  remove(name: string, type?: DnsType): void {
    this.#records = this.#records.filter((record) => !matches(record, { name, ...(type && { type }) }))
  }

  behave(behaviour: Behaviour, match: Rule['match'] = {}): () => void {
    const rule: Rule = { behaviour, match, held: [] }
    this.#rules = [rule, ...this.#rules]
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule)
      for (const release of rule.held.splice(0)) release()
    }
  }

  count(match: Rule['match'] = {}): number {
    return this.queries.filter((query) => matches(query, match)).length
  }

  asked(match: Rule['match'], times = 1): Promise<void> {
    const ready = (): boolean => this.count(match) >= times
    if (ready()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting = [...this.#waiting, { ready, resolve }]
    })
  }

  async stop(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    for (const timer of this.#timers) clearTimeout(timer)
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  #received(bytes: Buffer, from: RemoteInfo): void {
    const question = readQuestion(bytes)
    if (question === undefined) return
    const query: DnsQuery = { name: question.name, type: question.type }
    this.queries.push(query)
    const ready = this.#waiting.filter((waiting) => waiting.ready())
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting))
    for (const { resolve } of ready) resolve()

    if (this.#others !== undefined && !this.#records.some((record) => matches(record, { name: question.name }))) {
      this.#relay(bytes, from, this.#others)
      return
    }
    // what it says is decided when it says it: a held or late answer has the records of that moment
    const send = (code?: number): void => {
      if (this.#open) this.#socket.send(this.#reply(question, code), from.port, from.address)
    }
    const rule = this.#rules.find(({ match }) => matches(query, match))
    const behaviour = rule?.behaviour
    if (behaviour === 'drop') return
    if (behaviour === 'SERVFAIL' || behaviour === 'REFUSED') send(RCODE[behaviour])
    else if (behaviour === 'hold') rule?.held.push(send)
    else if (behaviour !== undefined) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        send()
      }, behaviour.delayMs)
      this.#timers.add(timer)
    } else send()
  }

  /** Somebody else is asked, and his answer goes back as it is. */
  #relay(bytes: Buffer, from: RemoteInfo, server: string): void {
    const colon = server.lastIndexOf(':')
    const asking = createSocket('udp4').unref()
    const timer = setTimeout(() => asking.close(), 5000)
    this.#timers.add(timer)
    asking.once('error', () => undefined)
    asking.once('message', (answer) => {
      clearTimeout(timer)
      this.#timers.delete(timer)
      asking.close()
      if (this.#open) this.#socket.send(answer, from.port, from.address)
    })
    asking.send(bytes, Number(server.slice(colon + 1)), server.slice(0, colon))
  }

  #reply(question: WireQuestion, code?: number): Buffer {
    if (code !== undefined) return writeReply(question, code, [])
    const answers: DnsRecord[] = []
    let { name } = question
    // RFC 1034 §3.6.2: an alias leads on, whatever was asked
    for (let i = 0; i < 8; i++) {
      const alias = question.type === 'CNAME' ? undefined : this.#records.find((record) => matches(record, { name, type: 'CNAME' }))
      if (alias?.type !== 'CNAME') break
      answers.push(alias)
      name = alias.target
    }
    const found = this.#records.filter((record) => matches(record, { name, type: question.type as DnsType }))
    answers.push(...found)
    const lower = name.toLowerCase()
    // RFC 8020: a name exists when there is anything at it or below it
    const exists = this.#records.some((record) => record.name.toLowerCase() === lower || record.name.toLowerCase().endsWith(`.${lower}`))
    return writeReply(question, exists || answers.length > 0 ? RCODE.NOERROR : RCODE.NXDOMAIN, answers)
  }
}

const matches = (query: { readonly name: string; readonly type: string }, { name, type }: Rule['match']): boolean =>
  (name === undefined || query.name.toLowerCase() === name.toLowerCase()) && (type === undefined || query.type === type)

// --- The wire, RFC 1035 §4; RFC 2782; RFC 3403 §4.1 ---

const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
const TYPE: Readonly<Record<DnsType, number>> = { A: 1, CNAME: 5, AAAA: 28, SRV: 33, NAPTR: 35 }
const HEADER = 12

interface WireQuestion {
  readonly id: number
  readonly recursionDesired: boolean
  readonly name: string
  readonly type: string
  /** As it came: the answer repeats it byte for byte. */
  readonly bytes: Buffer
}

const readQuestion = (bytes: Buffer): WireQuestion | undefined => {
  if (bytes.length < HEADER || bytes.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > 63) return undefined
    at++
    if (length === 0) break
    labels.push(bytes.toString('latin1', at, at + length))
    at += length
  }
  if (at + 4 > bytes.length) return undefined
  const code = bytes.readUInt16BE(at)
  const type = (Object.keys(TYPE) as DnsType[]).find((name) => TYPE[name] === code) ?? String(code)
  return {
    id: bytes.readUInt16BE(0),
    recursionDesired: (bytes[2]! & 1) === 1,
    name: labels.join('.'),
    type,
    bytes: Buffer.from(bytes.subarray(HEADER, at + 4)),
  }
}

const writeReply = (question: WireQuestion, code: number, answers: readonly DnsRecord[]): Buffer => {
  // QR and AA; RA, as a resolver's client expects it
  const flags = 0x8400 | (question.recursionDesired ? 0x0180 : 0) | code
  const header = numbers(question.id, flags, 1, answers.length, 0, 0)
  return Buffer.concat([header, question.bytes, ...answers.map(writeRecord)])
}

const writeRecord = (record: DnsRecord): Buffer => {
  const value = writeValue(record)
  const ttl = Buffer.alloc(4)
  ttl.writeUInt32BE(record.ttl)
  return Buffer.concat([writeName(record.name), numbers(TYPE[record.type], 1), ttl, numbers(value.length), value])
}

const writeValue = (record: DnsRecord): Buffer => {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number))
    case 'AAAA':
      return writeIpv6(record.address)
    case 'CNAME':
      return writeName(record.target)
    case 'SRV':
      return Buffer.concat([numbers(record.priority, record.weight, record.port), writeName(record.target)])
    case 'NAPTR':
      return Buffer.concat([
        numbers(record.order, record.preference),
        ...[record.flags, record.service, ''].map(writeText),
        writeName(record.replacement),
      ])
  }
}

const numbers = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2)
  return bytes
}

const writeText = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])

const writeName = (name: string): Buffer => Buffer.concat([...name.split('.').filter(Boolean).map(writeText), Buffer.from([0])])

const writeIpv6 = (address: string): Buffer => {
  if (!isIPv6(address)) throw new TypeError(`"${address}" is not an IPv6 address`)
  const [head = '', tail] = address.split('::')
  const groups = (part: string): number[] =>
    part
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16))
  const first = groups(head)
  const last = tail === undefined ? [] : groups(tail)
  return numbers(...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last)
}
