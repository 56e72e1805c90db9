import type { Flow } from '../address/flow.ts'
import { type SipRequest, serialise } from '../sip/message.ts'
import { answer, canAnswer } from './answers.ts'
import type { Edge } from './edge.ts'
import { withSource } from './source.ts'

/** A request of somebody whom no zone admits: counted, shown to people, and answered 403 or not at all. It costs no memory of its own. */
export const refuseStranger = (edge: Edge, flow: Flow, request: SipRequest): void => {
  const { metrics, log, ids, running, refusals } = edge
  const listener = flow.listener.name
  const zones = running.admission.zonesOn(flow.listener)
  const silent = zones.length === 0 || zones.some((zone) => zone.admission.otherwise === 'silence')
  const { reason, why } = running.admission.stranger(flow)
  metrics.unadmitted(listener, silent ? 'silence' : 'reject')
  if (reason !== 'source') metrics.peerRefused(listener, reason)
  const first = refusals.add(flow.remoteAddress, listener, why)
  // A source of the right networks with a wrong certificate is worth a line; all the others try every port there is
  const leftOut = first && reason !== 'source' && reason !== 'network' ? refusals.told.pass() : undefined
  if (leftOut !== undefined) {
    const { method } = request
    log.warn({ listener, remote: flow.remoteAddress, method, reason, why, ...(leftOut > 0 && { leftOut }) }, 'A peer is refused')
  } else if (log.enabled('debug'))
    log.debug({ listener, remote: flow.remoteAddress, method: request.method, step: 'receive', reason }, 'Source is admitted by no zone')
  if (silent || !canAnswer(request)) return
  metrics.message(request.method, flow.listener.transport.name, 'out', 403)
  flow.send(serialise(answer(withSource(request, flow, true), 403, 'Forbidden', ids.token(8))))
}
