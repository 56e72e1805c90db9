/** Tokens of web applications (JWT, RFC 7519): whose signature is good, and what they say. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { compactVerify, type JWK } from 'jose'
import { judgeClaims } from '../authentication/claims.ts'
import type { TokenJudge, TokenVerdict } from '../authentication/types.ts'
import { StoreError } from '../base/errors.ts'
import type { AuthenticationSettings } from '../config/snapshot.ts'
import { readSecret } from './files.ts'
import type { KeySet } from './key-set.ts'

export type TokenSettings = NonNullable<AuthenticationSettings['tokens']>

const ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const
export type TokenAlgorithm = (typeof ALGORITHMS)[number]

interface Header {
  readonly alg: TokenAlgorithm
  readonly kid: string | undefined
}

/** Of a secret (RFC 7518 §3.2: as long as the hash). */
const SHORTEST_SECRET = 32
/** Good tokens that are remembered: a client shows the same one for each request. */
const REMEMBERED = 10_000

/**
 * The key decides which algorithm there is, never the token: a secret makes HS256, a key file or a key of the set what fits its type. What was
 * good is remembered until its end, so that the signature is looked at once.
 * @param keys of `settings.keysUrl` @param wall milliseconds since 1970 @throws StoreError SBC_AUTHENTICATION_KEY
 */
export const createTokenJudge = (settings: TokenSettings, keys: KeySet | undefined, wall: () => number): TokenJudge => {
  const secret = settings.secretFile === undefined ? undefined : readSecret(settings.secretFile, SHORTEST_SECRET)
  const file = settings.keyFile === undefined ? undefined : publicKey(settings.keyFile)
  const remembered = new Map<string, Extract<TokenVerdict, { kind: 'good' }>>()

  const verified = async (token: string, header: Header): Promise<TokenVerdict> => {
    try {
      const found = await keyFor(header)
      if ('kind' in found) return found
      const { payload } = await compactVerify(token, found.key, { algorithms: [header.alg] })
      const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
      if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return bad('The token says nothing')
      return judgeClaims(claims as Record<string, unknown>, settings, wall())
    } catch {
      // jose's words may hold parts of the token
      return bad('The signature of the token is not good')
    }
  }

  const keyFor = async ({ alg, kid }: Header): Promise<{ readonly key: KeyObject | JWK | Uint8Array } | TokenVerdict> => {
    if (alg === 'HS256') return secret === undefined ? bad('The token is signed with a secret, and there is none here') : { key: secret }
    if (file?.algorithm === alg) return { key: file.key }
    if (keys === undefined) return bad(`There is no key for tokens with ${alg} here`)
    const found = await keys.find(alg, kid)
    if (found === 'unavailable') return { kind: 'unsure', why: 'The keys of tokens cannot be had' }
    return found === undefined ? bad('The token is signed with a key that is not in the set') : { key: found }
  }

  const recall = (name: string) => {
    const known = remembered.get(name)
    if (known === undefined || known.until > wall()) return known
    remembered.delete(name)
    return undefined
  }

  return {
    // RFC 8898 §4 has an HTTPS URI there
    server: settings.issuer?.startsWith('https://') === true ? settings.issuer : undefined,
    remembers: (token) => recall(nameOf(token)) !== undefined,
    judge: (token) => {
      const name = nameOf(token)
      const known = recall(name)
      if (known !== undefined) return known
      const header = headerOf(token)
      if (header === undefined) return bad('The token cannot be read, or is signed in a way that is not taken')
      return verified(token, header).then((verdict) => {
        if (verdict.kind === 'good') {
          remembered.set(name, verdict)
          if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value!)
        }
        return verdict
      })
    },
  }
}

/** Kept is a hash: the token itself is as good as a password. */
const nameOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

const bad = (why: string): TokenVerdict => ({ kind: 'bad', why })

const headerOf = (token: string): Header | undefined => {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  try {
    const { alg, kid } = JSON.parse(Buffer.from(parts[0]!, 'base64url').toString('utf8')) as Record<string, unknown>
    const known = ALGORITHMS.find((one) => one === alg)
    return known === undefined ? undefined : { alg: known, kid: typeof kid === 'string' ? kid : undefined }
  } catch {
    // No JSON, so no token
    return undefined
  }
}

const publicKey = (file: string): { readonly algorithm: TokenAlgorithm; readonly key: KeyObject } => {
  const refuse = (what: string, cause?: unknown): never => {
    throw new StoreError('SBC_AUTHENTICATION_KEY', `${file} ${what}: RSA of 2048 bits or more, or EC P-256, PEM`, cause)
  }
  const text = readSecret(file, 1)
  let key: KeyObject
  try {
    key = createPublicKey(text)
  } catch (cause) {
    return refuse('holds no public key for tokens', cause)
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = key
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return { algorithm: 'RS256', key }
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return { algorithm: 'ES256', key }
  return refuse('holds a key that tokens are not checked with')
}
