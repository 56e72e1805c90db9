import { isIP } from 'node:net'
import type { Destination } from '../address/destination.ts'
import { bareHost } from '../address/listener.ts'
import { TRANSPORTS, type TransportName } from '../address/transports.ts'
import { own } from '../base/bytes.ts'
import type { Answer, Failure, Question, RecordType, SrvRecord } from './records.ts'
import { defaultTransport, naptrChoices, srvName, usableTransports } from './select.ts'
import type { NextHop } from './types.ts'
import { byPriority, byWeight, type Random } from './weigh.ts'

/** One server: its addresses in the order to try them. */
export interface Choice {
  readonly weight: number
  readonly destinations: readonly Destination[]
}

/** Everything RFC 3263 §4 finds for a next hop, but for the drawing by weight: tiers one after the other, a draw within each. */
export interface Plan {
  readonly tiers: readonly (readonly Choice[])[]
}

export type ResolveCode =
  | 'SBC_RESOLVE_BAD_NAME'
  | 'SBC_RESOLVE_FAILED'
  | 'SBC_RESOLVE_NO_FAMILY'
  | 'SBC_RESOLVE_NO_SERVICE'
  | 'SBC_RESOLVE_NO_TRANSPORT'
  | 'SBC_RESOLVE_NOT_FOUND'
  | 'SBC_RESOLVE_TIMEOUT'

export type Walk =
  | { readonly kind: 'plan'; readonly plan: Plan }
  /** What must be known before the walk can end; ask, then walk again. */
  | { readonly kind: 'missing'; readonly questions: readonly Question[] }
  | { readonly kind: 'error'; readonly code: ResolveCode; readonly message: string }

/** What is known at this moment. */
export interface Knowledge {
  /** `undefined`: not known. */
  answer<T extends RecordType>(type: T, name: string): Answer<T> | undefined
  /** The addresses of a name in the hosts file; `undefined` when it is not there. */
  local(name: string, family: 4 | 6): readonly string[] | undefined
}

/** Servers of one domain that are looked up; a hostile domain could name hundreds. */
const MOST_TARGETS = 16
/** Addresses of one name and family that are used. */
const MOST_ADDRESSES = 16
/** RFC 1035 §2.3.4, and underscores as they are used. */
const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/

/**
 * RFC 3263 §4.1 and §4.2 over what is known: the whole procedure without waiting. Each call begins at the start, so the caller answers the
 * questions that are missing and calls again; at most three rounds (NAPTR, SRV, addresses) are needed.
 *
 * DEVIATION: after a failed or unusable NAPTR step the SRV step is tried, after a failed SRV step the addresses, because servers that drop
 * the types they do not know are common. DEVIATION: a name in the hosts file is never asked for NAPTR and SRV.
 * @param supported the transports to choose from, in the order of preference
 * @param families the address families to use; the first one begins, then they take turns (RFC 3263 leaves this open)
 */
export const walk = (nextHop: NextHop, supported: readonly TransportName[], families: readonly (4 | 6)[], known: Knowledge): Walk =>
  new Walker(nextHop, supported, families, known).walk()

/**
 * RFC 3263 §4.2: a literal address needs no walk. The short way for what most requests inside a dialog have.
 * @returns undefined: no literal, or one that cannot be used; `walk` tells
 */
export const literalDestination = (
  nextHop: NextHop,
  supported: readonly TransportName[],
  families: readonly (4 | 6)[],
): Destination | undefined => {
  const { host, port, secure } = nextHop
  // a host name never ends in a digit: its last label is alphabetic (§25.1 toplabel)
  const last = host.charCodeAt(host.length - 1)
  if ((last < 48 || last > 57) && !host.includes(':')) return undefined
  const family = isIP(host)
  if (family === 0 || !families.includes(family as 4 | 6)) return undefined
  const usable = usableTransports(nextHop, supported)
  if (usable.length === 0) return undefined
  const chosen = defaultTransport(secure, usable)
  return { transport: chosen, address: host, port: port ?? TRANSPORTS[chosen].defaultPort, host }
}

class Walker {
  readonly #nextHop: NextHop
  readonly #host: string
  readonly #usable: readonly TransportName[]
  readonly #supported: readonly TransportName[]
  readonly #families: readonly (4 | 6)[]
  readonly #known: Knowledge
  readonly #missing: Question[] = []
  /** Failures of a while ago: enough to go another way, asked again before giving up. */
  readonly #doubtful: Question[] = []
  #failure: Failure | undefined
  /** RFC 2782: an SRV record with the target `.`. */
  #refused = false
  #targets = 0
  /** Two records that lead to one address and port are one destination. */
  readonly #made = new Map<string, Destination>()

  constructor(nextHop: NextHop, supported: readonly TransportName[], families: readonly (4 | 6)[], known: Knowledge) {
    this.#nextHop = nextHop
    this.#host = own(bareHost(nextHop.host))
    this.#usable = usableTransports(nextHop, supported)
    this.#supported = supported
    this.#families = families
    this.#known = known
  }

  walk(): Walk {
    const { host, port, transport } = this.#nextHop
    const literal = isIP(this.#host)
    if (this.#usable.length === 0) return this.#noTransport()
    if (literal !== 0 && !this.#families.includes(literal as 4 | 6)) return this.#noFamily(literal as 4 | 6)
    if (this.#families.length === 0) return error('SBC_RESOLVE_NO_FAMILY', `"${host}" has no listener towards it`)
    if (literal === 0 && !NAME.test(this.#host)) return error('SBC_RESOLVE_BAD_NAME', `"${host}" is not a host name`)
    if (literal !== 0 || port !== undefined || this.#isLocal()) return this.#end(this.#plain())

    // §4.1: NAPTR only when the URI leaves the transport open
    const byNaptr = transport === undefined ? this.#naptr() : undefined
    if (byNaptr !== undefined) return this.#end(byNaptr)
    const bySrv = this.#srv(this.#usable.map((name) => ({ transport: name, name: srvName(name, this.#host) })))
    return this.#end(bySrv ?? this.#plain())
  }

  /** @returns undefined: the domain has no usable NAPTR record, or they lead to no SRV record */
  #naptr(): Tiers | undefined {
    const answer = this.#ask('NAPTR', this.#host)
    if (answer === undefined) return []
    if (answer.kind !== 'records') return undefined
    const choices = naptrChoices(answer.records, this.#usable)
    return choices.length === 0 ? undefined : this.#srv(choices.map(({ transport, replacement }) => ({ transport, name: replacement })))
  }

  /** @returns undefined: none of the names has SRV records */
  #srv(names: readonly { readonly transport: TransportName; readonly name: string }[]): Tiers | undefined {
    const answers = names.map(({ transport, name }) => ({ transport, answer: this.#ask('SRV', name) }))
    if (this.#missing.length > 0) return []
    const tiers: Choice[][] = []
    let found = false
    for (const { transport, answer } of answers) {
      if (answer?.kind !== 'records') continue
      found = true
      for (const group of byPriority(answer.records)) tiers.push(this.#servers(group, transport))
    }
    return found ? tiers : undefined
  }

  #servers(group: readonly SrvRecord[], transport: TransportName): Choice[] {
    const choices: Choice[] = []
    for (const { target, port, weight } of group) {
      if (target === '.' || target === '') {
        this.#refused = true
        continue
      }
      // RFC 6335 §6: port 0 is reserved; nothing can be sent there
      if (port === 0) continue
      if (++this.#targets > MOST_TARGETS) break
      choices.push({ weight, destinations: this.#destinations(target, transport, port) })
    }
    return choices
  }

  /** §4.2, without SRV: the addresses of the name itself. */
  #plain(): Tiers {
    const transport = defaultTransport(this.#nextHop.secure, this.#usable)
    const port = this.#nextHop.port ?? TRANSPORTS[transport].defaultPort
    return [[{ weight: 0, destinations: this.#destinations(this.#host, transport, port) }]]
  }

  #destinations(name: string, transport: TransportName, port: number): readonly Destination[] {
    return this.#addresses(name).map((address) => {
      const key = `${transport} ${address} ${port}`
      const made = this.#made.get(key) ?? { transport, address, port, host: this.#host }
      this.#made.set(key, made)
      return made
    })
  }

  /** In the order of the answer, the families taking turns. */
  #addresses(name: string): readonly string[] {
    const literal = isIP(name)
    if (literal !== 0) return this.#families.includes(literal as 4 | 6) ? [name] : []
    const [first = [], second = []] = this.#families.map((family) => this.#ofFamily(name, family))
    if (second.length === 0) return first
    const addresses: string[] = []
    for (let i = 0; i < Math.max(first.length, second.length); i++) {
      if (i < first.length) addresses.push(first[i]!)
      if (i < second.length) addresses.push(second[i]!)
    }
    return addresses
  }

  #ofFamily(name: string, family: 4 | 6): readonly string[] {
    const local = this.#known.local(name, family)
    if (local !== undefined) return local
    // the hosts file knows it in another family that we can use: it is complete
    if (this.#families.some((other) => this.#known.local(name, other) !== undefined)) return []
    const answer = this.#ask(family === 4 ? 'A' : 'AAAA', name)
    return answer?.kind === 'records' ? answer.records.slice(0, MOST_ADDRESSES) : []
  }

  #isLocal(): boolean {
    return this.#families.some((family) => this.#known.local(this.#host, family) !== undefined)
  }

  #ask<T extends RecordType>(type: T, name: string): Answer<T> | undefined {
    // what a record names may be nonsense: never a question that no server could answer
    if (!NAME.test(name)) return { kind: 'none' }
    const answer = this.#known.answer(type, name)
    if (answer === undefined) this.#missing.push({ type, name })
    else if (answer.kind === 'failed') {
      if (answer.old) this.#doubtful.push({ type, name })
      this.#failure ??= answer
    }
    return answer
  }

  #end(found: Tiers): Walk {
    if (this.#missing.length > 0) return { kind: 'missing', questions: this.#missing }
    const tiers = found.map((tier) => tier.filter(({ destinations }) => destinations.length > 0)).filter((tier) => tier.length > 0)
    if (tiers.length > 0) return { kind: 'plan', plan: { tiers } }
    if (this.#doubtful.length > 0) return { kind: 'missing', questions: this.#doubtful }
    if (this.#failure?.reason === 'timeout') return error('SBC_RESOLVE_TIMEOUT', `No DNS server answered for "${this.#host}"`)
    if (this.#failure !== undefined) {
      return error('SBC_RESOLVE_FAILED', `The DNS servers could not answer for "${this.#host}" (${this.#failure.detail})`)
    }
    if (this.#refused) return error('SBC_RESOLVE_NO_SERVICE', `The SRV record of "${this.#host}" says that it offers no such service`)
    return error('SBC_RESOLVE_NOT_FOUND', `"${this.#host}" has no ${this.#families.map((family) => `IPv${family}`).join(' or ')} address`)
  }

  #noTransport(): Walk {
    const { host, transport, secure } = this.#nextHop
    const have = this.#supported.join(', ') || 'none'
    const wanted = transport === undefined ? 'a secure transport' : `transport ${transport}${secure ? ' from a sips URI' : ''}`
    return error('SBC_RESOLVE_NO_TRANSPORT', `"${host}" needs ${wanted}; the listeners towards it have ${have}`)
  }

  #noFamily(family: 4 | 6): Walk {
    return error('SBC_RESOLVE_NO_FAMILY', `"${this.#host}" is an IPv${family} address, which no listener towards it can reach`)
  }
}

type Tiers = readonly (readonly Choice[])[]

const error = (code: ResolveCode, message: string): Walk => ({ kind: 'error', code, message })

/** True when `arrange` gives the same list each time. */
export const isFixed = ({ tiers }: Plan): boolean => tiers.every((tier) => tier.length === 1 || tier.every(({ weight }) => weight === 0))

/** RFC 2782 and RFC 3263 §4.3: one draw; each destination once. */
export const arrange = ({ tiers }: Plan, random: Random): readonly Destination[] => {
  const [only] = tiers
  if (tiers.length === 1 && only?.length === 1) return only[0]!.destinations
  const arranged: Destination[] = []
  for (const tier of tiers) {
    for (const { destinations } of byWeight(tier, random)) {
      for (const destination of destinations) if (!arranged.includes(destination)) arranged.push(destination)
    }
  }
  return arranged
}
