import { createDecipheriv, createHmac, hash, pbkdf2, scrypt } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CertificateError } from '../../base/errors.ts'
import { type BerNode, berInteger, berOid, bytesOf, type Forge, inside } from './ber.ts'

/**
 * Opening what a password closes (RFC 8018, RFC 7292). node-forge does this too, but with a password for PBES2 in other bytes than everybody
 * else's as soon as it is not ASCII, with every round in JavaScript on the event loop (100,000 of them: a second), and with as many rounds as
 * the file says. So its part is RC2, which OpenSSL has given up; the rest is OpenSSL's.
 */

/** What is opened, as sentences name it. */
export interface Locked {
  readonly name: string
  /** A command that writes it so that it can be read here. */
  readonly rewrite: string
  readonly forge: Forge
  readonly budget: Budget
}

/** Rounds of hashing that may still be spent on everything that somebody brought. */
export interface Budget {
  rounds: number
}

/** More than any program writes; OWASP recommends 600,000 rounds. */
const MOST_ROUNDS = 5_000_000

export const freshBudget = (): Budget => ({ rounds: MOST_ROUNDS })

const MOST_SCRYPT_MEMORY = 64 * 1024 * 1024

/** Without the event loop for this many rounds: about a millisecond. */
const SLICE = 1500

/**
 * The content of an encrypted part. `password` null: none at all, which PKCS#12 knows beside the empty one.
 * @returns undefined when the password does not fit
 * @throws CertificateError SBC_CERTIFICATE_FORMAT for what cannot be opened here
 */
export const decrypt = async (
  algorithm: BerNode | undefined,
  content: Buffer,
  password: string | null,
  locked: Locked,
): Promise<Buffer | undefined> => {
  const [kind, parameters] = inside(algorithm)
  const oid = berOid(kind)
  if (oid === PBES2) return decryptPbes2(inside(parameters), content, password, locked)
  const scheme = PKCS12_SCHEMES[oid]
  if (scheme === undefined) throw unsupported(locked, OTHER_NAMES[oid] ?? (oid || 'an unknown algorithm'))
  const [saltNode, roundsNode] = inside(parameters)
  const [salt, rounds] = [bytesOf(saltNode), spend(berInteger(roundsNode), locked)]
  const derive = (id: number, length: number): Promise<Buffer> => pkcs12Key('sha1', password, salt, id, rounds, length)
  const [key, iv] = [await derive(1, scheme.keyBytes), await derive(2, 8)]
  if (scheme.cipher === 'rc2') return decryptRc2(locked.forge, key, iv, content)
  return decipher('des-ede3-cbc', key.length === 16 ? Buffer.concat([key, key.subarray(0, 8)]) : key, iv, content, locked)
}

const PBES2 = '1.2.840.113549.1.5.13'

/** RFC 7292 Appendix C. */
const PKCS12_SCHEMES: Readonly<Record<string, { readonly cipher: 'des' | 'rc2'; readonly keyBytes: number }>> = {
  '1.2.840.113549.1.12.1.3': { cipher: 'des', keyBytes: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: 'des', keyBytes: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyBytes: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyBytes: 5 },
}

const OTHER_NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.12.1.1': 'RC4',
  '1.2.840.113549.1.12.1.2': 'RC4',
  '1.2.840.113549.1.5.1': 'MD2 and DES',
  '1.2.840.113549.1.5.3': 'MD5 and DES',
  '1.2.840.113549.1.5.4': 'MD2 and RC2',
  '1.2.840.113549.1.5.6': 'MD5 and RC2',
  '1.2.840.113549.1.5.10': 'SHA-1 and DES',
  '1.2.840.113549.1.5.11': 'SHA-1 and RC2',
  '1.3.14.3.2.7': 'DES',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
}

const CIPHERS: Readonly<Record<string, { readonly name: string; readonly keyBytes: number; readonly ivBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16, ivBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24, ivBytes: 16 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32, ivBytes: 16 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24, ivBytes: 8 },
}

const decryptPbes2 = async (
  [derivation, encryption]: readonly BerNode[],
  content: Buffer,
  password: string | null,
  locked: Locked,
): Promise<Buffer | undefined> => {
  const [cipherNode, ivNode] = inside(encryption)
  const oid = berOid(cipherNode)
  const cipher = CIPHERS[oid]
  if (cipher === undefined) throw unsupported(locked, OTHER_NAMES[oid] ?? `the cipher ${oid || 'without a name'}`)
  const iv = bytesOf(ivNode)
  if (iv.length !== cipher.ivBytes) throw damaged(locked)
  const key = await deriveKey(derivation, password, cipher.keyBytes, locked)
  return decipher(cipher.name, key, iv, content, locked)
}

/** RFC 8018 Appendix B.1.2: HMAC with … */
const HMACS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
}

const deriveKey = async (derivation: BerNode | undefined, password: string | null, length: number, locked: Locked): Promise<Buffer> => {
  const [kind, parameters] = inside(derivation)
  const secret = Buffer.from(password ?? '', 'utf8')
  const [saltNode, ...rest] = inside(parameters)
  const salt = bytesOf(saltNode)
  const oid = berOid(kind)
  if (oid === '1.2.840.113549.1.5.12') {
    // keyLength is optional, and the cipher says it anyway
    const prfNode = rest.slice(1).find((node) => inside(node).length > 0)
    const prf = prfNode === undefined ? 'sha1' : HMACS[berOid(inside(prfNode)[0])]
    if (prf === undefined) throw unsupported(locked, 'an unknown HMAC')
    return promisify(pbkdf2)(secret, salt, spend(berInteger(rest[0]), locked), length, prf)
  }
  if (oid === '1.3.6.1.4.1.11591.4.11') {
    const [N = Number.NaN, r = Number.NaN, p = Number.NaN] = rest.map(berInteger)
    if (N * r * 128 > MOST_SCRYPT_MEMORY) throw tooCostly(locked)
    spend(N * r * p, locked)
    const options = { N, r, p, maxmem: 2 * MOST_SCRYPT_MEMORY }
    return new Promise((resolve, reject) => {
      try {
        scrypt(secret, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(damaged(locked))))
      } catch {
        reject(damaged(locked)) // N is no power of two, or something is zero
      }
    })
  }
  throw unsupported(locked, 'an unknown key derivation')
}

const decipher = (name: string, key: Buffer, iv: Buffer, content: Buffer, locked: Locked): Buffer | undefined => {
  if (content.length === 0 || content.length % iv.length !== 0) throw damaged(locked)
  const opened = createDecipheriv(name, key, iv)
  try {
    return Buffer.concat([opened.update(content), opened.final()])
  } catch {
    return undefined // The padding: a wrong key gives a right one once in 256 times
  }
}

const decryptRc2 = (forge: Forge, key: Buffer, iv: Buffer, content: Buffer): Buffer | undefined => {
  const cipher = forge.rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8)
  cipher.start(iv.toString('latin1'))
  cipher.update(forge.util.createBuffer(content.toString('latin1')))
  return cipher.finish() ? Buffer.from(cipher.output.getBytes(), 'latin1') : undefined
}

/** Bytes of a block of these hashes. */
const BLOCK: Readonly<Record<string, number>> = { md5: 64, sha1: 64, sha224: 64, sha256: 64, sha384: 128, sha512: 128 }

/** RFC 7292 Appendix B.2, where `id` is 1 for a key, 2 for an initial vector, 3 for a MAC. The event loop gets its turns. */
const pkcs12Key = async (
  algorithm: string,
  password: string | null,
  salt: Buffer,
  id: number,
  rounds: number,
  length: number,
): Promise<Buffer> => {
  const block = BLOCK[algorithm]!
  const diversifier = Buffer.alloc(block, id)
  // Two bytes for each character, most significant first, with two zeros at the end
  const secret = password === null ? Buffer.alloc(0) : Buffer.from(`${password}\0`, 'utf16le').swap16()
  const padded = (bytes: Buffer): Buffer => Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes.length === 0 ? 0 : bytes)
  const input = Buffer.concat([padded(salt), padded(secret)])
  const parts: Buffer[] = []
  for (let made = 0; made < length; made += parts.at(-1)!.length) {
    let digest = Buffer.concat([diversifier, input])
    for (let round = 0; round < rounds; round++) {
      if (round % SLICE === SLICE - 1) await nextTurn()
      digest = hash(algorithm, digest, 'buffer')
    }
    parts.push(digest)
    const addend = Buffer.alloc(block, digest)
    for (let start = 0; start < input.length; start += block) {
      let carry = 1
      for (let at = block - 1; at >= 0; at--) {
        carry += input[start + at]! + addend[at]!
        input[start + at] = carry & 0xff
        carry >>= 8
      }
    }
  }
  return Buffer.concat(parts).subarray(0, length)
}

const DIGESTS: Readonly<Record<string, readonly [name: string, bytes: number]>> = {
  '1.2.840.113549.2.5': ['md5', 16],
  '1.3.14.3.2.26': ['sha1', 20],
  '2.16.840.1.101.3.4.2.4': ['sha224', 28],
  '2.16.840.1.101.3.4.2.1': ['sha256', 32],
  '2.16.840.1.101.3.4.2.2': ['sha384', 48],
  '2.16.840.1.101.3.4.2.3': ['sha512', 64],
}

const PBMAC1 = '1.2.840.113549.1.5.14'

/**
 * Does the MAC of a PKCS#12 file (MacData) fit the content and the password?
 * @throws CertificateError SBC_CERTIFICATE_FORMAT for a kind that is not known
 */
export const isMacRight = async (mac: BerNode, content: Buffer, password: string | null, locked: Locked): Promise<boolean> => {
  const [digestInfo, saltNode, roundsNode] = inside(mac)
  const [algorithm, digestNode] = inside(digestInfo)
  const [kind, parameters] = inside(algorithm)
  const oid = berOid(kind)
  const digest = bytesOf(digestNode)
  if (oid === PBMAC1) {
    // RFC 9579: salt and rounds beside it mean nothing
    const [derivation, scheme] = inside(parameters)
    const name = HMACS[berOid(inside(scheme)[0])]
    if (name === undefined) throw unsupported(locked, 'an unknown HMAC')
    const keyLength = berInteger(inside(inside(derivation)[1])[2])
    if (!(keyLength >= 20 && keyLength <= 64)) throw damaged(locked)
    const key = await deriveKey(derivation, password, keyLength, locked)
    return createHmac(name, key).update(content).digest().equals(digest)
  }
  const known = DIGESTS[oid]
  if (known === undefined) throw unsupported(locked, `the MAC ${oid || 'without a name'}`)
  const rounds = spend(roundsNode === undefined ? 1 : berInteger(roundsNode), locked)
  const key = await pkcs12Key(known[0], password, bytesOf(saltNode), 3, rounds, known[1])
  return createHmac(known[0], key).update(content).digest().equals(digest)
}

const spend = (rounds: number, locked: Locked): number => {
  if (!(rounds >= 1)) throw damaged(locked)
  locked.budget.rounds -= rounds
  if (locked.budget.rounds < 0) throw tooCostly(locked)
  return rounds
}

const unsupported = ({ name, rewrite }: Locked, algorithm: string): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FORMAT', `${name} is closed with ${algorithm}, which is not read here; write it anew: ${rewrite}`)

const tooCostly = ({ name, rewrite }: Locked): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FORMAT', `${name} asks for more work to open it than is allowed; write it anew: ${rewrite}`)

export const damaged = ({ name }: Pick<Locked, 'name'>): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FORMAT', `${name} is damaged or not whole; copy it once more`)
