import { covers } from '../../base/host-match.ts'
import { isFor, issuerOf, issuerUrlsOf } from './facts.ts'
import { type CertificateUse, type Finding, finding, type Judged, listed, nameOf } from './finding.ts'
import { endAmong } from './links.ts'
import { comparable, isAddress } from './names.ts'
import { certificatesIn } from './pem.ts'

type UseRule = (judged: Judged, use: CertificateUse) => readonly Finding[]

const labelOf = ({ needs }: CertificateUse): string => needs?.label ?? 'Whoever connects'

/** A name that is missing breaks connections; an address is seldom in a certificate, and seldom looked for. */
const hostsAreNamed: UseRule = (judged, { hosts }) => {
  const names = judged.hosts.map(comparable)
  const missing = [...new Set(hosts)].filter((host) => !names.some((name) => covers(name, comparable(host))))
  const addresses = missing.filter((host) => isAddress(comparable(host)))
  const sentence = (severity: Finding['severity'], some: readonly string[]): readonly Finding[] => {
    if (some.length === 0) return []
    const text = `${nameOf(judged)} does not name ${listed(some)}, for which it is to be used; it names ${listed(names) || 'no host'}`
    return [finding(severity, 'SBC_CERTIFICATE_NAMES', text, `Order one that names ${listed(some)}, too`)]
  }
  return [
    ...sentence(
      'error',
      missing.filter((host) => !addresses.includes(host)),
    ),
    ...sentence('warning', addresses),
  ]
}

const KINDS = { rsa: 'RSA', ecdsa: 'ECDSA' } as const

const keyTypeIsUsable: UseRule = ({ keyFacts }, use) => {
  const wanted = use.needs?.keyTypes ?? []
  if (wanted.length === 0 || wanted.some((type) => type === keyFacts.family)) return []
  const kinds = wanted.map((type) => KINDS[type]).join(' or ')
  const text = `${labelOf(use)} has cipher suites for ${kinds} only; with a key of ${keyFacts.text} no handshake succeeds`
  return [finding('error', 'SBC_CERTIFICATE_USE', text, `Use a certificate with a key of type ${kinds}`)]
}

const rootIsTrusted: UseRule = ({ chain, end }, use) => {
  const roots = use.needs?.roots
  if (roots === undefined || endAmong(chain, certificatesIn(roots)) !== undefined) return []
  if (end.kind === 'missing') {
    const last = chain.at(-1)!
    const [url] = issuerUrlsOf(last)
    const text = `${labelOf(use)} cannot verify the chain: ${issuerOf(last)}, the issuer of its last certificate, is neither in it nor trusted there`
    const remedy = `Add the intermediates of the CA${url === undefined ? '' : `, such as the one at ${url}`}`
    return [finding('error', 'SBC_CERTIFICATE_CHAIN', text, remedy)]
  }
  const text = `${labelOf(use)} trusts none of the roots that the chain leads to; it ends at ${issuerOf(chain[end.length - 1]!)}`
  return [finding('error', 'SBC_CERTIFICATE_CHAIN', text, 'Order one of a CA that is trusted there')]
}

/** A warning: public CAs stop to issue clientAuth in 2026, and peers have to live with that. */
const clientsMayShowIt: UseRule = ({ leaf }, use) => {
  if (use.needs?.clientAuth !== true || isFor(leaf, 'clientAuth')) return []
  const text = `${labelOf(use)} sees the certificate as that of a client, too, but its extended key usage has no clientAuth`
  const remedy = 'If connections that we open are refused, order one with clientAuth; not every public CA still has it'
  return [finding('warning', 'SBC_CERTIFICATE_USE', text, remedy)]
}

/** What depends on who uses the certificate. */
export const USE_RULES: readonly UseRule[] = [hostsAreNamed, keyTypeIsUsable, rootIsTrusted, clientsMayShowIt]
