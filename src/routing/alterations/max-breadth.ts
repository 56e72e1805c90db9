import { type SipRequest, setHeader } from '../../sip/message.ts'
import type { Crossing } from '../crossing.ts'

/** RFC 5393 §5.3.3: each of several branches gets its share of what the request has. */
export const maxBreadth = (request: SipRequest, { breadth }: Crossing): SipRequest =>
  breadth === undefined ? request : setHeader(request, 'max-breadth', String(breadth), 'Max-Breadth')
