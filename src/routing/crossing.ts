import type { Uri } from '../sip/uri.ts'
import type { HeaderRule, NumberRule } from '../zones/rules.ts'
import type { ContactToward } from './alterations/contact.ts'
import type { Side } from './route-state.ts'

/** One request on its way from one listener to another: all that the alterations need, decided before the first of them runs. */
export interface Crossing {
  readonly ingress: Side
  readonly egress: Side
  /** Names to advertise instead of the listeners' own (A1: per transaction). */
  readonly advertiseIngress: string | undefined
  readonly advertiseEgress: string | undefined
  /** §16.6 item 4: on requests that create a dialog, never inside one (T7). */
  readonly recordRoute: boolean
  /** RFC 3327: a REGISTER from a side that is reached by flow. */
  readonly path: boolean
  /** The `ew` of Record-Route or Path; empty when neither is written. */
  readonly cookie: string
  /** What a Contact becomes, of a REGISTER toward a registrar that knows no Path, else toward a zone that sees ours; undefined: all stay. */
  readonly contact: ContactToward | undefined
  /** A REGISTER asks for so many seconds at least; undefined: as it says. */
  readonly renewSeconds: number | undefined
  /** The new Request-URI; `undefined` keeps what is there. */
  readonly target: Uri | undefined
  /** RFC 3327 §5.4: set when `target` is a registered contact: the Path that it registered with, topmost first. */
  readonly contactPath: readonly string[] | undefined
  /** Inside a dialog the Request-URI is the peer's own Contact: only a transport that contradicts the leg is touched. */
  readonly inDialog: boolean
  /** RFC 5393 §5: its share of Max-Breadth, where it is one of several branches. */
  readonly breadth?: number | undefined
  /** A call for help. */
  readonly emergency?: boolean
  readonly branch: string
  /** The decision's own rules, between those of the two zones. */
  readonly numbers: readonly NumberRule[]
  readonly headers: readonly HeaderRule[]
}
