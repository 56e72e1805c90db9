/** Contact toward a registrar that knows no Path, and back; see contact-mask.ts. Contacts of dialogs are the endpoints' own (T5). */
import { type HeaderLine, line, type SipMessage, type SipRequest, withHeaders } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { addresses } from '../../sip/read.ts'
import type { Crossing } from '../crossing.ts'

/** Each Contact of a REGISTER gets the URI that the crossing says; its parameters stay as they are, and so does `*`. */
export const maskContact = (request: SipRequest, { contact }: Crossing): SipRequest =>
  contact === undefined ? request : withContacts(request, (value) => (value.uri === '*' ? undefined : contact(value)))

/** The partner of `maskContact`: what of the Contacts of a 2xx is ours becomes what the clients wrote. @param own undefined: it stays */
export const restoreContact = <M extends SipMessage>(message: M, own: (uri: string) => string | undefined): M =>
  withContacts(message, ({ uri }) => own(uri))

const withContacts = <M extends SipMessage>(message: M, uriOf: (value: NameAddr) => string | undefined): M =>
  editContacts(message, (value) => {
    const uri = uriOf(value)
    return uri === undefined ? undefined : contactText(value, uri, value.parameters)
  })

export const contactText = ({ display }: NameAddr, uri: string, parameters: string): string =>
  `${display}${display === '' ? '' : ' '}<${uri}>${parameters}`

/** @param edit the new text of one value; undefined: it stays as it was written */
export const editContacts = <M extends SipMessage>(message: M, edit: (value: NameAddr) => string | undefined): M => {
  let touched = false
  const headers = message.headers.map((one): HeaderLine => {
    if (one.name !== 'contact') return one
    const values = addresses(one)
    if (values === undefined) return one
    let here = false
    const texts = values.map((value) => {
      const text = edit(value)
      here ||= text !== undefined
      return text ?? value.text
    })
    touched ||= here
    return here ? line('Contact', texts.join(', ')) : one
  })
  return touched ? withHeaders(message, headers) : message
}
