import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CheckedCertificate, checkCertificate } from '../../../src/certs/check.ts'
import { DevelopmentAuthority } from '../../../src/certs/development.ts'
import { loadCertificate } from '../../../src/certs/load.ts'
import { DAY, makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let good: CheckedCertificate
const now = Date.now()
beforeAll(async () => {
  disk = await makeStore()
  const authority = await DevelopmentAuthority.open(disk.store, () => now)
  good = await authority.certificate({ name: 'edge', hosts: ['sbc.example.com', '::1'] })
})
afterAll(() => disk.remove())

const check = (chain: string, key: string, at = now) => checkCertificate('edge', chain, key, at)
const leafOf = (chain: string): string => chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26)

describe('the gate', () => {
  test('lets a good pair through, with its hosts and dates', () => {
    const text = `subject=/CN=sbc\n${good.chain}\nsome text of a CA\n`
    expect(check(text, good.key)).toEqual(good)
    expect(good).toMatchObject({ name: 'edge', hosts: ['sbc.example.com', '::1'] })
    expect(good.issuer).toMatch(/^CN=Edgeways development CA [0-9a-f]{6}$/)
  })

  test('lets one through that only has warnings', () => {
    expect(check(good.chain, good.key, now + 360 * DAY).hosts).toEqual(good.hosts)
  })

  test('names the certificate, what is wrong, and the remedy', () => {
    expect(() => check('hello', good.key)).toThrow(
      'Certificate edge: There is no PEM block that begins with BEGIN CERTIFICATE. A certificate is text that begins with',
    )
    expect(() => check(good.key, good.chain)).toThrow(expect.objectContaining({ code: 'SBC_CERTIFICATE_CHAIN' }))
  })

  test('refuses a key of another certificate, and one with a password', () => {
    expect(() => check(good.chain, 'hello')).toThrow('Certificate edge: The key is no PEM private key')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string
    expect(() => check(good.chain, encrypted)).toThrow('Certificate edge: The key is encrypted')
    const foreign = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    expect(() => check(good.chain, foreign)).toThrow(
      expect.objectContaining({
        code: 'SBC_CERTIFICATE_KEY',
        message:
          'Certificate edge: The key belongs to another certificate than CN=sbc.example.com. Bring the key that the certificate was requested with, or order a new certificate',
      }),
    )
  })

  test('refuses what has ended, and tells everything that is wrong', () => {
    const late = now + 3660 * DAY
    expect(() => check(good.chain, good.key, late)).toThrow(
      /^Certificate edge: CN=sbc\.example\.com ended on \S+Z\. Renew it\. Besides: CN=Edgeways development CA \w+ ended on \S+Z$/,
    )
  })

  test('looks at the use only when there is one', () => {
    const use = { hosts: ['other.example.com'] }
    expect(() => checkCertificate('edge', good.chain, good.key, now, use)).toThrow(
      expect.objectContaining({ code: 'SBC_CERTIFICATE_NAMES', message: expect.stringContaining('does not name other.example.com') }),
    )
  })

  test('refuses a chain of strangers', async () => {
    const other = await makeStore()
    const stranger = await DevelopmentAuthority.open(other.store, () => now)
    await other.remove()
    expect(() => check(`${leafOf(good.chain)}\n${stranger.root}`, good.key)).toThrow(
      /stands at place 2 but did not issue CN=sbc\.example\.com\. The order is the certificate, its issuer, the issuer's issuer$/,
    )
  })
})

describe('files of the operator', () => {
  test('are read and checked', async () => {
    const files = { name: 'edge', chain: join(disk.folder, 'my-chain.pem'), key: join(disk.folder, 'my-key.pem') }
    await Promise.all([writeFile(files.chain, good.chain), writeFile(files.key, good.key)])
    expect(await loadCertificate(files, now)).toEqual(good)
    await expect(loadCertificate({ ...files, key: '/nowhere/key.pem' }, now)).rejects.toThrow(
      'There is no file /nowhere/key.pem for the key of certificate edge',
    )
  })
})
