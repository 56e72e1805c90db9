import type { HeaderRule, NumberRule } from '../zones/rules.ts'

/** One entry of `routes`, in file order: the first whose conditions all hold decides. */
export interface Route {
  /** `routes[3]`, or the operator's name: the `rule` in log, metrics and ladder. */
  readonly name: string
  /** Source zones; empty: any. */
  readonly from: readonly string[]
  /** Empty: any. Upper case. */
  readonly methods: readonly string[]
  /** Host of the Request-URI, lower case; `undefined`: any. */
  readonly host: RegExp | undefined
  /** User part of the Request-URI after unescaping. */
  readonly user: RegExp | undefined
  /** The number of a sip URI's user or of a tel URI, visual separators removed; made from patterns like `+4420794601xx`. */
  readonly number: RegExp | undefined
  readonly headers: readonly { readonly name: string; readonly match: RegExp }[]
  /** The advertised name under which the request came: the Request-URI's host is this tenant. */
  readonly tenant: string | undefined
  readonly action: RouteAction
  readonly numbers: readonly NumberRule[]
  readonly headerRules: readonly HeaderRule[]
}

export type RouteAction =
  /** To the zone's targets, or, when it has none, to the Request-URI through this zone's listeners; further zones are tried in order when all targets of the one before failed. */
  | {
      readonly kind: 'zone'
      readonly zones: readonly string[]
      /** undefined: targets one after the other, registered contacts by their q. */
      readonly fork: 'serial' | 'parallel' | undefined
      readonly requestUri: 'target' | 'keep' | undefined
      readonly advertise: string | undefined
    }
  | { readonly kind: 'respond'; readonly status: number; readonly reason: string }
  | { readonly kind: 'drop' }
