import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../observability/log.ts'
import { ApiError } from '../api-error.ts'
import { JsonFile } from './files.ts'
import { ROLES, type Role } from './roles.ts'
import { matchingStep } from './totp.ts'

/** Names that are in the audit log for those who are no users. */
const RESERVED = ['local', 'admin-token', 'nobody', 'unknown']
export const USER_NAME = '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'
const MOST_USERS = 200

const User = Type.Object(
  {
    name: Type.String({ pattern: USER_NAME }),
    role: Type.Enum([...ROLES]),
    password: Type.String(),
    createdAt: Type.String(),
    passwordChangedAt: Type.String(),
    totp: Type.Optional(
      Type.Object({ secret: Type.String({ pattern: '^[A-Z2-7]{32}$' }), since: Type.String(), usedStep: Type.Integer() }),
    ),
  },
  { additionalProperties: false },
)
/** Somebody who may sign in. `password`: a hash; `totp.secret`: in base32, as it is, because it has to be computed with. */
export type User = Readonly<Static<typeof User>>
const Users = Type.Object({ users: Type.Array(User) }, { additionalProperties: false })

/** The users, in `users.json` (0600). Names differ in more than case. */
export class UserStore {
  readonly #file: JsonFile<{ readonly users: readonly User[] }>
  readonly #clock: Clock
  readonly #log: Log
  /** Of codes that were taken, also where the disk is full. */
  readonly #usedSteps = new Map<string, number>()

  private constructor(file: JsonFile<{ readonly users: readonly User[] }>, clock: Clock, log: Log) {
    this.#file = file
    this.#clock = clock
    this.#log = log
  }

  /** @throws AdminError */
  static async open(folder: string, clock: Clock, log: Log): Promise<UserStore> {
    const file = await JsonFile.open<{ readonly users: readonly User[] }>(join(folder, 'users.json'), Users, { users: [] })
    return new UserStore(file, clock, log)
  }

  /** In the order of their making. */
  list(): readonly User[] {
    return this.#file.value.users
  }

  find(name: string): User | undefined {
    return this.list().find((user) => sameName(user.name, name))
  }

  /** @param password a hash @throws ApiError 409, 422 */
  async add(name: string, role: Role, password: string, onlyFirst = false): Promise<User> {
    const at = this.#now()
    const user: User = { name, role, password, createdAt: at, passwordChangedAt: at }
    await this.#change((users) => {
      if (onlyFirst && users.length > 0) throw new ApiError(410, 'setup-over', 'There is an account already; sign in')
      if (RESERVED.includes(name.toLowerCase()))
        throw new ApiError(422, 'invalid', `The name ${name} has a meaning of its own; choose another`)
      if (users.some((other) => sameName(other.name, name))) throw new ApiError(409, 'exists', `There is a user ${name} already`)
      if (users.length >= MOST_USERS) throw new ApiError(409, 'too-many', `There are ${MOST_USERS} users, and that is the most`)
      return [...users, user]
    })
    return user
  }

  /** @throws ApiError 404, 409 for the last admin */
  setRole(name: string, role: Role): Promise<User> {
    return this.#edit(name, (user) => ({ ...user, role }))
  }

  /** @param password a hash @throws ApiError 404 */
  setPassword(name: string, password: string): Promise<User> {
    return this.#edit(name, (user) => ({ ...user, password, passwordChangedAt: this.#now() }))
  }

  /** @param usedStep of the code that confirmed it @throws ApiError 404 */
  async setTotp(name: string, secret: string, usedStep: number): Promise<User> {
    this.#usedSteps.delete(name)
    return this.#edit(name, (user) => ({ ...user, totp: { secret, since: this.#now(), usedStep } }))
  }

  /** @throws ApiError 404 */
  async dropTotp(name: string): Promise<User> {
    this.#usedSteps.delete(name)
    return this.#edit(name, ({ totp: _totp, ...user }) => user)
  }

  /** Whether a code is right; it is used up with this. True for a user without TOTP. */
  async useTotp({ name, totp }: User, code: string): Promise<boolean> {
    if (totp === undefined) return true
    // Looked at and taken in one go: the same code in two requests at once is good for one of them
    const step = matchingStep(totp.secret, code, this.#clock.wall(), Math.max(totp.usedStep, this.#usedSteps.get(name) ?? -1))
    if (step === undefined) return false
    this.#usedSteps.set(name, step)
    try {
      await this.#edit(name, (user) => (user.totp === undefined ? user : { ...user, totp: { ...user.totp, usedStep: step } }))
    } catch (err) {
      // A disk that is full is no reason to keep the admin out
      this.#log.error({ err, user: name }, 'Use of a one-time code could not be written down')
    }
    return true
  }

  /** @throws ApiError 404, 409 for the last admin */
  async remove(name: string): Promise<User> {
    let removed: User | undefined
    await this.#change((users) => {
      removed = users.find((user) => sameName(user.name, name))
      if (removed === undefined) throw unknownUser(name)
      return withAnAdmin(
        users,
        users.filter((user) => user !== removed),
      )
    })
    return removed!
  }

  async #edit(name: string, step: (user: User) => User): Promise<User> {
    let edited: User | undefined
    await this.#change((users) => {
      const index = users.findIndex((user) => sameName(user.name, name))
      if (index < 0) throw unknownUser(name)
      edited = step(users[index]!)
      return edited === users[index] ? users : withAnAdmin(users, users.with(index, edited))
    })
    return edited!
  }

  async #change(step: (users: readonly User[]) => readonly User[]): Promise<void> {
    await this.#file.change((before) => {
      const users = step(before.users)
      return users === before.users ? before : { users }
    })
  }

  #now(): string {
    return new Date(this.#clock.wall()).toISOString()
  }
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

const unknownUser = (name: string): ApiError => new ApiError(404, 'unknown-user', `There is no user ${name}`)

/** Somebody has to be left who can make users. */
const withAnAdmin = (before: readonly User[], after: readonly User[]): readonly User[] => {
  const hasAdmin = (users: readonly User[]): boolean => users.some(({ role }) => role === 'admin')
  if (hasAdmin(before) && !hasAdmin(after)) throw new ApiError(409, 'last-admin', 'This is the last admin; make another one first')
  return after
}
