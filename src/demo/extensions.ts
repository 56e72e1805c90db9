/** Whom one can call at the demonstration PBX; docs/getting-started.md and the test phone show them. */
export interface Extension {
  readonly number: string
  /** The same as a name. */
  readonly name: string
  /** What happens, as a sentence without full stop. */
  readonly text: string
}

export const ECHO: Extension = { number: '100', name: 'echo', text: 'A short tone, then you hear yourself' }
export const CALL_BACK: Extension = { number: '1234', name: 'callback', text: 'Says goodbye, and calls you three seconds later' }
export const BUSY: Extension = { number: '486', name: 'busy', text: 'Is busy' }
export const NOBODY: Extension = { number: '408', name: 'nobody', text: 'Rings, and nobody answers' }

export const EXTENSIONS: readonly Extension[] = [ECHO, CALL_BACK, BUSY, NOBODY]
