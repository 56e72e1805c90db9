import forge from 'node-forge'
import { expect, test } from 'vitest'
import { certificateId } from '../../../../src/certs/acme/renewal.ts'

const certificate = (serial: string, keyIdentifier: string | undefined): string => {
  const keys = forge.pki.rsa.generateKeyPair({ bits: 1024, e: 3 })
  const made = forge.pki.createCertificate()
  made.publicKey = keys.publicKey
  made.serialNumber = serial
  made.validity.notBefore = new Date(0)
  made.validity.notAfter = new Date(1)
  made.setSubject([{ name: 'commonName', value: 'example.test' }])
  made.setIssuer([{ name: 'commonName', value: 'example.test' }])
  made.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    ...(keyIdentifier === undefined ? [] : [{ name: 'authorityKeyIdentifier', keyIdentifier: forge.util.hexToBytes(keyIdentifier) }]),
  ])
  made.sign(keys.privateKey, forge.md.sha256.create())
  return forge.pki.certificateToPem(made)
}

test('RFC 9773 §4.1: the example: key identifier and serial number with its leading zero', async () => {
  expect(await certificateId(certificate('0087654321', '69885B6B87464041E1B37B847BA0AE2CDE01C8D4'))).toBe(
    'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
  )
})

test('RFC 9773 §4.1: of a chain, the first certificate', async () => {
  const chain = certificate('7f01', '01020304') + certificate('02', '05060708')
  expect(await certificateId(chain)).toBe('AQIDBA.fwE')
})

test('a certificate that does not name the key of its issuer has no such name', async () => {
  expect(await certificateId(certificate('01', undefined))).toBeUndefined()
})
