import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign as signBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { derOf, derOid, TAG } from '../../../src/base/der.ts'
import { readRequest } from '../../../src/certs/intake/request.ts'

export interface Wish {
  readonly hosts: readonly string[]
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

/** A CA whose certificates begin and end when a test wants them to. */
export interface TestCa {
  /** PEM. */
  readonly root: string
  /** Signs a request, PEM. @returns PEM */
  sign(request: string, wish: Wish): string
  /** A pair with a key of its own. */
  issue(wish: Wish, kind?: 'rsa' | 'ec'): { readonly chain: string; readonly key: string }
}

/** RFC 5758 §3.2: ecdsa-with-SHA256. */
const ALGORITHM = derOf(TAG.SEQUENCE, derOid('1.2.840.10045.4.3.2'))
const BOOLEAN_TRUE = Buffer.from([1, 1, 255])

/** RFC 5280 §4.1.2.5: years from 2050 have four digits. */
const timeOf = (ms: number): Buffer => {
  const text = `${new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`
  const long = Number(text.slice(0, 4)) >= 2050
  return derOf(long ? 0x18 : 0x17, Buffer.from(long ? text : text.slice(2)))
}

const nameOf = (common: string): Buffer =>
  derOf(TAG.SEQUENCE, derOf(TAG.SET, derOf(TAG.SEQUENCE, derOid('2.5.4.3'), derOf(0x0c, Buffer.from(common)))))

const extension = (oid: string, critical: boolean, value: Buffer): Buffer =>
  derOf(TAG.SEQUENCE, derOid(oid), ...(critical ? [BOOLEAN_TRUE] : []), derOf(TAG.OCTET_STRING, value))

const addressOf = (text: string): Buffer => Buffer.from(text.split('.').map(Number))

const certificate = (
  { subject, issuer, from, to }: { readonly subject: string; readonly issuer: string; readonly from: number; readonly to: number },
  publicKey: KeyObject,
  signer: KeyObject,
  extensions: readonly Buffer[],
): string => {
  const body = derOf(
    TAG.SEQUENCE,
    derOf(0xa0, derOf(TAG.INTEGER, Buffer.from([2]))),
    derOf(TAG.INTEGER, Buffer.from([0x40, ...randomBytes(15)])),
    ALGORITHM,
    nameOf(issuer),
    derOf(TAG.SEQUENCE, timeOf(from), timeOf(to)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    derOf(0xa3, derOf(TAG.SEQUENCE, ...extensions)),
  )
  const signature = derOf(TAG.BIT_STRING, Buffer.from([0]), signBytes('sha256', body, signer))
  const lines = derOf(TAG.SEQUENCE, body, ALGORITHM, signature)
    .toString('base64')
    .replaceAll(/.{1,64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`
}

export const makeCa = (name = 'Test CA'): TestCa => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rootDates = { from: Date.UTC(2000, 0), to: Date.UTC(2049, 0) }
  const root = certificate({ subject: name, issuer: name, ...rootDates }, publicKey, privateKey, [
    extension('2.5.29.19', true, derOf(TAG.SEQUENCE, BOOLEAN_TRUE)),
    extension('2.5.29.15', true, derOf(TAG.BIT_STRING, Buffer.from([1, 6]))),
  ])
  const signFor = (key: KeyObject, { hosts, from, to }: Wish): string =>
    certificate({ subject: hosts[0]!.slice(0, 64), issuer: name, from, to }, key, privateKey, [
      extension('2.5.29.19', true, derOf(TAG.SEQUENCE)),
      extension('2.5.29.15', true, derOf(TAG.BIT_STRING, Buffer.from([7, 0x80]))),
      extension('2.5.29.37', false, derOf(TAG.SEQUENCE, derOid('1.3.6.1.5.5.7.3.1'), derOid('1.3.6.1.5.5.7.3.2'))),
      extension(
        '2.5.29.17',
        false,
        derOf(TAG.SEQUENCE, ...hosts.map((host) => (isIP(host) === 4 ? derOf(0x87, addressOf(host)) : derOf(0x82, Buffer.from(host))))),
      ),
    ])
  return {
    root,
    sign: (request, wish) => signFor(readRequest(request).publicKey, wish),
    issue: (wish, kind = 'ec') => {
      const made = kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const key = made.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
      return { chain: signFor(createPublicKey(createPrivateKey(key)), wish), key }
    },
  }
}
