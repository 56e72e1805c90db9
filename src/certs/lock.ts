import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { CertificateError } from '../base/errors.ts'
import { readIfThere, writeSynced } from './store.ts'

/** What stands in a lock file. */
export interface LockHolder {
  readonly pid: number
  /** Start time of the process in the kernel's own terms, with the boot that they belong to; empty where the kernel does not tell. */
  readonly started: string
  /** Machine and process namespace: elsewhere the same pid is another process. */
  readonly place: string
}

/** How old the file's last sign of life may be where the process itself cannot be looked at. */
const SILENT_MS = 120_000

/**
 * A lock between processes: a file with the pid and the start time of its holder. The lock of a process that is gone is taken over:
 * on the same machine that is known at once, across machines and containers when it gave no sign of life for two minutes.
 */
export class FolderLock {
  readonly #path: string
  readonly #wall: () => number
  #mine: string | undefined

  /** `wall`: milliseconds since 1970, as the file system has them. */
  constructor(path: string, wall: () => number) {
    this.#path = path
    this.#wall = wall
  }

  get held(): boolean {
    return this.#mine !== undefined
  }

  /**
   * Takes the lock when it is free, and gives a sign of life when it is ours; to be called again and again.
   * @returns undefined: it is ours; else who has it
   * @throws CertificateError when the folder cannot be written
   */
  async take(): Promise<LockHolder | undefined> {
    try {
      return this.#mine === undefined ? await this.#acquire() : await this.#confirm(this.#mine)
    } catch (cause) {
      if (cause instanceof CertificateError) throw cause
      throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot lock ${dirname(this.#path)}: ${(cause as Error).message}`, cause)
    }
  }

  async release(): Promise<void> {
    const mine = this.#mine
    this.#mine = undefined
    if (mine !== undefined && (await readIfThere(this.#path)) === mine) await rm(this.#path, { force: true })
  }

  async #acquire(): Promise<LockHolder | undefined> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const me = await self()
    const text = `${JSON.stringify(me)}\n`
    const draft = `${this.#path}.${randomBytes(6).toString('hex')}`
    await writeSynced(draft, text)
    try {
      for (let attempt = 0; attempt < 3; attempt++) {
        try {
          // Whole at once, or not at all
          await link(draft, this.#path)
          this.#mine = text
          return undefined
        } catch (fault) {
          if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault
        }
        const seen = await readIfThere(this.#path)
        if (seen === undefined) continue
        const holder = parsed(seen)
        if (holder !== undefined && (await this.#lives(holder, me))) return holder
        await this.#clear(seen)
      }
      return parsed((await readIfThere(this.#path)) ?? '') ?? NOBODY
    } finally {
      await rm(draft, { force: true })
    }
  }

  /** Somebody took it over while we were suspended: then it is theirs. */
  async #confirm(mine: string): Promise<LockHolder | undefined> {
    const seen = await readIfThere(this.#path)
    if (seen !== mine) {
      this.#mine = undefined
      return this.#acquire()
    }
    const now = new Date(this.#wall())
    await utimes(this.#path, now, now)
    return undefined
  }

  async #lives(holder: LockHolder, me: LockHolder): Promise<boolean> {
    if (holder.place === me.place && holder.started !== '') return (await startOf(holder.pid)) === holder.started
    const touched = await stat(this.#path).catch(() => undefined)
    return touched !== undefined && this.#wall() - touched.mtimeMs < SILENT_MS
  }

  /** Removes a lock that nobody has, and puts it back when it was a newer one. */
  async #clear(seen: string): Promise<void> {
    const aside = `${this.#path}.${randomBytes(6).toString('hex')}.old`
    try {
      await rename(this.#path, aside)
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return
      throw fault
    }
    if ((await readIfThere(aside)) !== seen) await link(aside, this.#path).catch(() => {})
    await rm(aside, { force: true })
  }
}

const NOBODY: LockHolder = { pid: 0, started: '', place: '' }

const parsed = (text: string): LockHolder | undefined => {
  try {
    const { pid, started, place } = JSON.parse(text) as Partial<LockHolder>
    return typeof pid === 'number' && typeof started === 'string' && typeof place === 'string' ? { pid, started, place } : undefined
  } catch {
    return undefined // Written by nobody of us: no holder
  }
}

const self = async (): Promise<LockHolder> => {
  const space = await readlink('/proc/self/ns/pid').catch(() => '')
  return { pid: process.pid, started: (await startOf(process.pid)) ?? '', place: `${hostname()} ${space}`.trim() }
}

/** proc(5): field 22 of /proc/PID/stat, in ticks since the boot. @returns undefined: there is no such process, or it is dead already */
const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    const [line, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, 'latin1'), readFile('/proc/sys/kernel/random/boot_id', 'latin1')])
    // The name of the program stands in parentheses and may have spaces and parentheses itself
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${boot.trim()} ${fields[19]}`
  } catch {
    return undefined
  }
}
