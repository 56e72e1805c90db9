import { expect, test } from 'vitest'
import { TRANSPORT_NAMES, TRANSPORTS, transportNamed } from '../../../src/address/transports.ts'

test('RFC 7118 §5.2: Via tells WS from WSS, the URI knows only ws', () => {
  expect(TRANSPORT_NAMES.map((name) => `${TRANSPORTS[name].via} ${TRANSPORTS[name].uri}`)).toEqual([
    'UDP udp',
    'TCP tcp',
    'TLS tls',
    'WS ws',
    'WSS ws',
  ])
})

test('T3: the port follows the transport', () => {
  expect(TRANSPORT_NAMES.map((name) => TRANSPORTS[name].defaultPort)).toEqual([5060, 5060, 5061, 80, 443])
})

test.each(TRANSPORT_NAMES)('§7.3.1: %s is known in any case', (name) => {
  expect(transportNamed(name.toUpperCase())).toBe(name)
  expect(TRANSPORTS[name].name).toBe(name)
})

test.each(['sctp', '', 'udp ', 'toString', '__proto__', 'constructor'])('%o is no transport of ours', (token) => {
  expect(transportNamed(token)).toBeUndefined()
})
