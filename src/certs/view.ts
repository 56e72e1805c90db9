/** What people are shown of a certificate: which names, until when, what happens next. */
import { daysLeft } from './alarms.ts'
import type { CertificateProblem, CertificateView } from './types.ts'
import { type Plan, planOf, shareOf, type UpkeepFacts } from './upkeep.ts'
import { inUse } from './usage.ts'
import type { Ward } from './ward.ts'

/** What a view needs beside the certificate itself. */
export interface Surroundings {
  /** Milliseconds since 1970. */
  readonly now: number
  /** It is being ordered, or waits for another order. */
  readonly ordering: 'no' | 'runs' | 'waits'
  /** Another process that takes care of all certificates. */
  readonly other: { readonly pid: number } | undefined
}

export const viewOf = (ward: Ward, around: Surroundings): CertificateView => {
  const { name, entry, usage, shown, state, versions } = ward
  const { now } = around
  const { order } = state.value
  const history = versions.filter(({ serial }) => serial !== ward.pair?.facts.serial)
  const described =
    shown === undefined
      ? {}
      : {
          issuer: shown.facts.issuer,
          serial: shown.facts.serial,
          keyType: shown.facts.keyType,
          sha256: shown.facts.sha256,
          validFrom: shown.facts.validFrom,
          validTo: shown.facts.validTo,
          daysLeft: daysLeft(shown.validTo, now),
        }
  return {
    name,
    source: entry.source.kind,
    hosts: shown?.facts.hosts ?? entry.hosts,
    ...described,
    usedBy: [...usage.at.map(({ listener }) => listener), ...usage.also],
    next: nextOf(ward, around),
    problems: problemsOf(ward, now),
    ...(order === undefined ? {} : { order: { running: around.ordering === 'runs', steps: order.steps } }),
    history,
  }
}

/** The facts that decide when a certificate is ordered. `now`: milliseconds since 1970. */
export const factsOf = (ward: Ward, now: number): UpkeepFacts => {
  const { pair, state, usage, entry } = ward
  const { failure, window, order, heldUntil, revoked } = state.value
  const settings = entry.source.kind === 'acme' ? entry.source.settings : undefined
  return {
    now,
    inUse: inUse(usage),
    current: pair,
    share: pair === undefined ? 0 : shareOf(pair.facts.sha256),
    stale: staleness(ward),
    renewBeforeMs: settings?.renewBeforeMs,
    window: window?.of === pair?.facts.sha256 ? window?.span : undefined,
    failure,
    interrupted: order?.running === true ? order.steps.at(-1)?.time : undefined,
    heldUntil,
    revoked: revoked !== undefined && revoked === pair?.facts.serial,
  }
}

/** Why the certificate is not the one that is configured; undefined when it is. */
const staleness = ({ pair, state, entry }: Ward): string | undefined => {
  if (entry.source.kind !== 'acme' || pair === undefined) return undefined
  const { settings, keyType } = entry.source
  const { ordered } = state.value
  const same = (one: readonly string[], other: readonly string[]): boolean => [...one].sort().join() === [...other].sort().join()
  // One that came another way is good as long as it has the names
  if (ordered === undefined) {
    const shown = pair.facts.hosts
    return entry.hosts.every((host) => shown.includes(host)) ? undefined : 'names were added'
  }
  if (!same(ordered.hosts, entry.hosts)) return 'its names were changed'
  if (ordered.keyType !== keyType) return 'another key is configured'
  return ordered.directory === settings.directory ? undefined : 'another CA is configured'
}

const problemsOf = (ward: Ward, now: number): readonly CertificateProblem[] => {
  const { pair, damage, entry, state, usage, watch, problems } = ward
  const { failure } = state.value
  const found: CertificateProblem[] = []
  if (damage !== undefined) found.push(damage)
  if (pair === undefined && entry.source.kind !== 'development' && entry.source.kind !== 'files') {
    const remedy =
      entry.source.kind === 'acme'
        ? 'It is put in force as soon as the CA has signed it'
        : 'Upload it, or make a request and upload the answer'
    found.push({
      severity: inUse(usage) ? 'error' : 'warning',
      text: 'It is not there yet: a certificate of the development CA stands in, which nobody trusts',
      remedy,
    })
  }
  if (failure !== undefined)
    found.push({
      severity: pair === undefined || pair.validTo - now < 7 * 86_400_000 ? 'error' : 'warning',
      text: failure.text,
      remedy: `It is tried again after ${new Date(failure.retryAt).toISOString()}, or at once with "renew"`,
    })
  if (entry.source.kind === 'files' && damage === undefined && watch?.waiting === true)
    found.push({ severity: 'warning', text: 'The files have changed', remedy: 'They are taken over when both have come to rest' })
  return [...found, ...problems]
}

const nextOf = (ward: Ward, { now, ordering, other }: Surroundings): CertificateView['next'] => {
  const { entry, usage, pair, state } = ward
  const { order, requested } = state.value
  if (ordering === 'runs') return { what: 'ordering', text: order?.steps.at(-1)?.text ?? 'The order begins' }
  if (ordering === 'waits') return { what: 'ordering', text: 'It is ordered when another order is done' }
  const until = pair === undefined ? undefined : new Date(pair.validTo).toISOString()
  const replace = (text: string): CertificateView['next'] => ({ what: 'replace', ...(until !== undefined && { at: until }), text })
  switch (entry.source.kind) {
    case 'development':
      return { what: 'nothing', text: 'It is made anew by itself' }
    case 'files':
      return replace('Replace the files before it ends; they are taken over by themselves')
    case 'stored':
      if (requested !== undefined)
        return { what: 'answer', text: `A request was made on ${day(requested.time)}; upload what the CA answers` }
      return replace(pair === undefined ? 'Upload a certificate, or make a request' : 'Upload another one before it ends')
    case 'acme':
      if (!inUse(usage)) return { what: 'nothing', text: 'No listener uses it, so it is not ordered' }
      if (other !== undefined) return { what: 'nothing', text: `Another process (${other.pid}) on this data folder takes care of it` }
      return planned(planOf(factsOf(ward, now)), staleness(ward), now)
  }
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10)

const WHY: Readonly<Record<Plan['why'], string>> = {
  first: 'It is ordered now',
  stale: 'It is ordered anew',
  revoked: 'It was revoked and is ordered anew',
  window: 'It is renewed by itself, at a time that the CA suggests',
  'renew-before': 'It is renewed by itself, at the configured time before its end',
  life: 'It is renewed by itself, after two thirds of its life',
  retry: 'The last order failed; it is tried again',
  interrupted: 'The last order was cut off by a restart; it is tried again',
}

const planned = (plan: Plan | undefined, stale: string | undefined, now: number): CertificateView['next'] => {
  if (plan === undefined) return { what: 'nothing', text: 'It is not ordered' }
  const at = new Date(Math.max(plan.at, now)).toISOString()
  const what = plan.why === 'retry' || plan.why === 'interrupted' ? 'retry' : 'renew'
  return { what, at, text: plan.why === 'stale' ? `${WHY.stale}, because ${stale}` : WHY[plan.why] }
}
