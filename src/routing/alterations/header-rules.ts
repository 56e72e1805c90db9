import { headerFacts } from '../../sip/headers/table.ts'
import { line, type SipMessage, type SipRequest, type SipResponse, setHeader, withHeaders, withoutHeader } from '../../sip/message.ts'
import { PROTECTED } from '../../zones/protected.ts'
import type { HeaderRule } from '../../zones/rules.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Crossing } from '../crossing.ts'

/** The rules of the zone a request comes from, of the decision, of the zone it goes to, in this order. */
export const headerRules = (request: SipRequest, { ingress, egress, headers }: Crossing): SipRequest =>
  applyHeaderRules(applyHeaderRules(applyHeaderRules(request, ingress.zone.headersIn), headers), egress.zone.headersOut)

/** On the way back: of the zone that it comes from, then of the one that it goes to. */
export const responseHeaderRules = (
  response: SipResponse,
  { ingress, egress }: { readonly ingress: Zone; readonly egress: Zone },
): SipResponse => applyHeaderRules(applyHeaderRules(response, egress.headersIn), ingress.headersOut)

export const applyHeaderRules = <M extends SipMessage>(message: M, rules: readonly HeaderRule[]): M => {
  let altered = message
  for (const rule of rules) altered = applyHeaderRule(altered, rule)
  return altered
}

const applyHeaderRule = <M extends SipMessage>(message: M, rule: HeaderRule): M => {
  switch (rule.kind) {
    case 'add':
      return withHeaders(message, [...message.headers, line(rule.display, rule.value)])
    case 'set':
      return setHeader(message, rule.name, rule.value, rule.display)
    case 'remove':
      return withoutHeader(message, rule.name)
    case 'keep':
      return withHeaders(
        message,
        message.headers.filter((one) => rule.names.includes(one.name) || PROTECTED.has(one.name) || isBodyHeader(one.name)),
      )
  }
}

const isBodyHeader = (name: string): boolean => name.startsWith('content-') && headerFacts(name) !== undefined
