/** How far the wizard got: this tab remembers it over a reload. */
import type { SetupProposal, Verdict } from '../api/types.ts'
import { createStore } from '../store.ts'
import { BLANK, type SetupForm } from '../words/teams-setup.ts'

export interface Setup {
  readonly form: SetupForm
  /** What DNS says of which name. */
  readonly checked: { readonly name: string; readonly verdict: Verdict } | undefined
  /** Somebody has typed something: nothing is filled in for them any more. */
  readonly touched: boolean
  /** Lines for Microsoft, from the moment on at which the configuration was applied. */
  readonly powershell: SetupProposal['powershell']
  readonly applied: boolean
}

const FIRST: Setup = { form: BLANK, checked: undefined, touched: false, powershell: [], applied: false }
const KEY = 'edgeways-teams-setup'

const kept = (): Setup => {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Setup>
    return { ...FIRST, ...found, form: { ...BLANK, ...found.form } }
  } catch {
    return FIRST
  }
}

export const setupStore = createStore<Setup>(kept())

export const keep = (change: Partial<Setup>): void => {
  const next = { ...setupStore.get(), ...change }
  setupStore.set(next)
  try {
    sessionStorage.setItem(KEY, JSON.stringify(next))
  } catch {
    // A browser that keeps nothing for pages: it is there until the page is loaded anew
  }
}

export const fill = (change: Partial<SetupForm>): void =>
  keep({ form: { ...setupStore.get().form, ...change }, touched: true, applied: false })

export const startOver = (): void => keep(FIRST)
