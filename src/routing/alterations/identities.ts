/** RFC 3325: who somebody is said to be counts from peers that we trust, and whoever wants to be private is so to those that we do not. */
import { type HeaderLine, line, type SipMessage, type SipRequest, type SipResponse, withHeaders } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { parameter } from '../../sip/parameters.ts'
import { addresses } from '../../sip/read.ts'
import { trimBlank } from '../../sip/text.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Crossing } from '../crossing.ts'
import { withUri } from './user-phone.ts'

/** Who forwarded a call (RFC 7044, RFC 5806). */
const HISTORIES: ReadonlySet<string> = new Set(['history-info', 'diversion'])
/** What others take for true, and bill by. P-Preferred-Identity claims nothing: it is a wish, for whoever asks for credentials behind us (RFC 3325 §9.2). */
const CLAIMS: ReadonlySet<string> = new Set(['p-asserted-identity', 'remote-party-id', ...HISTORIES])
/** What names a caller beside From. */
const IDENTITIES: ReadonlySet<string> = new Set(['p-asserted-identity', 'remote-party-id', 'p-preferred-identity'])

/** RFC 3325 §5: of a peer that we do not trust nobody behind us is to believe them. */
export const withoutClaims = <M extends SipMessage>(message: M): M =>
  message.headers.some(({ name }) => CLAIMS.has(name))
    ? withHeaders(
        message,
        message.headers.filter(({ name }) => !CLAIMS.has(name)),
      )
    : message

/** Toward a zone that we do not trust: identities that are to be private go, and forwarded calls name nobody who wants to be private (RFC 7044 §10.1.2). */
export const withoutPrivate = (request: SipRequest, { egress }: Crossing): SipRequest => (egress.zone.trusted ? request : hidden(request))

/** The same for responses, and what an untrusted zone says of itself. */
export const identitiesInResponse = (
  response: SipResponse,
  { ingress, egress }: { readonly ingress: Zone; readonly egress: Zone },
): SipResponse => {
  const believed = egress.trusted ? response : withoutClaims(response)
  return ingress.trusted ? believed : hidden(believed)
}

/** RFC 3323 §4.2, RFC 3325 §9.3: does the message ask for privacy of one of these kinds? */
export const asksPrivacy = (message: SipMessage, kinds: readonly string[]): boolean => {
  const asked = ({ value }: HeaderLine): boolean => value.split(/[;,]/).some((kind) => kinds.includes(trimBlank(kind).toLowerCase()))
  return message.headers.some((one) => one.name === 'privacy' && asked(one))
}

export const OF_CALLER: readonly string[] = ['id', 'user', 'header']
const OF_HISTORY: readonly string[] = ['history', 'header', 'session']

const hidden = <M extends SipMessage>(message: M): M => {
  if (!message.headers.some(({ name }) => IDENTITIES.has(name) || HISTORIES.has(name))) return message
  const caller = asksPrivacy(message, OF_CALLER)
  const history = asksPrivacy(message, OF_HISTORY)
  return withHeaders(
    message,
    message.headers.flatMap((one) => {
      if (HISTORIES.has(one.name)) return anonymous(one, history)
      return IDENTITIES.has(one.name) && (caller || isPrivateClaim(one)) ? [] : [one]
    }),
  )
}

/** Remote-Party-ID says so of itself. */
const isPrivateClaim = (one: HeaderLine): boolean =>
  one.name === 'remote-party-id' && addresses(one)?.every(({ parameters }) => OPEN.has(parameter(parameters, 'privacy') ?? 'off')) !== true

const OPEN: ReadonlySet<string> = new Set(['off', '"off"'])
const NOBODY = 'sip:anonymous@anonymous.invalid'

/** @param all every entry wants to be private. A line that cannot be read is shown to nobody. */
const anonymous = (one: HeaderLine, all: boolean): readonly HeaderLine[] => {
  const values = addresses(one)
  if (values === undefined) return []
  if (!all && !values.some(wantsPrivacy)) return [one]
  return [
    line(
      one.name,
      values.map((value) => (all || wantsPrivacy(value) ? withUri({ ...value, ...nameless(value) }, NOBODY) : value.text)).join(', '),
    ),
  ]
}

const nameless = ({ display, text }: NameAddr): Pick<NameAddr, 'display' | 'text'> => ({ display: '', text: text.slice(display.length) })

/** Of a forwarded call's History-Info (RFC 7044 §10.1.2: `Privacy` in its URI) or Diversion (RFC 5806). */
export const wantsPrivacy = ({ uri, parameters }: NameAddr): boolean =>
  privacyIn(uri).includes('history') || !OPEN.has((parameter(parameters, 'privacy') ?? 'off').toLowerCase())

/** The value of the header field Privacy in a URI (§19.1.1), lower case; empty when there is none. */
const privacyIn = (uri: string): string => {
  const question = uri.indexOf('?')
  if (question < 0) return ''
  const fields = uri
    .slice(question + 1)
    .toLowerCase()
    .split('&')
  return fields.find((one) => one.startsWith('privacy=')) ?? ''
}
