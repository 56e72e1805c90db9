/** The client's side of digest (RFC 7616 §3.4), written without the product's: a second opinion on what is asked and what is right. */
import { createHash } from 'node:crypto'

export interface Login {
  readonly user: string
  readonly password: string
}

export interface DigestOptions {
  /** What the challenge says is used where nothing else is wanted. */
  readonly algorithm?: 'MD5' | 'SHA-256'
  readonly nc?: number
  readonly realm?: string
  readonly nonce?: string
  /** Instead of the Request-URI. */
  readonly uri?: string
  /** As RFC 2069 had it. */
  readonly withoutQop?: boolean
  readonly qop?: string
  readonly header?: 'Authorization' | 'Proxy-Authorization'
}

const field = (challenge: string, name: string): string | undefined =>
  new RegExp(`[ ,]${name}=(?:"((?:\\\\.|[^"])*)"|([^,\\s]*))`, 'i')
    .exec(challenge)
    ?.slice(1)
    .find((one) => one !== undefined)

/** @param challenge value of WWW-Authenticate or Proxy-Authenticate @returns a header line without its end */
export const authorization = (
  challenge: string,
  method: string,
  requestUri: string,
  { user, password }: Login,
  options: DigestOptions = {},
): string => {
  const { algorithm = (field(challenge, 'algorithm') ?? 'MD5') as 'MD5' | 'SHA-256', nc = 1, uri = requestUri, qop = 'auth' } = options
  const realm = options.realm ?? field(challenge, 'realm')!
  const nonce = options.nonce ?? field(challenge, 'nonce')!
  const hash = (text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex')
  const [ha1, ha2] = [hash(`${user}:${realm}:${password}`), hash(`${method}:${uri}`)]
  const count = nc.toString(16).padStart(8, '0')
  const cnonce = `c${nc}`
  const response = options.withoutQop === true ? hash(`${ha1}:${nonce}:${ha2}`) : hash(`${ha1}:${nonce}:${count}:${cnonce}:${qop}:${ha2}`)
  const counted = options.withoutQop === true ? '' : `, cnonce="${cnonce}", nc=${count}, qop=${qop}`
  const header = options.header ?? (method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization')
  return `${header}: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}${counted}, opaque="${field(challenge, 'opaque') ?? ''}"`
}
