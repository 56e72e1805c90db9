/**
 * Calls for help (T §3.13). What counts is what was dialled: `Priority: emergency` and Geolocation are anybody's to write, and who writes them
 * would have no limits.
 */
import type { SipRequest } from '../sip/message.ts'
import { isSip, numberOf, parseUri, type Uri } from '../sip/uri.ts'
import type { NumberField } from '../zones/rules.ts'

/** The called number stays as it was dialled, whatever rules say. */
export const CALLED: readonly NumberField[] = ['request-uri', 'to']

/** Longer user parts are no emergency numbers, and are not looked at. */
const LONGEST = 32

/** Numbers as they are dialled, for `isEmergency`: with `+` or without is the same, since some devices and rules put it before everything. */
export const emergencyNumbers = (dialled: readonly string[]): ReadonlySet<string> => new Set(dialled.map(withoutPlus))

const withoutPlus = (number: string): string => (number.startsWith('+') ? number.slice(1) : number)

/** @param uri what is called */
export const isEmergency = (uri: Uri, numbers: ReadonlySet<string>): boolean => {
  if (uri.scheme === 'urn') return /^service:sos(?:\.|$)/i.test(uri.number)
  if (isSip(uri) && (uri.userinfo === undefined || uri.userinfo.length > LONGEST)) return false
  const number = numberOf(uri)
  return number !== undefined && numbers.has(withoutPlus(number))
}

/** Does a request begin such a call? For one that nobody has looked at yet. */
export const callsForHelp = (request: SipRequest, numbers: ReadonlySet<string>): boolean => {
  const uri = request.method === 'INVITE' ? parseUri(request.requestUri) : undefined
  return uri !== undefined && isEmergency(uri, numbers)
}
