import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CheckedCertificate, checkCertificate } from '../../../src/certs/check.ts'
import { DevelopmentAuthority } from '../../../src/certs/development.ts'
import { loadCertificate, loadTrust } from '../../../src/certs/load.ts'
import { DAY, makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let good: CheckedCertificate
let root: string
const now = Date.now()
beforeAll(async () => {
  disk = await makeStore()
  const authority = await DevelopmentAuthority.open(disk.store, () => now)
  good = await authority.certificate({ name: 'edge', hosts: ['sbc.example.com', '::1'] })
  root = authority.root
})
afterAll(() => disk.remove())

const check = (chain: string, key: string, at = now) => checkCertificate('edge', chain, key, at)
const leafOf = (chain: string): string => chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26)

describe('what is wrong is said in words', () => {
  test('a good pair comes back with its hosts and dates', () => {
    const text = `subject=/CN=sbc\n${good.chain}\nsome text of a CA\n`
    expect(check(text, good.key)).toEqual(good)
    expect(good).toMatchObject({ name: 'edge', hosts: ['sbc.example.com', '::1'] })
    expect(good.issuer).toMatch(/^CN=Edgeways development CA [0-9a-f]{6}$/)
  })

  test('no certificate, or a damaged one', () => {
    expect(() => check('hello', good.key)).toThrow('Certificate edge has no PEM block that begins with BEGIN CERTIFICATE')
    expect(() => check(good.chain.replace(/MII/, 'AAA'), good.key)).toThrow('Certificate edge: PEM block 1 is no certificate')
    expect(() => check(good.key, good.chain)).toThrow(expect.objectContaining({ code: 'SBC_CERTIFICATE_CHAIN' }))
  })

  test('no key, an encrypted one, or that of another certificate', () => {
    expect(() => check(good.chain, 'hello')).toThrow('The key of certificate edge is no PEM private key')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string
    expect(() => check(good.chain, encrypted)).toThrow('The key of certificate edge is encrypted; store it without a password')
    const foreign = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    expect(() => check(good.chain, foreign)).toThrow('The key of certificate edge belongs to another certificate than CN=sbc.example.com')
  })

  test('a chain in the wrong order, or of strangers', async () => {
    expect(() => check(root + leafOf(good.chain), good.key)).toThrow('the key belongs to number 2 of the chain; put that one first')
    const other = await makeStore()
    const stranger = await DevelopmentAuthority.open(other.store, () => now)
    await other.remove()
    expect(() => check(`${leafOf(good.chain)}\n${stranger.root}`, good.key)).toThrow(
      /stands at place 2 but did not issue CN=sbc\.example\.com; the order is the certificate, its issuer/,
    )
  })

  test('a certificate that has ended or is not valid yet', () => {
    expect(() => check(good.chain, good.key, now + 366 * DAY)).toThrow(/^Certificate edge: CN=sbc\.example\.com ended on \d{4}-/)
    expect(() => check(good.chain, good.key, now - DAY)).toThrow(/is not valid before .*; is the clock right\?$/)
  })

  test('a certificate that names no host', async () => {
    const { key } = (await disk.store.read('development-ca'))!
    expect(() => check(root, key)).toThrow('Certificate edge names no host: neither its alternative names nor its common name is one')
  })
})

describe('files of the operator', () => {
  test('are read and checked', async () => {
    const files = { name: 'edge', chain: join(disk.folder, 'edge', 'chain.pem'), key: join(disk.folder, 'edge', 'key.pem') }
    expect(await loadCertificate(files, now)).toEqual(good)
    await expect(loadCertificate({ ...files, key: '/nowhere/key.pem' }, now)).rejects.toThrow(
      'There is no file /nowhere/key.pem for the key of certificate edge',
    )
  })

  test('with trusted roots are read, and must hold some', async () => {
    const path = join(disk.folder, 'development-ca', 'chain.pem')
    expect(await loadTrust([path, path])).toEqual([root, root])
    const empty = join(disk.folder, 'empty.pem')
    await writeFile(empty, 'nothing')
    await expect(loadTrust([empty])).rejects.toThrow(`${empty} has no PEM certificate`)
    await expect(loadTrust(['/nowhere'])).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FILE' })
  })
})
