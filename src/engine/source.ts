/** Where a request came from, and where its responses go (§18.2, RFC 3581). */
import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { indexOfHeader, line, replaceLine, type SipRequest } from '../sip/message.ts'
import { parameter } from '../sip/parameters.ts'
import { vias } from '../sip/read.ts'
import { type Via, withReceived } from '../sip/via.ts'
import type { Edge } from './edge.ts'

/** §18.2.2, RFC 3581 §4: where responses go. On a stream the connection itself; peers behind NAT always where they sent from (N2). */
export const replyFlow = ({ transports }: Edge, flow: Flow, via: Via | undefined, symmetric: boolean): Flow => {
  if (flow.listener.transport.reliable || symmetric || via === undefined || parameter(via.parameters, 'rport') !== undefined) return flow
  const port = via.port ?? 5060
  return port === flow.remotePort ? flow : transports.datagramFlow(flow.listener, flow.remoteAddress, port)
}

/** §18.2.1, RFC 3581 §4: `received` when the source differs from sent-by or rport was asked; both for peers behind NAT. */
export const withSource = (request: SipRequest, flow: Flow, symmetric: boolean): SipRequest => {
  const at = indexOfHeader(request, 'via')
  if (at < 0) return request
  const values = vias(request.headers[at]!)
  const top = values?.[0]
  if (values === undefined || top === undefined) return request
  const rport = parameter(top.parameters, 'rport')
  const asked = rport !== undefined || (symmetric && !flow.listener.transport.reliable)
  if (!asked && bareHost(top.host) === flow.remoteAddress) return request
  const changed = withReceived(top, flow.remoteAddress, flow.remotePort, asked)
  const rest =
    values.length === 1
      ? ''
      : `, ${values
          .slice(1)
          .map((via) => via.text)
          .join(', ')}`
  return replaceLine(request, at, line('Via', changed + rest))
}
