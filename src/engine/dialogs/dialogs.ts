/**
 * Who of the two parties of a call has vanished, and what is done about it (N5, design D4): dialogs of INVITE that have a party reached by
 * flow, or media of ours, are kept from their 2xx on. A client whose connection is gone may come back within the grace of its zone; then its
 * dialogs go on. Else the other party gets a BYE in its place.
 *
 * No request is routed by this table, with one exception: a client that came back, and that no registrar has spoken for yet. It is lost with
 * the process, and learned again from the requests inside the dialogs.
 */
import type { Flow } from '../../address/flow.ts'
import type { Listener } from '../../address/listener.ts'
import { own } from '../../base/bytes.ts'
import { otherParty, type Party } from '../../media/negotiation.ts'
import type { BindingChange } from '../../registrar/types.ts'
import type { Classified, Names } from '../../routing/classify.ts'
import type { FlowToken, Side } from '../../routing/route-state.ts'
import { headerValue, type SipRequest, type SipResponse } from '../../sip/message.ts'
import { cseq, fromTag, toTag } from '../../sip/read.ts'
import { parseUri } from '../../sip/uri.ts'
import type { Edge } from '../edge.ts'
import type { MediaSession } from '../media/session.ts'
import { wayInDialog } from '../next-hop.ts'
import { Dialog, type DialogMedia, type DialogSide, keyOf, PARTIES, placeOf, placeOfFlow } from './dialog.ts'
import { endsOfCall, receiverEnd, senderEnd, sequenceOf } from './end.ts'
import { DialogTable } from './table.ts'
import { Vanished } from './vanished.ts'

type InDialog = Pick<Extract<Classified, { kind: 'in-dialog' }>, 'request' | 'ingress' | 'egress' | 'state' | 'names'>

/** Methods of dialogs of INVITE alone: a subscription ends otherwise (RFC 6665). */
const OF_INVITE = new Set(['INVITE', 'UPDATE', 'PRACK', 'INFO'])
/** Nothing was heard of it for so long: its BYE was lost. */
const FORGET_MS = 86_400_000

export class Dialogs {
  readonly #edgeOf: () => Edge
  readonly #table = new DialogTable()
  readonly #vanished: Vanished

  constructor(edge: () => Edge) {
    this.#edgeOf = edge
    this.#vanished = new Vanished(edge, this.#table)
  }

  /** Dialogs that are kept. */
  get size(): number {
    return this.#table.size - this.#vanished.over
  }

  /** Parties of calls that have vanished and may come back. */
  get vanished(): number {
    return this.#vanished.size
  }

  // ---- what the proxy core tells

  /** A 2xx to an INVITE that began a call goes back. @param invite as it arrived @param egress the side that answered, as the Route state has it @param names of ours */
  confirmed(
    invite: SipRequest,
    response: SipResponse,
    ingress: Side,
    egress: Side | undefined,
    names: Names | undefined,
    media: DialogMedia | undefined,
  ): void {
    if (egress === undefined || (ingress.flow === undefined && egress.flow === undefined && media === undefined)) return
    const written = headerValue(invite, 'call-id')!
    const key = own(keyOf(written, toTag(response) ?? ''))
    const callId = key.slice(0, written.length)
    let dialog = this.#table.between(key, { caller: ingress, callee: egress })
    if (dialog === undefined) {
      const ends = endsOfCall(invite, response, callId, ingress, egress, names)
      dialog = this.#add(key, callId, { caller: { side: ingress, end: ends.caller }, callee: { side: egress, end: ends.callee } }, 'up')
      if (dialog === undefined) return
    } else {
      // The 2xx once more
      if (dialog.state !== 'early') return
      const ends = endsOfCall(invite, response, callId, ingress, egress, names)
      dialog.state = 'up'
      for (const party of PARTIES) {
        const end = ends[party]
        if (end === undefined) continue
        end.sequence = Math.max(end.sequence, sequenceOf(dialog[party].end))
        dialog[party].end = end
      }
      this.#table.settled(callId, dialog)
    }
    dialog.acknowledged = ingress.flow === undefined
    this.#attach(dialog, media)
    // Its connection was closed while rtpengine had the answer
    for (const party of PARTIES) if (dialog[party].side.flow !== undefined && dialog[party].place === '') this.#vanished.lose(dialog[party])
  }

  /** Highest CSeq that the callee of an INVITE has seen from its caller, in the dialog that a response made. */
  seen(invite: SipRequest, response: SipResponse): number {
    if (this.#table.size === 0) return 0
    const key = keyOf(headerValue(invite, 'call-id')!, toTag(response) ?? '')
    return sequenceOf(this.#table.find(key)?.callee.end)
  }

  /** Nothing more will be decided for an INVITE that began a call. */
  decided(callId: string): void {
    if (this.#table.early === 0) return
    for (const dialog of this.#table.takeEarly(callId)) this.#vanished.forget(dialog)
  }

  /**
   * A request inside a dialog, before it goes on.
   * @param flow where it came from @param media of the dialog
   * @returns undefined: nothing is to be known of it
   */
  follow(flow: Flow, classified: InDialog, media: DialogMedia | undefined): DialogSide | undefined {
    const { request, ingress, state, names } = classified
    if (state.caller.flow === undefined && state.callee.flow === undefined && media === undefined) return undefined
    const sender = senderOf(classified)
    const key = keyOfRequest(request, sender)
    const number = cseq(request)?.number ?? 0
    const first = this.#table.find(key)
    let dialog: Dialog | undefined
    for (let one = first; one !== undefined; one = one.next) {
      const receiver = one[otherParty(sender)]
      if (receiver.end !== undefined && number > receiver.end.sequence) receiver.end.sequence = number
    }
    if (first !== undefined) dialog = this.#table.between(key, state)
    if (dialog === undefined) {
      if (!OF_INVITE.has(request.method)) return undefined
      dialog = this.#learn(key, classified, sender)
      if (dialog === undefined) return undefined
      for (const one of this.#table.addEarly(dialog.callId, dialog)) this.#vanished.forget(one)
    }
    dialog.touchedAt = this.#edgeOf().clock.now()
    if (media !== undefined && dialog.media === undefined) this.#attach(dialog, media)
    const receiver = dialog[otherParty(sender)]
    receiver.end ??= receiverEnd(request, receiver.side, names.egress)
    const side = dialog[sender]
    const { method } = request
    if (method === 'BYE') {
      if (dialog.state !== 'over') dialog.state = 'ending'
    } else if (method === 'INVITE' || method === 'UPDATE') {
      if (side.end === undefined) side.end = senderEnd(request, side.side, names.ingress)
      else refresh(side, request)
    }
    if (
      side.side.flow?.kind === 'connection' &&
      flow.listener.name === side.side.listener.name &&
      ingress === state[sender] &&
      side.place !== flow.id
    )
      this.#vanished.back(side, flow, true)
    return side
  }

  /** The ACK to a 2xx passes. */
  acknowledged(classified: InDialog): void {
    const { state, request } = classified
    if (state.caller.flow === undefined || senderOf(classified) !== 'caller') return
    const dialog = this.#table.find(keyOfRequest(request, 'caller'))
    for (let one = dialog; one !== undefined; one = one.next) one.acknowledged = true
  }

  /** A 2xx to a request inside a dialog. */
  answered(sender: DialogSide, method: string, response: SipResponse): void {
    const { dialog } = sender
    if (method === 'INVITE' || method === 'UPDATE') refresh(dialog.other(sender), response)
    // PRACK and UPDATE may come before the call was accepted
    if (dialog.state !== 'early' || (method !== 'INVITE' && method !== 'INFO')) return
    dialog.state = 'up'
    this.#table.settled(dialog.callId, dialog)
  }

  /** Nothing more will be decided for a request inside a dialog. @param status of the final response; 0: none */
  finished(sender: DialogSide, method: string, status: number): void {
    const { dialog } = sender
    // Its end waits for somebody
    if (dialog.state === 'over') return
    if (method === 'BYE' && (status === 401 || status === 407)) {
      if (dialog.state === 'ending') dialog.state = 'up'
      return
    }
    const receiver = dialog.other(sender)
    if (method === 'BYE' && (status === 408 || status === 0) && receiver.side.flow?.kind === 'connection') {
      this.#vanished.unheard(receiver, undefined)
      return
    }
    // RFC 5057 §5.1: who answers 481 has no dialog any more. After 408 its other party is to say BYE, and until then nothing is lost by keeping
    // it; nor with media, whose end tells whoever is left
    const over = method === 'BYE' || (status === 481 && dialog.media === undefined)
    if (over) for (const one of this.#chain(dialog.key)) this.#vanished.forget(one)
  }

  /** The connection of who was to get a request is gone. @returns it was a BYE: the dialog is over all the same */
  undelivered(sender: DialogSide, method: string): boolean {
    if (method !== 'BYE') return false
    this.#vanished.unheard(sender.dialog.other(sender), undefined)
    return true
  }

  /**
   * A BYE for a client that has no connection: the dialog is over, whoever answers. Its sender is answered here, and the client hears of it if it
   * comes back.
   * @returns it was: nothing goes on
   */
  byeToNobody(classified: InDialog, sender: DialogSide | undefined, media: DialogMedia | undefined): boolean {
    const { request, egress } = classified
    if (request.method !== 'BYE' || egress.flow?.kind !== 'connection') return false
    const edge = this.#edgeOf()
    const uri = parseUri(request.requestUri)
    const way = uri === undefined ? undefined : wayInDialog(edge, egress, request, uri)
    if (way === undefined || way instanceof Promise || way.kind !== 'flow-failed') return false
    const callId = headerValue(request, 'call-id')!
    edge.log.info({ callId, zone: egress.zone.name }, 'A call ended while its client was gone')
    edge.trace?.note(callId, `BYE is answered here: the connection of its receiver (zone ${egress.zone.name}) is gone`)
    const by = senderOf(classified)
    const known = sender?.dialog ?? this.#learn(keyOfRequest(request, by), classified, by)
    if (known === undefined) return true
    this.#attach(known, media)
    this.#vanished.unheard(known[otherParty(by)], headerValue(request, 'reason'))
    return true
  }

  /** Where a request inside a dialog finds a client that came back, and that no registrar has spoken for yet. */
  elsewhere(request: SipRequest, { flow: token }: Side): Flow | undefined {
    if (this.#vanished.claims === 0 || token?.kind !== 'connection') return undefined
    for (const sender of PARTIES) {
      const side = this.#table.find(keyOfRequest(request, sender))?.[otherParty(sender)]
      const written = side?.side.flow
      if (side?.flow?.open && written?.kind === 'connection' && written.id === token.id) return side.flow
    }
    return undefined
  }

  // ---- what happens to connections

  /** A connection is gone, with everybody behind it. */
  closed(flow: Flow): void {
    if (this.#edgeOf().stopping || !flow.listener.transport.reliable) return
    // Trunks open another one when they need it
    for (const side of this.#table.at(placeOfFlow(flow))) if (side.side.zone.profile.reach === 'flow') this.#vanished.lose(side)
  }

  /** A client that has no connection of its own does not answer any more (N4). @param listener name of the one that it used */
  lost(listener: string, token: FlowToken): void {
    for (const side of this.#table.at(placeOf(listener, token))) this.#vanished.lose(side)
  }

  /** A binding has changed: clients on UDP vanish with the last keep-alive that they did not answer, and come back with a REGISTER. */
  bindingChanged(change: BindingChange): void {
    const { listener, flow } = change.binding
    if (flow.kind !== 'datagram') return
    if (change.kind !== 'ended') {
      this.#vanished.registeredAt(placeOf(listener, flow))
    } else if (change.why === 'no-answer') this.lost(listener, flow)
  }

  /** A client is behind that connection now; a registrar said so. @param identity as in flow tokens */
  registered(identity: string, flow: Flow): void {
    this.#vanished.registered(identity, flow)
  }

  /** Its media has died: both sides get a BYE. */
  endAll(session: MediaSession, reason: string): void {
    for (const dialog of [...session.dialogs]) if (dialog.state !== 'over') this.#vanished.end(dialog, reason, undefined)
  }

  /** Forgets dialogs whose BYE was lost. */
  sweep(): void {
    const before = this.#edgeOf().clock.now() - FORGET_MS
    for (const dialog of [...this.#table.all()]) if (dialog.touchedAt < before) this.#vanished.forget(dialog)
  }

  // ---- parts

  /** @param key copied already, as is the Call-ID */
  #add(key: string, callId: string, ends: ConstructorParameters<typeof Dialog>[2], state: Dialog['state']): Dialog | undefined {
    const dialog = new Dialog(key, callId, ends, state, this.#edgeOf().clock.now(), this.#vanished.due)
    if (!this.#table.add(dialog)) return undefined
    for (const party of PARTIES) {
      const { listener, flow } = dialog[party].side
      if (flow !== undefined) this.#table.place(dialog[party], this.#placeNow(listener, flow))
    }
    return dialog
  }

  /** Where a token leads today; that of another life of the process may lead nowhere. */
  #placeNow(listener: Listener, token: FlowToken): string {
    if (token.kind === 'datagram') return placeOf(listener.name, token)
    const { clients, transports } = this.#edgeOf()
    return clients.find(token, (id) => transports.flowById(id))?.id ?? ''
  }

  #attach(dialog: Dialog, media: DialogMedia | undefined): void {
    if (media === undefined || dialog.media !== undefined) return
    dialog.media = media
    media.session.dialogs.add(dialog)
  }

  /** Before its 2xx, from before this process, or ended by its first request: what that shows is how to speak to its receiver. */
  #learn(written: string, { request, state, names }: InDialog, sender: Party): Dialog | undefined {
    const { caller, callee } = state
    const ends = {
      caller: { side: caller, end: sender === 'caller' ? undefined : receiverEnd(request, caller, names.egress) },
      callee: { side: callee, end: sender === 'caller' ? receiverEnd(request, callee, names.egress) : undefined },
    }
    const key = own(written)
    const dialog = this.#add(key, key.slice(0, headerValue(request, 'call-id')!.length), ends, 'early')
    if (dialog !== undefined) dialog.acknowledged = true
    return dialog
  }

  #chain(key: string): readonly Dialog[] {
    const list: Dialog[] = []
    for (let one = this.#table.find(key); one !== undefined; one = one.next) list.push(one)
    return list
  }
}

const senderOf = ({ egress, state }: Pick<InDialog, 'egress' | 'state'>): Party => (egress === state.callee ? 'caller' : 'callee')

const keyOfRequest = (request: SipRequest, sender: Party): string =>
  keyOf(headerValue(request, 'call-id')!, (sender === 'caller' ? toTag(request) : fromTag(request)) ?? '')

/** §12.2: the remote target moves with the Contact of an INVITE or UPDATE, and of their 2xx. */
const refresh = ({ end }: DialogSide, message: SipRequest | SipResponse): void => {
  if (end === undefined) return
  const contact = headerValue(message, 'contact')
  if (contact !== undefined && contact !== end.contact) end.contact = own(contact)
}
