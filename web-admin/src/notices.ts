/** Short messages about what somebody has just done. */
import { ApiFailure } from './api/client.ts'
import { createStore } from './store.ts'
import type { Level } from './words/status.ts'

export interface Toast {
  readonly id: number
  readonly level: Level
  readonly text: string
}

export const toasts = createStore<readonly Toast[]>([])
const SHOWN_MS = 6000
let next = 1

const add = (level: Level, text: string): void => {
  const toast = { id: next++, level, text }
  toasts.set([...toasts.get().slice(-2), toast])
  // What went wrong stays until somebody has read it
  if (level !== 'error') setTimeout(() => drop(toast.id), SHOWN_MS)
}

export const drop = (id: number): void => toasts.set(toasts.get().filter((toast) => toast.id !== id))

/** Something that was asked for is done. */
export const told = (text: string): void => add('ok', text)

/** Something that was asked for did not work. */
export const failed = (error: unknown): void => {
  if (!(error instanceof ApiFailure)) console.error(error)
  add('error', error instanceof Error ? error.message : String(error))
}
