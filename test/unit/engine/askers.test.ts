import { expect, test } from 'vitest'
import { Askers } from '../../../src/engine/askers.ts'
import type { SipRequest } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'
import { lanUdp, zone } from '../routing/support.ts'
import { TestClock, TestFlow } from './support.ts'

const LIMITS = { startLine: 1000, headers: 100, head: 10_000, body: 1000 }
const teams = zone('teams', [lanUdp])
const other = zone('other', [lanUdp])

const options = (from: string): SipRequest => {
  const text = `OPTIONS sip:sbc.example.com SIP/2.0\r\nFrom: ${from};tag=1\r\nContent-Length: 0\r\n\r\n`
  return parse(Buffer.from(text, 'latin1'), LIMITS) as SipRequest
}

const flow = (address: string, ...names: string[]): TestFlow =>
  new TestFlow(address, lanUdp, address, names.length === 0 ? undefined : { verified: true, error: '', names })

test('T §2.2: who asks is known by the host of From, with the addresses and names that were seen, the latest first', () => {
  const clock = new TestClock()
  const askers = new Askers(clock)
  expect([askers.views('teams'), askers.lastAt('teams')]).toEqual([[], undefined])
  askers.asked(teams, flow('52.112.0.1', 'sip.pstnhub.microsoft.com'), options('<sip:sip-du-a-eu.pstnhub.microsoft.com:5061>'))
  clock.time += 1000
  askers.asked(teams, flow('52.112.0.2', 'sip2.pstnhub.microsoft.com'), options('<sip:SIP-DU-A-EU.pstnhub.microsoft.com:5061>'))
  askers.asked(teams, flow('52.112.0.3'), options('<sip:sip-du-a-us.pstnhub.microsoft.com:5061>'))
  askers.asked(other, flow('10.0.0.1'), options('<tel:+44>'))
  const lastAt = new Date(clock.time).toISOString()
  expect(askers.views('teams')).toEqual([
    { host: 'sip-du-a-us.pstnhub.microsoft.com', lastAt, count: 1, addresses: ['52.112.0.3'], names: [] },
    {
      host: 'sip-du-a-eu.pstnhub.microsoft.com',
      lastAt,
      count: 2,
      addresses: ['52.112.0.2', '52.112.0.1'],
      names: ['sip2.pstnhub.microsoft.com', 'sip.pstnhub.microsoft.com'],
    },
  ])
  expect(askers.lastAt('teams')).toBe(clock.time)
})

test('names that a peer makes up push out others, and grow nothing', () => {
  const askers = new Askers(new TestClock())
  for (let i = 0; i < 2000; i++) askers.asked(teams, flow(`10.0.${i >> 8}.${i & 255}`), options(`<sip:h${i}.example.com>`))
  for (let i = 0; i < 100; i++) askers.asked(teams, flow(`10.1.0.${i}`, `n${i}.example.com`), options(`<sip:${'x'.repeat(5000)}.example>`))
  const views = askers.views('teams')
  expect(views).toHaveLength(500)
  expect(views[0]).toMatchObject({ count: 100 })
  expect(views[0]!.host).toHaveLength(253)
  expect([views[0]!.addresses.length, views[0]!.names.length]).toEqual([16, 16])
})

test('names that no authority vouches for are not remembered', () => {
  const askers = new Askers(new TestClock())
  const forged = new TestFlow('f', lanUdp, '192.0.2.1', { verified: false, error: 'self-signed', names: ['sip.pstnhub.microsoft.com'] })
  askers.asked(teams, forged, options('<sip:a.example>'))
  expect(askers.views('teams')[0]?.names).toEqual([])
})
