import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { withCertificate } from '../../../src/config/edit.ts'

const ACME = {
  acme: { email: 'ops@example.com', dns: { provider: 'hook', 'program-file': '/bin/x' } },
  names: ['a.example.com', '*.a.example.com'],
  key: 'rsa2048',
}

const HEAD = `# Ours
name:   sbc.example.com     # two spaces too many, and they stay
zones: { pbx: { kind: trunk,on: lan } }
`

test('a file without certificates gets them at its end', () => {
  expect(withCertificate(HEAD, 'bought', 'stored')).toBe(`${HEAD}\ncertificates:\n  bought: stored\n`)
  expect(withCertificate(`${HEAD}# end`, 'bought', 'stored')).toBe(`${HEAD}# end\n\ncertificates:\n  bought: stored\n`)
})

test.each([
  ['in the middle', '    ', 'log: { level: info }\n'],
  ['at the end', '  ', ''],
  ['at the end, behind a comment', '  ', '# that is all\n'],
])('a block of certificates %s gets one more, in its own indentation', (_where, indent, tail) => {
  const text = `${HEAD}certificates:\n${indent}main: { chain: a, key: b }   # from Joe\n${indent}other:\n${indent}${indent}chain: a\n${indent}${indent}key: b\n${tail}`
  const changed = withCertificate(text, 'public', ACME)!
  expect(parse(changed)).toEqual({ ...(parse(text) as object), certificates: { ...parse(text).certificates, public: ACME } })
  expect(changed).toContain(`${indent}public:\n${indent}  acme:\n`)
  // Nothing else is touched
  expect(changed.replace(/^ +public:\n(?: +.*\n)*?(?=# that|log:|$(?![\s\S]))/m, '')).toBe(text)
})

test('without a line break at the end', () => {
  expect(withCertificate('certificates:\n  main: development', 'b', 'stored')).toBe('certificates:\n  main: development\n  b: stored\n')
})

test('certificates on one line stay on one line, with their comments', () => {
  const changed = withCertificate(`${HEAD}certificates: { main: { chain: a, key: b } } # Joe\n`, 'bought', 'stored')!
  expect(parse(changed).certificates).toEqual({ main: { chain: 'a', key: 'b' }, bought: 'stored' })
  for (const comment of ['# Ours', '# two spaces too many, and they stay', '# Joe']) expect(changed).toContain(comment)
})

test('one that is there already is not replaced; what is no configuration is not changed', () => {
  expect(withCertificate('certificates: { main: stored }', 'main', 'development')).toBeUndefined()
  expect(withCertificate('certificates: stored', 'main', 'development')).toBeUndefined()
  expect(withCertificate('- a\n', 'main', 'development')).toBeUndefined()
  expect(withCertificate('a: [', 'main', 'development')).toBeUndefined()
})
