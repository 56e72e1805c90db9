/** Certificates of the fake edge. */
import forge from 'node-forge'
import type { CertificateView } from '../../web-admin/src/api/types.ts'
import { DAY, iso } from './world-times.ts'

export const certificate = (name: string, more: Partial<CertificateView>): CertificateView => ({
  name,
  source: 'acme',
  hosts: ['sbc.example.com', '*.sbc.example.com'],
  issuer: "R11 (Let's Encrypt)",
  serial: '04a1b2c3d4e5f60718293a4b5c6d7e8f9012',
  keyType: 'rsa2048',
  sha256: 'A3:1F:09:7C:55:E2:10:88:9B:CD:42:6E:F0:73:1A:95:BE:24:C7:0D:61:88:FF:32:5A:90:DD:13:47:E6:2B:08',
  validFrom: iso(-31 * DAY),
  validTo: iso(59 * DAY),
  daysLeft: 59,
  usedBy: ['teams/tls', 'web/wss'],
  next: { what: 'renew', at: iso(29 * DAY), text: 'It is renewed by itself, at a time that the CA suggests' },
  problems: [],
  history: [
    { id: 'h2', serial: '0399aa12bb77', validTo: iso(28 * DAY), replacedAt: iso(-31 * DAY) },
    { id: 'h1', serial: '02f1c0ffee55', validTo: iso(-32 * DAY), replacedAt: iso(-92 * DAY) },
  ],
  order: {
    running: false,
    steps: [
      { at: 'start', text: 'Ordering sbc.example.com and *.sbc.example.com', time: Date.now() - 31 * DAY },
      { at: 'account', text: 'The account is known', time: Date.now() - 31 * DAY + 400 },
      { at: 'order', text: 'The order is placed', time: Date.now() - 31 * DAY + 900 },
      { at: 'challenge', host: 'sbc.example.com', text: 'TXT record written', time: Date.now() - 31 * DAY + 2100 },
      { at: 'propagation', text: 'All name servers have the records', time: Date.now() - 31 * DAY + 9100 },
      { at: 'validation', text: 'The CA has seen them', time: Date.now() - 31 * DAY + 14_000 },
      { at: 'finalize', text: 'The request is signed', time: Date.now() - 31 * DAY + 15_200 },
      { at: 'download', text: 'The certificate is here', time: Date.now() - 31 * DAY + 15_900 },
      { at: 'check', text: 'Nothing is wrong with it', time: Date.now() - 31 * DAY + 16_000 },
      { at: 'done', text: 'In force on teams/tls and web/wss', time: Date.now() - 31 * DAY + 16_100 },
    ],
  },
  ...more,
})

/** An order in the middle of its way. */
export const runningOrder = (): CertificateView => ({
  ...certificate('public', {
    problems: [],
    next: { what: 'ordering', text: 'Waiting until the CA has seen the records' },
    history: [],
    order: {
      running: true,
      steps: [
        { at: 'start', text: 'Ordering sbc.example.com', time: Date.now() - 9000 },
        { at: 'account', text: 'The account is known', time: Date.now() - 8600 },
        { at: 'order', text: 'The order is placed', time: Date.now() - 8000 },
        { at: 'challenge', host: 'sbc.example.com', text: 'A page answers on port 80', time: Date.now() - 7000 },
        { at: 'validation', text: 'Waiting for the CA to look at it', time: Date.now() - 6000 },
      ],
    },
  }),
})

export const development = (): CertificateView => {
  const { order: _order, ...rest } = certificate('local', {
    source: 'development',
    hosts: ['localhost', '127.0.0.1'],
    issuer: 'Edgeways development CA',
    keyType: 'ecdsa256',
    validFrom: iso(-10 * DAY),
    validTo: iso(355 * DAY),
    daysLeft: 355,
    usedBy: ['admin'],
    next: { what: 'nothing', text: 'It is made anew by itself' },
    history: [],
  })
  return rest
}

export const waiting = (): CertificateView => {
  const {
    order: _order,
    validFrom: _from,
    validTo: _to,
    sha256: _sha,
    serial: _serial,
    issuer: _issuer,
    keyType: _key,
    daysLeft: _days,
    ...rest
  } = certificate('bought', {
    source: 'stored',
    hosts: ['voice.example.org'],
    usedBy: [],
    next: { what: 'answer', text: 'A request was made on 2025-11-18; upload what the CA answers' },
    history: [],
  })
  return rest
}

export const made = (subject: string, issuer: string, days: number): string => {
  const keys = forge.pki.rsa.generateKeyPair(1024)
  const one = forge.pki.createCertificate()
  one.publicKey = keys.publicKey
  one.validity.notBefore = new Date(Date.now() - DAY)
  one.validity.notAfter = new Date(Date.now() + days * DAY)
  one.setSubject([{ name: 'commonName', value: subject }])
  one.setIssuer([{ name: 'commonName', value: issuer }])
  one.sign(keys.privateKey, forge.md.sha256.create())
  return forge.pki.certificateToPem(one)
}
