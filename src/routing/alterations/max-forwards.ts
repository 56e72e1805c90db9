import { append, indexOfHeader, line, replaceLine, type SipRequest } from '../../sip/message.ts'

/** The value for a request that came without one (§16.6 item 3). */
const DEFAULT = 70

const LINES = Array.from({ length: 256 }, (_, hops) => line('Max-Forwards', String(hops)))

/** §16.6 item 3. `validate` has seen to it that the value is a number from 1 to 255 (or 0 in an OPTIONS that is not forwarded). */
export const maxForwards = (request: SipRequest): SipRequest => {
  const at = indexOfHeader(request, 'max-forwards')
  if (at < 0) return append(request, LINES[DEFAULT]!)
  return replaceLine(request, at, LINES[Math.max(0, Number(request.headers[at]!.value) - 1)]!)
}
