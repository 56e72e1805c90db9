import type { Flow } from '../../address/flow.ts'
import { WheelTimer } from '../../base/timer-wheel.ts'
import type { Party } from '../../media/negotiation.ts'
import { isSip, parseUri } from '../../sip/uri.ts'
import type { Edge } from '../edge.ts'
import { acknowledge, sayBye } from '../hang-up.ts'
import { dialogOver } from '../media/placement.ts'
import type { TimerKind, TimerOwner } from '../timers.ts'
import { type Dialog, type DialogSide, PARTIES, placeOf, placeOfFlow } from './dialog.ts'
import { targetOf } from './end.ts'
import type { DialogTable } from './table.ts'

/** RFC 3326. */
const CONNECTION_LOST = 'SIP;cause=480;text="Connection lost"'
/** A client that comes back so long after the end of its call still hears of it. */
const TELL_MS = 180_000
/** Most dialogs whose end waits for somebody to come back. */
const MOST_OVER = 10_000

/** Who ended a dialog, and how its call is shown. */
export interface EndedBy {
  readonly how: 'bye' | 'connection-lost'
  readonly party: Party
}

/** The parties of dialogs whose connections are gone: who is waited for, who came back, and what the other side is told. */
export class Vanished {
  readonly #edgeOf: () => Edge
  readonly #table: DialogTable
  /** Sides that are waited for, by what they are known by. */
  readonly #waiting = new Map<string, Set<DialogSide>>()
  readonly #over = new Set<Dialog>()
  #claims = 0
  #size = 0

  constructor(edge: () => Edge, table: DialogTable) {
    this.#edgeOf = edge
    this.#table = table
  }

  get size(): number {
    return this.#size
  }

  /** Dialogs that have ended, and somebody does not know yet. */
  get over(): number {
    return this.#over.size
  }

  /** Sides that came back and that no registrar has spoken for. */
  get claims(): number {
    return this.#claims
  }

  /** Its connection is gone. */
  lose(side: DialogSide): void {
    const edge = this.#edgeOf()
    const { dialog, party } = side
    if (side.vanished || dialog.state === 'ending' || dialog.state === 'over') return
    // It came back before we saw that it had gone
    const flow = edge.clients.at(this.#identityOf(side))
    if (flow !== undefined) {
      this.#settle(side, flow, false)
      return
    }
    this.expect(side)
    const zone = edge.running.snapshot.zones.get(side.side.zone.name) ?? side.side.zone
    // Who did not even hear that it was answered has nothing to come back to
    const ms = party === 'caller' && dialog.state === 'up' && !dialog.acknowledged ? 0 : zone.lost.callsMs
    edge.log.info({ callId: dialog.callId, zone: zone.name, party, seconds: ms / 1000 }, 'A call has lost its client')
    edge.trace?.note(dialog.callId, `The connection of the ${party} (zone ${zone.name}) is gone; it has ${ms / 1000} s to come back`)
    if (ms === 0) this.due(side)
    else this.#wait(side, ms)
  }

  /** It has no connection, and may come back. */
  expect(side: DialogSide): void {
    if (side.vanished) return
    side.vanished = true
    this.#size++
    this.#settle(side, undefined, false)
    side.identity = this.#identityOf(side)
    if (side.identity === '') return
    const there = this.#waiting.get(side.identity)
    if (there === undefined) this.#waiting.set(side.identity, new Set([side]))
    else there.add(side)
  }

  /** The other side's BYE was answered, and this one did not get it. */
  unheard(side: DialogSide, reason: string | undefined): void {
    const { dialog } = side
    this.expect(side)
    dialog.state = 'ending'
    this.end(dialog, reason, { how: 'bye', party: dialog.other(side).party })
    const flow = this.#edgeOf().clients.at(side.identity)
    if (flow !== undefined) this.back(side, flow, false)
  }

  /** A registrar says that a client is behind that connection now. @param identity as in flow tokens */
  registered(identity: string, flow: Flow): void {
    if (this.#waiting.size === 0) return
    for (const side of [...(this.#waiting.get(identity) ?? [])]) this.back(side, flow, false)
  }

  /** The same for who has no connection. @param place as `placeOf` says */
  registeredAt(place: string): void {
    if (this.#waiting.size === 0) return
    for (const side of [...(this.#waiting.get(place) ?? [])]) {
      const { listener, flow } = side.side
      if (flow?.kind === 'datagram') this.back(side, this.#edgeOf().transports.datagramFlow(listener, flow.address, flow.port), false)
    }
  }

  /** Somebody is there again, or on another connection. @param claims by a request inside the dialog alone */
  back(side: DialogSide, flow: Flow, claims: boolean): void {
    const { dialog, party, vanished } = side
    const { log, trace, metrics } = this.#edgeOf()
    if (dialog.state === 'over' && !vanished) return
    this.#stopWaiting(side)
    this.#settle(side, flow, claims)
    if (dialog.state === 'over') {
      const told = this.#say(side, dialog.reason)
      if (!dialog.caller.vanished && !dialog.callee.vanished) void told.then(() => this.forget(dialog))
      return
    }
    if (!vanished) return
    metrics.dialogResumed()
    log.info({ callId: dialog.callId, zone: side.side.zone.name, party }, 'The client of a call came back')
    trace?.note(dialog.callId, `The ${party} came back, from ${flow.remoteAddress}:${flow.remotePort}`)
  }

  /** The time of a side that vanished is over. */
  readonly due = (side: DialogSide): void => {
    const { dialog, party } = side
    if (dialog.state === 'over') {
      this.forget(dialog)
      return
    }
    const { metrics, log, trace } = this.#edgeOf()
    const other = dialog.other(side)
    metrics.dialogEnded()
    log.info({ callId: dialog.callId, zone: side.side.zone.name, party }, 'A call ended: its client did not come back')
    const then = other.vanished ? `nor is the ${other.party} there` : `BYE to the ${other.party}`
    trace?.note(dialog.callId, `The ${party} did not come back, ${then}`)
    this.end(dialog, CONNECTION_LOST, { how: 'connection-lost', party })
  }

  /** Whoever is there gets a BYE; who is not may get it later. @param by undefined: its media is over, and somebody else sees to that */
  end(dialog: Dialog, reason: string | undefined, by: EndedBy | undefined): void {
    const known = dialog.state === 'ending'
    dialog.state = 'over'
    dialog.reason = reason
    const edge = this.#edgeOf()
    if (dialog.media !== undefined && by !== undefined && edge.media !== undefined) {
      const pending = dialogOver(edge.media, dialog.media, dialog.tag, by.how, by.party)
      if (pending !== undefined) edge.order.hold(dialog.callId, pending)
    }
    for (const party of PARTIES) {
      const side = dialog[party]
      if (side.vanished) this.#wait(side, TELL_MS)
      else if (!known) void this.#say(side, reason)
    }
    if (!dialog.caller.vanished && !dialog.callee.vanished) {
      this.forget(dialog)
      return
    }
    this.#over.add(dialog)
    if (this.#over.size > MOST_OVER) this.forget(this.#over.values().next().value!)
  }

  forget(dialog: Dialog): void {
    for (const party of PARTIES) {
      this.#stopWaiting(dialog[party])
      this.#settle(dialog[party], undefined, false)
    }
    this.#over.delete(dialog)
    this.#table.remove(dialog)
    dialog.media?.session.dialogs.delete(dialog)
  }

  /** What a side is known by when it comes back. */
  #identityOf({ side, end }: DialogSide): string {
    const { flow } = side
    if (flow === undefined) return ''
    if (flow.kind === 'datagram') return placeOf(side.listener.name, flow)
    const target = end === undefined ? undefined : targetOf(end)
    const uri = target === undefined ? undefined : parseUri(target)
    // RFC 7118 §5: a name that a page made up for itself. A page that was loaded again has another one and has lost its calls, whatever
    // instance it calls itself
    return uri !== undefined && isSip(uri) && uri.host.endsWith('.invalid')
      ? this.#edgeOf().clients.identityOf(uri, side.zone)
      : flow.identity
  }

  #wait(side: DialogSide, ms: number): void {
    side.timer ??= new WheelTimer<TimerOwner, TimerKind>(side, 'vanished')
    this.#edgeOf().transactions.wheel.schedule(side.timer, ms)
  }

  #settle(side: DialogSide, flow: Flow | undefined, claims: boolean): void {
    if (side.flow !== undefined) this.#claims--
    side.flow = claims ? flow : undefined
    if (side.flow !== undefined) this.#claims++
    this.#table.unplace(side)
    if (flow !== undefined) this.#table.place(side, placeOfFlow(flow))
  }

  #stopWaiting(side: DialogSide): void {
    if (!side.vanished) return
    side.vanished = false
    this.#size--
    if (side.timer !== undefined) this.#edgeOf().transactions.wheel.cancel(side.timer)
    const there = this.#waiting.get(side.identity)
    there?.delete(side)
    if (there?.size === 0) this.#waiting.delete(side.identity)
    side.identity = ''
  }

  /** The BYE for one side, in its turn among what else is under way for the call. */
  #say({ dialog, party, end }: DialogSide, reason: string | undefined): Promise<void> {
    const edge = this.#edgeOf()
    if (end === undefined) {
      edge.log.warn({ callId: dialog.callId, party, reason: 'not known' }, 'A dialog cannot be ended')
      return Promise.resolve()
    }
    // §13.2.2.4: without its ACK the callee would repeat its 2xx
    const needsAck = party === 'callee' && !dialog.acknowledged
    if (needsAck) dialog.acknowledged = true
    return new Promise((done) => {
      edge.order.run(dialog.callId, () => {
        const said = needsAck ? acknowledge(edge, end).then(() => sayBye(edge, end, reason)) : sayBye(edge, end, reason)
        return said.finally(done)
      })
    })
  }
}
