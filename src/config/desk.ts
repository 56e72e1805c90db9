/**
 * The configuration file as people change it over the API: read, checked, written whole, with the versions before kept beside it. The file stays
 * the truth: what somebody wrote by hand in the meantime is never overwritten.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ConfigCheck, ConfigDesk, ConfigSaved, ConfigText, ConfigVersionView, ReloadView } from '../admin/contract.ts'
import { reloadChanges } from './diff.ts'
import { formSchema } from './document.ts'
import { effectiveConfig } from './effective.ts'
import { ConfigError } from './errors.ts'
import type { LoadResult } from './load.ts'
import type { Snapshot } from './snapshot.ts'

export interface FileConfigDeps {
  /** Absolute. */
  readonly file: string
  /** Where earlier versions are kept; made when it is not there. */
  readonly folder: string
  readonly wall: () => number
  /** Text to snapshot, as at a reload. */
  readonly load: (text: string, previous: Snapshot | undefined) => LoadResult
  readonly running: () => Snapshot
  readonly reload: () => Promise<ReloadView>
}

interface Kept {
  readonly at: string
  readonly by: string
  readonly changes: readonly string[]
}

const MOST_VERSIONS = 100
/** `20261121T142233123Z-1a2b3c4d`: when it was replaced, and what it was. */
const ID = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/

export class FileConfig implements ConfigDesk {
  readonly #deps: FileConfigDeps
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(deps: FileConfigDeps) {
    this.#deps = deps
  }

  async read(): Promise<ConfigText> {
    const text = await this.#text()
    return { text, version: versionOf(text), file: this.#deps.file }
  }

  check(text: string): ConfigCheck {
    const running = this.#deps.running()
    const loaded = this.#deps.load(text, running)
    if (!loaded.ok) return { ok: false, problems: loaded.problems, changes: [] }
    return { ok: true, problems: loaded.warnings, changes: reloadChanges(running, loaded.snapshot) }
  }

  schema(): Readonly<Record<string, unknown>> {
    return formSchema()
  }

  async effective(): Promise<string> {
    const loaded = this.#deps.load(await this.#text(), this.#deps.running())
    if (!loaded.ok) throw new ConfigError('The file has mistakes: correct them first', loaded.problems)
    return effectiveConfig(loaded.document)
  }

  save(text: string, version: string, by: string): Promise<ConfigSaved> {
    return this.#inTurn(() => this.#save(text, version, by))
  }

  async history(): Promise<readonly ConfigVersionView[]> {
    const ids = await this.#ids()
    return Promise.all(
      ids.reverse().map(async (id) => {
        const { at, by, changes } = await this.#kept(id)
        return { id, at, by, changes }
      }),
    )
  }

  async version(id: string): Promise<string | undefined> {
    if (!ID.test(id)) return undefined
    return readFile(join(this.#deps.folder, `${id}.yaml`), 'utf8').catch(() => undefined)
  }

  async restore(id: string, by: string): Promise<ConfigSaved | undefined> {
    const text = await this.version(id)
    if (text === undefined) return undefined
    return this.#inTurn(async () => this.#save(text, (await this.read()).version, by))
  }

  // ---- parts

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #save(text: string, version: string, by: string): Promise<ConfigSaved> {
    const before = await this.#text()
    if (versionOf(before) !== version) return { result: 'conflict', version: versionOf(before) }
    const { ok, problems, changes } = this.check(text)
    if (!ok) return { result: 'refused', problems, at: new Date(this.#deps.wall()).toISOString() }
    await this.#keep(before, by, changes)
    await write(this.#deps.file, text)
    const reload = await this.#deps.reload()
    if (reload.result === 'applied') return { ...reload, version: versionOf(text) }
    // A port that is taken, a certificate that cannot be read: what runs and what stands in the file must not differ
    await write(this.#deps.file, before)
    return reload
  }

  async #text(): Promise<string> {
    try {
      return await readFile(this.#deps.file, 'utf8')
    } catch (cause) {
      throw new ConfigError(`Configuration file "${this.#deps.file}" cannot be read: ${(cause as Error).message}`, [], cause)
    }
  }

  async #keep(text: string, by: string, changes: readonly string[]): Promise<void> {
    const { folder, wall } = this.#deps
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const at = new Date(wall()).toISOString()
    const id = `${at.replace(/[-:.]/g, '')}-${versionOf(text).slice(0, 8)}`
    await write(join(folder, `${id}.yaml`), text)
    await write(join(folder, `${id}.json`), `${JSON.stringify({ at, by, changes } satisfies Kept)}\n`)
    const ids = await this.#ids()
    for (const old of ids.slice(0, Math.max(ids.length - MOST_VERSIONS, 0)))
      for (const ending of ['yaml', 'json']) await rm(join(folder, `${old}.${ending}`), { force: true })
  }

  /** Oldest first. */
  async #ids(): Promise<string[]> {
    const names = await readdir(this.#deps.folder).catch(() => [])
    return names
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => name.slice(0, -5))
      .filter((id) => ID.test(id))
      .sort()
  }

  async #kept(id: string): Promise<Kept> {
    try {
      const read = JSON.parse(await readFile(join(this.#deps.folder, `${id}.json`), 'utf8')) as Partial<Kept>
      return { at: String(read.at), by: String(read.by), changes: (read.changes ?? []).map(String) }
    } catch {
      // The power went between the two files; the text is there
      return { at: '', by: '', changes: [] }
    }
  }
}

const versionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** Whole or not at all, also when the power goes; owner and mode of the file stay. */
const write = async (file: string, text: string): Promise<void> => {
  const temporary = `${file}.new`
  await rm(temporary, { force: true })
  const before = await open(file, 'r').catch(() => undefined)
  const stat = await before?.stat()
  await before?.close()
  const handle = await open(temporary, 'wx', stat === undefined ? 0o600 : stat.mode & 0o777)
  try {
    if (stat !== undefined) await handle.chown(stat.uid, stat.gid).catch(() => undefined)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
