import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../observability/log.ts'
import { ApiError } from '../api-error.ts'
import { Attempts } from './attempts.ts'
import { AuditLog } from './audit.ts'
import { privateFolder, readIfThere, removeIfThere, writeWhole } from './files.ts'
import { Passwords, passwordFault } from './passwords.ts'
import type { Role } from './roles.ts'
import { newSecret, sameSecret } from './secrets.ts'
import { Sessions } from './sessions.ts'
import { TokenStore } from './tokens.ts'
import { type User, UserStore } from './users.ts'

const SETUP_MS = 24 * 3_600_000
/** A link that is printed again should last a while. */
const SETUP_LEAST_MS = 3_600_000
const SETUP = /^([\w-]{43})\nvalid until (\S+)\n$/

export interface AccountsOptions {
  /** Such as `data/admin`; made when it is not there (0700). */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
  /** log2 of scrypt's N; tests take a small one. */
  readonly cost?: number
}

interface SetupLink {
  readonly token: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Who may use the admin server: users with their sessions, tokens, and the log of what they did. */
export class Accounts {
  readonly users: UserStore
  readonly tokens: TokenStore
  readonly audit: AuditLog
  readonly passwords: Passwords
  readonly attempts: Attempts
  readonly sessions: Sessions
  readonly clock: Clock
  /** That everything is kept in. */
  readonly folder: string
  readonly #setupFile: string
  readonly #ended = new Set<() => void>()
  #setup: SetupLink | undefined

  private constructor({ folder, clock, cost }: AccountsOptions, users: UserStore, tokens: TokenStore, audit: AuditLog) {
    this.users = users
    this.tokens = tokens
    this.audit = audit
    this.clock = clock
    this.folder = folder
    this.passwords = new Passwords(cost)
    this.attempts = new Attempts(clock)
    this.sessions = new Sessions(clock, () => this.ended())
    this.#setupFile = join(folder, 'setup-token')
  }

  /** @throws AdminError when what is stored cannot be read: nobody's account is lost over it */
  static async open(options: AccountsOptions): Promise<Accounts> {
    const { folder, clock, log } = options
    await privateFolder(folder)
    const users = await UserStore.open(folder, clock, log)
    return new Accounts(options, users, await TokenStore.open(folder, clock), await AuditLog.open(folder, clock))
  }

  /** Whether somebody has an account. */
  get anybody(): boolean {
    return this.users.list().length > 0
  }

  /**
   * The token of the one-time link, for the first user; the same one over restarts, for a day.
   * @returns undefined: somebody has an account
   * @throws AdminError
   */
  async setupToken(): Promise<string | undefined> {
    if (this.anybody) {
      await this.#setupOver()
      return undefined
    }
    const now = this.clock.wall()
    const [, token, until = ''] = SETUP.exec((await readIfThere(this.#setupFile)) ?? '') ?? []
    const kept = Date.parse(until)
    if (token !== undefined && kept - now >= SETUP_LEAST_MS && kept - now <= SETUP_MS) this.#setup = { token, until: kept }
    else {
      this.#setup = { token: newSecret(), until: now + SETUP_MS }
      await writeWhole(this.#setupFile, `${this.#setup.token}\nvalid until ${new Date(this.#setup.until).toISOString()}\n`)
    }
    return this.#setup.token
  }

  /** Makes the first user, an admin, with the token of the link, which is good once. @throws ApiError 401, 410, 422, 429 */
  async setUp(token: string, name: string, password: string, from: string): Promise<User> {
    const over = new ApiError(410, 'setup-over', 'There is an account already; sign in')
    if (this.anybody) throw over
    const attempt = this.attempts.begin(from)
    if (this.#setup === undefined || !sameSecret(this.#setup.token, token)) {
      const message = 'The link is not the one of the last start; the log has it, and so has the file setup-token of the data folder'
      throw new ApiError(401, 'wrong-setup-token', message)
    }
    if (this.clock.wall() >= this.#setup.until)
      throw new ApiError(410, 'setup-over', 'The link is older than a day; a restart prints another')
    attempt.succeeded()
    const user = await this.#add(name, 'admin', password, true)
    await this.#setupOver()
    return user
  }

  /** @throws ApiError 409, 422 in words, 503 */
  addUser(name: string, role: Role, password: string): Promise<User> {
    return this.#add(name, role, password, false)
  }

  /** The hash of a password that will do. @throws ApiError 422 in words, 503 */
  async newPassword(password: string, user: string): Promise<string> {
    const fault = passwordFault(password, user)
    if (fault !== undefined) throw new ApiError(422, 'weak-password', fault)
    return this.passwords.hash(password)
  }

  /** Takes a user away, with sessions and with the tokens that the user made. @returns the names of the tokens @throws ApiError 404, 409 */
  async removeUser(name: string): Promise<readonly string[]> {
    const { name: removed } = await this.users.remove(name)
    this.sessions.endOf(removed)
    return this.tokens.removeOf(removed)
  }

  /** `tell` is called whenever somebody may do less than before. */
  onEnded(tell: () => void): void {
    this.#ended.add(tell)
  }

  ended(): void {
    for (const tell of this.#ended) tell()
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.audit.close()
  }

  async #add(name: string, role: Role, password: string, onlyFirst: boolean): Promise<User> {
    const user = await this.users.add(name, role, await this.newPassword(password, name), onlyFirst)
    // Of somebody who had the name before, such as in a users.json that was moved away
    await this.tokens.removeOf(user.name)
    return user
  }

  async #setupOver(): Promise<void> {
    this.#setup = undefined
    await removeIfThere(this.#setupFile)
  }
}
