import { append, line, type SipRequest, withRequestUri } from '../../sip/message.ts'
import { formatUri, isSip, parseUri, uriParameter } from '../../sip/uri.ts'
import { dropTopRoute, topRoute } from '../classify.ts'

/** §16.6 item 6: a next hop without `lr` is a strict router; it wants itself in the Request-URI and the target as the last Route. */
export const strictRoute = (request: SipRequest): SipRequest => {
  const top = topRoute(request)
  if (top === undefined) return request
  const uri = parseUri(top.uri)
  if (uri === undefined || !isSip(uri) || uriParameter(uri, 'lr') !== undefined) return request
  const target = line('Route', `<${request.requestUri}>`)
  return withRequestUri(append(dropTopRoute(request), target), formatUri({ ...uri, headers: '' }))
}
