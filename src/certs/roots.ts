/** The roots that chains of peers may end at, by the words of the configuration. */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { CertificateError } from '../base/errors.ts'
import { certificatesIn } from './intake/pem.ts'

/** The seven of Direct Routing. They come with us, since Node's own list leaves out what browsers do not need any more: it lacks the first of them. */
const OURS = new URL('./microsoft-roots.pem', import.meta.url)

/**
 * PEM texts, with one certificate or more in each.
 * @param name `microsoft`: those that Direct Routing demands; `system`: those of Node; else a file, absolute
 * @throws CertificateError with a sentence, when the file cannot be read or has no certificate in it
 */
export const rootsNamed = (name: string): readonly string[] => {
  if (name === 'system') return rootCertificates
  if (name === 'microsoft') return [readFileSync(OURS, 'utf8')]
  const roots = certificatesIn([contentOf(name)])
  if (roots.length === 0)
    throw new CertificateError(
      'SBC_CERTIFICATE_CHAIN',
      `File of roots "${name}" has no certificate in it; put the roots of your peers there in PEM form, or write microsoft or system`,
    )
  // However they were written: those who read them next are stricter
  return roots.map(String)
}

const contentOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new CertificateError('SBC_CERTIFICATE_FILE', `File of roots "${file}" cannot be read: ${message}`, cause)
  }
}

export interface RootView {
  /** Its common name, else its whole subject. */
  readonly name: string
  /** Fingerprints, hexadecimal with colons. */
  readonly sha1: string
  readonly sha256: string
  /** Milliseconds since 1970. */
  readonly validTo: number
}

/** What is in a list of roots, for people who compare it with another one. */
export const describeRoots = (pems: readonly string[]): readonly RootView[] =>
  certificatesIn(pems).map(({ subject, fingerprint, fingerprint256, validToDate }) => ({
    name: /(?:^|\n)CN=([^\n]*)/.exec(subject)?.[1] ?? subject.replaceAll('\n', ', '),
    sha1: fingerprint,
    sha256: fingerprint256,
    validTo: validToDate.getTime(),
  }))

/** Those of the seven that a list lacks. */
export const missingRoots = (pems: readonly string[]): readonly RootView[] => {
  const there = new Set(describeRoots(pems).map(({ sha256 }) => sha256))
  return describeRoots(rootsNamed('microsoft')).filter(({ sha256 }) => !there.has(sha256))
}
