import { describe, expect, test } from 'vitest'
import { insideHosts, ownHosts, restoreHosts } from '../../../src/routing/alterations/own-hosts.ts'
import { headerValue, type SipRequest } from '../../../src/sip/message.ts'
import { crossing, lanUdp, listener, pbx, pubTls, request, side, values, zone } from './support.ts'

const shy = zone('shy', [pubTls], { contact: 'ours' })
const parties = (from: string, to: string, ...lines: readonly string[]): SipRequest => {
  const { headers, ...rest } = request('sip:b@example.com', { lines: [`From: ${from}`, `To: ${to}`, ...lines] })
  return {
    ...rest,
    headers: headers.filter((one, i) => !(['from', 'to'].includes(one.name) && headers.findIndex(({ name }) => name === one.name) === i)),
  }
}
const toward = (one: SipRequest, as?: string): SipRequest =>
  ownHosts(one, crossing(side(pbx, lanUdp), side(shy, pubTls), { advertiseEgress: as }))

describe('hosts of the inside toward a zone that sees our name', () => {
  test.each([
    ['<sip:1001@10.0.0.20:5060;user=phone>;tag=1', '<sip:1001@sbc.example.com;user=phone>;tag=1'],
    ['"A, B" <sips:1001@192.168.7.7>;tag=1', '"A, B" <sips:1001@sbc.example.com>;tag=1'],
    ['sip:1001@[fd00::1]:5060;tag=1', '<sip:1001@sbc.example.com>;tag=1'],
    // Everybody's, a name, nobody, a number
    ['<sip:1001@198.51.100.20>;tag=1', undefined],
    ['<sip:1001@pbx.example.com>;tag=1', undefined],
    ['<sip:anonymous@anonymous.invalid>;tag=1', undefined],
    ['<tel:+1001>;tag=1', undefined],
  ])('T §3.3: %s', (written, shown = written) => {
    const sent = toward(parties(written, written.replace(/;tag=1$/, '')))
    expect(headerValue(sent, 'from')).toBe(shown)
    expect(headerValue(sent, 'to')).toBe(shown.replace(/;tag=1$/, ''))
    const hosts = insideHosts(parties(written, '<tel:1>'), 'from', lanUdp)
    // The partner: what the other side writes back becomes what was written
    const back = hosts === undefined ? parties('<tel:1>', shown) : restoreHosts(parties('<tel:1>', shown), hosts)
    expect(headerValue(back, 'to')!.replace(/[<>]/g, '')).toBe(written.replace(/[<>]/g, ''))
  })

  test('each identity, under the name of the tenant', () => {
    const one = parties('<sip:a@example.com>;tag=1', '<sip:b@example.com>', 'P-Asserted-Identity: <sip:1@10.0.0.20>, <tel:+1>')
    expect(values(toward(one, 'tenant1.example.net'), 'p-asserted-identity')).toEqual(['<sip:1@tenant1.example.net>, <tel:+1>'])
  })

  test('who forwarded the call', () => {
    const history = '<sip:1@10.0.0.20?Reason=SIP%3Bcause%3D302>;index=1, <sip:2@pbx.example.com>;index=1.1'
    const one = parties(
      '<sip:a@example.com>;tag=1',
      '<sip:b@example.com>',
      `History-Info: ${history}`,
      'Diversion: <sip:3@[fd00::1]>;reason=no-answer',
    )
    expect(values(toward(one), 'history-info')).toEqual([history.replace('10.0.0.20', 'sbc.example.com')])
    expect(values(toward(one), 'diversion')).toEqual(['<sip:3@sbc.example.com>;reason=no-answer'])
  })

  test('an address of ours is the inside, too', () => {
    const hosted = listener('hosted/udp', 'udp', '203.0.113.5', 5060)
    expect(insideHosts(parties('<sip:1@example.com>;tag=1', '<sip:2@203.0.113.5>'), 'from', hosted)).toEqual({
      local: undefined,
      remote: '203.0.113.5',
    })
    expect(insideHosts(parties('<sip:1@example.com>;tag=1', '<sip:2@203.0.113.5>'), 'from', lanUdp)).toBeUndefined()
  })

  test('other zones see what was written, and a REGISTER is about addresses', () => {
    const one = parties('<sip:1001@10.0.0.20>;tag=1', '<sip:2@10.0.0.5>')
    expect(ownHosts(one, crossing(side(pbx, lanUdp), side(zone('open', [pubTls]), pubTls)))).toBe(one)
    const register = { ...one, method: 'REGISTER' }
    expect(toward(register)).toBe(register)
    const plain = parties('<sip:1001@pbx.example.com>;tag=1', '<sip:2@example.com>')
    expect(toward(plain)).toBe(plain)
  })
})
