import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CertificateError } from '../../base/errors.ts'
import { type BerNode, bytesOf, type Forge, inside, isType, loadForge, readBer } from './ber.ts'
import { type Budget, damaged, decrypt, type Locked } from './pbe.ts'
import type { PemBlock } from './pem.ts'

const NAME = 'The key'
const REWRITE = 'openssl pkey -in FILE -provider legacy -provider default -out plain.key, and upload plain.key'

/** The key in a PEM block, opened. @throws CertificateError SBC_CERTIFICATE_PASSWORD, _FORMAT or _KEY */
export const keyOfBlock = async (block: PemBlock, password: string | undefined, budget: Budget): Promise<KeyObject> => {
  if (block.label === 'OPENSSH PRIVATE KEY') throw notUsable('is one of SSH; convert it with ssh-keygen -p -m PEM -f FILE')
  if (block.headers['Proc-Type']?.includes('ENCRYPTED') === true) return oldEncryptedKey(block, password)
  if (block.der === undefined) throw damaged({ name: NAME })
  if (block.label !== 'ENCRYPTED PRIVATE KEY') return keyOfDer(block.der) ?? refuse()
  const forge = await loadForge()
  const root = readBer(forge, block.der)
  if (root === undefined || !isEncryptedKey(root)) throw damaged({ name: NAME })
  return openKey(forge, root, password, budget)
}

const refuse = (): never => {
  throw notUsable('is damaged or of a kind that cannot be read; copy it once more')
}

const notUsable = (what: string): CertificateError => new CertificateError('SBC_CERTIFICATE_KEY', `${NAME} ${what}`)

/** A key in DER: PKCS#8, PKCS#1 or SEC 1. @returns undefined when it is none of these */
export const keyOfDer = (der: Buffer): KeyObject | undefined => {
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return createPrivateKey({ key: der, format: 'der', type })
    } catch {
      // The next type
    }
  }
  return undefined
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3): an algorithm, and bytes. */
export const isEncryptedKey = (root: BerNode): boolean => {
  const [algorithm, content, ...rest] = inside(root)
  return rest.length === 0 && isType(inside(algorithm)[0], OID) && isType(content, OCTET_STRING)
}

const OID = 6
const OCTET_STRING = 4

export const openKey = async (forge: Forge, root: BerNode, password: string | undefined, budget: Budget): Promise<KeyObject> => {
  const [algorithm, content] = inside(root)
  const locked: Locked = { name: NAME, rewrite: REWRITE, forge, budget }
  const opened = await decrypt(algorithm, bytesOf(content), requirePassword(password), locked)
  return (opened === undefined ? undefined : keyOfDer(opened)) ?? wrongPassword()
}

const requirePassword = (password: string | undefined): string => {
  if (password !== undefined && password !== '') return password
  throw new CertificateError('SBC_CERTIFICATE_PASSWORD', 'The key has a password; enter it')
}

const wrongPassword = (): never => {
  throw new CertificateError('SBC_CERTIFICATE_PASSWORD', 'Wrong password: it does not open the key')
}

/** What OpenSSL still opens of those with DEK-Info (RFC 1421 §4.6.1.3). One round only, whatever the cipher. */
const OLD_CIPHERS = ['AES-128-CBC', 'AES-192-CBC', 'AES-256-CBC', 'DES-EDE3-CBC']

const oldEncryptedKey = (block: PemBlock, password: string | undefined): KeyObject => {
  const cipher = block.headers['DEK-Info']?.split(',')[0]?.trim() ?? 'an unknown cipher'
  if (!OLD_CIPHERS.includes(cipher)) {
    const sentence = `The key is closed with ${cipher.slice(0, 40)}, which is not read here; write it anew: ${REWRITE}`
    throw new CertificateError('SBC_CERTIFICATE_FORMAT', sentence)
  }
  const passphrase = requirePassword(password)
  try {
    return createPrivateKey({ key: plainLines(block), passphrase })
  } catch {
    return wrongPassword()
  }
}

/** As OpenSSL wants to have it, whatever line ends it came with. */
const plainLines = ({ label, headers, der }: PemBlock): string =>
  [
    `-----BEGIN ${label}-----`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    ...(der?.toString('base64').match(/.{1,64}/g) ?? []),
    `-----END ${label}-----`,
    '',
  ].join('\n')
