import { digestHa1 } from '../authentication/digest.ts'
import { own } from '../base/bytes.ts'
import { SubscriberError } from '../base/errors.ts'
import type { DigestAlgorithm, Subscriber, Subscribers } from '../registrar/types.ts'
import type { Database } from './database.ts'
import type { SealingKey } from './sealing.ts'
import { checkAliases, checkDisplayName, checkPassword, checkUser } from './subscriber-rules.ts'
import {
  DIGEST_ALGORITHMS,
  type NewSubscriber,
  type SubscriberChange,
  type SubscriberDesk,
  type SubscriberPage,
  type SubscriberQuery,
  type SubscriberView,
} from './types.ts'

export interface SubscriberStoreOptions {
  readonly database: Database
  readonly key: SealingKey
  /** Of the configuration that is in force. */
  readonly realm: () => string
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

interface Row {
  readonly user: string
  readonly display_name: string
  readonly enabled: number
  readonly created: number
  readonly changed: number
}

interface SecretRow {
  readonly algorithm: DigestAlgorithm
  readonly realm: string
  readonly sealed: Uint8Array
}

interface Known {
  readonly subscriber: Subscriber | undefined
  /** Those that can be opened, for whatever realm. */
  readonly secrets: readonly { readonly algorithm: DigestAlgorithm; readonly realm: string; readonly ha1: string }[]
}

const NOBODY: Known = { subscriber: undefined, secrets: [] }
/** Names that are remembered, twice; also those of nobody. */
const REMEMBERED = 10_000
const LONGEST = 128

/**
 * Our users, in the database. No password is kept: HA1 of each algorithm is, for the realm of its day, sealed. Names that were asked for are
 * remembered until the database changes, whoever changes it.
 */
export class SubscriberStore implements Subscribers, SubscriberDesk {
  readonly #options: SubscriberStoreOptions
  readonly #statements: ReturnType<typeof statementsOf>
  #recent = new Map<string, Known>()
  #older = new Map<string, Known>()
  #seen = -1
  #version = 0
  readonly #nobody: readonly SecretRow[]

  constructor(options: SubscriberStoreOptions) {
    this.#options = options
    this.#nobody = DIGEST_ALGORITHMS.map((algorithm) => {
      const place = { algorithm, realm: '' }
      return { ...place, sealed: options.key.seal('0'.repeat(64), placeOf('', place)) }
    })
    this.#statements = statementsOf(options.database)
  }

  get realm(): string {
    return this.#options.realm()
  }

  find(userPart: string): Subscriber | undefined {
    return this.#known(userPart).subscriber
  }

  ha1(user: string, algorithm: DigestAlgorithm): string | undefined {
    const { subscriber, secrets } = this.#known(user)
    if (subscriber?.user !== user) return undefined
    return secrets.find((one) => one.algorithm === algorithm && one.realm === this.realm)?.ha1
  }

  version(): number {
    this.#look()
    return this.#version
  }

  enabled(): ReadonlySet<string> {
    return this.#options.database.guarded(() => new Set((this.#statements.enabled.all() as { user: string }[]).map(({ user }) => user)))
  }

  list({ search = '', after = '', limit }: SubscriberQuery): SubscriberPage {
    return this.#options.database.guarded(() => {
      const like = `%${search.replace(/[\\%_]/g, '\\$&')}%`
      const { n } = this.#statements.count.get({ like }) as { n: number }
      const rows = this.#statements.page.all({ like, after, limit: limit + 1 }) as unknown as Row[]
      const page = rows.slice(0, limit)
      return {
        subscribers: page.map((row) => this.#view(row)),
        total: n,
        next: rows.length > limit ? page.at(-1)!.user : undefined,
      }
    })
  }

  get(user: string): SubscriberView | undefined {
    return this.#options.database.guarded(() => {
      const row = this.#statements.byUser.get(user) as Row | undefined
      return row === undefined ? undefined : this.#view(row)
    })
  }

  add({ user, displayName = '', aliases = [], enabled = true, password }: NewSubscriber): SubscriberView {
    checkUser(user)
    checkDisplayName(displayName)
    checkAliases(aliases, user)
    if (password !== undefined) checkPassword(password)
    return this.#change(() => {
      this.#free(user, undefined)
      const now = this.#options.wall()
      this.#statements.insert.run(user, displayName, Number(enabled), now, now)
      this.#putAliases(user, aliases)
      if (password !== undefined) this.#putPassword(user, password)
      return this.#view(this.#row(user))
    })
  }

  change(user: string, { displayName, aliases, enabled }: SubscriberChange): SubscriberView {
    if (displayName !== undefined) checkDisplayName(displayName)
    if (aliases !== undefined) checkAliases(aliases, user)
    return this.#change(() => {
      const row = this.#row(user)
      const next = { name: displayName ?? row.display_name, enabled: enabled === undefined ? row.enabled : Number(enabled) }
      this.#statements.update.run(next.name, next.enabled, this.#options.wall(), user)
      if (aliases !== undefined) this.#putAliases(user, aliases)
      return this.#view(this.#row(user))
    })
  }

  setPassword(user: string, password: string | undefined): SubscriberView {
    if (password !== undefined) checkPassword(password)
    return this.#change(() => {
      const row = this.#row(user)
      this.#statements.dropSecrets.run(user)
      if (password !== undefined) this.#putPassword(user, password)
      this.#statements.update.run(row.display_name, row.enabled, this.#options.wall(), user)
      return this.#view(this.#row(user))
    })
  }

  remove(user: string): void {
    this.#change(() => {
      this.#row(user)
      this.#statements.remove.run(user)
    })
  }

  /** Passwords that are worth nothing now: made for another realm, or sealed with another key. */
  unusable(): { readonly realms: readonly string[]; readonly otherRealm: number; readonly otherKey: number } {
    return this.#options.database.guarded(() => {
      const realms = new Set<string>()
      const [otherRealm, otherKey] = [new Set<string>(), new Set<string>()]
      for (const { user, realm, sealed } of this.#statements.allSecrets.iterate() as Iterable<SecretRow & { user: string }>) {
        if (!this.#options.key.made(sealed)) otherKey.add(user)
        else if (realm !== this.realm) {
          realms.add(realm)
          otherRealm.add(user)
        }
      }
      return { realms: [...realms].slice(0, 5), otherRealm: otherRealm.size, otherKey: otherKey.size }
    })
  }

  // ---- parts

  #known(userPart: string): Known {
    this.#look()
    const known = this.#recent.get(userPart) ?? this.#older.get(userPart)
    if (known !== undefined) return known
    const read = this.#options.database.guarded(() => this.#read(userPart))
    // A stranger chooses the name: what he makes us remember is bounded in number and size
    if (userPart.length > LONGEST) return read
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(own(userPart), read)
    return read
  }

  #read(userPart: string): Known {
    const row = this.#statements.byName.get({ name: userPart }) as Row | undefined
    const user = row?.user ?? ''
    // A name that does not exist takes as long as one that does
    const rows = row === undefined ? this.#nobody : (this.#statements.secrets.all(user) as unknown as SecretRow[])
    const secrets = rows.flatMap((one) => {
      const ha1 = this.#options.key.open(one.sealed, placeOf(user, one))
      return ha1 === undefined ? [] : [{ algorithm: one.algorithm, realm: one.realm, ha1 }]
    })
    return row === undefined ? NOBODY : { subscriber: this.#subscriber(row), secrets }
  }

  #subscriber({ user, display_name, enabled }: Row): Subscriber {
    return { user, aliases: this.#aliasesOf(user), displayName: display_name, enabled: enabled === 1 }
  }

  #aliasesOf(user: string): readonly string[] {
    return (this.#statements.aliases.all(user) as { alias: string }[]).map(({ alias }) => alias)
  }

  #view(row: Row): SubscriberView {
    const secrets = this.#statements.secrets.all(row.user) as unknown as SecretRow[]
    const usable = secrets.some((one) => one.realm === this.realm && this.#options.key.made(one.sealed))
    return {
      ...this.#subscriber(row),
      password: usable,
      otherRealm: secrets.find((one) => one.realm !== this.realm)?.realm,
      created: row.created,
      changed: row.changed,
    }
  }

  #row(user: string): Row {
    const row = this.#statements.byUser.get(user) as Row | undefined
    if (row === undefined) throw new SubscriberError('SBC_SUBSCRIBER_UNKNOWN', `There is no user "${user.slice(0, LONGEST)}"`)
    return row
  }

  /** Is the name nobody's, in any case, or that user's own? */
  #free(name: string, owner: string | undefined): void {
    const taken = (this.#statements.taken.all({ name }) as { user: string; written: string }[]).find(({ user }) => user !== owner)
    if (taken === undefined) return
    const what = taken.written === taken.user ? `the user "${taken.user}"` : `an alias of "${taken.user}"`
    throw new SubscriberError(
      'SBC_SUBSCRIBER_EXISTS',
      `"${name}" is taken: it is ${what}${taken.written === name ? '' : ' in another case'}`,
    )
  }

  #putAliases(user: string, aliases: readonly string[]): void {
    this.#statements.dropAliases.run(user)
    for (const alias of aliases) {
      this.#free(alias, undefined)
      this.#statements.putAlias.run(alias, user)
    }
  }

  #putPassword(user: string, password: string): void {
    const { key } = this.#options
    const { realm } = this
    for (const algorithm of DIGEST_ALGORITHMS) {
      const sealed = key.seal(digestHa1(algorithm, user, realm, password), placeOf(user, { algorithm, realm }))
      this.#statements.putSecret.run(user, algorithm, realm, sealed)
    }
  }

  #change<T>(run: () => T): T {
    try {
      return this.#options.database.transaction(run)
    } finally {
      this.#forget()
    }
  }

  /** Has another process changed the database? */
  #look(): void {
    const version = this.#options.database.foreignVersion
    if (version === this.#seen) return
    this.#seen = version
    this.#forget()
  }

  #forget(): void {
    this.#version++
    this.#recent = new Map()
    this.#older = new Map()
  }
}

/** A NUL stands in none of them. */
const placeOf = (user: string, { algorithm, realm }: { readonly algorithm: DigestAlgorithm; readonly realm: string }): string =>
  `subscriber\0${user}\0${algorithm}\0${realm}`

const FITS = `(user LIKE :like ESCAPE '\\' OR display_name LIKE :like ESCAPE '\\'
  OR EXISTS (SELECT 1 FROM subscriber_aliases a WHERE a.user = s.user AND a.alias LIKE :like ESCAPE '\\'))`

const statementsOf = ({ sql }: Database) => ({
  byUser: sql.prepare('SELECT * FROM subscribers WHERE user = ?'),
  enabled: sql.prepare('SELECT user FROM subscribers WHERE enabled = 1'),
  byName: sql.prepare(`SELECT * FROM subscribers WHERE user = :name
    UNION ALL SELECT s.* FROM subscriber_aliases a JOIN subscribers s ON s.user = a.user WHERE a.alias = :name LIMIT 1`),
  aliases: sql.prepare('SELECT alias FROM subscriber_aliases WHERE user = ? ORDER BY alias'),
  secrets: sql.prepare('SELECT algorithm, realm, sealed FROM subscriber_secrets WHERE user = ?'),
  allSecrets: sql.prepare('SELECT user, realm, sealed FROM subscriber_secrets'),
  count: sql.prepare(`SELECT count(*) AS n FROM subscribers s WHERE ${FITS}`),
  page: sql.prepare(`SELECT * FROM subscribers s WHERE ${FITS} AND user > :after ORDER BY user LIMIT :limit`),
  taken: sql.prepare(`SELECT user, user AS written FROM subscribers WHERE lower(user) = lower(:name)
    UNION ALL SELECT user, alias AS written FROM subscriber_aliases WHERE lower(alias) = lower(:name)`),
  insert: sql.prepare('INSERT INTO subscribers (user, display_name, enabled, created, changed) VALUES (?, ?, ?, ?, ?)'),
  update: sql.prepare('UPDATE subscribers SET display_name = ?, enabled = ?, changed = ? WHERE user = ?'),
  remove: sql.prepare('DELETE FROM subscribers WHERE user = ?'),
  dropAliases: sql.prepare('DELETE FROM subscriber_aliases WHERE user = ?'),
  putAlias: sql.prepare('INSERT INTO subscriber_aliases (alias, user) VALUES (?, ?)'),
  dropSecrets: sql.prepare('DELETE FROM subscriber_secrets WHERE user = ?'),
  putSecret: sql.prepare('INSERT OR REPLACE INTO subscriber_secrets (user, algorithm, realm, sealed) VALUES (?, ?, ?, ?)'),
})
