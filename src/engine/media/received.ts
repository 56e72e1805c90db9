import type { Flow } from '../../address/flow.ts'
import { mediaAddress } from '../../sdp/views.ts'
import type { NatPolicy } from '../../zones/nat.ts'
import { isPrivate } from '../../zones/private.ts'

/**
 * The address that an SDP's sender has for us, when the one that it wrote is behind a NAT: private, while its signalling comes from a public
 * one. On one network a PBX may well have its media elsewhere, so there its SDP is believed; so it is from local networks, and where the zone
 * does not take it for a sign (`sdp-private`).
 */
export const receivedFrom = ({ remoteAddress }: Flow, sdp: string, nat: NatPolicy | undefined): string | undefined => {
  const written = mediaAddress(sdp)
  if (written === undefined || written === remoteAddress || !isPrivate(written) || isPrivate(remoteAddress)) return undefined
  if (nat !== undefined && nat.tests.length > 0 && !nat.tests.includes('sdp-private')) return undefined
  return nat?.local.some((one) => one.contains(remoteAddress)) ? undefined : remoteAddress
}
