import { indexOfHeader, line, type SipRequest, withHeaders } from '../../sip/message.ts'
import type { Crossing } from '../crossing.ts'
import type { Side } from '../route-state.ts'

/**
 * T7, RFC 5658: one entry for each side, the outgoing side's on top, each with the transport of its own side and the same signed state.
 * One entry is enough only when nothing differs: the same listener, zone and no flow on either side. `ews` tells the two entries apart
 * when they share a listener and would read the same.
 */
export const recordRoute = (
  request: SipRequest,
  { recordRoute: wanted, ingress, egress, advertiseIngress, advertiseEgress, cookie }: Crossing,
): SipRequest => {
  if (!wanted) return request
  if (sameSide(ingress, egress) && advertiseIngress === advertiseEgress) {
    return insertRecordRoute(request, `<${egress.listener.routeUri(`;ew=${cookie}`, advertiseEgress)}>`)
  }
  const shared = ingress.listener === egress.listener
  const outgoing = `<${egress.listener.routeUri(`;r2=on;ew=${cookie}${shared ? ';ews=b' : ''}`, advertiseEgress)}>`
  const incoming = `<${ingress.listener.routeUri(`;r2=on;ew=${cookie}${shared ? ';ews=a' : ''}`, advertiseIngress)}>`
  return insertRecordRoute(request, outgoing, incoming)
}

const sameSide = (a: Side, b: Side): boolean =>
  a.listener === b.listener && a.zone === b.zone && a.flow === undefined && b.flow === undefined

/** Above the Record-Routes that are there, below the Vias (which keeps the head readable and the untouched lines together). */
const insertRecordRoute = (request: SipRequest, ...values: readonly string[]): SipRequest => {
  const at = indexOfHeader(request, 'record-route')
  const made = values.map((value) => line('Record-Route', value))
  return withHeaders(request, request.headers.toSpliced(Math.max(at, 0), 0, ...made))
}
