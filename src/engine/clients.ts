import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import { recordText } from '../registrar/address.ts'
import { instanceOf } from '../registrar/contact.ts'
import { instanceOfGruu } from '../registrar/gruu.ts'
import type { FlowToken } from '../routing/route-state.ts'
import { firstHeader, headerValue, type SipMessage } from '../sip/message.ts'
import { parameter } from '../sip/parameters.ts'
import { address, addresses } from '../sip/read.ts'
import { isSip, parseUri, type SipUri, uriParameter } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'

/**
 * Which connection a client is reached through that cannot be connected to: a browser, a phone behind NAT. The client is known by what
 * stays the same when it connects again: its `+sip.instance` (RFC 5626 §4.1), else the Contact it made up for itself, which for browsers
 * is a random name under `.invalid`.
 *
 * A client is bound to a connection when a registrar accepted its REGISTER on it. Everybody it calls sees its Contact, and could copy it;
 * so an accepted REGISTER moves a client only for the address-of-record that brought it, and a dialog alone binds only a client that
 * nobody registered and no open connection has.
 */
export class Clients {
  readonly #boot: string
  readonly #digest: (text: string) => string
  readonly #flows = new Map<string, Flow>()
  #bound: (identity: string, flow: Flow) => void = () => {}
  /** The addresses-of-record and their registrars, as digests behind each other, that were accepted for an identity; it outlives the connection. */
  readonly #owners = new Map<string, string>()
  /** What each flow is known by. */
  readonly #identities = new Map<Flow, Set<string>>()
  /** The last Contact seen on a flow and what it came to, since a client writes the same one again and again. */
  readonly #seen = new WeakMap<Flow, { readonly contact: string; readonly identities: readonly string[] }>()

  /**
   * @param boot a text that differs for each start of the process: connection ids are unique in one life only
   * @param digest a short text, the same for the same input, from which the input cannot be told
   */
  constructor(boot: string, digest: (text: string) => string) {
    this.#boot = boot
    this.#digest = digest
  }

  /** Of this process: what the tokens of its connections begin with. */
  get boot(): string {
    return this.#boot
  }

  /** The token to put into a cookie for the peer at the other end of `flow`, which sent `message`, or is about to get it. */
  token(flow: Flow, zone: Zone, message: SipMessage | undefined): FlowToken {
    if (!flow.listener.transport.reliable) return { kind: 'datagram', address: flow.remoteAddress, port: flow.remotePort }
    const read = message === undefined ? undefined : this.#read(flow, zone, message)[0]
    // Somebody else's identity in our cookie would send this peer's requests to the one it belongs to
    const written = read === undefined || this.#isFree(read, flow) || this.#isOwn(read, zone, message!) ? read : undefined
    return {
      kind: 'connection',
      boot: this.#boot,
      id: flow.id,
      identity: written ?? this.#identities.get(flow)?.values().next().value ?? '',
    }
  }

  /**
   * What one binding of an address-of-record is known by: nobody else can be found by it, whatever instance or Contact he shows.
   * @param registrar the zone of who accepts it
   */
  bindingName(zone: Zone, registrar: Zone, aor: string, key: string): string {
    return BINDING + this.#digest(`${zone.name} b ${registrar.name} ${aor} ${key}`)
  }

  /** A registrar accepted that binding from there. */
  bindName(name: string, flow: Flow): void {
    if (flow.listener.transport.reliable && flow.open) this.#bind(name, flow)
  }

  /** The open connection that a token means, today. */
  find(token: Extract<FlowToken, { kind: 'connection' }>, byId: (id: string) => Flow | undefined): Flow | undefined {
    const here = this.at(token.identity)
    if (token.boot !== this.#boot) return here
    const same = byId(token.id)
    if (same?.open !== true) return here
    return here !== undefined && here !== same && this.#isSamePage(same, here) ? here : same
  }

  /**
   * The open connection that the token was made for, and no other. For calls to who is registered with us: a client that came back has
   * registered anew, and until then somebody else may show its instance or Contact.
   */
  itself(token: Extract<FlowToken, { kind: 'connection' }>, byId: (id: string) => Flow | undefined): Flow | undefined {
    const flow = token.boot === this.#boot ? byId(token.id) : undefined
    return flow?.open ? flow : undefined
  }

  /** The open connection of the client whose Contact this is. */
  byContact(uri: SipUri, zone: Zone): Flow | undefined {
    const flow = this.#flows.get(this.#contactIdentity(uri, zone))
    return flow?.open ? flow : undefined
  }

  /** The open connection of a client. */
  at(identity: string): Flow | undefined {
    const flow = this.#flows.get(identity)
    return flow?.open ? flow : undefined
  }

  /** What the client with that Contact is known by. */
  identityOf(contact: SipUri, zone: Zone): string {
    return this.#contactIdentity(contact, zone)
  }

  /** @param bound told when a client is found behind a connection */
  watch(bound: (identity: string, flow: Flow) => void): void {
    this.#bound = bound
  }

  /**
   * A registrar accepted what this client sent: from now on it is here.
   * @param registrar its zone, whose word counts for its own users alone; undefined: we ourselves
   */
  registered(flow: Flow, zone: Zone, register: SipMessage, registrar?: Zone): void {
    const addressOfRecord = this.#addressOfRecord(zone, register) + this.#digest(`r ${registrar?.name ?? ''}`)
    const leaves = takesBack(register)
    for (const identity of this.#read(flow, zone, register)) {
      const owners = this.#owners.get(identity)
      if (leaves) {
        if (owners === addressOfRecord) this.#owners.delete(identity)
        continue
      }
      const same = owners === undefined || owners.includes(addressOfRecord)
      // Private addresses repeat behind NATs: such a Contact may go to another client once its last one is gone
      if (!same && !this.#isFree(identity, flow)) continue
      if (owners === undefined || !same)
        this.#own(identity, same || this.#flows.get(identity) !== flow ? addressOfRecord : `${owners} ${addressOfRecord}`)
      this.#bind(identity, flow)
    }
  }

  /** The client made or answered a call here; it is bound when no open connection has it. */
  seen(flow: Flow, zone: Zone, message: SipMessage): void {
    for (const identity of this.#read(flow, zone, message))
      if (!this.#owners.has(identity) && !this.#flows.get(identity)?.open) this.#bind(identity, flow)
  }

  closed(flow: Flow): void {
    const identities = this.#identities.get(flow)
    if (identities === undefined) return
    this.#identities.delete(flow)
    for (const identity of identities) if (this.#flows.get(identity) === flow) this.#flows.delete(identity)
  }

  /**
   * A page has one connection. When its network has changed the old one looks open for a minute or two, and leads nowhere. Two pages with one
   * instance are two.
   */
  #isSamePage(old: Flow, now: Flow): boolean {
    const there = this.#identities.get(now)
    for (const identity of this.#identities.get(old) ?? []) if (identity.startsWith(PAGE) && there?.has(identity)) return true
    return false
  }

  /** Nobody else has it: not by an open connection, and no registrar gave a name that is unique in the world to anybody. */
  #isFree(identity: string, flow: Flow): boolean {
    const bound = this.#flows.get(identity)
    if (bound === flow) return true
    return bound?.open !== true && !(!identity.startsWith(SHARED) && this.#owners.has(identity))
  }

  /** It came back, and is about to tell the registrar. A From is only a claim: good enough for a cookie of its own calls. */
  #isOwn(identity: string, zone: Zone, message: SipMessage): boolean {
    const name = message.kind === 'request' && message.method !== 'REGISTER' ? 'from' : 'to'
    return this.#owners.get(identity)?.includes(this.#addressOfRecord(zone, message, name)) === true
  }

  #own(identity: string, owners: string): void {
    this.#owners.delete(identity)
    // One client can have several accounts, not any number of them
    this.#owners.set(identity, owners.slice(-MAX_OWNERS_TEXT))
    if (this.#owners.size <= MAX_OWNERS) return
    let looked = 0
    for (const [oldest, text] of this.#owners) {
      this.#owners.delete(oldest)
      if (this.#flows.get(oldest)?.open !== true) return
      this.#owners.set(oldest, text)
      if (++looked === OLDEST_LOOKED_AT) return
    }
  }

  #bind(identity: string, flow: Flow): void {
    let known = this.#identities.get(flow)
    if (known === undefined) {
      known = new Set()
      this.#identities.set(flow, known)
    }
    if (known.size >= MAX_IDENTITIES && !known.has(identity)) {
      // What `closed` does not know of would stay for ever: the oldest goes
      const oldest = known.values().next().value!
      known.delete(oldest)
      if (this.#flows.get(oldest) === flow) this.#flows.delete(oldest)
    }
    known.add(identity)
    this.#flows.set(identity, flow)
    this.#bound(identity, flow)
  }

  #read(flow: Flow, zone: Zone, message: SipMessage): readonly string[] {
    const one = firstHeader(message, 'contact')
    if (one === undefined) return []
    const seen = this.#seen.get(flow)
    if (seen?.contact === one.value) return seen.identities
    const identities: string[] = []
    const contact = one.value === '*' ? undefined : addresses(one)?.[0]
    if (contact !== undefined) {
      const instance = parameter(contact.parameters, '+sip.instance')
      if (instance !== undefined)
        identities.push(INSTANCE + this.#digest(`${zone.name} i ${instance} ${parameter(contact.parameters, 'reg-id') ?? ''}`))
      const uri = parseUri(contact.uri)
      if (uri !== undefined && isSip(uri)) identities.push(this.#contactIdentity(uri, zone))
      // RFC 5627 §3.4: in its dialogs the instance may be known by its GRUU
      if (instance !== undefined) identities.push(this.#gruuIdentity(instanceOf(contact.parameters), zone))
    }
    this.#seen.set(flow, { contact: own(one.value), identities })
    return identities
  }

  #contactIdentity(uri: SipUri, zone: Zone): string {
    const instance = instanceOfGruu(uriParameter(uri, 'gr'))
    // INTEROP(JsSIP): the GRUU is its Contact in dialogs, the same in each of them and after each reconnect
    if (instance !== '') return this.#gruuIdentity(instance, zone)
    const host = bareHost(uri.host)
    // A browser's name under .invalid is random and its alone; everyone else is told apart by user, host and port
    return host.endsWith('.invalid')
      ? PAGE + this.#digest(`${zone.name} h ${host}`)
      : SHARED + this.#digest(`${zone.name} c ${uri.userinfo ?? ''}@${host}:${uri.port ?? ''}`)
  }

  #gruuIdentity(instance: string, zone: Zone): string {
    return INSTANCE + this.#digest(`${zone.name} g ${instance}`)
  }

  /** §10.2: the To of a REGISTER; the digest of it. */
  #addressOfRecord(zone: Zone, message: SipMessage, name: 'from' | 'to' = 'to'): string {
    const one = firstHeader(message, name)
    const uri = one === undefined ? undefined : parseUri(address(one)?.uri ?? '')
    if (uri === undefined) return this.#digest(`${zone.name} o ${one?.value ?? ''}`)
    return this.#digest(`${zone.name} a ${recordText(uri)}`)
  }
}

/** §10.2.2: is the first Contact taken back? */
const takesBack = (register: SipMessage): boolean => {
  const contact = firstHeader(register, 'contact')
  const first = contact === undefined ? undefined : addresses(contact)?.[0]
  return ((first === undefined ? undefined : parameter(first.parameters, 'expires')) ?? headerValue(register, 'expires')) === '0'
}

/** What an identity begins with: names that nobody else has by chance, or an address that other clients may have in their network, too;
 * or that it is one binding's. */
const INSTANCE = 'u'
const PAGE = 'h'
const SHARED = 'c'
const BINDING = 'b'

/** Identities whose owners are remembered; those of open connections are never forgotten. */
const MAX_OWNERS = 200_000
const OLDEST_LOOKED_AT = 8
/** Four accounts on one client, each with its registrar. */
const MAX_OWNERS_TEXT = 99

/** One connection may carry several clients (a softphone with several accounts), not thousands. */
const MAX_IDENTITIES = 64
