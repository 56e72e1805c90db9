import { expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, parameterOf, uriOf, valuesOf } from '../support/wire.ts'
import { callUp, hangUp, PLACE, register, startPlace } from './place.ts'

test('T7, RFC 5658: the outgoing side stands on top, each entry with the transport and the advertised name of its side', async () => {
  const { teams, pbx } = await startPlace()
  pbx.sends('INVITE', { uri: 'sip:+442079460101@example.com' })
  const [outgoing, incoming, ...more] = valuesOf(teams.gets('INVITE'), 'record-route').map(uriOf)
  expect(more).toEqual([])
  expect(outgoing).toMatch(/^sip:sbc\.example\.com:5061;transport=tls;lr;r2=on;ew=[\w.!-]+$/)
  expect(incoming).toMatch(/^sip:10\.0\.0\.5:5060;lr;r2=on;ew=[\w.!-]+$/)
  expect(parameterOf(outgoing!, 'ew')).toBe(parameterOf(incoming!, 'ew'))
  teams.sends(200)
  pbx.gets(100, 200)
  pbx.sends('ACK')
  teams.gets('ACK')
  hangUp(teams, pbx)
})

test('T7, §16.7: a response brings the Record-Route back as it was written', async () => {
  const { teams, pbx } = await startPlace()
  teams.sends('INVITE', { uri: 'sip:100@sbc.example.com:5061;transport=tls' })
  const written = valuesOf(pbx.gets('INVITE'), 'record-route')
  pbx.sends(200)
  expect(valuesOf(teams.gets(100, 200), 'record-route')).toEqual(written)
  teams.sends('ACK')
  pbx.gets('ACK')
  hangUp(pbx, teams)
})

test.each([true, false])('T8: both of our Route entries are taken off, in one line or in two (one line: %s)', async (oneLine) => {
  const { teams, pbx } = await startPlace()
  callUp(teams, pbx)
  for (const [one, other] of [
    [teams, pbx],
    [pbx, teams],
  ] as const) {
    one.sends('INFO', { oneLine })
    expect(valuesOf(other.gets('INFO'), 'route')).toEqual([])
    other.sends(200)
    one.gets(200)
  }
  hangUp(teams, pbx)
})

test('§16.4: Route entries behind ours stay as they were, in the line that they share with ours', async () => {
  const { edge, teams, pbx } = await startPlace()
  const proxy = edge.party('proxy', 'lan/udp', '10.0.0.30:5060')
  teams.sends('INVITE')
  pbx.gets('INVITE')
  // As a proxy of the PBX's own would: its Record-Route on top of ours
  pbx.sends(200, { headers: ['Record-Route: <sip:10.0.0.30:5060;lr>, <sip:10.0.0.31;lr>'] })
  const routes = valuesOf(teams.gets(100, 200), 'record-route')
  expect(routes).toHaveLength(4)
  const ours = routes.slice(0, 2).toReversed()
  teams.sends('ACK', { routes: [...ours, '<sip:10.0.0.30:5060;lr>', '<sip:10.0.0.31;lr>'], oneLine: true })
  expect(headerOf(proxy.gets('ACK'), 'route')).toBe('<sip:10.0.0.30:5060;lr>, <sip:10.0.0.31;lr>')
  teams.sends('BYE', { routes: [...ours, '<sip:10.0.0.30:5060;lr>'] })
  expect(valuesOf(proxy.gets('BYE'), 'route')).toEqual(['<sip:10.0.0.30:5060;lr>'])
  proxy.sends(200)
  teams.gets(200)
})

test('§16.6 item 6: a strict router behind us finds itself in the Request-URI and the target as the last Route', async () => {
  const { edge, teams, pbx } = await startPlace()
  const strict = edge.party('strict', 'lan/udp', '10.0.0.30:5060')
  edge.tolerates(/Route .* was not there before/)
  callUp(teams, pbx)
  const ours = teams.sends('INFO')
  pbx.gets('INFO')
  pbx.sends(200)
  teams.gets(200)
  teams.sends('BYE', { routes: [...valuesOf(ours, 'route'), '<sip:10.0.0.30:5060>'] })
  const bye = strict.gets('BYE')
  expect(bye.uri).toBe('sip:10.0.0.30:5060')
  expect(valuesOf(bye, 'route')).toEqual([pbx.contact])
  strict.sends(200)
  teams.gets(200)
})

test('§16.4: a strict router before us put our Route into the Request-URI', async () => {
  const { edge, teams, pbx } = await startPlace()
  edge.tolerates(/Request-URI|Route/)
  callUp(teams, pbx)
  const probe = pbx.sends('INFO')
  teams.gets('INFO')
  teams.sends(200)
  pbx.gets(200)
  const [first, second] = valuesOf(probe, 'route')
  pbx.sends('BYE', { uri: uriOf(first!), routes: [second!, `<${probe.uri}>`] })
  expect(teams.gets('BYE').uri).toBe(probe.uri)
  teams.sends(200)
  pbx.gets(200)
})

test.each(['teams', 'pbx'] as const)(
  'D1: a dialog goes on after kill -9 and restart, from its headers alone (%s speaks first)',
  async (who) => {
    const { edge, teams, pbx } = await startPlace()
    callUp(teams, pbx)
    await edge.restarts()
    const [one, other] = who === 'teams' ? [teams, pbx] : [pbx, teams]
    one.sends('INVITE')
    other.gets('INVITE')
    other.sends(200)
    one.gets(100, 200)
    one.sends('ACK')
    other.gets('ACK')
    hangUp(other, one)
  },
)

test('D1: after a restart a browser is found again once it has registered on a new connection', async () => {
  const { edge, browser, pbx } = await startPlace()
  register(browser, pbx)
  callUp(browser, pbx)
  await edge.restarts()
  pbx.sends('INFO')
  pbx.gets(430)
  browser.connects()
  register(browser, pbx)
  pbx.sends('BYE', { fresh: false })
  // The REGISTER was a new exchange; the dialog is the call's
  browser.gets('BYE')
  browser.sends(200)
  pbx.gets(200)
})

test('§16.3: PRACK, UPDATE, REFER, NOTIFY and methods that nobody has heard of pass inside a dialog', async () => {
  const { teams, pbx } = await startPlace()
  teams.sends('INVITE', { headers: ['Supported: 100rel'] })
  const invite = pbx.gets('INVITE')
  pbx.sends(183, { headers: ['Require: 100rel', 'RSeq: 1'] })
  expect(headerOf(teams.gets(100, 183), 'rseq')).toBe('1')
  teams.sends('PRACK', { headers: ['RAck: 1 1 INVITE'] })
  expect(headerOf(pbx.gets('PRACK'), 'rack')).toBe('1 1 INVITE')
  pbx.sends(200)
  teams.gets(200)
  pbx.sends('UPDATE')
  teams.gets('UPDATE')
  teams.sends(200)
  pbx.gets(200)
  pbx.sends(200, { of: invite })
  teams.gets(200)
  teams.sends('ACK')
  pbx.gets('ACK')
  teams.sends('REFER', { headers: ['Refer-To: <sip:200@example.com>'] })
  pbx.gets('REFER')
  pbx.sends(202)
  teams.gets(202)
  for (const method of ['NOTIFY', 'MESSAGE', 'XYZZY']) {
    pbx.sends(method, { headers: ['Event: refer', 'Subscription-State: active'], body: 'SIP/2.0 100 Trying\r\n' })
    teams.gets(method)
    teams.sends(200)
    pbx.gets(200)
  }
  hangUp(teams, pbx)
})

test('RFC 6665: a subscription is a dialog that is record-routed, and its NOTIFY finds the way back to the browser', async () => {
  const { browser, pbx } = await startPlace()
  browser.sends('SUBSCRIBE', { uri: 'sip:100@example.com', headers: ['Event: dialog'] })
  expect(valuesOf(pbx.gets('SUBSCRIBE'), 'record-route')).toHaveLength(2)
  pbx.sends(202)
  browser.gets(202)
  pbx.sends('NOTIFY', { headers: ['Event: dialog', 'Subscription-State: active'] })
  browser.gets('NOTIFY')
  browser.sends(200)
  pbx.gets(200)
})

test('A1: what a tenant is called by shows in what its side sees of us, and is recognised when it comes back', async () => {
  const { teams, pbx } = await startPlace()
  teams.sends('INVITE', { uri: 'sip:100@tenant1.example.com:5061;transport=tls' })
  const [, incoming] = valuesOf(pbx.gets('INVITE'), 'record-route').map(uriOf)
  expect(incoming).toMatch(/^sip:tenant1\.example\.com:5061;transport=tls;lr;r2=on;/)
  pbx.sends(200)
  teams.gets(100, 200)
  teams.sends('ACK')
  pbx.gets('ACK')
  hangUp(teams, pbx)
})

test('A1: a zone and a route advertise a tenant name in Via and Record-Route', async () => {
  const edge = await startEdge(
    PLACE.replace(
      '{ from: pbx, number: "+4420794601xx", to: teams }',
      '{ from: pbx, number: "+4420794601xx", to: teams, advertise: tenant1.example.com }',
    ),
  )
  const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
  const teams = edge.party('teams', 'teams/tls', '52.112.0.1:5061')
  pbx.sends('INVITE', { uri: 'sip:+442079460101@example.com' })
  const invite = teams.gets('INVITE')
  expect(headerOf(invite, 'via')).toContain('SIP/2.0/TLS tenant1.example.com:5061;')
  expect(valuesOf(invite, 'record-route')[0]).toContain('sip:tenant1.example.com:5061;transport=tls')
  teams.sends(180)
  pbx.gets(100, 180)
  pbx.sends('CANCEL')
  pbx.gets(200)
  expect(headerOf(teams.gets('CANCEL'), 'via')).toBe(headerOf(invite, 'via'))
  teams.sends(200)
  teams.sends(487, { of: invite })
  teams.gets('ACK')
  pbx.gets(487)
  pbx.sends('ACK')
})

test('N2, RFC 3581: a UDP phone behind NAT gets answers and requests where it sends from, whatever it writes', async () => {
  const { edge, pbx } = await startPlace()
  const phone = edge.party('phone1', 'public/udp', '198.51.100.9:61000', { host: '192.168.1.23:5060', plainVia: true })
  register(phone, pbx)
  phone.sends('INVITE', { uri: 'sip:100@203.0.113.5:5080' })
  pbx.gets('INVITE')
  pbx.sends(180)
  expect(headerOf(phone.gets(100, 180), 'via')).toContain(';rport=61000;received=198.51.100.9')
  pbx.sends(200)
  phone.gets(200)
  phone.sends('ACK')
  pbx.gets('ACK')
  hangUp(pbx, phone)
  // A call to it, by the Contact that it registered
  callUp(pbx, phone, uriOf(phone.contact))
  hangUp(pbx, phone)
})

test('T9: a request inside a dialog by another listener is let through, counted and told', async () => {
  const { edge, teams, pbx } = await startPlace()
  edge.tolerates(/T9/)
  callUp(teams, pbx)
  const tcp = edge.party('pbx-tcp', 'lan/tcp', '10.0.0.20:5060')
  const bye = pbx.sends('INFO')
  teams.gets('INFO')
  teams.sends(200)
  pbx.gets(200)
  tcp.raw(
    bye.bytes
      .toString('latin1')
      .replaceAll('INFO', 'BYE')
      .replace('SIP/2.0/UDP', 'SIP/2.0/TCP')
      .replace(/branch=\S+?;/, 'branch=z9hG4bKother;'),
  )
  teams.gets('BYE')
  teams.sends(200)
  tcp.gets(200)
  expect(edge.count('leg')).toBe(1)
  expect(edge.warnings.map(({ text }) => text)).toContain('A leg changed its transport inside a dialog')
})
