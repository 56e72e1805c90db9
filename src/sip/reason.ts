/** Reason (RFC 3326): why something was answered as it was, in the words of whoever answered. */
import { headerValue, type SipMessage } from './message.ts'
import { parameter } from './parameters.ts'

/** Text of the first value that has one; undefined: there is none. */
export const reasonText = (message: SipMessage): string | undefined => {
  const value = headerValue(message, 'reason')
  if (value === undefined) return undefined
  const semicolon = value.indexOf(';')
  const text = semicolon < 0 ? undefined : parameter(value.slice(semicolon), 'text')
  if (text === undefined || text === '') return undefined
  return text.startsWith('"') ? text.slice(1, text.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, '$1') : text
}
