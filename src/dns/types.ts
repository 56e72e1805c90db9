import type { Destination } from '../address/destination.ts'
import type { TransportName } from '../address/transports.ts'

/** What RFC 3263 §4 starts from: a SIP or SIPS URI already taken apart. */
export interface NextHop {
  /** A host name or IP literal, no brackets. */
  readonly host: string
  readonly port?: number
  /** From `;transport=`, when there is one. `ws` is WSS when `secure`, or when `supported` has only WSS (RFC 7118 §5.2.4). */
  readonly transport?: TransportName
  /** The URI's scheme is `sips`: only TLS or WSS will do. */
  readonly secure: boolean
}

export interface Resolver {
  /**
   * RFC 3263 §4: the destinations of one next hop in the order to try them, dead ones last.
   * Answers at once (no promise) for a literal address or a cached name.
   * @param supported the transports that the egress zone has listeners for, in the order of preference
   * @throws ResolveError (rejected, or thrown when it is known at once)
   */
  resolve(
    nextHop: NextHop,
    supported: readonly TransportName[],
    families: readonly (4 | 6)[],
  ): readonly Destination[] | Promise<readonly Destination[]>
  /** Those first that did not fail of late, for lists that are put together from several. */
  livingFirst(destinations: readonly Destination[]): readonly Destination[]
  /** Remembers that `destination` failed (transport error, timeout, 503): it goes to the end of the list for `seconds`. */
  failed(destination: Destination, seconds?: number): void
  /** Forgets that it failed: it answered. */
  answered(destination: Destination): void
}
