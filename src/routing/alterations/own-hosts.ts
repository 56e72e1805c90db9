/**
 * Hosts in From, To, identities and histories toward a zone that sees our name instead of the endpoints' (T §3.3): inside addresses become that
 * name, the same one at every request of a dialog. Responses get back what was written (parties.ts), and so do later requests of the other side: what
 * stood there is in the sealed Contact that they are sent to (sealed-contact.ts).
 */
import { bareHost, hostText, type Listener } from '../../address/listener.ts'
import { firstHeader, type HeaderLine, line, type SipMessage, type SipRequest, withHeaders } from '../../sip/message.ts'
import { address, addresses } from '../../sip/read.ts'
import { formatUri, isSip, parseUri } from '../../sip/uri.ts'
import { isPrivate } from '../../zones/private.ts'
import type { Crossing } from '../crossing.ts'
import { withUri } from './user-phone.ts'

/** `host` or `host:port` of From and To as an endpoint knows them: its own, and the other party's; undefined: nothing of the inside. */
export interface InsideHosts {
  readonly local: string | undefined
  readonly remote: string | undefined
}

const PARTIES: ReadonlySet<string> = new Set(['from', 'to'])
/** Lists of who speaks, and of whom the call was for before. */
const PEOPLE: ReadonlySet<string> = new Set([
  ...['p-asserted-identity', 'p-preferred-identity', 'remote-party-id', 'history-info', 'diversion'],
])

export const ownHosts = (request: SipRequest, { ingress, egress, advertiseEgress }: Crossing): SipRequest => {
  if (egress.zone.contact === 'keep' || request.method === 'REGISTER') return request
  const name = hostText(advertiseEgress ?? egress.listener.advertisedHost)
  let touched = false
  const headers = request.headers.map((one): HeaderLine => {
    const values = PARTIES.has(one.name) ? address(one) : PEOPLE.has(one.name) ? addresses(one) : undefined
    if (values === undefined) return one
    let here = false
    const texts = [values].flat().map((value) => {
      if (insideIn(value.uri, ingress.listener) === undefined) return value.text
      here = true
      return withUri(value, withHost(value.uri, name))
    })
    touched ||= here
    return here ? line(one.name, texts.join(', ')) : one
  })
  return touched ? withHeaders(request, headers) : request
}

/**
 * What an endpoint wrote, or was told, of the inside.
 * @param local the header that is its own @param seen the listener of ours that it knows
 */
export const insideHosts = (message: SipMessage, local: 'from' | 'to', seen: Listener): InsideHosts | undefined => {
  const of = (name: 'from' | 'to'): string | undefined => {
    const one = firstHeader(message, name)
    const value = one === undefined ? undefined : address(one)
    return value === undefined ? undefined : insideIn(value.uri, seen)
  }
  const hosts = local === 'from' ? { local: of('from'), remote: of('to') } : { local: of('to'), remote: of('from') }
  return hosts.local === undefined && hosts.remote === undefined ? undefined : hosts
}

/** Into a request for the endpoint that the hosts are of. */
export const restoreHosts = (request: SipRequest, { local, remote }: InsideHosts): SipRequest =>
  withHeaders(
    request,
    request.headers.map((one) => {
      const host = one.name === 'to' ? local : one.name === 'from' ? remote : undefined
      const value = host === undefined ? undefined : address(one)
      return host === undefined || value === undefined ? one : line(one.name, withUri(value, withHost(value.uri, host)))
    }),
  )

const withHost = (text: string, host: string): string => {
  const uri = parseUri(text)
  return uri === undefined || !isSip(uri) ? text : formatUri({ ...uri, host, port: undefined })
}

/** An address of a network that is nobody's business outside, or of ours toward it. */
const insideIn = (text: string, { advertisedHost, bindAddress }: Listener): string | undefined => {
  const uri = parseUri(text)
  if (uri === undefined || !isSip(uri)) return undefined
  const host = bareHost(uri.host)
  const inside = /^[\d.]+$|:/.test(host) && (isPrivate(host) || host === advertisedHost || host === bindAddress)
  return inside ? `${uri.host}${uri.port === undefined ? '' : `:${uri.port}`}` : undefined
}
