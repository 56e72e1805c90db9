/**
 * Certificates of a small world: two roots for the hubs (the one before 2026 and the one after), and the public authority that the SBC has its
 * own from, with an intermediate.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import forge from 'node-forge'
import type { CertificateVariant, SbcCertificateOptions } from './types.ts'

export interface Certificate {
  /** PEM; leaf first, intermediates after it. */
  readonly chain: string
  readonly key: string
}

export interface Authorities {
  /** PEM, both roots of the hubs. */
  readonly hubRoots: string
  /** PEM, what SBC certificates have to end at. */
  readonly publicRoot: string
  hub(variant: CertificateVariant): Certificate
  sbc(name: string, hosts: readonly string[], options?: SbcCertificateOptions): Certificate
}

interface Party {
  readonly certificate: forge.pki.Certificate
  readonly key: forge.pki.rsa.PrivateKey
  readonly pem: string
}

const DAY = 86_400_000

const keys = () => {
  // node:crypto makes RSA keys some fifty times faster than forge
  const made = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { public: forge.pki.publicKeyFromPem(made.publicKey), private: forge.pki.privateKeyFromPem(made.privateKey), pem: made.privateKey }
}

interface Wanted {
  readonly subject: string
  readonly issuer?: Party
  readonly authority: boolean
  readonly hosts?: readonly string[]
  readonly purposes?: 'both' | 'server'
  readonly expired?: boolean
}

const make = ({ subject, issuer, authority, hosts = [], purposes = 'both', expired = false }: Wanted): Party => {
  const pair = keys()
  const certificate = forge.pki.createCertificate()
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`
  certificate.validity.notBefore = new Date(Date.now() - (expired ? 60 : 1) * DAY)
  certificate.validity.notAfter = new Date(Date.now() + (expired ? -1 : authority ? 3650 : 90) * DAY)
  certificate.publicKey = pair.public
  const name = [{ name: 'commonName', value: subject }]
  certificate.setSubject(name)
  certificate.setIssuer(issuer?.certificate.subject.attributes ?? name)
  certificate.setExtensions(
    authority
      ? [
          { name: 'basicConstraints', critical: true, cA: true },
          { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
          { name: 'subjectKeyIdentifier' },
        ]
      : [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
          { name: 'extKeyUsage', serverAuth: true, ...(purposes === 'both' ? { clientAuth: true } : {}) },
          {
            name: 'subjectAltName',
            altNames: hosts.map((host) => (/^[\d.]+$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host })),
          },
        ],
  )
  certificate.sign(issuer?.key ?? pair.private, forge.md.sha256.create())
  return { certificate, key: pair.private, pem: pair.pem }
}

const pem = ({ certificate }: Party): string => forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n')

/** The four authorities of this world; those of the last start, where a file has them. */
const authoritiesIn = (file: string | undefined): Readonly<Record<'oldRoot' | 'newRoot' | 'root' | 'intermediate', Party>> => {
  if (file !== undefined && existsSync(file)) {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { readonly certificate: string; readonly key: string }>
    const read = (name: string): Party => {
      const { certificate = '', key = '' } = stored[name] ?? {}
      return { certificate: forge.pki.certificateFromPem(certificate), key: forge.pki.privateKeyFromPem(key), pem: key }
    }
    return { oldRoot: read('oldRoot'), newRoot: read('newRoot'), root: read('root'), intermediate: read('intermediate') }
  }
  const root = make({ subject: 'Stand-in public root', authority: true })
  const made = {
    oldRoot: make({ subject: 'Stand-in hub root 2013', authority: true }),
    newRoot: make({ subject: 'Stand-in hub root 2026', authority: true }),
    root,
    intermediate: make({ subject: 'Stand-in public intermediate', issuer: root, authority: true }),
  }
  if (file !== undefined) {
    const stored = Object.entries(made).map(([name, party]) => [name, { certificate: pem(party), key: party.pem }])
    writeFileSync(file, JSON.stringify(Object.fromEntries(stored)), { mode: 0o600 })
  }
  return made
}

/**
 * @param names of the hubs, the one of the certificate's subject first
 * @param file that keeps the authorities from start to start
 */
export const createAuthorities = (names: readonly string[], file?: string): Authorities => {
  const { oldRoot, newRoot, root, intermediate } = authoritiesIn(file)
  const subject = names[0] ?? ''
  const hubs = new Map<CertificateVariant, Certificate>()
  const hubOf = (variant: CertificateVariant): Party => {
    switch (variant) {
      case 'old-root':
        return make({ subject, issuer: oldRoot, authority: false, hosts: names })
      case 'new-root':
        return make({ subject, issuer: newRoot, authority: false, hosts: names, purposes: 'server' })
      case 'wrong-name':
        return make({ subject: 'edge.example.net', issuer: newRoot, authority: false, hosts: ['edge.example.net'] })
      case 'expired':
        return make({ subject, issuer: newRoot, authority: false, hosts: names, expired: true })
    }
  }
  return {
    hubRoots: pem(oldRoot) + pem(newRoot),
    publicRoot: pem(root),
    hub: (variant) => {
      const known = hubs.get(variant)
      if (known !== undefined) return known
      const made = hubOf(variant)
      const certificate = { chain: pem(made), key: made.pem }
      hubs.set(variant, certificate)
      return certificate
    },
    sbc: (name, hosts, options = {}) => {
      const { selfSigned = false, leafOnly = false, purposes = 'both', expired = false } = options
      const made = make({
        subject: hosts[0] ?? name,
        authority: false,
        hosts,
        purposes,
        expired,
        ...(selfSigned ? {} : { issuer: intermediate }),
      })
      return { chain: selfSigned || leafOnly ? pem(made) : pem(made) + pem(intermediate), key: made.pem }
    },
  }
}

/** Writes `<name>.pem` and `<name>.key`. */
export const writeCertificate = (folder: string, name: string, { chain, key }: Certificate): { chainFile: string; keyFile: string } => {
  const chainFile = join(folder, `${name}.pem`)
  const keyFile = join(folder, `${name}.key`)
  writeFileSync(chainFile, chain)
  writeFileSync(keyFile, key, { mode: 0o600 })
  return { chainFile, keyFile }
}
