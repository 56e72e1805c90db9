import type { X509Certificate } from 'node:crypto'
import { alternativeHosts, commonHost, isFor, issuerOf, issuerUrlsOf, maySign, mustStaple, pathLengthOf, subjectOf } from './facts.ts'
import { type Finding, finding, type Judged, nameOf } from './finding.ts'
import { isIssuedBy, isSelfSigned } from './links.ts'

type Rule = (judged: Judged) => readonly Finding[]

const DAY = 86_400_000
const HOUR = 3_600_000

const keyBelongs: Rule = (judged) => {
  if (judged.leaf.checkPrivateKey(judged.key)) return []
  const text = `The key belongs to another certificate than ${nameOf(judged)}`
  const remedy = 'Bring the key that the certificate was requested with, or order a new certificate'
  return [finding('error', 'SBC_CERTIFICATE_KEY', text, remedy)]
}

const linksHold: Rule = ({ chain }) =>
  chain.slice(1).flatMap((issuer, index) => {
    const one = chain[index]!
    if (isIssuedBy(one, issuer)) return []
    if (one.issuer === issuer.subject) {
      const text = `${subjectOf(issuer)} at place ${index + 2} has the name of the issuer of ${subjectOf(one)}, but did not sign it`
      const remedy = 'The CA has two certificates with that name; take the one that came with yours'
      return finding('error', 'SBC_CERTIFICATE_CHAIN', text, remedy)
    }
    const text = `${subjectOf(issuer)} stands at place ${index + 2} but did not issue ${subjectOf(one)}`
    return finding('error', 'SBC_CERTIFICATE_CHAIN', text, "The order is the certificate, its issuer, the issuer's issuer")
  })

/** The chain; what is wrong with one after its end is a warning only, since nobody needs it. */
const graded = ({ chain, end }: Judged): readonly (readonly [X509Certificate, Finding['severity']])[] =>
  chain.map((one, index) => [one, index < end.length ? 'error' : 'warning'])

const datesHold: Rule = (judged) =>
  graded(judged).flatMap(([one, severity]) => {
    if (one.validToDate.getTime() <= judged.now) {
      const ofIssuer = severity === 'error' ? 'Get the current one from the CA' : 'Leave it out of the chain'
      const text = `${subjectOf(one)} ended on ${one.validToDate.toISOString()}`
      return finding(severity, 'SBC_CERTIFICATE_DATES', text, one === judged.leaf ? 'Renew it' : ofIssuer)
    }
    if (one.validFromDate.getTime() <= judged.now) return []
    const text = `${subjectOf(one)} is not valid before ${one.validFromDate.toISOString()}`
    return finding(severity, 'SBC_CERTIFICATE_DATES', text, 'Is the clock of this machine right? If so, wait until then')
  })

/** Days before the end of a certificate at which people are told. */
export const EXPIRY_STEPS = [30, 14, 7, 1] as const
export type ExpiryStep = (typeof EXPIRY_STEPS)[number]

/**
 * The step that a certificate has come to; undefined while its end is far. A step of more than a third of its life does not count: one
 * that is made for a few days would be an alarm from its first. All three: milliseconds since 1970.
 */
export const expiryStep = (validFrom: number, validTo: number, now: number): ExpiryStep | undefined =>
  EXPIRY_STEPS.findLast((days) => validTo - now <= days * DAY && days * DAY < (validTo - validFrom) / 3)

const EXPIRY_REMEDY: Readonly<Record<ExpiryStep, string>> = {
  30: 'Renew it in the next weeks',
  14: 'Renew it in the next days',
  7: 'Renew it now: after that every new connection is refused',
  1: 'Renew it at once: after that every new connection is refused',
}

const endIsFar: Rule = ({ chain, end, now }) =>
  chain.slice(0, end.length).flatMap((one) => {
    const left = one.validToDate.getTime() - now
    const step = left <= 0 ? undefined : expiryStep(one.validFromDate.getTime(), one.validToDate.getTime(), now)
    if (step === undefined) return []
    const span = left < 2 * DAY ? `${Math.floor(left / HOUR)} hours` : `${Math.floor(left / DAY)} days`
    const text = `${subjectOf(one)} ends in ${span}, on ${one.validToDate.toISOString()}`
    const remedy = one === chain[0] ? EXPIRY_REMEDY[step] : 'Get the current one from the CA'
    return finding('warning', 'SBC_CERTIFICATE_DATES', text, remedy)
  })

const aHostIsNamed: Rule = (judged) => {
  const { leaf, hosts } = judged
  if (hosts.length === 0) {
    const text = `${nameOf(judged)} names no host: neither its alternative names nor its common name is one`
    const remedy = 'Use a certificate with DNS names or addresses as alternative names'
    return [finding('error', 'SBC_CERTIFICATE_NAMES', text, remedy)]
  }
  const common = commonHost(leaf)
  if (common === undefined || alternativeHosts(leaf).includes(common)) return []
  const text = `${common} is the common name only, not among the alternative names, where browsers and most others look`
  return [finding('warning', 'SBC_CERTIFICATE_NAMES', text, `Have the next one issued with ${common} as alternative name`)]
}

const SMALLEST_RSA = 2048
const LARGEST_RSA = 4095
const COMMON_CURVES = ['prime256v1', 'secp384r1']

const keyIsStrong: Rule = (judged) => {
  const { family, bits, curve, text } = judged.keyFacts
  if (family === 'rsa' && bits < SMALLEST_RSA) {
    const remedy = 'Make a new key, RSA 2048 or ECDSA P-256, and request a certificate for it'
    return [finding('error', 'SBC_CERTIFICATE_WEAK', `${nameOf(judged)} has a key of ${text}, which is refused everywhere`, remedy)]
  }
  const slow = family === 'rsa' && bits > LARGEST_RSA
  if (!slow && (family === 'rsa' || COMMON_CURVES.includes(curve))) return []
  const trouble = slow ? ': each handshake takes some seven times as long as with RSA 2048' : ', which many peers cannot use'
  const sentence = `${nameOf(judged)} has a key of ${text}${trouble}`
  return [finding('warning', 'SBC_CERTIFICATE_WEAK', sentence, 'Take RSA 2048 or ECDSA P-256 for the next one')]
}

const BROKEN_HASH = /sha-?1(?!\d)|md[245]/i

const signaturesAreStrong: Rule = (judged) =>
  graded(judged).flatMap(([one, severity]) => {
    const algorithm = one.signatureAlgorithm ?? ''
    // Nobody looks at the signature that a root made over itself
    if (!BROKEN_HASH.test(algorithm) || (one !== judged.leaf && isSelfSigned(one))) return []
    const text = `${subjectOf(one)} is signed with ${algorithm}, which can be forged`
    return finding(severity, 'SBC_CERTIFICATE_WEAK', text, 'Order a new certificate; CAs sign with SHA-256 today')
  })

const isForServers: Rule = (judged) => {
  const found: Finding[] = []
  if (!isFor(judged.leaf, 'serverAuth')) {
    const text = `${nameOf(judged)} is not made for servers: its extended key usage has no serverAuth`
    found.push(finding('error', 'SBC_CERTIFICATE_USE', text, 'Order one for TLS servers'))
  }
  if (!maySign(judged.leaf)) {
    const text = `${nameOf(judged)} may not sign: its key usage has no digitalSignature, without which TLS 1.3 and ECDHE suites fail`
    found.push(finding('error', 'SBC_CERTIFICATE_USE', text, 'Order one for TLS servers'))
  }
  return found
}

/** One that is signed by itself usually says that it is a CA (`openssl req -x509`), and works where it is trusted. */
const isNoCa: Rule = (judged) => {
  const { leaf } = judged
  if (isSelfSigned(leaf)) {
    const text = `${nameOf(judged)} is signed by itself${leaf.ca ? ' and says that it is a CA' : ''}: peers refuse it until they are told to trust it`
    const remedy = 'Order one of a CA; for trials, "development" makes one with a root that can be downloaded'
    return [finding('warning', 'SBC_CERTIFICATE_CHAIN', text, remedy)]
  }
  if (!leaf.ca) return []
  const text = `${nameOf(judged)} is the certificate of a CA, which peers refuse as that of a server`
  return [finding('error', 'SBC_CERTIFICATE_USE', text, 'Bring the certificate that this CA issued for the server, with its key')]
}

const issuersMayIssue: Rule = (judged) =>
  graded(judged)
    .slice(1)
    .flatMap(([issuer, severity], index) => {
      const remedy = 'Take the intermediates from the CA'
      if (!issuer.ca) {
        const text = `${subjectOf(issuer)} is no CA, but stands in the chain as the issuer of another`
        return finding(severity, 'SBC_CERTIFICATE_CHAIN', text, remedy)
      }
      const below = judged.chain.slice(1, index + 1).filter((one) => one.subject !== one.issuer).length
      const most = pathLengthOf(issuer)
      if (most === undefined || below <= most) return []
      const text = `${subjectOf(issuer)} allows ${most} CA certificates between itself and the last, but there are ${below}`
      return finding(severity, 'SBC_CERTIFICATE_CHAIN', text, remedy)
    })

const leadsToARoot: Rule = ({ chain, end }) => {
  const last = chain.at(-1)!
  if (end.kind !== 'missing') return []
  const [url] = issuerUrlsOf(last)
  const text = `The chain stops at ${subjectOf(last)}: its issuer, ${issuerOf(last)}, is not there and is no public root; peers that do not fetch intermediates will refuse it`
  const remedy = url === undefined ? 'Add the intermediates of the CA' : `Add the intermediate that the CA has at ${url}`
  return [finding('warning', 'SBC_CERTIFICATE_CHAIN', text, remedy)]
}

const needsNoStaple: Rule = (judged) => {
  if (!mustStaple(judged.leaf)) return []
  const text = `${nameOf(judged)} demands a stapled OCSP answer (must-staple), which is not sent; peers that look at it refuse`
  return [finding('warning', 'SBC_CERTIFICATE_USE', text, 'Order one without must-staple')]
}

/** What browsers take: of public CAs 398 days (CA/Browser Forum BR §6.3.2 before 2026), Apple's of any other CA 825. */
const LONGEST_DAYS = { public: 398, missing: 398, given: 825, own: 825 } as const

const lifeIsShort: Rule = (judged) => {
  const { leaf, end } = judged
  const days = Math.round((leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / DAY)
  if (days <= LONGEST_DAYS[end.kind]) return []
  const text = `${nameOf(judged)} is valid for ${days} days; browsers refuse more than ${LONGEST_DAYS[end.kind]}`
  return [finding('warning', 'SBC_CERTIFICATE_DATES', text, 'Have the next one issued for a shorter time')]
}

/** What is looked at whoever uses the certificate, in the order of the findings. */
export const RULES: readonly Rule[] = [
  ...[keyBelongs, linksHold, datesHold, aHostIsNamed, keyIsStrong, signaturesAreStrong, isForServers, isNoCa, issuersMayIssue],
  ...[leadsToARoot, endIsFar, needsNoStaple, lifeIsShort],
]
