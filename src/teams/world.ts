/** Everything of the world that the doctor touches, so that tests can hand in another one. */
import type { X509Certificate } from 'node:crypto'

/** What the DNS says of a name. */
export interface NameAnswer {
  readonly ipv4: readonly { readonly address: string; readonly ttl: number }[]
  readonly ipv6: readonly string[]
  /** Names that it is an alias of, the nearest first; lower case. */
  readonly aliases: readonly string[]
  /** Who says so, for people: `the name servers of example.com`, `the DNS of this machine`. */
  readonly from: string
}

/** A TLS handshake as a client. PEM. */
export interface TlsQuestion {
  readonly address: string
  readonly port: number
  /** Our own address; undefined: as the system chooses. */
  readonly localAddress: string | undefined
  readonly serverName: string
  /** What we show when we are asked; undefined: nothing. */
  readonly certificate: { readonly chain: string; readonly key: string } | undefined
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  /** undefined: the highest there is. */
  readonly maxVersion: 'TLSv1.2' | undefined
  /** OpenSSL's list; empty: the usual ones. */
  readonly ciphers: string
}

/** A handshake that succeeded. Whether the other side is who it should be has not been looked at. */
export interface TlsSession {
  /** `TLSv1.2`. */
  readonly version: string
  readonly cipher: string
  /** What it showed, its own first, in the order in which it was sent. */
  readonly chain: readonly X509Certificate[]
  /** It asked for our certificate; undefined: that cannot be seen (TLS 1.3 encrypts it). */
  readonly asked: boolean | undefined
  /** Of the TCP connection, and of the handshake after it. */
  readonly milliseconds: { readonly connect: number; readonly handshake: number }
  /** Sends a SIP message. @returns the bytes of the first whole one that comes back @throws ProbeError */
  exchange(message: Buffer, signal: AbortSignal): Promise<Buffer>
  close(): void
}

/** Something in the world did not work; the message goes on from "…: ". `code` is of the system or of OpenSSL, where there is one. */
export class ProbeError extends Error {
  readonly at: 'dns' | 'connect' | 'handshake' | 'exchange'
  readonly code: string

  constructor(at: ProbeError['at'], code: string, message: string) {
    super(message)
    this.name = 'ProbeError'
    this.at = at
    this.code = code
  }
}

/** All of them reject when the signal is aborted. */
export interface World {
  /** Milliseconds: steady, and since 1970. */
  readonly now: () => number
  readonly wall: () => number
  /** As the world sees it: from the name servers of its domain, or where these do not answer, from the system's. @throws ProbeError */
  readonly publicName: (name: string, signal: AbortSignal) => Promise<NameAnswer>
  /** As this machine sees it, its hosts file included. @throws ProbeError */
  readonly name: (name: string, signal: AbortSignal) => Promise<NameAnswer>
  /** @returns milliseconds @throws ProbeError */
  readonly tcp: (address: string, port: number, localAddress: string | undefined, signal: AbortSignal) => Promise<number>
  /** @throws ProbeError */
  readonly tls: (question: TlsQuestion, signal: AbortSignal) => Promise<TlsSession>
  /** How far our clock is ahead of that of a time server. @throws ProbeError */
  readonly clockAhead: (signal: AbortSignal) => Promise<{ readonly server: string; readonly milliseconds: number }>
}
