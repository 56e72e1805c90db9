import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, parameterOf, topViaOf, uriOf, valuesOf } from '../support/wire.ts'

/** A branch office: its PBX is behind a router, whose port 5060 leads to it. @param nat of its zone */
const place = (nat: string): string => `
name: sbc.example.com
listeners:
  lan:   { udp: 10.0.0.5:5060 }
  trunk: { udp: 203.0.113.5:5060, tcp: 203.0.113.5:5060 }
zones:
  pbx:    { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  branch: { kind: trunk, on: trunk, probe: false, admit: { networks: [ 198.51.100.7 ] }, targets: [ "sip:198.51.100.7:5060;transport=udp" ]${nat} }
routes: [ { from: pbx, to: branch }, { from: branch, to: pbx } ]
media: off
`

const start = async (nat: string, port = 5060, listener = 'trunk/udp') => {
  const edge = await startEdge(place(nat))
  const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
  const branch = edge.party('branch', listener, `198.51.100.7:${port}`, { host: '192.168.8.2:5060', plainVia: true })
  return { edge, pbx, branch }
}

describe('a trunk behind NAT', () => {
  test('N2: calls, and its private Contact is not where its BYE goes', async () => {
    const { pbx, branch } = await start(', nat: auto', 34_567)
    branch.sends('INVITE')
    const invite = pbx.gets('INVITE')
    expect(valuesOf(invite, 'via')[1], 'RFC 3581, without being asked').toContain(';rport=34567;received=198.51.100.7')
    pbx.sends(180)
    branch.gets(100, 180)
    pbx.sends(200)
    branch.gets(200)
    branch.sends('ACK')
    pbx.gets('ACK')
    pbx.sends('INVITE')
    const again = branch.gets('INVITE')
    expect(again.uri, 'its own Contact').toBe('sip:branch@192.168.8.2:5060')
    expect(branch.flowOf(again).remotePort).toBe(34_567)
    branch.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    branch.gets('ACK')
    pbx.sends('BYE')
    branch.gets('BYE')
    branch.sends(200)
    pbx.gets(200)
  })

  test('N2: is called, and ACK, re-INVITE and BYE go where the call went', async () => {
    const { pbx, branch } = await start(', nat: auto')
    pbx.sends('INVITE')
    branch.gets('INVITE')
    branch.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    expect(branch.gets('ACK').uri).toBe('sip:branch@192.168.8.2:5060')
    pbx.sends('INVITE')
    branch.gets('INVITE')
    branch.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    branch.gets('ACK')
    pbx.sends('BYE')
    branch.gets('BYE')
    branch.sends(200)
    pbx.gets(200)
  })

  test('N2: over a connection that it opened, by that connection', async () => {
    const { pbx, branch } = await start(', nat: auto', 34_567, 'trunk/tcp')
    branch.sends('INVITE')
    pbx.gets('INVITE')
    pbx.sends(200)
    branch.gets(100, 200)
    branch.sends('ACK')
    pbx.gets('ACK')
    pbx.sends('BYE')
    branch.gets('BYE')
    branch.sends(200)
    pbx.gets(200)
  })

  test('N2: registers through us by a Path with its flow in it', async () => {
    const { pbx, branch } = await start(', nat: auto, path: true', 34_567)
    branch.sends('REGISTER', { uri: 'sip:example.com', to: 'sip:branch@example.com' })
    const path = valuesOf(pbx.gets('REGISTER'), 'path')
    expect(path.map(uriOf)[0]).toMatch(/^sip:10\.0\.0\.5:5060;lr;ob;ewp;ew=/)
    pbx.sends(200)
    branch.gets(200)
    pbx.sends('INVITE', { uri: 'sip:branch@192.168.8.2:5060', routes: path })
    const invite = branch.gets('INVITE')
    expect(branch.flowOf(invite).remotePort).toBe(34_567)
    branch.sends(486)
    pbx.gets(100, 486)
    pbx.sends('ACK')
    branch.gets('ACK')
    branch.replies('OPTIONS', 200)
  })

  test('without "nat" the Contact is believed, and nobody but those whom the zone admits is reached (D8)', async () => {
    const { edge, pbx, branch } = await start('')
    branch.sends('INVITE')
    const invite = pbx.gets('INVITE')
    expect(parameterOf(valuesOf(invite, 'via')[1]!, 'received')).toBe('198.51.100.7')
    pbx.sends(200)
    branch.gets(100, 200)
    branch.sends('ACK')
    pbx.gets('ACK')
    pbx.sends('BYE')
    pbx.gets(403)
    branch.getsNothing()
    expect(edge.count('refused destination')).toBe(1)
  })

  test('N1: from a network that is reachable directly the Contact is believed, too', async () => {
    const { pbx, branch } = await start(', nat: { local: [ 198.51.100.0/24 ] }')
    pbx.sends('INVITE')
    expect(topViaOf(branch.gets('INVITE'))).toContain('203.0.113.5:5060')
    branch.sends(200)
    expect(headerOf(pbx.gets(100, 200), 'contact')).toContain('192.168.8.2')
    pbx.sends('ACK')
    branch.getsNothing()
    pbx.sends('BYE')
    pbx.gets(403)
  })
})

describe('a phone behind NAT', () => {
  const PHONES = `
name: sbc.example.com
listeners:
  lan:    { udp: 10.0.0.5:5060 }
  public: { udp: 203.0.113.5:5060 }
zones:
  pbx:    { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  phones: { kind: phones, on: public }
routes: [ { from: phones, to: pbx } ]
media: off
`
  test('N7: whose router writes messages anew is told of once an hour', async () => {
    const edge = await startEdge(PHONES)
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const phone = edge.party('phone', 'public/udp', '198.51.100.7:40001', { host: '192.168.1.5:5060' })
    const call = (): void => {
      phone.sends('INVITE', { fresh: true, contact: '<sip:phone@198.51.100.7:40001>' })
      pbx.gets('INVITE')
      pbx.sends(486)
      pbx.gets('ACK')
      phone.gets(100, 486)
      phone.sends('ACK')
    }
    call()
    call()
    const told = (): readonly unknown[] =>
      edge.logged('Messages of this source are written anew on their way: if its calls fail, switch off the SIP ALG of its router')
    expect(told()).toMatchObject([{ zone: 'phones', remote: '198.51.100.7', altered: ['contact'] }])
    edge.leaps(3_600_000)
    call()
    expect(told()).toHaveLength(2)
  })
})
