import { createHash, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { describeRoots, missingRoots, rootsNamed } from '../../../src/certs/roots.ts'
import { file, makeRoot } from './intake/pki.ts'

/** Reference §1.5, typed off the list, not taken from the file. */
const THUMBPRINTS = [
  'A8985D3A65E5E5C4B2D7D66D40C6DD2FB19C5436',
  'DF3C24F9BFD666761B268073FE06D1CC8D4F82A4',
  '7E04DE896A3E666D00E687D33FFAD93BE83D349E',
  '17F3DE5E9F0F19E98EF61F32266E20C407AE30EE',
  'A78849DC5D7C758C8CDE399856B3AAD0B2A57135',
  '999A64C37FF47D9FAB95F14769891460EEC4C3C5',
  '73A5E64A3BFF8316FF0EDCCC618A906E4EAE4D74',
]

test('T §1.5: the seven roots that come with us have the thumbprints that Microsoft publishes', () => {
  const [text] = rootsNamed('microsoft')
  const blocks = text!.split(/(?=-----BEGIN)/).filter((block) => block.startsWith('-----BEGIN'))
  const computed = blocks.map((block) => createHash('sha1').update(new X509Certificate(block).raw).digest('hex').toUpperCase())
  expect(computed).toEqual(THUMBPRINTS)
})

test('the words of the file about each are true', () => {
  const [text] = rootsNamed('microsoft')
  const told = [...text!.matchAll(/# (.+)\n# SHA-1 (.+)\n# SHA-256 (.+)\n# valid until (.+)\n/g)]
  expect(told.map(([, name, sha1, sha256, until]) => ({ name, sha1, sha256, until }))).toEqual(
    describeRoots([text!]).map(({ validTo, ...root }) => ({ ...root, until: new Date(validTo).toISOString().slice(0, 10) })),
  )
})

test('all of them are CAs, signed by themselves, and valid for years', () => {
  for (const { validTo } of describeRoots(rootsNamed('microsoft'))) expect(validTo).toBeGreaterThan(Date.UTC(2031, 0))
  const [text] = rootsNamed('microsoft')
  for (const block of text!.match(/-----BEGIN[\s\S]+?END CERTIFICATE-----/g)!) {
    const root = new X509Certificate(block)
    expect([root.ca, root.verify(root.publicKey)]).toEqual([true, true])
  }
})

test('which of them a list lacks', () => {
  expect(missingRoots(rootsNamed('microsoft'))).toEqual([])
  expect(missingRoots([makeRoot().certificate]).map(({ sha1 }) => sha1.replaceAll(':', ''))).toEqual(THUMBPRINTS)
  expect(missingRoots(rootCertificates).map(({ name }) => name)).toEqual(['DigiCert Global Root CA'])
})

test('a file of one’s own', () => {
  const { certificate } = makeRoot('/CN=Own root')
  expect(describeRoots(rootsNamed(file(`# ours\n${certificate}`))).map(({ name }) => name)).toEqual(['Own root'])
})

test.each(['', 'no PEM', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'])('one without a certificate: %j', (text) => {
  expect(() => rootsNamed(file(text))).toThrow(
    expect.objectContaining({ code: 'SBC_CERTIFICATE_CHAIN', message: expect.stringContaining('has no certificate in it') }),
  )
})

test('one that cannot be read', () => {
  expect(() => rootsNamed('/nowhere/roots.pem')).toThrow(expect.objectContaining({ code: 'SBC_CERTIFICATE_FILE' }))
})
