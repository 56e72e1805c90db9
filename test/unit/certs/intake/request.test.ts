import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { matchAnswer } from '../../../../src/certs/intake/answer.ts'
import { makeRequest, type RequestWishes, readRequest } from '../../../../src/certs/intake/request.ts'
import { KEY_TYPES } from '../../../../src/certs/types.ts'
import { file, type Made, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl } from './pki.ts'

const WISHES: RequestWishes = { hosts: ['sbc.example.com', '*.example.com', '192.0.2.1', '2001:db8::1'], keyType: 'ecdsa256' }

describe('making a request', () => {
  test.each([
    ['rsa2048', 'RSA 2048', /rsaEncryption[\s\S]*\(2048 bit\)[\s\S]*sha256WithRSAEncryption/],
    ['rsa3072', 'RSA 3072', /rsaEncryption[\s\S]*\(3072 bit\)[\s\S]*sha256WithRSAEncryption/],
    ['ecdsa256', 'ECDSA P-256', /prime256v1[\s\S]*ecdsa-with-SHA256/],
    ['ecdsa384', 'ECDSA P-384', /secp384r1[\s\S]*ecdsa-with-SHA384/],
  ] as const)('%s: OpenSSL verifies it and reads the same', async (keyType, text, expected) => {
    const { csr, key } = await makeRequest({ ...WISHES, keyType })
    const shown = openssl(['req', '-noout', '-text', '-verify', '-nameopt', 'RFC2253'], csr).toString()
    expect(shown).toMatch(expected)
    expect(shown).toContain('Subject: CN=sbc.example.com\n')
    expect(shown).toMatch(
      /Subject Alternative Name:\s+DNS:sbc\.example\.com, DNS:\*\.example\.com, IP Address:192\.0\.2\.1, IP Address:2001:DB8:0:0:0:0:0:1\n/,
    )
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
    expect(csr).toMatch(
      /^-----BEGIN CERTIFICATE REQUEST-----\n(?:[A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{0,64}\n?-----END CERTIFICATE REQUEST-----\n$/,
    )
    const read = readRequest(csr)
    expect(read).toMatchObject({ hosts: WISHES.hosts, subject: { commonName: 'sbc.example.com' }, keyType: text })
    expect(read.publicKey.equals(createPublicKey(key))).toBe(true)
  })

  test('all kinds of keys are tested', () => {
    expect(KEY_TYPES).toHaveLength(4)
  })

  test('a subject, by words or by short forms, in the usual order', async () => {
    const subject = { O: 'Müller & Söhne, "Büro"', country: 'de', state: 'Bayern', L: '', OU: '#beef+x', email: 'ops@example.com' }
    const { csr } = await makeRequest({ ...WISHES, subject })
    const shown = openssl(['req', '-noout', '-subject', '-verify', '-nameopt', 'sep_multiline,utf8,lname'], csr).toString()
    expect(shown.split('\n').map((line) => line.trim())).toEqual([
      ...['subject=', 'countryName=DE', 'stateOrProvinceName=Bayern', 'organizationName=Müller & Söhne, "Büro"'],
      ...['organizationalUnitName=#beef+x', 'commonName=sbc.example.com', 'emailAddress=ops@example.com', ''],
    ])
    expect(readRequest(csr).subject).toEqual({
      ...{ country: 'DE', state: 'Bayern', organization: 'Müller & Söhne, "Büro"', organizationalUnit: '#beef+x' },
      ...{ commonName: 'sbc.example.com', email: 'ops@example.com' },
    })
  })

  test('the common name is the first DNS name that fits, another one, or none', async () => {
    const commonOf = async (wishes: Partial<RequestWishes>) =>
      readRequest((await makeRequest({ ...WISHES, ...wishes })).csr).subject.commonName
    const long = `${'a'.repeat(60)}.example.com`
    expect(await commonOf({ hosts: ['192.0.2.1', 'sbc.example.com'] })).toBe('sbc.example.com')
    expect(await commonOf({ hosts: [long, 'sbc.example.com'] })).toBeUndefined()
    expect(await commonOf({ hosts: ['192.0.2.1'] })).toBeUndefined()
    expect(await commonOf({ subject: { CN: '*.EXAMPLE.com' } })).toBe('*.example.com')
    expect(await commonOf({ subject: { commonName: '' } })).toBeUndefined()
  })

  test('with a key that is there already, whatever its kind', async () => {
    for (const kind of ['rsa', 'p384', 'p521'] as const) {
      const key = makeKey(kind)
      const request = await makeRequest(WISHES, key)
      expect(request.key).toBe(key)
      expect(openssl(['req', '-noout', '-verify'], request.csr)).toBeDefined()
    }
    await expect(makeRequest(WISHES, makeKey('ed25519'))).rejects.toThrow(
      'A key of type ed25519 cannot sign a request here; use RSA or ECDSA',
    )
    await expect(makeRequest(WISHES, 'hello')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_KEY' })
  })

  test('hosts are written once, in the form in which they are compared', async () => {
    const { csr } = await makeRequest({ ...WISHES, hosts: ['SBC.example.com', 'sbc.example.com.', 'bücher.example'] })
    expect(readRequest(csr).hosts).toEqual(['sbc.example.com', 'xn--bcher-kva.example'])
  })

  test.each<[Partial<RequestWishes>, string, string]>([
    [{ hosts: [] }, 'NAMES', 'A request needs a host; write at least one DNS name'],
    [{ hosts: ['a b'] }, 'NAMES', '"a b" cannot be a host in a certificate; write a DNS name'],
    [
      { hosts: Array.from({ length: 101 }, (_, i) => `h${i}.example.com`) },
      'NAMES',
      '101 hosts are too many for one certificate; CAs take 100 at most',
    ],
    [
      { subject: { phone: '1' } },
      'REQUEST',
      'A subject has no "phone"; it may have country, state, locality, organization, organizationalUnit, commonName, email',
    ],
    [{ subject: { country: 'Germany' } }, 'REQUEST', '"Germany" is no country; write its two letters, such as DE'],
    [{ subject: { O: 'x'.repeat(65) } }, 'REQUEST', 'is too long; 64 characters are allowed'],
    [{ subject: { O: 'a\nb' } }, 'REQUEST', 'organization "a\\nb" has characters that no name has'],
    [{ subject: { O: '\ud800' } }, 'REQUEST', 'has characters that no name has'],
    [{ subject: { email: 'nobody' } }, 'REQUEST', '"nobody" is no e-mail address'],
    [
      { subject: { CN: 'other.example.com' } },
      'REQUEST',
      'The common name "other.example.com" is not among the hosts; add it there, or leave it empty',
    ],
  ])('refuses %j', async (wishes, code, sentence) => {
    await expect(makeRequest({ ...WISHES, ...wishes })).rejects.toMatchObject({
      code: `SBC_CERTIFICATE_${code}`,
      message: expect.stringContaining(sentence),
    })
  })
})

describe('reading a request', () => {
  test('of OpenSSL, with text around it and other attributes', () => {
    const key = makeKey('rsa')
    const csr = openssl([
      ...['req', '-new', '-text', '-key', file(key), '-sha384', '-subj', '/C=DE/O=Büro/serialNumber=7/CN=a.example', '-utf8'],
      ...['-addext', 'keyUsage=digitalSignature', '-addext', 'subjectAltName=DNS:A.example,email:x@a.example,IP:::1,URI:sip:a.example'],
    ])
    expect(readRequest(csr.toString())).toMatchObject({
      ...{ hosts: ['a.example', '::1'], subject: { country: 'DE', organization: 'Büro', '2.5.4.5': '7', commonName: 'a.example' } },
      keyType: 'RSA 2048',
    })
  })

  test('without names', () => {
    const csr = openssl(['req', '-new', '-key', file(makeKey()), '-subj', '/CN=a.example']).toString()
    expect(readRequest(csr).hosts).toEqual([])
  })

  test('what is none, is damaged, or is signed by another', async () => {
    const { csr } = await makeRequest(WISHES)
    const fails = (text: string, sentence: string) =>
      expect(() => readRequest(text)).toThrow(expect.objectContaining({ code: 'SBC_CERTIFICATE_REQUEST', message: sentence }))
    fails('hello', 'There is no request in the text; it begins with -----BEGIN CERTIFICATE REQUEST-----')
    fails(csr.replace('MII', 'AAA'), 'The request is damaged or not whole; copy it once more')
    const der = Buffer.from(csr.replaceAll(/-----.*-----|\n/g, ''), 'base64')
    const at = der.indexOf('sbc.example.com')
    der[at] = der[at]! ^ 1
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`
    fails(forged, 'The signature of the request is wrong')
    const old = openssl(['req', '-new', '-key', file(makeKey('rsa')), '-sha1', '-subj', '/CN=a.example']).toString()
    fails(old, 'The request is signed with an algorithm that is not known here; use SHA-256')
  })
})

describe('the answer to a request', () => {
  let root: Made
  let intermediate: Made
  beforeAll(() => {
    root = makeRoot()
    intermediate = makeIntermediate(root)
  })
  /** What a CA makes of the request: openssl signs what the request says. */
  const answered = (csr: string, key: string, hosts: readonly string[]) => {
    openssl(['req', '-noout', '-verify'], csr)
    return makeLeaf(intermediate, hosts, { key })
  }

  test('gives the pair, in order, from PEM, DER or PKCS#7', async () => {
    const request = await makeRequest(WISHES)
    const { certificate } = answered(request.csr, request.key, WISHES.hosts)
    const chain = certificate + intermediate.certificate
    const text = root.certificate + intermediate.certificate + certificate
    const bundle = openssl(['crl2pkcs7', '-nocrl', '-outform', 'DER', '-certfile', file(text)])
    for (const answer of [text, Buffer.from(text), bundle]) {
      const matched = await matchAnswer(request, answer)
      expect(matched).toMatchObject({ chain, key: request.key, root: root.certificate, findings: [] })
    }
    expect((await matchAnswer(request, new X509Certificate(certificate).raw)).chain).toBe(certificate)
  })

  test('that leaves out names is taken, and that is said', async () => {
    const request = await makeRequest(WISHES)
    const { certificate } = answered(request.csr, request.key, ['sbc.example.com', '2001:db8::1'])
    expect((await matchAnswer(request, certificate)).findings).toEqual([
      {
        severity: 'warning',
        code: 'SBC_CERTIFICATE_NAMES',
        text: 'The CA left out *.example.com, 192.0.2.1, which the request asked for; the certificate names sbc.example.com, 2001:db8::1',
        remedy: 'Ask the CA why, or request the missing ones apart',
      },
    ])
    const wildcard = answered(request.csr, request.key, ['*.example.com', '192.0.2.1', '2001:db8::1'])
    expect((await matchAnswer(request, wildcard.certificate)).findings).toEqual([])
  })

  test('to another request, or none at all', async () => {
    const [request, other] = [await makeRequest(WISHES), await makeRequest(WISHES)]
    const { certificate } = answered(other.csr, other.key, WISHES.hosts)
    await expect(matchAnswer(request, intermediate.certificate + certificate)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_KEY',
      message: 'CN=sbc.example.com answers another request: it is for another key than the request that was made here',
    })
    await expect(matchAnswer(request, 'Dear customer, ')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FORMAT' })
    await expect(matchAnswer(request, request.csr)).rejects.toThrow(
      'That is a request, not a certificate; bring what the CA answered to it',
    )
    await expect(matchAnswer(request, '')).rejects.toThrow('There is no certificate; bring the text or the file that the CA sent')
  })

  test('with a key in it: the one of the request counts', async () => {
    const request = await makeRequest(WISHES)
    const { certificate } = answered(request.csr, request.key, WISHES.hosts)
    const matched = await matchAnswer(request, certificate + makeKey())
    expect(createPrivateKey(matched.key).equals(createPrivateKey(request.key))).toBe(true)
  })
})
