/** User names that end by themselves, as TURN's REST scheme has them (reference: coturn, `use-auth-secret`). */
import { createHmac } from 'node:crypto'

export interface TimedName {
  readonly user: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** `1893456000:alice`: seconds since 1970 and the user; undefined: no such name. */
export const timedName = (username: string): TimedName | undefined => {
  const match = /^(\d{1,11}):(.+)$/s.exec(username)
  return match === null ? undefined : { user: match[2]!, until: Number(match[1]) * 1000 }
}

/** The name of a user until then. @param until milliseconds since 1970 */
export const nameUntil = (user: string, until: number): string => `${Math.floor(until / 1000)}:${user}`

/** The password that goes with such a name: base64 of HMAC-SHA-1. */
export const timedPassword = (secret: Buffer, username: string): string =>
  createHmac('sha1', secret).update(username, 'utf8').digest('base64')
