import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress, ipFamily, isWildcard, network } from '../../../src/zones/networks.ts'

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1/31', '192.0.2.0', true],
    ['128.0.0.0/1', '203.0.113.9', true],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '2001:db8::1', true],
  ])('%s and %s: %s', (text, address, inside) => {
    expect(network(text)?.contains(address)).toBe(inside)
  })

  test('RFC 4291 §2.5.5.2: an IPv4 peer on a dual-stack socket is inside the IPv4 network', () => {
    expect(network('10.0.0.0/8')?.contains('::ffff:10.1.2.3')).toBe(true)
    expect(network('10.0.0.0/8')?.contains('::FFFF:11.1.2.3')).toBe(false)
    expect(network('::ffff:10.0.0.0/104')?.contains('10.200.0.1')).toBe(true)
    expect(network('::/0')?.contains('::ffff:10.1.2.3')).toBe(false)
  })

  test.each([
    '',
    'x',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '2001:db8::/129',
    '1::2::3',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
  ])('"%s" is no network', (text) => {
    expect(network(text)).toBeUndefined()
  })

  test('bits beyond the prefix are told', () => {
    expect(network('10.0.0.5/8')?.exact).toBe(false)
    expect(network('10.0.0.0/8')?.exact).toBe(true)
    expect(network('2001:db8::1/32')?.exact).toBe(false)
  })

  test('an address is in its own network of any length, and never in the other version', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), fc.integer({ min: 0, max: 32 }), (four, six, length) => {
        expect(network(`${four}/${length}`)?.contains(four)).toBe(true)
        if (!/^::ffff:\d+\./i.test(six)) expect(network(`${six}/${length}`)?.contains(six)).toBe(true)
        expect(network(`${six}/${length}`)?.contains(`${four}x`)).toBe(false)
      }),
      { seed: 1 },
    )
  })

  test('addresses are told from names', () => {
    expect(['10.0.0.5', '::1', '1.2.3', '0x7f.1', 'sbc.example.com', '1.2.3.4.5', ''].map(ipFamily)).toEqual([
      4,
      6,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(['0.0.0.0', '::', '0:0::0', '10.0.0.0', 'x'].map(isWildcard)).toEqual([true, true, true, false, false])
    expect(canonicalAddress('2001:DB8:0:0:0:0:0:5')).toBe('2001:db8::5')
    expect(canonicalAddress('::ffff:10.0.0.5')).toBe('10.0.0.5')
    expect(canonicalAddress('sbc.example.com')).toBe('sbc.example.com')
  })
})
