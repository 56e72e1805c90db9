/** Option tags that a zone's peers are not to see: what they take for demanded or offered they may refuse, or use (§8.2.2.3, §19.2). */
import { type SipRequest, type SipResponse, withoutHeader } from '../../sip/message.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Crossing } from '../crossing.ts'
import { withoutListed } from './allow.ts'

const IN_REQUESTS: readonly string[] = ['supported', 'require', 'proxy-require']
/** A response that requires 100rel is one to somebody who supports it (RFC 3262 §3): it stays as it is, or nobody would acknowledge it. */
const IN_RESPONSES: readonly string[] = ['supported']

/** Toward the zone: without `replaces` there is no Replaces in an INVITE either (RFC 3891), and it is a call of its own. */
export const optionTags = (request: SipRequest, { egress, inDialog }: Crossing): SipRequest => {
  const { without } = egress.zone.dialect
  if (without.length === 0) return request
  const altered = withoutListed(request, IN_REQUESTS, (tag) => without.includes(tag.toLowerCase()))
  return !inDialog && without.includes('replaces') ? withoutHeader(altered, 'replaces') : altered
}

export const optionTagsInResponse = (response: SipResponse, { ingress }: { readonly ingress: Zone }): SipResponse => {
  const { without } = ingress.dialect
  return without.length === 0 ? response : withoutListed(response, IN_RESPONSES, (tag) => without.includes(tag.toLowerCase()))
}
