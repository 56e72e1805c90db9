/** The copy of a request that leaves on one branch (§16.6): what its way through us means for it, said to the alterations. */
import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { branchOf } from '../routing/branch.ts'
import { PATH_BOUND } from '../routing/classify.ts'
import type { Candidate } from '../routing/decide.ts'
import { rewrite } from '../routing/rewrite.ts'
import type { Side } from '../routing/route-state.ts'
import { headerValue, type SipRequest } from '../sip/message.ts'
import type { Uri } from '../sip/uri.ts'
import type { HeaderRule, NumberRule } from '../zones/rules.ts'
import { advertisedBy, type Edge, type Running } from './edge.ts'
import type { RequestMedia } from './media/request-media.ts'
import { candidateZone } from './next-hop.ts'

/** What was decided for a request before any of it is sent. */
export interface Plan {
  readonly request: SipRequest
  readonly uri: Uri
  readonly ingress: Side
  /** Set inside a dialog: the one way there is. */
  readonly egress: Side | undefined
  readonly groups: readonly (readonly Candidate[])[]
  readonly rule: string
  readonly advertise: string | undefined
  readonly numbers: readonly NumberRule[]
  readonly headers: readonly HeaderRule[]
  /** undefined: no rtpengine has anything to do with it. */
  readonly media: RequestMedia | undefined
}

/** §12.1: methods that create dialogs, or subscriptions that live like one (RFC 6665). */
const DIALOG_CREATING = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'])

/** A request as it leaves on one branch. */
export interface Composed {
  readonly request: SipRequest
  readonly branch: string
  readonly egress: Side
}

/** One branch about to be sent. */
export interface Leaving {
  readonly running: Running
  readonly plan: Plan
  /** Of the request as it came (`loopHash`). */
  readonly loop: string
  readonly index: number
  readonly candidate: Candidate
  readonly flow: Flow
  /** The new Request-URI; `undefined` keeps what is there. */
  readonly target: Uri | undefined
}

/** The request as it leaves through `flow`, with a branch of its own. */
export const compose = (edge: Edge, { running, plan, loop, index, candidate, flow, target }: Leaving): Composed => {
  const { ingress, media } = plan
  const inDialog = plan.egress !== undefined
  const request = media === undefined ? plan.request : media.request(index)
  const zone = candidateZone(candidate)
  const egress = plan.egress ?? {
    listener: flow.listener,
    zone,
    flow: zone.profile.reach === 'flow' ? edge.clients.token(flow, zone, undefined) : undefined,
  }
  const recordRoute = !inDialog && DIALOG_CREATING.has(request.method)
  const path = !inDialog && request.method === 'REGISTER' && ingress.zone.path && ingress.flow !== undefined
  let cookie = ''
  if (recordRoute) cookie = running.states.encode(ingress, egress, headerValue(request, 'call-id')!, media?.state(index, candidate))
  else if (path) cookie = running.states.encode(egress, ingress, PATH_BOUND)
  const branch = branchOf(edge.owner, edge.ids.token(12), loop)
  const crossing = {
    ingress,
    egress,
    advertiseIngress: advertisedBy(ingress.listener, tenantOf(plan.uri), ingress.zone.advertise),
    advertiseEgress: advertisedBy(egress.listener, plan.advertise, egress.zone.advertise),
    recordRoute,
    path,
    cookie,
    target,
    inDialog,
    branch,
    numbers: plan.numbers,
    headers: plan.headers,
  }
  return { request: rewrite(request, crossing), branch, egress }
}

/** A tenant: the Request-URI's host may be one of the names that the listener also has (A1, third level). */
const tenantOf = (uri: Uri): string | undefined => (uri.scheme === 'tel' ? undefined : bareHost(uri.host))
