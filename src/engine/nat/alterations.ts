import type { Flow } from '../../address/flow.ts'
import { headerValue, type SipRequest } from '../../sip/message.ts'
import { alterations } from '../../zones/nat-signs.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Edge } from '../edge.ts'

const HOUR_MS = 3_600_000
/** Sources that were spoken of. */
const MOST = 5000

/**
 * N7: says that somebody on the way writes messages anew, which is the first thing to know when calls through a router fail. Once an hour for
 * each source, and beside the messages of each call.
 */
export class AlterationHints {
  /** Clock milliseconds, by address; the oldest first. */
  readonly #told = new Map<string, number>()

  /** A request that begins something. */
  look(edge: Edge, zone: Zone, request: SipRequest, flow: Flow): void {
    if (zone.nat.tests.length === 0 || (request.method !== 'INVITE' && request.method !== 'REGISTER')) return
    if (zone.nat.local.some((one) => one.contains(flow.remoteAddress))) return
    const altered = alterations(request, flow)
    if (altered.length === 0) return
    const callId = headerValue(request, 'call-id')!
    if (request.method === 'INVITE')
      edge.trace?.note(callId, `Written anew on its way, or by a client that knows its NAT: ${altered.join(', ')}`)
    const now = edge.clock.now()
    const told = this.#told.get(flow.remoteAddress)
    if (told !== undefined && now - told < HOUR_MS) return
    this.#told.delete(flow.remoteAddress)
    this.#told.set(flow.remoteAddress, now)
    if (this.#told.size > MOST) this.#told.delete(this.#told.keys().next().value!)
    edge.log.info(
      { callId, zone: zone.name, listener: flow.listener.name, remote: flow.remoteAddress, altered },
      'Messages of this source are written anew on their way: if its calls fail, switch off the SIP ALG of its router',
    )
  }
}
