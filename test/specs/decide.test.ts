/**
 * The decision table: `decide.json` holds zones, and cases of a request, the routes, what is down or draining, the random numbers that are
 * drawn, and the expected decision in words: targets in order, `then` between groups, `+` inside of a group, and the rule that decided.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Candidate, decide, type RouteDecision, type Rule, rulesWith } from '../../src/routing/decide.ts'
import type { Route, RouteAction } from '../../src/routing/route.ts'
import { parseUri } from '../../src/sip/uri.ts'
import type { Target, Zone } from '../../src/zones/zone.ts'
import { connection, LISTENERS, request, side, target, web, zone } from '../unit/routing/support.ts'

interface RouteText {
  readonly from?: string[]
  readonly methods?: string[]
  readonly host?: string
  readonly user?: string
  readonly number?: string
  readonly headers?: Record<string, string>
  readonly tenant?: string
  readonly to?: string | string[]
  readonly fork?: 'parallel'
  readonly requestUri?: 'target' | 'keep'
  readonly respond?: string
  readonly drop?: true
}

interface Case {
  readonly what: string
  readonly request: {
    readonly from?: string
    readonly method?: string
    readonly uri?: string
    readonly lines?: string[]
    readonly via?: string
  }
  readonly routes: RouteText[]
  readonly down?: string[]
  readonly drain?: string[]
  readonly random?: number[]
  readonly policy?: string
  readonly expect: string
}

interface Specs {
  readonly zones: Record<string, { readonly listeners: string[]; readonly targets: (Partial<Target> & { readonly name: string })[] }>
  readonly cases: Case[]
}

const SPECS = JSON.parse(readFileSync(new URL('decide.json', import.meta.url), 'utf8')) as Specs

const zonesOf = (drain: readonly string[]): ReadonlyMap<string, Zone> =>
  new Map(
    Object.entries(SPECS.zones).map(([name, { listeners, targets }]) => [
      name,
      zone(
        name,
        LISTENERS.filter((one) => listeners.includes(one.name)),
        { targets: targets.map((each) => target(each.name, { ...each, drain: drain.includes(each.name) })) },
      ),
    ]),
  )

const actionOf = ({ to, fork, requestUri, respond }: RouteText): RouteAction => {
  if (respond !== undefined) return { kind: 'respond', status: Number(respond.slice(0, 3)), reason: respond.slice(4) }
  if (to === undefined) return { kind: 'drop' }
  return { kind: 'zone', zones: typeof to === 'string' ? [to] : to, fork: fork ?? 'serial', requestUri, advertise: undefined }
}

const expression = (text: string | undefined) => (text === undefined ? undefined : new RegExp(text))

const routeOf = (text: RouteText, index: number): Route => ({
  name: `r${index}`,
  from: text.from ?? [],
  methods: text.methods ?? [],
  host: expression(text.host),
  user: expression(text.user),
  number: expression(text.number),
  headers: Object.entries(text.headers ?? {}).map(([name, match]) => ({ name, match: new RegExp(match) })),
  tenant: text.tenant,
  action: actionOf(text),
  numbers: [],
  headerRules: [],
})

const policyOf = (text: string | undefined): Rule | undefined => {
  if (text === undefined) return undefined
  const forward = { kind: 'forward', rule: 'policy', advertise: undefined, numbers: [], headers: [] } as const
  const decisions: Readonly<Record<string, unknown>> = { pass: { kind: 'pass' }, nothing: undefined, nobody: { ...forward, groups: [[]] } }
  const decision =
    text in decisions ? decisions[text] : { kind: 'respond', status: Number(text.slice(0, 3)), reason: text.slice(4), rule: 'policy' }
  return { name: 'policy', decide: () => decision as RouteDecision }
}

const candidateText = (candidate: Candidate): string => {
  if (candidate.kind === 'side') return `${candidate.side.zone.name}:flow`
  if (candidate.kind === 'request-uri') return `${candidate.zone.name}:request-uri`
  return candidate.target.name + (candidate.requestUri === 'keep' ? '(keep)' : '')
}

const shown = (decision: RouteDecision): string => {
  switch (decision.kind) {
    case 'forward':
      return `${decision.groups.map((group) => group.map(candidateText).join(' + ')).join(' then ')} by ${decision.rule}`
    case 'respond':
      return `${decision.status} ${decision.reason} by ${decision.rule}`
    case 'drop':
      return `drop by ${decision.rule}`
    default:
      return decision.kind
  }
}

describe('where an initial request goes', () => {
  test.each(SPECS.cases)('$what', ({ request: asked, routes, down = [], drain = [], random = [], policy, expect: expected }) => {
    const zones = zonesOf(drain)
    const one = request(asked.uri ?? 'sip:bob@example.com', { method: asked.method ?? 'INVITE', lines: asked.lines ?? [] })
    const drawn = [...random]
    const view = {
      zones,
      routes: routes.map(routeOf),
      usable: (_zone: Zone, one: Target) => !down.includes(one.name),
      random: () => drawn.shift() ?? 0,
      called: () => ({ kind: 'nobody', status: 404, reason: 'Not Found' }) as const,
    }
    const via = asked.via === undefined ? undefined : side(zones.get(asked.via)!, web, connection('c1'))
    const classified = { request: one, uri: parseUri(one.requestUri)!, zone: zones.get(asked.from ?? 'pbx')!, via }
    expect(shown(decide(classified, view, rulesWith(policyOf(policy))))).toBe(expected)
  })

  test('each case has a name of its own', () => {
    expect(new Set(SPECS.cases.map(({ what }) => what)).size).toBe(SPECS.cases.length)
  })
})
