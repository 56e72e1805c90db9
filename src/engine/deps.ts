/** What the engine is built from: everything that touches the world, handed in. */
import type { Proofs } from '../authentication/types.ts'
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import type { KeyedHash } from '../base/keyed-hash.ts'
import type { Sealing } from '../base/sealing.ts'
import type { LoadResult } from '../config/load.ts'
import type { MediaSettings, Snapshot } from '../config/snapshot.ts'
import type { Resolver } from '../dns/types.ts'
import type { Log, LogLevel } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Trace } from '../observability/trace.ts'
import type { BindingStore, Subscribers } from '../registrar/types.ts'
import type { MediaEvents, MediaNodes } from '../rtpengine/types.ts'
import type { TransportEvents, Transports } from '../transport/types.ts'
import type { CertificateSource } from './options.ts'

export interface EngineDeps {
  readonly version: string
  /** One character: the worker that owns what this engine hands out. */
  readonly owner: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics: Metrics
  readonly resolver: Resolver
  readonly keys: KeyedHash & Sealing & { rotate(): void }
  readonly transports: (events: TransportEvents) => Transports
  /** The rtpengines; undefined: media is off. */
  readonly media: ((settings: MediaSettings, events: MediaEvents, ours: (ngCallId: string) => boolean) => MediaPool) | undefined
  /** Where registrations outlive the process; undefined: nowhere. */
  readonly bindings?: BindingStore
  /** Who our users are; undefined: there are none. */
  readonly subscribers?: Subscribers
  /** What shows who somebody is, beside their passwords; undefined: nothing. */
  readonly proofs?: () => Proofs
  /** Keeps what crosses, for ladders; undefined: nothing is kept. */
  readonly trace?: Trace
  readonly certificates: CertificateSource
  /** A reload has come into force. */
  readonly applied?: (snapshot: Snapshot) => void
  /** Reads the configuration again, reusing the listeners of the one in use. @throws ConfigError when the file cannot be read */
  readonly reread: (previous: Snapshot) => LoadResult
  readonly logLevel: { get(): LogLevel; set(level: LogLevel): void }
  /** Runs something every so many milliseconds, until the function that it returns is called; tests run it as they move their clock. */
  readonly every: (ms: number, run: () => void) => () => void
}

/** The rtpengines of a configuration, and their life. */
export interface MediaPool extends MediaNodes {
  start(): void
  stop(): Promise<void>
  reconfigure(settings: MediaSettings): void
  /** The operator takes a node out for new calls, or back in. @returns false: there is none of that name */
  drain(name: string, drain: boolean): boolean
  /** Deletes that wait for their acknowledgement. */
  readonly deletes: number
}
