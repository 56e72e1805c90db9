import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import type { FlowToken } from '../routing/route-state.ts'
import { firstHeader, type SipMessage } from '../sip/message.ts'
import { parameter } from '../sip/parameters.ts'
import { addresses } from '../sip/read.ts'
import { parseUri, type SipUri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'

/**
 * Which connection a client is reached through that cannot be connected to: a browser, a phone behind NAT. The client is known by what
 * stays the same when it connects again: its `+sip.instance` (RFC 5626 §4.1), else the Contact it made up for itself, which for browsers
 * is a random name under `.invalid`.
 *
 * A client is bound to a connection when a registrar accepted its REGISTER on it; a dialog alone binds only a client that no open
 * connection has, so that nobody takes over another's calls by copying a Contact.
 */
export class Clients {
  readonly #boot: string
  readonly #digest: (text: string) => string
  readonly #flows = new Map<string, Flow>()
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

  /** The token to put into a cookie for the peer at the other end of `flow`, which sent `message`, or is about to get it. */
  token(flow: Flow, zone: Zone, message: SipMessage | undefined): FlowToken {
    if (!flow.listener.transport.reliable) return { kind: 'datagram', address: flow.remoteAddress, port: flow.remotePort }
    const identity =
      (message === undefined ? undefined : this.#read(flow, zone, message)[0]) ?? this.#identities.get(flow)?.values().next().value ?? ''
    return { kind: 'connection', boot: this.#boot, id: flow.id, identity }
  }

  /** The open connection that a token means, today. */
  find(token: Extract<FlowToken, { kind: 'connection' }>, byId: (id: string) => Flow | undefined): Flow | undefined {
    if (token.boot === this.#boot) {
      const same = byId(token.id)
      if (same?.open) return same
    }
    const flow = this.#flows.get(token.identity)
    return flow?.open ? flow : undefined
  }

  /** The open connection of the client whose Contact this is. */
  byContact(uri: SipUri, zone: Zone): Flow | undefined {
    const flow = this.#flows.get(this.#contactIdentity(uri, zone))
    return flow?.open ? flow : undefined
  }

  /** A registrar accepted what this client sent: from now on it is here. */
  registered(flow: Flow, zone: Zone, register: SipMessage): void {
    for (const identity of this.#read(flow, zone, register)) this.#bind(identity, flow)
  }

  /** The client made or answered a call here; it is bound when no open connection has it. */
  seen(flow: Flow, zone: Zone, message: SipMessage): void {
    for (const identity of this.#read(flow, zone, message)) if (!this.#flows.get(identity)?.open) this.#bind(identity, flow)
  }

  closed(flow: Flow): void {
    const identities = this.#identities.get(flow)
    if (identities === undefined) return
    this.#identities.delete(flow)
    for (const identity of identities) if (this.#flows.get(identity) === flow) this.#flows.delete(identity)
  }

  #bind(identity: string, flow: Flow): void {
    this.#flows.set(identity, flow)
    const known = this.#identities.get(flow)
    if (known === undefined) this.#identities.set(flow, new Set([identity]))
    else if (known.size < MAX_IDENTITIES) known.add(identity)
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
        identities.push(this.#digest(`${zone.name} i ${instance} ${parameter(contact.parameters, 'reg-id') ?? ''}`))
      const uri = parseUri(contact.uri)
      if (uri !== undefined && uri.scheme !== 'tel') identities.push(this.#contactIdentity(uri, zone))
    }
    this.#seen.set(flow, { contact: own(one.value), identities })
    return identities
  }

  #contactIdentity(uri: SipUri, zone: Zone): string {
    const host = bareHost(uri.host)
    // A browser's name under .invalid is random and its alone; everyone else is told apart by user, host and port
    return this.#digest(
      host.endsWith('.invalid') ? `${zone.name} h ${host}` : `${zone.name} c ${uri.userinfo ?? ''}@${host}:${uri.port ?? ''}`,
    )
  }
}

/** One connection may carry several clients (a softphone with several accounts), not thousands. */
const MAX_IDENTITIES = 64
