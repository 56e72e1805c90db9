import { CertificateError } from '../base/errors.ts'
import { type CheckedCertificate, checkCertificate } from './check.ts'
import { readIfThere } from './store.ts'

/** Where an operator keeps a certificate: absolute paths of PEM files. */
export interface CertificateFiles {
  readonly name: string
  readonly chain: string
  readonly key: string
}

/**
 * Reads and checks a certificate that is kept in files. `now`: milliseconds since 1970.
 * @throws CertificateError with a sentence that says what is wrong, and where
 */
export const loadCertificate = async (files: CertificateFiles, now: number): Promise<CheckedCertificate> => {
  const chain = await readExisting(files.chain, `the chain of certificate ${files.name}`)
  const key = await readExisting(files.key, `the key of certificate ${files.name}`)
  return checkCertificate(files.name, chain, key, now)
}

const readExisting = async (path: string, what: string): Promise<string> => {
  const text = await readIfThere(path)
  if (text === undefined) throw new CertificateError('SBC_CERTIFICATE_FILE', `There is no file ${path} for ${what}`)
  return text
}
