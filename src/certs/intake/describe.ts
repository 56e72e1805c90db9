import type { X509Certificate } from 'node:crypto'
import { CertificateError } from '../../base/errors.ts'
import { hostsOf, issuerOf, keyFactsOf, subjectOf } from './facts.ts'
import { readChain } from './judge.ts'

/** One certificate as people are shown it. */
export interface CertificateDescription {
  /** On one line, as `issuer`. */
  readonly subject: string
  readonly issuer: string
  /** Hexadecimal, as the CA writes it. */
  readonly serial: string
  /** `RSA 2048`, `ECDSA P-256`. */
  readonly keyType: string
  /** Fingerprint, hexadecimal with colons. */
  readonly sha256: string
  /** ISO 8601. */
  readonly validFrom: string
  readonly validTo: string
}

export interface ChainDescription extends CertificateDescription {
  readonly hosts: readonly string[]
  /** The leaf first. */
  readonly chain: readonly CertificateDescription[]
}

/** What a view shows of a PEM chain, whether it is good or not. @throws CertificateError SBC_CERTIFICATE_CHAIN when it cannot be read */
export const describeCertificate = (pem: string): ChainDescription => {
  const chain = readChain(pem)
  if ('severity' in chain) throw new CertificateError(chain.code, `${chain.text}. ${chain.remedy}`)
  return { ...described(chain[0]!), hosts: hostsOf(chain[0]!), chain: chain.map(described) }
}

const described = (one: X509Certificate): CertificateDescription => ({
  subject: subjectOf(one),
  issuer: issuerOf(one),
  serial: one.serialNumber,
  keyType: keyFactsOf(one.publicKey).text,
  sha256: one.fingerprint256,
  validFrom: one.validFromDate.toISOString(),
  validTo: one.validToDate.toISOString(),
})
