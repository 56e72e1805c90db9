import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Certificates of every kind, good and bad, made by the openssl program: the independent judge. Its folder goes with the process.
 */
export const folder = mkdtempSync(join(tmpdir(), 'edgeways-intake-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

let files = 0
/** A new file with this content; its path. */
export const file = (content: string | Buffer): string => {
  const path = join(folder, `${++files}`)
  writeFileSync(path, content)
  return path
}

/** Runs openssl; its output, as bytes. */
export const openssl = (args: readonly string[], input?: string | Buffer): Buffer =>
  execFileSync('openssl', args, { ...(input === undefined ? {} : { input }), stdio: ['pipe', 'pipe', 'pipe'] })

export type KeyKind = 'ecdsa' | 'p384' | 'p521' | 'rsa' | 'rsa1024' | 'rsa4096' | 'ed25519'

/** A private key, PKCS#8, PEM. */
export const makeKey = (kind: KeyKind = 'ecdsa'): string => {
  const { privateKey } = pairOf(kind)
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

const BITS = { rsa: 2048, rsa1024: 1024, rsa4096: 4096 } as const
const CURVES = { ecdsa: 'P-256', p384: 'P-384', p521: 'P-521' } as const

const pairOf = (kind: KeyKind) => {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'rsa' || kind === 'rsa1024' || kind === 'rsa4096') return generateKeyPairSync('rsa', { modulusLength: BITS[kind] })
  return generateKeyPairSync('ec', { namedCurve: CURVES[kind] })
}

export interface Made {
  readonly certificate: string
  readonly key: string
}

export interface Wishes {
  readonly subject?: string
  /** Default: the key signs itself. */
  readonly issuer?: Made
  readonly key?: string
  readonly days?: number
  /** Lines of an OpenSSL extension section. */
  readonly extensions?: readonly string[]
  readonly digest?: 'sha1' | 'md5' | 'sha256'
}

let serial = 4096

export const make = ({ subject = '/CN=Anybody', issuer, key = makeKey(), days = 90, extensions = [], digest = 'sha256' }: Wishes): Made => {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' })
  const signer = issuer === undefined ? ['-key', file(key)] : ['-CA', file(issuer.certificate), '-CAkey', file(issuer.key)]
  const certificate = openssl([
    ...['x509', '-new', '-force_pubkey', file(publicKey), '-subj', subject, ...signer, '-days', String(days)],
    ...['-set_serial', String(++serial), '-extfile', file(`[e]\n${extensions.join('\n')}\n`), '-extensions', 'e'],
    `-${digest}`,
  ])
  return { certificate: certificate.toString(), key }
}

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash']

export const makeRoot = (subject = '/CN=Root', more: Partial<Wishes> = {}): Made =>
  make({ subject, days: 3650, ...more, extensions: more.extensions ?? CA })

export const makeIntermediate = (issuer: Made, subject = '/CN=Intermediate', more: Partial<Wishes> = {}): Made =>
  make({ subject, issuer, days: 1000, ...more, extensions: [...CA, 'authorityKeyIdentifier=keyid', ...(more.extensions ?? [])] })

const USAGE = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth']

/** `extensions` replaces what a server certificate has, except for its names. */
export const makeLeaf = (issuer: Made | undefined, hosts: readonly string[] = ['sbc.example.com'], more: Partial<Wishes> = {}): Made => {
  const names = hosts.map((host) => (/^[\d.]+$|:/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(',')
  const extensions = [...(more.extensions ?? USAGE), ...(names === '' ? [] : [`subjectAltName=${names}`])]
  return make({ subject: `/CN=${hosts[0]}`, ...(issuer === undefined ? {} : { issuer }), ...more, extensions })
}

/** What `openssl verify` says of a chain under a root: true, or the reason. */
export const verify = (root: string, chain: string): true | string => {
  const [leaf = '', ...rest] = chain.split(/(?<=-----END CERTIFICATE-----\n)/)
  const untrusted = rest.length === 0 ? [] : ['-untrusted', file(rest.join(''))]
  try {
    openssl(['verify', '-CAfile', file(root), '-purpose', 'sslserver', '-x509_strict', ...untrusted, file(leaf)])
    return true
  } catch (error) {
    return (error as { readonly stderr: Buffer }).stderr.toString()
  }
}
