/** For how long a client is registered, where it renews more often than its registrar is to hear of it. */
import { append, headerValue, line, type SipRequest, type SipResponse, setHeader } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { parameter, withParameter } from '../../sip/parameters.ts'
import type { Crossing } from '../crossing.ts'
import { contactText, editContacts } from './contact.ts'

const SECONDS = /^\d{1,10}$/

const secondsOf = (text: string | undefined): number | undefined => (text !== undefined && SECONDS.test(text) ? Number(text) : undefined)

/** Toward the registrar at least so many seconds, unless something is taken back. */
export const renewal = (request: SipRequest, { renewSeconds }: Crossing): SipRequest => {
  if (renewSeconds === undefined) return request
  const more = (seconds: number | undefined): seconds is number => seconds !== undefined && seconds > 0 && seconds < renewSeconds
  let said = false
  const asked = editContacts(request, (value) => {
    const seconds = secondsOf(parameter(value.parameters, 'expires'))
    said ||= seconds !== undefined
    return more(seconds) ? contactText(value, value.uri, withParameter(value.parameters, 'expires', String(renewSeconds))) : undefined
  })
  const header = secondsOf(headerValue(asked, 'expires'))
  if (more(header)) return setHeader(asked, 'expires', String(renewSeconds), 'Expires')
  return said || header !== undefined ? asked : append(asked, line('Expires', String(renewSeconds)))
}

/** The partner of `renewal`: the client of these Contacts hears of no more than so many seconds. */
export const shorten = (response: SipResponse, seconds: number, ours: (value: NameAddr) => boolean): SipResponse => {
  const header = secondsOf(headerValue(response, 'expires'))
  let said = false
  const made = editContacts(response, (value) => {
    if (!ours(value)) return undefined
    said = true
    const granted = secondsOf(parameter(value.parameters, 'expires')) ?? header
    return granted !== undefined && granted <= seconds && parameter(value.parameters, 'expires') !== undefined
      ? undefined
      : contactText(value, value.uri, withParameter(value.parameters, 'expires', String(Math.min(granted ?? seconds, seconds))))
  })
  if (header === undefined) return said ? made : append(made, line('Expires', String(seconds)))
  return header > seconds ? setHeader(made, 'expires', String(seconds), 'Expires') : made
}
