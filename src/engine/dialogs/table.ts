import type { Party } from '../../media/negotiation.ts'
import type { RouteState, Side } from '../../routing/route-state.ts'
import type { Dialog, DialogSide } from './dialog.ts'

/** Most dialogs that are kept; calls beyond that are as good as others, but nobody hangs up for a client that vanished. */
const MOST = 200_000
/** Most calls with requests inside dialogs that nobody has accepted yet. */
const MOST_EARLY = 5000
/** Most of those dialogs of one call: tags cost nothing. */
const MOST_FORKS = 32

/** The dialogs that are kept, by Call-ID and the callee's tag, and by where their parties are. */
export class DialogTable {
  readonly #byKey = new Map<string, Dialog>()
  readonly #byPlace = new Map<string, DialogSide[]>()
  /** Not accepted yet, by Call-ID. */
  readonly #early = new Map<string, Dialog[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The dialog on the first of its passages; `next` is the same on another one. */
  find(key: string): Dialog | undefined {
    return this.#byKey.get(key)
  }

  /** The dialog on the passage between these two sides. */
  between(key: string, sides: Pick<RouteState, Party>): Dialog | undefined {
    for (let one = this.#byKey.get(key); one !== undefined; one = one.next)
      if (same(one.caller.side, sides.caller) && same(one.callee.side, sides.callee)) return one
    return undefined
  }

  *all(): Iterable<Dialog> {
    for (const first of this.#byKey.values()) for (let one: Dialog | undefined = first; one !== undefined; one = one.next) yield one
  }

  /** @returns false: there is no room */
  add(dialog: Dialog): boolean {
    if (this.#size >= MOST) return false
    dialog.next = this.#byKey.get(dialog.key)
    this.#byKey.set(dialog.key, dialog)
    this.#size++
    return true
  }

  remove(dialog: Dialog): void {
    const first = this.#byKey.get(dialog.key)
    if (first === dialog) {
      if (dialog.next === undefined) this.#byKey.delete(dialog.key)
      else this.#byKey.set(dialog.key, dialog.next)
    } else {
      let before = first
      while (before !== undefined && before.next !== dialog) before = before.next
      if (before === undefined) return
      before.next = dialog.next
    }
    dialog.next = undefined
    this.#size--
    this.unplace(dialog.caller)
    this.unplace(dialog.callee)
  }

  /** The parties that are there. */
  at(place: string): readonly DialogSide[] {
    return this.#byPlace.get(place)?.slice() ?? NOBODY
  }

  /** @param place empty: it is reached by its address */
  place(side: DialogSide, place: string): void {
    side.place = place
    if (place === '') return
    const there = this.#byPlace.get(place)
    if (there === undefined) this.#byPlace.set(place, [side])
    else there.push(side)
  }

  unplace(side: DialogSide): void {
    const { place } = side
    if (place === '') return
    side.place = ''
    const there = this.#byPlace.get(place)
    const at = there?.indexOf(side) ?? -1
    if (there === undefined || at < 0) return
    if (there.length === 1) {
      this.#byPlace.delete(place)
      return
    }
    there[at] = there[there.length - 1]!
    there.pop()
  }

  // ---- dialogs of calls that nobody has accepted yet

  get early(): number {
    return this.#early.size
  }

  /** @returns those that had to make room: they are to be forgotten */
  addEarly(callId: string, dialog: Dialog): readonly Dialog[] {
    const there = this.#early.get(callId)
    if (there !== undefined) {
      there.push(dialog)
      return there.length > MOST_FORKS ? there.splice(0, 1) : NONE
    }
    const most = this.#early.size >= MOST_EARLY ? this.takeEarly(this.#early.keys().next().value!) : NONE
    this.#early.set(callId, [dialog])
    return most
  }

  /** It is one of those that were accepted. */
  settled(callId: string, dialog: Dialog): void {
    const left = this.#early.get(callId)?.filter((one) => one !== dialog)
    if (left?.length === 0) this.#early.delete(callId)
    else if (left !== undefined) this.#early.set(callId, left)
  }

  /** The call is decided: what was not accepted is nothing. @returns what is to be forgotten */
  takeEarly(callId: string): readonly Dialog[] {
    const there = this.#early.get(callId)
    this.#early.delete(callId)
    return there ?? NONE
  }
}

const NONE: readonly Dialog[] = []
const NOBODY: readonly DialogSide[] = []

const same = (one: Side, other: Side): boolean =>
  one === other || (one.listener.name === other.listener.name && one.zone.name === other.zone.name)
