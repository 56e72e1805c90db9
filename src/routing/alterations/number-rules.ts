import { indexOfHeader, line, replaceLine, type SipRequest, withRequestUri } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { address, addresses } from '../../sip/read.ts'
import { formatUri, isSip, numberOf, parseUri, type Uri } from '../../sip/uri.ts'
import type { NumberField, NumberRule } from '../../zones/rules.ts'
import type { Crossing } from '../crossing.ts'
import { CALLED } from '../emergency.ts'

/**
 * The rules of the decision, then of the zone that the request goes to. Those of the zone it comes from run before the routes look at it.
 * A registered contact is called by the URI that it registered (§19.1.1), whatever looks like a number in it; help by the number that was dialled.
 */
export const numberRules = (request: SipRequest, { numbers, egress, inDialog, contactPath, emergency }: Crossing): SipRequest => {
  if (inDialog) return request
  const kept = emergency === true ? CALLED : contactPath === undefined ? NONE : TARGET
  return applyNumberRules(applyNumberRules(request, numbers, kept), egress.zone.numbersOut, kept)
}

const NONE: readonly NumberField[] = []
/** Of a registered contact. */
export const TARGET: readonly NumberField[] = ['request-uri']

/** @param kept are not touched */
export const applyNumberRules = (request: SipRequest, rules: readonly NumberRule[], kept = NONE): SipRequest => {
  let altered = request
  for (const rule of rules) for (const field of rule.fields) if (!kept.includes(field)) altered = applyToField(altered, rule, field)
  return altered
}

const applyToField = (request: SipRequest, rule: NumberRule, field: NumberField): SipRequest => {
  if (field === 'request-uri') {
    const changed = renumber(request.requestUri, rule)
    return changed === undefined ? request : withRequestUri(request, changed)
  }
  let altered = request
  // RFC 3325 §9.1: a sip and a tel identity stand in one line or in two
  for (let at = indexOfHeader(altered, field); at >= 0; at = indexOfHeader(altered, field, at + 1))
    altered = applyToLine(altered, at, rule, field)
  return altered
}

const applyToLine = (request: SipRequest, at: number, rule: NumberRule, field: NumberField): SipRequest => {
  const one = request.headers[at]!
  const values = field === 'p-asserted-identity' ? addresses(one) : single(address(one))
  if (values === undefined) return request
  let touched = false
  const texts = values.map((value) => {
    const changed = renumber(value.uri, rule)
    if (changed === undefined) return value.text
    touched = true
    return `${value.display}${value.display === '' ? '' : ' '}<${changed}>${value.parameters}`
  })
  return touched ? replaceLine(request, at, line(field, texts.join(', '))) : request
}

const single = (value: NameAddr | undefined): readonly NameAddr[] | undefined => (value === undefined ? undefined : [value])

/** The URI with its number changed; `undefined` when it holds no number, the rule does not apply, or nothing that can be a URI is left. */
const renumber = (text: string, rule: NumberRule): string | undefined => {
  const uri = parseUri(text)
  if (uri === undefined) return undefined
  const number = numberOf(uri)
  if (number === undefined) return undefined
  const changed = changeNumber(number, rule)
  if (changed === undefined || changed === number) return undefined
  const made = formatUri(withNumber(uri, changed))
  return parseUri(made) === undefined ? undefined : made
}

/** Parameters of the user part (`;ext=…`) and the password stay. */
const withNumber = (uri: Uri, number: string): Uri => {
  if (!isSip(uri)) return { ...uri, number }
  const rest = /[;:].*$/.exec(uri.userinfo!)
  return { ...uri, userinfo: escaped(number) + (rest?.[0] ?? '') }
}

/** §25.1 user: what an operator's replacement may hold and a user part may not. */
const escaped = (text: string): string =>
  text.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/%]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/** One rule on one number of digits, `+`, `*`, `#`. `undefined` when its condition does not hold. */
export const changeNumber = (number: string, rule: NumberRule): string | undefined => {
  switch (rule.kind) {
    case 'strip':
      return rule.when?.test(number) === false ? undefined : number.slice(rule.digits)
    case 'prefix':
      return rule.when?.test(number) === false ? undefined : rule.text + number
    case 'e164': {
      if (number.startsWith('+')) return number
      if (number.length < rule.shortest || /[*#]/.test(number)) return undefined
      if (number.startsWith('00')) return `+${number.slice(2)}`
      if (rule.trunkPrefix !== '' && number.startsWith(rule.trunkPrefix)) return `+${rule.country}${number.slice(rule.trunkPrefix.length)}`
      return number.startsWith(rule.country) && number.length >= 11 ? `+${number}` : `+${rule.country}${number}`
    }
    case 'regex':
      return rule.match.test(number) ? number.replace(rule.match, rule.replace) : undefined
  }
}
