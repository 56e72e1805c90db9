/** A key set by HTTPS (JWKS, RFC 7517): fetched seldom, never for each token that a stranger makes up. */
import { createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../observability/log.ts'
import type { TokenAlgorithm } from './tokens.ts'

export interface KeySetOptions {
  readonly url: string
  readonly clock: Clock
  readonly log: Log
  /** For tests. */
  readonly fetch?: typeof fetch
}

const TIMEOUT_MS = 5_000
const LONGEST = 256 * 1024
const MOST_KEYS = 100
/** Between two fetches, whatever came of the first one. */
const PAUSE_MS = 30_000
/** Then it is fetched again, while the keys that there are go on. */
const FRESH_MS = 10 * 60_000
/** Keys that could not be confirmed for so long are trusted no more. */
const TRUSTED_MS = 24 * 3_600_000

export class KeySet {
  readonly url: string
  readonly #options: KeySetOptions
  #keys: readonly JWK[] = []
  #fetchedAt: number | undefined
  #triedAt: number | undefined
  #underWay: Promise<void> | undefined

  constructor(options: KeySetOptions) {
    this.url = options.url
    this.#options = options
  }

  /** The key for a token; undefined: there is none. One fetch at a time; whoever needs its outcome waits for it. */
  async find(algorithm: TokenAlgorithm, kid: string | undefined): Promise<JWK | undefined | 'unavailable'> {
    const now = this.#options.clock.now()
    if (this.#fetchedAt !== undefined && now - this.#fetchedAt > TRUSTED_MS) {
      this.#keys = []
      this.#fetchedAt = undefined
    }
    if (this.#fetchedAt === undefined) await this.refresh()
    else if (now - this.#fetchedAt > FRESH_MS) void this.refresh()
    let found = this.#match(algorithm, kid)
    if (found === undefined && this.#fetchedAt !== undefined) {
      // A key that is new there
      await this.refresh()
      found = this.#match(algorithm, kid)
    }
    return found ?? (this.#fetchedAt === undefined ? 'unavailable' : undefined)
  }

  /** Never rejects; does nothing within a pause after the last time. */
  refresh(): Promise<void> {
    const { clock } = this.#options
    if (this.#underWay !== undefined) return this.#underWay
    if (this.#triedAt !== undefined && clock.now() - this.#triedAt < PAUSE_MS) return Promise.resolve()
    this.#triedAt = clock.now()
    this.#underWay = this.#fetch().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #fetch(): Promise<void> {
    const { url, clock, log } = this.#options
    try {
      const keys = await load(url, this.#options.fetch ?? fetch)
      if (keys.length === 0) throw new Error('no key in it can check RS256 or ES256')
      this.#keys = keys
      this.#fetchedAt = clock.now()
    } catch (error) {
      const cause = (error as Error).cause
      const reason = `${(error as Error).message}${cause instanceof Error ? `: ${cause.message}` : ''}`
      log.warn(
        { url, reason },
        this.#keys.length === 0 ? 'The keys of tokens cannot be fetched' : 'The keys of tokens cannot be fetched; those from before go on',
      )
    }
  }

  /** Without a name any key of the kind will do, where there is one. */
  #match(algorithm: TokenAlgorithm, kid: string | undefined): JWK | undefined {
    const kind = this.#keys.filter((key) => algorithmOf(key) === algorithm && (kid === undefined || key.kid === kid))
    return kid === undefined && kind.length > 1 ? undefined : kind[0]
  }
}

const load = async (url: string, get: typeof fetch): Promise<readonly JWK[]> => {
  const response = await get(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } })
  if (!response.ok) throw new Error(`the server answers ${response.status}`)
  const { keys } = JSON.parse(await bounded(response)) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('what the server sends is no key set')
  return keys.slice(0, MOST_KEYS).filter((key): key is JWK => usable(key))
}

const bounded = async (response: Response): Promise<string> => {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > LONGEST) throw new Error(`the server sends more than ${LONGEST} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** A public key for signatures; a secret in a set that everybody can read is none. */
const usable = (key: unknown): boolean => {
  if (typeof key !== 'object' || key === null) return false
  const jwk = key as JWK
  if ((jwk.use !== undefined && jwk.use !== 'sig') || jwk.d !== undefined) return false
  const algorithm = algorithmOf(jwk)
  if (algorithm === undefined || (jwk.alg !== undefined && jwk.alg !== algorithm)) return false
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk as never, format: 'jwk' })
    return algorithm === 'ES256' || (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  } catch {
    // Whoever made it: it is no key
    return false
  }
}

const algorithmOf = ({ kty, crv }: JWK): TokenAlgorithm | undefined =>
  kty === 'RSA' ? 'RS256' : kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined
