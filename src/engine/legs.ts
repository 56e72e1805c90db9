/** T9: a leg keeps its listener for the life of the dialog. What does not is let through, counted and told. */
import type { Flow } from '../address/flow.ts'
import type { Side } from '../routing/route-state.ts'
import { headerValue, type SipRequest, type SipResponse } from '../sip/message.ts'
import type { Edge } from './edge.ts'

/** A request inside a dialog comes by the listener that this side of the dialog began with. */
export const checkLeg = ({ metrics, log }: Edge, flow: Flow, request: SipRequest, side: Side): void => {
  if (side.listener === flow.listener) return
  metrics.legTransportViolation()
  log.warn(
    {
      callId: headerValue(request, 'call-id'),
      listener: flow.listener.name,
      expected: side.listener.name,
      zone: side.zone.name,
      method: request.method,
      step: 'classify',
    },
    'A leg changed its transport inside a dialog',
  )
}

/** A response takes the way of its request. @param request the flow that the request left by */
export const checkResponseLeg = ({ metrics, log }: Edge, flow: Flow, response: SipResponse, request: Flow | undefined): void => {
  const expected = request?.listener
  if (expected === undefined || expected === flow.listener) return
  metrics.legTransportViolation()
  log.warn(
    { callId: headerValue(response, 'call-id'), listener: flow.listener.name, expected: expected.name, step: 'match' },
    'A response came by another listener than its request left by',
  )
}
