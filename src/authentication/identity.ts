/** A user who has shown who he is may speak for himself only. */
import { firstHeader, type HeaderLine, type SipRequest, withHeaders } from '../sip/message.ts'
import { address, addresses } from '../sip/read.ts'
import { isAnonymous, isSip, numberOf, parseUri, type SipUri, userOf, wireUser } from '../sip/uri.ts'
import type { Proven } from './types.ts'

/**
 * Why the request may not be sent by that user; undefined: it may. From must be the user's own, by name or alias, at a domain of ours, or
 * anonymous (RFC 3323 §4.1.1.3); a REGISTER must be about the user's own address-of-record (§10.3 item 4).
 * @param ours is that host one of ours?
 */
export const notOwn = (request: SipRequest, proven: Proven, ours: (uri: SipUri) => boolean): string | undefined => {
  const register = request.method === 'REGISTER'
  return faultOf(request, 'from', proven, ours, !register) ?? (register ? faultOf(request, 'to', proven, ours, false) : undefined)
}

/** Who the caller is, and who forwarded the call: carriers let it pass, and bill it, by the one or the other. */
const IDENTITIES: readonly string[] = ['p-asserted-identity', 'p-preferred-identity', 'remote-party-id', 'diversion', 'history-info']

/**
 * RFC 3325 §5, §6: who somebody is said to be is for us to say, not for a client: lines that name another one than the user are taken off. Those
 * who come behind us trust what we pass on.
 */
export const withoutForeignIdentities = (request: SipRequest, proven: Proven, ours: (uri: SipUri) => boolean): SipRequest => {
  const foreign = (one: HeaderLine): boolean =>
    IDENTITIES.includes(one.name) && addresses(one)?.every(({ uri }) => isOwnUri(uri, proven, ours, false)) !== true
  return request.headers.some(foreign)
    ? withHeaders(
        request,
        request.headers.filter((one) => !foreign(one)),
      )
    : request
}

/** The same for who was not asked, inside a dialog: nobody is said to be anybody there. */
export const withoutIdentities = (request: SipRequest): SipRequest =>
  request.headers.some(({ name }) => IDENTITIES.includes(name))
    ? withHeaders(
        request,
        request.headers.filter(({ name }) => !IDENTITIES.includes(name)),
      )
    : request

/** Another domain is told apart from another user: it is the operator who forgot one, and no guess. */
const faultOf = (
  request: SipRequest,
  header: 'from' | 'to',
  proven: Proven,
  ours: (uri: SipUri) => boolean,
  anonymous: boolean,
): string | undefined => {
  const one = firstHeader(request, header)
  const written = one === undefined ? undefined : address(one)?.uri
  if (written !== undefined && isOwnUri(written, proven, ours, anonymous)) return undefined
  const otherwise = written !== undefined && isOwnUri(written, proven, () => true, anonymous)
  return `${header === 'from' ? 'From' : 'To'} ${otherwise ? 'is in no domain of ours' : 'is not yours'}`
}

const isOwnUri = (text: string, { user, subscriber }: Proven, ours: (uri: SipUri) => boolean, anonymous: boolean): boolean => {
  const uri = parseUri(text)
  if (uri === undefined) return false
  const aliases = subscriber?.aliases ?? []
  if (!isSip(uri)) {
    const number = numberOf(uri)
    return number !== undefined && (number === user || aliases.includes(number))
  }
  if (anonymous && isAnonymous(uri)) return true
  const name = wireUser(userOf(uri))
  return name !== undefined && (name === user || aliases.includes(name)) && ours(uri)
}

/**
 * `sip:anonymous@anonymous.invalid`; INTEROP: many write their own domain behind it. Another user there would be shown, and taken for the one
 * of that name.
 */
