/**
 * The media of one request and its responses: which SDP is an offer, which an answer, and what rtpengine has to hear of before a message goes
 * on. Messages without SDP pass through here untouched and at once.
 */
import type { Flow } from '../../address/flow.ts'
import type { Listener } from '../../address/listener.ts'
import { own } from '../../base/bytes.ts'
import { isProblem, type Problem, problem } from '../../base/problem.ts'
import { type Exchange, otherParty, type Party } from '../../media/negotiation.ts'
import { placeholder } from '../../media/placeholder.ts'
import type { Candidate } from '../../routing/decide.ts'
import type { MediaState, RouteState, Side } from '../../routing/route-state.ts'
import { type SdpBody, sdpOf, withoutSdp, withSdp } from '../../sip/body.ts'
import { headerValue, type SipRequest, type SipResponse } from '../../sip/message.ts'
import { toTag } from '../../sip/read.ts'
import { mediaLeg } from '../../zones/media.ts'
import type { DialogMedia } from '../dialogs/dialog.ts'
import type { Edge } from '../edge.ts'
import type { MediaDesk } from './desk.ts'
import { lacksOffer } from './offers.ts'
import { InDialog, NewCall, type Passing, type Placement, stateOf } from './placement.ts'
import { receivedFrom } from './received.ts'

/** RFC 6337 §2.2: an SDP in another method is no offer and no answer. It would show where its sender is, so it stays behind. */
const DESCRIBING = new Set(['INVITE', 'ACK', 'PRACK', 'UPDATE'])

/** A 2xx that comes again, as it goes upstream. */
export type Again = (response: SipResponse) => SipResponse

export class RequestMedia {
  readonly #desk: MediaDesk
  readonly #request: SipRequest
  /** Where the request came from. */
  readonly #arrival: Flow
  readonly #placement: Placement
  readonly #passings: (Passing | undefined)[] = []
  #body: SdpBody<SipRequest> | undefined
  #read = false
  /** rtpengine may have executed an offer that it did not confirm. */
  #lost = false

  constructor(desk: MediaDesk, request: SipRequest, arrival: Flow, placement: Placement) {
    this.#desk = desk
    this.#request = request
    this.#arrival = arrival
    this.#placement = placement
  }

  /** The request as it leaves on a branch. */
  request(index: number): SipRequest {
    return this.#passings[index]?.request ?? this.#request
  }

  /** What our Record-Route carries for the branch. */
  state(index: number, candidate: Candidate): MediaState | undefined {
    const passing = this.#passings[index]
    return passing === undefined ? undefined : stateOf(this.#desk, passing, candidate)
  }

  /**
   * Before the request leaves on a branch, through `listener`. For another leg than before (another transport) the SDP is passed on again.
   * @returns a problem: it must not leave; undefined: it may, now
   */
  prepare(index: number, candidate: Candidate, listener: Listener): Problem | undefined | Promise<Problem | undefined> {
    const place = this.#placement.place(index, candidate, listener)
    if (place !== undefined && isProblem(place)) return place
    if (place !== undefined && place === this.#passings[index]) return undefined
    this.#passings[index] = place
    if (place === undefined) return lacksOffer(this.#request, candidate)
    if (!DESCRIBING.has(this.#request.method)) {
      place.request = withoutSdp(this.#request)
      return undefined
    }
    if (!this.#read) {
      this.#read = true
      this.#body = sdpOf(this.#request)
    }
    return this.#body === undefined ? this.#withoutOffer(place, candidate) : this.#carry(place, this.#body)
  }

  /**
   * Who insists on an offer gets that of who asks for one, as it was last, or one for a call that begins. What comes back is an answer to us, and an offer
   * to who asked.
   */
  #withoutOffer(place: Passing, candidate: Candidate): Problem | undefined | Promise<Problem | undefined> {
    const fault = lacksOffer(this.#request, candidate)
    if (fault === undefined || this.#request.body.length > 0) return fault
    const { session, branch } = place
    if (toTag(this.#request) === undefined) {
      // rtpengine passes keys on as they are: its own would be others than those that come with the answer
      if (session.caller.leg.profile.keys !== 'none') return fault
      return this.#begin(place, session.offerFor(branch, placeholder(this.#arrival.remoteAddress)))
    }
    const offer = session.offerAgain(branch, this.#placement.sender)
    if (offer === undefined) return fault
    place.inverted = true
    place.request = withSdp(this.#request, offer)
    return undefined
  }

  async #begin(place: Passing, offering: Promise<Exchange | Problem>): Promise<Problem | undefined> {
    const exchange = await offering
    if (isProblem(exchange)) return exchange
    place.inverted = true
    place.request = withSdp(this.#request, exchange.offered)
    this.#placement.offered()
    return undefined
  }

  async #carry(place: Passing, body: SdpBody<SipRequest>): Promise<Problem | undefined> {
    const { session, branch } = place
    const { sender } = this.#placement
    const what = branch.negotiation.inRequest(this.#request.method, sender)
    if (what === 'stray') {
      place.request = withoutSdp(this.#request)
      return undefined
    }
    this.#receive(place, sender, this.#arrival, body.sdp)
    if (what === 'offer') {
      const exchange = await session.offer(branch, sender, body.sdp)
      if (isProblem(exchange)) {
        this.#lost = exchange.status >= 500
        return exchange
      }
      place.exchange = exchange
      place.request = body.replace(exchange.offered)
      this.#placement.offered()
      return undefined
    }
    const result = await session.answer(branch, what, body.sdp)
    if (isProblem(result)) {
      // An ACK cannot be refused, and its dialog cannot do without it
      if (this.#request.method === 'ACK') place.request = withoutSdp(this.#request)
      return result
    }
    place.request = what.inverted ? withoutSdp(this.#request) : body.replace(result.answered)
    // An answer in a request (ACK, PRACK) has nothing to wait for
    branch.negotiation.confirmed(what)
    return undefined
  }

  /** Before a response goes back. At once for one without SDP, and for one that says what an earlier one said. @param flow where it came from */
  response(index: number, response: SipResponse, flow: Flow): SipResponse | Promise<SipResponse | Problem> {
    const passing = this.#passings[index]
    if (passing === undefined || response.status <= 100) return response
    // §21.4.26: what could be accepted; where it would be is nobody's business
    if (response.status >= 300 || !DESCRIBING.has(this.#request.method)) return withoutSdp(response)
    const body = sdpOf(response)
    const tag = toTag(response) ?? ''
    if (body === undefined) return this.#silent(passing, response, passing.early?.get(tag))
    if (response.status < 200) remember(passing, tag, body.sdp)
    const { sender } = this.#placement
    const { exchange, branch } = passing
    if (exchange !== undefined && exchange.offerer === sender) {
      const repeated = exchange.answer === body.sdp && passing.session.hears(branch)
      // A later exchange (UPDATE) has gone on from here: what the INVITE's answer says once more is past. So it is behind a 2xx: another dialog,
      // of a fork behind us, that its caller will end (§13.2.2.4)
      const past = exchange.answered !== undefined && (branch.negotiation.latest !== exchange || passing.accepted)
      if (repeated || past) return body.replace(exchange.answered!)
    } else if (exchange !== undefined && (exchange.answer !== undefined || exchange.offer === body.sdp || passing.accepted)) {
      // §13.2.1: of one side's descriptions the first one counts
      return body.replace(exchange.offered)
    } else if (this.#request.method !== 'INVITE') return withoutSdp(response)
    this.#receive(passing, otherParty(sender), flow, body.sdp)
    return this.#back(passing, body)
  }

  /** A response without SDP: a 2xx means what its dialog had said before, though another fork may have spoken since. @param early what that was */
  #silent(passing: Passing, response: SipResponse, early: string | undefined): SipResponse | Promise<SipResponse | Problem> {
    const { session, branch, exchange, accepted } = passing
    if (response.status < 200 || early === undefined || accepted || exchange === undefined || exchange.offerer !== this.#placement.sender)
      return response
    if (branch.negotiation.latest !== exchange || (early === exchange.answer && session.hears(branch))) return response
    return session.answer(branch, exchange, early).then((result) => (isProblem(result) ? unusable(result) : response))
  }

  async #back(passing: Passing, body: SdpBody<SipResponse>): Promise<SipResponse | Problem> {
    const { session, branch, exchange } = passing
    const { sender } = this.#placement
    if (exchange?.offerer === sender) {
      const result = await session.answer(branch, exchange, body.sdp)
      return isProblem(result) ? unusable(result) : body.replace(result.answered)
    }
    // An INVITE without SDP asks the other side to offer
    const offered = await session.offer(branch, otherParty(sender), body.sdp, passing.inverted)
    if (isProblem(offered)) return unusable(offered)
    passing.exchange = offered
    return body.replace(offered.offered)
  }

  /**
   * For a 2xx that comes again after everything is decided (RFC 6026 §7.2): what was said before. Also for that of another fork behind us: who
   * gets it has to know of that dialog, to end it.
   */
  again(index: number): Again | undefined {
    const passing = this.#passings[index]
    if (passing === undefined) return undefined
    const { exchange, branch } = passing
    const told = exchange?.offerer === this.#placement.sender ? exchange.answered : exchange?.offered
    const initial = toTag(this.#request) === undefined
    return (response) => {
      if (initial) branch.answered(toTag(response) ?? '')
      return told === undefined ? withoutSdp(response) : (sdpOf(response)?.replace(told) ?? response)
    }
  }

  /** A 2xx goes back on a branch. */
  answered(index: number, response: SipResponse): void {
    this.#placement.answered(index, response)
    const passing = this.#passings[index]
    if (passing === undefined) return
    passing.accepted = true
    if (passing.exchange?.answer !== undefined) passing.branch.negotiation.confirmed(passing.exchange)
  }

  /** Where the media of a branch is. */
  at(index: number): DialogMedia | undefined {
    return this.#placement.at(index)
  }

  /** A branch ended without a 2xx. */
  failed(index: number): void {
    this.#placement.failed(index)
  }

  /** Nothing more will be decided. @returns what later messages of the call have to wait for */
  finished(status: number): Promise<void> | undefined {
    const pending = this.#placement.finished(status)
    if (pending !== undefined || (status >= 200 && status < 300)) return pending
    const passing = this.#passings[0]
    if (passing === undefined || passing.session.ended) return undefined
    const { session, branch, exchange } = passing
    const { agreed } = branch.negotiation
    // Nothing, where the call itself has failed
    const again = exchange !== undefined ? branch.negotiation.refused(exchange) : this.#lost && agreed !== undefined ? [agreed] : []
    return again.length === 0 ? undefined : session.restore(branch, again)
  }

  /** N6: where the media of a party is to be sent until it comes. */
  #receive({ session, branch }: Passing, party: Party, flow: Flow, sdp: string): void {
    const side = party === 'caller' ? session.caller : branch.callee
    side.received = receivedFrom(flow, sdp, this.#desk.natOf(side.leg.zone))
  }
}

/** More forks with early media than anybody can listen to are not told apart. */
const MOST_EARLY = 16

const remember = (passing: Passing, tag: string, sdp: string): void => {
  passing.early ??= new Map()
  if (passing.early.size < MOST_EARLY || passing.early.has(tag)) passing.early.set(own(tag), sdp)
}

/** What is wrong in the callee's answer is not wrong in what the caller asked. */
const unusable = (fault: Problem): Problem => (fault.status < 500 ? problem(502, 'Answer cannot be used', fault.rfc, fault.at) : fault)

/** For an INVITE that begins a call; undefined where no call has media of ours. */
export const mediaOfCall = (edge: Edge, arrival: Flow, request: SipRequest, ingress: Side): RequestMedia | undefined =>
  edge.media === undefined || !ingress.zone.media.anchored
    ? undefined
    : new RequestMedia(edge.media, request, arrival, new NewCall(edge.media, headerValue(request, 'call-id')!, ingress))

/**
 * RFC 8840: an INFO with candidates that trickle. They are for the other end of ICE, and that is rtpengine: it learns what it needs from the checks
 * that come (RFC 8445 §7.3.1.3), so the INFO only has to be taken. Nobody behind us has a use for it.
 */
export const takesCandidates = (
  edge: Edge,
  { request, state, ingress }: { readonly request: SipRequest; readonly state: RouteState; readonly ingress: Side },
): boolean =>
  request.method === 'INFO' &&
  edge.media !== undefined &&
  state.media !== undefined &&
  /^[ \t]*trickle-ice[ \t]*(?:;|$)/i.test(headerValue(request, 'info-package') ?? '') &&
  mediaLeg(ingress.zone.name, ingress.zone.media, ingress.listener.transport.name).profile.ice === 'force'

/**
 * For a request inside a dialog, whose own state says whether there is a session.
 * @returns undefined: no rtpengine has anything to do with it; a problem: it may not pass, or its SDP would go through as it is
 */
export const mediaInDialog = (
  edge: Edge,
  arrival: Flow,
  { request, state, egress }: { readonly request: SipRequest; readonly state: RouteState; readonly egress: Side },
): RequestMedia | Problem | undefined => {
  if (edge.media === undefined || state.media === undefined) return undefined
  // Also without an SDP an INVITE asks for one
  const describes = request.method === 'INVITE' || sdpOf(request) !== undefined
  const wanted = describes || DESCRIBING.has(request.method) || request.method === 'BYE'
  const found = edge.media.find(state, state.media, headerValue(request, 'call-id')!, wanted)
  if (found === undefined) return undefined
  if (isProblem(found)) return describes ? found : undefined
  const sender: Party = egress === state.callee ? 'caller' : 'callee'
  return new RequestMedia(edge.media, request, arrival, new InDialog(edge.media, sender, request, found))
}
