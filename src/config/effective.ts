import { flow } from './flow.ts'
import { type LoadedDocument, originText } from './load.ts'
import { SCHEMA } from './schema.ts'
import { type Path, pathText } from './source.ts'
import type { SchemaNode } from './tree.ts'

/** Values of such headers let somebody in elsewhere. */
const SENSITIVE_HEADER = /auth|token|secret|password|api-?key|cookie/i
const MASK = '***'

/**
 * The configuration that is in force, as YAML that can be loaded again: what the file says, what the environment
 * overrides, and every default, each with where it comes from. Secrets are masked.
 */
export const effectiveConfig = (document: LoadedDocument): string => {
  const settings = copied(document.settings) as Record<string, unknown>
  const origins = new Map([...document.origins].map(([path, origin]) => [path, originText(origin)]))
  for (const { path, value, why } of document.derived) {
    if (place(settings, path, value)) origins.set(pathText(path), `default: ${why}`)
  }
  const lines: string[] = [`# Effective configuration of ${document.file}`]
  render(settings, [], SCHEMA, origins, '', lines)
  return `${lines.join('\n')}\n`
}

const isMapping = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const copied = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copied)
  return isMapping(value) ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copied(entry)])) : value
}

/** Puts a derived value where nothing is written yet. */
const place = (settings: Record<string, unknown>, path: Path, value: unknown): boolean => {
  let container: Record<string, unknown> = settings
  for (const step of path.slice(0, -1)) {
    const next = container[step] ?? {}
    if (!isMapping(next)) return false
    container[step] = next
    container = next
  }
  const last = path.at(-1)!
  if (container[last] !== undefined) return false
  container[last] = value
  return true
}

const render = (
  value: Record<string, unknown>,
  path: Path,
  schema: SchemaNode,
  origins: ReadonlyMap<string, string>,
  indent: string,
  lines: string[],
): void => {
  for (const [key, entry] of Object.entries(value)) {
    const inside = [...path, key]
    const inner = schemaInside(schema, key)
    const label = `${indent}${flow(key)}:`
    if (isMapping(entry) && !isSecret(inner)) {
      if (Object.keys(entry).length === 0) lines.push(`${label} {}`)
      else {
        lines.push(label)
        render(entry, inside, inner, origins, `${indent}  `, lines)
      }
    } else if (Array.isArray(entry) && entry.some(isMapping)) {
      lines.push(label)
      for (const [index, item] of entry.entries()) {
        const at = lines.length
        const itemPath = [...inside, index]
        if (isMapping(item)) render(item, itemPath, schemaInside(inner, index), origins, `${indent}    `, lines)
        else lines.push(`${indent}    ${flow(item)}${remark(itemPath, origins)}`)
        lines[at] = `${indent}  - ${(lines[at] ?? '{}').trimStart()}`
      }
    } else lines.push(`${label} ${flow(masked(inside, inner, entry))}${remark(inside, origins)}`)
  }
}

const remark = (path: Path, origins: ReadonlyMap<string, string>): string => {
  const origin = origins.get(pathText(path))
  return origin === undefined || origin === '' ? '' : `  # ${origin}`
}

const alternativesOf = (schema: SchemaNode): readonly SchemaNode[] => schema.anyOf?.flatMap(alternativesOf) ?? [schema]

/** The schema of a part; an empty one where several are possible and nothing depends on which. */
const schemaInside = (schema: SchemaNode, step: string | number): SchemaNode => {
  for (const alternative of alternativesOf(schema)) {
    const found =
      typeof step === 'number'
        ? alternative.items
        : (alternative.properties?.[step] ?? Object.values(alternative.patternProperties ?? {})[0])
    if (found !== undefined) return found
  }
  return {}
}

const isSecret = (schema: SchemaNode): boolean => schema.secret === true

/** What may be shown of a value: nothing of a secret, and only the name of a header that carries one. */
export const masked = (path: Path, schema: SchemaNode, value: unknown): unknown => {
  if (isSecret(schema)) return MASK
  const last = path.at(-1)
  if (typeof value !== 'string' || (last !== 'add' && last !== 'set')) return value
  const colon = value.indexOf(':')
  return SENSITIVE_HEADER.test(value.slice(0, colon)) ? `${value.slice(0, colon)}: ${MASK}` : value
}
