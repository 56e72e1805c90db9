import type { Static } from 'typebox'
import { canonicalName } from '../sip/headers/table.ts'
import { ROUTING_HEADERS } from '../zones/protected.ts'
import type { HeaderRule, NumberField, NumberRule } from '../zones/rules.ts'
import { regularExpression } from './patterns.ts'
import { type Fault, fault, isFault, type Report } from './report.ts'
import type { headerRule, numberRule } from './schema/rules.ts'
import type { Path } from './source.ts'
import { shortened } from './tree.ts'

export type NumberRuleText = Static<typeof numberRule>
export type HeaderRuleText = Static<typeof headerRule>

/** One value or a list, as a list; entries that were wrong (and are reported) are left out. */
export const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] => placed(value, []).map(([entry]) => entry)

/** The same with the place of each entry in the file. */
export const placed = <T>(value: T | readonly T[] | undefined, path: Path): readonly (readonly [entry: T, path: Path])[] => {
  if (value === undefined) return []
  if (!Array.isArray(value)) return [[value as T, path]]
  return (value as readonly T[]).flatMap((entry, index) => (entry === undefined ? [] : [[entry, [...path, index]] as const]))
}

export const numberRules = (rules: readonly NumberRuleText[] | undefined, path: Path, report: Report): readonly NumberRule[] =>
  placed(rules, path).flatMap(([rule, place]) => numberRuleOf(rule, place, report) ?? [])

const numberRuleOf = (rule: NumberRuleText, path: Path, report: Report): NumberRule | undefined => {
  const fields: readonly NumberField[] = [...new Set(listOf(rule.on ?? 'request-uri'))]
  if ('e164' in rule) {
    const { country, 'trunk-prefix': trunkPrefix = '0', shortest = 6 } = rule.e164
    return { kind: 'e164', fields, country, trunkPrefix, shortest }
  }
  if ('match' in rule) {
    const match = report.take([...path, 'match'], regularExpression(rule.match, 'anywhere'))
    if (match === undefined || rule.replace === undefined) return undefined
    const groups = new RegExp(`${match.source}|`).exec('')!.length - 1
    const missing = [...rule.replace.matchAll(/\$(\d)/g)].find(([, digit]) => Number(digit) > groups)
    if (missing !== undefined)
      report.error(
        [...path, 'replace'],
        `"${rule.replace}" uses ${missing[0]}, and the expression has ${groups} groups`,
        'Put ( ) around the part that is meant',
      )
    return { kind: 'regex', fields, match, replace: rule.replace }
  }
  const when = rule.when === undefined ? undefined : report.take([...path, 'when'], regularExpression(rule.when, 'whole'))
  const condition = when === undefined ? {} : { when }
  return 'strip' in rule
    ? { kind: 'strip', fields, digits: rule.strip, ...condition }
    : { kind: 'prefix', fields, text: rule.prefix, ...condition }
}

export const headerRules = (rules: readonly HeaderRuleText[] | undefined, path: Path, report: Report): readonly HeaderRule[] =>
  placed(rules, path).flatMap(([rule, place]) => headerRuleOf(rule, place, report) ?? [])

const headerRuleOf = (rule: HeaderRuleText, path: Path, report: Report): HeaderRule | undefined => {
  if ('keep' in rule) {
    // Naming a header that stays anyway does no harm
    const names = placed(rule.keep, [...path, 'keep']).flatMap(([written, place]) => report.take(place, nameOf(written))?.name ?? [])
    return { kind: 'keep', names }
  }
  if ('remove' in rule) {
    const named = report.take([...path, 'remove'], touchable(rule.remove))
    return named && { kind: 'remove', name: named.name }
  }
  const kind = 'add' in rule ? 'add' : 'set'
  const line: string | undefined = 'add' in rule ? rule.add : rule.set
  if (line === undefined) return undefined
  const colon = line.indexOf(':')
  // Heads are latin1 text, one character a byte: what goes in has to be the bytes of its UTF-8 form (§7.3.1 TEXT-UTF8)
  const value = Buffer.from(line.slice(colon + 1).trim()).toString('latin1')
  if (colon < 1 || value === '') {
    report.error([...path, kind], `"${shortened(line)}" is no header line`, 'Write NAME: VALUE, such as "X-Side: edge"')
    return undefined
  }
  const named = report.take([...path, kind], touchable(line.slice(0, colon).trim()))
  return named && { kind, name: named.name, display: named.display, value }
}

const nameOf = (written: string): { readonly name: string; readonly display: string } | Fault => {
  const name = canonicalName(written.trim())
  return name === undefined
    ? fault(`"${shortened(written)}" is no header name`, 'Write letters, digits and hyphens, such as X-Side')
    : { name, display: written.trim() }
}

const touchable = (written: string): { readonly name: string; readonly display: string } | Fault => {
  const named = nameOf(written)
  if (isFault(named) || !ROUTING_HEADERS.has(named.name)) return named
  return fault(
    `Header ${written} belongs to SIP routing and cannot be touched by a rule`,
    'Remove this rule; numbers in From and To are changed by number rules',
  )
}
