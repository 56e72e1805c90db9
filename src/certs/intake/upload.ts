import type { KeyObject, X509Certificate } from 'node:crypto'
import { CertificateError } from '../../base/errors.ts'
import type { UploadedFiles } from '../types.ts'
import { subjectOf } from './facts.ts'
import { isSame, isSelfSigned, orderChain } from './links.ts'
import { gather, type Material } from './material.ts'

/** A pair out of what somebody brought, put in order. It is not judged. */
export interface Upload {
  /** PEM: the certificate and its intermediates, without the root. */
  readonly chain: string
  /** PEM, PKCS#8, without a password. */
  readonly key: string
  /** PEM: the root, when it was brought, too. */
  readonly root: string | undefined
  /** Sentences on what was left out. */
  readonly notes: readonly string[]
}

/**
 * Reads what people bring: PEM in any order and mixture, DER, PKCS#12, PKCS#7, keys with or without a password. The key says which
 * certificate is meant; its issuers are looked for among the others. `keyAtHand`: PEM, the one that a request was made with, taken
 * when none is brought.
 * @throws CertificateError SBC_CERTIFICATE_FORMAT (cannot be read), _PASSWORD (missing or wrong), _KEY (none, or none that belongs
 * to a certificate) or _CHAIN (no certificate)
 */
export const readUpload = async (files: UploadedFiles, keyAtHand?: string): Promise<Upload> => {
  const brought = await gather(files)
  if (brought.certificates.length === 0) throw noCertificate(brought)
  return assemble(brought.keys.length === 0 && keyAtHand !== undefined ? await withKey(brought, keyAtHand) : brought)
}

/** @throws CertificateError SBC_CERTIFICATE_KEY when no key belongs to any certificate, of which there is at least one */
export const assemble = (material: Material): Upload => {
  const { leaf, key } = pairOf(material)
  const { chain, root } = orderChain(leaf, material.certificates)
  const used = root === undefined ? chain : [...chain, root]
  const others = material.certificates.filter((one) => !used.some((other) => isSame(one, other)))
  return {
    chain: chain.map((one) => one.toString()).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    root: root?.toString(),
    notes: [
      ...material.notes,
      ...(root === undefined ? [] : [`Left out the root ${subjectOf(root)}: peers have it or do not trust it`]),
      ...others.slice(0, MOST_NOTES).map((one) => `Left out ${subjectOf(one)}: it is not in the chain of ${subjectOf(leaf)}`),
      ...(others.length > MOST_NOTES ? [`Left out ${others.length - MOST_NOTES} more certificates that are not in the chain`] : []),
      ...(material.keys.length > 1 ? ['Left out the keys that belong to other certificates or to none'] : []),
    ],
  }
}

const MOST_NOTES = 10

export const withKey = async (brought: Material, pem: string): Promise<Material> => ({
  ...brought,
  keys: (await gather({ key: pem })).keys,
})

export const noCertificate = ({ keys, request }: Material): CertificateError => {
  const nothing = keys.length === 0 ? 'There is no certificate; bring the text or the file that the CA sent' : undefined
  const sentence = request ? 'That is a request, not a certificate; bring what the CA answered to it' : nothing
  return new CertificateError('SBC_CERTIFICATE_CHAIN', sentence ?? 'There is a key, but no certificate; bring it, too')
}

/** The certificate that a key belongs to; of several (a renewed one with the same key) the one that lives longest. */
const pairOf = ({ certificates, keys }: Material): { readonly leaf: X509Certificate; readonly key: KeyObject } => {
  if (keys.length === 0) {
    throw new CertificateError(
      'SBC_CERTIFICATE_KEY',
      `There is no private key for ${subjectOf(likelyLeaf(certificates))}; bring the one that it was requested with`,
    )
  }
  const pairs = certificates.flatMap((leaf) => keys.filter((key) => leaf.checkPrivateKey(key)).map((key) => ({ leaf, key })))
  const [pair] = pairs.sort((a, b) => b.leaf.validToDate.getTime() - a.leaf.validToDate.getTime())
  if (pair !== undefined) return pair
  throw new CertificateError(
    'SBC_CERTIFICATE_KEY',
    certificates.length === 1
      ? `The key does not belong to ${subjectOf(certificates[0]!)}; bring the one that it was requested with`
      : `The key belongs to none of the ${certificates.length} certificates; bring the one that ${subjectOf(likelyLeaf(certificates))} was requested with`,
  )
}

/** For a sentence: the first that is no CA. */
const likelyLeaf = (certificates: readonly X509Certificate[]): X509Certificate =>
  certificates.find((one) => !one.ca && !isSelfSigned(one)) ?? certificates[0]!
