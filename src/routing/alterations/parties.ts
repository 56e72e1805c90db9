/** From and To of a request may be changed on its way (number rules, a zone's dialect); its sender gets back what he wrote (§8.2.6.2). */
import { own } from '../../base/bytes.ts'
import { firstHeader, HeaderLine, line, type SipRequest, type SipResponse, withHeaders } from '../../sip/message.ts'
import { parameter } from '../../sip/parameters.ts'
import { address, toTag } from '../../sip/read.ts'

/** The two lines as the request's sender wrote them. */
export interface Parties {
  readonly from: HeaderLine
  readonly to: HeaderLine
}

/** @returns what has to be put back into responses; undefined: both lines left as they came */
export const partiesOf = (arrived: SipRequest, sent: SipRequest): Parties | undefined => {
  const from = firstHeader(arrived, 'from')!
  const to = firstHeader(arrived, 'to')!
  // Lines are shared until somebody changes them
  return from === firstHeader(sent, 'from') && to === firstHeader(sent, 'to') ? undefined : { from: copyOf(from), to: copyOf(to) }
}

/** Without the message that it stands in: it outlives that. */
const copyOf = (one: HeaderLine): HeaderLine => {
  const raw = own(one.raw)
  return new HeaderLine(one.name, raw, 0, one.valueStart - one.start, raw.length)
}

/** The partner of all that changes From and To. The tag of who answered (§12.1.1) is its own. */
export const restoreParties = (response: SipResponse, { parties }: { readonly parties: Parties | undefined }): SipResponse => {
  if (parties === undefined) return response
  const { from, to } = parties
  const tag = toTag(response)
  const written = address(to)
  const answered =
    tag === undefined || written === undefined || parameter(written.parameters, 'tag') !== undefined
      ? to
      : line('To', `${to.value};tag=${tag}`)
  return withHeaders(
    response,
    response.headers.map((one) => (one.name === 'from' ? from : one.name === 'to' ? answered : one)),
  )
}
