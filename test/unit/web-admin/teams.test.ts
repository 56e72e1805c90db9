import { describe, expect, test } from 'vitest'
import type { CertificateView, DoctorStep, TeamsView } from '../../../web-admin/src/api/types.ts'
import { explainPath, saidBy } from '../../../web-admin/src/ladder/reason.ts'
import { placeOf, queryOf } from '../../../web-admin/src/routes.ts'
import { troublesOf } from '../../../web-admin/src/words/problems.ts'
import {
  answerStanding,
  groupStanding,
  groupsOf,
  hubStanding,
  laterOf,
  reportFileName,
  standingOf,
  stepStanding,
} from '../../../web-admin/src/words/teams.ts'
import {
  answersOf,
  BLANK,
  chosenFit,
  covers,
  exampleOf,
  faultsOf,
  fitOf,
  fitsOf,
  groupsFor,
  nameFault,
  newCertificatePath,
  publicName,
  type SetupForm,
} from '../../../web-admin/src/words/teams-setup.ts'
import { certificate, development } from '../../web-admin/world-certificates.ts'
import { badTeams, examined, halfway, newTeams, ordinaryTeams, troubled } from '../../web-admin/world-teams.ts'
import { DAY, iso, MINUTE } from '../../web-admin/world-times.ts'

const now = Date.now()

describe('how a zone and the hubs stand', () => {
  const [hub] = ordinaryTeams().peering.targets
  const withTargets = (change: (view: TeamsView) => Partial<TeamsView['peering']>): TeamsView => {
    const view = ordinaryTeams()
    return { ...view, peering: { ...view.peering, ...change(view) } }
  }

  test.each([
    ['all is well', ordinaryTeams(), ['ok', 'Calls can go both ways']],
    [
      'something is left to do',
      { ...ordinaryTeams(), next: badTeams().next },
      ['warn', 'Calls can go both ways, and something is left to do'],
    ],
    ['nobody was asked yet', newTeams(), ['busy', 'The hubs are asked for the first time']],
    ['one of three is down', badTeams(), ['warn', '2 of 3 hubs answer']],
    [
      'all are down',
      withTargets(({ peering }) => ({ targets: peering.targets.map((one) => ({ ...one, health: 'down' })) })),
      ['error', 'No hub answers'],
    ],
    [
      'the only one of GCC High is down',
      withTargets(({ peering }) => ({ targets: [{ ...peering.targets[0]!, health: 'down' }] })),
      ['error', 'The hub does not answer'],
    ],
    ['nobody asks', withTargets(() => ({ askers: [] })), ['warn', 'The hubs answer us, but none has asked us yet']],
    [
      'they stopped asking',
      withTargets(({ peering }) => ({ askers: peering.askers.map((one) => ({ ...one, lastAt: iso(-6 * MINUTE) })) })),
      ['warn', 'The hubs answer us, but have stopped asking us'],
    ],
    [
      'all are drained',
      withTargets(({ peering }) => ({ targets: peering.targets.map((one) => ({ ...one, drain: true })) })),
      ['off', 'Every hub is taken out for new calls'],
    ],
    [
      'the certificate is over',
      { ...ordinaryTeams(), certificate: { name: 'public', daysLeft: -1, problems: [] } },
      ['error', 'The certificate is over, so no hub talks to us'],
    ],
  ] as const)('%s', (_name, view, [level, text]) => {
    expect(standingOf(view, now)).toEqual({ level, text })
  })

  test('a hub that asked to be left alone is busy for as long as it said', () => {
    const busy = { ...hub!, busyUntil: iso(MINUTE) }
    expect(hubStanding(busy, now).text).toBe('Busy')
    expect(hubStanding(busy, now + 2 * MINUTE).text).toBe('Up')
  })

  test('what a hub said to our OPTIONS', () => {
    const { answeredAt: _at, status: _status, ...silent } = hub!
    expect([hub!, { ...hub!, status: 403 }, silent].map((one) => answerStanding(one).text)).toEqual([
      '200 OK',
      'Refused with 403',
      'No answer yet',
    ])
  })

  test('the overview counts what Microsoft would not take, and the pages of Teams are where to put it right', () => {
    const found = troublesOf({ teams: [badTeams()] })
    expect(found.map(({ level, to }) => [level, to])).toEqual([
      ['warn', '/teams'],
      ['warn', '/teams'],
    ])
    expect(found[1]!.text).toBe(
      'Zone teams does not accept DigiCert TLS RSA 4096 Root G5 and Microsoft RSA Root Certificate Authority 2017, which Microsoft uses',
    )
    expect(troublesOf({ teams: [ordinaryTeams()] })).toEqual([])
  })
})

describe('reports of the doctor', () => {
  test('steps stand in groups in their order; a group has the worst of its verdicts once all are there', () => {
    const groups = groupsOf(troubled())
    expect(groups.map(({ title }) => title)).toEqual([
      'Our name',
      'Our certificate',
      'Clock',
      'sip.pstnhub.microsoft.com',
      'sip2.pstnhub.microsoft.com',
      'sip3.pstnhub.microsoft.com',
      'From Microsoft',
    ])
    expect(groups.map((group) => groupStanding(group)?.text)).toEqual(['Good', 'Wrong', 'Good', 'Wrong', 'Good', 'Good', 'Left out'])
    expect(groupsOf(halfway(troubled(), 3)).map((group) => groupStanding(group)?.text)).toEqual(['Good', ...Array.from({ length: 6 })])
  })

  test('a step without a verdict is under way, waits its turn, or was never looked at', () => {
    const step: DoctorStep = { id: 'dns', group: 'name', title: 'DNS', verdict: undefined, finding: '' }
    expect(
      [stepStanding(step, true, true), stepStanding(step, true, false), stepStanding(step, false, true)].map(({ text }) => text),
    ).toEqual(['Looking', 'Waiting', 'Not looked at'])
  })

  test('answers and events overtake each other; the one that knows more stays', () => {
    const [few, many, over] = [halfway(examined(), 3), halfway(examined(), 9), examined()]
    expect(laterOf(many, few)).toBe(many)
    expect(laterOf(few, many)).toBe(many)
    expect(laterOf(over, many)).toBe(over)
    expect(laterOf(undefined, few)).toBe(few)
    const next = { ...few, id: 'd2', startedAt: iso(MINUTE) }
    expect(laterOf(over, next)).toBe(next)
    expect(laterOf(next, over)).toBe(next)
  })

  test('the name of its file says whose it is, and nothing that a file cannot be called', () => {
    expect(reportFileName({ ...examined(), name: 'a/b:5061', startedAt: '2026-11-21T20:00:00Z' })).toBe(
      'teams-doctor-a_b_5061-2026-11-21.txt',
    )
  })
})

describe('what the wizard asks', () => {
  test.each([
    ['sbc.example.com', undefined],
    ['SBC-1.example.co.uk', undefined],
    ['', 'The name is missing'],
    ['sbc', /short names/],
    ['example.com', /sbc\.example\.com rather than/],
    ['*.example.com', /wildcard/],
    ['203.0.113.5', /by name alone/],
    ['2001:db8::1', /by name alone/],
    ['-sbc.example.com', /no host name/],
    ['sbc.example.com.', /no host name/],
    ['sbc.contoso.onmicrosoft.com', /refuses names/],
    ['sbc.office.local', /No public CA/],
    [`${'a'.repeat(60)}.com`, /up to 63 characters; this has 64/],
  ])('T §1.4: the name %s', (name, fault) => {
    if (fault === undefined) expect(nameFault(name)).toBeUndefined()
    else expect(nameFault(name)).toMatch(fault)
  })

  test.each([
    ['sbc.example.com', 'SBC.example.com', true],
    ['*.example.com', 'sbc.example.com', true],
    ['*.example.com', 'a.sbc.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.com', 'example.org', false],
  ])('T §1.4: %s for %s', (host, name, expected) => {
    expect(covers(host, name)).toBe(expected)
  })

  const judged = (more: Partial<CertificateView>, name = 'sbc.example.com') => {
    const { level, text } = fitOf(certificate('one', more), name, now)
    return [level, text]
  }

  test.each([
    [{}, ['ok', expect.stringMatching(/^It serves: 5\d days left$/)]],
    [{ keyType: 'ecdsa384' }, ['error', 'Its key is ECDSA, and the hubs accept RSA alone']],
    [{ keyType: 'rsa1024' }, ['error', 'Its RSA key is too short']],
    [{ validTo: iso(-DAY) }, ['error', expect.stringMatching(/^It is over/)]],
    [{ hosts: ['sbc'] }, ['error', 'It has short names alone (sbc), which Microsoft cannot find']],
    [{ hosts: ['*.com'] }, ['error', '*.com stands for one label and does not reach sbc.example.com']],
    [{ hosts: ['other.example.com'] }, ['error', 'It has other names: other.example.com']],
    [{ hosts: [] }, ['error', 'It has no names yet']],
    [{ source: 'development' }, ['error', 'It is of the development CA, which Microsoft does not trust']],
    [{ source: 'stored', validTo: iso(9.5 * DAY), next: { what: 'replace', text: '' } }, ['warn', 'It has 9 days left']],
    [{ keyType: 'ECDSA P-256' }, ['error', 'Its key is ECDSA, and the hubs accept RSA alone']],
    [{ keyType: 'RSA 1024' }, ['error', 'Its RSA key is too short']],
    [{ keyType: 'RSA 4096' }, ['ok', expect.stringMatching(/^It serves/)]],
    [{ problems: [{ severity: 'error', text: 'It does not name localhost', remedy: '' }] }, ['warn', 'It does not name localhost']],
    [{ problems: [{ severity: 'warning', text: 'No clientAuth', remedy: '' }] }, ['warn', 'No clientAuth']],
  ] as const)('T §1.4: a certificate with %j', (more, expected) => {
    expect(judged(more as Partial<CertificateView>)).toEqual(expected)
  })

  test('an order that runs does not hold anybody up', () => {
    const { validTo: _to, ...running } = certificate('one', { order: { running: true, steps: [] } })
    expect(fitOf(running, 'sbc.example.com', now)).toMatchObject({ level: 'busy', covers: true })
  })

  test('the best one that has the name is chosen until somebody chooses another', () => {
    const fits = fitsOf([development(), certificate('curve', { keyType: 'ecdsa256' }), certificate('good', {})], 'sbc.example.com', now)
    expect(fits.map((one) => one.certificate.name)).toEqual(['good', 'curve', 'local'])
    expect(chosenFit(BLANK, fits)?.certificate.name).toBe('good')
    expect(chosenFit({ ...BLANK, certificate: 'curve' }, fits)?.level).toBe('error')
    expect(chosenFit(BLANK, fits.slice(1))).toBeUndefined()
  })

  const form: SetupForm = { ...BLANK, name: 'sbc.example.com', zone: 'pbx', listener: 'lan', numbers: '+4420794601xx, +442079460200\n' }
  const fits = fitsOf([certificate('good', {})], form.name, now)

  test.each([
    [{}, {}],
    [{ port: '0' }, { port: 'A port from 1 to 65535' }],
    [{ cloud: 'dod', port: '5062' }, { port: 'This cloud reaches port 5061 alone' }],
    [{ zone: '' }, { zone: 'No zone is chosen' }],
    [{ pbx: 'new', uri: 'sip:anna@10.0.0.20' }, { uri: expect.stringContaining('without user') }],
    [{ pbx: 'new', uri: 'sip:[2001:db8::20]:5060;transport=tcp' }, {}],
    [{ pbx: 'new', uri: 'sip:pbx.example.com', listener: '' }, { listener: 'No listener is chosen' }],
    [{ numbers: '' }, { numbers: 'The numbers of your Teams users are missing' }],
    [{ numbers: '02079460200' }, { numbers: expect.stringContaining('begin with +') }],
    [{ numbers: '+0044' }, { numbers: expect.stringContaining('country code, which begins') }],
    [{ numbers: '+44*1' }, { numbers: expect.stringContaining('at the end alone') }],
    [{ numbers: '+44 (20) 7946-01xx\n+49*' }, {}],
    [{ numbers: '+44; rm -rf' }, { numbers: expect.stringContaining('signs that no number has') }],
    [{ country: '0' }, { country: expect.stringContaining('without +') }],
  ] as const)('faults of %j', (change, expected) => {
    expect(faultsOf({ ...form, ...(change as Partial<SetupForm>) }, fits)).toEqual(expected)
  })

  test.each([
    ['+44 20 7946 01xx\n+442079460200', '+442079460100'],
    ['+44 (0)20 7946 0100', '+442079460100'],
    ['+4420794601*', '+4420794601'],
    ['', ''],
  ])('of %j the example to dial is %j', (numbers, example) => {
    expect(exampleOf({ ...BLANK, numbers })).toBe(example)
  })

  test('the answers have what was chosen and nothing that was left empty', () => {
    expect(answersOf({ ...form, name: 'SBC.example.com' }, fits)).toEqual({
      name: 'sbc.example.com',
      cloud: 'worldwide',
      port: 5061,
      certificate: 'good',
      pbx: { zone: 'pbx' },
      numbers: ['+4420794601xx', '+442079460200'],
      bypass: false,
    })
  })

  test('what a first start has is filled in where Microsoft would take it', () => {
    const listener = (name: string, advertised: string) => ({
      name,
      transport: name.split('/')[1]!,
      bind: '',
      advertised,
      open: true,
      flows: 0,
    })
    const state = {
      listeners: [listener('lan/udp', '10.0.0.5:5060'), listener('web/wss', 'localhost:443'), listener('lan/tls', 'sbc.example.com:5061')],
    } as never
    expect(publicName(state)).toBe('sbc.example.com')
    expect(groupsFor(state)).toEqual(['lan'])
  })
})

test('what a hub said is its Reason, else its status line; of requests the header alone', () => {
  const message = {
    at: 0,
    direction: 'in',
    party: 0,
    listener: 'teams/tls',
    transport: 'tls',
    cseq: '',
    bytes: 0,
    repeated: false,
    changed: [],
  } as const
  const said = (title: string, head: string, more: object = {}) =>
    saidBy({ ...message, title, text: `${head}\r\n\r\nReason: in the body`, ...more }, ['teams/tls'])
  expect(said('480 X', 'SIP/2.0 480 X\r\nREASON: Q.850;cause=31;text="a"')).toEqual({ text: 'Q.850;cause=31;text="a"', status: 480 })
  expect(said('403 Forbidden', 'SIP/2.0 403 Forbidden\r\nTo: <sip:x>')).toEqual({ text: '403 Forbidden', status: 403 })
  expect(said('BYE sip:x', 'BYE sip:x SIP/2.0\r\nReason: Q.850;cause=16')).toEqual({ text: 'Q.850;cause=16' })
  expect(said('BYE sip:x', 'BYE sip:x SIP/2.0')).toBeUndefined()
  expect(said('200 OK', 'SIP/2.0 200 OK')).toBeUndefined()
  expect(said('403 X', 'SIP/2.0 403 X', { listener: 'lan/udp' })).toBeUndefined()
  expect(said('403 X', 'SIP/2.0 403 X', { direction: 'out' })).toBeUndefined()
  expect(explainPath({ text: 'a;b="c d"', status: 403 })).toBe('/teams/explain?text=a%3Bb%3D%22c+d%22&status=403')
})

test('places: the doctor of a zone, a step of the wizard, and a certificate that is made for one', () => {
  expect(placeOf('#/teams')).toEqual({ page: 'teams', part: 'status' })
  expect(placeOf('#/teams/doctor/my%20zone')).toEqual({ page: 'teams', part: 'doctor', of: 'my zone' })
  expect(placeOf('#/teams/setup/pbx')).toEqual({ page: 'teams', part: 'setup', of: 'pbx' })
  expect([placeOf('#/teams/nothing').page, placeOf('#/teams/setup/pbx/more').page]).toEqual(['unknown', 'unknown'])
  const path = newCertificatePath('sbc.example.com')
  expect(placeOf(`#${path}`)).toEqual({ page: 'new certificate' })
  expect(queryOf(`#${path}`).get('host')).toBe('sbc.example.com')
})
