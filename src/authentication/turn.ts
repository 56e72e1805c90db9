/** Credentials for TURN servers that share a secret with us (coturn, `use-auth-secret`): a name that ends by itself, and its password. */
import { nameUntil, timedPassword } from './timed.ts'

/** An RTCIceServer (W3C WebRTC §4.2.4) for a page, and for how many seconds it is good. */
export interface TurnCredentials {
  readonly urls: readonly string[]
  readonly username: string
  readonly credential: string
  readonly ttl: number
}

/** @param now milliseconds since 1970 */
export const turnCredentials = (
  servers: readonly string[],
  secret: Buffer,
  user: string,
  lifetimeSeconds: number,
  now: number,
): TurnCredentials => {
  const username = nameUntil(user, now + lifetimeSeconds * 1000)
  return { urls: servers, username, credential: timedPassword(secret, username), ttl: lifetimeSeconds }
}
