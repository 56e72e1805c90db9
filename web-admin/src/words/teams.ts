/** How things stand between us and Microsoft's hubs, and what the doctor says of it. */
import type { DoctorReport, DoctorStep, PeerTargetView, TeamsView, Verdict } from '../api/types.ts'
import { countOf } from './numbers.ts'
import { type Level, worst } from './status.ts'
import { instant } from './time.ts'

export const CLOUDS: readonly (readonly [cloud: TeamsView['cloud'], text: string])[] = [
  ['worldwide', 'Worldwide, and GCC'],
  ['gcc-high', 'GCC High'],
  ['dod', 'DoD'],
]

export const cloudText = (cloud: TeamsView['cloud']): string => CLOUDS.find(([name]) => name === cloud)?.[1] ?? cloud

export interface Standing {
  readonly level: Level
  readonly text: string
}

export const hubStanding = ({ health, drain, busyUntil }: PeerTargetView, now: number): Standing => {
  if (health === 'down') return { level: 'error', text: 'Down' }
  if (busyUntil !== undefined && instant(busyUntil) > now) return { level: 'warn', text: 'Busy' }
  if (drain) return { level: 'off', text: 'Draining' }
  return health === 'up' ? { level: 'ok', text: 'Up' } : { level: 'off', text: 'Not known yet' }
}

/** What the hub said to the last OPTIONS of ours. */
export const answerStanding = ({ sentAt, answeredAt, status }: PeerTargetView): Standing => {
  if (sentAt === undefined) return { level: 'off', text: 'Not asked yet' }
  if (answeredAt === undefined || status === undefined) return { level: 'warn', text: 'No answer yet' }
  return status < 300 ? { level: 'ok', text: `${status} OK` } : { level: 'error', text: `Refused with ${status}` }
}

/** Hubs ask once a minute, and take a trunk for ill after three of these. */
const SILENT_MS = 5 * 60_000

const hubs = (count: number): string => countOf(count, 'hub')

/** The zone in one sentence. */
export const standingOf = ({ peering: { targets, askers }, certificate, next }: TeamsView, now: number): Standing => {
  const up = targets.filter(({ health }) => health === 'up')
  const down = targets.filter(({ health }) => health === 'down')
  if (certificate.daysLeft < 0) return { level: 'error', text: 'The certificate is over, so no hub talks to us' }
  if (targets.length === 0) return { level: 'error', text: 'The zone has no hub' }
  if (down.length === targets.length) return { level: 'error', text: targets.length === 1 ? 'The hub does not answer' : 'No hub answers' }
  if (targets.every(({ drain }) => drain)) return { level: 'off', text: 'Every hub is taken out for new calls' }
  if (up.length === 0) return { level: 'busy', text: 'The hubs are asked for the first time' }
  if (down.length > 0) return { level: 'warn', text: `${up.length} of ${hubs(targets.length)} answer` }
  if (askers.length === 0) return { level: 'warn', text: 'The hubs answer us, but none has asked us yet' }
  const last = Math.max(...askers.map(({ lastAt }) => instant(lastAt)))
  if (now - last > SILENT_MS) return { level: 'warn', text: 'The hubs answer us, but have stopped asking us' }
  return next === undefined
    ? { level: 'ok', text: 'Calls can go both ways' }
    : { level: 'warn', text: 'Calls can go both ways, and something is left to do' }
}

const VERDICTS: Readonly<Record<Verdict, Standing>> = {
  good: { level: 'ok', text: 'Good' },
  warning: { level: 'warn', text: 'To look at' },
  bad: { level: 'error', text: 'Wrong' },
  skipped: { level: 'off', text: 'Left out' },
}

export const verdictStanding = (verdict: Verdict): Standing => VERDICTS[verdict]

/** @param current whether it is the first one that has no verdict yet */
export const stepStanding = ({ verdict }: DoctorStep, running: boolean, current: boolean): Standing => {
  if (verdict !== undefined) return VERDICTS[verdict]
  if (!running) return { level: 'off', text: 'Not looked at' }
  return current ? { level: 'busy', text: 'Looking' } : { level: 'off', text: 'Waiting' }
}

export interface StepGroup {
  readonly key: string
  readonly title: string
  readonly steps: readonly DoctorStep[]
}

/** As in the report's text; steps of hubs have the hub's own name, unless they are about all of them. */
const GROUPS: Readonly<Record<DoctorStep['group'], string>> = {
  name: 'Our name',
  certificate: 'Our certificate',
  clock: 'Clock',
  hub: 'From Microsoft',
}

/** Steps under the headings of what they look at, in the report's order. */
export const groupsOf = ({ steps }: DoctorReport): readonly StepGroup[] => {
  const groups = new Map<string, { key: string; title: string; steps: DoctorStep[] }>()
  for (const step of steps) {
    const title = step.hub ?? GROUPS[step.group]
    const key = `${step.group} ${title}`
    const group = groups.get(key) ?? { key, title, steps: [] }
    group.steps.push(step)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** Of a group, the worst that was found in it; undefined while something is not looked at. */
export const groupStanding = ({ steps }: StepGroup): Standing | undefined => {
  const verdicts = steps.flatMap(({ verdict }) => verdict ?? [])
  if (verdicts.length < steps.length) return undefined
  const level = worst(verdicts.map((verdict) => VERDICTS[verdict].level))
  return Object.values(VERDICTS).find((standing) => standing.level === level)
}

export const isOver = ({ finishedAt }: DoctorReport): boolean => finishedAt !== undefined

export const doneOf = ({ steps }: DoctorReport): number => steps.filter(({ verdict }) => verdict !== undefined).length

/** Of two reports of one examination, the one that knows more: events and answers overtake each other. */
export const laterOf = (before: DoctorReport | undefined, next: DoctorReport): DoctorReport => {
  if (before === undefined) return next
  if (before.id !== next.id) return instant(next.startedAt) >= instant(before.startedAt) ? next : before
  return isOver(before) || (!isOver(next) && doneOf(next) < doneOf(before)) ? before : next
}

/** `teams-doctor-sbc.example.com-2026-11-21.txt`. */
export const reportFileName = ({ name, startedAt }: DoctorReport): string =>
  `teams-doctor-${name.replace(/[^\w.-]/g, '_')}-${startedAt.slice(0, 10)}.txt`
