import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type DigestCredentials, parseCredentials } from '../../../src/authentication/credentials.ts'
import { digestChallenge, digestHa1, digestResponse, sameResource } from '../../../src/authentication/digest.ts'
import type { DigestAlgorithm } from '../../../src/registrar/types.ts'

const read = (text: string): DigestCredentials => {
  const shown = parseCredentials(text)
  if (shown.scheme !== 'digest') throw new Error(shown.scheme)
  return shown
}

describe('examples of the RFCs', () => {
  const RFC_7616 = (algorithm: string, response: string) =>
    `Digest username="Mufasa",
    realm="http-auth@example.org", uri="/dir/index.html", algorithm=${algorithm},
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
    cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,
    response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`.replace(/\n */g, ' ')

  test.each<[DigestAlgorithm, string]>([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('RFC 7616 §3.9.1: %s', (algorithm, response) => {
    const shown = read(RFC_7616(algorithm, response))
    const ha1 = digestHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life')
    expect(shown.algorithm).toBe(algorithm)
    expect(digestResponse(algorithm, ha1, 'GET', shown)).toBe(shown.response)
  })

  test('RFC 2617 §3.5: MD5', () => {
    const shown = read(
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    )
    const ha1 = digestHa1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life')
    expect(ha1).toBe('939e7578ed9e3c518a452acee763bce9')
    expect(digestResponse('MD5', ha1, 'GET', shown)).toBe(shown.response)
  })

  test('RFC 2069 §2.4 with its erratum: without qop', () => {
    const shown = read(
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"',
    )
    expect(digestResponse('MD5', digestHa1('MD5', 'Mufasa', 'testrealm@host.com', 'CircleOfLife'), 'GET', shown)).toBe(shown.response)
  })

  test('RFC 7616 §3.9.2: a user name beyond ASCII, written as username*', () => {
    const shown = read(
      `Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="api@example.org", uri="/doe.json", nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", qop=auth, response="x"`,
    )
    expect(Buffer.from(shown.username, 'latin1').toString('utf8')).toBe('Jäsøn Doe')
  })
})

test('HA1 is made of UTF-8, whatever the words are', () => {
  const plain = createHash('md5').update(Buffer.from('jörg:réalm:пароль', 'utf8')).digest('hex')
  expect(digestHa1('MD5', 'jörg', 'réalm', 'пароль')).toBe(plain)
})

test('RFC 7616 §3.3: what a challenge says; quotes in the realm are escaped', () => {
  expect(digestChallenge('SHA-256', { realm: 'a "b" \\c', nonce: 'n', opaque: 'o', stale: true })).toBe(
    String.raw`Digest realm="a \"b\" \\c", nonce="n", opaque="o", qop="auth", algorithm=SHA-256, stale=true`,
  )
})

test.each([
  ['sip:bob@example.com', 'sip:bob@example.com', 'INVITE', true],
  ['sip:bob@EXAMPLE.com', 'sip:bob@example.com', 'INVITE', true],
  ['sip:bob@example.com', 'sip:bob@example.com:5060;transport=tcp', 'INVITE', true],
  ['sip:b%6fb@example.com', 'sip:bob@example.com', 'INVITE', true],
  ['sips:bob@example.com', 'sip:bob@example.com', 'INVITE', true],
  ['sip:carol@example.com', 'sip:bob@example.com', 'INVITE', false],
  ['sip:bob@example.net', 'sip:bob@example.com', 'INVITE', false],
  ['sip:alice@example.com', 'sip:example.com', 'REGISTER', true],
  ['sip:example.com', 'sip:bob@example.com', 'INVITE', false],
  ['sip:192.0.2.1:5060', 'sip:bob@example.com', 'INVITE', true],
  ['sip:bob@192.0.2.1', 'sip:bob@example.com', 'INVITE', false],
  ['tel:+49-30', 'tel:+49-30;phone-context=a', 'INVITE', true],
  ['/dir', 'sip:bob@example.com', 'INVITE', false],
])('RFC 3261 §22.4: %s is the way to say %s in a %s: %s', (written, requestUri, method, same) => {
  expect(sameResource(written, requestUri, method, (uri) => uri.host === '192.0.2.1')).toBe(same)
})
