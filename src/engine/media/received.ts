import type { Flow } from '../../address/flow.ts'
import { mediaAddress } from '../../sdp/views.ts'
import { isPrivate } from '../../zones/private.ts'

/**
 * The address that an SDP's sender has for us, when the one that it wrote is behind a NAT: private, while its signalling comes from a public
 * one. On one network a PBX may well have its media elsewhere, so there its SDP is believed.
 */
export const receivedFrom = ({ remoteAddress }: Flow, sdp: string): string | undefined => {
  const written = mediaAddress(sdp)
  return written !== undefined && written !== remoteAddress && isPrivate(written) && !isPrivate(remoteAddress) ? remoteAddress : undefined
}
