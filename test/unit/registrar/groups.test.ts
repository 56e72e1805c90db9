import { describe, expect, test } from 'vitest'
import { addressOfRecord, ourAddress, subscriberOf, uriOfRecord } from '../../../src/registrar/address.ts'
import { type Forking, groupsOf } from '../../../src/registrar/groups.ts'
import { instanceOfGruu, publicGruu } from '../../../src/registrar/gruu.ts'
import type { Binding } from '../../../src/registrar/types.ts'
import { parseUri } from '../../../src/sip/uri.ts'

const binding = (key: string, q: number, instance = ''): Binding =>
  ({ key, q, parameters: instance === '' ? '' : `;+sip.instance="<${instance}>"` }) as Binding

const shown = (bindings: readonly Binding[], instance: string, forking: Forking): string =>
  groupsOf(bindings, instance, forking)
    .map((group) => group.map((client) => client.map(({ key }) => key).join('>')).join('+'))
    .join(' | ')

describe('groups of contacts', () => {
  const list = [binding('a', 1000), binding('b1', 1000, 'B'), binding('c', 500), binding('b2', 500, 'B'), binding('d', 100)]
  test.each([
    ['§16.6: by descending q, equal ones together; of one instance one at a time (RFC 5626 §7)', '', 'q', 'a+b1>b2 | c | d'],
    ['one after the other', '', 'serial', 'a | b1>b2 | c | d'],
    ['all at once, but of one instance one at a time', '', 'parallel', 'a+b1>b2+c+d'],
    ['RFC 5627 §5.3: the instance of a GRUU alone', 'B', 'q', 'b1>b2'],
    ['an instance that is not there', 'X', 'q', ''],
  ] as const)('%s', (_what, instance, forking, expected) => {
    expect(shown(list, instance, forking)).toBe(expected)
  })
})

describe('GRUUs', () => {
  test.each(['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'urn:gsma:imei:35-1;x="y" %z'])(
    'RFC 5627 §4: %s comes back as it was',
    (instance) => {
      const uri = parseUri(publicGruu('sip:alice@example.com', instance))
      const parameter = uri?.scheme === 'sip' ? /;gr=(.*)$/.exec(uri.parameters)?.[1] : undefined
      expect(instanceOfGruu(parameter)).toBe(instance)
    },
  )
})

describe('addresses-of-record', () => {
  const ours = { isOurs: ({ host }: { readonly host: string }) => host.toLowerCase() === 'example.com' }
  test.each([
    ['sip:alice@example.com', 'alice'],
    ['sips:%61lice@EXAMPLE.COM:5061;x', 'alice'],
    ['sip:alice:secret@example.com', 'alice'],
    ['sip:j%C3%BCrgen@example.com', 'jürgen'],
    ['sip:a%40b@example.com', 'a@b'],
    ['tel:+44-20-7946', '+44207946'],
    ['sip:example.com', undefined],
    ['sip:alice@example.net', undefined],
  ])('§10.3 item 5: %s is of %s', (uri, user) => {
    expect(ourAddress(parseUri(uri)!, ours)?.user).toBe(user)
  })

  test('§25.1: a user is escaped where it has to be', () => {
    expect(uriOfRecord('jürgen <a@b>', { domains: ['example.com'] })).toBe('sip:j%C3%BCrgen%20%3Ca%40b%3E@example.com')
    expect(uriOfRecord('alice', { domains: ['2001:db8::1'] })).toBe('sip:alice@[2001:db8::1]')
    expect(addressOfRecord('alice', { domains: ['example.com', 'example.org'] })).toBe('alice@example.com')
  })

  test('RFC 3966 §5.1.1: a number is found without its separators', () => {
    const alice = { user: 'alice', aliases: ['+442079460100'], displayName: '', enabled: true }
    const subscribers = { find: (part: string) => (part === '+442079460100' ? alice : undefined), ha1: () => undefined }
    expect(subscriberOf('+44-20-7946-0100;phone-context=x', subscribers)).toBe(alice)
    expect(subscriberOf('+44 20', subscribers)).toBeUndefined()
    expect(subscriberOf('+442079460100', undefined)).toBeUndefined()
  })
})
