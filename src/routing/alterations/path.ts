import { indexOfHeader, line, prepend, type SipRequest, withHeaders } from '../../sip/message.ts'
import { tokens } from '../../sip/read.ts'
import type { Crossing } from '../crossing.ts'

/**
 * RFC 3327 §5.2: a Path on a REGISTER that came from a peer who is reached by flow. It names the listener toward the registrar, where its
 * requests come in; the flow (RFC 5626 §5.1) is in the signed state. `ewp` tells this state from a Record-Route's.
 */
export const path = (request: SipRequest, { path: wanted, egress, advertiseEgress, cookie }: Crossing): SipRequest => {
  if (!wanted) return request
  const made = line('Path', `<${egress.listener.routeUri(`;ob;ewp;ew=${cookie}`, advertiseEgress)}>`)
  const at = indexOfHeader(request, 'path')
  const withPath = at < 0 ? prepend(request, made) : withHeaders(request, request.headers.toSpliced(at, 0, made))
  // RFC 3327 §5.1: registrars that were not told so refuse a Path with 420
  return tokens(withPath, 'supported').some((tag) => tag.toLowerCase() === 'path')
    ? withPath
    : withHeaders(withPath, [...withPath.headers, line('Supported', 'path')])
}
