/** The contract of certificates: who orders them, who signs, what is shown of them. Types, and the closed sets that they name. */

import type { ChallengeKind, KeyType } from '../base/certificate-kinds.ts'

export { CHALLENGES, type ChallengeKind, KEY_TYPES, type KeyType } from '../base/certificate-kinds.ts'

/** How a DNS zone is written to for dns-01. Values of settings that end in `-file` are absolute paths, in `-env` names of variables. */
export interface DnsSettings {
  readonly provider: string
  readonly settings: Readonly<Record<string, string>>
  /** Addresses that are asked whether a record is there; empty: the zone's own name servers. */
  readonly servers: readonly string[]
  /** Milliseconds for a record to become visible. */
  readonly propagationMs: number
}

export interface AcmeSettings {
  readonly email: string
  /** URL of the directory (RFC 8555 §7.1.1). */
  readonly directory: string
  readonly challenge: ChallengeKind
  /** Port of our HTTP-01 responder. */
  readonly httpPort: number
  /** External account binding (RFC 8555 §7.3.4). */
  readonly eab: { readonly kid: string; readonly keyFile: string } | undefined
  readonly profile: string | undefined
  /** PEM file with the roots of a private CA's own server. */
  readonly trustFile: string | undefined
  /** undefined: as the CA says (RFC 9773), else at two thirds of the life. */
  readonly renewBeforeMs: number | undefined
  readonly dns: DnsSettings | undefined
}

/** One step of an order, as a person wants to follow it. */
export interface OrderStep {
  readonly at:
    | 'start'
    | 'account'
    | 'order'
    | 'challenge'
    | 'propagation'
    | 'validation'
    | 'finalize'
    | 'download'
    | 'check'
    | 'done'
    | 'failed'
  readonly text: string
  readonly host?: string
  /** Milliseconds since 1970. */
  readonly time: number
}

export interface CertificateRequest {
  readonly name: string
  /** DNS names; wildcards allowed. */
  readonly hosts: readonly string[]
  readonly keyType: KeyType
  /** The chain that the new certificate takes the place of, PEM: a CA with RFC 9773 is told of it. */
  readonly replaces?: string
}

/** When the CA wants a certificate to be renewed (RFC 9773 §4.2), milliseconds since 1970. */
export interface RenewalWindow {
  readonly start: number
  readonly end: number
  /** A page that explains why. */
  readonly explanation?: string
  readonly retryAfterMs: number
}

/** Somebody who signs. */
export interface Issuer {
  /**
   * @param csr PEM
   * @returns the chain, PEM, leaf first
   * @throws CertificateError with the CA's own reason in the sentence
   */
  issue(request: CertificateRequest, csr: string, progress: (step: OrderStep) => void, signal: AbortSignal): Promise<string>
  /** @returns undefined when the CA has no renewal information */
  renewal?(chain: string, signal: AbortSignal): Promise<RenewalWindow | undefined>
  /** @param reason CRLReason (RFC 5280 §5.3.1) */
  revoke?(chain: string, key: string, reason: number, signal: AbortSignal): Promise<void>
}

/** Answers challenges on our own sockets. Each returns what takes the answer away again. */
export interface ChallengeSockets {
  /** HTTP-01: `content` at /.well-known/acme-challenge/TOKEN on that port. @throws CertificateError when the port cannot be had */
  http(port: number, token: string, content: string): Promise<() => Promise<void>>
  /** TLS-ALPN-01 (RFC 8737): handshakes with ALPN acme-tls/1 and this SNI get this certificate, on every TLS listener. PEM. */
  alpn(host: string, certificate: { readonly chain: string; readonly key: string }): Promise<() => Promise<void>>
}

export interface CertificateProblem {
  readonly severity: 'warning' | 'error'
  readonly text: string
  readonly remedy: string
}

export interface CertificateVersion {
  readonly id: string
  readonly serial: string
  /** ISO 8601, as all times of views. */
  readonly validTo: string
  readonly replacedAt: string
}

/** What people are shown of one certificate: which names, until when, what happens next. */
export interface CertificateView {
  readonly name: string
  readonly source: 'files' | 'development' | 'acme' | 'stored'
  readonly hosts: readonly string[]
  readonly issuer?: string
  readonly serial?: string
  readonly keyType?: string
  /** Fingerprint, hexadecimal with colons. */
  readonly sha256?: string
  readonly validFrom?: string
  readonly validTo?: string
  readonly daysLeft?: number
  /** Names of listeners. */
  readonly usedBy: readonly string[]
  readonly next: {
    readonly what: 'renew' | 'replace' | 'retry' | 'ordering' | 'answer' | 'nothing'
    readonly at?: string
    /** A sentence. */
    readonly text: string
  }
  readonly problems: readonly CertificateProblem[]
  readonly order?: { readonly running: boolean; readonly steps: readonly OrderStep[] }
  /** Newest first. */
  readonly history: readonly CertificateVersion[]
}

/** What somebody brings: texts are PEM. */
export interface UploadedFiles {
  readonly chain?: string
  readonly key?: string
  readonly pkcs12?: Buffer
  /** Of the key, or of the PKCS#12 file. */
  readonly password?: string
}

/** Everything that may be done with certificates. Rejects with CertificateError, in words for people. */
export interface CertificateDesk {
  views(): readonly CertificateView[]
  /** Starts an order in the background; the view shows its steps. */
  renew(name: string): Promise<void>
  upload(name: string, files: UploadedFiles): Promise<void>
  /** Makes a key here. @returns the request to give to a CA (PKCS#10, PEM) */
  request(name: string, wishes: Omit<CertificateRequest, 'name'> & { readonly subject?: Readonly<Record<string, string>> }): Promise<string>
  /** The request that waits for an answer, PEM. */
  pending(name: string): Promise<string>
  /** The CA's answer to the request, PEM. */
  answer(name: string, chain: string): Promise<void>
  /** Puts an earlier version in force again. */
  restore(name: string, id: string): Promise<void>
  revoke(name: string, reason: number): Promise<void>
  /** The public part, PEM: keys go in and never out. */
  chain(name: string): Promise<string>
  /** The development CA's own certificate, PEM. */
  developmentRoot(): Promise<string>
}
