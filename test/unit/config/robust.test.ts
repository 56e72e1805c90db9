import fc from 'fast-check'
import Value from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { effectiveConfig } from '../../../src/config/effective.ts'
import { FIRST_EXAMPLE } from '../../../src/config/examples.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { Report } from '../../../src/config/report.ts'
import { CONFIG_SCHEMA, SCHEMA } from '../../../src/config/schema.ts'
import { readSource } from '../../../src/config/source.ts'
import { readTree, type SchemaNode } from '../../../src/config/tree.ts'
import { OPTIONS } from './support.ts'

const RUNS = { numRuns: 150, seed: 20 }

/** Loads anything; what comes back has to be usable, and what is refused has to say why and where. */
const survives = (text: string): void => {
  const result = loadConfig(text, OPTIONS)
  if (result.ok) {
    const again = loadConfig(effectiveConfig(result.document), OPTIONS)
    expect(again.ok).toBe(true)
    return
  }
  expect(result.problems.some(({ severity }) => severity === 'error')).toBe(true)
  for (const { line, column, message, remedy } of result.problems) {
    expect(line).toBeGreaterThanOrEqual(0)
    expect(column).toBeGreaterThanOrEqual(0)
    expect(message).toMatch(/^[^\r\n\0]+[^.\r\n\0]$/)
    expect(message).not.toContain('undefined')
    expect(remedy).not.toBe('')
  }
}

const WORDS = [
  'lan',
  'web',
  'trunk',
  'phones',
  'webrtc',
  'teams',
  '10.0.0.5',
  '10.0.0.5:5060',
  '[::1]:5060',
  '0.0.0.0',
  'sip:10.0.0.20',
  'sip:x;transport=tls',
  '+44',
  '1xx',
  '/a+/',
  '(a+)+',
  '$1',
  'X-A: b',
  'Via: x',
  '30s',
  '64k',
  'off',
  '2xx',
  'name',
  '503 x',
  '*',
  'https://a.example',
  '',
  '\u0000',
  '\r\n',
  '__proto__',
  'constructor',
]
const scalar = fc.oneof(fc.constantFrom(...WORDS), fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double())
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...WORDS, 'udp', 'kind', 'on'), tie('value'), { maxKeys: 3 }),
  ),
})).value

/** Values in the shape of a schema, with something wrong here and there. */
const shaped = (schema: SchemaNode, wrong: number): fc.Arbitrary<unknown> => {
  const right = ((): fc.Arbitrary<unknown> => {
    if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((alternative) => shaped(alternative, wrong)))
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
    if (schema.type === 'array') return fc.array(shaped(schema.items ?? {}, wrong), { maxLength: 3 })
    if (schema.patternProperties !== undefined)
      return fc.dictionary(fc.constantFrom('lan', 'web', 'pbx', 'X-A'), shaped(Object.values(schema.patternProperties)[0]!, wrong), {
        maxKeys: 3,
      })
    if (schema.type === 'object') {
      return fc.record(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, value]) => [key, shaped(value, wrong)])), {
        requiredKeys: [...(schema.required ?? [])],
      })
    }
    if (schema.type === 'integer') return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 9 })
    if (schema.type === 'boolean') return fc.boolean()
    const examples = (schema.examples ?? []).filter((example) => typeof example === 'string')
    return fc.constantFrom(...WORDS, ...(examples as string[]))
  })()
  return wrong === 0 ? right : fc.oneof({ weight: 20, arbitrary: right }, { weight: wrong, arbitrary: anything })
}

describe('loadConfig never throws', { timeout: 60_000 }, () => {
  test('on arbitrary text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'{}[]:,&*!|>-"\'#?%@\n\t aé\r\u0000') })),
        survives,
      ),
      RUNS,
    )
  })

  test('on damaged files', () => {
    const damage = fc.tuple(fc.nat(FIRST_EXAMPLE.length), fc.nat(12), fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom(...WORDS)))
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        survives(damages.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), FIRST_EXAMPLE))
      }),
      RUNS,
    )
  })

  test('on arbitrary structures, and on ones that look right', () => {
    fc.assert(
      fc.property(fc.record({ listeners: anything, zones: anything, routes: anything }), (value) => survives(stringify(value))),
      RUNS,
    )
    fc.assert(
      fc.property(shaped(SCHEMA, 1), (value) => survives(stringify(value))),
      RUNS,
    )
  })
})

test('our reader and TypeBox agree on what fits the schema', { timeout: 60_000 }, () => {
  // Ours also takes numbers for texts (+44 without quotes), checks units and treats empty values as missing: values are generated without these
  fc.assert(
    fc.property(shaped(SCHEMA, 0), (value) => {
      const source = readSource(stringify(value, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }))
      if (!('document' in source)) return
      const report = new Report(source)
      readTree(SCHEMA, source, report, {})
      if (!report.failed) expect(Value.Check(CONFIG_SCHEMA, JSON.parse(JSON.stringify(value)))).toBe(true)
    }),
    RUNS,
  )
})
