/** N1: which signs of a router between us and its sender a message shows. */
import { bareHost } from '../address/listener.ts'
import type { Transport } from '../address/transports.ts'
import { mediaAddress, originAddress } from '../sdp/views.ts'
import { sdpOf } from '../sip/body.ts'
import { firstHeader, headerLines, type SipMessage, type SipRequest } from '../sip/message.ts'
import { addresses, vias } from '../sip/read.ts'
import { isSip, parseUri } from '../sip/uri.ts'
import type { Via } from '../sip/via.ts'
import type { NatPolicy, NatTest } from './nat.ts'
import { canonicalAddress, ipFamily } from './networks.ts'
import { isPrivate } from './private.ts'

/** Where a message came from; a flow is one. */
export interface Source {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly listener: { readonly transport: Transport }
}

const NONE: readonly NatTest[] = []

/**
 * The signs that a message shows, of those that the policy asks for, each once and in the order of `NAT_TESTS`; empty: none.
 *
 * - An address counts when it is another one than the message came from: what a router has changed differs. A phone whose private Contact is
 *   where its packets come from is directly reachable. Names say nothing, `.invalid` ones (RFC 7118 §5) least of all.
 * - Ports count for UDP alone: a connection comes from any port.
 * - Over WebSocket nothing counts: such a client is never reached but by its connection, which pings keep open, and its media has ICE.
 * - What came through another proxy shows the signs of that proxy; the Contact of who is behind it says nothing about its way to us.
 *
 * @param message as it came; of a response only Contact and SDP are its sender's
 */
export const natSigns = (message: SipMessage, { remoteAddress, remotePort, listener }: Source, policy: NatPolicy): readonly NatTest[] => {
  const { tests, local } = policy
  if (tests.length === 0 || listener.transport.webSocket || local.some((one) => one.contains(remoteAddress))) return NONE
  const above = message.kind === 'request' ? viasOf(message) : []
  const via = above[0]
  const direct = above.length < 2
  const contact = direct ? foreign(contactHost(message), remoteAddress) : undefined
  const sentBy = via === undefined ? undefined : foreign(bareHost(via.host), remoteAddress)
  const shows: Readonly<Record<NatTest, () => boolean>> = {
    'contact-private': () => contact !== undefined && isPrivate(contact),
    'contact-source': () => contact !== undefined,
    'via-address': () => sentBy !== undefined,
    'via-port': () => via !== undefined && !listener.transport.reliable && (via.port ?? listener.transport.defaultPort) !== remotePort,
    'via-private': () => sentBy !== undefined && isPrivate(sentBy),
    'sdp-private': () => direct && isPrivate(foreign(sdpAddress(message), remoteAddress) ?? ''),
  }
  return tests.filter((test) => shows[test]())
}

/** What somebody on the way seems to have written anew. */
export type Alteration = 'contact' | 'media-address' | 'media-origin'

/**
 * N7: traces of a router that writes SIP messages anew (an application level gateway), or of a client that does the same by itself; in words
 * of ours. Such a message is used as it is.
 *
 * - `contact`: the Contact is where the message came from, though the topmost Via, which the client wrote at the same moment, is private.
 * - `media-address`, `media-origin`: in the SDP `c=` is where it came from and `o=` is private, or the other way round.
 */
export const alterations = (request: SipRequest, { remoteAddress, listener }: Source): readonly Alteration[] => {
  // Encrypted, nobody on the way has read it; and over there a browser writes what it likes
  if (listener.transport.secure || listener.transport.webSocket || isPrivate(remoteAddress)) return []
  const found: Alteration[] = []
  const [via, ...below] = viasOf(request)
  if (below.length === 0 && via !== undefined && isPrivate(bareHost(via.host)) && contactHost(request) === remoteAddress)
    found.push('contact')
  const body = sdpOf(request)
  if (body === undefined) return found
  const origin = originAddress(body.sdp)
  const media = mediaAddress(body.sdp)
  if (origin === undefined || media === undefined) return found
  if (media === remoteAddress && isPrivate(origin)) found.push('media-address')
  if (origin === remoteAddress && isPrivate(media)) found.push('media-origin')
  return found
}

/** An IP literal that is not the source's. */
const foreign = (host: string | undefined, source: string): string | undefined =>
  host !== undefined && ipFamily(host) !== undefined && canonicalAddress(host) !== canonicalAddress(source) ? host : undefined

const viasOf = (message: SipMessage): readonly Via[] => headerLines(message, 'via').flatMap((one) => vias(one) ?? [])

const contactHost = (message: SipMessage): string | undefined => {
  const one = firstHeader(message, 'contact')
  const uri = one === undefined ? undefined : parseUri(addresses(one)?.[0]?.uri ?? '')
  return uri !== undefined && isSip(uri) ? bareHost(uri.host) : undefined
}

const sdpAddress = (message: SipMessage): string | undefined => {
  const body = sdpOf(message)
  return body === undefined ? undefined : mediaAddress(body.sdp)
}
