/** A fault in what a remote sent: returned, never thrown, so that each step can answer or drop it. */
export interface Problem {
  readonly kind: 'problem'
  /** The SIP status that answers it, when it can be answered. */
  readonly status: number
  /** Sentence case, no full stop, with the value that was wrong. */
  readonly reason: string
  /** The section that says so: `§16.3` for RFC 3261, else `RFC 5626 §5.2`. */
  readonly rfc: string
  /** Where in the message: a header's name, `start line`, `body`. */
  readonly at: string
  /** Header lines for the answer, such as `Unsupported: foo` for 420. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export const problem = (status: number, reason: string, rfc: string, at: string): Problem => ({ kind: 'problem', status, reason, rfc, at })

export const isProblem = (value: object): value is Problem => (value as { kind?: unknown }).kind === 'problem'
