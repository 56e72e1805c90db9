import { HeaderLine, prepend, type SipRequest } from '../../sip/message.ts'
import type { Crossing } from '../crossing.ts'

/** §16.6 item 8, T6: ours on top, with the transport of the leg and the advertised sent-by. `takeOffVia` takes it off the responses. */
export const addVia = (request: SipRequest, { egress, branch, advertiseEgress }: Crossing): SipRequest => {
  const text = `Via: ${egress.listener.via(branch, advertiseEgress)}\r\n`
  return prepend(request, new HeaderLine('via', text, 0, 5, text.length))
}
