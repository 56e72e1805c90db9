import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { KEY_TYPES } from '../base/certificate-kinds.ts'
import type { Log } from '../observability/log.ts'
import type { CertificateStore } from './store.ts'
import { readIfThere, writeWhole } from './store.ts'
import type { OrderStep } from './types.ts'

const text = Type.String()
const time = Type.Number()
const optional = Type.Optional

const Step = Type.Object({ at: text, text, host: optional(text), time })

/** `state.json` beside a certificate. Times are milliseconds since 1970. Losing it loses no certificate. */
const State = Type.Object({
  format: Type.Literal(1),
  /** What the certificate in force was ordered as; without: it came another way. */
  ordered: optional(Type.Object({ directory: text, hosts: Type.Array(text), keyType: Type.Enum([...KEY_TYPES]) })),
  /** Orders in a row that came to nothing. */
  failures: Type.Integer({ minimum: 0 }),
  /** The last of them. `retryAt`: not before. */
  failure: optional(Type.Object({ time, code: text, text, retryAt: time })),
  /** When the CA wants a certificate to be renewed (RFC 9773); `of`: that certificate's fingerprint. */
  window: optional(
    Type.Object({ of: text, askAgain: time, span: optional(Type.Object({ start: time, end: time, explanation: optional(text) })) }),
  ),
  /** The last order. One that runs in a file that is read at a start was interrupted. */
  order: optional(Type.Object({ running: Type.Boolean(), steps: Type.Array(Step) })),
  /** Somebody put an earlier version in force: it is not renewed before. */
  heldUntil: optional(time),
  /** Serial number of the certificate in force, when it was revoked. */
  revoked: optional(text),
  /** The last step to its end that people were told of (days; 0: it has ended), and of which fingerprint. */
  told: optional(Type.Object({ of: text, step: Type.Number() })),
  /** The last failure that people were told of. */
  toldFailure: optional(Type.Object({ time, code: text })),
  /** A request that was made here and waits for the CA's answer. */
  requested: optional(Type.Object({ time, hosts: Type.Array(text) })),
})
type Written = Static<typeof State>
/** What is remembered of one certificate over restarts. */
export type CertificateState = Readonly<Omit<Written, 'order'>> & {
  readonly order?: { readonly running: boolean; readonly steps: readonly OrderStep[] } | undefined
}

const EMPTY: CertificateState = { format: 1, failures: 0 }

/** Properties that are undefined are taken out. */
export type StateChange = { readonly [K in keyof CertificateState]?: CertificateState[K] | undefined }

/** The state of one certificate: in memory at once, on disk soon after, the newest only. */
export class StateFile {
  readonly #path: string
  readonly #log: Log
  #value: CertificateState
  #writing: Promise<void> | undefined
  #written: CertificateState

  private constructor(path: string, value: CertificateState, log: Log) {
    this.#path = path
    this.#value = value
    this.#written = value
    this.#log = log
  }

  /** A file that cannot be understood is as good as none; the log has it. */
  static async open(store: CertificateStore, name: string, log: Log): Promise<StateFile> {
    const path = join(store.folderOf(name), 'state.json')
    let value = EMPTY
    try {
      const written = await readIfThere(path)
      const parsed: unknown = written === undefined ? EMPTY : JSON.parse(Buffer.from(written, 'latin1').toString('utf8'))
      if (Value.Check(State, parsed)) value = parsed as CertificateState
      else log.warn({ certificate: name, path }, 'The state of a certificate cannot be understood; it begins anew')
    } catch (err) {
      log.warn({ certificate: name, path, err }, 'The state of a certificate cannot be read; it begins anew')
    }
    return new StateFile(path, value, log)
  }

  get value(): CertificateState {
    return this.#value
  }

  change(change: StateChange): void {
    const merged = Object.entries({ ...this.#value, ...change }).filter(([, value]) => value !== undefined)
    this.#value = Object.fromEntries(merged) as unknown as CertificateState
    this.#writing ??= this.#write()
  }

  /** Everything is on disk, or the log says why not. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #write(): Promise<void> {
    // What follows in the same turn goes along
    await Promise.resolve()
    while (this.#written !== this.#value) {
      const next = this.#value
      try {
        await writeWhole(this.#path, Buffer.from(`${JSON.stringify(next, undefined, 2)}\n`, 'utf8').toString('latin1'))
      } catch (err) {
        this.#log.error({ err, path: this.#path }, 'The state of a certificate cannot be kept')
      }
      this.#written = next
    }
    this.#writing = undefined
  }
}
