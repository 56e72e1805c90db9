import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isMap, isSeq, parse, parseDocument, stringify } from 'yaml'
import { FIRST_EXAMPLE, firstRunConfig } from '../../../src/config/examples.ts'
import { addItem, insertItem, lineOfPath, type Plain, removeAt, renameKey, scalarText, setAt } from '../../../src/config/yaml-patch.ts'
import { nodeAt, type Path, pathText, readYaml, type YamlNode } from '../../../src/config/yaml-tree.ts'

/** What a tree says, with every scalar as its text. */
const said = (node: YamlNode | undefined): unknown => {
  switch (node?.kind) {
    case 'scalar':
      return node.value
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, said(value)]))
    case 'list':
      return node.items.map(({ value }) => said(value))
    default:
      return `(${node?.kind})`
  }
}

/** The same from the real parser. */
const really = (text: string): unknown => {
  const document = parseDocument(text)
  expect(document.errors).toEqual([])
  return parse(text, (_key, value: unknown) => value, { schema: 'failsafe' })
}

const FLOW = `# head
zones:   # sides
  pbx: { kind: trunk, on: [ lan, dmz ], targets: [] } # behind
  web:
    kind: "web rtc"
    origins:
    - 'it''s'   # at the column of its key
    - https://app.example.com:8443/#x
routes:
  - { from: pbx, number: +4420794601xx,
      to: web }   # over two lines
  - from: web
    # why
    to: pbx
  -   respond: 503 Closed on Sundays
limits:
timers: {}
`

describe('reading', () => {
  test.each([
    ['the first example', FIRST_EXAMPLE],
    ['the first run', firstRunConfig()],
    ['flow, comments and lists at the column of their key', FLOW],
    ['windows line ends', 'a: 1\r\nb:\r\n  - x\r\n  - y # z\r\n'],
    ['a document mark', '---\na: 1\n'],
    ['quoted keys', '"a b": 1\n\'c\': { "d": e }\n'],
    ['lists in lists', 'a:\n  - - 1\n    - 2\n  - [ 3, [ 4 ] ]\n'],
    ['colons inside of words', 'a: sip:10.0.0.5:5060;x=y\nb: [ sip:x@y, a:b ]\n'],
    ['no line break at the end', 'a: 1\nb: {c: d}'],
  ])('%s means what the real parser says', (_what, text) => {
    expect(said(readYaml(text))).toEqual(really(text))
  })

  test('values that it does not follow are opaque, and what stands around them is not', () => {
    const text = 'a: |\n  some\n  text\n\nb: &x\n  c: 1\nd: *x\ne: one\n  two\nf: 1\n'
    expect(said(readYaml(text))).toEqual({ a: '(opaque)', b: '(opaque)', d: '(opaque)', e: '(opaque)', f: '1' })
  })

  test.each([['\ta: 1'], ['a: [ 1'], ['a: "x'], ['a: b: c'], ['{ ? a : b }'], ['- a\nb: 1'], ['a: { b: *x }'], ['a: "1" 2']])(
    'what it cannot follow as a whole it says so: %j',
    (text) => {
      expect(readYaml(text)).toBeUndefined()
    },
  )

  test('an empty text is an empty value', () => {
    expect(readYaml('')).toMatchObject({ kind: 'scalar', style: 'empty' })
    expect(readYaml('# nothing\n\n')).toMatchObject({ kind: 'scalar', style: 'empty' })
  })

  test('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a: -[]{},#\n\'"|&*!?>%01 '), maxLength: 60 }), (text) => {
        readYaml(text)
      }),
      { numRuns: 3000 },
    )
  })

  test('deep nesting ends, it does not overflow', () => {
    expect(readYaml(`a: ${'['.repeat(100_000)}`)).toBeUndefined()
  })

  test('what both read, both read alike', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const tree = readYaml(text)
        if (tree !== undefined) expect(said(tree)).toEqual(really(text))
      }),
      { numRuns: 300 },
    )
  })
})

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/)
const scalar = fc.oneof(
  word,
  fc.constantFrom(
    '10.0.0.5:5060',
    '[::1]:5060',
    '*',
    'a # b',
    'a: b',
    '+44 20',
    "it's",
    '',
    '"q"',
    'x,y',
    '-1',
    '007',
    'true',
    'a  b',
    '- x',
    '{',
    ' s',
  ),
)
const values: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('node'), { maxLength: 3 }), fc.dictionary(word, tie('node'), { maxKeys: 4 })),
})).node
const documents = fc
  .tuple(fc.dictionary(word, values, { minKeys: 1, maxKeys: 4 }), fc.boolean(), fc.boolean())
  .map(([value, flow, indentSeq]) => stringify(value, { collectionStyle: flow ? 'flow' : 'any', indentSeq, lineWidth: 0 }))

const pathsOf = (node: YamlNode | undefined, path: Path = []): readonly Path[] => {
  if (node?.kind === 'map') return [path, ...node.entries.flatMap(({ key, value }) => pathsOf(value, [...path, key]))]
  if (node?.kind === 'list') return [path, ...node.items.flatMap(({ value }, index) => pathsOf(value, [...path, index]))]
  return [path]
}

describe('changing', () => {
  const comments = (text: string): readonly string[] => text.match(/#[^\n]*/g) ?? []

  test('a value is replaced where it stands', () => {
    expect(setAt('a: 1 # one\nb: "x"\n', ['a'], 2)).toBe('a: 2 # one\nb: "x"\n')
    expect(setAt('a: 1 # one\nb: "x"\n', ['b'], 'y')).toBe('a: 1 # one\nb: "y"\n')
    expect(setAt(FLOW, ['zones', 'pbx', 'on', 1], 'wan')).toBe(FLOW.replace('dmz', 'wan'))
    expect(setAt(FLOW, ['routes', 0, 'to'], 'a, b')).toBe(FLOW.replace('to: web }', 'to: "a, b" }'))
  })

  test('the same value again changes nothing, whatever its quotes', () => {
    expect(setAt(FLOW, ['zones', 'web', 'kind'], 'web rtc')).toBe(FLOW)
  })

  test('a key is added where its neighbours are, and mappings on the way are made', () => {
    expect(setAt('a:\n  b: 1 # x\n\n# later\nc: 2\n', ['a', 'd'], 3)).toBe('a:\n  b: 1 # x\n  d: 3\n\n# later\nc: 2\n')
    expect(setAt('a: { b: 1 } # x\n', ['a', 'd'], 3)).toBe('a: { b: 1, d: 3 } # x\n')
    expect(setAt('a: {} # x\n', ['a', 'd'], 3)).toBe('a: { d: 3 } # x\n')
    expect(setAt('a: 1\n', ['x', 'y', 'z'], true)).toBe('a: 1\nx:\n  y:\n    z: true\n')
    expect(setAt('a: 1', ['x'], ['u', 'v'])).toBe('a: 1\nx: [ u, v ]')
    expect(setAt('# nothing yet\n', ['a', 'b'], 1)).toBe('# nothing yet\na:\n  b: 1\n')
    expect(setAt('limits: # all of them\ntimers: {}\n', ['limits', 'idle'], '10m')).toBe('limits: # all of them\n  idle: 10m\ntimers: {}\n')
  })

  test('a key goes, with what is behind it in its lines, and the comment above stays', () => {
    expect(removeAt('a: 1\n# why\nb: # two\n  c: 1\n  d: 2\ne: 3\n', ['b'])).toBe('a: 1\n# why\ne: 3\n')
    expect(removeAt('a: { b: 1, c: 2, d: 3 }\n', ['a', 'b'])).toBe('a: { c: 2, d: 3 }\n')
    expect(removeAt('a: { b: 1, c: 2, d: 3 }\n', ['a', 'd'])).toBe('a: { b: 1, c: 2 }\n')
    expect(removeAt('a:\n  b: 1\nc: 2\n', ['a', 'b'])).toBe('a: {}\nc: 2\n')
    expect(removeAt('a:\n  - x\n  - y', ['a', 1])).toBe('a:\n  - x')
    expect(removeAt('a:\n  - x: 1\n    y: 2\n', ['a', 0, 'x'])).toBe('a:\n  - y: 2\n')
    expect(removeAt('a: 1\n', ['b'])).toBe('a: 1\n')
  })

  test('an item comes to the end of its list', () => {
    expect(addItem(FLOW, ['zones', 'web', 'origins'], '*')).toBe(FLOW.replace('/#x\n', '/#x\n    - "*"\n'))
    expect(addItem('a: []\n', ['a'], 'x')).toBe('a: [ x ]\n')
    expect(addItem('a: [ y ] # z\n', ['a'], { b: 1 })).toBe('a: [ y, { b: 1 } ] # z\n')
    expect(addItem('b: 1\n', ['a'], 'x')).toBe('b: 1\na: [ x ]\n')
  })

  test('a key gets another name, if nobody has it', () => {
    expect(renameKey(FLOW, ['zones', 'web'], 'browsers')).toBe(FLOW.replace('  web:', '  browsers:'))
    expect(renameKey(FLOW, ['zones', 'web'], 'pbx')).toBeUndefined()
  })

  test('what would take comments with it is left to the text', () => {
    expect(setAt('a:\n  - x # why\n  - y\n', ['a'], ['z'])).toBeUndefined()
    expect(setAt('a: # why\n  - x\n', ['a'], ['z'])).toBeUndefined()
    expect(setAt('a: |\n  text\n', ['a', 'b'], 1)).toBeUndefined()
  })

  test('a structure in lines of its own becomes one line', () => {
    expect(setAt('a:\n  - x\n  - y\nb: 1\n', ['a'], ['z'])).toBe('a: [ z ]\nb: 1\n')
    expect(setAt('a:\n  - x\n  - y\nb: 1\n', ['a'], 'off')).toBe('a: off\nb: 1\n')
  })

  test('the whole file of the first run, changed in many ways, keeps its comments', () => {
    let text = firstRunConfig()
    const apply = (next: string | undefined): void => {
      expect(next).toBeDefined()
      text = next!
    }
    apply(setAt(text, ['name'], 'sbc.example.com'))
    apply(setAt(text, ['limits', 'idle'], '10m'))
    apply(setAt(text, ['limits', 'body'], '1m'))
    apply(addItem(text, ['routes'], { from: 'pbx', to: 'phones' }))
    apply(addItem(text, ['zones', 'pbx', 'targets'], 'sip:[::1]:5060'))
    apply(addItem(text, ['routes', 0, 'from'], 'pbx'))
    apply(setAt(text, ['zones', 'pbx', 'admit', 'networks'], ['10.0.0.0/8']))
    apply(setAt(text, ['certificates', 'public'], { acme: { email: 'ops@example.com' }, names: ['*.example.com', 'example.com'] }))
    apply(removeAt(text, ['routes', 1, 'to', 0]))
    apply(removeAt(text, ['media', 'without-rtpengine']))
    expect(comments(text)).toEqual(comments(firstRunConfig()))
    expect(really(text)).toMatchObject({
      name: 'sbc.example.com',
      limits: { idle: '10m', body: '1m' },
      routes: [{ from: ['phones', 'browsers', 'pbx'] }, { to: ['browsers'] }, { from: 'pbx', to: 'phones' }],
      zones: { pbx: { targets: [expect.stringContaining('127.0.0.1'), 'sip:[::1]:5060'], admit: { networks: ['10.0.0.0/8'] } } },
      certificates: { local: 'development', public: { names: ['*.example.com', 'example.com'] } },
      media: {},
    })
  })

  /** The change made to a value instead of a text. */
  const changed = (
    before: unknown,
    path: Path,
    change: (parent: Record<string, unknown> & unknown[], key: string | number) => void,
  ): unknown => {
    const copy = structuredClone(before)
    const parent = path.slice(0, -1).reduce<unknown>((at, part) => (at as Record<string | number, unknown>)[part], copy)
    change(parent as Record<string, unknown> & unknown[], path.at(-1)!)
    return copy
  }
  const place = fc.nat()

  test('setting any value of any document changes that value alone', () => {
    fc.assert(
      fc.property(documents, place, scalar, (text, pick, value) => {
        const paths = pathsOf(readYaml(text)).filter((path) => path.length > 0)
        const path = paths[pick % Math.max(1, paths.length)]
        if (path === undefined) return
        const next = setAt(text, path, value)
        if (next === undefined) return
        expect(really(next)).toEqual(changed(really(text), path, (parent, key) => Object.assign(parent, { [key]: value })))
      }),
      { numRuns: 400 },
    )
  })

  test('removing anything from any document removes that alone', () => {
    fc.assert(
      fc.property(documents, place, (text, pick) => {
        const paths = pathsOf(readYaml(text)).filter((path) => path.length > 0)
        const path = paths[pick % Math.max(1, paths.length)]
        if (path === undefined) return
        const next = removeAt(text, path)
        if (next === undefined) return
        const wanted = changed(really(text), path, (parent, key) => {
          if (typeof key === 'number') parent.splice(key, 1)
          else delete parent[key]
        })
        expect(really(next) ?? {}).toEqual(wanted)
      }),
      { numRuns: 400 },
    )
  })

  test('adding to any list or mapping of any document adds that alone', () => {
    fc.assert(
      fc.property(documents, place, values, (text, pick, value) => {
        const tree = readYaml(text)
        const paths = pathsOf(tree).filter((path) => ['map', 'list'].includes(nodeAt(tree, path)?.kind ?? ''))
        const path = paths[pick % Math.max(1, paths.length)]
        if (path === undefined) return
        const parent = nodeAt(tree, path)
        const isList = parent?.kind === 'list'
        const next = isList ? addItem(text, path, value as Plain) : setAt(text, [...path, 'NEW'], value as Plain)
        expect(next).toBeDefined()
        const last = isList ? parent.items.length : 'NEW'
        expect(really(next!)).toEqual(changed(really(text), [...path, last], (parent, key) => Object.assign(parent, { [key]: value })))
      }),
      { numRuns: 400 },
    )
  })

  test('any text is written so that YAML reads it back', () => {
    fc.assert(
      fc.property(fc.oneof(scalar, fc.string({ maxLength: 12 })), (text) => {
        expect(really(`a: ${scalarText(text, false)}`)).toEqual({ a: text })
        expect(really(`[ ${scalarText(text, true)}, x ]`)).toEqual([text, 'x'])
      }),
      { numRuns: 1000 },
    )
  })
})

describe('places', () => {
  test('a path is written as the server writes it', () => {
    expect(pathText(['zones', 'pbx', 'targets', 0, 'uri'])).toBe('zones.pbx.targets[0].uri')
    expect(pathText([])).toBe('')
  })

  test('the line of a path, or of what is nearest to it', () => {
    expect(lineOfPath(FLOW, ['zones', 'web', 'origins', 1])).toBe(8)
    expect(lineOfPath(FLOW, ['zones', 'web', 'admit', 'networks'])).toBe(4)
    expect(lineOfPath(FLOW, ['routes', 1, 'to'])).toBe(14)
    expect(lineOfPath(FLOW, ['media'])).toBe(1)
  })

  test('keys and items of the real parser stand where ours do', () => {
    const document = parseDocument(FLOW)
    const check = (node: unknown, path: Path): void => {
      const own = nodeAt(readYaml(FLOW), path)
      if (isMap(node)) for (const { key, value } of node.items) check(value, [...path, String(key)])
      else if (isSeq(node)) for (const [index, item] of node.items.entries()) check(item, [...path, index])
      else if ((node as { value: unknown }).value !== null) expect(own?.start).toBe((node as { range: [number] }).range[0])
    }
    check(document.contents, [])
  })
})

test.each([
  [
    'a block list',
    'routes:\n  # first\n  - { to: a }   # one\n  - { to: b }\n',
    'routes:\n  # first\n  - { to: a }   # one\n  - { to: x }\n  - { to: b }\n',
  ],
  ['a flow list', 'routes: [ { to: a }, { to: b } ]\n', 'routes: [ { to: a }, { to: x }, { to: b } ]\n'],
  ['past the end', 'routes:\n  - { to: a }\n', 'routes:\n  - { to: a }\n  - { to: x }\n'],
  ['no list yet', 'name: a\n', 'name: a\nroutes: [ { to: x } ]\n'],
])('an item is put into %s, and nothing else is touched', (_what, before, after) => {
  expect(insertItem(before, ['routes'], 1, { to: 'x' })).toBe(after)
})
