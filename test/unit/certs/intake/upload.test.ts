import { createPrivateKey, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { certificatesIn } from '../../../../src/certs/intake/pem.ts'
import { readUpload } from '../../../../src/certs/intake/upload.ts'
import type { UploadedFiles } from '../../../../src/certs/types.ts'
import { file, type Made, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl, verify } from './pki.ts'

let root: Made
let upper: Made
let lower: Made
let leaf: Made
let stranger: Made
let ordered: string
beforeAll(() => {
  root = makeRoot()
  upper = makeIntermediate(root, '/CN=Upper')
  lower = makeIntermediate(upper, '/CN=Lower')
  leaf = makeLeaf(lower)
  stranger = makeRoot('/CN=Stranger')
  ordered = leaf.certificate + lower.certificate + upper.certificate
})

const refused = async (files: UploadedFiles, keyAtHand?: string): Promise<string> =>
  readUpload(files, keyAtHand).then(
    () => 'taken',
    (error: { readonly code: string; readonly message: string }) => `${error.code}: ${error.message}`,
  )
const names = (chain: string) => certificatesIn([chain]).map(({ subject }) => subject)

describe('PEM', () => {
  test('in any order, with everything twice, text around it and the root: leaf, intermediates, no root', async () => {
    const [one, two] = ['Bag Attributes\n  friendlyName: x\nsubject=/CN=sbc\n\n', '\nkind regards,\nyour CA\n']
    const chain = [root, upper, leaf, lower, upper].map(({ certificate }) => one + certificate + two).join('')
    const upload = await readUpload({ chain, key: leaf.key })
    expect(upload.chain).toBe(ordered)
    expect(verify(root.certificate, upload.chain)).toBe(true)
    expect(upload.root).toBe(root.certificate)
    expect(upload.notes).toEqual(['Left out the root CN=Root: peers have it or do not trust it'])
    expect(createPrivateKey(upload.key).equals(createPrivateKey(leaf.key))).toBe(true)
  })

  test('with the key in the middle of one text, in one field or the other', async () => {
    const text = lower.certificate + leaf.key + leaf.certificate + upper.certificate
    for (const files of [{ chain: text }, { key: text }, { chain: text, key: text }, { pkcs12: Buffer.from(text) }])
      expect(await readUpload(files)).toEqual({ chain: ordered, key: leaf.key, root: undefined, notes: [] })
  })

  test.each([
    ['CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['old line ends', (text: string) => text.replaceAll('\n', '\r')],
    ['spaces in front', (text: string) => text.replaceAll('\n', '\n    ')],
    ['all on one line', (text: string) => text.replaceAll('\n', ' ')],
    ['line ends spelt out', (text: string) => text.replaceAll('\n', '\\n')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['UTF-16 that was read as bytes', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').toString('latin1')],
    ['other labels', (text: string) => text.replaceAll('BEGIN CERT', 'BEGIN X509 CERT').replaceAll('END CERT', 'END X509 CERT')],
  ])('with %s', async (_, change) => {
    const text = change(ordered + leaf.key)
    expect((await readUpload({ chain: text })).chain).toBe(ordered)
    expect((await readUpload({ pkcs12: Buffer.from(text, 'latin1') })).chain).toBe(ordered)
  })

  test('UTF-16 as a file', async () => {
    expect((await readUpload({ pkcs12: Buffer.from(`\ufeff${ordered}${leaf.key}`, 'utf16le') })).chain).toBe(ordered)
  })

  test('what does not belong is left out, and that is said', async () => {
    const other = makeLeaf(stranger, ['other.example.com'])
    const parameters = openssl(['ecparam', '-name', 'prime256v1']).toString()
    const blocks = ['DH PARAMETERS', 'X509 CRL', 'PUBLIC KEY', 'SOMETHING'].map(
      (label) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`,
    )
    const chain = stranger.certificate + ordered + other.certificate + other.key.slice(0, 0) + parameters + blocks.join('')
    expect((await readUpload({ chain, key: leaf.key + makeKey() })).notes).toEqual([
      'Left out: Diffie-Hellman parameters, which are of no use here',
      'Left out: a revocation list',
      'Left out: a public key, which the certificate has anyway',
      'Left out: a PEM block SOMETHING',
      'Left out CN=Stranger: it is not in the chain of CN=sbc.example.com',
      'Left out CN=other.example.com: it is not in the chain of CN=sbc.example.com',
      'Left out the keys that belong to other certificates or to none',
    ])
  })

  test('many strangers make no long list', async () => {
    const many = Array.from({ length: 12 }, (_, index) => makeRoot(`/CN=Stranger ${index}`).certificate)
    const { notes } = await readUpload({ chain: ordered + many.join(''), key: leaf.key })
    expect(notes).toHaveLength(11)
    expect(notes.at(-1)).toBe('Left out 2 more certificates that are not in the chain')
  })

  test('of two certificates with one key, the one that lives longest', async () => {
    const renewed = makeLeaf(lower, ['sbc.example.com'], { key: leaf.key, days: 180 })
    for (const chain of [leaf.certificate + renewed.certificate, renewed.certificate + leaf.certificate])
      expect((await readUpload({ chain: lower.certificate + chain, key: leaf.key })).chain).toBe(renewed.certificate + lower.certificate)
  })

  test('of several issuers with one name and key, the way that goes on', async () => {
    const second = makeRoot('/CN=Second root')
    const crossed = makeIntermediate(second, '/CN=Root', { key: root.key })
    const { chain } = await readUpload({
      chain: [root, crossed, leaf, upper, lower].map(({ certificate }) => certificate).join(''),
      key: leaf.key,
    })
    expect(names(chain)).toEqual(['CN=sbc.example.com', 'CN=Lower', 'CN=Upper', 'CN=Root'])
  })

  test('two CAs that signed each other are no circle', async () => {
    const [a, b] = [makeRoot('/CN=A'), makeRoot('/CN=B')]
    const [ab, ba] = [makeIntermediate(b, '/CN=A', { key: a.key }), makeIntermediate(a, '/CN=B', { key: b.key })]
    const end = makeLeaf(a)
    const { chain } = await readUpload({ chain: [end, ab, ba].map(({ certificate }) => certificate).join(''), key: end.key })
    expect(names(chain)).toEqual(['CN=sbc.example.com', 'CN=A', 'CN=B'])
  })

  test('one that signed itself is its own chain', async () => {
    const own = makeLeaf(undefined)
    expect((await readUpload({ chain: own.certificate + root.certificate, key: own.key })).chain).toBe(own.certificate)
  })

  test('an issuer that has the name but did not sign is none', async () => {
    const twin = makeIntermediate(upper, '/CN=Lower')
    const { chain, notes } = await readUpload({ chain: leaf.certificate + twin.certificate, key: leaf.key })
    expect(chain).toBe(leaf.certificate)
    expect(notes).toEqual(['Left out CN=Lower: it is not in the chain of CN=sbc.example.com'])
  })

  test('a key at hand is taken when none is brought', async () => {
    expect((await readUpload({ chain: ordered }, leaf.key)).key).toBe(leaf.key)
    const other = makeLeaf(lower)
    expect((await readUpload({ chain: other.certificate, key: other.key }, leaf.key)).key).toBe(other.key)
  })
})

describe('DER and PKCS#7', () => {
  const der = (pem: string) => new X509Certificate(pem).raw
  const keyDer = (type: 'pkcs8' | 'sec1') => createPrivateKey(leaf.key).export({ format: 'der', type })

  test('a certificate or key in DER is known, as a file, as bytes in a text, and as bare base64', async () => {
    for (const chain of [der(leaf.certificate).toString('latin1'), der(leaf.certificate).toString('base64')])
      expect((await readUpload({ chain, key: leaf.key })).chain).toBe(leaf.certificate)
    for (const key of [keyDer('pkcs8'), keyDer('sec1')]) {
      expect((await readUpload({ chain: leaf.certificate, pkcs12: key })).key).toBe(leaf.key)
      expect((await readUpload({ chain: leaf.certificate, pkcs12: Buffer.from(`  ${key.toString('base64')}\n`) })).key).toBe(leaf.key)
    }
    expect((await readUpload({ pkcs12: der(leaf.certificate), key: leaf.key })).chain).toBe(leaf.certificate)
  })

  test('DER that was damaged as text', async () => {
    expect(await refused({ chain: der(leaf.certificate).toString('utf8'), key: leaf.key })).toBe(
      'SBC_CERTIFICATE_FORMAT: A file is binary and was damaged on its way as text; send it as a file, or as PEM: openssl x509 -inform der -in FILE',
    )
  })

  test.each(['DER', 'PEM'])('PKCS#7 in %s', async (form) => {
    const certificates = [root, lower, leaf, upper].flatMap(({ certificate }) => ['-certfile', file(certificate)])
    const bundle = openssl(['crl2pkcs7', '-nocrl', '-outform', form, ...certificates])
    expect((await readUpload({ pkcs12: bundle, key: leaf.key })).chain).toBe(ordered)
    if (form === 'PEM') expect((await readUpload({ chain: bundle.toString() }, leaf.key)).chain).toBe(ordered)
  })

  test('an encrypted key in DER', async () => {
    const key = createPrivateKey(leaf.key).export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
    expect((await readUpload({ chain: leaf.certificate, pkcs12: key, password: 'secret' })).key).toBe(leaf.key)
    expect(await refused({ chain: leaf.certificate, pkcs12: key })).toMatch(/^SBC_CERTIFICATE_PASSWORD: The key has a password; enter it$/)
  })
})

describe('keys with a password', () => {
  let rsa: Made
  let rsaFile: string
  beforeAll(() => {
    rsa = makeLeaf(lower, ['sbc.example.com'], { key: makeKey('rsa') })
    rsaFile = file(rsa.key)
  })
  const LEGACY = ['-provider', 'legacy', '-provider', 'default']
  const read = (key: Buffer, password?: string) =>
    refused({ chain: rsa.certificate, key: key.toString(), ...(password === undefined ? {} : { password }) })

  test.each([
    ['PKCS#8, AES-256', ['pkcs8', '-topk8']],
    ['PKCS#8, AES-128, SHA-512', ['pkcs8', '-topk8', '-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA512']],
    ['PKCS#8, AES-192, SHA-1', ['pkcs8', '-topk8', '-v2', 'aes-192-cbc', '-v2prf', 'hmacWithSHA1']],
    ['PKCS#8, 3DES', ['pkcs8', '-topk8', '-v2', 'des3']],
    ['PKCS#8, scrypt', ['pkcs8', '-topk8', '-scrypt']],
    ['PKCS#8, 3DES of PKCS#12', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES']],
    ['PKCS#8, 2 keys of 3DES', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-2DES']],
    ['PKCS#8, RC2', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-128', ...LEGACY]],
    ['PKCS#8, RC2 with 40 bits', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-40', ...LEGACY]],
    ['old PEM, AES-256', ['rsa', '-traditional', '-aes256']],
    ['old PEM, 3DES', ['rsa', '-traditional', '-des3']],
  ])('%s', async (_, [command, ...options]) => {
    const key = openssl([command!, '-in', rsaFile, '-passout', 'pass:secret', ...options])
    const upload = await readUpload({ chain: rsa.certificate, key: key.toString().replaceAll('\n', '\r\n'), password: 'secret' })
    expect(createPrivateKey(upload.key).equals(createPrivateKey(rsa.key))).toBe(true)
    expect(await read(key)).toBe('SBC_CERTIFICATE_PASSWORD: The key has a password; enter it')
    expect(await read(key, '')).toBe('SBC_CERTIFICATE_PASSWORD: The key has a password; enter it')
    expect(await read(key, 'Secret')).toBe('SBC_CERTIFICATE_PASSWORD: Wrong password: it does not open the key')
  })

  test.each([
    ['MD5 and DES', ['pkcs8', '-topk8', '-v1', 'PBE-MD5-DES', ...LEGACY]],
    ['RC4', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC4-128', ...LEGACY]],
    ['DES-CBC', ['rsa', '-traditional', '-des', ...LEGACY]],
    ['the cipher 1.2.392.200011.61.1.1.1.4', ['pkcs8', '-topk8', '-v2', 'camellia-256-cbc']],
  ])('what is not read, %s, comes with a command that helps', async (name, [command, ...options]) => {
    const key = openssl([command!, '-in', rsaFile, '-passout', 'pass:secret', ...options])
    const rewrite = 'openssl pkey -in FILE -provider legacy -provider default -out plain.key'
    expect(await read(key, 'secret')).toBe(
      `SBC_CERTIFICATE_FORMAT: The key is closed with ${name}, which is not read here; write it anew: ${rewrite}, and upload plain.key`,
    )
    const [, ...words] = rewrite.replace('FILE', file(key)).replace(' -out plain.key', ' -passin pass:secret').split(' ')
    expect(await read(openssl(words))).toBe('taken')
  })

  test('a key of SSH, a damaged one', async () => {
    expect(await read(Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n'))).toBe(
      'SBC_CERTIFICATE_KEY: The key is one of SSH; convert it with ssh-keygen -p -m PEM -f FILE',
    )
    const damaged = (text: string) => read(Buffer.from(text))
    expect(await damaged(rsa.key.replace('MII', 'AAA'))).toBe(
      'SBC_CERTIFICATE_KEY: The key is damaged or of a kind that cannot be read; copy it once more',
    )
    expect(await damaged(rsa.key.replace('MII', '%II'))).toBe('SBC_CERTIFICATE_FORMAT: The key is damaged or not whole; copy it once more')
    expect(await damaged(rsa.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'))).toBe(
      'SBC_CERTIFICATE_FORMAT: The key is damaged or not whole; copy it once more',
    )
  })
})

describe('what is missing, too large, or something else', () => {
  test.each<[string, () => UploadedFiles, string]>([
    ['nothing', () => ({}), 'CHAIN: There is no certificate; bring the text or the file that the CA sent'],
    ['empty files', () => ({ chain: ' \n', key: '' }), 'CHAIN: There is no certificate; bring the text or the file that the CA sent'],
    ['a key only', () => ({ key: leaf.key }), 'CHAIN: There is a key, but no certificate; bring it, too'],
    [
      'no key',
      () => ({ chain: lower.certificate + leaf.certificate }),
      'KEY: There is no private key for CN=sbc.example.com; bring the one that it was requested with',
    ],
    [
      'the wrong key',
      () => ({ chain: leaf.certificate, key: makeKey() }),
      'KEY: The key does not belong to CN=sbc.example.com; bring the one that it was requested with',
    ],
    [
      'a key of none',
      () => ({ chain: lower.certificate + leaf.certificate, key: makeKey('rsa') }),
      'KEY: The key belongs to none of the 2 certificates; bring the one that CN=sbc.example.com was requested with',
    ],
    [
      'prose',
      () => ({ chain: 'Dear customer' }),
      'FORMAT: There is no certificate and no key in the text; PEM is text with lines such as -----BEGIN CERTIFICATE-----',
    ],
    [
      'a text that was cut off',
      () => ({ chain: leaf.certificate.slice(0, 200), key: leaf.key }),
      'FORMAT: A PEM block has no END line; the text was not copied whole',
    ],
    [
      'a damaged block',
      () => ({ chain: leaf.certificate.replace('MII', 'MIM'), key: leaf.key }),
      'FORMAT: PEM block 1 is no certificate that can be read; copy it once more',
    ],
    [
      'a large file',
      () => ({ chain: 'x'.repeat(1024 * 1024 + 1) }),
      'FORMAT: A file has more than 1024 KiB; bring the one certificate with its chain',
    ],
    [
      'a Java keystore',
      () => ({ pkcs12: Buffer.from('feedfeed00000002', 'hex') }),
      'FORMAT: A file is a Java keystore; convert it: keytool -importkeystore -srckeystore FILE -destkeystore new.p12 -deststoretype PKCS12',
    ],
    [
      'a ZIP archive',
      () => ({ pkcs12: Buffer.from('504b030414000000', 'hex') }),
      'FORMAT: A file is a ZIP archive; unpack it and bring what is in it',
    ],
    [
      'a compressed file',
      () => ({ pkcs12: Buffer.from('1f8b0800', 'hex') }),
      'FORMAT: A file is compressed; unpack it and bring what is in it',
    ],
    [
      'some bytes',
      () => ({ pkcs12: Buffer.from('hello') }),
      'FORMAT: A file is neither PEM, DER, PKCS#12 nor PKCS#7, or is not whole; copy it once more',
    ],
    [
      'other DER',
      () => ({ pkcs12: Buffer.from('30030201ff', 'hex') }),
      'FORMAT: A file is binary, but neither certificate, key, PKCS#12 nor PKCS#7; bring PEM or PKCS#12',
    ],
  ])('%s', async (_, files, sentence) => {
    expect(await refused(files())).toBe(`SBC_CERTIFICATE_${sentence}`)
  })

  test('a request', async () => {
    const request = openssl(['req', '-new', '-key', file(leaf.key), '-subj', '/CN=sbc.example.com'])
    const sentence = 'SBC_CERTIFICATE_CHAIN: That is a request, not a certificate; bring what the CA answered to it'
    expect(await refused({ chain: request.toString(), key: leaf.key })).toBe(sentence)
    expect(await refused({ pkcs12: openssl(['req', '-outform', 'DER'], request) })).toBe(sentence)
  })

  test('too many certificates or keys', async () => {
    expect(await refused({ chain: ordered.repeat(67), key: leaf.key })).toBe(
      'SBC_CERTIFICATE_FORMAT: There are more than 200 certificates; bring the one certificate with its chain',
    )
    expect(await refused({ chain: ordered, key: leaf.key.repeat(21) })).toBe(
      'SBC_CERTIFICATE_FORMAT: There are more than 20 keys; bring the one that belongs to the certificate',
    )
  })
})
