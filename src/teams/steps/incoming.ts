/** What comes from Microsoft: OPTIONS, and whom we refused. */
import { CLOUD_FACTS } from '../../zones/microsoft.ts'
import { network } from '../../zones/networks.ts'
import type { Checks, Outcome } from '../checks.ts'
import { skipped } from '../checks.ts'
import type { Patient } from '../patient.ts'
import type { World } from '../world.ts'

/** Hubs ask about once a minute; after three intervals Microsoft itself takes a trunk as gone. */
const LATE_MS = 3 * 60_000
const RECENT_MS = 24 * 3_600_000
const SHOWN = 6

export const incomingChecks = (patient: Patient, world: World): Checks => ({
  checks: [
    { id: 'options-in', group: 'hub', title: 'OPTIONS from Microsoft', look: () => askersOutcome(patient, world.wall()) },
    { id: 'refusals', group: 'hub', title: "Refused from Microsoft's networks", look: () => refusalsOutcome(patient, world.wall()) },
  ],
})

const askersOutcome = async (patient: Patient, now: number): Promise<Outcome> => {
  const view = await patient.peering()
  if (typeof view === 'string') return skipped(view)
  const { askers } = view
  const facts = askers
    .slice(0, SHOWN)
    .map(
      ({ host, lastAt, count, addresses, names }) =>
        [host, `${lastAt}, ${count} times, from ${addresses.join(', ')}${names.length > 0 ? ` (${names.join(', ')})` : ''}`] as const,
    )
  const [latest] = askers
  if (latest === undefined)
    return {
      verdict: 'bad',
      finding:
        'Nobody at Microsoft has asked us yet. It begins when it has got an OPTIONS of ours that it takes; then it calls the name and port of our Contact',
      remedy: `First OPTIONS to the hubs have to be answered with 200; then the DNS, the firewall and the port forwarding have to lead from Microsoft to ${patient.name}:${patient.listener.advertisedPort}`,
    }
  const ago = now - Date.parse(latest.lastAt)
  const seconds = Math.max(0, Math.round(ago / 1000))
  if (ago > LATE_MS)
    return {
      verdict: 'warning',
      finding: `The last OPTIONS from Microsoft came ${seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`} ago, from ${latest.host}`,
      remedy: 'Are our own OPTIONS answered? Microsoft asks those alone that it hears from',
      facts,
    }
  return { verdict: 'good', finding: `The last one came ${seconds} s ago, from ${latest.host} (${latest.addresses.join(', ')})`, facts }
}

/** A hub that we turn away is the one thing that neither side's pages show well. */
const refusalsOutcome = async (patient: Patient, now: number): Promise<Outcome> => {
  const refusals = await patient.refusals()
  if (typeof refusals === 'string') return skipped(refusals)
  const networks = CLOUD_FACTS[patient.cloud].networks.flatMap((text) => network(text) ?? [])
  const recent = refusals.filter(
    ({ at, source, listener }) =>
      listener === patient.listener.name && now - Date.parse(at) < RECENT_MS && networks.some(({ contains }) => contains(source)),
  )
  const [latest] = recent
  if (latest === undefined) return { verdict: 'good', finding: "Nobody from Microsoft's networks was refused" }
  return {
    verdict: 'bad',
    finding: `${recent.length === 1 ? 'An address' : `${recent.length} addresses`} of Microsoft's networks ${recent.length === 1 ? 'was' : 'were'} refused, the last one ${latest.source} at ${latest.at}: ${latest.why}`,
    remedy:
      'When it is a hub: update the edge and its roots, or look at "admit" and "peers" of the zone. Machines of others are in these networks, too',
    facts: recent.slice(0, SHOWN).map(({ source, at, why, count }) => [source, `${at}, ${count} times: ${why}`] as const),
  }
}
