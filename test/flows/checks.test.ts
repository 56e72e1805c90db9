import { expect, test } from 'vitest'
import { readWire } from '../support/wire.ts'
import { callUp, hangUp, startPlace } from './place.ts'

/** What the harness says of a message that the edge could have sent: the INVITE of Teams on its way to the PBX, changed. */
test.each([
  ['a wrong Content-Length', (text: string) => text.replace(/Content-Length: \d+/, 'Content-Length: 7'), 'Content-Length 7 for a body of'],
  ['no Content-Length', (text: string) => text.replace(/Content-Length: \d+\r\n/, ''), '0 Content-Length lines'],
  ['a bind address', (text: string) => text.replace('sip:sbc.example.com:5061', 'sip:10.0.0.5:5061'), 'address 10.0.0.5:5061 of ours'],
  ['a wildcard', (text: string) => text.replace('sip:10.0.0.5:5060', 'sip:0.0.0.0:5060'), 'address 0.0.0.0 of ours'],
  ['a touched line', (text: string) => text.replace('X-Odd:   kept', 'X-Odd: kept'), 'became "X-Odd: kept'],
  ['a lost line', (text: string) => text.replace('s: compact\r\n', ''), '"s: compact" became'],
  ['a touched body', (text: string) => text.replace('s=-', 's=x'), 'the body was changed'],
  ['another transport in Via', (text: string) => text.replace('SIP/2.0/UDP', 'SIP/2.0/TLS'), 'T6: topmost Via'],
  ['another host in Via', (text: string) => text.replace('UDP 10.0.0.5', 'UDP 10.0.0.6'), 'T6: topmost Via'],
  [
    'the transport of the other leg',
    (text: string) => text.replace('sip:100@10.0.0.20:5060', 'sip:100@10.0.0.20:5060;transport=tls'),
    'T4: Request-URI',
  ],
  ['Max-Forwards as it was', (text: string) => text.replace('Max-Forwards: 69', 'Max-Forwards: 70'), 'Max-Forwards 70 after 70'],
  ['a Via of others that was changed', (text: string) => text.replace('TLS 52.112.0.1', 'TLS 52.112.0.2'), 'Via SIP/2.0/TLS 52.112.0.1'],
  [
    'a Record-Route that names nobody',
    (text: string) => text.replace('<sip:10.0.0.5:5060;lr', '<sip:10.0.0.7:5060;lr'),
    'names none of our listeners',
  ],
  ['a bare line feed', (text: string) => text.replace('\r\nX-Odd', '\nX-Odd'), 'bare CR or LF'],
])('the harness sees %s', async (_what, change, fault) => {
  const { edge, teams, pbx } = await startPlace()
  teams.sends('INVITE')
  const invite = pbx.gets('INVITE')
  const flow = pbx.flowOf(invite)
  const changed = change(invite.bytes.toString('latin1'))
  expect(changed).not.toBe(invite.bytes.toString('latin1'))
  try {
    edge.checks.sent(flow, readWire(Buffer.from(changed, 'latin1')))
  } catch (error) {
    edge.checks.faults.push((error as Error).message)
  }
  expect(edge.checks.faults.join('\n')).toContain(fault)
  edge.checks.faults.length = 0
  // Its ACK differs from what it was changed to
  edge.tolerates(/^ACK /)
  pbx.sends(486)
  pbx.gets('ACK')
  teams.gets(100, 486)
  teams.sends('ACK')
})

test('the harness sees a leg that changes its listener (T9), and a response that goes elsewhere', async () => {
  const { edge, teams, pbx, browser } = await startPlace()
  callUp(teams, pbx)
  teams.sends('INFO')
  const info = pbx.gets('INFO')
  pbx.sends(200)
  const ok = teams.gets(200)
  const phone = edge.party('pbx', 'public/udp', '10.0.0.20:7000')
  phone.sends('OPTIONS', { uri: 'sip:203.0.113.5:5080', fresh: true })
  const elsewhere = phone.flowOf(phone.gets(200))
  edge.checks.sent(elsewhere, info)
  expect(edge.checks.faults.join('\n')).toContain('T9: the leg began on lan/udp')
  edge.checks.sent(elsewhere, ok)
  expect(edge.checks.faults.join('\n')).toContain('T9: the request came by teams/tls')
  edge.checks.faults.length = 0
  browser.getsNothing()
  hangUp(pbx, teams)
})
