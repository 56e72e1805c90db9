/**
 * The state of a dialog, carried by the dialog itself (design D1): a signed parameter `ew` of our Record-Route and Path URIs.
 *
 *     ew=<key><owner><side>!<side>[!<media>].<mac>     side = <listener><zone>[<flow>]     media = <session>~<branch>~<node>[~<target>]
 *
 * Listener and zone are four-character short names, so that nothing inside is told to the outside; the flow says through which
 * connection or pinhole a peer is reached that cannot be connected to; the media part finds the session in rtpengine. The MAC covers the Call-ID (Record-Route) or a text that no Call-ID
 * can be (Path), so a cookie that was seen in one call is worth nothing in another.
 */
import type { Listener } from '../address/listener.ts'
import { InvariantError } from '../base/errors.ts'
import { type KeyedHash, sameText, shortName } from '../base/keyed-hash.ts'
import type { Zone } from '../zones/zone.ts'

/** One end of a crossing. */
export interface Side {
  readonly listener: Listener
  readonly zone: Zone
  /** `undefined` for a peer that is reached by its address. */
  readonly flow: FlowToken | undefined
}

/**
 * How a flow is found again. `datagram`: address and port, good for ever. `connection`: the connection while it is open in the process
 * that wrote it, afterwards whichever connection the same client (`identity`) has registered through.
 */
export type FlowToken =
  | { readonly kind: 'datagram'; readonly address: string; readonly port: number }
  | { readonly kind: 'connection'; readonly boot: string; readonly id: string; readonly identity: string }

/** The media session of a dialog, as far as a process that knows nothing else needs it. */
export interface MediaState {
  /** The part of the ng call-id that is ours. */
  readonly session: string
  /** Counted from 1: which of the forked branches. */
  readonly branch: number
  /** Short name of the node. */
  readonly node: string
  /** Short name of the callee's target, where it has a media policy of its own. */
  readonly target: string | undefined
}

export interface RouteState {
  /** The key that the dialog lives by. */
  readonly key: string
  readonly owner: string
  /** The side that the dialog-creating request came from, and the one it went to. For Path: the registrar's side, the client's side. */
  readonly caller: Side
  readonly callee: Side
  readonly media: MediaState | undefined
}

/** `forgotten`: what it names was in a table, and is gone. */
export type StateFault = 'malformed' | 'forged' | 'expired-key' | 'unknown-listener' | 'unknown-zone' | 'forgotten'

/** Writes and reads `ew`; knows the listeners and zones of one configuration. */
export class RouteStateCodec {
  readonly #hash: KeyedHash
  readonly #owner: string
  readonly #listeners = new Map<string, Listener>()
  readonly #zones = new Map<string, Zone>()
  readonly #short = new Map<string, string>()

  constructor(hash: KeyedHash, owner: string, listeners: readonly Listener[], zones: Iterable<Zone>) {
    this.#hash = hash
    this.#owner = owner
    for (const listener of listeners) this.#listeners.set(this.#name(`l ${listener.name}`, this.#listeners), listener)
    for (const zone of zones) this.#zones.set(this.#name(`z ${zone.name}`, this.#zones), zone)
  }

  /** A short name that nobody has yet: of two names that shorten to the same, the later one gets another. */
  #name(text: string, taken: ReadonlyMap<string, unknown>): string {
    let salted = text
    while (taken.has(shortName(salted))) salted += ' '
    const short = shortName(salted)
    this.#short.set(text, short)
    return short
  }

  /** @param bound what the cookie is good for: the Call-ID, or the text for Path */
  encode(caller: Side, callee: Side, bound: string, media?: MediaState): string {
    const key = this.#hash.currentKey
    const payload = key + this.text(caller, callee, media)
    return `${payload}.${this.#hash.mac(key, `${payload}|${bound}`)}`
  }

  /** The state without key and MAC, for who protects it otherwise; the inverse of `read`. */
  text(caller: Side, callee: Side, media: MediaState | undefined): string {
    const sides = `${this.#owner}${this.#side(caller)}!${this.#side(callee)}`
    return media === undefined ? sides : `${sides}!${mediaText(media)}`
  }

  decode(cookie: string, bound: string): RouteState | StateFault {
    // What is no cookie of ours costs no hash; and a `|` in it could move the border between cookie and Call-ID
    if (cookie.length > LONGEST || !COOKIE.test(cookie)) return 'malformed'
    const dot = cookie.lastIndexOf('.')
    const payload = cookie.slice(0, dot)
    const expected = this.#hash.mac(payload[0]!, `${payload}|${bound}`)
    if (expected === undefined) return 'expired-key'
    if (!sameText(expected, cookie.slice(dot + 1))) return 'forged'
    return this.read(payload.slice(1), payload[0]!)
  }

  /** @param text what `text` made, verified @param key that it was protected with */
  read(text: string, key: string): RouteState | StateFault {
    const owner = text[0]!
    const middle = text.indexOf('!')
    const caller = this.#read(text.slice(1, middle))
    if (typeof caller === 'string') return caller
    const end = text.indexOf('!', middle + 1)
    const callee = this.#read(text.slice(middle + 1, end < 0 ? undefined : end))
    if (typeof callee === 'string') return callee
    if (end < 0) return { key, owner, caller, callee, media: undefined }
    const media = readMedia(text.slice(end + 1))
    return media === undefined ? 'malformed' : { key, owner, caller, callee, media }
  }

  /** 66 bits that name a text, and that nobody else can find. */
  nameOf(text: string): string {
    return this.#hash.mac(this.#hash.currentKey, `a name ${text}`)!
  }

  #side({ listener, zone, flow }: Side): string {
    const listenerShort = this.#short.get(`l ${listener.name}`)
    const zoneShort = this.#short.get(`z ${zone.name}`)
    if (listenerShort === undefined || zoneShort === undefined)
      throw new InvariantError(`Listener ${listener.name} or zone ${zone.name} is not of this configuration`)
    return listenerShort + zoneShort + (flow === undefined ? '' : flowText(flow))
  }

  #read(text: string): Side | StateFault {
    const listener = this.#listeners.get(text.slice(0, 4))
    if (listener === undefined) return 'unknown-listener'
    const zone = this.#zones.get(text.slice(4, 8))
    if (zone === undefined) return 'unknown-zone'
    if (text.length === 8) return { listener, zone, flow: undefined }
    const flow = readFlow(text.slice(8))
    return flow === undefined ? 'malformed' : { listener, zone, flow }
  }
}

/** Key, owner, two sides of 8 characters and more, 11 of MAC; all of it unreserved characters of a URI parameter (§25.1). */
const COOKIE = /^[A-Za-z0-9_-]{2}[A-Za-z0-9_\-.~'*]{8,}![A-Za-z0-9_\-.~'*]{8,}(?:![A-Za-z0-9_\-~]{8,})?\.[A-Za-z0-9_-]{11}$/
const LONGEST = 400

/** A colon would be legal, but is escaped by some; `%` (the scope of a link-local address) is not. */
const flowText = (flow: FlowToken): string =>
  flow.kind === 'datagram'
    ? `u${flow.address.replaceAll(':', "'").replace('%', '*')}~${flow.port}`
    : `c${flow.boot}~${flow.id}~${flow.identity}`

const mediaText = ({ session, branch, node, target }: MediaState): string =>
  `${session}~${branch}~${node}${target === undefined ? '' : `~${target}`}`

const readMedia = (text: string): MediaState | undefined => {
  const [session, branch, node, target] = text.split('~')
  return session === undefined || branch === undefined || !/^\d{1,4}$/.test(branch) || node === undefined
    ? undefined
    : { session, branch: Number(branch), node, target }
}

const readFlow = (text: string): FlowToken | undefined => {
  const parts = text.slice(1).split('~')
  if (text[0] === 'u' && parts.length === 2 && /^\d{1,5}$/.test(parts[1]!))
    return { kind: 'datagram', address: parts[0]!.replaceAll("'", ':').replace('*', '%'), port: Number(parts[1]) }
  if (text[0] === 'c' && parts.length === 3) return { kind: 'connection', boot: parts[0]!, id: parts[1]!, identity: parts[2]! }
  return undefined
}
