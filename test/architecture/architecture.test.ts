import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

/** Who may import whom: only what stands lower; at the same height types only. A file beside the folders (main.ts) may import everybody. */
const HEIGHT: Readonly<Record<string, number>> = {
  ...{ base: 0, sip: 1, sdp: 1, address: 2, zones: 3, transaction: 4, routing: 4, media: 4, registrar: 4, authentication: 4 },
  ...{
    transport: 5,
    dns: 5,
    certs: 5,
    observability: 5,
    rtpengine: 5,
    config: 5,
    store: 5,
    peers: 4,
    engine: 6,
    demo: 6,
    admin: 7,
    teams: 8,
  },
}
const EDGE = 5
/** Contracts that stand higher than those who fulfil them: types only, importable by everybody. */
const CONTRACTS = [
  'src/admin/contract.ts',
  'src/config/snapshot.ts',
  'src/transport/types.ts',
  'src/dns/types.ts',
  'src/rtpengine/types.ts',
  'src/certs/types.ts',
]
/** Those beside the folders name the folder that they join. */
const NAMES_KINDS = ['zones', 'config', 'demo', 'teams', '']
const PURE_BUILTINS = ['node:buffer', 'node:crypto', 'node:util']
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\b|\bhrtime\b|\brandom(?:Bytes|UUID|Int|Fill)\b|\bgetRandomValues\b/
const LONGEST = 450

const IMPORT = /^\s*(?:import|export)\s+(type\s)?(?:[\w*{][^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
/** Strings are matched so that `//` inside them is no comment. */
const COMMENT = /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/.*/g
const withoutComments = (source: string) => source.replace(COMMENT, (_all, text: string | undefined) => text ?? '')
const folderOf = (path: string) => (path.split('/').length > 2 ? path.split('/')[1]! : '')
const heightOf = (folder: string) => (folder === '' ? 99 : (HEIGHT[folder] ?? -1))

/** Every sentence is one offence of the file at `path` (`src/…`). */
const offences = (path: string, source: string): string[] => {
  const found: string[] = []
  const from = folderOf(path)
  const height = heightOf(from)
  const code = withoutComments(source)
  const pure = height < EDGE
  if (height < 0) found.push(`folder ${from} is not in the list`)
  for (const [, type, fixed, dynamic] of code.matchAll(IMPORT)) {
    const specifier = (fixed ?? dynamic)!
    if (!specifier.startsWith('.')) {
      if (pure && specifier.startsWith('node:') && !PURE_BUILTINS.includes(specifier)) found.push(`pure, but imports ${specifier}`)
      continue
    }
    if (!specifier.endsWith('.ts')) found.push(`${specifier} has no .ts`)
    const target = posix.join(posix.dirname(path), specifier)
    const to = folderOf(target)
    if (to === from) continue
    const typeOnly = type !== undefined
    const allowed = heightOf(to) < height || (typeOnly && (heightOf(to) === height || CONTRACTS.includes(target)))
    if (!allowed) found.push(`${from || 'main'} may not import ${typeOnly ? 'the types' : 'the code'} of ${target}`)
    if (height === EDGE && to === 'routing' && !typeOnly && from !== 'config') found.push(`an edge may not import routing: ${target}`)
  }
  if (pure && IMPURE.test(code)) found.push(`pure, but uses ${IMPURE.exec(code)?.[0]}`)
  if (!NAMES_KINDS.includes(from) && /teams|webrtc/i.test(code)) found.push(`names a zone kind: ${/teams|webrtc/i.exec(code)?.[0]}`)
  if (/^\s*export\s+default\b/m.test(code)) found.push('has a default export')
  const lines = source.trimEnd().split('\n').length
  if (lines > LONGEST) found.push(`has ${lines} lines, more than ${LONGEST}`)
  return found
}

test('the source keeps to the architecture', () => {
  const paths = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => posix.join('src', path))
  expect(paths.length).toBeGreaterThan(10)
  expect(paths.sort().flatMap((path) => offences(path, readFileSync(path, 'utf8')).map((offence) => `${path}: ${offence}`))).toEqual([])
})

test.each([
  ['a higher folder', 'src/sip/a.ts', `import { x } from '../engine/x.ts'`, 'sip may not import the code of src/engine/x.ts'],
  ['over several lines', 'src/sip/a.ts', `import {\n  x,\n} from '../zones/x.ts'`, 'sip may not import the code of src/zones/x.ts'],
  ['a re-export', 'src/base/a.ts', `export * from '../sip/x.ts'`, 'base may not import the code of src/sip/x.ts'],
  ['a dynamic import', 'src/dns/a.ts', `await import('../engine/x.ts')`, 'dns may not import the code of src/engine/x.ts'],
  ['a neighbour’s code', 'src/dns/a.ts', `import { x } from '../transport/x.ts'`, 'dns may not import the code of src/transport/x.ts'],
  ['a side-effect import', 'src/routing/a.ts', `import '../transaction/x.ts'`, 'routing may not import the code of src/transaction/x.ts'],
  ['routing in an edge', 'src/certs/a.ts', `import { x } from '../routing/x.ts'`, 'an edge may not import routing: src/routing/x.ts'],
  ['a socket in a pure folder', 'src/sip/a.ts', `import { connect } from 'node:net'`, 'pure, but imports node:net'],
  ['promises of a module', 'src/zones/a.ts', `import type { x } from 'node:fs/promises'`, 'pure, but imports node:fs/promises'],
  ['the clock', 'src/routing/a.ts', 'export const a = () => Date.now()', 'pure, but uses Date.now'],
  ['a timer', 'src/transaction/a.ts', 'setTimeout(() => {}, 1)', 'pure, but uses setTimeout'],
  ['randomness', 'src/base/a.ts', `import { randomBytes } from 'node:crypto'`, 'pure, but uses randomBytes'],
  ['a kind in the core', 'src/engine/a.ts', `if (zone.kind === 'teams') {}`, 'names a zone kind: teams'],
  ['no .ts', 'src/engine/a.ts', `import { x } from './x'`, './x has no .ts'],
  ['a default export', 'src/engine/a.ts', 'export default 1', 'has a default export'],
  ['a long file', 'src/engine/a.ts', 'x\n'.repeat(451), 'has 451 lines, more than 450'],
  ['an unknown folder', 'src/utils/a.ts', '', 'folder utils is not in the list'],
])('the checker finds %s', (_what, path, source, offence) => {
  expect(offences(path, source)).toContain(offence)
})

test.each([
  ['lower folders', 'src/engine/a.ts', `import { x } from '../transport/x.ts'\nimport { y } from '../sip/y.ts'`],
  ['types of a neighbour', 'src/routing/a.ts', `import type { x } from '../transaction/x.ts'`],
  ['a contract', 'src/engine/a.ts', `import type { EngineView } from '../admin/contract.ts'`],
  ['kinds in comments', 'src/engine/a.ts', `// INTEROP(Teams): as it is\nconst a = 'https://a' /* webrtc */`],
  ['kinds where they belong', 'src/zones/a.ts', `export const kind = 'teams'`],
  ['time in an edge', 'src/dns/a.ts', 'Date.now()'],
  ['everything in main', 'src/main.ts', `import { x } from './admin/x.ts'`],
])('the checker allows %s', (_what, path, source) => {
  expect(offences(path, source)).toEqual([])
})
