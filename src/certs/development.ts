import { createHash, createPrivateKey, generateKeyPair, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import type { asn1, pki } from 'node-forge'
import { CertificateError } from '../base/errors.ts'
import { type CheckedCertificate, checkCertificate, shortAddress } from './check.ts'
import type { PairStore } from './store.ts'

/** The folder of the root in the store; a certificate cannot have this name. */
export const DEVELOPMENT_CA = 'development-ca'

/** Where a certificate of this authority is in the store: beside one of a CA that has the same name. */
const placeOf = (name: string): string => `${name}/development`

const DAY = 86_400_000
const CA_DAYS = 3650
const LEAF_DAYS = 365
/** A leaf with less time left is made anew. */
const RENEW_DAYS = 30
/** Clocks of test machines differ. */
const BACKDATE = 3_600_000

export interface DevelopmentRequest {
  readonly name: string
  /** DNS names, with wildcards, and IP literals. The first is also the common name. */
  readonly hosts: readonly string[]
  /** ECDSA P-256 costs the edge less than half of RSA for each handshake; RSA 2048 is for old devices. Default ECDSA. */
  readonly keyType?: 'ecdsa' | 'rsa'
}

/**
 * A certificate authority of this one installation, for a first start and for tests: made once, kept in the store, its root
 * to be downloaded and trusted by hand. Keys are made and used by OpenSSL, off the event loop; node-forge writes the certificates.
 */
export class DevelopmentAuthority {
  /** The root certificate in PEM. */
  readonly root: string
  readonly #store: PairStore
  readonly #key: KeyObject
  readonly #now: () => number

  private constructor(store: PairStore, root: string, key: KeyObject, now: () => number) {
    this.#store = store
    this.root = root
    this.#key = key
    this.#now = now
  }

  /**
   * The authority in the store, made now if there is none or if its end is near. `now`: milliseconds since 1970.
   * @throws CertificateError when it cannot be read or stored
   */
  static async open(store: PairStore, now: () => number): Promise<DevelopmentAuthority> {
    const stored = await store.read(DEVELOPMENT_CA)
    if (stored !== undefined) {
      const root = readRoot(stored.chain)
      if (root.validToDate.getTime() - now() > LEAF_DAYS * DAY)
        return new DevelopmentAuthority(store, root.toString(), createPrivateKey(stored.key), now)
    }
    const { publicKey, privateKey } = await makePair('rsa', { modulusLength: 2048 })
    const forge = await loadForge()
    const certificate = blank(forge, now(), CA_DAYS)
    const subject = [{ name: 'commonName', value: `Edgeways development CA ${randomBytes(3).toString('hex')}` }]
    certificate.setSubject(subject)
    certificate.setIssuer(subject)
    certificate.setExtensions([
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { id: SUBJECT_KEY_IDENTIFIER, value: `\x04\x14${keyIdOf(publicKey).toString('latin1')}` },
    ])
    const root = await signed(forge, certificate, publicKey, privateKey)
    await store.write(DEVELOPMENT_CA, { chain: root, key: pemOf(privateKey) })
    return new DevelopmentAuthority(store, root, privateKey, now)
  }

  /**
   * The stored certificate with that name, if it is of this authority, for exactly these hosts and good for 30 more days; else a new one.
   * @throws CertificateError SBC_CERTIFICATE_NAMES for a host that cannot be in a certificate
   */
  async certificate(request: DevelopmentRequest): Promise<CheckedCertificate> {
    const hosts = [...new Set(request.hosts.map(hostInCertificate))]
    const [first] = hosts
    if (first === undefined || request.name === DEVELOPMENT_CA) {
      throw new CertificateError(
        'SBC_CERTIFICATE_NAMES',
        `Certificate ${request.name} of the development CA needs a host, and another name than ${DEVELOPMENT_CA}`,
      )
    }
    const kept = await this.#kept(request, hosts)
    if (kept !== undefined) return kept
    const { publicKey, privateKey } = await (request.keyType === 'rsa'
      ? makePair('rsa', { modulusLength: 2048 })
      : makePair('ec', { namedCurve: 'P-256' }))
    const forge = await loadForge()
    const issuer = forge.pki.certificateFromPem(this.root)
    const certificate = blank(forge, this.#now(), LEAF_DAYS)
    // RFC 5280: a common name has 64 characters at most
    certificate.setSubject([{ name: 'commonName', value: first.slice(0, 64) }])
    certificate.setIssuer(issuer.subject.attributes)
    const root = new X509Certificate(this.root)
    certificate.setExtensions([
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: request.keyType === 'rsa', critical: true },
      // Both: it also answers servers that ask us for a certificate
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })) },
      { id: SUBJECT_KEY_IDENTIFIER, value: `\x04\x14${keyIdOf(publicKey).toString('latin1')}` },
      { name: 'authorityKeyIdentifier', keyIdentifier: keyIdOf(root.publicKey).toString('latin1') },
    ])
    const leaf = await signed(forge, certificate, publicKey, this.#key)
    const made = { chain: leaf + this.root, key: pemOf(privateKey) }
    await this.#store.write(placeOf(request.name), made)
    return checkCertificate(request.name, made.chain, made.key, this.#now())
  }

  async #kept({ name, keyType }: DevelopmentRequest, hosts: readonly string[]): Promise<CheckedCertificate | undefined> {
    const stored = await this.#store.read(placeOf(name))
    if (stored === undefined) return undefined
    try {
      const checked = checkCertificate(name, stored.chain, stored.key, this.#now())
      const leaf = new X509Certificate(stored.chain)
      const ours = leaf.verify(new X509Certificate(this.root).publicKey)
      const sameKey = keyType === undefined || leaf.publicKey.asymmetricKeyType === (keyType === 'rsa' ? 'rsa' : 'ec')
      const sameHosts = [...checked.hosts].sort().join() === [...hosts].sort().join()
      return ours && sameKey && sameHosts && checked.validTo - this.#now() > RENEW_DAYS * DAY ? checked : undefined
    } catch (fault) {
      // Ended, or damaged: a new one takes its place
      if (fault instanceof CertificateError) return undefined
      throw fault
    }
  }
}

type Forge = typeof import('node-forge')

/** Loaded when a certificate is made, which is seldom. */
const loadForge = async (): Promise<Forge> => (await import('node-forge')).default

const generate = promisify(generateKeyPair)

const makePair = (
  type: 'rsa' | 'ec',
  options: { readonly modulusLength?: number; readonly namedCurve?: string },
): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> =>
  type === 'rsa' ? generate('rsa', { modulusLength: options.modulusLength! }) : generate('ec', { namedCurve: options.namedCurve! })

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string

const readRoot = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new CertificateError(
      'SBC_CERTIFICATE_FILE',
      `The stored ${DEVELOPMENT_CA} is no certificate; remove its folder to have a new one made`,
      cause,
    )
  }
}

const blank = (forge: Forge, now: number, days: number): pki.Certificate => {
  const certificate = forge.pki.createCertificate()
  certificate.serialNumber = serialOf(randomBytes(16))
  certificate.validity.notBefore = new Date(now - BACKDATE)
  certificate.validity.notAfter = new Date(now + days * DAY)
  return certificate
}

/**
 * RFC 5280 §4.1.2.2: a positive integer of at most 20 bytes. Its first byte is from 0x40 to 0x7f: with the high bit it would be negative, and
 * a leading zero is no DER (X.690 §8.3.2), which OpenSSL refuses to read.
 */
export const serialOf = (random: Buffer): string => Buffer.from([(random[0]! & 0x3f) | 0x40, ...random.subarray(1)]).toString('hex')

/** Forge only knows RSA, and in JavaScript: it writes the certificate, the key goes in as it is, and OpenSSL signs. */
const signed = async (forge: Forge, certificate: pki.Certificate, publicKey: KeyObject, signer: KeyObject): Promise<string> => {
  const algorithm = forge.pki.oids.sha256WithRSAEncryption!
  certificate.signatureOid = algorithm
  certificate.siginfo.algorithmOid = algorithm
  // Any RSA key holds the place of the subject's key until it is exchanged below
  certificate.publicKey = forge.pki.setRsaPublicKey(new forge.jsbn.BigInteger('3'), new forge.jsbn.BigInteger('3'))
  const tbs = (forge.pki as unknown as { getTBSCertificate(one: pki.Certificate): asn1.Asn1 }).getTBSCertificate(certificate)
  const fields = tbs.value as asn1.Asn1[]
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('latin1')
  fields[SUBJECT_PUBLIC_KEY] = forge.asn1.fromDer(spki)
  const body = Buffer.from(forge.asn1.toDer(tbs).getBytes(), 'latin1')
  const signature = await promisify<string, Buffer, KeyObject, Buffer>(sign)('sha256', body, signer)
  const { Class, Type, create, oidToDer, toDer } = forge.asn1
  const whole = create(Class.UNIVERSAL, Type.SEQUENCE, true, [
    tbs,
    create(Class.UNIVERSAL, Type.SEQUENCE, true, [
      create(Class.UNIVERSAL, Type.OID, false, oidToDer(algorithm).getBytes()),
      create(Class.UNIVERSAL, Type.NULL, false, ''),
    ]),
    create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${signature.toString('latin1')}`),
  ])
  return new X509Certificate(Buffer.from(toDer(whole).getBytes(), 'latin1')).toString()
}

/** RFC 5280 §4.1: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo. */
const SUBJECT_PUBLIC_KEY = 6

/** The value goes in whole, an OCTET STRING of 20 bytes: forge would make one from the RSA key that it believes to be there. */
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'

/** RFC 5280 §4.2.1.2 leaves the way open; all that counts is that issuer and subject agree. */
const keyIdOf = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()

const hostInCertificate = (host: string): string => {
  const bare = host.toLowerCase()
  if (isIP(bare) !== 0) return shortAddress(bare)
  if (/^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(bare) && !bare.includes('..')) return bare
  throw new CertificateError(
    'SBC_CERTIFICATE_NAMES',
    `${JSON.stringify(host)} cannot be a host in a certificate; write a DNS name or an IP literal without brackets`,
  )
}
