import { indexOfHeader, line, replaceLine, type SipResponse } from '../../sip/message.ts'
import { vias } from '../../sip/read.ts'

/** §16.7 item 3: the topmost Via value, ours, goes; the partner of `addVia`. `undefined` when no other is left: the response was for us. */
export const takeOffVia = (response: SipResponse): SipResponse | undefined => {
  const at = indexOfHeader(response, 'via')
  const values = vias(response.headers[at]!)!
  if (values.length > 1) {
    return replaceLine(
      response,
      at,
      line(
        'Via',
        values
          .slice(1)
          .map((via) => via.text)
          .join(', '),
      ),
    )
  }
  return indexOfHeader(response, 'via', at + 1) < 0 ? undefined : replaceLine(response, at)
}
