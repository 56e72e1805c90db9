import { describe, expect, test } from 'vitest'
import { formatProblems } from '../../../src/config/errors.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { REFUSED } from './refused.ts'
import { errorsOf, file, OPTIONS, pbx, warningsOf } from './support.ts'

const at = (text: string, what: string): readonly [line: number, column: number] => {
  const before = text.slice(0, text.indexOf(what)).split('\n')
  return [before.length, before.at(-1)!.length + 1]
}

describe('each mistake is told once, with path, place, message and remedy', () => {
  test.each(REFUSED.map(([text, path, place, message, remedy]) => ({ text, path, place, message, remedy })))(
    '$path: $message',
    ({ text, path, place, message, remedy }) => {
      const [line, column] = at(text, place)
      expect(errorsOf(text)).toEqual([
        {
          path,
          line,
          column,
          message,
          remedy: expect.stringMatching(new RegExp(`^${remedy.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`)),
          severity: 'error',
        },
      ])
    },
  )

  test('all mistakes of a file are told at once, in its order', () => {
    const text = file({
      top: 'nam: x\nlog: { level: loud }',
      lan: '{ udp: here }',
      pbx: '{ kind: trunk, on: lan, targets: [ nobody ] }',
      routes: '[ { from: x, to: y } ]',
    })
    expect(errorsOf(text).map(({ path }) => path)).toEqual([
      'nam',
      'log.level',
      'listeners.lan.udp',
      'zones.pbx.targets[0]',
      'routes[0].from',
      'routes[0].to',
    ])
  })

  test('the wrong one of two missing sections is no riddle', () => {
    expect(errorsOf('name: x').map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'listeners: "listeners" is missing',
      'zones: "zones" is missing',
    ])
  })

  test('files that a configuration names are looked for when the caller can', () => {
    const text = file({ top: 'policy: policy.ts' }).replace('main: development', 'main: { chain: sbc.pem, key: sbc.key }')
    expect(errorsOf(text, { readable: (path) => path.endsWith('sbc.key') })).toMatchObject([
      { path: 'policy', line: 1, message: 'File "policy.ts" cannot be read (/etc/edgeways/policy.ts)' },
      { path: 'certificates.main.chain', line: 9, message: 'File "sbc.pem" cannot be read (/etc/edgeways/sbc.pem)' },
    ])
  })
})

describe('what is no YAML', () => {
  const problems = (text: string) => {
    const result = loadConfig(text, OPTIONS)
    return result.ok ? [] : result.problems
  }

  test.each([
    ['', 1, 'The file is empty'],
    ['# nothing', 1, 'The file is empty'],
    ['a: [ 1', 1, 'Not valid YAML: '],
    ['listeners:\n\tlan: {}', 2, 'Not valid YAML: '],
    ['a: *nobody', 1, 'Unknown key "a"'],
    ['a: 1\n---\nb: 2', 2, 'Not valid YAML: '],
    ['? [ a ]\n: 1', 1, 'Not valid YAML: '],
    ['- a', 1, 'Must be a mapping (key: value), but is a list'],
    ['just text', 1, 'Must be a mapping (key: value), but is "just text"'],
  ])('%j', (text, line, message) => {
    expect(problems(text)[0]).toMatchObject({ line, severity: 'error', message: expect.stringContaining(message) })
  })

  test('a very long file, a very deep one and a bomb of aliases are refused in bounded time', { timeout: 60_000 }, () => {
    const started = performance.now()
    expect(problems('a'.repeat(600_000))[0]?.message).toBe('The file has 600000 characters, more than the 524288 allowed')
    expect(problems('['.repeat(200_000)).length).toBeGreaterThan(0)
    const bomb = file({
      pbx: `{ kind: trunk, on: lan, targets: &t [ ${'sip:10.0.0.20, '.repeat(900)} ] }\n${Array.from({ length: 500 }, (_, index) => `  z${index}: { kind: trunk, on: lan, targets: *t }`).join('\n')}`,
    })
    expect(problems(bomb)).toContainEqual(expect.objectContaining({ message: 'The file has too many aliases' }))
    expect(problems(`a: {${'k: 1, '.repeat(60_000)}}`).length).toBeGreaterThan(0)
    expect(performance.now() - started).toBeLessThan(30_000)
  })
})

describe('warnings', () => {
  test.each(
    (
      [
        [
          'a route behind one that takes all',
          file({ routes: '[ { from: [ phones, pbx ], to: pbx }, { from: phones, number: 1x, to: pbx } ]' }),
          'routes[1]',
          'This route never matches: routes[0] before it takes every request that it would take',
        ],
        [
          'a route behind one with the same condition',
          file({
            routes:
              '[ { from: phones, number: 1x, to: pbx }, { from: phones, number: 1x, method: INVITE, drop: true }, { from: pbx, to: phones } ]',
          }),
          'routes[1]',
          'This route never matches: routes[0] before it takes every request that it would take',
        ],
        [
          'a zone that no route mentions',
          file({ routes: '[ { from: phones, drop: true } ]' }),
          'zones.pbx',
          'No route mentions zone "pbx"',
        ],
        ['no routes', file({ routes: '[]' }), 'routes', 'There is no route, so no request is forwarded'],
        [
          'an open web zone',
          file({ phones: '{ kind: webrtc, on: web, origins: [ "*" ] }' }),
          'zones.phones.origins',
          'Any web page may connect to zone "phones"',
        ],
        ['an open trunk', pbx('admit: { anyone: true }'), 'zones.pbx.admit.anyone', 'Zone "pbx" admits everyone who reaches its listeners'],
        [
          'a zone for nobody',
          file({ pbx: '{ kind: trunk, on: lan }' }),
          'zones.pbx',
          'Zone "pbx" admits nobody: it has no targets and no networks',
        ],
        [
          'a group without a zone',
          file({ phones: '{ kind: phones, on: lan, admit: { networks: [ 10.9.0.0/16 ] } }' }),
          'listeners.web',
          'No zone is on listener group "web", so it admits nobody',
        ],
        [
          'a network that means more',
          pbx('admit: { networks: [ 10.0.0.5/8 ] }'),
          'zones.pbx.admit.networks[0]',
          '"10.0.0.5/8" means the whole network around this address',
        ],
        [
          'two open zones on one listener',
          file({ pbx: '{ kind: phones, on: web }' }).replace('lan:', 'lan:'),
          'zones.phones',
          'Zones "pbx" and "phones" both admit anyone on listener web/tls: everyone there belongs to "pbx"',
        ],
        [
          'TLS settings without TLS',
          file({ lan: '{ udp: 10.0.0.5, tls-settings: {} }' }),
          'listeners.lan.tls-settings',
          'Group "lan" has no tls or wss address, so "tls-settings" means nothing',
        ],
        [
          'an advertised transport that is not there',
          file({ lan: '{ udp: 10.0.0.5, advertise: { tcp: name } }' }),
          'listeners.lan.advertise.tcp',
          'Group "lan" has no tcp address to advertise',
        ],
        [
          'origins without WebSocket',
          pbx('origins: [ "https://a.example" ]'),
          'zones.pbx.origins',
          'Zone "pbx" has no ws or wss listener, so "origins" means nothing',
        ],
      ] as const
    ).map(([what, text, path, message]) => ({ what, text, path, message })),
  )('$what', ({ text, path, message }) => {
    expect(warningsOf(text)).toContainEqual(expect.objectContaining({ path, message, severity: 'warning' }))
  })

  test('a good file has none', () => {
    expect(warningsOf(file())).toEqual([])
  })
})

test('problems in a terminal', () => {
  const result = loadConfig('nam: x\nlisteners: {}\nzones: {}', OPTIONS)
  expect(result.ok).toBe(false)
  if (!result.ok) {
    expect(formatProblems(result.problems, 'edge.yaml').split('\n').slice(0, 4)).toEqual([
      'edge.yaml:1:1  error  nam',
      '  Unknown key "nam"',
      '  → Did you mean "name"?',
      '',
    ])
  }
})
