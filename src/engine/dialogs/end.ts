/**
 * What it takes to speak to one party of a dialog in the other's place, read from the messages of the two (§12.1). It is kept for every call
 * that is up, and used for very few: what can be read later is kept as it was written.
 */
import { own } from '../../base/bytes.ts'
import type { Names } from '../../routing/classify.ts'
import type { Side } from '../../routing/route-state.ts'
import {
  firstHeader,
  type HeaderLine,
  headerLines,
  headerValue,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../../sip/message.ts'
import { parseNameAddrs } from '../../sip/name-addr.ts'
import { addresses, cseq, toTag, vias } from '../../sip/read.ts'
import { isSip, parseUri, uriParameter } from '../../sip/uri.ts'

/** All that it takes to speak to one party of a dialog as if we were the other. */
export interface DialogEnd {
  readonly side: Side
  /** The name of ours that this party knows; undefined: the usual one of listener and zone. */
  readonly as: string | undefined
  readonly callId: string
  /** Value of From: the other party, as this one knows it. */
  readonly from: string
  /** Value of To: this party. */
  readonly to: string
  /** Value of Contact of this party. */
  contact: string
  /** Route values between us and this party, in the order of the request. */
  readonly routes: readonly string[]
  /** Highest CSeq that this party has seen from the other; `BEYOND`: nobody knows. */
  sequence: number
  /** CSeq of the INVITE that its 2xx answered, for the ACK (§13.2.2.4). */
  readonly invited: number
}

/** §12.1: the remote target; undefined when what it wrote cannot be read. */
export const targetOf = ({ contact }: DialogEnd): string | undefined => parseNameAddrs(contact)?.[0]?.uri

/** Copied, since it is a part of a message. Most parties know the listener's usual name, and keep none. */
const nameAt = ({ listener }: Side, name: string | undefined): string | undefined =>
  name !== undefined && listener.goesBy(name) ? own(name) : undefined

interface RecordRoute {
  readonly uri: string
  readonly text: string
}

const NONE: readonly string[] = []

/** The values of Record-Route, topmost first. */
const recordRoutes = (message: SipMessage): readonly RecordRoute[] =>
  headerLines(message, 'record-route').flatMap((one) => addresses(one) ?? [])

/**
 * Both ends of the dialog that a 2xx to an INVITE has made, messages as they arrived; undefined for a party without Contact, which cannot be
 * reached.
 * @param callId copied already @param names of ours, as the caller (`ingress`) and the callee know us
 */
export const endsOfCall = (
  invite: SipRequest,
  response: SipResponse,
  callId: string,
  caller: Side,
  callee: Side,
  names: Names | undefined,
): { readonly caller: DialogEnd | undefined; readonly callee: DialogEnd | undefined } => {
  const [here, there] = [headerValue(invite, 'contact'), headerValue(response, 'contact')]
  const from = own(headerValue(invite, 'from')!)
  const known = headerValue(response, 'from')!
  const to = own(headerValue(response, 'to')!)
  const number = cseq(invite)?.number ?? 0
  return {
    caller:
      here === undefined
        ? undefined
        : {
            ...{ side: caller, as: nameAt(caller, names?.ingress), callId, from: to, to: from },
            ...{ contact: own(here), routes: before(invite), sequence: 0, invited: 0 },
          },
    callee:
      there === undefined
        ? undefined
        : {
            ...{ side: callee, as: nameAt(callee, names?.egress), callId, to, contact: own(there) },
            ...{ routes: behindUs(invite, response), sequence: number, invited: number },
            // As it knows the caller: number rules may have been at work
            from: known === from ? from : own(known),
          },
  }
}

/**
 * Toward the callee of an INVITE, also of one inside a dialog.
 * @param invite as it arrived, our own Routes taken off
 * @param response as it arrived
 * @param seen highest CSeq of the caller's requests so far
 * @param as the name of ours that the INVITE went under
 */
export const calleeEnd = (
  invite: SipRequest,
  response: SipResponse,
  side: Side,
  seen: number,
  as: string | undefined,
): DialogEnd | undefined => {
  const inside = toTag(invite) !== undefined
  const contact = headerValue(response, 'contact') ?? (inside ? `<${invite.requestUri}>` : undefined)
  if (contact === undefined) return undefined
  const number = cseq(invite)?.number ?? 0
  return {
    side,
    as: nameAt(side, as),
    callId: own(headerValue(invite, 'call-id')!),
    from: own(headerValue(response, 'from')!),
    to: own(headerValue(response, 'to')!),
    contact: own(contact),
    routes: inside ? routesOf(invite) : behindUs(invite, response),
    sequence: Math.max(number, seen),
    invited: number,
  }
}

/** Toward the receiver of a request inside a dialog, which has all of it. @param request our own Routes taken off @param as the name of ours in them */
export const receiverEnd = (request: SipRequest, side: Side, as: string | undefined): DialogEnd => ({
  side,
  as: nameAt(side, as),
  callId: own(headerValue(request, 'call-id')!),
  from: own(headerValue(request, 'from')!),
  to: own(headerValue(request, 'to')!),
  contact: own(`<${request.requestUri}>`),
  routes: routesOf(request),
  sequence: cseq(request)?.number ?? 0,
  invited: 0,
})

/**
 * Toward the sender of an INVITE or UPDATE inside a dialog, from that request alone; undefined when others stand between us and it, whose Routes
 * are not known.
 * @param as the name of ours that it came for
 */
export const senderEnd = (request: SipRequest, side: Side, as: string | undefined): DialogEnd | undefined => {
  const contact = headerValue(request, 'contact')
  let hops = 0
  for (const one of headerLines(request, 'via')) hops += vias(one)?.length ?? 0
  if (contact === undefined || hops !== 1) return undefined
  return {
    side,
    as: nameAt(side, as),
    callId: own(headerValue(request, 'call-id')!),
    from: own(headerValue(request, 'to')!),
    to: own(headerValue(request, 'from')!),
    contact: own(contact),
    routes: NONE,
    // §12.2.2: numbers may be left out, and the other party's are not known
    sequence: BEYOND,
    invited: 0,
  }
}

/** Clients count up from small numbers; the largest that may be is 2**31 - 1. */
const BEYOND = 2 ** 30

/** Highest CSeq that is known. */
export const sequenceOf = (end: DialogEnd | undefined): number => (end === undefined || end.sequence >= BEYOND ? 0 : end.sequence)

const routesOf = (request: SipRequest): readonly string[] =>
  headerLines(request, 'route').flatMap((one) => (addresses(one) ?? []).map(({ text }) => own(text)))

/** Between the caller and us. */
const before = (invite: SipRequest): readonly string[] =>
  firstHeader(invite, 'record-route') === undefined ? NONE : recordRoutes(invite).map(({ text }) => own(text))

/** Of the proxies between us and the callee, the nearest first. Below theirs stand our own entry (or two), and below those what the INVITE had. */
const behindUs = (invite: SipRequest, response: SipResponse): readonly string[] => {
  if (isOursAlone(invite, response)) return NONE
  const values = recordRoutes(response)
  const above = values.slice(0, Math.max(values.length - recordRoutes(invite).length, 0))
  // A call that passes twice has other entries of ours further up: those are on the way
  const cookie = cookieOf(above.at(-1))
  const first = above.findIndex((one) => cookie === undefined || cookieOf(one) === cookie)
  if (first <= 0) return NONE
  return above
    .slice(0, first)
    .reverse()
    .map(({ text }) => own(text))
}

/** The usual case, without a look at the values: two lines came on top of what the INVITE had, and the upper one is of a pair of ours. */
const isOursAlone = (invite: SipRequest, response: SipResponse): boolean => {
  let more = 0
  let top: HeaderLine | undefined
  for (const one of response.headers) {
    if (one.name !== 'record-route') continue
    top ??= one
    more++
    if (has(one, ',')) return false
  }
  for (const one of invite.headers) if (one.name === 'record-route') more--
  return more === 2 && top !== undefined && has(top, ';r2=on;ew=')
}

/** Without making the line's value a text of its own. */
const has = ({ text, valueStart, end }: HeaderLine, what: string): boolean => {
  const at = text.indexOf(what, valueStart)
  return at >= 0 && at < end
}

const cookieOf = (value: RecordRoute | undefined): string | undefined => {
  const uri = value === undefined ? undefined : parseUri(value.uri)
  return uri !== undefined && isSip(uri) ? uriParameter(uri, 'ew') : undefined
}
