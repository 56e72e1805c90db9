/** What becomes of the registrations of a zone's clients, and of clients that vanish. Data: the registrar and the engine act on it. */

export interface RegistrationPolicy {
  /** `here`: the embedded registrar keeps them. `pass`: the registrar that the routes lead to. `refuse`: 403. */
  readonly mode: 'here' | 'pass' | 'refuse'
  /**
   * With `pass`: clients refresh every so many seconds, which keeps their way open, and the registrar hears of it only every `renewSeconds`;
   * in between the edge answers. undefined: each refresh is passed on.
   */
  readonly refresh: { readonly clientSeconds: number; readonly renewSeconds: number } | undefined
}

/**
 * How a registrar behind us finds the way back to a client. `path`: by RFC 3327. `contact`: it knows no Path, so the Contact becomes one of
 * ours, from which the client's own can be read again. `auto`: by Path, until its answer shows that it took no notice of it.
 */
export const REGISTRAR_WAYS = ['auto', 'path', 'contact'] as const
export type RegistrarWay = (typeof REGISTRAR_WAYS)[number]

/** What follows when the connection of a client is gone (N5); the times are for it to come back. */
export interface LostPolicy {
  /** Then its bindings end. */
  readonly registrationMs: number
  /** Then the other side of its calls gets a BYE. */
  readonly callsMs: number
  /** Also toward the registrar behind us. */
  readonly tellRegistrar: boolean
}
