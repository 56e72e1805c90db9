/** What shows who somebody is, and what is known then. */
import type { Subscriber } from '../registrar/types.ts'

/** Somebody who has shown who he is. */
export interface Proven {
  /** The user of the address-of-record. */
  readonly user: string
  /** undefined: no user of the store; a token or a time-limited name said so. */
  readonly subscriber: Subscriber | undefined
  readonly by: 'password' | 'timed' | 'token'
  /** The proof is worth nothing from then on, milliseconds since 1970; nothing that follows from it should last longer. */
  readonly until: number | undefined
}

/** What is known beside the passwords of the store; changes with the configuration. */
export interface Proofs {
  /** Any of them makes time-limited user names. */
  readonly timedSecrets: readonly Buffer[]
  /** undefined: no tokens are taken. */
  readonly tokens: TokenJudge | undefined
}

export interface TokenJudge {
  /** Signature and claims. Never rejects; a promise where keys have to be fetched or a signature to be looked at for the first time. */
  judge(token: string): TokenVerdict | Promise<TokenVerdict>
  /** It was good before, and still is: costs nothing to say. */
  remembers(token: string): boolean
  /** Where tokens are to be had, for the challenge (RFC 8898 §4); undefined: not told. */
  readonly server: string | undefined
}

export type TokenVerdict =
  | { readonly kind: 'good'; readonly user: string; readonly domain: string | undefined; readonly until: number }
  /** `unsure`: its keys cannot be had now, which is no fault of the one who shows it. */
  | { readonly kind: 'bad' | 'unsure'; readonly why: string }
