/** Our name: in the DNS, and whether somebody answers there. */
import { X509Certificate } from 'node:crypto'
import { CLOUD_FACTS } from '../../zones/microsoft.ts'
import { type Checks, type Outcome, once, settled, skipped } from '../checks.ts'
import { domainOf, faultOfName, lookAtName } from '../names.ts'
import type { Patient } from '../patient.ts'
import { ProbeError, type World } from '../world.ts'

const CONNECT_MS = 6000
/** Customers' names that are looked up; all of them get theirs in the same way. */
const MOST_TENANTS = 20

export const nameChecks = (patient: Patient, world: World): Checks => {
  const { name, listener } = patient
  return {
    checks: [
      { id: 'name', group: 'name', title: 'Our name', look: () => nameOutcome(patient) },
      {
        id: 'dns',
        group: 'name',
        title: 'Public DNS',
        look: (signal) =>
          faultOfName(name) === undefined
            ? lookAtName(name, patient.addresses, world, signal)
            : skipped('There is no public name to look up'),
      },
      ...(patient.zone.tenants.length === 0
        ? []
        : [
            {
              ...{ id: 'tenants', group: 'name' as const, title: 'Names of customers in the DNS' },
              look: (signal: AbortSignal) => tenantsOutcome(patient, world, signal),
            },
          ]),
      {
        id: 'port',
        group: 'name',
        title: `Port ${listener.advertisedPort} from here`,
        look: (signal) => portOutcome(patient, world, signal),
      },
    ],
  }
}

const nameOutcome = ({ name, cloud, listener }: Patient): Outcome => {
  const fault = faultOfName(name)
  if (fault !== undefined) return fault
  const { listensOn } = CLOUD_FACTS[cloud]
  if (listensOn !== undefined && listener.advertisedPort !== listensOn)
    return {
      verdict: 'bad',
      finding: `We advertise port ${listener.advertisedPort}, and this cloud connects to port ${listensOn} alone`,
      remedy: `Bind port ${listensOn}, or write "advertise: ${name}:${listensOn}" where a router forwards it`,
    }
  return {
    verdict: 'good',
    finding: `${name} can be the name of a trunk; ${domainOf(name)} has to be a verified domain of the tenant, with one licensed user in it`,
  }
}

/** T §5: each customer's name leads to the same address. */
const tenantsOutcome = async ({ zone, addresses }: Patient, world: World, signal: AbortSignal): Promise<Outcome> => {
  const looked = await Promise.all(
    zone.tenants.slice(0, MOST_TENANTS).map(async ({ name }) => ({ name, outcome: await lookAtName(name, addresses, world, signal) })),
  )
  const wrong = looked.filter(({ outcome }) => outcome.verdict !== 'good')
  const left = zone.tenants.length - looked.length
  const rest = left > 0 ? `; ${left} more were not looked up` : ''
  const [first] = wrong
  if (first === undefined) return { verdict: 'good', finding: `${looked.length} names lead to this edge${rest}` }
  return {
    verdict: first.outcome.verdict,
    finding: `${wrong.length} of ${looked.length} names do not lead to this edge${rest}; first: ${first.outcome.finding}`,
    ...(first.outcome.remedy === undefined ? {} : { remedy: first.outcome.remedy }),
    facts: wrong.map(({ name, outcome }) => [name, outcome.finding] as const),
  }
}

/**
 * Calls our own public name from inside. Many routers do not lead such a call back in (hairpin NAT), so a failure is no proof.
 */
const portOutcome = async (patient: Patient, world: World, signal: AbortSignal): Promise<Outcome> => {
  const { name, listener, tls } = patient
  if (faultOfName(name) !== undefined) return skipped('There is no public name to connect to')
  const port = listener.advertisedPort
  const soon = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)])
  const address = once(async () => (await world.publicName(name, soon)).ipv4[0]?.address)
  const found = await settled(address())
  if (!('value' in found) || found.value === undefined) return skipped(`${name} has no address to connect to`)
  const question = {
    ...{ address: found.value, port, localAddress: undefined, serverName: name, certificate: undefined },
    ...{ minVersion: tls.minVersion, maxVersion: undefined, ciphers: '' },
  }
  const tried = await settled(world.tls(question, soon))
  const place = `${found.value}:${port}`
  if ('error' in tried) {
    const { error } = tried
    if (error instanceof ProbeError && error.at === 'handshake')
      return {
        verdict: 'bad',
        finding: `${place} takes connections, and TLS fails there: ${error.message}`,
        remedy: `Is it this edge that answers there? The port forwarding has to lead to ${listener.bindAddress}:${listener.bindPort}`,
      }
    return {
      verdict: 'warning',
      finding: `${place} cannot be reached from here: ${error.message}; that proves little, since many routers do not let a machine call its own public address`,
      remedy: `Try it from outside: openssl s_client -connect ${name}:${port} -servername ${name}. The firewall has to let Microsoft's networks in (${patient.zone.admission.networks.map(({ text }) => text).join(', ')})`,
    }
  }
  const { chain, version } = tried.value
  tried.value.close()
  const [first] = patient.certificates
  const ours = first === undefined ? undefined : await settled(patient.shown(first))
  const shown = chain[0]
  const own = ours !== undefined && 'value' in ours ? new X509Certificate(ours.value.chain) : undefined
  const facts = [['TLS', version] as const, ...(shown === undefined ? [] : [['Certificate', shown.fingerprint256] as const])]
  if (own !== undefined && shown !== undefined && own.fingerprint256 !== shown.fingerprint256)
    return {
      verdict: 'warning',
      finding: `${place} shows another certificate than the one of this edge`,
      remedy:
        'Was it replaced? Then reload the edge. Does the port forwarding lead to this edge? With several certificates: the one for this name should be the first',
      facts,
    }
  return { verdict: 'good', finding: `${place} answers with our certificate; whether Microsoft gets there, its OPTIONS tell`, facts }
}
