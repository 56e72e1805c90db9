import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { derOf, readDer, TAG } from '../../../src/base/der.ts'
import { readCertificate } from '../../../src/peers/certificate.ts'
import { directoryName, generalNames, hostNames, nameBeyond, readConstraints } from '../../../src/peers/names.ts'
import { make, makeIntermediate, makeRoot } from '../certs/intake/pki.ts'

const root = makeRoot()
const derOfPem = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
const read = (pem: string) => readCertificate(derOfPem(pem))!

const limitsOf = (...lines: readonly string[]) => {
  const [limits, ...sections] = lines.join('\n').split('\n\n')
  const extensions = [`nameConstraints=critical,${limits}`, ...sections.flatMap((section) => ['', section])]
  return read(makeIntermediate(root, '/CN=CA', { extensions }).certificate).constraints!
}
const given = (names: string, subject = '/CN=x') => {
  const one = read(make({ subject, issuer: root, extensions: [`subjectAltName=${names}`] }).certificate)
  return [one.alternatives, directoryName(readDer(one.subject))] as const
}

/** RFC 5280 §4.2.1.10, by form. */
const CASES: readonly [limits: string, names: string, good: boolean][] = [
  ['permitted;DNS:example.com', 'DNS:example.com', true],
  ['permitted;DNS:example.com', 'DNS:a.b.Example.com', true],
  ['permitted;DNS:example.com', 'DNS:*.example.com', true],
  ['permitted;DNS:example.com', 'DNS:badexample.com', false],
  ['permitted;DNS:example.com', 'DNS:*.com', false],
  ['permitted;DNS:.example.com', 'DNS:a.example.com', true],
  ['permitted;DNS:.example.com', 'DNS:example.com', false],
  ['permitted;DNS:example.com,permitted;DNS:example.net', 'DNS:a.example.net', true],
  ['permitted;DNS:example.com', 'IP:192.0.2.1', true],
  ['excluded;DNS:example.com', 'DNS:example.net', true],
  ['excluded;DNS:example.com', 'DNS:a.example.com', false],
  ['excluded;DNS:a.example.com', 'DNS:*.example.com', false],
  ['excluded;DNS:a.b.example.com', 'DNS:*.example.com', true],
  ['permitted;DNS:example.com,excluded;DNS:no.example.com', 'DNS:no.example.com', false],
  ['permitted;IP:192.0.2.0/255.255.255.0', 'IP:192.0.2.200', true],
  ['permitted;IP:192.0.2.0/255.255.255.0', 'IP:192.0.3.1', false],
  ['permitted;IP:192.0.2.0/255.255.255.0', 'IP:2001:db8::1', false],
  ['excluded;IP:2001:db8::/ffff:ffff::', 'IP:2001:db8::1', false],
  ['excluded;IP:0.0.0.0/0.0.0.0', 'DNS:example.com', true],
  ['permitted;email:example.com', 'email:ann@example.com', true],
  ['permitted;email:example.com', 'email:ann@a.example.com', false],
  ['permitted;email:.example.com', 'email:ann@a.example.com', true],
  ['permitted;email:ann@example.com', 'email:bob@example.com', false],
  ['permitted;URI:example.com', 'URI:https://example.com/a', true],
  ['permitted;URI:example.com', 'URI:sip:example.com', true],
  ['permitted;URI:example.com', 'URI:https://a.example.com', false],
  ['permitted;URI:.example.com', 'URI:https://u@a.example.com:443/', true],
  ['permitted;URI:example.com', 'URI:https://192.0.2.1/', false],
  ['excluded;URI:example.com', 'URI:urn:uuid:f81d4fae', true],
  ['excluded;URI:example.com', 'URI:https://[2001:db8::1]/', false],
  ['permitted;RID:1.2.3', 'RID:1.2.3', false],
  ['permitted;RID:1.2.3', 'DNS:example.com', true],
]
test.each(CASES)('%s: %s %s', (limits, names, good) => {
  expect(nameBeyond(limitsOf(limits), ...given(names)) === undefined).toBe(good)
})

describe('names of organisations', () => {
  const limits = (kind: 'permitted' | 'excluded') => limitsOf(`${kind};dirName:dn\n\n[dn]\nC=DE\nO=Example  Ltd`)

  test.each([
    ['/C=DE/O=Example Ltd/CN=a', true],
    ['/C=DE/O=EXAMPLE LTD/CN=a', true],
    ['/C=DE/O=Example', false],
    ['/O=Example Ltd/C=DE', false],
    ['/CN=a', false],
  ])('%s is of the organisation: %s', (subject, within) => {
    expect(nameBeyond(limits('permitted'), ...given('DNS:a', subject)) === undefined).toBe(within)
    expect(nameBeyond(limits('excluded'), ...given('DNS:a', subject)) === undefined).toBe(!within)
  })
})

test('RFC 9525 §6.3: only whole host names count', () => {
  const name = (text: string) => derOf(0x82, Buffer.from(text, 'latin1'))
  const texts = [
    'a.example',
    '*.a.example',
    'A.B',
    'a*.example',
    '*',
    '*.*.example',
    'a.example\0.evil',
    'a,b.example',
    'x y',
    '192.0.2.1',
    '-a.b',
    '',
    'a..b',
  ]
  const names = generalNames(readDer(derOf(TAG.SEQUENCE, ...texts.map(name))))!
  expect(hostNames(names)).toEqual(['a.example', '*.a.example', 'a.b'])
})

test('limits that cannot be read whole are no limits, and no certificate', () => {
  const tree = (...parts: readonly Buffer[]) => derOf(0xa0, derOf(TAG.SEQUENCE, ...parts))
  const dns = derOf(0x82, Buffer.from('example.com'))
  expect(readConstraints(readDer(derOf(TAG.SEQUENCE, tree(dns))))).toMatchObject({ permitted: [{ form: 'dns' }], excluded: [] })
  const bad = [
    derOf(TAG.SEQUENCE, tree(dns, derOf(0x80, Buffer.from([1])))), // minimum 1
    derOf(TAG.SEQUENCE, tree()),
    derOf(TAG.SEQUENCE, tree(dns), derOf(0xa2, dns)),
    derOf(TAG.SEQUENCE, tree(dns), Buffer.from([0x30, 0x7f])), // cut off
    derOf(TAG.OCTET_STRING, tree(dns)),
  ]
  for (const der of bad) expect(readConstraints(readDer(der))).toBeUndefined()
})

test('what says something twice, or is too long, is no certificate', () => {
  const good = make({ issuer: root })
  expect(readCertificate(derOfPem(good.certificate))).toBeDefined()
  expect(readCertificate(Buffer.concat([derOfPem(good.certificate), Buffer.alloc(40_000)]))).toBeUndefined()
  const two = derOfPem(make({ issuer: root, extensions: ['1.2.3.4=ASN1:NULL', '1.2.3.5=ASN1:NULL'] }).certificate)
  const twice = Buffer.from(two.toString('hex').replace('06032a0305', '06032a0304'), 'hex')
  expect([readCertificate(two) === undefined, readCertificate(twice)]).toEqual([false, undefined])
})

test('the roots that come with us can all be read', () => {
  const text = readFileSync('src/certs/microsoft-roots.pem', 'utf8')
  const all = text.match(/-----BEGIN[\s\S]+?END CERTIFICATE-----/g)!
  expect(all.map((pem) => read(pem).ca)).toEqual(Array.from({ length: 7 }, () => true))
})
