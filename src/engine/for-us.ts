/** OPTIONS whose answer is ours (§11.2): somebody asks whether the edge itself is there, and what it can. */
import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { allowToward } from '../routing/methods.ts'
import { line, type SipRequest } from '../sip/message.ts'
import { isSip, type Uri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'
import { answer, OWN_ALLOW } from './answers.ts'
import { advertisedBy, type Edge } from './edge.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** @param zone that it came from @param uri its Request-URI */
export const answerForUs = (edge: Edge, flow: Flow, zone: Zone, request: SipRequest, uri: Uri, transaction: ServerTransaction): void => {
  if (zone.profile.reach === 'address') {
    edge.askers.asked(zone, flow, request)
    edge.metrics.optionsAsked(zone.name)
  }
  const { listener } = flow
  // Under the name that it was asked by, where that is one of ours
  const as = advertisedBy(listener, isSip(uri) ? bareHost(uri.host) : undefined, zone.advertise)
  transaction.respond(
    answer(request, 200, 'OK', edge.ids.token(8), [
      line('Contact', `<${listener.contactUri(as)}>`),
      line('Allow', allowToward(OWN_ALLOW, zone)),
      line('Accept', 'application/sdp'),
      line('Supported', 'path, outbound'),
    ]),
  )
}
