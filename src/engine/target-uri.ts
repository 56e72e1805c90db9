import { hostText, type Listener } from '../address/listener.ts'
import type { Candidate } from '../routing/decide.ts'
import { isSip, type SipUri, type Uri, withoutUriParameter, withUriParameter } from '../sip/uri.ts'

/** The Request-URI toward a candidate; `undefined` keeps the one there is. @param uri as it came @param listener that it leaves by */
export const targetUri = (candidate: Candidate, uri: Uri, listener: Listener): Uri | undefined => {
  if (candidate.kind === 'side') return candidate.contact?.uri
  // RFC 5031: a service stays what is asked for, whoever is asked
  if (candidate.kind !== 'target' || candidate.requestUri === 'keep' || uri.scheme === 'urn') return undefined
  const { target } = candidate
  const userinfo = isSip(uri) ? uri.userinfo : uri.number
  const kept = isSip(uri) ? uri.parameters : ';user=phone'
  const made: SipUri = {
    // A target that says `transport=tls` is no `sips` one: that would ask the peer for TLS on every hop (RFC 5630 §3.1.3)
    scheme: target.secure ? 'sips' : 'sip',
    userinfo: userinfo ?? target.user,
    host: hostText(target.host),
    port: target.port,
    parameters: kept,
    headers: '',
  }
  // T4: named where the target's own URI names it, in the form of the leg
  return target.transport === undefined || listener.transport.name === 'udp'
    ? withoutUriParameter(made, 'transport')
    : withUriParameter(made, 'transport', listener.transport.uri)
}
