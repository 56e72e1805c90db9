/** Our certificate as Microsoft will look at it (T §1.4, §1.6). */
import type { X509Certificate } from 'node:crypto'
import { covers } from '../base/host-match.ts'
import { daysLeft } from '../certs/alarms.ts'
import { hostsOf, isFor, issuerOf, issuerUrlsOf, keyFactsOf, subjectOf } from '../certs/intake/facts.ts'
import type { Finding, FindingCode } from '../certs/intake/finding.ts'
import { judgeCertificate, readChain } from '../certs/intake/judge.ts'
import { endOf, isSelfSigned } from '../certs/intake/links.ts'
import { comparable } from '../certs/intake/names.ts'
import type { Cloud } from '../zones/microsoft.ts'
import { type Outcome, settled } from './checks.ts'
import type { Patient, Shown } from './patient.ts'
import { inProgramme } from './programme.ts'

export const CERTIFICATE_PARTS = ['names', 'chain', 'key', 'purpose', 'days', 'programme'] as const
export type CertificatePart = (typeof CERTIFICATE_PARTS)[number]

export interface CertificateQuestion {
  readonly shown: Shown
  /** Our name toward Microsoft. */
  readonly name: string
  readonly cloud: Cloud
  /** Milliseconds since 1970. */
  readonly now: number
}

interface Looked extends CertificateQuestion {
  readonly chain: readonly X509Certificate[]
  readonly leaf: X509Certificate
  readonly findings: readonly Finding[]
}

/** Days before the end: a hint, a warning, and hardly any time left. Microsoft's own page warns at 30. One that lives for a few days has others. */
const STEPS = [30, 14, 7] as const

/**
 * The certificate that hubs see where we connect: the one with our name, else one with its wildcard, else the first (as `transport/tls.ts` does).
 * @returns undefined: there is none
 * @throws CertificateError when it has to be the first, and that cannot be read
 */
export const shownToHubs = async ({ certificates, name, shown }: Patient): Promise<Shown | undefined> => {
  const wanted = comparable(name)
  let wild: Shown | undefined
  for (const entry of certificates) {
    const found = await settled(shown(entry))
    const chain = 'value' in found ? readChain(found.value.chain) : undefined
    if (!('value' in found) || chain === undefined || 'severity' in chain) continue
    const names = hostsOf(chain[0]!).map(comparable)
    if (names.includes(wanted)) return found.value
    if (names.some((one) => covers(one, wanted))) wild ??= found.value
  }
  const [first] = certificates
  return wild ?? (first === undefined ? undefined : shown(first))
}

/** The one that answers a hub that names no server; @returns and @throws as `shownToHubs` */
export const answersHubs = async (patient: Patient): Promise<Shown | undefined> => {
  const [first] = patient.certificates
  if (!patient.tls.ordered || first === undefined) return shownToHubs(patient)
  return patient.shown(first)
}

/** Every part of it, or what keeps it from being looked at at all. */
export const judgeShown = (question: CertificateQuestion): Readonly<Record<CertificatePart, Outcome>> | Finding => {
  const chain = readChain(question.shown.chain)
  if ('severity' in chain) return chain
  const { shown, now } = question
  const findings = judgeCertificate({ ...shown, now, use: { hosts: [], needs: { keyTypes: ['rsa'], label: 'Microsoft' } } })
  const looked: Looked = { ...question, chain, leaf: chain[0]!, findings }
  return {
    names: namesOf(looked),
    chain: chainOf(looked),
    key: keyOf(looked),
    purpose: purposeOf(looked),
    days: daysOf(looked),
    programme: programmeOf(looked),
  }
}

const good = (finding: string, facts: Outcome['facts'] = []): Outcome => ({ verdict: 'good', finding, facts })

const of = ({ findings }: Looked, codes: readonly FindingCode[]): readonly Finding[] => findings.filter(({ code }) => codes.includes(code))

/** What the judge found, or that all is well. */
const fromFindings = (found: readonly Finding[], well: Outcome): Outcome => {
  const [first] = found
  if (first === undefined) return well
  return {
    verdict: first.severity === 'error' ? 'bad' : 'warning',
    finding: found.map(({ text }) => text).join('. '),
    remedy: first.remedy,
    facts: well.facts ?? [],
  }
}

const namesOf = (looked: Looked): Outcome => {
  const { leaf, name } = looked
  const names = hostsOf(leaf)
  const facts = [['Names', names.join(', ')] as const, ['Subject', subjectOf(leaf)] as const]
  const wanted = comparable(name)
  const fitting = names.find((one) => covers(comparable(one), wanted))
  if (fitting === undefined)
    return {
      verdict: 'bad',
      finding: `The certificate names ${names.join(', ') || 'no host'}, and not ${name}${names.includes(`*.${name}`) ? ': a wildcard does not stand for the name without a first label' : ''}`,
      remedy: `Order one with ${name} as alternative name, or with a wildcard for its first label; one label alone is covered`,
      facts,
    }
  return good(fitting === wanted ? `The certificate names ${name}` : `The certificate names ${name} by the wildcard ${fitting}`, facts)
}

const chainOf = (looked: Looked): Outcome => {
  const { chain, leaf } = looked
  const facts = chain.map((one, index) => [`Certificate ${index + 1}`, `${subjectOf(one)}; issued by ${issuerOf(one)}`] as const)
  const end = endOf(chain, [])
  const last = chain[end.length - 1]!
  if (isSelfSigned(leaf))
    return {
      verdict: 'bad',
      finding: 'The certificate is signed by itself, which Microsoft refuses',
      remedy: 'Order one of a public authority; the certificates page does it by ACME',
      facts,
    }
  if (end.kind === 'own')
    return {
      verdict: 'bad',
      finding: `The chain ends at ${issuerOf(last)}, which is no public authority: Microsoft refuses it`,
      remedy: 'Order a certificate of a public authority; the certificates page does it by ACME',
      facts,
    }
  const broken = of(looked, ['SBC_CERTIFICATE_CHAIN']).filter(({ severity }) => severity === 'error')
  if (broken.length > 0) return fromFindings(broken, good('', facts))
  if (end.kind === 'missing') {
    const [url] = issuerUrlsOf(last)
    return {
      verdict: 'bad',
      finding: `The chain stops at ${subjectOf(last)}: the certificate of its issuer, ${issuerOf(last)}, is not sent, or is that of no public authority`,
      remedy: `Add the intermediates of the authority${url === undefined ? '' : `, such as the one at ${url}`}; this is the most common reason for refusals`,
      facts,
    }
  }
  return fromFindings(
    of(looked, ['SBC_CERTIFICATE_CHAIN']),
    good(
      `The chain is complete and in order: ${chain.length} ${chain.length === 1 ? 'certificate' : 'certificates'}, up to ${issuerOf(last)}`,
      facts,
    ),
  )
}

const keyOf = (looked: Looked): Outcome => {
  const { family, text } = keyFactsOf(looked.leaf.publicKey)
  const facts = [['Key', text] as const, ['Signature', looked.leaf.signatureAlgorithm ?? 'unknown'] as const]
  if (family !== 'rsa')
    return {
      verdict: 'bad',
      finding: `The key is ${text}; Microsoft's cipher suites are for RSA alone, so the handshake ends with "no shared cipher"`,
      remedy: 'Order the certificate with an RSA key: "key: rsa2048" for ACME, as is the default with this zone',
      facts,
    }
  return fromFindings(of(looked, ['SBC_CERTIFICATE_KEY', 'SBC_CERTIFICATE_WEAK']), good(`The key is ${text}, which Microsoft takes`, facts))
}

const purposeOf = (looked: Looked): Outcome => {
  const { leaf } = looked
  const [server, client] = [isFor(leaf, 'serverAuth'), isFor(leaf, 'clientAuth')]
  const facts = [
    ['Extended key usage', [...(server ? ['serverAuth'] : []), ...(client ? ['clientAuth'] : [])].join(', ') || 'neither'] as const,
  ]
  const errors = of(looked, ['SBC_CERTIFICATE_USE']).filter(({ severity, text }) => severity === 'error' && !text.includes('cipher suites'))
  if (errors.length > 0) return fromFindings(errors, good('', facts))
  if (!client)
    return {
      verdict: 'warning',
      finding:
        'The certificate is for servers alone (no clientAuth). Public authorities issue no others since 2026; an older rule of Microsoft demands both, and whether it is still kept is not known',
      remedy: 'Go on with it; if Microsoft refuses connections that we open, order one with clientAuth while somebody sells it',
      facts,
    }
  return good('The certificate is for servers and for clients', facts)
}

const daysOf = (looked: Looked): Outcome => {
  const { leaf, now } = looked
  const left = daysLeft(leaf.validToDate.getTime(), now)
  const facts = [['Valid from', leaf.validFromDate.toISOString()] as const, ['Valid to', leaf.validToDate.toISOString()] as const]
  const errors = of(looked, ['SBC_CERTIFICATE_DATES']).filter(({ severity }) => severity === 'error')
  if (errors.length > 0) return fromFindings(errors, good('', facts))
  const life = daysLeft(leaf.validToDate.getTime(), leaf.validFromDate.getTime())
  const step = STEPS.findLast((days) => left < days && days * 3 <= life)
  const until = leaf.validToDate.toISOString().slice(0, 10)
  if (step === undefined) return good(`The certificate is valid for ${left} more days, until ${until}`, facts)
  return {
    verdict: step === 7 ? 'bad' : 'warning',
    finding: `The certificate ends in ${left} ${left === 1 ? 'day' : 'days'}, on ${until}`,
    remedy: step === 30 ? 'Renew it in the next weeks; ACME does it by itself' : 'Renew it now: after that day there are no calls',
    facts,
  }
}

const programmeOf = (looked: Looked): Outcome => {
  const { chain, cloud } = looked
  const end = endOf(chain, [])
  const root = issuerOf(chain[end.length - 1]!)
  const facts = [['Root', root] as const]
  if (end.kind === 'own' || isSelfSigned(looked.leaf))
    return {
      verdict: 'bad',
      finding: `${root} is no public authority, so it is not in Microsoft's Trusted Root Program`,
      remedy: 'Order a certificate of a public authority; the certificates page does it by ACME',
      facts,
    }
  if (end.kind === 'missing') return { verdict: 'skipped', finding: 'The chain does not lead to a root that is known here', facts }
  const verdict = inProgramme(root, cloud)
  switch (verdict.kind) {
    case 'refused':
      return {
        verdict: 'bad',
        finding: `The chain ends at ${root}; this cloud takes ${verdict.only.join(' and ')} alone`,
        remedy: `Order a certificate of DigiCert with a chain to one of these`,
        facts,
      }
    case 'known':
      return good(`The authority is ${verdict.family}, which is in Microsoft's Trusted Root Program as far as we know (as of 2026)`, facts)
    case 'unknown':
      return {
        verdict: 'warning',
        finding: `Whether ${root} is in Microsoft's Trusted Root Program is not known here`,
        remedy: 'Look it up in the list that Microsoft publishes (aka.ms/trustcertpartners), with "Server Authentication"',
        facts,
      }
  }
}
