/** N2: who is answered and called where it sends from, whatever its Via and Contact say. */
import type { Flow } from '../../address/flow.ts'
import type { SipRequest } from '../../sip/message.ts'
import { natSigns } from '../../zones/nat-signs.ts'
import type { Zone } from '../../zones/zone.ts'

/** Of who sent a request: clients always; a peer with an address where its zone looks for NAT and the request shows it. */
export const isBehind = (zone: Zone, request: SipRequest, flow: Flow): boolean =>
  zone.profile.reach === 'flow' || (zone.nat.tests.length > 0 && natSigns(request, flow, zone.nat).length > 0)

/**
 * Of whom a request goes to. Our Record-Route is written before its answer can show anything: so in a zone that looks for NAT everybody but
 * those of local networks. Over UDP alone: connections that we opened come and go, and where they went can be reached again.
 */
export const mayBeBehind = ({ profile, nat }: Zone, { remoteAddress, listener }: Flow): boolean =>
  profile.reach === 'flow' ||
  (nat.tests.length > 0 && !listener.transport.reliable && !nat.local.some((one) => one.contains(remoteAddress)))
