import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { clean } from '../../observability/redact.ts'
import { AdminError, inOrder, readIfThere, syncFolder } from './files.ts'
import type { Role } from './roles.ts'

/** What somebody did, or tried to do. */
export interface AuditFacts {
  /** A user, `token NAME`, `admin-token`, `local` (this machine, without an account), or `unknown` (a sign-in that failed). */
  readonly who: string
  readonly role?: Role
  /** Source address. */
  readonly from: string
  /** A word, such as `user-add`; each route says its own. */
  readonly what: string
  /** Upon what: a name. */
  readonly subject?: string
  /** Values without secrets: what was, and what is now. */
  readonly before?: unknown
  readonly after?: unknown
  /** `refused`: it was not allowed, or made no sense; `failed`: something broke. */
  readonly result: 'done' | 'refused' | 'failed'
  /** Of the HTTP answer. */
  readonly status: number
  /** Refused attempts before this one that are not in the log, because there were too many. */
  readonly leftOut?: number
}

export interface AuditEntry extends AuditFacts {
  /** Counts from 1, without gaps. */
  readonly number: number
  /** ISO 8601. */
  readonly at: string
}

export interface AuditQuestion {
  /** Entries with a smaller number. */
  readonly before?: number
  readonly limit: number
  readonly who?: string
  readonly what?: string
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[]
  /** `before` of the next page; undefined: that was all. */
  readonly next?: number
}

export interface AuditLimits {
  /** Of one file. */
  readonly bytes: number
  /** With the one that is written to. */
  readonly files: number
}

const LIMITS: AuditLimits = { bytes: 2 * 1024 * 1024, files: 10 }
/** Of what was and what is, each. */
const LONGEST_VALUE = 8 * 1024

/**
 * Who did what: JSON lines in `audit.log`, each on disk before the answer goes out. A file that is full becomes `audit.1.log`, and so on;
 * the oldest goes. One process writes.
 */
export class AuditLog {
  readonly #path: string
  readonly #clock: Clock
  readonly #limits: AuditLimits
  readonly #inOrder = inOrder()
  #file: FileHandle | undefined
  #size = 0
  #number = 0

  private constructor(path: string, clock: Clock, limits: AuditLimits) {
    this.#path = path
    this.#clock = clock
    this.#limits = limits
  }

  /** @throws AdminError */
  static async open(folder: string, clock: Clock, limits: AuditLimits = LIMITS): Promise<AuditLog> {
    const log = new AuditLog(join(folder, 'audit.log'), clock, limits)
    for (let index = 0; index < limits.files && log.#number === 0; index++)
      log.#number = linesOf(await readIfThere(log.#pathOf(index))).at(-1)?.number ?? 0
    await log.#openFile()
    return log
  }

  /** @returns what was written @throws AdminError when the disk does not take it */
  append(facts: AuditFacts): Promise<AuditEntry> {
    return this.#inOrder(async () => {
      const { before, after, ...rest } = facts
      const entry: AuditEntry = {
        number: this.#number + 1,
        at: new Date(this.#clock.wall()).toISOString(),
        ...rest,
        ...(before !== undefined && { before: bounded(before) }),
        ...(after !== undefined && { after: bounded(after) }),
      }
      const line = Buffer.from(`${JSON.stringify(entry)}\n`)
      try {
        if (this.#size > 0 && this.#size + line.length > this.#limits.bytes) await this.#rotate()
        const file = this.#file ?? (await this.#openFile())
        await file.appendFile(line)
        this.#size += line.length
        await file.datasync()
      } catch (cause) {
        // What is half written is cut off from the next line by a line break of its own
        await this.close()
        throw new AdminError('SBC_ADMIN_AUDIT', `Cannot write ${this.#path}: ${(cause as Error).message}`, cause)
      }
      this.#number = entry.number
      return entry
    })
  }

  /** @throws AdminError */
  page({ before = Number.POSITIVE_INFINITY, limit, who, what }: AuditQuestion): Promise<AuditPage> {
    return this.#inOrder(async () => {
      const found: AuditEntry[] = []
      for (let index = 0; index < this.#limits.files; index++) {
        for (const entry of linesOf(await readIfThere(this.#pathOf(index))).reverse()) {
          if (entry.number >= before || (who !== undefined && entry.who !== who) || (what !== undefined && entry.what !== what)) continue
          // One more than asked for: there is another page
          if (found.length === limit) return { entries: found, next: found.at(-1)!.number }
          found.push(entry)
        }
      }
      return { entries: found }
    })
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #pathOf(index: number): string {
    return index === 0 ? this.#path : this.#path.replace(/\.log$/, `.${index}.log`)
  }

  async #openFile(): Promise<FileHandle> {
    try {
      const file = await open(this.#path, 'a+', 0o600)
      this.#file = file
      await file.chmod(0o600)
      this.#size = (await file.stat()).size
      if (this.#size > 0) {
        // A loss of power can leave half a line
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, this.#size - 1)
        if (buffer[0] !== 10) {
          await file.appendFile('\n')
          this.#size += 1
        }
      } else await syncFolder(dirname(this.#path))
      return file
    } catch (cause) {
      throw new AdminError('SBC_ADMIN_AUDIT', `Cannot open ${this.#path}: ${(cause as Error).message}`, cause)
    }
  }

  async #rotate(): Promise<void> {
    await this.close()
    for (let index = this.#limits.files - 2; index >= 0; index--) await renameIfThere(this.#pathOf(index), this.#pathOf(index + 1))
    await syncFolder(dirname(this.#path))
    await this.#openFile()
  }
}

const renameIfThere = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  }
}

/** Without secrets, and not longer than a line should be. */
const bounded = (value: unknown): unknown => {
  const { value: cleaned } = clean({ value })
  const { length } = JSON.stringify(cleaned) ?? ''
  return length <= LONGEST_VALUE ? cleaned : { leftOut: `${length} characters` }
}

const linesOf = (text: string | undefined): AuditEntry[] => (text ?? '').split('\n').flatMap(entryOf)

/** Half a line is none. */
const entryOf = (line: string): AuditEntry[] => {
  if (line === '') return []
  try {
    const value: unknown = JSON.parse(line)
    return isEntry(value) ? [value] : []
  } catch {
    // Half a line, from a loss of power: what it was about had no answer yet
    return []
  }
}

const isEntry = (value: unknown): value is AuditEntry =>
  typeof value === 'object' &&
  value !== null &&
  Number.isSafeInteger((value as AuditEntry).number) &&
  typeof (value as AuditEntry).who === 'string'
