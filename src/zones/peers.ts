/** How the certificates of a zone's peers are judged, where we do it ourselves and do not leave it to the TLS library; as data. */

export const PEER_USAGES = ['server', 'both'] as const
/**
 * What a peer's certificate has to be good for (RFC 5280 §4.2.1.12), whoever of both opened the connection: a server's purpose is enough, or it
 * needs a client's, too. Public authorities issue none for clients any more since 2026.
 */
export type PeerUsage = (typeof PEER_USAGES)[number]

export interface PeerRules {
  /** `microsoft`: the roots that come with us; `system`: those of Node; a path: a file with PEM roots, absolute. */
  readonly roots: readonly string[]
  readonly usage: PeerUsage
}

/** Connections with a zone's peers. */
export interface ConnectionRules {
  /** A connection that a peer opened may carry requests of ours (RFC 5923). */
  readonly share: boolean
  /** One that we opened takes no new requests after so long, and ends when it has nothing left to do; undefined: it stays. */
  readonly renewMs: number | undefined
}
