/**
 * The small B2BUA (design D4): ends a dialog toward one of its parties in the other's place, where a proxy could only watch. Used when a call
 * was answered that can have no media, when its media has died, and when one of its parties has vanished (`dialogs/`).
 */
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { EMPTY } from '../base/bytes.ts'
import { fitTransport } from '../routing/alterations/set-target.ts'
import { branchOf } from '../routing/branch.ts'
import { line, makeRequest, prepend, type SipRequest, serialise, withRequestUri } from '../sip/message.ts'
import { formatUri, parseUri } from '../sip/uri.ts'
import type { ClientUser } from './client-transaction.ts'
import { type DialogEnd, targetOf } from './dialogs/end.ts'
import { advertisedBy, type Edge, listenerFor } from './edge.ts'
import { alone, wayInDialog } from './next-hop.ts'

/** Whatever the party answers, the dialog is over for us. */
const INDIFFERENT: ClientUser = { responded() {}, timedOut() {}, failed() {}, due() {} }

const write = (edge: Edge, end: DialogEnd, target: string, method: 'ACK' | 'BYE', reason: string | undefined): SipRequest => {
  const server = edge.running.snapshot.serverHeader
  return makeRequest(
    `${method} ${target} SIP/2.0\r\n`,
    method,
    target,
    [
      ...end.routes.map((route) => line('Route', route)),
      line('Max-Forwards', '70'),
      line('From', end.from),
      line('To', end.to),
      line('Call-ID', end.callId),
      line('CSeq', `${method === 'ACK' ? end.invited : end.sequence} ${method}`),
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
  method: 'ACK' | 'BYE',
  reason: string | undefined,
  send: (request: SipRequest, branch: string, flow: Flow) => void,
) => {
  const target = targetOf(end)
  const uri = target === undefined ? undefined : parseUri(target)
  if (target === undefined || uri === undefined) {
    edge.log.warn({ callId: end.callId, zone: end.side.zone.name, reason: 'contact' }, 'A dialog cannot be ended')
    return
  }
  const request = write(edge, end, target, method, reason)
  const way = await wayInDialog(edge, end.side, request, uri)
  const as = (listener: Listener): string | undefined => advertisedBy(listener, end.as, end.side.zone.advertise)
  let flow: Flow | undefined
  if (way.kind === 'flow') flow = way.flow
  else if (way.kind === 'destinations') {
    const destination = way.list[0]
    const listener = destination && listenerFor(alone(end.side.listener), destination.transport, destination.address)
    if (destination !== undefined && listener !== undefined)
      flow = edge.transports.flowTo(listener, destination, end.side.zone.connections, as(listener))
  }
  if (flow === undefined) {
    edge.log.warn({ callId: end.callId, zone: end.side.zone.name, reason: way.kind }, 'A dialog cannot be ended')
    return
  }
  const { listener } = flow
  const branch = branchOf(edge.owner, edge.ids.token(12), 'hang-up')
  const fitted = withRequestUri(request, formatUri(fitTransport(uri, listener.transport.uri)))
  send(prepend(fitted, line('Via', listener.via(branch, as(listener)))), branch, flow)
}

const guarded = (edge: Edge, end: DialogEnd, pending: Promise<void>): Promise<void> =>
  pending.catch((error) => edge.log.warn({ callId: end.callId, zone: end.side.zone.name, err: error }, 'A dialog cannot be ended'))

/** §13.2.2.4: the ACK that a 2xx needs, when the caller will not send one. */
export const acknowledge = (edge: Edge, end: DialogEnd): Promise<void> =>
  guarded(
    edge,
    end,
    deliver(edge, end, 'ACK', undefined, (request, _branch, flow) => {
      flow.send(serialise(request))
      edge.metrics.message('ACK', flow.listener.transport.name, 'out')
    }),
  )

/** §15.1.1. @param reason value of Reason (RFC 3326) */
export const sayBye = (edge: Edge, end: DialogEnd, reason: string | undefined): Promise<void> => {
  end.sequence++
  return guarded(
    edge,
    end,
    deliver(edge, end, 'BYE', reason, (request, branch, flow) => {
      edge.transactions.send(request, branch, flow, INDIFFERENT)
    }),
  )
}
