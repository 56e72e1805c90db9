import type { Listener } from './listener.ts'

/**
 * What was wrong with a certificate that we judged ourselves (`src/peers/`), in a word for counters.
 *
 * `incomplete-chain`: the issuer is not among what was sent; `unknown-root`: the chain ends elsewhere; `signature`: a link is not signed by
 * its issuer, or does not fit it; `purpose`: it is not for this (key usage, extended key usage); `weak`: key or signature;
 * `critical-extension`: a condition that we do not know.
 */
export const PEER_FAULTS = [
  'no-certificate',
  'unreadable',
  'self-signed',
  'unknown-root',
  'incomplete-chain',
  'signature',
  'expired',
  'not-yet-valid',
  'not-a-ca',
  'ca-as-leaf',
  'path-length',
  'name-constraints',
  'critical-extension',
  'purpose',
  'weak',
  'wrong-name',
] as const
export type PeerFault = (typeof PEER_FAULTS)[number]

/** Who a TLS peer showed itself to be; names count only when `verified`. */
export interface PeerIdentity {
  readonly verified: boolean
  /** Why the chain was not accepted: in our words where we judge it, else in OpenSSL's; empty when verified. */
  readonly error: string
  /** DNS names of the certificate's SAN, lower case; where OpenSSL judges, also hosts of its `sip:` URIs, and without a SAN its CN. */
  readonly names: readonly string[]
  /** Where we judge; undefined when verified. */
  readonly reason?: PeerFault | undefined
  /** Where we judge: how the connection is protected, and by which certificate. */
  readonly session?: TlsSession
}

export interface TlsSession {
  /** `TLSv1.3`. */
  readonly version: string
  readonly cipher: string
  /** SHA-256 of the peer's certificate, hexadecimal with colons; empty: it showed none. */
  readonly fingerprint: string
  /** Until when that is valid, milliseconds since 1970; 0: it showed none. */
  readonly validTo: number
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
  /** Of a connection: clock milliseconds since when it carries messages; undefined: it does not yet. */
  readonly openedAt?: number | undefined
  /** The name that we called; undefined: the remote called us. */
  readonly host?: string
  /** Writes one whole message. A stream that is still connecting keeps it; what fails is told by `closed`. */
  send(bytes: Buffer): void
  close(reason: string): void
}
