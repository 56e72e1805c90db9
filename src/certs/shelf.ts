import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { CertificateError } from '../base/errors.ts'
import type { CertificateEntry } from '../config/snapshot.ts'
import type { Log } from '../observability/log.ts'
import { DEVELOPMENT_CA, DevelopmentAuthority } from './development.ts'
import { loadCertificate } from './load.ts'
import { FolderLock, type LockHolder } from './lock.ts'
import { type Pair, pairOf, usablePair } from './pair.ts'
import { PairWatch } from './pair-watch.ts'
import { CertificateStore, writeWhole } from './store.ts'
import type { CertificateProblem } from './types.ts'

/** A pair that was read from files, with the stamp of the files. */
export interface FilePair {
  readonly pair: Pair
  readonly stamp: string
}

/** What certificates are read from and written to: the data folder, with its lock, and the files of the configuration. */
export class Shelf {
  readonly store: CertificateStore
  readonly lock: FolderLock
  readonly #folder: string
  readonly #clock: Clock
  readonly #log: Log
  #authority: Promise<DevelopmentAuthority> | undefined
  #holder: LockHolder | undefined

  /** `folder`: the data folder. */
  constructor(folder: string, clock: Clock, log: Log) {
    this.#folder = folder
    this.#clock = clock
    this.#log = log
    this.store = new CertificateStore(join(folder, 'certificates'))
    this.lock = new FolderLock(join(folder, 'certificates', 'lock'), () => clock.wall())
  }

  /** The process that takes care of this folder; undefined: we do. */
  get holder(): LockHolder | undefined {
    return this.#holder
  }

  /** Takes the lock, or learns who has it. Never rejects: without a lock we only read. @returns true when we have got it just now */
  async takeLock(): Promise<boolean> {
    const before = this.lock.held
    try {
      this.#holder = await this.lock.take()
    } catch (err) {
      this.#log.error({ err }, 'The certificates of the data folder cannot be locked, so none is ordered or changed')
      this.#holder = NOBODY
    }
    if (before && !this.lock.held) this.#log.error({ pid: this.#holder?.pid }, 'Another process has taken over the certificates')
    const gained = !before && this.lock.held
    if (gained) await this.#moveOld()
    return gained
  }

  /** @throws CertificateError SBC_CERTIFICATE_BUSY when another process takes care of the folder */
  assertOurs(): void {
    if (this.lock.held) return
    const { pid } = this.#holder ?? NOBODY
    const who = pid === 0 ? 'The data folder cannot be locked' : `Process ${pid} takes care of the certificates of this data folder`
    throw new CertificateError('SBC_CERTIFICATE_BUSY', `${who}, so they cannot be changed here; do it there, or end it`)
  }

  /** Files of the configuration. @throws CertificateError with what is wrong with them */
  async readFiles(entry: CertificateEntry, watch?: PairWatch): Promise<FilePair> {
    const { name, source } = entry
    if (source.kind !== 'files') throw new CertificateError('SBC_CERTIFICATE_SOURCE', `Certificate ${name} is not kept in files`)
    const stamp = await (watch ?? new PairWatch(source.chain, source.key)).stamp()
    const checked = await loadCertificate({ name, chain: source.chain, key: source.key }, this.#clock.wall())
    return { pair: pairOf(name, checked), stamp }
  }

  /** What the store has of a name: a pair, what is wrong with it, or undefined. */
  async readStored(name: string): Promise<Pair | CertificateProblem | undefined> {
    try {
      const stored = await this.store.read(name)
      return stored === undefined ? undefined : usablePair(name, stored, this.#clock.wall())
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      return { severity: 'error', text: error.message, remedy: 'Put the files in order, or remove both' }
    }
  }

  watchOf(name: string): PairWatch {
    const folder = this.store.folderOf(name)
    return new PairWatch(join(folder, 'chain.pem'), join(folder, 'key.pem'))
  }

  /** A certificate of the development CA; `anew`: not the one of before. @throws CertificateError */
  async develop(name: string, hosts: readonly string[], keyType: 'ecdsa' | 'rsa', anew = false): Promise<Pair> {
    if (anew) await this.store.remove(`${name}/development`)
    const authority = await this.authority()
    return pairOf(name, await authority.certificate({ name, hosts, keyType }))
  }

  /** Made when it is asked for first; its root is in the data folder for people, too. @throws CertificateError */
  authority(): Promise<DevelopmentAuthority> {
    this.#authority ??= this.#openAuthority()
    return this.#authority
  }

  async #openAuthority(): Promise<DevelopmentAuthority> {
    try {
      // Where another process has the lock, what is made stays in memory
      const store = {
        read: (name: string) => this.store.read(name),
        write: (name: string, pair: Parameters<CertificateStore['write']>[1]) =>
          this.lock.held ? this.store.write(name, pair) : Promise.resolve(),
      }
      const authority = await DevelopmentAuthority.open(store, () => this.#clock.wall())
      if (this.lock.held) await writeWhole(join(this.#folder, 'development-ca.pem'), authority.root)
      return authority
    } catch (error) {
      this.#authority = undefined
      throw error
    }
  }

  /** The folder was called `certs` once, and had nothing but what the development CA made. */
  async #moveOld(): Promise<void> {
    const old = join(this.#folder, 'certs')
    const before = new CertificateStore(old)
    try {
      if ((await before.read(DEVELOPMENT_CA)) === undefined || (await this.store.read(DEVELOPMENT_CA)) !== undefined) return
      for (const name of await before.names()) {
        const pair = await before.read(name)
        if (pair === undefined) continue
        await this.store.write(name === DEVELOPMENT_CA ? name : `${name}/development`, pair)
      }
      for (const name of await before.names()) await before.remove(name)
      await rmdir(old)
      this.#log.info({ from: old }, 'The development CA has moved to the folder "certificates" of the data folder')
    } catch (err) {
      this.#log.warn({ err, from: old }, 'The development CA of before cannot be taken over')
    }
  }
}

const NOBODY: LockHolder = { pid: 0, started: '', place: '' }
