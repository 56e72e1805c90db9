/**
 * What a form shows of a part of the configuration: from its schema and from what is written. One level at a time: a form asks for the next
 * when somebody opens it.
 */
import type { SchemaNode } from '../../../src/config/tree.ts'
import { addItem, type Patched, type Plain, removeAt, setAt } from '../../../src/config/yaml-patch.ts'
import { nodeAt, type Path, readYaml, type YamlNode } from '../../../src/config/yaml-tree.ts'

export type { SchemaNode } from '../../../src/config/tree.ts'

interface Common {
  readonly path: Path
  readonly schema: SchemaNode
  readonly required: boolean
  readonly written: boolean
  /** Several forms that the value can have; `current` is -1 while none is written. */
  readonly variants?: { readonly labels: readonly string[]; readonly schemas: readonly SchemaNode[]; readonly current: number }
}

export type Field = Common &
  (
    | { readonly kind: 'text' | 'number'; readonly value: string }
    | { readonly kind: 'choice'; readonly value: string; readonly options: readonly string[] }
    /** One text or a list of them. */
    | { readonly kind: 'texts'; readonly values: readonly string[]; readonly options?: readonly string[] }
    /** A mapping with keys that the schema knows. */
    | { readonly kind: 'group'; readonly keys: readonly string[]; readonly count: number }
    /** A mapping with keys of the operator's choice. */
    | { readonly kind: 'named'; readonly names: readonly string[]; readonly values: SchemaNode }
    | { readonly kind: 'items'; readonly count: number; readonly items: SchemaNode }
    /** Not one of its variants yet. */
    | { readonly kind: 'none' }
    /** Written in a way that only the text shows. */
    | { readonly kind: 'text only' }
  )

const isScalarSchema = ({ type, enum: choices }: SchemaNode): boolean =>
  type === 'string' || type === 'integer' || type === 'boolean' || (type === undefined && choices !== undefined)

const isNothing = (node: YamlNode | undefined): boolean => node === undefined || (node.kind === 'scalar' && node.style === 'empty')

export const fieldOf = (schema: SchemaNode, root: YamlNode | undefined, path: Path, required = false): Field => {
  const node = nodeAt(root, path)
  const common = { path, schema, required, written: !isNothing(node) }
  if (node?.kind === 'opaque') return { ...common, kind: 'text only' }
  if (schema.anyOf !== undefined) return choiceOf(schema.anyOf, node, common)
  return plainField(schema, node, common)
}

const plainField = (schema: SchemaNode, node: YamlNode | undefined, common: Common): Field => {
  const textOnly: Field = { ...common, kind: 'text only' }
  if (schema.type === 'object') {
    if (!isNothing(node) && node?.kind !== 'map') return textOnly
    const written = node?.kind === 'map' ? node.entries.map(({ key }) => key) : []
    const values = Object.values(schema.patternProperties ?? {})[0]
    if (values !== undefined) return { ...common, kind: 'named', names: written, values }
    const keys = Object.keys(schema.properties ?? {})
    return { ...common, kind: 'group', keys, count: written.filter((key) => keys.includes(key)).length }
  }
  if (schema.type === 'array') {
    const items = schema.items ?? {}
    if (!isNothing(node) && node?.kind !== 'list') return textOnly
    const own = node?.kind === 'list' ? node.items : []
    if (!isScalarSchema(items)) return { ...common, kind: 'items', count: own.length, items }
    return textsField(
      items,
      own.map(({ value }) => value),
      common,
    )
  }
  if (!isNothing(node) && node?.kind !== 'scalar') return textOnly
  const value = node?.kind === 'scalar' ? node.value : ''
  if (schema.type === 'boolean') return { ...common, kind: 'choice', value, options: ['true', 'false'] }
  if (schema.enum !== undefined) return { ...common, kind: 'choice', value, options: schema.enum }
  return { ...common, kind: schema.type === 'integer' ? 'number' : 'text', value }
}

const textsField = (items: SchemaNode, nodes: readonly YamlNode[], common: Common): Field => {
  const values = nodes.flatMap((node) => (node.kind === 'scalar' ? [node.value] : []))
  if (values.length < nodes.length) return { ...common, kind: 'text only' }
  return { ...common, kind: 'texts', values, ...(items.enum !== undefined && { options: items.enum }) }
}

const choiceOf = (alternatives: readonly SchemaNode[], node: YamlNode | undefined, common: Common): Field => {
  const [one, many] = alternatives
  if (alternatives.length === 2 && isScalarSchema(one!) && many?.type === 'array' && isScalarSchema(many.items ?? {})) {
    if (isNothing(node)) return textsField(one!, [], common)
    return node!.kind === 'map'
      ? { ...common, kind: 'text only' }
      : textsField(one!, node!.kind === 'list' ? node!.items.map(({ value }) => value) : [node!], common)
  }
  if (alternatives.every(isScalarSchema)) {
    if (!isNothing(node) && node?.kind !== 'scalar') return { ...common, kind: 'text only' }
    return { ...common, kind: 'text', value: node?.kind === 'scalar' ? node.value : '' }
  }
  const current = isNothing(node) ? -1 : alternatives.findIndex((alternative) => fits(alternative, node!))
  if (current < 0 && !isNothing(node)) return { ...common, kind: 'text only' }
  const variants = { labels: alternatives.map(labelOf), schemas: alternatives, current }
  const chosen = alternatives[current]
  if (chosen === undefined) return { ...common, variants, kind: 'none' }
  return { ...plainField(chosen, node, { ...common, variants }), schema: { ...chosen, ...described(common.schema, chosen) } }
}

/** A choice is described as a whole; its alternatives say how they look. */
const described = (whole: SchemaNode, chosen: SchemaNode): SchemaNode => ({
  ...((chosen.description ?? whole.description) !== undefined && { description: (chosen.description ?? whole.description)! }),
  ...(whole.requiresRestart === true && { requiresRestart: true }),
})

const fits = (schema: SchemaNode, node: YamlNode): boolean => {
  switch (node.kind) {
    case 'map': {
      if (schema.type !== 'object') return false
      const keys = new Set(node.entries.map(({ key }) => key))
      return (schema.required ?? []).every((key) => keys.has(key)) || keys.size === 0
    }
    case 'list':
      return schema.type === 'array'
    case 'scalar':
      if (schema.enum !== undefined) return schema.enum.includes(node.value)
      if (schema.type === 'boolean') return node.value === 'true' || node.value === 'false'
      return isScalarSchema(schema)
    default:
      return false
  }
}

const labelOf = (schema: SchemaNode): string => {
  if (schema.enum !== undefined) return schema.enum.join(' or ')
  if (schema.type === 'boolean') return 'on or off'
  if (schema.type === 'object')
    return schema.required === undefined || schema.required.length === 0 ? 'settings' : schema.required.join(', ')
  if (schema.type === 'array') return 'list'
  return 'short form'
}

/** What something new begins as: only what has to be there. */
export const blankOf = (schema: SchemaNode): Plain => {
  const example = schema.examples?.[0]
  if (schema.anyOf !== undefined)
    return typeof example === 'string' || Array.isArray(example) ? (example as Plain) : blankOf(schema.anyOf[0]!)
  if (schema.type === 'object')
    return Object.fromEntries((schema.required ?? []).map((key) => [key, blankOf({ ...schema.properties?.[key] })] as const))
  if (schema.type === 'array') return Array.isArray(example) ? (example as Plain) : [blankOf(schema.items ?? {})]
  if (schema.enum !== undefined) return schema.enum[0] ?? ''
  if (schema.type === 'boolean') return true
  if (typeof example === 'string' || typeof example === 'number') return example
  return schema.type === 'integer' ? (schema.minimum ?? 0) : ''
}

/** Another variant of a value, with what it has in common with the one before: `x` and `{ uri: x }`. */
export const asVariant = (schemas: readonly SchemaNode[], index: number, root: YamlNode | undefined, path: Path): Plain => {
  const wanted = schemas[index]!
  const node = nodeAt(root, path)
  const blank = blankOf(wanted)
  const first = wanted.type === 'object' ? wanted.required?.[0] : undefined
  if (node?.kind === 'scalar' && node.style !== 'empty' && first !== undefined && wanted.properties?.[first]?.type === 'string')
    return { ...(blank as { readonly [key: string]: Plain }), [first]: node.value }
  if (node?.kind === 'map' && wanted.type === 'string') {
    const before = schemas.find((alternative) => fits(alternative, node))?.required?.[0]
    const value = node.entries.find(({ key }) => key === before)?.value
    if (value?.kind === 'scalar') return value.value
  }
  return blank
}

/** Sets a text; an empty one takes the setting away, so that its default holds. */
export const writeText = (text: string, { path, required, schema }: Field, value: string): Patched => {
  if (value === '' && !required && !(schema.type === 'string' && schema.default !== undefined && schema.minLength === undefined))
    return typeof path.at(-1) === 'number' ? text : removeAt(text, path)
  return setAt(text, path, value)
}

/** Sets a list of texts with as few changes as there can be: what stays keeps its comment. */
export const writeTexts = (text: string, path: Path, values: readonly string[]): Patched => {
  const node = nodeAt(readYaml(text), path)
  if (values.length === 0) return removeAt(text, path)
  if (node?.kind !== 'list') return setAt(text, path, values.length === 1 && !isNothing(node) ? values[0]! : values)
  const old = node.items.map(({ value }) => (value.kind === 'scalar' ? value.value : ''))
  let start = 0
  while (start < old.length && start < values.length && old[start] === values[start]) start++
  let end = 0
  while (end < old.length - start && end < values.length - start && old.at(-1 - end) === values.at(-1 - end)) end++
  const [gone, come] = [old.length - start - end, values.slice(start, values.length - end)]
  let next: Patched = text
  for (let index = 0; index < Math.min(gone, come.length); index++) next = next && setAt(next, [...path, start + index], come[index]!)
  for (let index = gone - 1; index >= come.length; index--) next = next && removeAt(next, [...path, start + index])
  if (come.length <= gone) return next
  // Room in the middle of a list is made by moving what is behind it
  const tail = [...come.slice(gone), ...(end === 0 ? [] : values.slice(values.length - end))]
  const from = start + gone
  for (const [index, value] of tail.entries())
    next = next && (from + index < old.length ? setAt(next, [...path, from + index], value) : addItem(next, path, value))
  return next
}

/** `zones` → `Zones`, `public-address` → `Public address`. */
export const titleOf = (key: string): string => {
  const words = key.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** What holds when nothing is written, as far as the schema says. */
export const defaultText = ({ default: value }: SchemaNode): string | undefined =>
  value === undefined || typeof value === 'object' ? undefined : value === '' ? '(empty)' : String(value)

/** What values may be, where that is a span: `200ms to 5s`, `1 to 100`. */
export const boundsText = ({ unit, least, most, minimum, maximum, pattern, anyOf }: SchemaNode): string | undefined => {
  const scalar = anyOf?.find((one) => one.type !== 'array' && one.type !== 'object')
  if (scalar !== undefined) return boundsText(scalar)
  if (unit !== undefined && least !== undefined && most !== undefined)
    return `${least} to ${most}${pattern?.includes('off') === true ? ', or off' : ''}`
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  return minimum === undefined ? undefined : `${minimum} or more`
}
