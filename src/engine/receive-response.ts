/** A response that came in: *match* it with the request that we sent, or drop it (§16.7 item 1; what nobody asked for goes nowhere). */
import type { Flow } from '../address/flow.ts'
import { branchOwner } from '../routing/branch.ts'
import { wellFormed } from '../routing/validate.ts'
import { headerValue, type SipResponse } from '../sip/message.ts'
import { cseq, topVia } from '../sip/read.ts'
import { clientKey } from '../transaction/key.ts'
import type { Edge } from './edge.ts'
import { checkResponseLeg } from './legs.ts'

export const receiveResponse = (edge: Edge, flow: Flow, response: SipResponse): void => {
  const { metrics, order, transactions } = edge
  const { listener } = flow
  const via = topVia(response)
  const sequence = cseq(response)
  const method = sequence?.method ?? ''
  metrics.message(method, listener.transport.name, 'in', response.status)
  if (via?.branch === undefined || sequence === undefined || !edge.running.myself.printed(via.host, via.port)) {
    metrics.drop('response-not-ours', listener.name)
    return
  }
  const transaction = branchOwner(via.branch) === edge.owner ? transactions.client(clientKey(method, via.branch)) : undefined
  if (transaction === undefined) {
    metrics.drop('response-stray', listener.name)
    return
  }
  if (wellFormed(response) !== undefined) {
    metrics.drop('response-malformed', listener.name)
    return
  }
  checkResponseLeg(edge, flow, response, transaction.flow)
  const callId = headerValue(response, 'call-id')!
  if (order.waits(callId)) order.run(callId, () => transaction.received(response))
  else transaction.received(response)
}
