import { createSecureContext } from 'node:tls'
import { CertificateError } from '../base/errors.ts'
import type { CertificateMaterial } from '../transport/types.ts'
import { type ChainDescription, describeCertificate } from './intake/describe.ts'
import type { CertificateUse, Finding } from './intake/finding.ts'
import { judgeCertificate } from './intake/judge.ts'
import type { StoredCertificate } from './store.ts'

/** A pair that could be read, with what is shown of it. */
export interface Pair extends StoredCertificate {
  readonly material: CertificateMaterial
  readonly facts: ChainDescription
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
}

/** @throws CertificateError SBC_CERTIFICATE_CHAIN when there is no certificate that can be read */
export const pairOf = (name: string, { chain, key }: StoredCertificate): Pair => {
  const facts = describeCertificate(chain)
  return {
    chain,
    key,
    material: { name, chain, key, hosts: facts.hosts },
    facts,
    validFrom: Date.parse(facts.validFrom),
    validTo: Date.parse(facts.validTo),
  }
}

/** One sentence of what is wrong, with the remedies. */
export const refusalOf = (name: string, errors: readonly Finding[]): CertificateError => {
  const sentences = errors.map(({ text, remedy }) => `${text}. ${remedy}`).join('. ')
  return new CertificateError(errors[0]!.code, `Certificate ${name}: ${sentences}`)
}

/**
 * The gate before a certificate is put in force: what a person brings, and what a CA sends.
 * @param now milliseconds since 1970
 * @returns warnings
 * @throws CertificateError with everything that is wrong, in words
 */
export const admitPair = (
  name: string,
  { chain, key }: StoredCertificate,
  use: readonly CertificateUse[],
  now: number,
): readonly Finding[] => {
  const findings = judgeCertificate({ chain, key, now, use })
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw refusalOf(name, errors)
  try {
    // OpenSSL has the last word, before a handshake needs it
    createSecureContext({ cert: chain, key })
  } catch (cause) {
    throw new CertificateError('SBC_CERTIFICATE_USE', `Certificate ${name} is refused by OpenSSL: ${(cause as Error).message}`, cause)
  }
  return findings
}

/** A stored pair that TLS can be done with, also when its time is over; undefined when it is damaged. */
export const usablePair = (name: string, stored: StoredCertificate, now: number): Pair | Finding => {
  const errors = judgeCertificate({ ...stored, now, use: { hosts: [] } }).filter(({ severity }) => severity === 'error')
  const damage = errors.find(({ code }) => code === 'SBC_CERTIFICATE_CHAIN' || code === 'SBC_CERTIFICATE_KEY')
  return damage ?? pairOf(name, stored)
}
