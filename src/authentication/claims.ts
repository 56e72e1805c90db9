/** What a token of a web application must say (RFC 7519 §4.1, RFC 8898); its signature is judged elsewhere. */
import type { TokenVerdict } from './types.ts'

export interface ClaimRules {
  readonly issuer: string | undefined
  readonly audience: string | undefined
  /** The claim that names the user. */
  readonly userClaim: string
}

/** For clocks that do not agree. */
const LEEWAY_MS = 30_000
const LONGEST_USER = 128

/** @param now milliseconds since 1970 */
export const judgeClaims = (claims: Readonly<Record<string, unknown>>, rules: ClaimRules, now: number): TokenVerdict => {
  const { iss, aud, exp, nbf } = claims
  if (rules.issuer !== undefined && iss !== rules.issuer) return bad('The token is of another issuer')
  if (rules.audience !== undefined && !(Array.isArray(aud) ? aud : [aud]).includes(rules.audience))
    return bad('The token is for another audience')
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return bad('The token has no end ("exp")')
  const until = exp * 1000 + LEEWAY_MS
  if (until <= now) return bad('The token has expired')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= now + LEEWAY_MS)) return bad('The token is not good yet')
  const named = claims[rules.userClaim]
  if (typeof named !== 'string' || named === '' || named.length > LONGEST_USER) return bad(`The token names no user ("${rules.userClaim}")`)
  const [user, domain, more] = named.replace(/^sips?:/i, '').split('@')
  if (user === undefined || !isUser(user) || domain === '' || more !== undefined)
    return bad(`The token names no user that an address could have ("${rules.userClaim}")`)
  return { kind: 'good', user, domain: domain?.toLowerCase(), until }
}

const bad = (why: string): TokenVerdict => ({ kind: 'bad', why })

/** Without white space and what ends or begins another part of a URI. */
const isUser = (text: string): boolean => /^[^\s\0-\x20@<>"?;:,\x7f]+$/.test(text)
