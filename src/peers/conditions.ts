/**
 * What every certificate of a path has to fulfil (RFC 5280 §6.1), when its signatures are proven: the first thing that is wrong, or nothing.
 * A root is held to what its certificate says, too: that is stricter than the RFC, and what OpenSSL does.
 */
import { PURPOSE } from '../base/certificate-extensions.ts'
import { readDer } from '../base/der.ts'
import type { PeerUsage } from '../zones/peers.ts'
import { type Certificate, isSelfIssued, type KeyUses } from './certificate.ts'
import { directoryName, nameBeyond } from './names.ts'
import { type Refusal, refusal } from './verdict.ts'

export interface PathConditions {
  readonly usage: PeerUsage
  /** Milliseconds since 1970. */
  readonly now: number
}

type Condition = (path: readonly Certificate[], conditions: PathConditions) => Refusal | undefined

/** The leaf first, the root last; a root alone is a leaf that is trusted itself. */
export const brokenCondition: Condition = (path, conditions) => {
  for (const condition of CONDITIONS) {
    const broken = condition(path, conditions)
    if (broken !== undefined) return broken
  }
  return undefined
}

/** Who may sign must not speak for a host: a key that signs is kept elsewhere, and whoever has it could be anybody. */
const leafIsNoCa: Condition = ([leaf]) =>
  leaf!.ca
    ? refusal('ca-as-leaf', `Certificate ${leaf!.label} is the certificate of a CA, not of a host`, 'The peer has to show one of its own')
    : undefined

const issuersAreCas: Condition = ([, ...issuers]) => {
  const wrong = issuers.find(({ ca, x509, uses }) => !ca || !x509.ca || uses?.keyCertSign === false)
  if (wrong === undefined) return undefined
  return refusal(
    'not-a-ca',
    `Certificate ${wrong.label} has signed another certificate and may not: it is not that of a CA`,
    'Trust nothing of this peer before you know why it shows such a chain',
  )
}

/** Key identifiers (RFC 5280 §4.2.1.1) and names, as OpenSSL compares them: the signature is right, and yet another issuer is meant. */
const linksFit: Condition = (path) => {
  const at = path.findIndex(({ x509 }, index) => index < path.length - 1 && !x509.checkIssued(path[index + 1]!.x509))
  if (at < 0) return undefined
  const text = `Certificate ${path[at]!.label} does not fit ${path[at + 1]!.label}, which signed it (key identifier)`
  return refusal('signature', text, 'The peer needs a new certificate')
}

const pathsAreShort: Condition = ([, ...issuers]) => {
  let below = 0
  for (const issuer of issuers) {
    if (issuer.pathLength !== undefined && below > issuer.pathLength)
      return refusal(
        'path-length',
        `Certificate ${issuer.label} allows ${issuer.pathLength} CA certificates below it, and the chain has ${below}`,
        'The peer has to show a certificate of a CA that may issue it',
      )
    if (!isSelfIssued(issuer)) below++
  }
  return undefined
}

const datesHold: Condition = (path, { now }) => {
  for (const { label, validFrom, validTo } of path) {
    if (now > validTo)
      return refusal(
        'expired',
        `Certificate ${label} was valid until ${day(validTo)}`,
        'The peer has to renew it; if it is valid still, set the clock of this machine right',
      )
    if (now < validFrom)
      return refusal(
        'not-yet-valid',
        `Certificate ${label} is valid from ${day(validFrom)} only`,
        'If that is in the past, set the clock of this machine right',
      )
  }
  return undefined
}

const day = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')

const conditionsAreKnown: Condition = (path) => {
  const wrong = path.find(({ unknownCritical }) => unknownCritical.length > 0)
  if (wrong === undefined) return undefined
  const text = `Certificate ${wrong.label} has critical extension ${wrong.unknownCritical[0]}, which is not known here`
  return refusal('critical-extension', text, 'The peer needs a certificate without it')
}

const namesAreAllowed: Condition = (path) => {
  for (const [at, { label, constraints }] of path.entries()) {
    if (constraints === undefined || at === 0) continue
    for (const [below, one] of path.slice(0, at).entries()) {
      if (below > 0 && isSelfIssued(one)) continue
      const beyond = nameBeyond(constraints, one.alternatives, directoryName(readDer(one.subject)))
      if (beyond === undefined) continue
      const name =
        'text' in beyond
          ? beyond.text.slice(0, 100).replaceAll(/[^\x21-\x7e]/g, '?')
          : beyond.form === 'address'
            ? 'an address'
            : 'its subject'
      return refusal(
        'name-constraints',
        `Certificate ${label} may not issue certificates for ${name}, which ${one.label} names`,
        'Trust nothing of this peer before you know why it shows such a chain',
      )
    }
  }
  return undefined
}

/**
 * RFC 5280 §4.2.1.12. Without the extension a certificate is for everything; `any` alone is not enough for a host, as in OpenSSL: no public CA
 * may issue it, and who wants to connect servers can say so. A CA with the extension issues for nothing else.
 */
const purposeFits: Condition = (path, { usage }) => {
  const needed = usage === 'both' ? (['serverAuth', 'clientAuth'] as const) : (['serverAuth'] as const)
  for (const { label, purposes } of path) {
    const missing = purposes === undefined ? undefined : needed.find((purpose) => !purposes.includes(PURPOSE[purpose]))
    if (missing === undefined) continue
    const remedy =
      missing === 'clientAuth'
        ? 'Public CAs issue none with it any more; write usage: server under "peers" of the zone if a certificate for servers is enough'
        : 'The peer needs a certificate for TLS servers'
    return refusal('purpose', `Certificate ${label} is not for ${missing} (extended key usage)`, remedy)
  }
  const [leaf] = path
  if (leaf!.uses === undefined || serves(leaf!.uses, usage)) return undefined
  return refusal(
    'purpose',
    `Certificate ${leaf!.label} may not be used for TLS (key usage)`,
    'The peer needs a certificate with digitalSignature',
  )
}

/** RFC 5246 §7.4.2, §7.4.6, RFC 8446 §4.4.2.2. */
const serves = ({ digitalSignature, keyAgreement, keyEncipherment }: KeyUses, usage: PeerUsage): boolean =>
  digitalSignature || keyAgreement || (keyEncipherment && usage === 'server')

/** With SHA-256 and better; Ed25519, Ed448. */
const SIGNATURES: readonly string[] = [
  ...['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4'],
  ...['1.3.101.112', '1.3.101.113'],
]
const PSS = '1.2.840.113549.1.1.10'
const DIGESTS: readonly string[] = ['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3']
const CURVES: readonly (string | undefined)[] = [
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]

/** A root's own signature proves nothing, so nobody forges it; its key matters as all others do. */
const nothingIsWeak: Condition = (path) => {
  for (const [at, { label, signatureAlgorithm, pssDigest, key }] of path.entries()) {
    const signed = SIGNATURES.includes(signatureAlgorithm) || (signatureAlgorithm === PSS && DIGESTS.includes(pssDigest))
    if (!signed && (at < path.length - 1 || path.length === 1))
      return refusal(
        'weak',
        `Certificate ${label} is signed in a way that can be forged, such as with SHA-1`,
        'The peer needs a new certificate',
      )
    const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
    const strong =
      type === 'rsa' || type === 'rsa-pss'
        ? (details.modulusLength ?? 0) >= 2048 && (details.publicExponent ?? 0n) > 2n
        : type === 'ec'
          ? CURVES.includes(details.namedCurve)
          : type === 'ed25519' || type === 'ed448'
    if (!strong)
      return refusal(
        'weak',
        `The key of ${label} is too weak (${type} ${details.modulusLength ?? details.namedCurve ?? ''})`,
        'The peer needs RSA of 2048 bits or more, or ECDSA P-256',
      )
  }
  return undefined
}

/** Who may do what comes before dates: a chain that nobody may show does not become better by waiting. */
const CONDITIONS: readonly Condition[] = [
  leafIsNoCa,
  issuersAreCas,
  linksFit,
  conditionsAreKnown,
  pathsAreShort,
  namesAreAllowed,
  nothingIsWeak,
  datesHold,
  purposeFits,
]
