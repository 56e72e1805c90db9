/**
 * The small B2BUA (design D4): ends a dialog toward one of its parties in the other's place, where a proxy could only watch. Used when a call
 * was answered that can have no media, and when its media has died.
 */
import type { Flow } from '../address/flow.ts'
import { EMPTY, own } from '../base/bytes.ts'
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
} from '../sip/message.ts'
import { addresses, cseq } from '../sip/read.ts'
import { parseUri, uriParameter } from '../sip/uri.ts'
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

/** The values of Record-Route, topmost first. */
const recordRoutes = (message: SipRequest | SipResponse): readonly { readonly uri: string; readonly text: string }[] =>
  headerLines(message, 'record-route').flatMap((one) => addresses(one) ?? [])

const isOurs = (uri: string): boolean => {
  const parsed = parseUri(uri)
  return parsed !== undefined && parsed.scheme !== 'tel' && uriParameter(parsed, 'ew') !== undefined
}

/**
 * Toward the caller, from its INVITE and a response that made the dialog.
 * @param invite as it arrived @returns undefined when it cannot be reached: no Contact
 */
export const callerEnd = (invite: SipRequest, response: SipResponse, side: Side): DialogEnd | undefined => {
  const target = contactOf(invite)
  if (target === undefined) return undefined
  return {
    side,
    callId: own(headerValue(invite, 'call-id')!),
    from: own(headerValue(response, 'to')!),
    to: own(headerValue(invite, 'from')!),
    target: own(target),
    routes: recordRoutes(invite).map(({ text }) => own(text)),
    sequence: 0,
  }
}

/** Toward the callee. @param response as it arrived: above our own Record-Routes stand those of the proxies behind us */
export const calleeEnd = (invite: SipRequest, response: SipResponse, side: Side): DialogEnd | undefined => {
  const target = contactOf(response)
  if (target === undefined) return undefined
  const values = recordRoutes(response)
  const ours = values.findIndex(({ uri }) => isOurs(uri))
  return {
    side,
    callId: own(headerValue(invite, 'call-id')!),
    from: own(headerValue(invite, 'from')!),
    to: own(headerValue(response, 'to')!),
    target: own(target),
    routes: values
      .slice(0, Math.max(ours, 0))
      .map(({ text }) => own(text))
      .reverse(),
    sequence: cseq(invite)?.number ?? 0,
  }
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
  if (flow === undefined) return
  const { listener } = flow
  const branch = branchOf(edge.owner, edge.ids.token(12), 'hang-up')
  send(prepend(request, line('Via', listener.via(branch, advertisedBy(listener, end.side.zone.advertise)))), branch, flow)
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
