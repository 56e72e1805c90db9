import { TRANSPORTS, transportNamed } from '../../address/transports.ts'
import { type SipRequest, withRequestUri } from '../../sip/message.ts'
import { formatUri, isSip, parseUri, type Uri, uriParameter, withoutUriParameter, withUriParameter } from '../../sip/uri.ts'
import type { Crossing } from '../crossing.ts'

/** §16.6 item 2, T4: the Request-URI of the decision, with a `;transport=` that is true for the leg it travels on. */
export const setTarget = (request: SipRequest, { target, egress }: Crossing): SipRequest => {
  // Most Request-URIs inside a dialog name no transport: nothing to look at
  if (target === undefined && !request.requestUri.includes(';')) return request
  const uri = target ?? parseUri(request.requestUri)!
  const fitted = fitTransport(uri, egress.listener.transport.uri)
  return target === undefined && fitted === uri ? request : withRequestUri(request, formatUri(fitted))
}

/** A transport that contradicts the leg is replaced, toward UDP removed; where none is named none is added. Case does not matter. */
export const fitTransport = <U extends Uri>(uri: U, leg: string): U => {
  if (!isSip(uri)) return uri
  const named = uriParameter(uri, 'transport')
  if (named === undefined || named.toLowerCase() === leg) return uri
  // A token we do not know is the peer's own business (`;transport=sctp` never reaches this leg by us)
  if (transportNamed(named) === undefined) return uri
  return leg === TRANSPORTS.udp.uri ? withoutUriParameter(uri, 'transport') : withUriParameter(uri, 'transport', leg)
}
