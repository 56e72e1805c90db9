import { derOf, derOid, TAG } from '../../base/der.ts'
import { CertificateError } from '../../base/errors.ts'
import { comparable } from './names.ts'

interface SubjectField {
  readonly name: string
  readonly short: string
  readonly oid: string
  /** RFC 5280 Appendix A. */
  readonly longest: number
  readonly tag: number
}

/** What a subject may say, in the order in which it is written. */
export const SUBJECT_FIELDS = [
  { name: 'country', short: 'C', oid: '2.5.4.6', longest: 2, tag: TAG.PRINTABLE_STRING },
  { name: 'state', short: 'ST', oid: '2.5.4.8', longest: 128, tag: TAG.UTF8_STRING },
  { name: 'locality', short: 'L', oid: '2.5.4.7', longest: 128, tag: TAG.UTF8_STRING },
  { name: 'organization', short: 'O', oid: '2.5.4.10', longest: 64, tag: TAG.UTF8_STRING },
  { name: 'organizationalUnit', short: 'OU', oid: '2.5.4.11', longest: 64, tag: TAG.UTF8_STRING },
  { name: 'commonName', short: 'CN', oid: '2.5.4.3', longest: 64, tag: TAG.UTF8_STRING },
  { name: 'email', short: 'emailAddress', oid: '1.2.840.113549.1.9.1', longest: 255, tag: TAG.IA5_STRING },
] as const satisfies readonly SubjectField[]

/**
 * A Name (RFC 5280 §4.1.2.4), DER. Empty values are left out.
 * @throws CertificateError SBC_CERTIFICATE_REQUEST for a field or value that cannot be
 */
export const requestedSubject = (wishes: Readonly<Record<string, string>>, hosts: readonly string[]): Buffer => {
  const values = new Map<string, string>()
  for (const [word, text] of Object.entries(wishes)) {
    const field = SUBJECT_FIELDS.find(({ name, short }) => name === word || short === word)
    if (field === undefined) {
      const known = SUBJECT_FIELDS.map(({ name }) => name).join(', ')
      throw refusal(`A subject has no ${JSON.stringify(word.slice(0, 60))}; it may have ${known}`)
    }
    values.set(field.name, checked(field, text.trim(), hosts))
  }
  const parts = SUBJECT_FIELDS.flatMap(({ name, oid, tag }) => {
    const value = values.get(name)
    if (value === undefined || value === '') return []
    return derOf(TAG.SET, derOf(TAG.SEQUENCE, derOid(oid), derOf(tag, Buffer.from(value, 'utf8'))))
  })
  return derOf(TAG.SEQUENCE, ...parts)
}

const checked = ({ name, longest }: SubjectField, value: string, hosts: readonly string[]): string => {
  if (value === '') return value
  const shown = JSON.stringify(value.slice(0, 80))
  if (name === 'country') {
    if (!/^[A-Za-z]{2}$/.test(value)) throw refusal(`${shown} is no country; write its two letters, such as DE`)
    return value.toUpperCase()
  }
  if ([...value].length > longest) throw refusal(`${name} ${shown} is too long; ${longest} characters are allowed`)
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) throw refusal(`${name} ${shown} has characters that no name has`)
  if (name === 'email' && !/^[!-~]+@[!-~]+$/.test(value)) throw refusal(`${shown} is no e-mail address`)
  if (name !== 'commonName') return value
  const host = comparable(value)
  // Baseline Requirements §7.1.4.3: a CA refuses one that is not among the alternative names
  if (!hosts.includes(host)) throw refusal(`The common name ${shown} is not among the hosts; add it there, or leave it empty`)
  return host
}

const refusal = (sentence: string): CertificateError => new CertificateError('SBC_CERTIFICATE_REQUEST', sentence)
