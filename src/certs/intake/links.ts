import type { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { certificateFrom } from './facts.ts'

/** By name, by key identifier, and by signature. */
export const isIssuedBy = (one: X509Certificate, issuer: X509Certificate): boolean => one.checkIssued(issuer) && isSignedBy(one, issuer)

const isSignedBy = (one: X509Certificate, issuer: X509Certificate): boolean => {
  try {
    return one.verify(issuer.publicKey)
  } catch {
    return false // A signature of another kind than the key makes
  }
}

export const isSelfSigned = (one: X509Certificate): boolean => one.subject === one.issuer && isSignedBy(one, one)

export const isSame = (one: X509Certificate, other: X509Certificate): boolean => one.fingerprint256 === other.fingerprint256

let publicRoots: ReadonlyMap<string, readonly X509Certificate[]> | undefined

/** The roots that Node has from Mozilla, by subject; read once, when first asked for: it takes some milliseconds. */
const publicRootsOf = (subject: string): readonly X509Certificate[] => {
  publicRoots ??= Map.groupBy(
    rootCertificates.map((pem) => certificateFrom(pem)).filter((root) => root !== undefined),
    (root) => root.subject,
  )
  return publicRoots.get(subject) ?? []
}

/** Is it a root that everybody has? Also one with the name and the key of such a root, signed by another (cross-signed). */
export const isPublicRoot = (one: X509Certificate): boolean =>
  publicRootsOf(one.subject).some((root) => root.publicKey.equals(one.publicKey))

export const isIssuedByPublicRoot = (one: X509Certificate): boolean => publicRootsOf(one.issuer).some((root) => isIssuedBy(one, root))

/** Where a chain leads to. */
export interface ChainEnd {
  /**
   * `given`: a root of the list; `public`: a root that everybody has; `own`: a root that is in the chain and known to nobody;
   * `missing`: the issuer of the last one is not there.
   */
  readonly kind: 'given' | 'public' | 'own' | 'missing'
  /** So many certificates of the chain lead there; what follows is of no use. */
  readonly length: number
}

/** The links are taken as they are. `given`: roots beside the public ones. */
export const endOf = (chain: readonly X509Certificate[], given: readonly X509Certificate[]): ChainEnd => {
  const [open, listed] = [publicEnd(chain), endAmong(chain, given)]
  // Some may need the longer way, which leads to an older root
  if (open !== undefined) return { kind: 'public', length: Math.max(open.length, listed?.length ?? 0) }
  return listed ?? ownEnd(chain) ?? { kind: 'missing', length: chain.length }
}

/** The end at one of these roots; undefined when the chain does not lead to any. */
export const endAmong = (chain: readonly X509Certificate[], roots: readonly X509Certificate[]): ChainEnd | undefined => {
  const at = chain.findIndex((one) => roots.some((root) => isSame(one, root) || isIssuedBy(one, root)))
  return at < 0 ? undefined : { kind: 'given', length: at + 1 }
}

const publicEnd = (chain: readonly X509Certificate[]): ChainEnd | undefined => {
  const at = chain.findIndex(isIssuedByPublicRoot)
  return at < 0 ? undefined : { kind: 'public', length: at + 1 }
}

const ownEnd = (chain: readonly X509Certificate[]): ChainEnd | undefined => {
  const at = chain.findIndex(isSelfSigned)
  return at < 0 ? undefined : { kind: 'own', length: at + 1 }
}

/**
 * The chain of a certificate out of a heap: the certificate, its issuer, the issuer's issuer, without the root, which is told apart.
 * Of several issuers with the same name and key (cross-signed ones) a public root ends the chain; else those that go on are preferred
 * to one that signed itself, and the one that lives longest.
 */
export const orderChain = (
  leaf: X509Certificate,
  heap: readonly X509Certificate[],
): { readonly chain: readonly X509Certificate[]; readonly root: X509Certificate | undefined } => {
  const chain = [leaf]
  const rest = new Set(heap.filter((one) => !isSame(one, leaf)))
  for (;;) {
    const last = chain.at(-1)!
    if (isSelfSigned(last)) return { chain, root: undefined }
    const issuers = [...rest].filter((one) => isIssuedBy(last, one))
    const root = issuers.find((one) => isSelfSigned(one) && isPublicRoot(one))
    if (root !== undefined) return { chain, root }
    const [next] = issuers.sort((a, b) => rank(a) - rank(b))
    if (next === undefined) return { chain, root: undefined }
    if (isSelfSigned(next)) return { chain, root: next }
    chain.push(next)
    rest.delete(next)
  }
}

/** Lower is better. Dates in milliseconds are far below what one signature weighs. */
const rank = (one: X509Certificate): number => (isSelfSigned(one) ? 1e18 : 0) - one.validToDate.getTime()
