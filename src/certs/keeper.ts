import type { Clock } from '../base/clock.ts'
import { CertificateError } from '../base/errors.ts'
import type { CertificateEntry } from '../config/snapshot.ts'
import type { Log } from '../observability/log.ts'
import type { CertificateMaterial } from '../transport/types.ts'
import { type CertificateAlarm, daysLeft } from './alarms.ts'
import type { Care } from './care.ts'
import { answer, assertSource, awaited, request, restore, revoke, upload } from './desk.ts'
import { DEVELOPMENT_CA } from './development.ts'
import { listVersions } from './history.ts'
import type { IssuerFetch } from './intake/complete.ts'
import type { RequestWishes } from './intake/request.ts'
import { askWindow, judge, warn } from './look-after.ts'
import { runOrder } from './order-run.ts'
import { Orders } from './orders.ts'
import type { Pair } from './pair.ts'
import { PairWatch } from './pair-watch.ts'
import { type FilePair, Shelf } from './shelf.ts'
import { StateFile } from './state.ts'
import type { AcmeSettings, CertificateDesk, CertificateView, Issuer, UploadedFiles } from './types.ts'
import { planOf, remakeAt } from './upkeep.ts'
import { type CertificateUsage, UNUSED } from './usage.ts'
import { factsOf, viewOf } from './view.ts'
import { Ward } from './ward.ts'

export interface KeeperDeps {
  /** The data folder. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
  readonly every: (ms: number, run: () => void) => () => void
  readonly issuer: (settings: AcmeSettings) => Issuer
  /** For intermediates that are missing in what people bring. */
  readonly fetchIssuer: IssuerFetch
  /** Certificates are other ones: new handshakes are to get them. Rejects when a listener cannot use one. */
  readonly refresh: () => Promise<void>
  /** What is shown of a certificate has changed. */
  readonly told?: (name: string) => void
  readonly alarm?: (alarm: CertificateAlarm) => void
  /** An order has come to its end. */
  readonly counted?: (name: string, result: 'ok' | 'failed') => void
}

/** How often everything is looked at. Upkeep is this timer alone: nothing of it is in the way of a handshake. */
export const LOOK_MS = 10_000
const JUDGE_MS = 3_600_000

/**
 * Takes care of all certificates: keeps them on disk, gives them to the listeners, orders and renews them, warns, and does what people ask
 * for. Only one process at a time does so on one data folder; others read what it keeps.
 */
export class CertificateKeeper implements CertificateDesk {
  readonly #deps: KeeperDeps
  readonly #shelf: Shelf
  readonly #care: Care
  readonly #wards = new Map<string, Ward>()
  readonly #orders: Orders
  /** What was read or made for an entry of a configuration: one that is reloaded and refused must not change what is in force. */
  readonly #loaded = new WeakMap<CertificateEntry, FilePair | { readonly pair: Pair }>()
  readonly #stopping = new AbortController()
  #endTimer: (() => void) | undefined
  #looking: Promise<void> | undefined
  /** The listeners did not take something; it is tried again. */
  #behind = false

  constructor(deps: KeeperDeps) {
    const { folder, clock, log, random, issuer, fetchIssuer } = deps
    this.#deps = deps
    this.#shelf = new Shelf(folder, clock, log)
    this.#care = {
      ...{ shelf: this.#shelf, clock, log, random, issuer, fetchIssuer, stopping: this.#stopping.signal, refresh: deps.refresh },
      look: (ward) => this.#read(ward),
      told: (name) => deps.told?.(name),
      alarm: (alarm) => this.#tell(alarm),
      counted: (name, result) => deps.counted?.(name, result),
    }
    this.#orders = new Orders(
      async (name, signal) => {
        const ward = this.#wards.get(name)
        if (ward !== undefined) await runOrder(this.#care, ward, signal)
      },
      (name) => this.#care.told(name),
    )
  }

  /** To be awaited before anything else. */
  async open(): Promise<void> {
    await this.#shelf.takeLock()
  }

  /**
   * The certificate for an entry; the source that the engine asks. It never waits for a CA: where the certificate is not there yet, one of
   * the development CA stands in.
   * @param from `kept`: as it is in force, also while its files are being replaced; `now`: as its files are
   * @throws CertificateError for files that cannot be used
   */
  async material(entry: CertificateEntry, from: 'now' | 'kept' = 'now'): Promise<CertificateMaterial> {
    assertName(entry)
    switch (entry.source.kind) {
      case 'files': {
        const loaded = from === 'kept' ? this.#loaded.get(entry) : undefined
        if (loaded !== undefined) return loaded.pair.material
        const read = await this.#shelf.readFiles(entry)
        this.#loaded.set(entry, read)
        return read.pair.material
      }
      case 'development':
        return ((from === 'kept' ? this.#loaded.get(entry)?.pair : undefined) ?? (await this.#make(entry))).material
      case 'acme':
      case 'stored':
        return (await this.#storedPair(entry, from)).material
    }
  }

  async #storedPair(entry: CertificateEntry, from: 'now' | 'kept'): Promise<Pair> {
    const known = this.#wards.get(entry.name)?.pair
    if (from === 'kept' && known !== undefined) return known
    const stored = await this.#shelf.readStored(entry.name)
    if (stored !== undefined && 'chain' in stored) return stored
    return known ?? (from === 'kept' ? this.#loaded.get(entry)?.pair : undefined) ?? this.#make(entry)
  }

  async #make(entry: CertificateEntry, anew = false): Promise<Pair> {
    const { name, hosts } = entry
    const { at, needs } = this.#wards.get(name)?.usage ?? UNUSED
    const all = [...new Set([...hosts, ...at.flatMap((place) => place.hosts)])]
    const rsa = needs.some(({ keyTypes }) => keyTypes?.includes('ecdsa') === false)
    const pair = await this.#shelf.develop(name, all.length === 0 ? ['localhost'] : all, rsa ? 'rsa' : 'ecdsa', anew)
    this.#loaded.set(entry, { pair })
    return pair
  }

  /**
   * The certificates of the configuration that runs, and who uses them (`usesOf`). To be called before the listeners are opened, so that
   * stand-ins have their names, and after every reload.
   */
  async watch(entries: readonly CertificateEntry[], uses: ReadonlyMap<string, CertificateUsage>): Promise<void> {
    for (const name of [...this.#wards.keys()]) {
      const entry = entries.find((one) => one.name === name)
      if (entry?.source.kind !== 'acme') await this.#orders.abort(name)
      if (entry === undefined) await this.#forget(name)
    }
    for (const entry of entries) {
      const { name, source } = entry
      const ward = this.#wards.get(name) ?? new Ward(entry, await StateFile.open(this.#shelf.store, name, this.#deps.log))
      if (ward.entry.source.kind !== source.kind) Object.assign(ward, { pair: undefined, made: undefined, watch: undefined })
      ward.entry = entry
      ward.usage = uses.get(name) ?? UNUSED
      this.#wards.set(name, ward)
      await this.#read(ward)
      this.#care.told(name)
    }
    for (const ward of this.#wards.values()) this.#judge(ward)
  }

  async #forget(name: string): Promise<void> {
    const ward = this.#wards.get(name)
    this.#wards.delete(name)
    await ward?.state.settled()
    this.#care.told(name)
  }

  /** Begins to look after everything; the first time at once. */
  async start(): Promise<void> {
    for (const ward of this.#wards.values()) await this.#read(ward)
    for (const ward of this.#wards.values()) this.#judge(ward)
    await this.look()
    this.#endTimer = this.#deps.every(LOOK_MS, () => void this.look())
  }

  /** Orders under way are cut off, and begin again with the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#endTimer?.()
    await this.#orders.stop()
    await this.#looking
    for (const ward of this.#wards.values()) await ward.state.settled()
    await this.#shelf.lock.release()
  }

  // ---- CertificateDesk

  views(): readonly CertificateView[] {
    const other = this.#shelf.lock.held ? undefined : this.#shelf.holder
    const now = this.#deps.clock.wall()
    return [...this.#wards.values()].map((ward) => {
      const ordering = this.#orders.runs(ward.name) ? 'runs' : this.#orders.has(ward.name) ? 'waits' : 'no'
      return viewOf(ward, { now, ordering, other })
    })
  }

  async renew(name: string): Promise<void> {
    const ward = this.#ward(name)
    assertSource(ward, 'acme', 'development')
    this.#shelf.assertOurs()
    if (ward.entry.source.kind === 'development') {
      await ward.inOrder(() => this.#remake(ward))
      return
    }
    if (!this.#orders.want(name)) throw new CertificateError('SBC_CERTIFICATE_BUSY', `Certificate ${name} is being ordered already`)
    this.#care.told(name)
  }

  upload(name: string, files: UploadedFiles): Promise<void> {
    return this.#with(name, (ward) => upload(this.#care, ward, files, this.#shown))
  }

  request(name: string, wishes: RequestWishes): Promise<string> {
    return this.#with(name, (ward) => request(this.#care, ward, wishes))
  }

  async pending(name: string): Promise<string> {
    return (await awaited(this.#care, this.#ward(name))).csr
  }

  answer(name: string, chain: string): Promise<void> {
    return this.#with(name, (ward) => answer(this.#care, ward, chain, this.#shown))
  }

  restore(name: string, id: string): Promise<void> {
    return this.#with(name, (ward) => restore(this.#care, ward, id, this.#shown))
  }

  async revoke(name: string, reason: number): Promise<void> {
    await this.#with(name, (ward) => revoke(this.#care, ward, reason))
    this.#orders.want(name)
  }

  async chain(name: string): Promise<string> {
    const { shown } = this.#ward(name)
    if (shown === undefined) throw new CertificateError('SBC_CERTIFICATE_UNKNOWN', `Certificate ${name} is not there yet`)
    return shown.chain
  }

  async developmentRoot(): Promise<string> {
    return (await this.#shelf.authority()).root
  }

  // ---- for the parts of the program that are no listeners

  /** What new handshakes get of a configured certificate. @throws CertificateError when there is none of that name */
  async current(name: string): Promise<CertificateMaterial> {
    return this.material(this.#ward(name).entry, 'kept')
  }

  /** A certificate of the development CA that is in no configuration. @throws CertificateError */
  async development(name: string, hosts: readonly string[]): Promise<CertificateMaterial> {
    return (await this.#shelf.develop(name, hosts, 'ecdsa')).material
  }

  /** Days left of each certificate, for metrics; 0 where a development certificate stands in. */
  daysLeft(): readonly { readonly name: string; readonly days: number }[] {
    const now = this.#deps.clock.wall()
    return [...this.#wards.values()].flatMap((ward) => {
      const { name, entry, pair, made } = ward
      if (entry.source.kind === 'development') return made === undefined ? [] : [{ name, days: daysLeft(made.validTo, now) }]
      return [{ name, days: pair === undefined ? 0 : daysLeft(pair.validTo, now) }]
    })
  }

  // ---- looking after

  /** Looks at everything once; a look that is under way is waited for. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookOnce(): Promise<void> {
    if (await this.#shelf.takeLock()) await this.#takeOver()
    let fresh = this.#behind
    for (const ward of [...this.#wards.values()]) {
      if (this.#stopping.signal.aborted) return
      try {
        fresh = (await this.#lookAt(ward)) || fresh
      } catch (err) {
        this.#deps.log.error({ err, certificate: ward.name }, 'A certificate could not be looked after')
      }
    }
    if (fresh) await this.#refresh()
  }

  /** The process that had the lock has written on; we only knew what there was at our start. */
  async #takeOver(): Promise<void> {
    const { store } = this.#shelf
    for (const ward of this.#wards.values()) {
      ward.state = await StateFile.open(store, ward.name, this.#deps.log)
      await ward.inOrder(() => this.#read(ward))
    }
    if (this.#wards.size > 0) this.#deps.log.info({}, 'This process takes care of the certificates now')
  }

  /** @returns true when new handshakes are to get another certificate */
  async #lookAt(ward: Ward): Promise<boolean> {
    const now = this.#deps.clock.wall()
    const fresh = await this.#takeChanges(ward, now)
    if (fresh || now - ward.judgedAt >= JUDGE_MS || now < ward.judgedAt) this.#judge(ward)
    if (this.#shelf.lock.held) {
      warn(this.#care, ward, now)
      this.#upkeep(ward, now)
    }
    return fresh
  }

  /** Files that somebody else has written, and development certificates that come to their end. */
  async #takeChanges(ward: Ward, now: number): Promise<boolean> {
    const { name, entry, made, watch } = ward
    if (made !== undefined && ward.pair === undefined && now >= remakeAt(made.validFrom, made.validTo)) {
      await this.#make(entry, true)
      await this.#read(ward)
      return true
    }
    if (watch === undefined || !(await watch.changed())) return false
    if (entry.source.kind !== 'files') {
      const before = ward.pair?.facts.sha256
      await ward.inOrder(() => this.#read(ward))
      if (ward.pair?.facts.sha256 === before) return false
      this.#deps.log.info({ certificate: name }, 'The stored certificate was changed by somebody else; it is in force')
      return true
    }
    const stamp = await watch.stamp()
    try {
      this.#loaded.set(entry, await this.#shelf.readFiles(entry, watch))
      await this.#read(ward)
      this.#deps.log.info(
        { certificate: name, validTo: ward.pair?.facts.validTo },
        'The files of a certificate have changed; it is in force',
      )
      return true
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      watch.refused(stamp)
      ward.damage = {
        severity: 'warning',
        text: `The files have changed but cannot be used, and the certificate of before goes on: ${error.message}`,
        remedy: 'Put both files in order; they are looked at again when they change',
      }
      this.#deps.log.warn({ certificate: name }, ward.damage.text)
      this.#care.told(name)
      return false
    }
  }

  /** What the disk has, or what was read or made for the configuration that runs. */
  async #read(ward: Ward): Promise<void> {
    const { name, entry } = ward
    const loaded = this.#loaded.get(entry)
    if (entry.source.kind === 'files') {
      const { chain, key } = entry.source
      if (ward.watch?.chain !== chain || ward.watch.key !== key) ward.watch = new PairWatch(chain, key)
      ward.pair = loaded?.pair
      ward.damage = undefined
      if (loaded !== undefined && 'stamp' in loaded) ward.watch.used(loaded.stamp)
      return
    }
    ward.made = loaded?.pair
    if (entry.source.kind === 'development') return
    ward.watch ??= this.#shelf.watchOf(name)
    const stamp = await ward.watch.stamp()
    const stored = await this.#shelf.readStored(name)
    // What is damaged on disk is whole in memory, if it was used before
    if (stored === undefined) ward.pair = undefined
    else if ('chain' in stored) ward.pair = stored
    ward.damage =
      stored !== undefined && 'severity' in stored ? { ...stored, text: `What is stored cannot be used: ${stored.text}` } : undefined
    ward.watch.used(stamp)
    ward.versions = await listVersions(this.#shelf.store, name, ward.pair?.chain)
    this.#judge(ward)
  }

  readonly #shown = (name: string): readonly string[] => this.#wards.get(name)?.pair?.facts.hosts ?? []

  #judge(ward: Ward): void {
    judge(ward, this.#deps.clock.wall(), this.#shown)
  }

  #tell(alarm: CertificateAlarm): void {
    const { text, certificate, kind, remedy, severity } = alarm
    // Those of orders are in the log already, with their cause
    if (kind === 'expired' || kind === 'expiring')
      this.#deps.log[severity === 'error' ? 'error' : 'warn']({ certificate, alarm: kind, remedy }, text)
    else if (kind === 'recovered') this.#deps.log.info({ certificate, alarm: kind }, text)
    this.#deps.alarm?.(alarm)
  }

  #upkeep(ward: Ward, now: number): void {
    if (ward.entry.source.kind !== 'acme') return
    askWindow(this.#care, ward, ward.entry.source.settings, now)
    const plan = planOf(factsOf(ward, now))
    if (plan !== undefined && plan.at <= now) this.#orders.want(ward.name)
  }

  async #remake(ward: Ward): Promise<void> {
    await this.#make(ward.entry, true)
    await this.#read(ward)
    this.#care.told(ward.name)
    await this.#refresh()
  }

  async #refresh(): Promise<void> {
    try {
      await this.#deps.refresh()
      this.#behind = false
    } catch (err) {
      this.#behind = true
      this.#deps.log.error({ err }, 'The listeners do not take the certificates as they are; it is tried again')
    }
    for (const name of this.#wards.keys()) this.#care.told(name)
  }

  #ward(name: string): Ward {
    const ward = this.#wards.get(name)
    if (ward !== undefined) return ward
    const known = [...this.#wards.keys()].join(', ')
    throw new CertificateError(
      'SBC_CERTIFICATE_UNKNOWN',
      `There is no certificate ${JSON.stringify(name.slice(0, 100))}; there is ${known || 'none at all'}`,
    )
  }

  async #with<R>(name: string, run: (ward: Ward) => Promise<R>): Promise<R> {
    return run(this.#ward(name))
  }
}

/** What stands in the folder of certificates beside them. */
const RESERVED = [DEVELOPMENT_CA, 'lock']

const assertName = ({ name, source }: CertificateEntry): void => {
  if (source.kind === 'files' || !RESERVED.includes(name)) return
  throw new CertificateError(
    'SBC_CERTIFICATE_NAMES',
    `A certificate cannot be called ${name}, which has a meaning in the data folder; give it another name`,
  )
}
