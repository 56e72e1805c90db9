/** The copy of a request that leaves on one branch (§16.6): what its way through us means for it, said to the alterations. */
import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import type { ContactToward } from '../routing/alterations/contact.ts'
import { insideHosts } from '../routing/alterations/own-hosts.ts'
import { branchOf } from '../routing/branch.ts'
import { groupSize } from '../routing/breadth.ts'
import type { Names } from '../routing/classify.ts'
import type { Candidate } from '../routing/decide.ts'
import { rewrite } from '../routing/rewrite.ts'
import type { FlowToken, RouteState, Side } from '../routing/route-state.ts'
import { headerValue, type SipRequest, type SipResponse } from '../sip/message.ts'
import { isSip, type Uri } from '../sip/uri.ts'
import type { HeaderRule, NumberRule } from '../zones/rules.ts'
import type { Zone } from '../zones/zone.ts'
import type { DialogSide } from './dialogs/dialog.ts'
import { advertisedBy, type Edge, type Running } from './edge.ts'
import type { RequestMedia } from './media/request-media.ts'
import { mayBeBehind } from './nat/behind.ts'
import { candidateZone } from './next-hop.ts'
import { contactToward, type Shown } from './own-contact.ts'
import type { Passage } from './registration/passing.ts'

/** What a call goes on with. */
export type Onward = () => void | Promise<void>

/**
 * Where a 3xx leads. @param called the zone that it comes from @param over the caller wants nothing more
 * @returns what is to be done once all is over where it came from: another call, or words for the caller
 */
export type Follow = (response: SipResponse, called: Zone, over: boolean) => Onward

/** What was decided for a request before any of it is sent. */
export interface Plan {
  readonly request: SipRequest
  readonly uri: Uri
  readonly ingress: Side
  /** Set inside a dialog: the one way there is, and what the dialog carries. */
  readonly egress: Side | undefined
  readonly state?: RouteState
  /** The name of ours that the request came for; undefined: its Request-URI says it. */
  readonly named?: string | undefined
  readonly groups: readonly (readonly Candidate[])[]
  /** RFC 5393 §5: how many branches it may have at one time; undefined: it does not fork. */
  readonly breadth?: number | undefined
  readonly rule: string
  readonly advertise: string | undefined
  readonly numbers: readonly NumberRule[]
  readonly headers: readonly HeaderRule[]
  /** A call for help. */
  readonly emergency?: boolean
  /** undefined: no rtpengine has anything to do with it. */
  readonly media: RequestMedia | undefined
  /** §16.7 item 4: for a caller who cannot follow a 3xx himself. */
  readonly follow?: Follow | undefined
  /** Who sent it, inside a dialog that is kept. */
  readonly sender?: DialogSide | undefined
  /** When the call came that this is a part of, clock milliseconds; undefined: nobody counts. */
  readonly since?: number
  /** What is said when the flow that it should leave by is gone (RFC 5626 §5.3.1). */
  readonly gone: 430 | 480
}

/** §12.1: methods that create dialogs, or subscriptions that live like one (RFC 6665). */
const DIALOG_CREATING = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'])

/** A request as it leaves on one branch. */
export interface Composed {
  readonly request: SipRequest
  readonly branch: string
  readonly egress: Side
  /** Those of ours that the two sides see; undefined: the listener's own. */
  readonly names: Names
  /** What a Contact in its responses becomes; undefined: it stays. */
  readonly contactBack: ContactToward | undefined
  /** Of a REGISTER that passes. */
  readonly passage: Passage | undefined
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
  /** Of the copy that this one repeats; undefined: it is a new one. */
  readonly branch?: string | undefined
  /** A REGISTER of our own: there is no client to find a way back to. */
  readonly bare?: boolean
}

/** The request as it leaves through `flow`, with a branch of its own. */
export const compose = (edge: Edge, leaving: Leaving): Composed => {
  const { running, plan, loop, index, candidate, flow, target, bare } = leaving
  const { ingress, media } = plan
  const inDialog = plan.egress !== undefined
  const request = media === undefined ? plan.request : media.request(index)
  const zone = candidateZone(candidate)
  const egress = plan.egress ?? {
    listener: flow.listener,
    zone,
    flow: mayBeBehind(zone, flow) ? tokenOf(edge, flow, candidate) : undefined,
  }
  const recordRoute = !inDialog && DIALOG_CREATING.has(request.method)
  const advertiseEgress = advertisedBy(egress.listener, plan.advertise, egress.zone.advertise)
  const passage =
    request.method === 'REGISTER' && ingress.flow !== undefined && !inDialog && !bare
      ? edge.passing.passage(running, request, ingress, egress, candidate, advertiseEgress)
      : undefined
  const advertiseIngress = advertisedBy(ingress.listener, plan.named ?? tenantOf(plan.uri), ingress.zone.advertise)
  const mediaState = recordRoute ? media?.state(index, candidate) : undefined
  const cookie = recordRoute
    ? running.states.encode(ingress, egress, headerValue(request, 'call-id')!, mediaState)
    : (passage?.cookie ?? '')
  const shown = shownOf(plan, request, ingress, egress, mediaState)
  const sender = plan.state === undefined || plan.state.callee === egress ? 'caller' : 'callee'
  const branch = leaving.branch ?? branchOf(edge.owner, edge.ids.token(12), loop)
  const crossing = {
    ingress,
    egress,
    advertiseIngress,
    advertiseEgress,
    recordRoute,
    path: passage?.way === 'path',
    cookie,
    contact:
      passage?.contact ??
      (shown && contactToward(running, shown, sender, egress, advertiseEgress, () => insideHosts(request, 'from', ingress.listener))),
    renewSeconds: passage?.renewSeconds,
    target,
    contactPath: candidate.kind === 'side' && !inDialog ? (candidate.contact?.path ?? []) : undefined,
    inDialog,
    branch,
    breadth: plan.breadth === undefined ? undefined : Math.max(1, Math.floor(plan.breadth / groupSize(plan.groups, index))),
    numbers: plan.numbers,
    headers: plan.headers,
    emergency: plan.emergency === true,
  }
  const sent = rewrite(request, crossing)
  const receiver = sender === 'caller' ? 'callee' : 'caller'
  const contactBack =
    shown && contactToward(running, shown, receiver, ingress, advertiseIngress, () => insideHosts(sent, 'to', egress.listener))
  const names = { ingress: advertiseIngress, egress: advertiseEgress }
  return { request: sent, branch, egress, names, contactBack, passage }
}

/** undefined: neither side sees a Contact of ours, or it is a registrar that has a way of its own. */
const shownOf = ({ state }: Plan, request: SipRequest, caller: Side, callee: Side, media: RouteState['media']): Shown | undefined => {
  if ((caller.zone.contact === 'keep' && callee.zone.contact === 'keep') || request.method === 'REGISTER') return undefined
  // It lives as long as a 2xx may come again
  const callId = own(headerValue(request, 'call-id')!)
  return state === undefined ? { state: { caller, callee, media }, key: undefined, callId } : { state, key: state.key, callId }
}

/** Of several clients on one connection the dialog belongs to the one that is called: when it comes back, its requests find it. */
const tokenOf = (edge: Edge, flow: Flow, candidate: Candidate): FlowToken => {
  const token = edge.clients.token(flow, candidateZone(candidate), undefined)
  const known = candidate.kind === 'side' ? candidate.side.flow : undefined
  return token.kind === 'connection' && known?.kind === 'connection' && known.identity !== ''
    ? { ...token, identity: known.identity }
    : token
}

/** A tenant: the Request-URI's host may be one of the names that the listener also has (A1, third level). */
const tenantOf = (uri: Uri): string | undefined => (isSip(uri) ? bareHost(uri.host) : undefined)
