/**
 * Contact toward a registrar that knows no Path, and back (contact-mask.ts); toward a zone that sees our name instead of the endpoints'
 * (sealed-contact.ts), from which it comes back in `classify.ts`. Elsewhere Contacts of dialogs are the endpoints' own (T5).
 */
import { type HeaderLine, line, type SipMessage, type SipRequest, type SipResponse, withHeaders } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { addresses } from '../../sip/read.ts'
import type { Crossing } from '../crossing.ts'

/** The URI that takes the place of a Contact's; undefined: it stays. */
export type ContactToward = (contact: NameAddr) => string | undefined

/** Each Contact gets the URI that the crossing says; its parameters stay as they are, and so does `*`. */
export const maskContact = (request: SipRequest, { contact }: Crossing): SipRequest =>
  contact === undefined ? request : withContacts(request, (value) => (value.uri === '*' ? undefined : contact(value)))

/** The same for the Contacts of a response, where the zone that it goes to sees ours. */
export const contactInResponse = (response: SipResponse, { contact }: { readonly contact: ContactToward | undefined }): SipResponse =>
  contact === undefined ? response : withContacts(response, contact)

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
