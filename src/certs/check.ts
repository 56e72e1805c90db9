import type { X509Certificate } from 'node:crypto'
import { CertificateError } from '../base/errors.ts'
import type { CertificateMaterial } from '../transport/types.ts'
import { hostsOf, issuerOf } from './intake/facts.ts'
import type { CertificateUse } from './intake/finding.ts'
import { judgeCertificate } from './intake/judge.ts'
import { certificatesIn } from './intake/pem.ts'

export { shortAddress } from './intake/names.ts'

/** A certificate that has passed every check, with what an overview of certificates shows of it. */
export interface CheckedCertificate extends CertificateMaterial {
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  /** As the certificate names its issuer, on one line. */
  readonly issuer: string
}

/**
 * The gate: looks at a PEM chain and its key before they are used, and refuses them when judgeCertificate finds an error. Without a
 * `use`, what depends on who uses it is not looked at. `now`: milliseconds since 1970.
 * @throws CertificateError with the code and the remedy of the first error, and all of them in words
 */
export const checkCertificate = (
  name: string,
  chain: string,
  key: string,
  now: number,
  use: CertificateUse | readonly CertificateUse[] = { hosts: [] },
): CheckedCertificate => {
  const [first, ...others] = judgeCertificate({ chain, key, now, use }).filter(({ severity }) => severity === 'error')
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `. Besides: ${others.map(({ text }) => text).join('; ')}`
    throw new CertificateError(first.code, `Certificate ${name}: ${first.text}. ${first.remedy}${more}`)
  }
  const certificates = certificatesIn([chain])
  const leaf = certificates[0] as X509Certificate
  return {
    name,
    chain: certificates.map((one) => one.toString()).join(''),
    key,
    hosts: hostsOf(leaf),
    validFrom: leaf.validFromDate.getTime(),
    validTo: leaf.validToDate.getTime(),
    issuer: issuerOf(leaf),
  }
}
