import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FIRST_EXAMPLE, firstRunConfig } from '../../../src/config/examples.ts'
import { SCHEMA } from '../../../src/config/schema.ts'
import { type Path, readYaml } from '../../../src/config/yaml-tree.ts'
import { differenceOf, hunksOf } from '../../../web-admin/src/config/difference.ts'
import {
  asVariant,
  blankOf,
  boundsText,
  defaultText,
  type Field,
  fieldOf,
  titleOf,
  writeText,
  writeTexts,
} from '../../../web-admin/src/config/form.ts'
import { piecesOf } from '../../../web-admin/src/config/highlight.ts'
import { placeProblems, problemsOf } from '../../../web-admin/src/config/problems.ts'

const schemaAt = (path: Path): typeof SCHEMA => {
  let schema = SCHEMA
  for (const part of path) {
    const object = schema.type === undefined ? (schema.anyOf?.find(({ type }) => type === 'object' || type === 'array') ?? {}) : schema
    schema = (typeof part === 'number' ? object.items : (object.properties?.[part] ?? Object.values(object.patternProperties ?? {})[0]))!
  }
  return schema
}
const field = (text: string, path: Path, required = false): Field => fieldOf(schemaAt(path), readYaml(text), path, required)

describe('the form that is drawn from the schema', () => {
  test('the file as a whole is a group of everything that the schema knows', () => {
    const whole = field(FIRST_EXAMPLE, [])
    expect(whole).toMatchObject({ kind: 'group', count: 8 })
    expect(whole.kind === 'group' && whole.keys).toEqual(Object.keys(SCHEMA.properties!))
  })

  test('names that the operator chose are entries', () => {
    expect(field(FIRST_EXAMPLE, ['zones'])).toMatchObject({ kind: 'named', names: ['pbx', 'teams', 'browsers'] })
    expect(field(FIRST_EXAMPLE, ['routes'])).toMatchObject({ kind: 'items', count: 3 })
    expect(field('', ['zones'])).toMatchObject({ kind: 'named', names: [], written: false })
  })

  test('scalars: texts, numbers, choices', () => {
    expect(field(FIRST_EXAMPLE, ['name'])).toMatchObject({ kind: 'text', value: 'sbc.example.com', written: true })
    expect(field('limits: { headers: 100 }', ['limits', 'headers'])).toMatchObject({ kind: 'number', value: '100' })
    expect(field('', ['limits', 'headers'])).toMatchObject({ kind: 'number', value: '', written: false })
    expect(field('', ['log', 'level'])).toMatchObject({ kind: 'choice', options: ['trace', 'debug', 'info', 'warn', 'error'] })
    expect(field('zones: { a: { path: false } }', ['zones', 'a', 'path'])).toMatchObject({ kind: 'choice', value: 'false' })
    expect(field('demo: true', ['demo'])).toMatchObject({ kind: 'text', value: 'true' })
  })

  test('one value and a list of values are the same field', () => {
    expect(field('routes: [ { from: pbx } ]', ['routes', 0, 'from'])).toMatchObject({ kind: 'texts', values: ['pbx'] })
    expect(field('routes: [ { from: [ a, b ] } ]', ['routes', 0, 'from'])).toMatchObject({ kind: 'texts', values: ['a', 'b'] })
    expect(field('', ['listeners', 'lan', 'udp'])).toMatchObject({ kind: 'texts', values: [] })
  })

  test('of several forms the one that is written', () => {
    const targets = ['zones', 'a', 'targets', 0]
    expect(field('zones: { a: { targets: [ "sip:x" ] } }', targets)).toMatchObject({
      kind: 'text',
      value: 'sip:x',
      variants: { current: 0 },
    })
    expect(field('zones: { a: { targets: [ { uri: sip:x } ] } }', targets)).toMatchObject({
      kind: 'group',
      count: 1,
      variants: { labels: ['short form', 'uri'], current: 1 },
    })
    expect(field('', ['zones', 'a', 'probe'])).toMatchObject({ kind: 'none', variants: { labels: ['on or off', 'settings'], current: -1 } })
    expect(field('certificates: { a: { chain: x, key: y } }', ['certificates', 'a'])).toMatchObject({ kind: 'group', written: true })
    expect(field('certificates: { a: development }', ['certificates', 'a'])).toMatchObject({ kind: 'choice', value: 'development' })
  })

  test('what does not fit, and what it cannot follow, is left to the text', () => {
    expect(field('name: [ x ]', ['name']).kind).toBe('text only')
    expect(field('zones: 5', ['zones']).kind).toBe('text only')
    expect(field('name: &a x', ['name']).kind).toBe('text only')
    expect(field('zones: { a: { targets: [ [ x ] ] } }', ['zones', 'a', 'targets', 0]).kind).toBe('text only')
    expect(field('routes: [ { from: [ [ a ] ] } ]', ['routes', 0, 'from']).kind).toBe('text only')
  })

  test('every place of the schema makes a field, written or not', () => {
    const visit = (path: Path, schema: typeof SCHEMA, root: ReturnType<typeof readYaml>, depth: number): number => {
      if (depth > 8) return 0
      const made = fieldOf(schema, root, path)
      const inner = (part: string | number, next: typeof SCHEMA): number => visit([...path, part], next, root, depth + 1)
      const count = (parts: readonly number[]): number => parts.reduce((sum, one) => sum + one, 1)
      if (made.kind === 'group') return count(made.keys.map((key) => inner(key, made.schema.properties![key]!)))
      if (made.kind === 'named') return count(made.names.map((name) => inner(name, made.values)))
      if (made.kind === 'items') return count(Array.from({ length: made.count }, (_, index) => inner(index, made.items)))
      return 1
    }
    expect(visit([], SCHEMA, readYaml(''), 0)).toBeGreaterThan(30)
    expect(visit([], SCHEMA, readYaml(firstRunConfig()), 0)).toBeGreaterThan(60)
  })

  test('an empty text takes a setting away; a required one stays empty, so that the check speaks', () => {
    const text = 'name: a # x\nlimits: { idle: 5m, body: 1m }\n'
    expect(writeText(text, field(text, ['limits', 'idle']), '')).toBe('name: a # x\nlimits: { body: 1m }\n')
    expect(writeText(text, field(text, ['name'], true), '')).toBe('name: "" # x\nlimits: { idle: 5m, body: 1m }\n')
    expect(writeText(text, field(text, ['server-header']), '')).toBe(`${text}server-header: ""\n`)
  })

  test('a list of texts changes where it changes', () => {
    const text = 'a:\n  - one # first\n  - two # second\n  - three # third\n'
    expect(writeTexts(text, ['a'], ['one', 'three'])).toBe('a:\n  - one # first\n  - three # third\n')
    expect(writeTexts(text, ['a'], ['one', '2', 'three'])).toBe(text.replace('two', '2'))
    expect(writeTexts(text, ['a'], ['one', 'two', 'three', 'four'])).toBe(`${text}  - four\n`)
    expect(writeTexts(text, ['a'], [])).toBe('{} # third\n')
    expect(writeTexts('a: x\nb: 1\n', ['a'], ['y'])).toBe('a: y\nb: 1\n')
    expect(writeTexts('a: x\nb: 1\n', ['a'], ['x', 'y'])).toBe('a: [ x, y ]\nb: 1\n')
    expect(writeTexts('b: 1\n', ['a'], ['x'])).toBe('b: 1\na: [ x ]\n')
  })

  test('any list of texts becomes any other', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(texts, texts, fc.boolean(), (before, after, flow) => {
        const text = flow ? `x: [ ${before.join(', ')} ]\ny: 1\n` : `x:\n${before.map((one) => `  - ${one} # of ${one}\n`).join('')}y: 1\n`
        const made = fieldOf({ type: 'array', items: { type: 'string' } }, readYaml(writeTexts(text, ['x'], after)!), ['x'])
        expect(made.kind === 'texts' && made.values).toEqual(after)
      }),
    )
  })

  test('something new begins with what has to be there', () => {
    expect(blankOf(schemaAt(['zones', 'a']))).toEqual({ kind: 'trunk', on: 'lan' })
    expect(blankOf(schemaAt(['zones', 'a', 'targets', 0]))).toBe('sip:10.0.0.20:5060;transport=udp')
    expect(blankOf(schemaAt(['routes', 0]))).toEqual({})
    expect(blankOf(schemaAt(['limits']))).toEqual({})
  })

  test('another variant keeps what both have', () => {
    const schemas = schemaAt(['zones', 'a', 'targets', 0]).anyOf!
    const path = ['x']
    expect(asVariant(schemas, 1, readYaml('x: sip:a'), path)).toEqual({ uri: 'sip:a' })
    expect(asVariant(schemas, 0, readYaml('x: { uri: sip:a, weight: 2 }'), path)).toBe('sip:a')
    expect(asVariant(schemaAt(['zones', 'a', 'probe']).anyOf!, 1, readYaml(''), path)).toEqual({})
  })

  test('words', () => {
    expect(titleOf('public-address')).toBe('Public address')
    expect(defaultText({ default: 'Edgeways' })).toBe('Edgeways')
    expect(defaultText({ default: {} })).toBeUndefined()
    expect(defaultText({ default: false })).toBe('false')
  })
})

describe('problems in the text', () => {
  const problem = (line: number, severity: 'error' | 'warning', path = 'a') => ({
    line,
    column: 1,
    severity,
    path,
    message: 'm',
    remedy: 'r',
  })

  test('stand at their lines; an error outweighs a warning', () => {
    const placed = placeProblems([problem(2, 'warning'), problem(2, 'error'), problem(5, 'warning'), problem(0, 'error')], 9)
    expect([...placed.byLine.keys()]).toEqual([2, 5])
    expect(placed.byLine.get(2)).toMatchObject({ severity: 'error', problems: [{}, {}] })
    expect(placed.byLine.get(5)?.severity).toBe('warning')
    expect(placed).toMatchObject({ general: [{ line: 0 }], errors: 2, warnings: 2 })
  })

  test('of lines that are not there any more stand at the last one', () => {
    expect([...placeProblems([problem(9, 'error')], 3).byLine.keys()]).toEqual([3])
    expect([...placeProblems([problem(9, 'error')], 0).byLine.keys()]).toEqual([1])
  })

  test('belong to a setting with all that is inside, and not to its namesakes', () => {
    const paths = ['zones.pbx', 'zones.pbx.on', 'zones.pbx.targets[0]', 'zones.pbx2', 'zones']
    const found = problemsOf(
      paths.map((path) => problem(1, 'error', path)),
      'zones.pbx',
    )
    expect(found.map(({ path }) => path)).toEqual(['zones.pbx', 'zones.pbx.on', 'zones.pbx.targets[0]'])
  })
})

describe('the difference of two texts', () => {
  const shown = (before: string, after: string): string =>
    differenceOf(before, after)
      .map(({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`)
      .join('|')

  test('lines that go, come and stay', () => {
    expect(shown('a\nb\nc\n', 'a\nx\nc\n')).toBe(' a|-b|+x| c')
    expect(shown('', 'a\n')).toBe('+a')
    expect(shown('a\n', '')).toBe('-a')
    expect(shown('a\nb\n', 'a\nb')).toBe(' a| b')
  })

  test('numbers are those of the two texts', () => {
    expect(differenceOf('a\nb', 'a\nx\nb')).toEqual([
      { kind: 'same', text: 'a', before: 1, after: 1 },
      { kind: 'new', text: 'x', after: 2 },
      { kind: 'same', text: 'b', before: 2, after: 3 },
    ])
  })

  test('both texts can be read from it, and nothing is said twice', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const lines = differenceOf(`${before.join('\n')}\n`, `${after.join('\n')}\n`)
        const side = (kind: string): string[] => lines.filter((line) => line.kind === 'same' || line.kind === kind).map(({ text }) => text)
        expect(side('gone')).toEqual(before.length === 0 ? [''] : before)
        expect(side('new')).toEqual(after.length === 0 ? [''] : after)
        expect(lines.filter(({ kind }) => kind !== 'new').map((line) => line.before)).toEqual(side('gone').map((_, index) => index + 1))
      }),
    )
  })

  test('two large texts that have nothing in common end soon', () => {
    const text = (letter: string): string => Array.from({ length: 6000 }, (_, line) => `${letter}${line}`).join('\n')
    expect(differenceOf(text('a'), text('b'))).toHaveLength(12_000)
  })

  test('hunks have a few lines around them, and say how many are left out', () => {
    const before = Array.from({ length: 30 }, (_, line) => `l${line}`)
    const after = before.with(10, 'x').with(14, 'y').with(28, 'z')
    const { hunks, rest } = hunksOf(differenceOf(before.join('\n'), after.join('\n')))
    expect(hunks.map(({ skipped, lines }) => [skipped, lines.length])).toEqual([
      [7, 13],
      [7, 6],
    ])
    expect(rest).toBe(0)
    expect(hunksOf(differenceOf('a', 'a'))).toEqual({ hunks: [], rest: 1 })
  })
})

describe('colours of YAML', () => {
  const kinds = (line: string): string =>
    piecesOf(line)
      .filter(([, text]) => text.trim() !== '')
      .map(([kind, text]) => `${kind}:${text.trim()}`)
      .join(' ')

  test('keys, values, marks and comments', () => {
    expect(kinds('  lan: { udp: 10.0.0.5:5060, on: true } # x: y')).toBe(
      'key:lan mark:: mark:{ key:udp mark:: plain:10.0.0.5:5060 mark:, key:on mark:: word:true mark:} comment:# x: y',
    )
    expect(kinds('- "a: b#c" : \'d\'')).toBe('mark:- key:"a: b#c" mark:: text:\'d\'')
    expect(kinds('# head: all')).toBe('comment:# head: all')
    expect(kinds('a: sip:x#y')).toBe('key:a mark:: plain:sip:x#y')
  })

  test('nothing is lost, whatever the line', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:-#"\'{}[], \t&*'), maxLength: 40 }), (line) => {
        expect(
          piecesOf(line)
            .map(([, text]) => text)
            .join(''),
        ).toBe(line)
      }),
      { numRuns: 2000 },
    )
  })
})

test('what values may be is said where it is a span', () => {
  expect(boundsText({ type: 'string', unit: 'duration', least: '10s', most: '7d', pattern: '^(x|off)$' })).toBe('10s to 7d, or off')
  expect(boundsText({ type: 'integer', minimum: 1, maximum: 100 })).toBe('1 to 100')
  expect(boundsText({ type: 'integer', minimum: 0 })).toBe('0 or more')
  expect(boundsText({ anyOf: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'array' }] })).toBe('1 to 9')
  expect(boundsText({ type: 'string' })).toBeUndefined()
})
