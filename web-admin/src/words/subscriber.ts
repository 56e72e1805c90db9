/** How a subscriber stands, in words. */
import type { Subscriber } from '../api/types.ts'
import type { Level } from './status.ts'

export const subscriberStanding = ({
  enabled,
  password,
  otherRealm,
}: Pick<Subscriber, 'enabled' | 'password' | 'otherRealm'>): { readonly level: Level; readonly text: string; readonly remedy?: string } => {
  if (!enabled) return { level: 'off', text: 'Disabled' }
  if (otherRealm !== undefined)
    return {
      level: 'warn',
      text: 'Needs a new password',
      remedy: `The password was made for the realm ${otherRealm}, so it is good for nothing now: set a new one`,
    }
  if (!password) return { level: 'warn', text: 'No password', remedy: 'Whoever has none can neither register nor call: set one' }
  return { level: 'ok', text: 'Enabled' }
}

/** `201, +44 20 7946` → two of them: blanks inside of a number are for people. */
export const aliasesOf = (text: string): readonly string[] => [
  ...new Set(
    text
      .split(',')
      .map((one) => one.replace(/\s/g, ''))
      .filter(Boolean),
  ),
]
