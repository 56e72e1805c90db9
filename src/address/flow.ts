import type { Listener } from './listener.ts'

/** Who a TLS peer showed itself to be; names count only when `verified`. */
export interface PeerIdentity {
  readonly verified: boolean
  /** Why the chain was not accepted, in OpenSSL's words; empty when verified. */
  readonly error: string
  /** DNS names of the certificate's SAN, else its CN; lower case. */
  readonly names: readonly string[]
}

/**
 * One remote endpoint on one listener (RFC 5626 §2): an open connection, or an address pair for UDP.
 * What leaves through a flow also advertises its listener.
 */
export interface Flow {
  /** Unique in the life of the process and never reused; for UDP the remote's `address:port`. */
  readonly id: string
  readonly listener: Listener
  readonly remoteAddress: string
  readonly remotePort: number
  /** True when the remote opened it: requests of ours to that remote's listening address may not use it (no RFC 5923 alias). */
  readonly inbound: boolean
  /** False once closed; a UDP flow is always open. */
  readonly open: boolean
  /** The Origin header of a WebSocket handshake. */
  readonly origin?: string
  readonly peer?: PeerIdentity
  /** Of the last WebSocket ping that was answered, whole milliseconds; undefined: none was yet. */
  readonly roundTripMs?: number
  /** Writes one whole message. A stream that is still connecting keeps it; what fails is told by `closed`. */
  send(bytes: Buffer): void
  close(reason: string): void
}
