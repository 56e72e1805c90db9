/** Our certificate, and the roots that we trust. */

import { covers } from '../../base/host-match.ts'
import { hostsOf } from '../../certs/intake/facts.ts'
import { readChain } from '../../certs/intake/judge.ts'
import { comparable } from '../../certs/intake/names.ts'
import { answersHubs, CERTIFICATE_PARTS, type CertificatePart, judgeShown, shownToHubs } from '../certificate.ts'
import { type Checks, type Outcome, once, settled, skipped } from '../checks.ts'
import type { Patient, Shown } from '../patient.ts'
import { viewRoots } from '../roots.ts'

const TITLES: Readonly<Record<CertificatePart, string>> = {
  names: 'Names in the certificate',
  chain: 'Chain of the certificate',
  key: 'Key of the certificate',
  purpose: 'Purposes of the certificate',
  days: 'Days left',
  programme: "Microsoft's Trusted Root Program",
}

export const certificateChecks = (patient: Patient, now: number): Checks => {
  const { name, cloud } = patient
  const judged = once(async () => {
    const shown = await answersHubs(patient)
    if (shown === undefined) throw new Error(`Listener ${patient.listener.name} has no certificate`)
    return { shown, parts: judgeShown({ shown, name, cloud, now }) }
  })
  const part = async (which: CertificatePart): Promise<Outcome> => {
    const found = await settled(judged())
    const [first] = CERTIFICATE_PARTS
    if ('error' in found)
      return which === first
        ? { verdict: 'bad', finding: found.error.message, remedy: 'Bring or order one on the certificates page' }
        : skipped('There is no certificate to look at')
    const { parts, shown } = found.value
    if ('severity' in parts)
      return which === first ? { verdict: 'bad', finding: parts.text, remedy: parts.remedy } : skipped('The certificate cannot be read')
    if (which !== 'names' || parts.names.verdict === 'good') return parts[which]
    return (await elsewhere(patient, shown)) ?? parts.names
  }
  return {
    checks: [
      ...CERTIFICATE_PARTS.map((which) => ({
        ...{ id: `certificate/${which}`, group: 'certificate' as const, title: TITLES[which] },
        look: () => part(which),
      })),
      ...(patient.zone.tenants.length === 0
        ? []
        : [{ id: 'certificate/tenants', group: 'certificate' as const, title: 'Names of customers', look: () => tenantsOutcome(patient) }]),
      { id: 'roots', group: 'certificate', title: "Roots of Microsoft's certificates", look: () => rootsOutcome(patient, now) },
    ],
  }
}

/** The first certificate answers those who give no server name; whether hubs give one is documented nowhere. */
const elsewhere = async (patient: Patient, first: Shown): Promise<Outcome | undefined> => {
  const other = await shownToHubs(patient)
  if (other === undefined || other.name === first.name) return undefined
  return {
    verdict: 'bad',
    finding: `${patient.name} is in certificate ${other.name}, but ${first.name} is the first one: hubs that give no server name get that`,
    remedy: `Put ${other.name} first in "certificate" of listener group ${patient.listener.group}`,
  }
}

const SHOWN = 5

/** T §5: a customer's name in Contact has to be in a certificate; where hubs connect, in that which answers them. */
const tenantsOutcome = async (patient: Patient): Promise<Outcome> => {
  const named: (readonly string[])[] = []
  for (const entry of patient.certificates) {
    const shown = await settled(patient.shown(entry))
    const chain = 'value' in shown ? readChain(shown.value.chain) : undefined
    named.push(chain === undefined || 'severity' in chain ? [] : hostsOf(chain[0]!).map(comparable))
  }
  const has = (names: readonly string[], host: string): boolean => names.some((one) => covers(one, comparable(host)))
  const hosts = patient.zone.tenants.map(({ name }) => name)
  const nowhere = hosts.filter((host) => !named.some((names) => has(names, host)))
  const later = hosts.filter((host) => !has(named[0] ?? [], host) && !nowhere.includes(host))
  const some = (names: readonly string[]): string =>
    names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '')
  if (nowhere.length > 0)
    return {
      verdict: 'bad',
      finding: `No certificate names ${some(nowhere)}`,
      remedy: `Order one with ${patient.name} and *.${patient.name}; the wildcard does not stand for the name itself`,
    }
  // Where we connect, the certificate of the name is shown
  if (later.length > 0)
    return {
      verdict: 'warning',
      finding: `${some(later)} ${later.length === 1 ? 'is' : 'are'} not in the first certificate, which is shown to hubs that give no server name`,
      remedy: `One certificate with ${patient.name} and *.${patient.name} is safer`,
    }
  return {
    verdict: 'good',
    finding: `All ${hosts.length} names are in the ${patient.certificates.length === 1 ? 'certificate' : 'certificates'}`,
  }
}

const rootsOutcome = async (patient: Patient, now: number): Promise<Outcome> => {
  if (patient.zone.peers === undefined)
    return {
      verdict: 'warning',
      finding: 'The TLS library judges the certificates of hubs here, with the roots of the listener',
      remedy: 'Leave "peers" of the zone as it is by default, so that the edge judges them itself',
    }
  const found = await settled(patient.roots())
  if ('error' in found) return { verdict: 'bad', finding: found.error.message, remedy: 'Set peers.roots of the zone to microsoft' }
  const { missing, expiring } = viewRoots(found.value, now)
  if (missing.length > 0)
    return {
      verdict: 'warning',
      finding: `Roots that Microsoft's hubs use or will use are not accepted: ${missing.join(', ')}`,
      remedy: 'Add microsoft to peers.roots of the zone, unless this is a trial against a stand-in',
    }
  if (expiring.length > 0)
    return { verdict: 'warning', finding: `Roots that end within a year: ${expiring.join(', ')}`, remedy: 'Update the edge in time' }
  return { verdict: 'good', finding: 'All seven roots of Direct Routing are accepted' }
}
