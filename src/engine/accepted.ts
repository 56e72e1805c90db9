/** What the edge learns from a 2xx on its way back: who is behind which connection, who is registered, which dialogs there are. */
import type { Flow } from '../address/flow.ts'
import type { SipResponse } from '../sip/message.ts'
import type { Zone } from '../zones/zone.ts'
import type { Branch } from './branch.ts'
import type { Plan } from './compose.ts'
import type { DialogMedia } from './dialogs/dialog.ts'
import type { Edge, Running } from './edge.ts'
import { candidateZone } from './next-hop.ts'
import type { Passage } from './registration/passing.ts'
import type { ServerTransaction } from './server-transaction.ts'

export interface Accepted {
  readonly running: Running
  readonly ingress: Zone
  /** Where the request came from. */
  readonly arrival: Flow
  readonly server: ServerTransaction
  /** undefined: all is decided. */
  readonly plan: Plan | undefined
  /** Of a REGISTER. */
  readonly passage: Passage | undefined
  readonly branch: Branch
  /** Where the response came from. */
  readonly flow: Flow
  readonly media: DialogMedia | undefined
}

/** @returns the 2xx as the client is to get it */
export const learnAccepted = (edge: Edge, accepted: Accepted, response: SipResponse): SipResponse => {
  const { running, ingress, arrival, server, plan, passage, branch, flow, media } = accepted
  const { method, request } = server
  const { clients, passing, dialogs } = edge
  const zone = candidateZone(branch.candidate)
  if (request?.method === 'REGISTER') {
    if (ingress.profile.reach === 'flow') clients.registered(arrival, ingress, request, zone)
    if (plan === undefined || passage === undefined) return response
    return passing.accepted(
      { running, ingress: plan.ingress, candidate: branch.candidate, passage, arrival, request: plan.request },
      response,
    )
  }
  if (method === 'INVITE' && zone.profile.reach === 'flow') clients.seen(flow, zone, response)
  if (plan?.sender !== undefined) dialogs.answered(plan.sender, method, response)
  else if (plan !== undefined && method === 'INVITE' && plan.egress === undefined)
    dialogs.confirmed(plan.request, response, plan.ingress, branch.egress, branch.names, media)
  return response
}
