import { isMap, isScalar, isSeq, Scalar, YAMLMap, type YAMLSeq } from 'yaml'
import { printable } from './errors.ts'
import { flow } from './flow.ts'
import { didYouMean, type Origin, type Report } from './report.ts'
import { type Path, pathText, type Source } from './source.ts'
import { bytes, milliseconds } from './values.ts'

/** The part of JSON Schema that our schema uses, with its annotations. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly expects?: string
  readonly keys?: string
  readonly unit?: 'duration' | 'size'
  readonly least?: string
  readonly most?: string
  readonly requiresRestart?: boolean
  readonly secret?: boolean
}

export interface Tree {
  /** What the file says, with defaults; `undefined` parts were wrong and are reported. */
  readonly value: unknown
  /** By `pathText`. */
  readonly origins: ReadonlyMap<string, Origin>
}

/** Settings that the environment may override: for containers, where a file is shared. */
export const OVERRIDES: ReadonlyMap<string, string> = new Map([
  ['name', 'EDGEWAYS_NAME'],
  ['public-address', 'EDGEWAYS_PUBLIC_ADDRESS'],
  ['log.level', 'EDGEWAYS_LOG_LEVEL'],
  ['admin.listen', 'EDGEWAYS_ADMIN_LISTEN'],
])

export type Environment = Readonly<Record<string, string | undefined>>

/** Aliases can make a small file stand for a very large one. */
const MAX_VALUES = 200_000

/**
 * Reads a file by its schema: every value that does not fit is reported with its place, defaults are filled in.
 * Not TypeBox's own checker, because that knows neither places in the file nor what a person may have meant. Never throws.
 */
export const readTree = (schema: SchemaNode, source: Source, report: Report, environment: Environment): Tree => {
  const reader = new TreeReader(source, report, environment)
  return { value: reader.read(schema, source.document.contents, []), origins: reader.origins }
}

/** "Must be …", for people. */
export const expectation = (schema: SchemaNode): string => {
  if (schema.expects !== undefined) return schema.expects
  if (schema.enum !== undefined) return schema.enum.length === 1 ? `"${schema.enum[0]}"` : `one of ${schema.enum.join(', ')}`
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(expectation))].join(' or ')
  switch (schema.type) {
    case 'object':
      return 'a mapping (key: value)'
    case 'array':
      return 'a list'
    case 'integer':
      return `a whole number from ${schema.minimum} to ${schema.maximum}`
    case 'boolean':
      return 'true or false'
    default:
      return 'text'
  }
}

const exampleText = (value: unknown): string => flow(value)

const isNothing = (node: unknown): boolean => node === undefined || node === null || (isScalar(node) && node.value === null)

/** The text of a scalar as written: `+44` and `007` are numbers to YAML, and telephone numbers to us. */
const scalarText = (node: Scalar): string => (typeof node.value === 'string' ? node.value : (node.source ?? String(node.value)))

class TreeReader {
  readonly origins = new Map<string, Origin>()
  readonly #source: Source
  readonly #report: Report
  readonly #environment: Environment
  #variable: string | undefined
  #values = 0

  constructor(source: Source, report: Report, environment: Environment) {
    this.#source = source
    this.#report = report
    this.#environment = environment
  }

  read(schema: SchemaNode, written: unknown, path: Path): unknown {
    if (++this.#values > MAX_VALUES) {
      this.#report.error([], `The file stands for more than ${MAX_VALUES} values`, 'Use fewer aliases (*name)')
      return undefined
    }
    const node = this.#source.resolve(written)
    if (this.#source.tooManyAliases) {
      this.#report.error([], 'The file has too many aliases', 'Write out what the aliases (*name) stand for')
      return undefined
    }
    if (isNothing(node) && schema.type !== 'object') return this.#wrong(schema, node, path)
    this.#note(path, written)
    if (schema.anyOf !== undefined) return this.#choice(schema, schema.anyOf, node, path)
    if (schema.type === 'object') {
      if (!isNothing(node) && !isMap(node)) return this.#wrong(schema, node, path)
      const map = isMap(node) ? node : new YAMLMap()
      return schema.patternProperties === undefined
        ? this.#mapping(schema, map, path)
        : this.#named(schema, schema.patternProperties, map, path)
    }
    if (schema.type === 'array') return isSeq(node) ? this.#list(schema, node, path) : this.#wrong(schema, node, path)
    return isScalar(node) ? this.#scalar(schema, node, path) : this.#wrong(schema, node, path)
  }

  #note(path: Path, written: unknown): void {
    const range = (written as { range?: readonly number[] | null } | null | undefined)?.range
    if (this.#variable !== undefined) this.origins.set(pathText(path), { kind: 'environment', variable: this.#variable })
    else if (range) this.origins.set(pathText(path), { kind: 'file', line: this.#source.placeAt(range[0]!).line })
  }

  /** The alternative that the value can only have been meant for, so that one clear sentence can be said about it. */
  #choice(schema: SchemaNode, alternatives: readonly SchemaNode[], node: unknown, path: Path): unknown {
    const fitting = alternatives.filter((alternative) => fits(alternative, node))
    if (fitting.length === 0) return this.#wrong(schema, node, path)
    if (fitting.length === 1 || !isMap(node)) return this.read(fitting[0]!, node, path)
    const keys = new Set(node.items.map((pair) => (isScalar(pair.key) ? pair.key.value : undefined)))
    // Two may have a key of the same name: the one that knows most of what is written
    const known = ({ properties = {} }: SchemaNode): number => Object.keys(properties).filter((key) => keys.has(key)).length
    const meant = fitting
      .filter((alternative) => alternative.required?.some((key) => keys.has(key)))
      .reduce<SchemaNode | undefined>((best, one) => (best === undefined || known(one) > known(best) ? one : best), undefined)
    if (meant !== undefined) return this.read(meant, node, path)
    const choices = fitting.map((alternative) => alternative.required?.[0] ?? '')
    const written = [...keys].find((key) => typeof key === 'string') as string | undefined
    this.#report.error(
      path,
      `Must have one of ${choices.join(', ')}${written === undefined ? '' : `, but has "${written}"`}`,
      didYouMean(written ?? '', choices, 'key'),
    )
    return undefined
  }

  #mapping(schema: SchemaNode, map: YAMLMap, path: Path): unknown {
    const properties = schema.properties ?? {}
    const value: Record<string, unknown> = Object.create(null)
    const written = this.#keys(map, path)
    for (const key of written.keys()) {
      if (Object.hasOwn(properties, key)) continue
      const known = Object.keys(properties)
      this.#report.error([...path, key], `Unknown key "${shortened(key)}"`, didYouMean(key, known, 'key'), 'key')
    }
    for (const [key, property] of Object.entries(properties)) {
      const result = this.#property(property, written.get(key), [...path, key], schema.required?.includes(key) ?? false)
      if (result !== undefined) value[key] = result
    }
    return value
  }

  #property(schema: SchemaNode, written: unknown, path: Path, required: boolean): unknown {
    const place = pathText(path)
    const variable = OVERRIDES.get(place)
    const override = variable === undefined ? undefined : this.#environment[variable]
    if (variable !== undefined && override !== undefined && override !== '') {
      this.#variable = variable
      const value = this.read(schema, new Scalar(override), path)
      this.#variable = undefined
      return value
    }
    if (!isNothing(written)) return this.read(schema, written, path)
    if (this.#overridden(place)) return this.read(schema, new YAMLMap(), path)
    if (required) {
      const example = schema.examples?.[0]
      const remedy = example === undefined ? 'Add it' : `Add it, for example ${path.at(-1)}: ${exampleText(example)}`
      this.#report.error(path, `"${path.at(-1)}" is missing`, remedy, 'key')
      return undefined
    }
    if (schema.default === undefined) return undefined
    this.origins.set(place, { kind: 'default', why: '' })
    // A default of {} means the defaults of what is inside
    const inner = typeof schema.default === 'object' ? [schema, ...(schema.anyOf ?? [])].find(({ type }) => type === 'object') : undefined
    return inner === undefined ? schema.default : this.#mapping(inner, new YAMLMap(), path)
  }

  #overridden(place: string): boolean {
    for (const [path, variable] of OVERRIDES) if (path.startsWith(`${place}.`) && this.#environment[variable]) return true
    return false
  }

  #named(schema: SchemaNode, patterns: Readonly<Record<string, SchemaNode>>, map: YAMLMap, path: Path): unknown {
    const [pattern, values] = Object.entries(patterns)[0]!
    const form = new RegExp(pattern)
    const value: Record<string, unknown> = Object.create(null)
    for (const [key, written] of this.#keys(map, path)) {
      const inside = [...path, key]
      if (!form.test(key))
        this.#report.error(inside, `"${shortened(key)}" cannot be a key here`, `Write ${schema.keys ?? 'another name'}`, 'key')
      else if (isNothing(written) && values.type !== 'object')
        this.#report.error(inside, `"${key}" has no value`, `Write ${expectation(values)}`, 'key')
      else {
        const result = this.read(values, written, inside)
        if (result !== undefined) value[key] = result
      }
    }
    return value
  }

  #keys(map: YAMLMap, path: Path): Map<string, unknown> {
    const keys = new Map<string, unknown>()
    for (const pair of map.items) {
      const key = isScalar(pair.key) ? pair.key.value : undefined
      if (typeof key !== 'string') this.#report.error(path, 'A key is no plain word', 'Write a plain word as the key')
      else if (keys.has(key)) {
        const { line } = this.#source.placeAt((pair.key as Scalar).range?.[0] ?? 0)
        this.#report.error(
          [...path, key],
          `Key "${shortened(key)}" is written twice, again in line ${line}`,
          'Remove one of them, or put both into one',
          'key',
        )
      } else keys.set(key, pair.value)
    }
    return keys
  }

  #list(schema: SchemaNode, list: YAMLSeq, path: Path): unknown {
    const { minItems = 0, maxItems = 10_000, items = {} } = schema
    if (list.items.length < minItems) {
      this.#report.error(path, 'The list is empty', `Write ${expectation(items)}`)
      return undefined
    }
    if (list.items.length > maxItems) {
      this.#report.error(path, `The list has ${list.items.length} entries, more than ${maxItems}`, 'Write fewer')
      return undefined
    }
    // A wrong entry stays as a hole, so that the paths of the others stay true
    return list.items.map((item, index) => this.read(items, item, [...path, index]))
  }

  #scalar(schema: SchemaNode, node: Scalar, path: Path): unknown {
    if (schema.type === 'boolean') {
      if (typeof node.value === 'boolean') return node.value
      return this.#wrong(schema, node, path)
    }
    if (schema.type === 'integer') {
      const number = this.#variable === undefined ? node.value : Number(node.value)
      const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema
      return typeof number === 'number' && Number.isInteger(number) && number >= minimum && number <= maximum
        ? number
        : this.#wrong(schema, node, path)
    }
    const text = scalarText(node)
    if (schema.enum !== undefined)
      return schema.enum.includes(text) ? text : this.#wrong(schema, node, path, didYouMean(text, schema.enum, 'value'))
    const { minLength = 0, maxLength = 4096, pattern, unit, least, most } = schema
    if (text.length < minLength || text.length > maxLength || (pattern !== undefined && !new RegExp(pattern).test(text)))
      return this.#wrong(schema, node, path)
    if (unit !== undefined && text !== 'off') {
      const measure = unit === 'duration' ? milliseconds : bytes
      if (measure(text) < measure(least ?? '0') || measure(text) > measure(most ?? text)) {
        this.#report.error(
          path,
          `"${text}" is not between ${least} and ${most}`,
          `Write ${unit === 'duration' ? 'a duration' : 'a size'} from ${least} to ${most}`,
        )
        return undefined
      }
    }
    return text
  }

  #wrong(schema: SchemaNode, node: unknown, path: Path, remedy?: string): undefined {
    const example = schema.type === 'boolean' ? undefined : schema.examples?.[0]
    const advice = remedy ?? (example === undefined ? `Write ${expectation(schema)}` : `Write for example ${exampleText(example)}`)
    this.#report.error(path, `Must be ${expectation(schema)}, but is ${this.#shown(schema, node)}`, advice)
    return undefined
  }

  #shown(schema: SchemaNode, node: unknown): string {
    if (schema.secret === true) return 'something else (not shown)'
    if (isNothing(node)) return 'empty'
    if (isMap(node)) return 'a mapping'
    if (isSeq(node)) return 'a list'
    const text = `"${shortened(isScalar(node) ? scalarText(node) : '')}"`
    return this.#variable === undefined ? text : `${text} (from ${this.#variable})`
  }
}

const fits = (schema: SchemaNode, node: unknown): boolean => {
  if (schema.anyOf !== undefined) return schema.anyOf.some((alternative) => fits(alternative, node))
  if (isMap(node)) return schema.type === 'object'
  if (isSeq(node)) return schema.type === 'array'
  if (!isScalar(node)) return false
  if (schema.type === 'boolean') return typeof node.value === 'boolean'
  if (schema.type === 'integer') return typeof node.value === 'number'
  return schema.type === 'string' || schema.enum !== undefined
}

/** A value as it stands in a sentence. */
export const shortened = (text: string): string => printable(text, 60)
