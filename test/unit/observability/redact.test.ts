import { expect, test } from 'vitest'
import { clean, safeHead, safeMessage, withoutCredentials } from '../../../src/observability/redact.ts'

const INVITE = Buffer.from(
  [
    'INVITE sip:alice:geheim-uri@example.com SIP/2.0',
    'Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1',
    'Authorization: Digest username="alice",',
    ' response="geheim-1"',
    'PROXY-AUTHORIZATION : Digest response="geheim-2"',
    'Call-ID: a@b',
    '',
    'v=0',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:geheim-3',
    'a=ice-pwd:geheim-4',
    'a=ice-ufrag:visible',
    '',
  ].join('\r\n'),
)

test('a head is written without its body, with credentials masked over folded lines', () => {
  const head = safeHead(INVITE)
  expect(head).not.toContain('geheim')
  expect(head).not.toContain('v=0')
  expect(head).toContain('INVITE sip:alice:***@example.com SIP/2.0')
  expect(head).toContain('Authorization: ***')
  expect(head).toContain('PROXY-AUTHORIZATION: ***')
  expect(head).toContain('Call-ID: a@b')
  expect(head).toMatch(/\[\d+ more bytes\]$/)
})

test('RFC 4568 §9.1: a whole message shows neither SRTP keys nor ICE passwords', () => {
  const text = safeMessage(INVITE)
  expect(text).not.toContain('geheim')
  expect(text).toContain('a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***')
  expect(text).toContain('a=ice-pwd:***')
  expect(text).toContain('a=ice-ufrag:visible')
})

test('garbage is bounded and cannot command a terminal', () => {
  const head = safeHead(Buffer.concat([Buffer.from('\u001b[2J\u0000\u009b', 'latin1'), Buffer.alloc(100_000, 'x')]))
  expect(head.startsWith('\\x1b[2J\\x00\\x9b')).toBe(true)
  expect(head.length).toBeLessThan(5000)
  expect(head).toContain('[95910 more bytes]')
})

test('a port is no password', () => {
  expect(safeHead(Buffer.from('Contact: <sip:192.0.2.1:5060;transport=tcp>, <sip:bob@192.0.2.2:5060>'))).toBe(
    'Contact: <sip:192.0.2.1:5060;transport=tcp>, <sip:bob@192.0.2.2:5060>',
  )
})

test('fields without secrets are passed on as they are', () => {
  const fields = { zone: 'pbx', nested: { a: [1, 2] } }
  expect(clean(fields)).toEqual(fields)
})

test('a capture keeps its length and everything but credentials, folded ones and those of either header, too', () => {
  const head = 'INVITE sip:bob@example.com SIP/2.0\r\nFrom: <sip:alice@example.com>;tag=1\r\n'
  const secret = 'Proxy-Authorization: Digest username="alice",\r\n response="0123abcd"\r\nauthorization :Bearer ey.Jh.bG\r\n'
  const rest = 'Content-Length: 3\r\n\r\nv=0'
  const made = withoutCredentials(Buffer.from(head + secret + rest, 'latin1')).latin1Slice()
  expect(made).toHaveLength((head + secret + rest).length)
  expect(made).toBe(
    `${head}Proxy-Authorization: ${'*'.repeat(6)} ${'*'.repeat(17)}\r\n ${'*'.repeat(19)}\r\nauthorization :${'*'.repeat(6)} ${'*'.repeat(8)}\r\n${rest}`,
  )
  const plain = Buffer.from(head + rest, 'latin1')
  expect(withoutCredentials(plain)).toBe(plain)
})
