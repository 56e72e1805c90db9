import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, uriOf } from '../support/wire.ts'
import { hangUp } from './place.ts'

/** Every rule there is would spoil a number that is not in international form. */
const edgeWith = (more = ''): string => `
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060 }
zones:
  pbx: { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20" ], numbers: { in: [ { match: "/^0(.*)$/", replace: "$1", on: [ request-uri, to, from ] } ] } }
  out:
    kind: trunk
    on: lan
    probe: false
    targets: [ "sip:10.0.0.30" ]
    numbers: { out: [ { e164: { country: "44", shortest: 1 }, on: [ request-uri, to, from ] } ] }
routes:
  - { from: pbx, to: out, numbers: [ { prefix: "9" } ] }
media: off
${more}`

const start = async (more = '') => {
  const edge = await startEdge(edgeWith(more), { touches: ['from', 'to'] })
  return { edge, pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'), out: edge.party('out', 'lan/udp', '10.0.0.30:5060') }
}

describe('calls for help (T §3.13)', () => {
  test.each([
    ['112', '112'],
    ['911', '911'],
    ['+112', '+112'],
    // A prefix for outside lines
    ['0112', '112'],
    // No emergency number
    ['113', '+449113'],
    ['01133', '+4491133'],
  ])('%s leaves as %s, whatever the number rules say', async (dialled, called) => {
    const { edge, pbx, out } = await start()
    pbx.sends('INVITE', { uri: `sip:${dialled}@10.0.0.5`, to: `sip:${dialled}@10.0.0.5`, from: '<sip:0100@10.0.0.20>' })
    const invite = out.gets('INVITE')
    expect(/^sip:([^@]+)@/.exec(invite.uri)?.[1]).toBe(called)
    const help = /^\+?112$|^911$/.test(called)
    // Who calls is as always
    expect(/^sip:([^@]+)@/.exec(uriOf(headerOf(invite, 'from')))?.[1]).toBe('+44100')
    if (help) expect(/^sip:([^@]+)@/.exec(uriOf(headerOf(invite, 'to')))?.[1]).toBe(called)
    expect(edge.logged('Emergency call')).toHaveLength(help ? 1 : 0)
    out.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    out.gets('ACK')
    hangUp(pbx, out)
  })

  test('the operator’s own numbers instead', async () => {
    const { pbx, out } = await start('emergency: [ "110" ]')
    for (const [dialled, called] of [
      ['110', '110'],
      ['112', '+449112'],
    ] as const) {
      pbx.sends('INVITE', { uri: `sip:${dialled}@10.0.0.5`, fresh: true })
      expect(/^sip:([^@]+)@/.exec(out.gets('INVITE').uri)?.[1]).toBe(called)
      out.sends(486)
      out.gets('ACK')
      pbx.gets(100, 486)
      pbx.sends('ACK')
    }
  })

  test('RFC 5031: urn:service:sos goes where calls go, and stays what it is; other URNs are unknown', async () => {
    const { edge, pbx, out } = await start()
    for (const uri of ['urn:service:sos', 'urn:service:sos.fire']) {
      pbx.sends('INVITE', { uri, fresh: true })
      expect(out.gets('INVITE').uri).toBe(uri)
      out.sends(486)
      out.gets('ACK')
      pbx.gets(100, 486)
      pbx.sends('ACK')
    }
    expect(edge.logged('Emergency call')).toHaveLength(2)
    pbx.sends('INVITE', { uri: 'urn:uuid:1', fresh: true })
    pbx.gets(416)
    pbx.sends('ACK')
  })

  test('the limit of transactions is for others, and its reserve is no hole in it', async () => {
    const { edge, pbx, out } = await start('limits: { transactions: 100 }')
    for (let i = 0; i < 100; i++) pbx.sends('INVITE', { uri: 'sip:200@10.0.0.5', fresh: true })
    out.forgets()
    pbx.forgets()
    pbx.sends('INVITE', { uri: 'sip:200@10.0.0.5', fresh: true, headers: ['Priority: emergency', 'Geolocation: <cid:a@b>'] })
    pbx.gets(503)
    pbx.sends('INVITE', { uri: 'sip:112@10.0.0.5', fresh: true })
    pbx.gets(100)
    out.gets('INVITE')
    for (let i = 0; i < 9; i++) pbx.sends('INVITE', { uri: 'sip:112@10.0.0.5', fresh: true })
    out.forgets()
    pbx.forgets()
    pbx.sends('INVITE', { uri: 'sip:112@10.0.0.5', fresh: true })
    pbx.gets(503)
    expect(edge.count('drop transactions')).toBe(2)
    edge.isStopped()
    edge.tolerates(/./)
    pbx.isDeaf()
    out.isDeaf()
  })
})
