import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { configurationDocument, editorSchema, formSchema } from '../../../src/config/document.ts'
import { effectiveConfig, masked } from '../../../src/config/effective.ts'
import { FIRST_EXAMPLE, firstRunConfig } from '../../../src/config/examples.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { secret } from '../../../src/config/schema/fragment.ts'
import { SCHEMA } from '../../../src/config/schema.ts'
import type { SchemaNode } from '../../../src/config/tree.ts'
import { file, OPTIONS, pbx, snapshotOf } from './support.ts'

const effective = (text: string, environment = {}): string => {
  const result = loadConfig(text, { ...OPTIONS, environment })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return effectiveConfig(result.document)
}

describe('docs/configuration.md', () => {
  test('is what the schema says now; "npm run docs" writes it', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationDocument())
  })

  test('names every setting', () => {
    const text = configurationDocument()
    for (const [path] of properties(SCHEMA, '')) expect(text).toContain(`\`${path.replace(/^.*\./, '')}\``)
  })
})

/** Every property of the schema with its path. */
const properties = (schema: SchemaNode, path: string): readonly (readonly [path: string, schema: SchemaNode])[] => [
  ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
    [`${path}.${key}`, value] as const,
    ...properties(value, `${path}.${key}`),
  ]),
  ...Object.values(schema.patternProperties ?? {}).flatMap((value) => properties(value, `${path}.NAME`)),
  ...(schema.anyOf ?? []).flatMap((value) => properties(value, path)),
  ...(schema.items === undefined ? [] : properties(schema.items, `${path}[]`)),
]

describe('the schema', () => {
  test('each property has a description, and a default, an example, or properties that have them', () => {
    const poor = properties(SCHEMA, '')
      .filter(
        ([, schema]) =>
          schema.description === undefined ||
          !/[.;]$/.test(schema.description) ||
          (schema.default === undefined && schema.examples === undefined && schema.properties === undefined),
      )
      .map(([path]) => path)
    expect(poor).toEqual([])
  })

  test('defaults and examples of single settings are valid', () => {
    const examples = Object.entries(SCHEMA.properties ?? {}).flatMap(([key, schema]) =>
      (schema.examples ?? []).map((example) => [key, example] as const),
    )
    for (const [key, example] of examples) {
      if (key === 'listeners' || key === 'zones' || key === 'routes' || key === 'certificates') continue
      expect(() => snapshotOf(file({ top: `${key}: ${JSON.stringify(example)}` }))).not.toThrow()
    }
  })

  test('an editor gets standard JSON Schema alone', () => {
    const schema = editorSchema()
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false, required: ['listeners', 'zones'] })
    expect(JSON.stringify(schema)).not.toMatch(/"(?:expects|requiresRestart|unit|least)"/)
    const forms = JSON.stringify(formSchema())
    const shown = ['"requiresRestart":true', '"unit":"duration"', '"least":"10s"', '"secret":'].map((text) => forms.includes(text))
    expect(shown).toEqual([true, true, true, false])
    expect(schema).toHaveProperty('properties.zones.patternProperties')
    expect(schema).toHaveProperty('properties.limits.properties.idle.description')
  })
})

describe('the effective configuration', () => {
  test("tells each value's origin: file, default, environment", () => {
    const text = effective(file(), { EDGEWAYS_LOG_LEVEL: 'debug' })
    expect(text).toContain('name: sbc.example.com  # file line 1\n')
    expect(text).toContain('    udp: 10.0.0.5:5060  # file line 3\n')
    expect(text).toContain('      tls: name  # default: sbc.example.com:5061\n')
    expect(text).toContain('      udp: bind  # default: 10.0.0.5:5060\n')
    expect(text).toContain('  level: debug  # EDGEWAYS_LOG_LEVEL\n')
    expect(text).toContain('  body: 256k  # default\n')
    expect(text).toContain('      anyone: true  # default: kind phones\n')
  })

  test('shows what a kind brings that others do not have, and of the others nothing', () => {
    const lines = effective(FIRST_EXAMPLE).split('\n')
    const zone = (name: string): string =>
      lines
        .slice(lines.indexOf(`  ${name}:`, lines.indexOf('zones:')) + 1)
        .join('\n')
        .split(/\n {2}\S/)[0]!
    for (const line of [
      '      roots: microsoft  # default: kind teams',
      '      share: false  # default: kind teams',
      '      renew: 55m  # default: kind teams',
      '    patience: 8s  # default: kind teams',
      '      methods: [ INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY ]  # default: kind teams',
      '      user-phone: true  # default: kind teams',
    ])
      expect(zone('teams').split('\n')).toContain(line)
    for (const word of ['dialect', 'patience', 'connections', 'roots']) expect(zone('pbx')).not.toContain(word)
  })

  test.each([
    ['a small file', file()],
    ['the example', FIRST_EXAMPLE],
    ['the first run', firstRunConfig()],
    [
      'rules',
      pbx(
        'numbers: { in: [ { strip: 1, on: [ from, to ] }, { match: "^0", replace: "" } ] }, headers: { out: [ { keep: [ A, B ] } ] }, probe: { interval: 10s }',
      ),
    ],
  ])('%s says the same when it is loaded again', (_what, text) => {
    const strip = (snapshot: object): string =>
      JSON.stringify(snapshot, (_key, value) => (value instanceof Map ? [...value] : value instanceof RegExp ? String(value) : value))
    expect(strip(snapshotOf(effective(text)))).toBe(strip(snapshotOf(text)))
  })

  test('secrets are masked', () => {
    expect(effective(pbx('headers: { out: [ { set: "X-Auth-Token: s3cret" }, { add: "X-Side: edge" } ] }'))).toContain(
      'set: "X-Auth-Token: ***"',
    )
    expect(effective(pbx('headers: { out: [ { set: "X-Auth-Token: s3cret" }, { add: "X-Side: edge" } ] }'))).toContain(
      'add: "X-Side: edge"',
    )
    expect(masked(['password'], secret({ description: 'A password.' }) as SchemaNode, { file: '/run/secrets/x' })).toBe('***')
  })
})
