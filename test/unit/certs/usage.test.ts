import { expect, test } from 'vitest'
import { inUse, measureOf, UNUSED, usesOf } from '../../../src/certs/usage.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'

const CONFIG = `
name: sbc.example.com
listeners:
  lan:    { udp: 10.0.0.5:5060 }
  teams:  { tls: 10.0.0.5:5061, certificate: public, names: [ tenant.example.com ] }
  web:    { wss: 10.0.0.5:443 }
  phones: { tls: 10.0.0.5:5071, certificate: [ public, inside ], advertise: phones.example.com }
zones:
  pbx:      { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  teams:    { kind: teams, on: teams }
  browsers: { kind: webrtc, on: web, origins: [ "https://app.example.com" ] }
  phones:   { kind: phones, on: phones }
routes:
  - { from: [ teams, browsers, phones ], to: pbx }
certificates:
  public: { acme: { email: ops@example.com } }
  inside: stored
admin: { listen: 10.0.0.5:8443, certificate: inside }
media: off
`
const snapshot = (): Snapshot => {
  const loaded = loadConfig(CONFIG, { file: '/edge.yaml', dataDir: '/nowhere' })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}

test('who shows a certificate, with its names, and what the peers of its zones want', () => {
  const uses = usesOf(snapshot())
  expect(uses.get('public')?.at).toEqual([
    { listener: 'teams/tls', hosts: ['sbc.example.com', 'tenant.example.com'], others: [] },
    { listener: 'web/wss', hosts: ['sbc.example.com'], others: ['inside'] },
    { listener: 'phones/tls', hosts: ['phones.example.com'], others: ['inside'] },
  ])
  expect(uses.get('public')?.needs).toEqual([{ label: 'Zone teams', keyTypes: ['rsa'], clientAuth: true }])
  expect(uses.get('inside')).toEqual({
    at: [
      { listener: 'web/wss', hosts: ['sbc.example.com'], others: ['public'] },
      { listener: 'phones/tls', hosts: ['phones.example.com'], others: ['public'] },
    ],
    needs: [],
    also: ['admin'],
  })
})

test('what the admin alone shows is in use; what nobody shows is not', () => {
  expect(inUse({ ...UNUSED, also: ['admin'] })).toBe(true)
  expect(inUse(UNUSED)).toBe(false)
})

const none = () => []
const usage = (hosts: readonly string[], others: readonly string[] = []) => ({
  at: [{ listener: 'a/tls', hosts, others }],
  needs: [],
  also: [],
})

test('a listener with one certificate needs all of its names in it', () => {
  expect(measureOf(usage(['a.test', 'b.test']), ['a.test'], none)).toEqual({ required: [{ hosts: ['b.test'] }], uncovered: [] })
  expect(measureOf(usage(['a.test', 'b.test']), ['*.test'], none)).toEqual({ required: [{ hosts: [] }], uncovered: [] })
})

test('several certificates share the names of a listener', () => {
  const shared = usage(['a.test', 'b.test', 'c.test'], ['other'])
  expect(measureOf(shared, ['a.test'], () => ['b.test', 'c.test'])).toEqual({ required: [], uncovered: [] })
  expect(measureOf(shared, ['a.test'], () => ['b.test'])).toEqual({ required: [], uncovered: ['c.test'] })
})

test('one of several that has none of the names is told which ones nobody has', () => {
  const shared = usage(['a.test', 'b.test'], ['other'])
  expect(measureOf(shared, ['x.test'], () => ['a.test']).required).toEqual([{ hosts: ['b.test'] }])
  expect(measureOf(shared, ['x.test'], () => ['a.test', 'b.test']).required).toEqual([{ hosts: [] }])
})

test('what zones want is asked of every certificate', () => {
  const needs = [{ label: 'Zone carrier', clientAuth: true }]
  expect(measureOf({ ...UNUSED, needs }, ['a.test'], none).required).toEqual([{ hosts: [], needs: needs[0] }])
})
