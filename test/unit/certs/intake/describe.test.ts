import { expect, test } from 'vitest'
import { describeCertificate } from '../../../../src/certs/intake/describe.ts'
import { file, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl } from './pki.ts'

test('a chain as views show it, as OpenSSL reads it', () => {
  const root = makeRoot('/C=US/O=A, B & C = "D"/CN=Root', { key: makeKey('rsa') })
  const intermediate = makeIntermediate(root)
  const leaf = makeLeaf(intermediate, ['sbc.example.com', '2001:db8::1'])
  const shown = describeCertificate(leaf.certificate + intermediate.certificate + root.certificate)
  const path = file(leaf.certificate)
  const read = (...options: readonly string[]) =>
    openssl(['x509', '-in', path, '-noout', ...options])
      .toString()
      .trim()
      .split('=')[1]!
  expect(shown).toMatchObject({
    ...{ hosts: ['sbc.example.com', '2001:db8::1'], subject: 'CN=sbc.example.com', issuer: 'CN=Intermediate', keyType: 'ECDSA P-256' },
    ...{ serial: read('-serial'), sha256: read('-fingerprint', '-sha256') },
    ...{ validFrom: new Date(read('-startdate')).toISOString(), validTo: new Date(read('-enddate')).toISOString() },
  })
  expect(shown.chain.map(({ subject }) => subject)).toEqual(['CN=sbc.example.com', 'CN=Intermediate', 'C=US, O=A, B & C = "D", CN=Root'])
  expect(shown.chain[2]).toMatchObject({ issuer: 'C=US, O=A, B & C = "D", CN=Root', keyType: 'RSA 2048' })
  expect(shown.chain[0]).toMatchObject({ serial: shown.serial, sha256: shown.sha256 })
})

test('a name of endless length is cut', () => {
  const long = makeLeaf(undefined, ['a.example'], { subject: `/CN=a.example${'/O='.concat('x'.repeat(60)).repeat(5)}` })
  expect(describeCertificate(long.certificate).subject).toMatch(/^.{200}…$/)
})

test('what cannot be read is said in words', () => {
  expect(() => describeCertificate('hello')).toThrow(
    expect.objectContaining({
      code: 'SBC_CERTIFICATE_CHAIN',
      message: expect.stringMatching(/^There is no PEM block .*CERTIFICATE-----$/),
    }),
  )
})
