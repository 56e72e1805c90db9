import type { KeyObject, X509Certificate } from 'node:crypto'
import { readDer } from '../../base/der.ts'
import { CertificateError } from '../../base/errors.ts'
import type { UploadedFiles } from '../types.ts'
import { type BerNode, berOid, berToDer, type Forge, inside, loadForge, readBer } from './ber.ts'
import { certificateFrom } from './facts.ts'
import { isEncryptedKey, keyOfBlock, keyOfDer, openKey } from './keys.ts'
import { type Budget, freshBudget } from './pbe.ts'
import { CERTIFICATE_LABEL, certificatesIn, cutOffBlocks, fromBase64, type PemBlock, pemBlocks } from './pem.ts'
import { isPkcs12, readPkcs12 } from './pkcs12.ts'

/** Everything that was found in what somebody brought, each thing once. */
export interface Material {
  readonly certificates: readonly X509Certificate[]
  readonly keys: readonly KeyObject[]
  /** There was a request for a certificate among it. */
  readonly request: boolean
  /** Sentences on what was passed over. */
  readonly notes: readonly string[]
}

/** Of one file. All public roots together have a fifth of this. */
const MOST_BYTES = 1024 * 1024
/** Each costs some tenths of a millisecond. */
const MOST_CERTIFICATES = 200
const MOST_KEYS = 20

interface Heap {
  readonly password: string | undefined
  readonly certificates: X509Certificate[]
  readonly keys: KeyObject[]
  readonly notes: Set<string>
  readonly budget: Budget
  request: boolean
}

/**
 * The certificates in what a CA gives away (RFC 5280 §4.2.2.1): one in DER or PEM, or a PKCS#7 file. Nothing else is looked for.
 * @throws CertificateError SBC_CERTIFICATE_FORMAT
 */
export const certificatesOf = async (bytes: Buffer): Promise<readonly X509Certificate[]> => {
  const text = bytes.toString('latin1')
  if (text.includes('-----BEGIN CERTIFICATE')) return certificatesIn([text])
  const certificate = certificateFrom(bytes)
  if (certificate !== undefined) return [certificate]
  const forge = await loadForge()
  const root = readBer(forge, bytes)
  if (root === undefined) throw unreadable('That is no certificate', 'the CA has to give it in DER, PEM or PKCS#7')
  return pkcs7Certificates(forge, root)
}

/**
 * Takes apart what somebody brought: PEM with anything around and between, DER, PKCS#12, PKCS#7, each in each of the places.
 * @throws CertificateError SBC_CERTIFICATE_FORMAT, _PASSWORD or _KEY
 */
export const gather = async (files: UploadedFiles): Promise<Material> => {
  const heap: Heap = { password: files.password, certificates: [], keys: [], notes: new Set(), budget: freshBudget(), request: false }
  for (const file of [files.chain, files.key, files.pkcs12]) {
    if (file === undefined || file.length === 0) continue
    if (file.length > MOST_BYTES)
      throw unreadable(`A file has more than ${MOST_BYTES / 1024} KiB`, 'bring the one certificate with its chain')
    if (typeof file === 'string') await takeText(file, heap)
    else await takeBytes(file, heap)
  }
  const certificates = [...new Map(heap.certificates.map((one) => [one.fingerprint256, one])).values()]
  const keys = heap.keys.filter((one, index) => heap.keys.findIndex((other) => one.equals(other)) === index)
  return { certificates, keys, request: heap.request, notes: [...heap.notes] }
}

const unreadable = (what: string, remedy: string): CertificateError => new CertificateError('SBC_CERTIFICATE_FORMAT', `${what}; ${remedy}`)

const takeText = async (text: string, heap: Heap): Promise<void> => {
  // UTF-16 read as something else, such as what PowerShell writes with `>`
  const plain = text.includes('\0') && text.includes('-\0-\0') ? text.replaceAll('\0', '') : text
  if (plain.includes('-----BEGIN ')) return takePem(plain, heap)
  const bytes = fromBareBase64(plain)
  if (bytes !== undefined) return takeDer(bytes, heap)
  if (/^\0?[\x30\xfe\xce]/.test(plain) && !/[^\x00-\xff]/.test(plain)) return takeDer(Buffer.from(plain, 'latin1'), heap)
  if (plain.trim() === '') return
  const binary = /[\x00-\x08\x0e-\x1f\ufffd]/.test(plain)
  throw binary
    ? unreadable('A file is binary and was damaged on its way as text', 'send it as a file, or as PEM: openssl x509 -inform der -in FILE')
    : unreadable('There is no certificate and no key in the text', 'PEM is text with lines such as -----BEGIN CERTIFICATE-----')
}

/** The inside of a PEM block without its lines, or a file as mail programs send it. */
const fromBareBase64 = (text: string): Buffer | undefined => {
  const bytes = /^\s*M/.test(text) ? fromBase64(text) : undefined
  // Prose can be base64, too, but then it is no sequence
  return bytes !== undefined && (readDer(bytes) !== undefined || bytes.subarray(0, 2).equals(OPEN_SEQUENCE)) ? bytes : undefined
}

/** The begin of a file in BER. */
const OPEN_SEQUENCE = Buffer.from([0x30, 0x80])

const takeBytes = async (bytes: Buffer, heap: Heap): Promise<void> => {
  const text = bytes.toString('latin1')
  if (text.includes('-----BEGIN ') || text.includes('-\0-\0')) return takeText(text, heap)
  if (fromBareBase64(text) !== undefined) return takeText(text, heap)
  return takeDer(bytes, heap)
}

const takePem = async (text: string, heap: Heap): Promise<void> => {
  if (cutOffBlocks(text) > 0) throw unreadable('A PEM block has no END line', 'the text was not copied whole')
  for (const [index, block] of pemBlocks(text).entries()) await takeBlock(block, index + 1, heap)
}

const PASSED_OVER: Readonly<Record<string, string>> = {
  'DH PARAMETERS': 'Diffie-Hellman parameters, which are of no use here',
  'X509 CRL': 'a revocation list',
  'PUBLIC KEY': 'a public key, which the certificate has anyway',
}

const takeBlock = async (block: PemBlock, place: number, heap: Heap): Promise<void> => {
  const { label, der } = block
  if (CERTIFICATE_LABEL.test(label)) {
    const certificate = der === undefined ? undefined : certificateFrom(der)
    if (certificate === undefined) throw unreadable(`PEM block ${place} is no certificate that can be read`, 'copy it once more')
    addCertificate(certificate, heap)
  } else if (label.endsWith('PRIVATE KEY')) addKey(await keyOfBlock(block, heap.password, heap.budget), heap)
  else if (label.endsWith('CERTIFICATE REQUEST')) heap.request = true
  else if (label === 'PKCS7' || label === 'CMS' || label === 'PKCS12' || label === 'PKCS #7 SIGNED DATA') {
    if (der === undefined) throw unreadable(`PEM block ${place}, ${label}, is damaged`, 'copy it once more')
    await takeDer(der, heap)
  } else if (label !== 'EC PARAMETERS') heap.notes.add(`Left out: ${PASSED_OVER[label] ?? `a PEM block ${label.slice(0, 60)}`}`)
}

const addCertificate = (certificate: X509Certificate, heap: Heap): void => {
  heap.certificates.push(certificate)
  if (heap.certificates.length > MOST_CERTIFICATES)
    throw unreadable(`There are more than ${MOST_CERTIFICATES} certificates`, 'bring the one certificate with its chain')
}

const addKey = (key: KeyObject, heap: Heap): void => {
  heap.keys.push(key)
  if (heap.keys.length > MOST_KEYS)
    throw unreadable(`There are more than ${MOST_KEYS} keys`, 'bring the one that belongs to the certificate')
}

/** Formats of other worlds, by how they begin. */
const STRANGERS: readonly (readonly [string, string, string])[] = [
  [
    'feedfeed',
    'A file is a Java keystore',
    'convert it: keytool -importkeystore -srckeystore FILE -destkeystore new.p12 -deststoretype PKCS12',
  ],
  [
    'cececece',
    'A file is a Java keystore',
    'convert it: keytool -importkeystore -srckeystore FILE -destkeystore new.p12 -deststoretype PKCS12',
  ],
  ['504b0304', 'A file is a ZIP archive', 'unpack it and bring what is in it'],
  ['1f8b', 'A file is compressed', 'unpack it and bring what is in it'],
]

const takeDer = async (bytes: Buffer, heap: Heap): Promise<void> => {
  const begin = bytes.subarray(0, 4).toString('hex')
  const stranger = STRANGERS.find(([magic]) => begin.startsWith(magic))
  if (stranger !== undefined) throw unreadable(stranger[1], stranger[2])
  const certificate = certificateFrom(bytes)
  if (certificate !== undefined) return addCertificate(certificate, heap)
  const key = keyOfDer(bytes)
  if (key !== undefined) return addKey(key, heap)
  const forge = await loadForge()
  const root = readBer(forge, bytes)
  if (root === undefined) throw unreadable('A file is neither PEM, DER, PKCS#12 nor PKCS#7, or is not whole', 'copy it once more')
  if (isPkcs12(root)) {
    const content = await readPkcs12(forge, root, heap.password, heap.budget)
    for (const der of content.certificates) addCertificate(certificateFrom(der) ?? refuse('certificate'), heap)
    for (const der of content.keys) addKey(keyOfDer(der) ?? refuse('key'), heap)
    for (const note of content.notes) heap.notes.add(note)
  } else if (berOid(inside(root)[0]) === SIGNED_DATA)
    for (const certificate of pkcs7Certificates(forge, root)) addCertificate(certificate, heap)
  else if (isEncryptedKey(root)) addKey(await openKey(forge, root, heap.password, heap.budget), heap)
  else if (isRequest(root)) heap.request = true
  else throw unreadable('A file is binary, but neither certificate, key, PKCS#12 nor PKCS#7', 'bring PEM or PKCS#12')
}

const refuse = (what: 'certificate' | 'key'): never => {
  throw unreadable(`A ${what} in the PKCS#12 file cannot be read`, 'export it once more')
}

const SIGNED_DATA = '1.2.840.113549.1.7.2'

/** RFC 5652 §5.1: what CAs send as `.p7b` or `.p7c` is SignedData without data and signers, but with certificates [0]. */
const pkcs7Certificates = (forge: Forge, root: BerNode): readonly X509Certificate[] => {
  const signed = inside(inside(root)[1])[0]
  const certificates = inside(signed).find(({ tagClass, type }) => (tagClass as number) === CONTEXT && type === 0)
  return inside(certificates).map((node) => {
    const certificate = certificateFrom(berToDer(forge, node))
    if (certificate === undefined) throw unreadable('A certificate in the PKCS#7 file cannot be read', 'have it sent once more')
    return certificate
  })
}

const CONTEXT = 0x80

/** RFC 2986 §4: like a certificate, but it begins with a version in plain. */
const isRequest = (root: BerNode): boolean => {
  const [body, algorithm, signature, ...rest] = inside(root)
  return (
    rest.length === 0 && inside(body)[0]?.type === 2 && inside(body).length >= 3 && inside(algorithm).length > 0 && signature?.type === 3
  )
}
