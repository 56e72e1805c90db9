import { FIRST_EXAMPLE } from './examples.ts'
import { flow } from './flow.ts'
import { SCHEMA } from './schema.ts'
import { expectation, OVERRIDES, type SchemaNode } from './tree.ts'

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema.ts by \`configurationDocument()\`: edit the schema. -->

One YAML file. Everything that is not written has a default. A whole production file:

\`\`\`yaml
${FIRST_EXAMPLE.trim()}
\`\`\`

- \`edgeways check FILE\` tells everything that is wrong with a file, with line and remedy; \`edgeways config\` prints what is in force and why.
- A running edge takes a changed file over on SIGHUP, whole or not at all. What is marked **restart** needs a new start.
- Durations are written \`200ms\`, \`30s\`, \`5m\`, \`1h\`, \`1d\`; sizes \`512\`, \`64k\`, \`4m\` (bytes, k = 1024). Paths of files start at the folder of the configuration.
- Where one value can be a list, both \`on: lan\` and \`on: [ lan, dmz ]\` are right. Telephone numbers need no quotes.
- Expressions between slashes are JavaScript regular expressions. Ones that could take very long are refused: no repetition inside a repeated group, at most three repetitions.
`

/** The text of docs/configuration.md, made from the schema. */
export const configurationDocument = (): string => {
  const lines: string[] = [INTRODUCTION]
  const overview = Object.entries(SCHEMA.properties ?? {})
  lines.push('## Overview', '', '| Key | What it is |', '| --- | --- |')
  for (const [key, schema] of overview)
    lines.push(`| ${hasSection(schema) ? `[\`${key}\`](#${key})` : `\`${key}\``} | ${cell(firstSentence(schema.description ?? ''))} |`)
  lines.push('', '## Single settings', '')
  for (const [key, schema] of overview) if (!hasSection(schema)) lines.push(...property(key, schema, isRequired(SCHEMA, key)))
  for (const [key, schema] of overview) if (hasSection(schema)) lines.push('', ...section(key, schema, '##'))
  lines.push(
    '',
    '## Environment',
    '',
    'For containers that share a file; a variable wins over the file.',
    '',
    '| Variable | Setting |',
    '| --- | --- |',
  )
  for (const [path, variable] of OVERRIDES) lines.push(`| \`${variable}\` | \`${path}\` |`)
  lines.push("| `EDGEWAYS_DNS_SERVERS` | DNS servers instead of the system's, such as `10.0.0.53, 10.0.0.54:5353` |")
  lines.push('| `EDGEWAYS_CONFIG` | the configuration file |', '| `EDGEWAYS_DATA` | the data folder |')
  lines.push('| `EDGEWAYS_RTPENGINE` | absolute path of the rtpengine that we run ourselves; `none`: as if it was not installed |', '')
  return lines.join('\n').replace(/\n{3,}/g, '\n\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
const firstSentence = (text: string): string => /^.*?[.;](?=\s|$)/s.exec(text)?.[0].replace(/;$/, '.') ?? text
const isRequired = (schema: SchemaNode, key: string): boolean => schema.required?.includes(key) ?? false

/** The mappings inside a schema, each with what stands for it in a path. */
const mappingsIn = (schema: SchemaNode, place: string): readonly { readonly place: string; readonly schema: SchemaNode }[] => {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((alternative) => mappingsIn(alternative, place))
  if (schema.type === 'array') return mappingsIn(schema.items ?? {}, `${place}[]`)
  if (schema.type !== 'object') return []
  if (schema.patternProperties !== undefined)
    return Object.values(schema.patternProperties).flatMap((inner) => mappingsIn(inner, `${place}.NAME`))
  return [{ place, schema }]
}

const hasSection = (schema: SchemaNode): boolean => mappingsIn(schema, '').length > 0

const section = (place: string, schema: SchemaNode, heading: string): readonly string[] => {
  const mappings = mappingsIn(schema, place)
  // What is to be said about the entries of a list stands with the entries
  const items = schema.items?.description === undefined ? undefined : schema.items
  const lines = [`${heading} ${heading === '##' ? place : `\`${place}\``}`, '', schema.description ?? '', '', items?.description ?? '', '']
  lines.push(...example(place.replace(/^.*\./, ''), items === undefined ? schema : { examples: [items.examples] }))
  const nested: string[] = []
  for (const inner of mappings) {
    const several = mappings.length > 1
    if (several) lines.push('', `With \`${inner.schema.required?.join('` and `')}\`:`, '')
    else if (inner.place !== place) lines.push('', `Each \`${inner.place}\`:`, '')
    for (const [key, value] of Object.entries(inner.schema.properties ?? {})) {
      lines.push(...property(key, value, isRequired(inner.schema, key)))
      if (hasSection(value) && key !== 'out' && !explainedElsewhere(place, key)) {
        nested.push('', ...section(`${inner.place}.${key}`, value, '###'))
      }
    }
  }
  return [...lines, ...nested]
}

/** Rules and media are the same everywhere: they are explained once, where zones have them. */
const explainedElsewhere = (place: string, key: string): boolean =>
  (place === 'routes' && (key === 'numbers' || key === 'headers')) || (place.endsWith('.targets') && key === 'media')

const property = (key: string, schema: SchemaNode, required: boolean): readonly string[] => {
  const facts = [
    required ? '**required**' : '',
    formOf(schema),
    defaultOf(schema),
    schema.requiresRestart === true ? '**restart**' : '',
  ].filter((fact) => fact !== '')
  const lines = [`- **\`${key}\`** (${facts.join('; ')}). ${schema.description ?? ''}`]
  const shown = (schema.examples ?? []).filter((value) => JSON.stringify(value).length < 90)
  if (shown.length > 0) lines.push(`  Example: ${shown.map((value) => `\`${key}: ${flow(value)}\``).join(' or ')}`)
  return lines
}

const formOf = (schema: SchemaNode): string => {
  if (schema.anyOf !== undefined && schema.expects === undefined) {
    const [one, many] = schema.anyOf
    return many?.type === 'array' ? `${formOf(one ?? {})}; or a list of these` : [...new Set(schema.anyOf.map(formOf))].join(' or ')
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.type === 'array') return schema.items === undefined || hasSection(schema.items) ? 'list' : `list: ${formOf(schema.items)}`
  if (schema.unit !== undefined)
    return `${schema.unit}, ${schema.least} to ${schema.most}${schema.pattern?.includes('off') === true ? ', or `off`' : ''}`
  if (schema.type === 'object') return 'mapping'
  return expectation(schema)
}

const defaultOf = (schema: SchemaNode): string =>
  schema.default === undefined || schema.type === 'object' ? '' : `default \`${flow(schema.default)}\``

const example = (key: string, schema: SchemaNode): readonly string[] =>
  schema.examples === undefined ? [] : ['```yaml', ...schema.examples.slice(0, 4).map((value) => `${key}: ${flow(value)}`), '```', '']

const STANDARD = new Set([
  'type',
  'properties',
  'required',
  'patternProperties',
  'additionalProperties',
  'items',
  'anyOf',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'description',
  'default',
  'examples',
])

/** What forms show beside them: bounds of durations and sizes, and what needs a new start. */
const ANNOTATIONS = new Set([...STANDARD, 'requiresRestart', 'expects', 'unit', 'least', 'most'])

const documentOf = (words: ReadonlySet<string>): Readonly<Record<string, unknown>> => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Edgeways configuration',
  ...(only(words, SCHEMA) as Record<string, unknown>),
})

/** The schema for editors (YAML language servers): standard JSON Schema words alone. */
export const editorSchema = (): Readonly<Record<string, unknown>> => documentOf(STANDARD)

/** The same with our own annotations, which others take no notice of: for forms. */
export const formSchema = (): Readonly<Record<string, unknown>> => documentOf(ANNOTATIONS)

const only = (words: ReadonlySet<string>, schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => only(words, one))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => words.has(key))
      .map(([key, value]) => [
        key,
        key === 'properties' || key === 'patternProperties'
          ? mapped(words, value as object)
          : key === 'items' || key === 'anyOf'
            ? only(words, value)
            : value,
      ]),
  )
}

const mapped = (words: ReadonlySet<string>, properties: object): unknown =>
  Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, only(words, value)]))
