/** A peer that is alive and takes no calls for a while: 503 with Retry-After (§21.5.4). */
import type { Flow } from '../address/flow.ts'
import { headerValue, type SipResponse } from '../sip/message.ts'
import type { Zone } from '../zones/zone.ts'
import type { Edge } from './edge.ts'
import { MAX_RETRY_AFTER } from './health.ts'

/** Seconds for which it wants to be left alone; 0: this response does not say so. */
export const retryAfter = (response: SipResponse): number => {
  if (response.status !== 503) return 0
  const seconds = Number.parseInt(headerValue(response, 'retry-after') ?? '', 10)
  return seconds >= 1 ? Math.min(seconds, MAX_RETRY_AFTER) : 0
}

/** INTEROP(Teams): a hub that is busy wants the connection to end, too; where connections are shared it stays. */
export const leaveConnection = ({ transports }: Edge, zone: Zone, flow: Flow | undefined): void => {
  if (!zone.connections.share && flow !== undefined && !flow.inbound) transports.retire(flow, 'busy')
}
