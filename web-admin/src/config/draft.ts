/** The text that somebody is working on; it survives going to another page and back. */
import { useEffect } from 'preact/hooks'
import type { ConfigText } from '../api/types.ts'
import { createStore } from '../store.ts'

export interface Draft {
  /** What it began from. */
  readonly base: ConfigText
  readonly text: string
  /** Texts before changes that the form made, the last one at the end. */
  readonly undo: readonly string[]
}

const MOST_UNDO = 50

export const draftStore = createStore<Draft | undefined>(undefined)

export const isDirty = ({ base, text }: Draft): boolean => text !== base.text

export const begin = (base: ConfigText): void => draftStore.set({ base, text: base.text, undo: [] })

/** Goes on with the own text, on top of what is on disk now. */
export const rebase = (base: ConfigText): void => {
  const draft = draftStore.get()
  draftStore.set({ base, text: draft?.text ?? base.text, undo: draft?.undo ?? [] })
}

export const write = (text: string): void => {
  const draft = draftStore.get()
  if (draft !== undefined) draftStore.set({ ...draft, text })
}

/** A change by the form, which the editor's own undo knows nothing of. */
export const writeByForm = (text: string): void => {
  const draft = draftStore.get()
  if (draft !== undefined && draft.text !== text) draftStore.set({ ...draft, text, undo: [...draft.undo.slice(1 - MOST_UNDO), draft.text] })
}

export const undo = (): void => {
  const draft = draftStore.get()
  const before = draft?.undo.at(-1)
  if (draft !== undefined && before !== undefined) draftStore.set({ ...draft, text: before, undo: draft.undo.slice(0, -1) })
}

/** A window that is closed asks first, while something is not applied. */
export const useLeaveGuard = (dirty: boolean): void => {
  useEffect(() => {
    if (!dirty) return undefined
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [dirty])
}
