import type { Flow } from '../../address/flow.ts'
import { otherParty, type Party } from '../../media/negotiation.ts'
import type { FlowToken, Side } from '../../routing/route-state.ts'
import type { MediaSession, SessionBranch } from '../media/session.ts'
import type { Timer, TimerOwner } from '../timers.ts'
import type { DialogEnd } from './end.ts'

/**
 * `early`: nobody has accepted it yet, or we have not seen that. `ending`: a BYE is on its way. `over`: one side has been told of the end, the
 * other has vanished, and is to be told if it comes back.
 */
type DialogState = 'early' | 'up' | 'ending' | 'over'

/** Where the media of a dialog is. */
export interface DialogMedia {
  readonly session: MediaSession
  readonly branch: SessionBranch
}

/** One of the two parties of a dialog: how to speak to it, and where it is. */
export class DialogSide implements TimerOwner {
  readonly dialog: Dialog
  readonly party: Party
  readonly side: Side
  /** undefined: nobody knows how (no Contact, or the process is younger than the dialog). */
  end: DialogEnd | undefined
  /** What its connection or pinhole is known by (`placeOf`); empty for one that is reached by its address, or has none. */
  place = ''
  /** It came back on this connection by a request inside the dialog: no registrar has said so. */
  flow: Flow | undefined
  /** Its connection is gone. */
  vanished = false
  /** What it is known by when it comes back, while it is waited for. */
  identity = ''
  timer: Timer | undefined

  constructor(dialog: Dialog, party: Party, side: Side, end: DialogEnd | undefined) {
    this.dialog = dialog
    this.party = party
    this.side = side
    this.end = end
  }

  fired(): void {
    this.dialog.due(this)
  }
}

/** One dialog of INVITE that passed through us. */
export class Dialog {
  readonly key: string
  readonly callId: string
  /** The callee's tag. */
  readonly tag: string
  readonly caller: DialogSide
  readonly callee: DialogSide
  /** What is done when the time of a side that vanished is over. */
  readonly due: (side: DialogSide) => void
  state: DialogState
  /** The ACK of a caller who may vanish has passed; of others it does not matter. */
  acknowledged = false
  /** Clock milliseconds of the last request inside it. */
  touchedAt: number
  media: DialogMedia | undefined
  /** Of its end, once it is over: value of Reason. */
  reason: string | undefined
  /** The same dialog on its next passage, where a call comes by twice. */
  next: Dialog | undefined

  constructor(
    key: string,
    callId: string,
    sides: Readonly<Record<Party, { readonly side: Side; readonly end: DialogEnd | undefined }>>,
    state: DialogState,
    now: number,
    due: (side: DialogSide) => void,
  ) {
    this.key = key
    this.callId = callId
    this.tag = key.slice(callId.length + 1)
    this.caller = new DialogSide(this, 'caller', sides.caller.side, sides.caller.end)
    this.callee = new DialogSide(this, 'callee', sides.callee.side, sides.callee.end)
    this.state = state
    this.touchedAt = now
    this.due = due
  }

  other({ party }: DialogSide): DialogSide {
    return this[otherParty(party)]
  }
}

export const PARTIES: readonly Party[] = ['caller', 'callee']

/** The caller's tag would tell nothing more. */
export const keyOf = (callId: string, calleeTag: string): string => `${callId} ${calleeTag}`

/** One text for one flow, the same for what a token names and for the flow itself. */
export const placeOf = (listener: string, token: FlowToken): string =>
  token.kind === 'connection' ? token.id : `${listener} ${token.address} ${token.port}`

export const placeOfFlow = ({ listener, id, remoteAddress, remotePort }: Flow): string =>
  listener.transport.reliable ? id : `${listener.name} ${remoteAddress} ${remotePort}`
