import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../base/errors.ts'
import { giveToOwnerOf } from './files.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'

export interface DatabaseOptions {
  /** How long a statement waits while another process writes, ms. */
  readonly busyMs: number
  readonly migrations?: readonly Migration[]
  /** false: where there is no file, none is made. */
  readonly create?: boolean
  /**
   * Told when the file was damaged: it stands at `aside` now, untouched, and an empty database has taken its place. Without it a damaged
   * file is an error: only the one process that owns the database may move it.
   */
  readonly damaged?: (aside: string, why: string) => void
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

/**
 * The one SQLite file in the data folder: users, and registrations that outlive the process. The edge and the command line have it open
 * at the same time (WAL). A write is in the file when the call is back, and survives the end of the process; a loss of power may take the
 * last seconds, never the file (synchronous NORMAL).
 */
export class Database {
  readonly file: string
  readonly sql: DatabaseSync
  readonly #version: { get(): unknown }
  #depth = 0

  /** @param sql open, with all tables */
  constructor(file: string, sql: DatabaseSync) {
    this.file = file
    this.sql = sql
    this.#version = sql.prepare('PRAGMA data_version')
  }

  /** Another number after another process (or connection) changed the database; our own changes do not move it. */
  get foreignVersion(): number {
    return (this.#version.get() as { data_version: number }).data_version
  }

  /** All of `run` happens, or nothing; it writes, so it waits for other writers at its beginning, not in its midst. @throws StoreError */
  transaction<T>(run: () => T): T {
    if (this.#depth > 0) return run()
    return this.guarded(() => {
      this.sql.exec('BEGIN IMMEDIATE')
      this.#depth++
      try {
        const result = run()
        this.sql.exec('COMMIT')
        return result
      } catch (error) {
        try {
          // A full disk has rolled back already
          if (this.sql.isTransaction) this.sql.exec('ROLLBACK')
        } catch {
          // What went wrong first is what counts
        }
        throw error
      } finally {
        this.#depth--
      }
    })
  }

  /** Runs statements, and says what went wrong in words of ours. @throws StoreError */
  guarded<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw storeError(error, this.file)
    }
  }

  /** A copy as of this moment, in a new file (0600), while others read and write. @throws StoreError */
  backup(to: string): void {
    try {
      // SQLite writes into an empty file, and not over another
      closeSync(openSync(to, 'wx', 0o600))
      this.sql.prepare('VACUUM INTO ?').run(to)
    } catch (cause) {
      throw new StoreError('SBC_STORE_WRITE', `The copy ${to} cannot be written: ${(cause as Error).message}`, cause)
    }
  }

  close(): void {
    if (this.sql.isOpen) this.sql.close()
  }
}

/**
 * Opens the database, makes it when it is not there, and brings its tables up to date.
 * @throws StoreError SBC_STORE_OPEN, SBC_STORE_DAMAGED, SBC_STORE_NEWER, SBC_STORE_BUSY
 */
export const openDatabase = (file: string, options: DatabaseOptions): Database => {
  try {
    return open(file, options)
  } catch (error) {
    const found = storeError(error, file)
    if (!(found instanceof StoreError) || found.code !== 'SBC_STORE_DAMAGED' || options.damaged === undefined) throw found
    const aside = moveAside(file, options.wall())
    const fresh = open(file, options)
    options.damaged(aside, found.message)
    return fresh
  }
}

const open = (file: string, { busyMs, migrations = MIGRATIONS, create = true, damaged, wall }: DatabaseOptions): Database => {
  if (create) prepareFile(file)
  else if (!existsSync(file)) throw new StoreError('SBC_STORE_OPEN', `There is no database at ${file}`)
  const sql = new DatabaseSync(file, { timeout: busyMs, enableForeignKeyConstraints: true, allowExtension: false })
  try {
    sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF')
    if (damaged !== undefined) check(sql, file)
    const database = new Database(file, sql)
    migrate(database, migrations, wall())
    return database
  } catch (error) {
    sql.close()
    throw error
  }
}

/** SQLite gives its journal files the mode of the database. */
const prepareFile = (file: string): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const made = !existsSync(file)
  closeSync(openSync(file, 'a', 0o600))
  if (made) giveToOwnerOf(dirname(file), file)
  // Whoever copied the file here may have left it readable for all
  chmodSync(file, 0o600)
}

/** Cheaper than `integrity_check`: pages and their order, without a comparison of each index. */
const check = (sql: DatabaseSync, file: string): void => {
  const { quick_check: verdict } = sql.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
  if (verdict !== 'ok') throw new StoreError('SBC_STORE_DAMAGED', `The database ${file} is damaged: ${verdict}`)
}

const migrate = (database: Database, migrations: readonly Migration[], now: number): void => {
  const { sql, file } = database
  database.transaction(() => {
    sql.exec('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT')
    const done = new Set((sql.prepare('SELECT name FROM migrations').all() as { name: string }[]).map(({ name }) => name))
    const unknown = [...done].filter((name) => !migrations.some((migration) => migration.name === name))
    if (unknown.length > 0)
      throw new StoreError(
        'SBC_STORE_NEWER',
        `The database ${file} was written by a later version of Edgeways (step ${unknown[0]}), which this one cannot read`,
      )
    const note = sql.prepare('INSERT INTO migrations (name, at) VALUES (?, ?)')
    for (const { name, sql: statements } of migrations) {
      if (done.has(name)) continue
      sql.exec(statements)
      note.run(name, now)
    }
  })
}

/** With its journal, which may hold what the file itself does not have yet. @returns where it is now */
const moveAside = (file: string, now: number): string => {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
  let aside = `${file}.damaged-${stamp}`
  for (let i = 2; existsSync(aside); i++) aside = `${file}.damaged-${stamp}-${i}`
  for (const end of ['-wal', '-shm', '']) if (existsSync(file + end)) renameSync(file + end, aside + end)
  return aside
}

/** What SQLite and the file system say (https://www.sqlite.org/rescode.html), as an error of ours. */
const storeError = (error: unknown, file: string): unknown => {
  const { errcode, message, code } = error as { errcode?: number; message: string; code?: string }
  // Extended codes carry the primary one in their lowest byte
  const primary = errcode === undefined ? undefined : errcode & 0xff
  switch (primary) {
    case 5: // BUSY
    case 6: // LOCKED
      return new StoreError('SBC_STORE_BUSY', `The database ${file} is held by another process: ${message}`, error)
    case 11: // CORRUPT
    case 26: // NOTADB
      return new StoreError('SBC_STORE_DAMAGED', `The database ${file} is damaged: ${message}`, error)
    case 8: // READONLY
    case 10: // IOERR
    case 13: // FULL
      return new StoreError('SBC_STORE_WRITE', `The database ${file} cannot be written: ${message}`, error)
    case 14: // CANTOPEN
      return new StoreError('SBC_STORE_OPEN', `The database ${file} cannot be opened: ${message}`, error)
    default:
      // What is no fault of the database's stays what it is
      if (primary === undefined)
        return code !== undefined && /^E[A-Z]+$/.test(code)
          ? new StoreError('SBC_STORE_OPEN', `The database ${file} cannot be opened: ${message}`, error)
          : error
      return new StoreError('SBC_STORE_WRITE', `The database ${file} refused a statement: ${message}`, error)
  }
}
