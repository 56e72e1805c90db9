import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { decide } from '../../deploy/examples/policy.ts'
import { EMPTY } from '../../src/base/bytes.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Snapshot } from '../../src/config/snapshot.ts'
import { makeRequest } from '../../src/sip/message.ts'
import { parseUri } from '../../src/sip/uri.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'certs', 'web-admin'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
]

/** Fenced blocks of one language. */
const blocks = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!)

/** A whole configuration, and not a part of one. */
const isWhole = (yaml: string): boolean => ['listeners', 'zones'].every((key) => new RegExp(`^${key}:`, 'm').test(yaml))

const CONFIGURATIONS = DOCUMENTS.flatMap((path) =>
  blocks(read(path), 'yaml')
    .filter(isWhole)
    .map((yaml, index) => [`${path} #${index + 1}`, yaml] as const),
)

const load = (yaml: string): ReturnType<typeof loadConfig> =>
  loadConfig(yaml, { file: join(ROOT, 'docs/edgeways.yaml'), dataDir: '/nowhere' })

describe('configurations in the documents', () => {
  test('there are some', () => {
    expect(CONFIGURATIONS.length).toBeGreaterThan(10)
  })

  test.each(CONFIGURATIONS)('%s is valid, without a warning', (_place, yaml) => {
    const result = load(yaml)
    const problems = result.ok ? result.warnings : result.problems
    expect(problems.map(({ line, path, message }) => `line ${line}: ${path}: ${message}`)).toEqual([])
  })
})

/** How GitHub names a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

const anchorsOf = (path: string): ReadonlySet<string> =>
  new Set([...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!.replaceAll('`', ''))))

const brokenLinks = (path: string): readonly string[] =>
  [...withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    if (/^[a-z]+:/.test(link!)) return []
    const [file = '', anchor] = link!.split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!existsSync(join(ROOT, target))) return [`${link}: there is no ${target}`]
    if (anchor === undefined || statSync(join(ROOT, target)).isDirectory()) return []
    return anchorsOf(target).has(anchor) ? [] : [`${link}: ${target} has no heading "${anchor}"`]
  })

test.each(DOCUMENTS.map((path) => [path]))('%s: every relative link leads somewhere', (path) => {
  expect(brokenLinks(path)).toEqual([])
})

test('every SBC_ code of the source has a line in docs/errors.md', () => {
  const described = read('docs/errors.md')
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const codes = new Set(
    sources.flatMap((path) => [...read(join('src', path)).matchAll(/['"`](SBC_[A-Z_]*[A-Z])['"`]/g)].map(([, code]) => code!)),
  )
  expect(codes.size).toBeGreaterThan(10)
  expect([...codes].filter((code) => !described.includes(`| \`${code}\` |`))).toEqual([])
})

test('paths of source files in ARCHITECTURE.md exist', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/`((?:src|test|deploy)\/[\w./-]+?\/?)`/g)].map(([, path]) => path!)
  expect(named.length).toBeGreaterThan(20)
  expect([...new Set(named)].filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

describe('the policy module in docs/routing.md', () => {
  afterEach(() => vi.useRealTimers())

  const text = read('docs/routing.md')
  const yaml = blocks(text, 'yaml').find((block) => block.includes('policy:'))!

  const snapshot = (): Snapshot => {
    const result = load(yaml)
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    return result.snapshot
  }

  const decisionFor = (number: string, hour: number): ReturnType<typeof decide> => {
    vi.useFakeTimers({ now: new Date(2026, 0, 15, hour) })
    const { zones, routes } = snapshot()
    const target = `sip:${number}@sbc.example.com`
    const request = makeRequest(`INVITE ${target} SIP/2.0\r\n`, 'INVITE', target, [], EMPTY)
    const uri = parseUri(target)!
    return decide(
      { request, uri, zone: zones.get('browsers')!, via: undefined },
      { zones, routes, usable: () => true, random: () => 0, called: () => ({ kind: 'nobody', status: 404, reason: 'Not Found' }) },
    )
  }

  test('is the file that stands in deploy/examples, and the configuration names it', () => {
    expect(blocks(text, 'ts')).toContain(read('deploy/examples/policy.ts'))
    expect(relative(ROOT, snapshot().policyModule!)).toBe('deploy/examples/policy.ts')
    expect(existsSync(join(dirname(snapshot().policyModule!), 'policy.ts'))).toBe(true)
  })

  test('bars premium numbers, sends the help desk elsewhere at night, and leaves the rest to the routes', () => {
    expect(decisionFor('+449001234', 12)).toMatchObject({ kind: 'respond', status: 603 })
    expect(decisionFor('+442079460100', 20)).toMatchObject({
      kind: 'forward',
      rule: 'policy:night',
      groups: [[{ target: { host: '10.0.0.21' } }]],
    })
    expect(decisionFor('+442079460100', 12)).toEqual({ kind: 'pass' })
    expect(decisionFor('+442079460199', 20)).toEqual({ kind: 'pass' })
  })
})
