import { expect, test } from 'vitest'
import type { PeeringView } from '../../../src/admin/contract.ts'
import type { Patient } from '../../../src/teams/patient.ts'
import { factsOf, nextOf, viewOf } from '../../../src/teams/status.ts'
import { certificates, configOf, HUB, NAME, NOW, patientFrom, peeringOf } from './support.ts'

certificates()
const [target] = peeringOf().targets
const asked = (secondsAgo: number) => ({
  ...{ host: 'sip-du-a-eu.pstnhub.microsoft.com', lastAt: new Date(NOW - secondsAgo * 1000).toISOString(), count: 1 },
  ...{ addresses: ['52.114.75.24'], names: [HUB] },
})

const seen = async (patient: Patient, peering: PeeringView) => viewOf(patient, peering, await factsOf(patient, NOW), NOW)

test('a certificate that is wrong comes first', async () => {
  const none = await seen({ ...patientFrom(configOf(5061)), certificates: [] }, peeringOf())
  expect(none.next).toMatchObject({ page: 'certificates', text: expect.stringContaining('has no certificate') })
  const view = await seen(patientFrom(configOf(5061)), peeringOf({ askers: [asked(5)] }))
  expect(view).toMatchObject({ next: { page: 'certificates' }, certificate: { name: 'main', daysLeft: 19 } })
})

test('a name that is none comes before everything', async () => {
  const patient = patientFrom(configOf(5061))
  expect((await seen({ ...patient, name: '10.0.0.5' }, peeringOf())).next).toMatchObject({ page: 'setup' })
})

const WELL = { view: { name: 'main', daysLeft: 60, problems: [] }, worst: undefined, ending: false }
const ALL = { missing: [], expiring: [] }

test.each<[string, Partial<PeeringView>, string | undefined, RegExp]>([
  ['no hub answers', { targets: [{ ...target!, health: 'down' }] }, 'doctor', /No hub answers/],
  ['all are drained', { targets: [{ ...target!, drain: true }] }, 'configuration', /taken out by hand/],
  ['Microsoft has not asked', { askers: [] }, 'doctor', /has not asked us yet/],
  ['Microsoft has stopped asking', { askers: [asked(3600)] }, 'doctor', /has not asked us since/],
  [
    'one of two is down',
    { askers: [asked(9)], targets: [target!, { ...target!, name: 'two', health: 'down' }] },
    'doctor',
    /two does not answer/,
  ],
  ['all is well', { askers: [asked(9)] }, undefined, /^$/],
])('what is next when %s', (_what, peering, page, text) => {
  const next = nextOf({ name: NAME }, peeringOf(peering), WELL, ALL, NOW)
  expect([next?.page, next?.text ?? '']).toEqual([page, expect.stringMatching(text)])
})

test('what is next when calls work: roots that are missing, a certificate that ends soon', () => {
  const peering = peeringOf({ askers: [asked(9)] })
  expect(nextOf({ name: NAME }, peering, WELL, { missing: ['DigiCert Global Root G3'], expiring: [] }, NOW)).toMatchObject({
    page: 'configuration',
  })
  expect(nextOf({ name: NAME }, peering, { ...WELL, ending: true }, ALL, NOW)).toMatchObject({
    page: 'certificates',
  })
})
