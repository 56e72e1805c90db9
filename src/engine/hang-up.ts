/**
 * The small B2BUA (design D4): ends a dialog toward one of its parties in the other's place, where a proxy could only watch. Used when a call
 * was answered that can have no media, and when its media has died.
 */
import type { Flow } from '../address/flow.ts'
import { EMPTY, own } from '../base/bytes.ts'
import { fitTransport } from '../routing/alterations/set-target.ts'
import { branchOf } from '../routing/branch.ts'
import type { Side } from '../routing/route-state.ts'
import {
  firstHeader,
  headerLines,
  headerValue,
  line,
  makeRequest,
  prepend,
  type SipRequest,
  type SipResponse,
  serialise,
  withRequestUri,
} from '../sip/message.ts'
import { addresses, cseq, toTag } from '../sip/read.ts'
import { formatUri, parseUri, uriParameter } from '../sip/uri.ts'
import type { ClientUser } from './client-transaction.ts'
import { advertisedBy, type Edge, listenerFor } from './edge.ts'
import { alone, wayInDialog } from './next-hop.ts'

/** All that it takes to speak to one party of a dialog as if we were the other. */
export interface DialogEnd {
  readonly side: Side
  readonly callId: string
  /** Value of From: the other party, as this one knows it. */
  readonly from: string
  /** Value of To: this party. */
  readonly to: string
  /** Contact of this party (§12.1: the remote target). */
  readonly target: string
  /** Route values between us and this party, in the order of the request. */
  readonly routes: readonly string[]
  /** Highest CSeq that this party has seen from the other. */
  sequence: number
}

const contactOf = (message: SipRequest | SipResponse): string | undefined => {
  const one = firstHeader(message, 'contact')
  return one === undefined ? undefined : addresses(one)?.[0]?.uri
}

interface RecordRoute {
  readonly uri: string
  readonly text: string
}

/** The values of Record-Route, topmost first. */
const recordRoutes = (message: SipRequest | SipResponse): readonly RecordRoute[] =>
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
  return {
    side,
    callId: own(headerValue(invite, 'call-id')!),
    from: own(headerValue(response, 'to')!),
    to: own(headerValue(invite, 'from')!),
    target: own(target),
    routes: recordRoutes(invite).map(({ text }) => own(text)),
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
    routes: (inside ? headerLines(invite, 'route').flatMap((one) => addresses(one) ?? []) : behindUs(invite, response)).map(({ text }) =>
      own(text),
    ),
    sequence: Math.max(cseq(invite)?.number ?? 0, seen),
  }
}

/** Of the proxies between us and the callee, the nearest first. Below theirs stand our own entry (or two), and below those what the INVITE had. */
const behindUs = (invite: SipRequest, response: SipResponse): readonly RecordRoute[] => {
  const values = recordRoutes(response)
  const above = values.slice(0, Math.max(values.length - recordRoutes(invite).length, 0))
  // A call that passes twice has other entries of ours further up: those are on the way
  const cookie = cookieOf(above.at(-1))
  return above
    .slice(
      0,
      above.findIndex((one) => cookie === undefined || cookieOf(one) === cookie),
    )
    .reverse()
}

const cookieOf = (value: RecordRoute | undefined): string | undefined => {
  const uri = value === undefined ? undefined : parseUri(value.uri)
  return uri === undefined || uri.scheme === 'tel' ? undefined : uriParameter(uri, 'ew')
}

/** Whatever the party answers, the dialog is over for us. */
const INDIFFERENT: ClientUser = { responded() {}, timedOut() {}, failed() {}, due() {} }

const write = (edge: Edge, end: DialogEnd, method: 'ACK' | 'BYE', sequence: number, reason: string | undefined): SipRequest => {
  const server = edge.running.snapshot.serverHeader
  return makeRequest(
    `${method} ${end.target} SIP/2.0\r\n`,
    method,
    end.target,
    [
      ...end.routes.map((route) => line('Route', route)),
      line('Max-Forwards', '70'),
      line('From', end.from),
      line('To', end.to),
      line('Call-ID', end.callId),
      line('CSeq', `${sequence} ${method}`),
      ...(reason === undefined ? [] : [line('Reason', reason)]),
      ...(server === '' || method === 'ACK' ? [] : [line('User-Agent', server)]),
      line('Content-Length', '0'),
    ],
    EMPTY,
  )
}

/** Finds the way, puts our Via on, and hands over what is to be sent. */
const deliver = async (
  edge: Edge,
  end: DialogEnd,
  request: SipRequest,
  send: (request: SipRequest, branch: string, flow: Flow) => void,
) => {
  const uri = parseUri(end.target)
  if (uri === undefined) return
  const way = await wayInDialog(edge, end.side, request, uri)
  let flow: Flow | undefined
  if (way.kind === 'flow') flow = way.flow
  else if (way.kind === 'destinations') {
    const destination = way.list[0]
    const listener = destination && listenerFor(alone(end.side.listener), destination.transport, destination.address)
    if (destination !== undefined && listener !== undefined) flow = edge.transports.flowTo(listener, destination)
  }
  if (flow === undefined) {
    edge.log.warn({ callId: end.callId, zone: end.side.zone.name, reason: way.kind }, 'A dialog cannot be ended')
    return
  }
  const { listener } = flow
  const branch = branchOf(edge.owner, edge.ids.token(12), 'hang-up')
  const fitted = withRequestUri(request, formatUri(fitTransport(uri, listener.transport.uri)))
  send(prepend(fitted, line('Via', listener.via(branch, advertisedBy(listener, end.side.zone.advertise)))), branch, flow)
}

const guarded = (edge: Edge, end: DialogEnd, pending: Promise<void>): Promise<void> =>
  pending.catch((error) => edge.log.warn({ callId: end.callId, zone: end.side.zone.name, err: error }, 'A dialog cannot be ended'))

/** §13.2.2.4: the ACK that a 2xx needs, when the caller will not send one. */
export const acknowledge = (edge: Edge, end: DialogEnd): Promise<void> =>
  guarded(
    edge,
    end,
    deliver(edge, end, write(edge, end, 'ACK', end.sequence, undefined), (request, _branch, flow) => {
      flow.send(serialise(request))
      edge.metrics.message('ACK', flow.listener.transport.name, 'out')
    }),
  )

/** §15.1.1. @param reason value of Reason (RFC 3326) */
export const sayBye = (edge: Edge, end: DialogEnd, reason: string): Promise<void> => {
  end.sequence++
  return guarded(
    edge,
    end,
    deliver(edge, end, write(edge, end, 'BYE', end.sequence, reason), (request, branch, flow) => {
      edge.transactions.send(request, branch, flow, INDIFFERENT)
    }),
  )
}
