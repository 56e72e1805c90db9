import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import ipaddr from 'ipaddr.js'
import { type DerNode, derOf, derOid, oidOf, partsOf, readDer, TAG } from '../../base/der.ts'
import { CertificateError } from '../../base/errors.ts'
import type { KeyType } from '../types.ts'
import { keyFactsOf } from './facts.ts'
import { HOST, isAddress, requestedHost, shortAddress } from './names.ts'
import { pemBlocks } from './pem.ts'
import { requestedSubject, SUBJECT_FIELDS } from './subject.ts'

/** What somebody wants to have a certificate for. */
export interface RequestWishes {
  /** DNS names, with wildcards, and IP addresses. */
  readonly hosts: readonly string[]
  readonly keyType: KeyType
  /** By the words of SUBJECT_FIELDS (`organization`) or their short forms (`O`). Most CAs look at the hosts only. */
  readonly subject?: Readonly<Record<string, string>>
}

export interface MadeRequest {
  /** PKCS#10 (RFC 2986), PEM. */
  readonly csr: string
  /** PKCS#8, PEM. */
  readonly key: string
}

/** What a request asks for. */
export interface ReadRequest {
  readonly hosts: readonly string[]
  /** By the words of SUBJECT_FIELDS; others by their object identifiers. */
  readonly subject: Readonly<Record<string, string>>
  /** `RSA 2048`, `ECDSA P-256`. */
  readonly keyType: string
  readonly publicKey: KeyObject
}

const MOST_HOSTS = 100
/** RFC 5280 Appendix A: ub-common-name. */
const LONGEST_COMMON_NAME = 64

/**
 * A request for these hosts as alternative names, signed with a new key, or with `keyPem`. The first DNS name is the common name too,
 * if it fits and the subject has no other: there are CAs that ask for one.
 * @throws CertificateError SBC_CERTIFICATE_NAMES or _REQUEST for what cannot be asked for
 */
export const makeRequest = async (wishes: RequestWishes, keyPem?: string): Promise<MadeRequest> => {
  const hosts = [...new Set(wishes.hosts.map(requestedHost))]
  if (hosts.length === 0) throw new CertificateError('SBC_CERTIFICATE_NAMES', 'A request needs a host; write at least one DNS name')
  if (hosts.length > MOST_HOSTS) {
    const sentence = `${hosts.length} hosts are too many for one certificate; CAs take ${MOST_HOSTS} at most`
    throw new CertificateError('SBC_CERTIFICATE_NAMES', sentence)
  }
  const common = hosts.find((host) => !isAddress(host))
  const proposed = common !== undefined && common.length <= LONGEST_COMMON_NAME ? { commonName: common } : {}
  const subject = requestedSubject({ ...proposed, ...wishes.subject }, hosts)
  const { publicKey, privateKey } = keyPem === undefined ? await makePair(wishes.keyType) : pairOf(keyPem)
  const body = derOf(
    ...[TAG.SEQUENCE, derOf(TAG.INTEGER, Buffer.from([0])), subject],
    ...[publicKey.export({ type: 'spki', format: 'der' }), derOf(ATTRIBUTES, extensionRequest(hosts))],
  )
  const { hash, algorithm } = signatureOf(privateKey)
  const signature = await promisify<string, Buffer, KeyObject, Buffer>(sign)(hash, body, privateKey)
  const whole = derOf(TAG.SEQUENCE, body, algorithm, derOf(TAG.BIT_STRING, Buffer.from([0]), signature))
  return { csr: pemOf('CERTIFICATE REQUEST', whole), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

/** `[0] IMPLICIT SET OF Attribute` (RFC 2986 §4.1). */
const ATTRIBUTES = 0xa0
/** GeneralName (RFC 5280 §4.2.1.6). */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const SUBJECT_ALT_NAME = '2.5.29.17'

const extensionRequest = (hosts: readonly string[]): Buffer => {
  const names = hosts.map((host) =>
    isAddress(host) ? derOf(IP_ADDRESS, Buffer.from(ipaddr.parse(host).toByteArray())) : derOf(DNS_NAME, Buffer.from(host, 'latin1')),
  )
  const value = derOf(TAG.OCTET_STRING, derOf(TAG.SEQUENCE, ...names))
  const extensions = derOf(TAG.SEQUENCE, derOf(TAG.SEQUENCE, derOid(SUBJECT_ALT_NAME), value))
  return derOf(TAG.SEQUENCE, derOid(EXTENSION_REQUEST), derOf(TAG.SET, extensions))
}

const generate = promisify(generateKeyPair)

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }

const makePair = (type: KeyType): Promise<Pair> => {
  if (type === 'rsa2048' || type === 'rsa3072') return generate('rsa', { modulusLength: type === 'rsa2048' ? 2048 : 3072 })
  return generate('ec', { namedCurve: type === 'ecdsa256' ? 'P-256' : 'P-384' })
}

const pairOf = (pem: string): Pair => {
  try {
    return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) }
  } catch (cause) {
    throw new CertificateError('SBC_CERTIFICATE_KEY', 'The key for the request is no PEM private key', cause)
  }
}

const NULL = Buffer.from([0x05, 0x00])

/** RFC 4055 §5 and RFC 5758 §3.2: ECDSA has no parameters, not even NULL. */
const SIGNATURES = {
  rsa: { hash: 'sha256', algorithm: derOf(TAG.SEQUENCE, derOid('1.2.840.113549.1.1.11'), NULL) },
  secp384r1: { hash: 'sha384', algorithm: derOf(TAG.SEQUENCE, derOid('1.2.840.10045.4.3.3')) },
  ecdsa: { hash: 'sha256', algorithm: derOf(TAG.SEQUENCE, derOid('1.2.840.10045.4.3.2')) },
} as const

const signatureOf = (key: KeyObject): { readonly hash: string; readonly algorithm: Buffer } => {
  const { family, curve, text } = keyFactsOf(key)
  if (family === 'other') throw refusal(`A key of type ${text} cannot sign a request here; use RSA or ECDSA`)
  if (family === 'rsa') return SIGNATURES.rsa
  return curve === 'secp384r1' ? SIGNATURES.secp384r1 : SIGNATURES.ecdsa
}

const refusal = (sentence: string): CertificateError => new CertificateError('SBC_CERTIFICATE_REQUEST', sentence)

const pemOf = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

/**
 * What a PEM request asks for; its own signature is verified.
 * @throws CertificateError SBC_CERTIFICATE_REQUEST
 */
export const readRequest = (csr: string): ReadRequest => {
  const block = pemBlocks(csr).find(({ label }) => label.endsWith('CERTIFICATE REQUEST'))
  if (block?.der === undefined) throw refusal('There is no request in the text; it begins with -----BEGIN CERTIFICATE REQUEST-----')
  const [body, algorithm, signature] = partsOf(readDer(block.der))
  const [, subject, spki, attributes] = partsOf(body)
  try {
    const publicKey = createPublicKey({ key: spki!.whole, format: 'der', type: 'spki' })
    const hash = HASHES[oidOf(partsOf(algorithm)[0])]
    if (hash === undefined) throw refusal('The request is signed with an algorithm that is not known here; use SHA-256')
    if (!verify(hash, body!.whole, publicKey, signature!.content.subarray(1))) throw refusal('The signature of the request is wrong')
    return { hosts: hostsIn(attributes), subject: subjectIn(subject), keyType: keyFactsOf(publicKey).text, publicKey }
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause
    throw refusal('The request is damaged or not whole; copy it once more')
  }
}

const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

const hostsIn = (attributes: DerNode | undefined): string[] => {
  const request = partsOf(attributes).find((attribute) => oidOf(partsOf(attribute)[0]) === EXTENSION_REQUEST)
  const extensions = partsOf(partsOf(partsOf(request)[1])[0])
  const value = partsOf(extensions.find((extension) => oidOf(partsOf(extension)[0]) === SUBJECT_ALT_NAME)).at(-1)
  return partsOf(value === undefined ? undefined : readDer(value.content)).flatMap(({ tag, content }) => {
    const text = content.toString('latin1')
    if (tag === DNS_NAME) return HOST.test(text) ? text.toLowerCase() : []
    if (tag !== IP_ADDRESS || (content.length !== 4 && content.length !== 16)) return []
    return shortAddress(ipaddr.fromByteArray([...content]).toString())
  })
}

const subjectIn = (subject: DerNode | undefined): Record<string, string> =>
  Object.fromEntries(
    partsOf(subject)
      .flatMap(partsOf)
      .map((attribute) => {
        const [kind, value] = partsOf(attribute)
        const oid = oidOf(kind)
        return [SUBJECT_FIELDS.find((field) => field.oid === oid)?.name ?? oid, value?.content.toString('utf8') ?? '']
      }),
  )
