import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { ApiError } from '../api-error.ts'
import { JsonFile } from './files.ts'
import { ROLES, type Role } from './roles.ts'
import { digestOf, newSecret } from './secrets.ts'

const PREFIX = 'ew_'
const DAY_MS = 86_400_000
const MOST_TOKENS = 500
export const TOKEN_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

const Token = Type.Object(
  {
    name: Type.String({ pattern: TOKEN_NAME }),
    hash: Type.String(),
    role: Type.Enum([...ROLES]),
    /** A user's name, or `admin-token`. */
    madeBy: Type.String(),
    createdAt: Type.String(),
    expiresAt: Type.String(),
  },
  { additionalProperties: false },
)
/** A key for a program. `hash`: SHA-256 of it, which has 256 random bits. */
export type Token = Readonly<Static<typeof Token>>
const Tokens = Type.Object({ tokens: Type.Array(Token) }, { additionalProperties: false })

export interface TokenWishes {
  readonly name: string
  readonly role: Role
  readonly days: number
  readonly madeBy: string
}

/** The tokens of the API, in `tokens.json` (0600). A token is shown once, when it is made. */
export class TokenStore {
  readonly #file: JsonFile<{ readonly tokens: readonly Token[] }>
  readonly #clock: Clock
  /** Milliseconds since 1970, since this process began. */
  readonly #used = new Map<string, number>()

  private constructor(file: JsonFile<{ readonly tokens: readonly Token[] }>, clock: Clock) {
    this.#file = file
    this.#clock = clock
  }

  /** @throws AdminError */
  static async open(folder: string, clock: Clock): Promise<TokenStore> {
    const file = await JsonFile.open<{ readonly tokens: readonly Token[] }>(join(folder, 'tokens.json'), Tokens, { tokens: [] })
    return new TokenStore(file, clock)
  }

  list(): readonly Token[] {
    return this.#file.value.tokens
  }

  /** ISO 8601; undefined: not since the start. */
  usedAt(name: string): string | undefined {
    const at = this.#used.get(name)
    return at === undefined ? undefined : new Date(at).toISOString()
  }

  /** @returns the token, which is kept nowhere @throws ApiError 409 */
  async make({ name, role, days, madeBy }: TokenWishes): Promise<{ readonly secret: string; readonly token: Token }> {
    const secret = `${PREFIX}${newSecret()}`
    const now = this.#clock.wall()
    const at = (ms: number): string => new Date(ms).toISOString()
    const token: Token = { name, hash: digestOf(secret), role, madeBy, createdAt: at(now), expiresAt: at(now + days * DAY_MS) }
    await this.#file.change(({ tokens }) => {
      if (tokens.some((other) => other.name === name)) throw new ApiError(409, 'exists', `There is a token ${name} already`)
      if (tokens.length >= MOST_TOKENS)
        throw new ApiError(409, 'too-many', `There are ${MOST_TOKENS} tokens, and that is the most; remove those that have ended`)
      return { tokens: [...tokens, token] }
    })
    return { secret, token }
  }

  /** Whose token it is, while it is good. */
  use(secret: string): Token | undefined {
    const token = this.#good(digestOf(secret))
    if (token !== undefined) this.#used.set(token.name, this.#clock.wall())
    return token
  }

  /** Whether it is still good; to look is no use. */
  lasts({ hash }: Token): boolean {
    return this.#good(hash) !== undefined
  }

  /** @throws ApiError 404 */
  async remove(name: string): Promise<Token> {
    let removed: Token | undefined
    await this.#file.change(({ tokens }) => {
      removed = tokens.find((token) => token.name === name)
      if (removed === undefined) throw new ApiError(404, 'unknown-token', `There is no token ${name}`)
      return { tokens: tokens.filter((token) => token !== removed) }
    })
    this.#used.delete(name)
    return removed!
  }

  /** All tokens that a user made. @returns their names */
  async removeOf(user: string): Promise<readonly string[]> {
    const theirs = ({ madeBy }: Token): boolean => madeBy.toLowerCase() === user.toLowerCase()
    let names: readonly string[] = []
    await this.#file.change((before) => {
      names = before.tokens.filter(theirs).map(({ name }) => name)
      return names.length === 0 ? before : { tokens: before.tokens.filter((token) => !theirs(token)) }
    })
    return names
  }

  #good(hash: string): Token | undefined {
    const token = this.list().find((one) => one.hash === hash)
    return token !== undefined && Date.parse(token.expiresAt) > this.#clock.wall() ? token : undefined
  }
}
