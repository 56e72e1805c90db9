import { line, prepend, type SipRequest } from '../../sip/message.ts'
import type { Crossing } from '../crossing.ts'

/** RFC 3327 §5.4: the Path that a contact registered with is the route to it. */
export const contactPath = (request: SipRequest, { contactPath: values }: Crossing): SipRequest =>
  values === undefined || values.length === 0 ? request : prepend(request, ...values.map((value) => line('Route', value)))
