/** Option tags that a zone's peers are not to see: what they take for demanded or offered they may refuse, or use (§8.2.2.3, §19.2). */
import { type SipRequest, type SipResponse, withoutHeader } from '../../sip/message.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Crossing } from '../crossing.ts'
import { withoutListed } from './lists.ts'

const IN_REQUESTS: readonly string[] = ['supported', 'require', 'proxy-require']
/** A response that requires 100rel is one to somebody who supports it (RFC 3262 §3): it stays as it is, or nobody would acknowledge it. */
const IN_RESPONSES: readonly string[] = ['supported']

/** What means nothing to who does not know the extension: an INVITE without Replaces is a call of its own (RFC 3891), RFC 4028. */
const HEADERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['replaces', ['replaces']],
  ['timer', ['session-expires', 'min-se']],
])

/** Toward the zone: the tags, and the headers of what they stand for. */
export const optionTags = (request: SipRequest, { ingress, egress }: Crossing): SipRequest => {
  const { without } = egress.zone.dialect
  const unreliable = !acknowledges(ingress.zone) || !acknowledges(egress.zone)
  if (without.length === 0 && !unreliable) return request
  const goes = (tag: string): boolean => without.includes(tag) || (unreliable && tag === '100rel')
  let altered = withoutListed(request, IN_REQUESTS, (tag) => goes(tag.toLowerCase()))
  for (const tag of without) for (const name of HEADERS.get(tag) ?? []) altered = withoutHeader(altered, name)
  return altered
}

/** RFC 3262 §4: its peers may send and get what acknowledges a reliable provisional response. Otherwise none may be asked for, or the call would fail. */
const acknowledges = ({ dialect: { methods } }: Zone): boolean => methods === undefined || methods.includes('PRACK')

export const optionTagsInResponse = (response: SipResponse, { ingress }: { readonly ingress: Zone }): SipResponse => {
  const { without } = ingress.dialect
  return without.length === 0 ? response : withoutListed(response, IN_RESPONSES, (tag) => without.includes(tag.toLowerCase()))
}
