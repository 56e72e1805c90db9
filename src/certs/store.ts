import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CertificateError } from '../base/errors.ts'

/** PEM, as it is stored and served. */
export interface StoredCertificate {
  readonly chain: string
  readonly key: string
}

/** Where pairs are read and written by name. */
export type PairStore = Pick<CertificateStore, 'read' | 'write'>

/**
 * Certificates on disk: `<folder>/<name>/chain.pem` and `key.pem` (0600). A name can have parts, `main/history/…`.
 *
 * Replacing survives a loss of power at any moment, with the old pair or the new one, never a mixture: both files are first
 * written as `*.pem.new` and synced; then the key is renamed, which decides, then the chain. Where a reader finds `chain.pem.new`
 * without `key.pem.new`, the power went between the two renames, and the second one is made up for. One process writes.
 */
export class CertificateStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The stored pair; undefined when there is none. @throws CertificateError SBC_CERTIFICATE_FILE */
  async read(name: string): Promise<StoredCertificate | undefined> {
    const folder = this.folderOf(name)
    await this.#finish(folder)
    const [chain, key] = await Promise.all([readIfThere(join(folder, 'chain.pem')), readIfThere(join(folder, 'key.pem'))])
    return chain === undefined || key === undefined ? undefined : { chain, key }
  }

  /** Keeps the pair, in place of the one before. @throws CertificateError SBC_CERTIFICATE_FILE */
  async write(name: string, { chain, key }: StoredCertificate): Promise<void> {
    const folder = this.folderOf(name)
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await this.#finish(folder)
      // The chain first: while there is a new key beside it, nothing has been decided
      await rm(join(folder, 'chain.pem.new'), { force: true })
      await writeSynced(join(folder, 'key.pem.new'), key)
      await writeSynced(join(folder, 'chain.pem.new'), chain)
      await syncFolder(folder)
      await rename(join(folder, 'key.pem.new'), join(folder, 'key.pem'))
      await rename(join(folder, 'chain.pem.new'), join(folder, 'chain.pem'))
      for (let path = folder; path.length >= this.#folder.length; path = dirname(path)) await syncFolder(path)
    } catch (cause) {
      throw new CertificateError(
        'SBC_CERTIFICATE_FILE',
        `Cannot store certificate ${name} in ${folder}: ${(cause as Error).message}`,
        cause,
      )
    }
  }

  /** The names that have a folder, in order; with `under`, the last parts of those below it. */
  async names(under?: string): Promise<string[]> {
    const entries = await readdir(under === undefined ? this.#folder : this.folderOf(under), { withFileTypes: true }).catch(() => [])
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
  }

  /** The whole folder, with everything below it. */
  async remove(name: string): Promise<void> {
    await rm(this.folderOf(name), { recursive: true, force: true })
  }

  /** The pair alone: what else is in the folder stays. */
  async clear(name: string): Promise<void> {
    const folder = this.folderOf(name)
    // The key decides
    for (const file of ['key.pem.new', 'chain.pem.new', 'key.pem', 'chain.pem']) await rm(join(folder, file), { force: true })
  }

  /** @throws CertificateError when the name cannot be a folder */
  folderOf(name: string): string {
    const parts = name.split('/')
    if (!parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/.test(part))) {
      throw new CertificateError(
        'SBC_CERTIFICATE_FILE',
        `Certificate name ${JSON.stringify(name)} cannot be a folder; use letters, digits, '.', '_' and '-'`,
      )
    }
    return join(this.#folder, ...parts)
  }

  /** Makes up for a second rename that a loss of power prevented. */
  async #finish(folder: string): Promise<void> {
    const [key, chain] = [join(folder, 'key.pem.new'), join(folder, 'chain.pem.new')]
    if ((await readIfThere(chain)) === undefined || (await readIfThere(key)) !== undefined) return
    await rename(chain, join(folder, 'chain.pem'))
    await syncFolder(folder)
  }
}

/** A file's text; undefined when there is no such file. @throws CertificateError SBC_CERTIFICATE_FILE */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'latin1')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot read ${path}: ${(cause as Error).message}`, cause)
  }
}

/**
 * Replaces a file (0600, its folder made when it is missing): after a loss of power the old text is there, or the new one, whole.
 * @throws CertificateError SBC_CERTIFICATE_FILE
 */
export const writeWhole = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeSynced(draft, text)
    await rename(draft, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot write ${path}: ${(cause as Error).message}`, cause)
  }
}

/** Writes a file (0600), and comes back when it is on disk. */
export const writeSynced = async (path: string, text: string): Promise<void> => {
  const file = await open(path, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(text, 'latin1')
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Renames and new names in it are on disk after this, not before. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
