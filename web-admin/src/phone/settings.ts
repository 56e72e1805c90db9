/** What somebody has chosen for the test phone; this browser remembers it, but no password. */
import type { KeyWay } from './line.ts'
import type { SoundSource } from './sound.ts'

export interface PhoneSettings {
  /** Name of the zone to enter by; empty: the first one. */
  readonly zone: string
  /** Name of a listener; empty: the port of these pages, where it takes WebSockets. */
  readonly by: string
  /** Empty: one for this session. */
  readonly user: string
  readonly source: SoundSource
  /** Echo cancellation, noise suppression and gain control of the browser. */
  readonly cleaned: boolean
  readonly keys: KeyWay
  /** What was called last. */
  readonly target: string
}

const FIRST: PhoneSettings = { zone: '', by: '', user: '', source: '', cleaned: true, keys: 'RFC2833', target: '' }
const KEY = 'edgeways-phone-settings'

export const keptSettings = (): PhoneSettings => {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Record<keyof PhoneSettings, unknown>>
    const entries = Object.entries(FIRST).map(([name, value]) => {
      const own = kept[name as keyof PhoneSettings]
      return [name, typeof own === typeof value ? own : value]
    })
    return Object.fromEntries(entries) as unknown as PhoneSettings
  } catch {
    return FIRST
  }
}

export const keepSettings = (settings: PhoneSettings): void => {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings))
  } catch {
    // A browser that keeps nothing for pages: it holds until the page is left
  }
}
