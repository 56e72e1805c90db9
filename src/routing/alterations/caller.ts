/** From toward a zone whose peers read nothing else: the number of P-Asserted-Identity (RFC 3325). */
import { firstHeader, headerLines, indexOfHeader, line, replaceLine, type SipRequest } from '../../sip/message.ts'
import { address, addresses } from '../../sip/read.ts'
import { formatUri, isAnonymous, isSip, numberOf, parseUri } from '../../sip/uri.ts'
import type { Crossing } from '../crossing.ts'
import { asksPrivacy, OF_CALLER } from './identities.ts'
import { withUri } from './user-phone.ts'

/** Who wants to be anonymous stays so: From is what the phone of the callee shows. Inside the dialog From is the caller's own, its tag counts (§12.2). */
export const caller = (request: SipRequest, { egress, inDialog }: Crossing): SipRequest => {
  if (egress.zone.dialect.caller === 'from' || inDialog || request.method === 'REGISTER') return request
  const number = assertedNumber(request)
  const value = address(firstHeader(request, 'from')!)
  const uri = value === undefined ? undefined : parseUri(value.uri)
  if (number === undefined || uri === undefined || isAnonymous(uri) || asksPrivacy(request, OF_CALLER) || numberOf(uri) === number)
    return request
  const made = formatUri(isSip(uri) ? { ...uri, userinfo: number.replaceAll('#', '%23') } : { ...uri, number })
  return replaceLine(request, indexOfHeader(request, 'from'), line('From', withUri(value!, made)))
}

/** The first one, of sip and tel identities in one line or in several. */
const assertedNumber = (request: SipRequest): string | undefined => {
  for (const one of headerLines(request, 'p-asserted-identity'))
    for (const { uri } of addresses(one) ?? []) {
      const parsed = parseUri(uri)
      const number = parsed === undefined ? undefined : numberOf(parsed)
      if (number !== undefined) return number
    }
  return undefined
}
