import { describe, expect, test } from 'vitest'
import type { Binding } from '../../../src/registrar/types.ts'
import { type Ask, Record, SETTINGS, valuesOf } from './support.ts'

const PHONE = '<sip:alice@192.168.1.5:5062>'
const INSTANCE = '"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
const OUTBOUND = `<sip:alice@abc.invalid;transport=ws>;+sip.instance=${INSTANCE};reg-id=1`

/** Steps, one after the other: what is asked, and the Contacts of the 200, or the status that refuses. */
type Step = readonly [Ask, readonly string[] | number]

const CASES: readonly (readonly [name: string, ...steps: Step[]])[] = [
  ['§10.3 item 7: without a word about time it is the default', [{ contacts: [PHONE] }, [`${PHONE};expires=600`]]],
  ['§10.2.1.1: the Contact’s own time wins over Expires', [{ contacts: [`${PHONE};expires=90`], expires: 300 }, [`${PHONE};expires=90`]]],
  ['§10.3 item 7: Expires counts for contacts without a time', [{ contacts: [PHONE], expires: 300 }, [`${PHONE};expires=300`]]],
  ['§10.3 item 7: more than the most is shortened', [{ contacts: [PHONE], expires: 90_000 }, [`${PHONE};expires=7200`]]],
  ['§20.19: a number too large for 32 bits is a long time', [{ contacts: [PHONE], expires: '99999999999999' }, [`${PHONE};expires=7200`]]],
  ['§10.3 item 7: a malformed time is an hour', [{ contacts: [`${PHONE};expires=soon`] }, [`${PHONE};expires=3600`]]],
  ['§10.2.8: 423 for what is too brief', [{ contacts: [PHONE], expires: 59 }, 423], [{}, []]],
  [
    '§10.2.4: the same contact again is refreshed',
    [{ contacts: [PHONE] }, [`${PHONE};expires=600`]],
    [{ contacts: [PHONE], expires: 70 }, [`${PHONE};expires=70`]],
  ],
  [
    '§10.2.2: expires=0 takes one contact back, and no other',
    [{ contacts: ['<sip:a@192.0.2.1>', '<sip:a@192.0.2.2>'] }, ['<sip:a@192.0.2.1>;expires=600', '<sip:a@192.0.2.2>;expires=600']],
    [{ contacts: ['<sip:a@192.0.2.1>;expires=0'] }, ['<sip:a@192.0.2.2>;expires=600']],
  ],
  ['§10.2.2: what was never there can be taken back', [{ contacts: [PHONE], expires: 0 }, []]],
  [
    '§10.3 item 6: * with Expires: 0 takes all back',
    [{ contacts: ['<sip:a@192.0.2.1>', '<sip:a@192.0.2.2>'] }, ['<sip:a@192.0.2.1>;expires=600', '<sip:a@192.0.2.2>;expires=600']],
    [{ contacts: ['*'], expires: 0 }, []],
    [{}, []],
  ],
  ['§10.3 item 6: * without Expires', [{ contacts: ['*'] }, 400]],
  ['§10.3 item 6: * with another time', [{ contacts: ['*'], expires: 600 }, 400]],
  ['§10.3 item 6: * beside a contact', [{ contacts: ['*', PHONE], expires: 0 }, 400]],
  [
    '§10.3 item 6: * that is older than a binding of its Call-ID removes none',
    [{ contacts: ['<sip:a@192.0.2.1>'], callId: 'other' }, ['<sip:a@192.0.2.1>;expires=600']],
    [{ contacts: [PHONE], cseq: 5 }, [`${PHONE};expires=600`, '<sip:a@192.0.2.1>;expires=600']],
    [{ contacts: ['*'], expires: 0, cseq: 4 }, 500],
    [{}, ['<sip:a@192.0.2.1>;expires=600', `${PHONE};expires=600`]],
  ],
  [
    '§10.3 item 7: a lower CSeq with the same Call-ID is out of order',
    [{ contacts: [PHONE], cseq: 5 }, [`${PHONE};expires=600`]],
    [{ contacts: [PHONE], cseq: 4, expires: 90 }, 500],
    [{ contacts: [PHONE], cseq: 5, expires: 90 }, 500],
    [{}, [`${PHONE};expires=600`]],
  ],
  [
    '§10.3 item 7: another Call-ID begins anew',
    [{ contacts: [PHONE], cseq: 5 }, [`${PHONE};expires=600`]],
    [{ contacts: [PHONE], cseq: 1, callId: 'rebooted', expires: 90 }, [`${PHONE};expires=90`]],
  ],
  [
    '§10.3: all or none: one contact out of order keeps the other out',
    [{ contacts: [PHONE], cseq: 5 }, [`${PHONE};expires=600`]],
    [{ contacts: ['<sip:a@192.0.2.9>', PHONE], cseq: 5 }, 500],
    [{}, [`${PHONE};expires=600`]],
  ],
  ['§10.3: all or none: one contact too brief', [{ contacts: ['<sip:a@192.0.2.9>', `${PHONE};expires=5`] }, 423], [{}, []]],
  ['§10.3 item 8: a query changes nothing', [{ contacts: [PHONE] }, [`${PHONE};expires=600`]], [{ expires: 0 }, [`${PHONE};expires=600`]]],
  ['§20.10: q is kept and told', [{ contacts: [`${PHONE};q=0.25`] }, [`${PHONE};q=0.25;expires=600`]]],
  ['§20.10: a malformed q says nothing', [{ contacts: [`${PHONE};q=7`] }, [`${PHONE};expires=600`]]],
  [
    '§10.3 item 8: other parameters are told as they were',
    [{ contacts: [`${PHONE};audio;methods="INVITE, ACK"`] }, [`${PHONE};audio;methods="INVITE, ACK";expires=600`]],
  ],
  [
    '§19.1.4: case of the host, escapes and the order of parameters make no other contact',
    [{ contacts: ['<sip:%61lice@Phone.Example.NET;transport=tcp;ob>'] }, ['<sip:%61lice@Phone.Example.NET;transport=tcp;ob>;expires=600']],
    [{ contacts: ['<sip:alice@phone.example.net;ob;transport=TCP>'] }, ['<sip:alice@phone.example.net;ob;transport=TCP>;expires=600']],
  ],
  [
    '§19.1.4: the case of the user does',
    [
      { contacts: ['<sip:Alice@192.0.2.1>', '<sip:alice@192.0.2.1>'] },
      ['<sip:Alice@192.0.2.1>;expires=600', '<sip:alice@192.0.2.1>;expires=600'],
    ],
  ],
  ['§10.3 item 2: an extension that we do not know', [{ contacts: [PHONE], headers: ['Require: path, foo'] }, 420]],
  ['§10.2.1: a Contact that cannot be called', [{ contacts: ['<mailto:alice@example.com>'] }, 400]],
  ['§20.10: a malformed Contact', [{ contacts: ['<sip:alice@192.0.2.1'] }, 400]],
  ['a Call-ID that is too long', [{ contacts: [PHONE], callId: 'a'.repeat(513) }, 400]],
  ['a Contact that is too long', [{ contacts: [`<sip:${'a'.repeat(1100)}@192.0.2.1>`] }, 400]],
  [
    'no more contacts than allowed',
    [
      { contacts: ['<sip:a@192.0.2.1>', '<sip:a@192.0.2.2>', '<sip:a@192.0.2.3>'] },
      ['<sip:a@192.0.2.1>;expires=600', '<sip:a@192.0.2.2>;expires=600', '<sip:a@192.0.2.3>;expires=600'],
    ],
    [{ contacts: ['<sip:a@192.0.2.4>'] }, 403],
    [
      { contacts: ['<sip:a@192.0.2.3>;expires=0', '<sip:a@192.0.2.4>'] },
      ['<sip:a@192.0.2.4>;expires=600', '<sip:a@192.0.2.1>;expires=600', '<sip:a@192.0.2.2>;expires=600'],
    ],
  ],
  [
    'an instance that moved on makes room for itself',
    [
      { contacts: ['<sip:a@192.0.2.1>', `<sip:a@192.0.2.2>;+sip.instance=${INSTANCE}`, '<sip:a@192.0.2.3>'] },
      ['<sip:a@192.0.2.1>;expires=600', `<sip:a@192.0.2.2>;+sip.instance=${INSTANCE};expires=600`, '<sip:a@192.0.2.3>;expires=600'],
    ],
    [
      { contacts: [`<sip:a@192.0.2.4>;+sip.instance=${INSTANCE}`] },
      [`<sip:a@192.0.2.4>;+sip.instance=${INSTANCE};expires=600`, '<sip:a@192.0.2.1>;expires=600', '<sip:a@192.0.2.3>;expires=600'],
    ],
  ],
  [
    'RFC 5626 §6: the same instance and reg-id replaces, whatever the Contact',
    [{ contacts: [OUTBOUND] }, [`${OUTBOUND};expires=600`]],
    [{ contacts: [OUTBOUND.replace('abc', 'xyz')], callId: 'new' }, [`${OUTBOUND.replace('abc', 'xyz')};expires=600`]],
  ],
  [
    'RFC 5626 §6: another reg-id is another flow',
    [{ contacts: [OUTBOUND] }, [`${OUTBOUND};expires=600`]],
    [
      { contacts: [OUTBOUND.replace('reg-id=1', 'reg-id=2')] },
      [`${OUTBOUND.replace('reg-id=1', 'reg-id=2')};expires=600`, `${OUTBOUND};expires=600`],
    ],
  ],
  ['RFC 5626 §4.2: several contacts with reg-id', [{ contacts: [OUTBOUND, OUTBOUND.replace('reg-id=1', 'reg-id=2')] }, 400]],
  [
    'RFC 5626 §6: a reg-id without an instance means nothing',
    [{ contacts: ['<sip:a@192.0.2.1>;reg-id=1'] }, ['<sip:a@192.0.2.1>;reg-id=1;expires=600']],
    [{ contacts: ['<sip:a@192.0.2.2>;reg-id=1'] }, ['<sip:a@192.0.2.2>;reg-id=1;expires=600', '<sip:a@192.0.2.1>;reg-id=1;expires=600']],
  ],
  [
    'RFC 5626 §6: 439 when the first hop holds no flow',
    [{ contacts: [OUTBOUND], headers: ['Supported: outbound, path'], vias: ['SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKp'] }, 439],
  ],
  [
    'RFC 5626 §6: a proxy before us that does says ob in its Path',
    [
      {
        contacts: [OUTBOUND],
        headers: ['Supported: outbound, path', 'Path: <sip:192.0.2.51;lr>, <sip:192.0.2.50;lr;ob>'],
        vias: ['SIP/2.0/UDP 192.0.2.51;branch=z9hG4bKq', 'SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKp'],
      },
      [`${OUTBOUND};expires=600`],
    ],
  ],
  ['RFC 3327 §4: a malformed Path', [{ contacts: [PHONE], headers: ['Path: <nowhere>'] }, 400]],
]

describe('REGISTER', () => {
  test.each(CASES)('%s', (_name, ...steps) => {
    const record = new Record()
    for (const [ask, expected] of steps as readonly Step[]) expect(record.contacts(ask)).toEqual(expected)
  })

  test('§10.3 item 8: the time that is left is told', () => {
    const record = new Record()
    record.asks({ contacts: [PHONE] })
    record.now += 100_400
    expect(record.contacts({})).toEqual([`${PHONE};expires=500`])
    record.now += 500_000
    expect(record.contacts({})).toEqual([])
  })

  test('§20.23: 423 tells the least; an hour and more is never too brief', () => {
    const record = new Record({ settings: { ...SETTINGS, leastSeconds: 5400 } })
    expect(valuesOf(record.asks({ contacts: [PHONE], expires: 3599 }), 'Min-Expires')).toEqual(['5400'])
    expect(record.contacts({ contacts: [PHONE], expires: 3600 })).toEqual([`${PHONE};expires=3600`])
  })

  test('§20.38: 420 tells what is not supported', () => {
    expect(valuesOf(new Record().asks({ headers: ['Require: foo, gruu, bar'] }), 'Unsupported')).toEqual(['foo, bar'])
  })

  test('§20.17: the 200 has the time', () => {
    expect(valuesOf(new Record().asks({}), 'Date')).toEqual(['Mon, 21 Sep 2026 14:13:20 GMT'])
  })

  test('RFC 3327 §5.3: Path is kept with the binding and told to the client', () => {
    const record = new Record()
    const outcome = record.asks({
      contacts: [PHONE],
      headers: ['Path: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>', 'Supported: path'],
    })
    expect(valuesOf(outcome, 'Path')).toEqual(['<sip:p2.example.com;lr>, <sip:p1.example.com;lr>'])
    expect([...record.bindings.values()][0]!.path).toEqual(['<sip:p2.example.com;lr>', '<sip:p1.example.com;lr>'])
  })

  test('RFC 5626 §6: Require: outbound and Flow-Timer where the flow is kept, and nowhere else', () => {
    const record = new Record({ flowTimer: 120 })
    const kept = record.asks({ contacts: [OUTBOUND], headers: ['Supported: outbound'] })
    expect([valuesOf(kept, 'Require'), valuesOf(kept, 'Flow-Timer')]).toEqual([['outbound'], ['120']])
    const unasked = record.asks({ contacts: [OUTBOUND] })
    expect([valuesOf(unasked, 'Require'), valuesOf(unasked, 'Flow-Timer')]).toEqual([[], []])
    const plain = record.asks({ contacts: [PHONE], headers: ['Supported: outbound'] })
    expect([valuesOf(plain, 'Require'), valuesOf(plain, 'Flow-Timer')]).toEqual([[], []])
  })

  test('RFC 5627 §5.1: who knows GRUUs is told its own', () => {
    const record = new Record()
    const instance = `<sip:a@192.0.2.1>;+sip.instance=${INSTANCE}`
    expect(record.contacts({ contacts: [instance], headers: ['Supported: gruu'] })).toEqual([
      `${instance};expires=600;pub-gruu="sip:alice@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"`,
    ])
    expect(record.contacts({})).toEqual([`${instance};expires=600`])
    const shown = `${instance};pub-gruu="sip:mallory@example.com;gr=x";temp-gruu="sip:y@example.com;gr"`
    expect(record.contacts({ contacts: [shown] })).toEqual([`${instance};expires=600`])
  })

  test('RFC 7315 §4.1: further addresses of the user are told', () => {
    const record = new Record({ associated: ['sip:+442079460100@example.com'] })
    expect(valuesOf(record.asks({}), 'P-Associated-URI')).toEqual(['<sip:alice@example.com>, <sip:+442079460100@example.com>'])
  })

  test('RFC 5626 §6: a client that learns outbound is no second contact', () => {
    const record = new Record()
    record.asks({ contacts: ['<sip:alice@abc.invalid;transport=ws>'] })
    expect(record.contacts({ contacts: [OUTBOUND] })).toEqual([`${OUTBOUND};expires=600`])
  })

  test('a contact that cannot be reached any more makes room, the oldest first', () => {
    const lost = new Set(['sip:a@192.0.2.2', 'sip:a@192.0.2.3'])
    const record = new Record({ reachable: ({ contact }: Binding) => !lost.has(contact) })
    for (const host of [1, 2, 3]) {
      record.now += 1000
      record.asks({ contacts: [`<sip:a@192.0.2.${host}>`] })
    }
    record.asks({ contacts: ['<sip:a@192.0.2.4>'] })
    expect([...record.bindings.values()].map(({ contact }) => contact)).toEqual(['sip:a@192.0.2.1', 'sip:a@192.0.2.3', 'sip:a@192.0.2.4'])
  })

  test('a refresh keeps since', () => {
    const record = new Record()
    record.asks({ contacts: [PHONE] })
    const since = record.now
    record.now += 5000
    record.asks({ contacts: [PHONE] })
    expect([...record.bindings.values()][0]).toMatchObject({ since, refreshedAt: since + 5000, expiresAt: since + 605_000 })
  })
})
