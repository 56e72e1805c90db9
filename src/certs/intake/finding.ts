import type { KeyObject, X509Certificate } from 'node:crypto'
import type { CertificateProblem } from '../types.ts'
import { type KeyFacts, subjectOf } from './facts.ts'
import type { ChainEnd } from './links.ts'

/** What a certificate is to serve. */
export interface CertificateUse {
  /** Names and addresses that the listeners advertise. */
  readonly hosts: readonly string[]
  readonly needs?: CertificateNeeds
  /** PEM: roots that end a chain beside the public ones, such as the root of an own CA. */
  readonly anchors?: readonly string[]
}

/** What those who meet the certificate want of it. */
export interface CertificateNeeds {
  /** They see it as a client's, too. */
  readonly clientAuth?: boolean
  /** What their cipher suites can do with; without it: everything. */
  readonly keyTypes?: readonly ('rsa' | 'ecdsa')[]
  /** PEM: the only roots that they trust. */
  readonly roots?: readonly string[]
  /** Who wants it, as a sentence begins: `Zone carrier`. */
  readonly label?: string
}

/** One thing that is wrong. An error means that the certificate must not be put in force. */
export interface Finding extends CertificateProblem {
  /** Of the CertificateError that an error becomes. */
  readonly code: FindingCode
}

export type FindingCode =
  | 'SBC_CERTIFICATE_CHAIN'
  | 'SBC_CERTIFICATE_DATES'
  | 'SBC_CERTIFICATE_KEY'
  | 'SBC_CERTIFICATE_NAMES'
  | 'SBC_CERTIFICATE_USE'
  | 'SBC_CERTIFICATE_WEAK'

/** A pair that could be read, as the rules look at it. */
export interface Judged {
  readonly leaf: X509Certificate
  /** The leaf first. */
  readonly chain: readonly X509Certificate[]
  readonly key: KeyObject
  readonly keyFacts: KeyFacts
  readonly hosts: readonly string[]
  readonly end: ChainEnd
  /** Milliseconds since 1970. */
  readonly now: number
}

export const finding = (severity: Finding['severity'], code: FindingCode, text: string, remedy: string): Finding => ({
  ...{ severity, code, text, remedy },
})

/** As sentences name the leaf. */
export const nameOf = ({ leaf }: Judged): string => subjectOf(leaf)

const MOST_LISTED = 10

/** Names for a sentence, however many there are. */
export const listed = (names: readonly string[]): string =>
  names.length <= MOST_LISTED ? names.join(', ') : `${names.slice(0, MOST_LISTED).join(', ')} and ${names.length - MOST_LISTED} more`
