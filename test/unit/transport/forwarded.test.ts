import { expect, test } from 'vitest'
import { forwardedClient } from '../../../src/transport/forwarded.ts'

const OURS = ['10.0.0.7', '10.0.0.8', '2001:db8::7']
const ours = (address: string): boolean => OURS.includes(address)
const plain = (value: string) => forwardedClient({ 'x-forwarded-for': value }, ours)
const standard = (value: string) => forwardedClient({ forwarded: value }, ours)

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['203.0.113.9, 10.0.0.8', '203.0.113.9'],
  ['198.51.100.1, 203.0.113.9, 10.0.0.8, 10.0.0.7', '203.0.113.9'],
  ['10.0.0.99, 203.0.113.9', '203.0.113.9'],
  ['203.0.113.9:51022', '203.0.113.9'],
  ['2001:DB8::0:9', '2001:db8::9'],
  ['[2001:db8::9]:4711', '2001:db8::9'],
  ['[2001:db8::9], 2001:db8:0::7', '2001:db8::9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['unknown, 203.0.113.9', '203.0.113.9'],
  ['"203.0.113.9"', '203.0.113.9'],
])('X-Forwarded-For: %s is %s: the last one that is no proxy of ours', (value, address) => {
  expect(plain(value)).toBe(address)
})

test.each([
  '',
  ' ',
  ',',
  'unknown',
  '203.0.113.9, unknown',
  '203.0.113.9, 10.0.0.7, x',
  '10.0.0.7, 10.0.0.8',
  '1.2.3',
  '1.2.3.4.5',
  '[::1',
  'a'.repeat(9000),
])('X-Forwarded-For: %s names nobody', (value) => {
  expect(plain(value)).toBeUndefined()
})

test.each([
  ['for=203.0.113.9', '203.0.113.9'],
  ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
  ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
  ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
  ['for=198.51.100.17;by="a, for=1.2.3.4", for=10.0.0.7', '198.51.100.17'],
  ['proto=https ; for=198.51.100.17', '198.51.100.17'],
])('RFC 7239 §4: Forwarded: %s is %s', (value, address) => {
  expect(standard(value)).toBe(address)
})

test.each(['for=unknown', 'for="_mdn"', 'proto=https', 'for=192.0.2.43, proto=https', 'for="192.0.2.43', 'xfor=192.0.2.43'])(
  'RFC 7239 §6: Forwarded: %s names nobody',
  (value) => {
    expect(standard(value)).toBeUndefined()
  },
)

test('a proxy that writes X-Forwarded-For hands on whatever Forwarded a client has written', () => {
  expect(forwardedClient({ 'x-forwarded-for': '203.0.113.9', forwarded: 'for=198.51.100.1' }, ours)).toBe('203.0.113.9')
  expect(forwardedClient({}, ours)).toBeUndefined()
})
