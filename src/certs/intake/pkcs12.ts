import { CertificateError } from '../../base/errors.ts'
import { type BerNode, berInteger, berOid, berToDer, bytesOf, type Forge, inside, readBer } from './ber.ts'
import { type Budget, damaged, decrypt, isMacRight, type Locked } from './pbe.ts'

/** What is in a PKCS#12 file. */
export interface Pkcs12Content {
  /** DER. */
  readonly certificates: readonly Buffer[]
  /** PKCS#8, DER, opened. */
  readonly keys: readonly Buffer[]
  /** Sentences on what was passed over. */
  readonly notes: readonly string[]
}

const NAME = 'The PKCS#12 file'
const REWRITE = 'openssl pkcs12 -in FILE -legacy -nodes -out all.pem, and upload all.pem'

const DATA = '1.2.840.113549.1.7.1'
const SIGNED_DATA = '1.2.840.113549.1.7.2'
const ENVELOPED_DATA = '1.2.840.113549.1.7.3'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const BAG = '1.2.840.113549.1.12.10.1.'
const X509 = '1.2.840.113549.1.9.22.1'

/** Java and Windows put every trusted root of a machine into one file, if asked to. */
const MOST_BAGS = 200

/** Is it a PFX (RFC 7292 §4)? That is: version 3, and content of some kind. */
export const isPkcs12 = (root: BerNode): boolean => {
  const [version, content] = inside(root)
  return berInteger(version) === 3 && berOid(inside(content)[0]).startsWith('1.2.840.113549.1.7.')
}

/**
 * Reads a PKCS#12 file (RFC 7292), of any program: with several bags, bags in bags, in BER, without a MAC.
 * @throws CertificateError SBC_CERTIFICATE_PASSWORD when the password is missing or wrong, SBC_CERTIFICATE_FORMAT for the rest
 */
export const readPkcs12 = async (forge: Forge, root: BerNode, password: string | undefined, budget: Budget): Promise<Pkcs12Content> => {
  const locked: Locked = { name: NAME, rewrite: REWRITE, forge, budget }
  const [, content, mac] = inside(root)
  const kind = berOid(inside(content)[0])
  if (kind !== DATA) throw withPublicKey(kind === SIGNED_DATA ? 'signed' : 'closed')
  const authenticated = bytesOf(inside(inside(content)[1])[0])
  const safe = readBer(forge, authenticated)
  if (safe === undefined) throw damaged(locked)
  // Without a password there are two ways to write that
  const candidates = password === undefined || password === '' ? ['', null] : [password]
  for (const candidate of candidates) {
    if (mac !== undefined && !(await isMacRight(mac, authenticated, candidate, locked))) continue
    const opened = await openSafe(safe, candidate, locked)
    if (opened !== undefined) return opened
    // With a MAC the password is known to be right
    if (mac !== undefined) throw damaged(locked)
  }
  throw new CertificateError(
    'SBC_CERTIFICATE_PASSWORD',
    password === undefined || password === ''
      ? 'The PKCS#12 file has a password; enter it'
      : 'Wrong password: it does not open the PKCS#12 file',
  )
}

/** undefined: the password does not fit. */
const openSafe = async (safe: BerNode, password: string | null, locked: Locked): Promise<Pkcs12Content | undefined> => {
  const found: Found = { certificates: [], keys: [], notes: new Set(), bags: 0 }
  for (const content of inside(safe)) {
    const [kind, wrapped] = inside(content)
    const body = inside(wrapped)[0]
    const bytes = await openContent(berOid(kind), body, password, locked)
    const bags = bytes === undefined ? undefined : readBer(locked.forge, bytes)
    // A wrong key can give bytes without a wrong padding: then they are no bags
    if (bags === undefined || !(await takeBags(bags, password, locked, found))) return undefined
  }
  return { ...found, notes: [...found.notes] }
}

const openContent = async (
  kind: string,
  body: BerNode | undefined,
  password: string | null,
  locked: Locked,
): Promise<Buffer | undefined> => {
  if (kind === DATA) return bytesOf(body)
  if (kind === ENVELOPED_DATA) throw withPublicKey('closed')
  if (kind !== ENCRYPTED_DATA) throw damaged(locked)
  const [, algorithm, content] = inside(inside(body)[1])
  return decrypt(algorithm, bytesOf(content), password, locked)
}

interface Found {
  readonly certificates: Buffer[]
  readonly keys: Buffer[]
  readonly notes: Set<string>
  bags: number
}

const OTHER_BAGS: Readonly<Record<string, string>> = { 4: 'a revocation list', 5: 'a secret that is no private key' }

/** false: the password does not fit. */
const takeBags = async (bags: BerNode, password: string | null, locked: Locked, found: Found): Promise<boolean> => {
  for (const bag of inside(bags)) {
    if (++found.bags > MOST_BAGS) throw tooMany()
    const [kind, wrapped] = inside(bag)
    const value = inside(wrapped)[0]
    const type = berOid(kind).startsWith(BAG) ? berOid(kind).slice(BAG.length) : ''
    if (value === undefined) throw damaged(locked)
    if (type === '1') found.keys.push(berToDer(locked.forge, value))
    else if (type === '2') {
      const [algorithm, content] = inside(value)
      const key = await decrypt(algorithm, bytesOf(content), password, locked)
      if (key === undefined) return false
      found.keys.push(key)
    } else if (type === '3' && berOid(inside(value)[0]) === X509) found.certificates.push(bytesOf(inside(inside(value)[1])[0]))
    else if (type === '6') {
      if (!(await takeBags(value, password, locked, found))) return false
    } else found.notes.add(`Left out of the PKCS#12 file: ${OTHER_BAGS[type] ?? 'something that is neither certificate nor key'}`)
  }
  return true
}

const tooMany = (): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FORMAT', `${NAME} has more than ${MOST_BAGS} entries; export the one certificate with its chain`)

const withPublicKey = (how: 'signed' | 'closed'): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FORMAT', `${NAME} is ${how} with somebody's key instead of a password; export it with a password`)
