/** What it takes to speak to one party of a dialog in the other's place, read from the messages of the two (§12.1). */
import { own } from '../../base/bytes.ts'
import type { Side } from '../../routing/route-state.ts'
import { firstHeader, headerLines, headerValue, type SipMessage, type SipRequest, type SipResponse } from '../../sip/message.ts'
import { addresses, cseq, toTag } from '../../sip/read.ts'
import { parseUri, uriParameter } from '../../sip/uri.ts'

/** All that it takes to speak to one party of a dialog as if we were the other. */
export interface DialogEnd {
  readonly side: Side
  readonly callId: string
  /** Value of From: the other party, as this one knows it. */
  readonly from: string
  /** Value of To: this party. */
  readonly to: string
  /** Contact of this party (§12.1: the remote target). */
  target: string
  /** Route values between us and this party, in the order of the request. */
  readonly routes: readonly string[]
  /** Highest CSeq that this party has seen from the other. */
  sequence: number
}

/** URI of the first Contact. */
export const contactOf = (message: SipMessage): string | undefined => {
  const one = firstHeader(message, 'contact')
  return one === undefined ? undefined : addresses(one)?.[0]?.uri
}

interface RecordRoute {
  readonly uri: string
  readonly text: string
}

const NONE: readonly string[] = []

/** The values of Record-Route, topmost first. */
const recordRoutes = (message: SipMessage): readonly RecordRoute[] =>
  headerLines(message, 'record-route').flatMap((one) => addresses(one) ?? [])

/**
 * Toward the caller, from its INVITE and a response that made the dialog.
 * @param invite as it arrived
 * @param seen highest CSeq of the callee's own requests so far
 * @returns undefined when it cannot be reached: no Contact
 */
export const callerEnd = (invite: SipRequest, response: SipResponse, side: Side, seen: number): DialogEnd | undefined => {
  const target = contactOf(invite)
  if (target === undefined) return undefined
  const routes = recordRoutes(invite)
  return {
    side,
    callId: own(headerValue(invite, 'call-id')!),
    from: own(headerValue(response, 'to')!),
    to: own(headerValue(invite, 'from')!),
    target: own(target),
    routes: routes.length === 0 ? NONE : routes.map(({ text }) => own(text)),
    sequence: seen,
  }
}

/**
 * Toward the callee of an INVITE, also of one inside a dialog.
 * @param invite as it arrived, our own Routes taken off
 * @param response as it arrived
 * @param seen highest CSeq of the caller's requests so far
 */
export const calleeEnd = (invite: SipRequest, response: SipResponse, side: Side, seen: number): DialogEnd | undefined => {
  const inside = toTag(invite) !== undefined
  const target = contactOf(response) ?? (inside ? invite.requestUri : undefined)
  if (target === undefined) return undefined
  return {
    side,
    callId: own(headerValue(invite, 'call-id')!),
    // As it knows the caller: number rules may have been at work
    from: own(headerValue(response, 'from')!),
    to: own(headerValue(response, 'to')!),
    target: own(target),
    routes: inside ? routesOf(invite) : behindUs(invite, response),
    sequence: Math.max(cseq(invite)?.number ?? 0, seen),
  }
}

/** Toward the receiver of a request inside a dialog, which has all of it. @param request our own Routes taken off */
export const receiverEnd = (request: SipRequest, side: Side): DialogEnd => ({
  side,
  callId: own(headerValue(request, 'call-id')!),
  from: own(headerValue(request, 'from')!),
  to: own(headerValue(request, 'to')!),
  target: own(request.requestUri),
  routes: routesOf(request),
  sequence: cseq(request)?.number ?? 0,
})

const routesOf = (request: SipRequest): readonly string[] =>
  headerLines(request, 'route').flatMap((one) => (addresses(one) ?? []).map(({ text }) => own(text)))

/** Of the proxies between us and the callee, the nearest first. Below theirs stand our own entry (or two), and below those what the INVITE had. */
const behindUs = (invite: SipRequest, response: SipResponse): readonly string[] => {
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

const cookieOf = (value: RecordRoute | undefined): string | undefined => {
  const uri = value === undefined ? undefined : parseUri(value.uri)
  return uri === undefined || uri.scheme === 'tel' ? undefined : uriParameter(uri, 'ew')
}
