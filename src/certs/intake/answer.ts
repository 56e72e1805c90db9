import { X509Certificate } from 'node:crypto'
import { CertificateError } from '../../base/errors.ts'
import { covers } from '../../base/host-match.ts'
import { hostsOf, subjectOf } from './facts.ts'
import { type Finding, finding, listed } from './finding.ts'
import { gather } from './material.ts'
import { comparable } from './names.ts'
import { type MadeRequest, readRequest } from './request.ts'
import { assemble, noCertificate, type Upload, withKey } from './upload.ts'

/**
 * The pair out of a CA's answer (PEM, DER, PKCS#7, in any order) and the request that it answers. `findings`: what was asked for and is
 * not in it; the rest is for judgeCertificate.
 * @throws CertificateError SBC_CERTIFICATE_KEY when it answers another request; and as readUpload and readRequest do
 */
export const matchAnswer = async (
  request: MadeRequest,
  answer: string | Buffer,
): Promise<Upload & { readonly findings: readonly Finding[] }> => {
  const { hosts, publicKey } = readRequest(request.csr)
  const files = typeof answer === 'string' ? { chain: answer } : { pkcs12: answer }
  const brought = await gather(files)
  const { certificates } = brought
  const [first] = certificates
  if (first === undefined) throw noCertificate(brought)
  const ours = certificates.find((one) => one.publicKey.equals(publicKey))
  if (ours === undefined) {
    throw new CertificateError(
      'SBC_CERTIFICATE_KEY',
      `${subjectOf(certificates.find((one) => !one.ca) ?? first)} answers another request: it is for another key than the request that was made here`,
    )
  }
  // A key in an answer is none of ours
  const upload = assemble(await withKey(brought, request.key))
  const names = hostsOf(new X509Certificate(upload.chain)).map(comparable)
  const missing = hosts.filter((host) => !names.some((name) => covers(name, comparable(host))))
  if (missing.length === 0) return { ...upload, findings: [] }
  const text = `The CA left out ${listed(missing)}, which the request asked for; the certificate names ${listed(names) || 'no host'}`
  return { ...upload, findings: [finding('warning', 'SBC_CERTIFICATE_NAMES', text, 'Ask the CA why, or request the missing ones apart')] }
}
