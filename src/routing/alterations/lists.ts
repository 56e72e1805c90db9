/** Headers whose value is a list of tokens (§7.3.1): methods, option tags. */
import { type HeaderLine, line, type SipMessage, withHeaders } from '../../sip/message.ts'
import { hasBareNul, trimBlank } from '../../sip/text.ts'

/** Some tokens leave the lists of these headers. A line of which nothing goes stays as it was written, one of which nothing is left goes. */
export const withoutListed = <M extends SipMessage>(message: M, names: readonly string[], goes: (token: string) => boolean): M => {
  let touched = false
  const kept: HeaderLine[] = []
  for (const one of message.headers) {
    const left = names.includes(one.name) ? shortened(one, goes) : one
    touched ||= left !== one
    if (left !== undefined) kept.push(left)
  }
  return touched ? withHeaders(message, kept) : message
}

const shortened = (one: HeaderLine, goes: (token: string) => boolean): HeaderLine | undefined => {
  const tokens = one.value.split(',').map(trimBlank)
  // What is no token at all cannot be written anew
  const left = tokens.filter((token) => token !== '' && !hasBareNul(token) && !goes(token))
  if (left.length === tokens.length) return one
  return left.length === 0 ? undefined : line(one.name, left.join(', '))
}
