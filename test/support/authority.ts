import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import forge from 'node-forge'

/** A certificate authority for one test, with its files in `folder`. Nothing of the product is used: it is the other side's. */
export interface Authority {
  readonly certificate: string
  readonly file: string
  /** Issues a certificate for host names and IP literals; writes `<name>.pem` and `<name>.key`. */
  issue(name: string, hosts: readonly string[]): Issued
}

export interface Issued {
  readonly chain: string
  readonly key: string
  readonly chainFile: string
  readonly keyFile: string
}

const keyPair = (): { readonly publicKey: forge.pki.PublicKey; readonly privateKey: forge.pki.rsa.PrivateKey; readonly pem: string } => {
  // node:crypto makes RSA keys some fifty times faster than forge.
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { publicKey: forge.pki.publicKeyFromPem(publicKey), privateKey: forge.pki.privateKeyFromPem(privateKey), pem: privateKey }
}

const blank = (serial: string, days: number): forge.pki.Certificate => {
  const certificate = forge.pki.createCertificate()
  certificate.serialNumber = serial
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000)
  certificate.validity.notAfter = new Date(Date.now() + days * 86_400_000)
  return certificate
}

export const createAuthority = (folder: string): Authority => {
  const root = keyPair()
  const subject = [{ name: 'commonName', value: 'Edgeways test authority' }]
  const authority = blank('01', 30)
  authority.publicKey = root.publicKey
  authority.setSubject(subject)
  authority.setIssuer(subject)
  authority.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  authority.sign(root.privateKey, forge.md.sha256.create())
  const certificate = forge.pki.certificateToPem(authority)
  const file = join(folder, 'authority.pem')
  writeFileSync(file, certificate)
  let serial = 1
  return {
    certificate,
    file,
    issue: (name, hosts) => {
      const leaf = keyPair()
      serial++
      const issued = blank(serial.toString(16).padStart(2, '0'), 20)
      issued.publicKey = leaf.publicKey
      issued.setSubject([{ name: 'commonName', value: hosts[0] ?? name }])
      issued.setIssuer(subject)
      issued.setExtensions([
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        {
          name: 'subjectAltName',
          altNames: hosts.map((host) => (/^[\d.]+$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host })),
        },
      ])
      issued.sign(root.privateKey, forge.md.sha256.create())
      const chain = forge.pki.certificateToPem(issued)
      const chainFile = join(folder, `${name}.pem`)
      const keyFile = join(folder, `${name}.key`)
      writeFileSync(chainFile, chain)
      writeFileSync(keyFile, leaf.pem, { mode: 0o600 })
      return { chain, key: leaf.pem, chainFile, keyFile }
    },
  }
}
