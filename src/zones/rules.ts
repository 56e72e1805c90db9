/** Which number of a request a rule changes: the Request-URI's user, or those of From, To, P-Asserted-Identity. */
export type NumberField = 'request-uri' | 'from' | 'to' | 'p-asserted-identity'

/** Applied in order; each sees what the one before left. A rule whose condition does not match changes nothing. */
export type NumberRule =
  | { readonly kind: 'strip'; readonly fields: readonly NumberField[]; readonly digits: number; readonly when?: RegExp }
  | { readonly kind: 'prefix'; readonly fields: readonly NumberField[]; readonly text: string; readonly when?: RegExp }
  /** To `+` and country code: `00` and the country's trunk prefix are replaced. Short codes (up to `shortest - 1` digits) stay. */
  | {
      readonly kind: 'e164'
      readonly fields: readonly NumberField[]
      readonly country: string
      readonly trunkPrefix: string
      readonly shortest: number
    }
  | { readonly kind: 'regex'; readonly fields: readonly NumberField[]; readonly match: RegExp; readonly replace: string }

/** `name` is a header's canonical lower-case name. */
export type HeaderRule =
  /** Adds a line, also when there is one. */
  | { readonly kind: 'add'; readonly name: string; readonly display: string; readonly value: string }
  /** Removes all lines of that name, then adds one. */
  | { readonly kind: 'set'; readonly name: string; readonly display: string; readonly value: string }
  | { readonly kind: 'remove'; readonly name: string }
  /** Removes every line whose name is not in the list and not needed by SIP itself (`PROTECTED`). */
  | { readonly kind: 'keep'; readonly names: readonly string[] }
