import { addressOfRecord, ourAddress, subscriberOf } from '../../registrar/address.ts'
import type { Bindings } from '../../registrar/bindings.ts'
import { type Client, type Forking, groupsOf } from '../../registrar/groups.ts'
import type { Binding, Subscribers } from '../../registrar/types.ts'
import type { Called, Candidate } from '../../routing/decide.ts'
import { isSip, parseUri, type SipUri, type Uri, withoutUriParameter } from '../../sip/uri.ts'
import type { Transports } from '../../transport/types.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Clients } from '../clients.ts'
import { isOurHost } from '../domains.ts'
import type { Running } from '../edge.ts'

export interface CalleesDeps {
  readonly bindings: Bindings
  readonly clients: Clients
  readonly transports: Transports
  /** undefined: there are none. */
  readonly subscribers: Subscribers | undefined
}

/** The location service (§16.5): from a Request-URI to the contacts that our own registrar has for it, and the flows that reach them. */
export class Callees {
  readonly #deps: CalleesDeps

  constructor(deps: CalleesDeps) {
    this.#deps = deps
  }

  /** An address pair is always reachable, as far as anybody knows; a connection while it is open. */
  isReachable({ flow }: Binding): boolean {
    const { clients, transports } = this.#deps
    return flow.kind === 'datagram' || clients.itself(flow, (id) => transports.flowById(id)) !== undefined
  }

  /** @param zones those that the contacts may be in; each has `registration: here` */
  find(uri: Uri, zones: readonly Zone[], forking: Forking, running: Pick<Running, 'snapshot' | 'myself'>): Called {
    const { registrar } = running.snapshot
    if (registrar === undefined) return NOBODY
    const named = ourAddress(uri, { isOurs: (one) => isOurHost(one, running) })
    if (named === undefined) return this.#byContact(uri, zones)
    const { bindings, subscribers } = this.#deps
    const subscriber = subscriberOf(named.user, subscribers)
    if (subscriber?.enabled === false) return AWAY
    const known = bindings
      .of(addressOfRecord(subscriber?.user ?? named.user, registrar))
      .filter((binding) => binding.registrar === undefined)
    if (subscriber === undefined && known.length === 0) return NOBODY
    // A lost connection is no answer of its client: it is left out, and the others ring
    const here = known.filter((binding) => zones.some(({ name }) => name === binding.zone) && this.isReachable(binding))
    const groups = groupsOf(here, named.instance, forking)
      .map((group) => group.flatMap((client) => candidateOf(client, running) ?? []))
      .filter((group) => group.length > 0)
    return groups.length === 0 ? AWAY : { kind: 'groups', groups }
  }

  /** What is no address of ours may be the Contact of a client that is connected: of a dialog that it was in, say. */
  #byContact(uri: Uri, zones: readonly Zone[]): Called {
    if (!isSip(uri)) return NOBODY
    const zone = zones.find((one) => this.#deps.clients.byContact(uri, one) !== undefined)
    return zone === undefined ? NOBODY : { kind: 'groups', groups: [[{ kind: 'request-uri', zone }]] }
  }
}

const NOBODY: Called = { kind: 'nobody', status: 404, reason: 'Not Found' }
/** §21.4.18; so is one that is locked: whether there is such a user is not told to callers. */
const AWAY: Called = { kind: 'nobody', status: 480, reason: 'Temporarily Unavailable' }

/** RFC 5626 §7: the flows of one client form a chain, of which each is tried when the one before failed. */
const candidateOf = (client: Client, { snapshot, myself }: Pick<Running, 'snapshot' | 'myself'>): Candidate | undefined => {
  let chain: Candidate | undefined
  for (const { zone: zoneName, listener: listenerName, contact, path, flow } of client.toReversed()) {
    const listener = myself.named(listenerName)
    const zone = snapshot.zones.get(zoneName)
    const uri = parseUri(contact)
    // The configuration may have another listener or zone since
    if (listener === undefined || zone === undefined || uri === undefined || !isSip(uri)) continue
    chain = { kind: 'side', side: { listener, zone, flow }, contact: { uri: targetOf(uri), path, next: chain } }
  }
  return chain
}

/** §19.1.1: what a Contact may hold and a Request-URI may not. */
const targetOf = (uri: SipUri): SipUri => withoutUriParameter({ ...uri, headers: '' }, 'method')
