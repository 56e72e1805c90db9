/** What is wrong with the edge at this moment, gathered from everything that it tells, worst first. */
import type { CertificateView, Health, State, TeamsView } from '../api/types.ts'
import { countOf, listText } from './numbers.ts'
import { byLevel, type Level } from './status.ts'

export interface Trouble {
  readonly level: Level & ('error' | 'warn')
  /** One sentence without a full stop. */
  readonly text: string
  /** What helps; the last of the sentences that the server has about it. */
  readonly remedy?: string
  /** Where to do something about it: a path of the pages, `/certificates/main`. */
  readonly to: string
}

export interface Known {
  readonly state?: State | undefined
  readonly certificates?: readonly CertificateView[] | undefined
  readonly teams?: readonly TeamsView[] | undefined
  readonly checks?: Health['checks'] | undefined
}

/** Whether somebody has connected Microsoft Teams. */
export const hasTeams = (state: State | undefined): boolean => state?.zones.some(({ kind }) => kind === 'teams') === true

export const troublesOf = ({ state, certificates = [], teams = [], checks = [] }: Known): readonly Trouble[] => {
  const found: Trouble[] = [
    ...(state === undefined ? [] : ofState(state)),
    ...certificates.flatMap(ofCertificate),
    // Zones often share a certificate
    ...new Map(teams.flatMap(ofTeams).map((trouble) => [trouble.text, trouble])).values(),
  ]
  // Checks repeat much of the above in other words: only what nothing else tells of
  const told = found.map(({ text }) => text.toLowerCase()).join('\n')
  for (const { name, ok, required, detail } of checks) {
    if (ok || told.includes(detail.toLowerCase()) || /^(listener|certificate|media)/.test(name)) continue
    found.push({ level: required ? 'error' : 'warn', text: `${name}: ${detail}`, to: '/' })
  }
  return found.toSorted(byLevel)
}

const ofState = (state: State): readonly Trouble[] => {
  const found: Trouble[] = []
  if (state.phase === 'stopping')
    found.push({ level: 'warn', text: 'The edge is stopping: it finishes what is under way and takes nothing new', to: '/log' })
  for (const { name, bind, open } of state.listeners) {
    if (!open)
      found.push({
        level: 'error',
        text: `Listener ${name} is not open on ${bind}`,
        remedy: 'See whether another program has the port; the log tells why',
        to: '/log',
      })
  }
  for (const { name: zone, kind, targets } of state.zones) {
    const down = targets.filter(({ health }) => health === 'down')
    if (down.length === 0) continue
    const all = targets.every(({ health, drain }) => health === 'down' || drain)
    const reason = down.length === 1 && down[0]!.reason !== undefined ? `: ${down[0]!.reason}` : ''
    found.push({
      level: all ? 'error' : 'warn',
      text: all
        ? `Zone ${zone} takes no calls: ${down.length === 1 ? `target ${down[0]!.name} is down` : `all ${down.length} targets are down`}${reason}`
        : `${down.length === 1 ? 'Target' : 'Targets'} ${listText(down.map(({ name }) => name))} of zone ${zone} ${down.length === 1 ? 'is' : 'are'} down${reason}`,
      to: kind === 'teams' ? '/teams' : '/zones',
    })
  }
  found.push(...ofMedia(state.media))
  const { lastReload } = state
  if (lastReload?.result === 'refused') {
    const errors = lastReload.problems.filter(({ severity }) => severity === 'error')
    found.push({
      level: 'warn',
      text: `The last reload was refused: ${errors[0]?.message ?? countOf(errors.length, 'problem')}; the configuration from before is in force`,
      ...(errors[0] !== undefined && { remedy: errors[0].remedy }),
      to: '/configuration',
    })
  }
  return found
}

const ofMedia = ({ mode, nodes, unavailable }: State['media']): readonly Trouble[] => {
  if (mode === 'off') return []
  if (unavailable !== undefined) return [{ level: 'error', text: `New calls get no media: ${unavailable}`, to: '/zones' }]
  return nodes
    .filter(({ state }) => state === 'down' || state === 'suspect')
    .map(({ name, state, reason }) => ({
      level: 'warn' as const,
      text: `Media node ${name} is ${state === 'down' ? 'down' : 'being looked at'}${reason === undefined ? '' : `: ${reason}`}`,
      to: '/zones',
    }))
}

const ofCertificate = ({ name, problems }: CertificateView): readonly Trouble[] =>
  problems.map(({ severity, text, remedy }) => ({
    level: severity === 'error' ? 'error' : 'warn',
    text: `Certificate ${name}: ${text}`,
    remedy,
    to: `/certificates/${encodeURIComponent(name)}`,
  }))

/** What Microsoft would not take of a certificate, and what we do not take of Microsoft's; the hubs' health is told by the state. */
const ofTeams = ({ peering: { zone }, certificate: { name, daysLeft, problems }, roots: { missing } }: TeamsView): readonly Trouble[] => [
  ...problems.map((text) => ({
    level: daysLeft < 0 ? ('error' as const) : ('warn' as const),
    text: `Certificate ${name} toward Teams: ${text}`,
    to: '/teams',
  })),
  ...(missing.length === 0
    ? []
    : [{ level: 'warn' as const, text: `Zone ${zone} does not accept ${listText(missing)}, which Microsoft uses`, to: '/teams' }]),
]

/** The headline of the overview. */
export const verdictOf = (troubles: readonly Trouble[]): { readonly level: Level; readonly text: string } => {
  const errors = troubles.filter(({ level }) => level === 'error').length
  const warnings = troubles.length - errors
  if (troubles.length === 0) return { level: 'ok', text: 'Everything is well' }
  if (errors === 0) return { level: 'warn', text: warnings === 1 ? 'One thing to look at' : `${warnings} things to look at` }
  const rest = warnings === 0 ? '' : ` and ${countOf(warnings, 'warning')}`
  return { level: 'error', text: `${countOf(errors, 'problem')}${rest}` }
}
