/** The ACK to a 2xx (§16.7, §13.2.2.4): it has no transaction, follows the Route headers, and is never answered. */
import type { Flow } from '../address/flow.ts'
import { fnv1a } from '../base/fnv.ts'
import type { Problem } from '../base/problem.ts'
import type { ContactToward } from '../routing/alterations/contact.ts'
import { type InsideHosts, insideHosts } from '../routing/alterations/own-hosts.ts'
import { branchOf, loopHash } from '../routing/branch.ts'
import { type Classified, classify } from '../routing/classify.ts'
import { rewrite } from '../routing/rewrite.ts'
import { validateRequest } from '../routing/validate.ts'
import { withoutSdp } from '../sip/body.ts'
import { headerValue, type SipRequest, serialise } from '../sip/message.ts'
import { topVia } from '../sip/read.ts'
import type { Zone } from '../zones/zone.ts'
import { advertisedBy, type Edge, type Running } from './edge.ts'
import { checkLeg } from './legs.ts'
import { mediaInDialog, RequestMedia } from './media/request-media.ts'
import { type Way, wayInDialog } from './next-hop.ts'
import { contactToward } from './own-contact.ts'

type InDialog = Extract<Classified, { kind: 'in-dialog' }>

/** Sends an ACK on, after whatever its call waits for; what cannot be forwarded is counted and dropped. */
export const forwardAck = (edge: Edge, flow: Flow, request: SipRequest, running: Running, zone: Zone): void => {
  const drop = (why: string): void => edge.metrics.drop(why, flow.listener.name)
  if (validateRequest(request, running.validate) !== undefined) {
    drop('ack-invalid')
    return
  }
  const found = classify(request, { ...running, arrivedOn: flow.listener, from: zone })
  if (found.kind === 'problem') {
    edge.metrics.routeStateRefused(found.fault)
    drop('ack-route')
    return
  }
  if (found.kind !== 'in-dialog') {
    drop('ack-stray')
    return
  }
  // §22.1: an ACK repeats the credentials of its INVITE
  const classified = zone.authenticate ? { ...found, request: edge.gate.inside(found.request, running) } : found
  checkLeg(edge, flow, request, classified.ingress)
  const { egress } = classified
  const callId = headerValue(request, 'call-id')!
  edge.dialogs.acknowledged(classified)
  const media = mediaInDialog(edge, flow, classified)
  const forward = (): void | Promise<void> => {
    const way = wayInDialog(edge, egress, classified.request, classified.uri)
    const prepared = media instanceof RequestMedia ? media.prepare(0, { kind: 'side', side: egress }, egress.listener) : undefined
    if (way instanceof Promise || prepared instanceof Promise)
      return Promise.all([way, prepared]).then(([found]) => send(edge, found, request, passed(classified, media), zone))
    return send(edge, way, request, passed(classified, media), zone)
  }
  const failed = (error: unknown): void => {
    edge.log.warn({ callId, step: 'resolve', zone: egress.zone.name, err: error }, 'ACK cannot be forwarded')
    drop('ack-unreachable')
  }
  const step = (): void | Promise<void> => {
    try {
      return forward()?.catch(failed)
    } catch (error) {
      failed(error)
      return undefined
    }
  }
  if (edge.order.waits(callId)) edge.order.run(callId, step)
  else {
    const pending = step()
    if (pending !== undefined) edge.order.hold(callId, pending)
  }
}

/** With the SDP for the other side. An answer that cannot be passed on stays behind: the dialog needs its ACK all the same. */
const passed = (classified: InDialog, media: RequestMedia | Problem | undefined): InDialog =>
  media === undefined
    ? classified
    : { ...classified, request: media instanceof RequestMedia ? media.request(0) : withoutSdp(classified.request) }

const send = (edge: Edge, way: Way, arrived: SipRequest, classified: InDialog, zone: Zone): void => {
  const { request, egress, ingress, names } = classified
  const destination = way.kind === 'destinations' ? way.list[0] : undefined
  const advertiseEgress = advertisedBy(egress.listener, names.egress, egress.zone.advertise)
  const to = destination && edge.transports.flowTo(egress.listener, destination, egress.zone.connections, advertiseEgress)
  const flow = way.kind === 'flow' ? way.flow : to
  if (flow === undefined) {
    edge.metrics.drop('ack-unreachable', egress.listener.name)
    return
  }
  // §16.11: without state the branch follows from the request, so that a retransmission is one for the next hop, too
  const branch = branchOf(edge.owner, `ack${(fnv1a(topVia(arrived)!.text) >>> 0).toString(36)}`, loopHash(arrived))
  const crossing = {
    ingress: { ...ingress, zone },
    egress,
    advertiseIngress: undefined,
    advertiseEgress,
    recordRoute: false,
    path: false,
    cookie: '',
    contact: egress.zone.contact === 'keep' ? undefined : ownContact(edge, classified, advertiseEgress),
    renewSeconds: undefined,
    target: undefined,
    contactPath: undefined,
    inDialog: true,
    branch,
    numbers: [],
    headers: [],
  }
  flow.send(serialise(rewrite(request, crossing)))
  edge.metrics.message('ACK', egress.listener.transport.name, 'out')
}

/** An ACK may have a Contact, and some have (§20.1). */
const ownContact = (
  { running }: Edge,
  { request, ingress, egress, state }: InDialog,
  as: string | undefined,
): ContactToward | undefined => {
  const shown = { state, key: state.key, callId: headerValue(request, 'call-id')! }
  const hosts = (): InsideHosts | undefined => insideHosts(request, 'from', ingress.listener)
  return contactToward(running, shown, egress === state.callee ? 'caller' : 'callee', egress, as, hosts)
}
