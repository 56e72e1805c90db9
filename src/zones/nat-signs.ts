/** N1: which signs of a router between us and its sender a message shows. */
import { bareHost } from '../address/listener.ts'
import type { Transport } from '../address/transports.ts'
import { mediaAddress } from '../sdp/views.ts'
import { sdpOf } from '../sip/body.ts'
import { firstHeader, headerLines, type SipMessage } from '../sip/message.ts'
import { addresses, vias } from '../sip/read.ts'
import { parseUri } from '../sip/uri.ts'
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

/** An IP literal that is not the source's. */
const foreign = (host: string | undefined, source: string): string | undefined =>
  host !== undefined && ipFamily(host) !== undefined && canonicalAddress(host) !== canonicalAddress(source) ? host : undefined

const viasOf = (message: SipMessage): readonly Via[] => headerLines(message, 'via').flatMap((one) => vias(one) ?? [])

const contactHost = (message: SipMessage): string | undefined => {
  const one = firstHeader(message, 'contact')
  const uri = one === undefined ? undefined : parseUri(addresses(one)?.[0]?.uri ?? '')
  return uri === undefined || uri.scheme === 'tel' ? undefined : bareHost(uri.host)
}

const sdpAddress = (message: SipMessage): string | undefined => {
  const body = sdpOf(message)
  return body === undefined ? undefined : mediaAddress(body.sdp)
}
