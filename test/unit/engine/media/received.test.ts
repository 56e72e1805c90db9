import { expect, test } from 'vitest'
import type { Flow } from '../../../../src/address/flow.ts'
import { receivedFrom } from '../../../../src/engine/media/received.ts'
import { NAT_TESTS, type NatPolicy } from '../../../../src/zones/nat.ts'
import { network } from '../../../../src/zones/networks.ts'

const from = (remoteAddress: string) => ({ remoteAddress }) as Flow
const at = (address: string): string =>
  `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n`
const auto: NatPolicy = { tests: NAT_TESTS, local: [], keepAlive: undefined }

test.each<readonly [string, string, string, NatPolicy | undefined, string | undefined]>([
  ['a private address from a public one is not believed', '192.168.1.5', '198.51.100.7', auto, '198.51.100.7'],
  ['also where NAT is off', '192.168.1.5', '198.51.100.7', { ...auto, tests: [] }, '198.51.100.7'],
  ['it is where the zone takes it for no sign', '192.168.1.5', '198.51.100.7', { ...auto, tests: ['contact-private'] }, undefined],
  ['it is from a local network', '192.168.1.5', '198.51.100.7', { ...auto, local: [network('198.51.100.0/24')!] }, undefined],
  ['a public address is believed', '203.0.113.9', '198.51.100.7', auto, undefined],
  ['inside one network media may be elsewhere', '10.0.0.9', '10.0.0.4', auto, undefined],
])('N6: %s', (_what, written, source, nat, received) => {
  expect(receivedFrom(from(source), at(written), nat)).toBe(received)
})
