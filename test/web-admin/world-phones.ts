/** Who is registered, and how a browser gets in. */
import type { Phone, Registration, Subscriber } from '../../web-admin/src/api/types.ts'
import { HOUR, iso, MINUTE, SECOND } from './world-times.ts'

const one = (
  id: string,
  aor: string,
  more: Partial<Registration> & Pick<Registration, 'contact' | 'zone' | 'listener' | 'transport' | 'remote'>,
): Registration => ({
  id,
  aor,
  since: iso(-42 * MINUTE),
  refreshedAt: iso(-2 * MINUTE),
  expiresInSeconds: 480,
  nat: [],
  ...more,
})

export const registrations = (): Registration[] => [
  one('9f2c41d07be8', 'anna@example.com', {
    contact: 'sip:anna@7d8f3k2.invalid;transport=ws',
    instance: 'urn:uuid:0a9f3c6e-1f77-4b52-9c0e-64b1f0d2a7c1',
    zone: 'browsers',
    listener: 'web/wss',
    transport: 'wss',
    remote: '198.51.100.7:51022',
    registrar: { zone: 'pbx', target: 'pbx-b' },
    userAgent: 'JsSIP 3.13.8',
    nat: ['contact-source', 'via-address'],
    roundTripMs: 18.4,
    losses: 0,
  }),
  one('51aa03c9e7d2', 'ben@example.com', {
    contact: 'sip:ben@91jq0s.invalid;transport=ws',
    zone: 'browsers',
    listener: 'web/wss',
    transport: 'wss',
    remote: '',
    lostSince: iso(-3 * SECOND),
    since: iso(-3 * HOUR),
    userAgent: 'SIP.js/0.21.2',
    registrar: { zone: 'pbx', target: '' },
  }),
  one('c4407e1b92fa', 'door@example.com', {
    contact: 'sip:door@192.168.178.31:5061;transport=udp',
    zone: 'phones',
    listener: 'phones/udp',
    transport: 'udp',
    remote: '192.0.2.14:40022',
    since: iso(-26 * HOUR),
    expiresInSeconds: 1804,
    userAgent: 'Doorstation 7.2 with a long name of its firmware',
    nat: ['contact-private', 'via-port'],
    roundTripMs: 112,
    losses: 2,
  }),
]

const person = (user: string, displayName: string, more: Partial<Subscriber> = {}): Subscriber => ({
  user,
  displayName,
  aliases: [],
  enabled: true,
  password: true,
  created: iso(-40 * 24 * HOUR),
  changed: iso(-3 * HOUR),
  ...more,
})

export const subscribers = (): Subscriber[] => [
  person('anna', 'Anna Example', { aliases: ['201', '+442079460201'] }),
  person('ben', 'Ben', { aliases: ['202'], enabled: false }),
  person('door', 'Front door', { password: false }),
  person('lobby', '', { password: false, otherRealm: 'old.example.com', aliases: ['299'] }),
]

export const phone = (): Phone => ({
  zones: [
    {
      name: 'browsers',
      registration: 'pass',
      authenticate: false,
      domain: 'sbc.example.com',
      listeners: [{ name: 'web/wss', url: 'wss://sbc.example.com:443' }],
    },
    {
      name: 'staff',
      registration: 'here',
      authenticate: true,
      domain: 'example.com',
      listeners: [{ name: 'staff/wss', url: 'wss://sbc.example.com:8443' }],
    },
  ],
  path: '/phone/sip',
  turn: false,
  demo: {
    echo: 'echo',
    callBack: 'callback',
    extensions: [
      { number: '100', name: 'echo', text: 'A short tone, then you hear yourself' },
      { number: '1234', name: 'callback', text: 'Says goodbye, and calls you three seconds later' },
    ],
  },
})
