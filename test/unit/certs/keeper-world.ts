import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateAlarm } from '../../../src/certs/alarms.ts'
import { CertificateKeeper } from '../../../src/certs/keeper.ts'
import type { AcmeSettings, CertificateRequest, CertificateView, Issuer, RenewalWindow } from '../../../src/certs/types.ts'
import { type CertificateUsage, UNUSED } from '../../../src/certs/usage.ts'
import type { CertificateEntry } from '../../../src/config/snapshot.ts'
import { type LogFields, SILENT_LOG } from '../../../src/observability/log.ts'
import type { CertificateMaterial } from '../../../src/transport/types.ts'
import { makeCa } from './ca.ts'
import { DAY, makeStore } from './support.ts'

export const MINUTE = 60_000
export const HOUR = 3_600_000
export const START = Date.UTC(2026, 5, 1)

export const acmeSettings = (more: Partial<AcmeSettings> = {}): AcmeSettings => ({
  email: 'ops@example.com',
  directory: 'https://ca.test/directory',
  challenge: 'http-01',
  httpPort: 80,
  eab: undefined,
  profile: undefined,
  trustFile: undefined,
  renewBeforeMs: undefined,
  dns: undefined,
  ...more,
})

export const acmeEntry = (
  name: string,
  hosts: readonly string[] = ['sbc.example.com'],
  more: Partial<AcmeSettings> = {},
): CertificateEntry => ({
  name,
  source: { kind: 'acme', settings: acmeSettings(more), keyType: 'ecdsa256' },
  hosts,
})
export const storedEntry = (name: string): CertificateEntry => ({ name, source: { kind: 'stored' }, hosts: [] })

export const usage = (hosts: readonly string[] = ['sbc.example.com'], more: Partial<CertificateUsage> = {}): CertificateUsage => ({
  at: [{ listener: 'web/wss', hosts, others: [] }],
  needs: [],
  also: [],
  ...more,
})

/** A CA that does what the test tells it. */
export class FakeIssuer {
  readonly ca = makeCa()
  readonly orders: CertificateRequest[] = []
  readonly revoked: { readonly chain: string; readonly key: string; readonly reason: number }[] = []
  days = 90
  /** What an order fails with. */
  fault: Error | undefined
  /** Orders wait until this is resolved. */
  gate: Promise<void> | undefined
  window: RenewalWindow | Error | undefined
  asked = 0
  /** Orders under way, and most of them at once. */
  busy = 0
  most = 0
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  readonly issuer: Issuer = {
    issue: async (request, csr, progress, signal) => {
      this.orders.push(request)
      this.busy++
      this.most = Math.max(this.most, this.busy)
      try {
        progress({ at: 'order', text: 'The CA took the order', time: this.#now() })
        if (this.gate !== undefined) {
          signal.throwIfAborted()
          await Promise.race([
            this.gate,
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })),
          ])
        }
        if (this.fault !== undefined) throw this.fault
        const now = Math.floor(this.#now() / 1000) * 1000
        return this.ca.sign(csr, { hosts: request.hosts, from: now, to: now + this.days * DAY })
      } finally {
        this.busy--
      }
    },
    renewal: async () => {
      this.asked++
      if (this.window instanceof Error) throw this.window
      return this.window
    },
    revoke: async (chain, key, reason) => {
      this.revoked.push({ chain, key, reason })
    },
  }
}

/** A keeper on a disk of its own, with a clock that the test moves. */
export const makeWorld = async (options: { readonly folder?: string; readonly clock?: { time: number } } = {}) => {
  const disk = options.folder === undefined ? await makeStore() : undefined
  const folder = options.folder ?? disk!.folder
  const clock = options.clock ?? { time: START }
  const alarms: CertificateAlarm[] = []
  const logged: string[] = []
  const counted: string[] = []
  const fake = new FakeIssuer(() => clock.time)
  const write = (_fields: LogFields, text: string) => void logged.push(text)
  let entries: readonly CertificateEntry[] = []
  let started = false
  let waiting: { readonly wanted: () => boolean; readonly resolve: () => void }[] = []
  /** What the listeners show, by certificate. */
  const shown = new Map<string, CertificateMaterial>()
  const listeners = { refreshed: 0, fault: undefined as Error | undefined }
  const check = (): void => {
    for (const one of waiting.filter(({ wanted }) => wanted())) one.resolve()
    waiting = waiting.filter(({ wanted }) => !wanted())
  }
  const keeper: CertificateKeeper = new CertificateKeeper({
    folder,
    clock: { now: () => clock.time, wall: () => clock.time },
    log: { ...SILENT_LOG, info: write, warn: write, error: write },
    random: () => 0.5,
    every: () => () => {},
    issuer: () => fake.issuer,
    fetchIssuer: () => Promise.reject(new Error('not in this test')),
    refresh: async () => {
      listeners.refreshed++
      if (listeners.fault !== undefined) throw listeners.fault
      for (const entry of entries) shown.set(entry.name, await keeper.material(entry, 'kept'))
    },
    told: () => setImmediate(check),
    alarm: (alarm) => void alarms.push(alarm),
    counted: (name, result) => void counted.push(`${name} ${result}`),
  })
  await keeper.open()
  const world = {
    ...{ folder, clock, alarms, logged, counted, fake, keeper, shown, listeners },
    /** A start, or a reload, as the engine does it. */
    async load(next: readonly CertificateEntry[], nextUses: Readonly<Record<string, CertificateUsage>> = {}): Promise<void> {
      entries = next
      const uses = new Map(next.map(({ name }) => [name, nextUses[name] ?? usage()]))
      if (!started) await keeper.watch(entries, uses)
      for (const entry of entries) shown.set(entry.name, await keeper.material(entry))
      if (started) await keeper.watch(entries, uses)
      started = true
    },
    /** Time goes on, with a look at everything at its end. */
    async pass(ms: number): Promise<void> {
      clock.time += ms
      await keeper.look()
    },
    view: (name: string): CertificateView => keeper.views().find((one) => one.name === name)!,
    /** Resolves when it is so; looked at whenever something changes. */
    async until(wanted: () => boolean): Promise<void> {
      if (!wanted()) await new Promise<void>((resolve) => void waiting.push({ wanted, resolve }))
    },
    /** No order runs or waits. */
    idle: (): Promise<void> =>
      world.until(() => keeper.views().every(({ next, order }) => next.what !== 'ordering' && order?.running !== true)),
    state: async (name: string) =>
      JSON.parse(await readFile(join(folder, 'certificates', name, 'state.json'), 'utf8')) as Record<string, unknown>,
    async stop(): Promise<void> {
      await keeper.stop()
    },
    async remove(): Promise<void> {
      await keeper.stop()
      await disk?.remove()
    },
  }
  return world
}
export type World = Awaited<ReturnType<typeof makeWorld>>
export const unused = UNUSED
