import { createHmac, createPrivateKey, pbkdf2Sync } from 'node:crypto'
import forge from 'node-forge'
import { beforeAll, describe, expect, test } from 'vitest'
import { readUpload } from '../../../../src/certs/intake/upload.ts'
import { file, type Made, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl } from './pki.ts'

let root: Made
let intermediate: Made
let leaf: Made
let ecdsa: Made
beforeAll(() => {
  root = makeRoot()
  intermediate = makeIntermediate(root)
  leaf = makeLeaf(intermediate, ['sbc.example.com'], { key: makeKey('rsa') })
  ecdsa = makeLeaf(intermediate)
})

const exported = (options: readonly string[] = [], { made = leaf, password = 'secret' } = {}): Buffer =>
  openssl([
    ...['pkcs12', '-export', '-inkey', file(made.key), '-in', file(made.certificate)],
    ...['-certfile', file(root.certificate + intermediate.certificate), '-passout', `pass:${password}`, ...options],
  ])
const read = (pkcs12: Buffer, password?: string) => readUpload({ pkcs12, ...(password === undefined ? {} : { password }) })
const refused = (pkcs12: Buffer, password?: string): Promise<string> =>
  read(pkcs12, password).then(
    () => 'taken',
    (error: { readonly code: string; readonly message: string }) => `${error.code}: ${error.message}`,
  )
const expectLeaf = async (pkcs12: Buffer, password?: string, made = leaf) => {
  const upload = await read(pkcs12, password)
  expect(upload.chain).toBe(made.certificate + intermediate.certificate)
  expect(upload.root).toBe(root.certificate)
  expect(createPrivateKey(upload.key).equals(createPrivateKey(made.key))).toBe(true)
  return upload
}

const WRONG = 'SBC_CERTIFICATE_PASSWORD: Wrong password: it does not open the PKCS#12 file'
const DAMAGED = 'SBC_CERTIFICATE_FORMAT: The PKCS#12 file is damaged or not whole; copy it once more'
const NEEDED = 'SBC_CERTIFICATE_PASSWORD: The PKCS#12 file has a password; enter it'

describe('files of OpenSSL', () => {
  test.each([
    ['3.x: AES-256, SHA-256', []],
    ['1.x: RC2 with 40 bits, 3DES, SHA-1', ['-legacy']],
    ['with RC2 of 128 bits', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-2DES']],
    ['with AES-128 and a MAC of SHA-512', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC', '-macalg', 'sha512']],
    ['with a MAC of SHA-384', ['-macalg', 'sha384']],
    ['with a MAC of MD5', ['-macalg', 'md5']],
    ['with a MAC of one round', ['-nomaciter', '-noiter']],
    ['with 100,000 rounds', ['-iter', '100000']],
    ['with certificates in plain', ['-certpbe', 'NONE']],
  ])('%s', async (_, options) => {
    const pkcs12 = exported(options)
    await expectLeaf(pkcs12, 'secret')
    expect(await refused(pkcs12, 'Secret')).toBe(WRONG)
    expect(await refused(pkcs12)).toBe(NEEDED)
    expect(await refused(pkcs12, '')).toBe(NEEDED)
  })

  test('without a MAC: the password shows when it opens nothing', async () => {
    const pkcs12 = exported(['-nomac'])
    await expectLeaf(pkcs12, 'secret')
    expect(await refused(pkcs12, 'Secret')).toBe(WRONG)
    expect(await refused(pkcs12)).toBe(NEEDED)
  })

  test('with nothing closed and no MAC, whatever the password', async () => {
    const pkcs12 = exported(['-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE'])
    await expectLeaf(pkcs12)
    await expectLeaf(pkcs12, 'anything')
  })

  test('with an empty password', async () => {
    await expectLeaf(exported([], { password: '' }))
    await expectLeaf(exported(['-legacy'], { password: '' }), '')
  })

  test.each([[[]], [['-legacy']]])('with a password beyond ASCII', async (options) => {
    for (const password of ['pässwörd', 'пароль€', '密码🔑']) await expectLeaf(exported(options, { password }), password)
  })

  test('with an ECDSA key', async () => {
    await expectLeaf(exported([], { made: ecdsa }), 'secret', ecdsa)
  })

  test('with the intermediates brought apart, and as PEM', async () => {
    const bare = openssl(['pkcs12', '-export', '-inkey', file(leaf.key), '-in', file(leaf.certificate), '-passout', 'pass:secret'])
    const upload = await readUpload({ pkcs12: bare, chain: root.certificate + intermediate.certificate, password: 'secret' })
    expect(upload.chain).toBe(leaf.certificate + intermediate.certificate)
    const lines = bare.toString('base64').replaceAll(/.{1,64}/g, '$&\n')
    const pem = `-----BEGIN PKCS12-----\n${lines}-----END PKCS12-----\n`
    expect((await readUpload({ chain: pem, password: 'secret' })).chain).toBe(leaf.certificate)
    expect((await readUpload({ chain: lines, password: 'secret' })).chain).toBe(leaf.certificate)
  })

  test('without a key', async () => {
    const pkcs12 = openssl(['pkcs12', '-export', '-nokeys', '-in', file(leaf.certificate), '-passout', 'pass:secret'])
    expect(await refused(pkcs12, 'secret')).toMatch(/^SBC_CERTIFICATE_KEY: There is no private key for CN=sbc\.example\.com/)
    expect((await readUpload({ pkcs12, password: 'secret', key: leaf.key })).chain).toBe(leaf.certificate)
  })

  test('closed with RC4: the command in the sentence helps', async () => {
    const pkcs12 = exported(['-legacy', '-keypbe', 'PBE-SHA1-RC4-128'])
    const rewrite = 'openssl pkcs12 -in FILE -legacy -nodes -out all.pem'
    expect(await refused(pkcs12, 'secret')).toBe(
      `SBC_CERTIFICATE_FORMAT: The PKCS#12 file is closed with RC4, which is not read here; write it anew: ${rewrite}, and upload all.pem`,
    )
    const [, ...words] = rewrite.replace('FILE', file(pkcs12)).replace('-out all.pem', '-passin pass:secret').split(' ')
    await expectLeaf(openssl(words))
  })
})

/** Building blocks of files that OpenSSL 3.0 does not write. */
const { Class, Type, create, oidToDer } = forge.asn1
type Node = forge.asn1.Asn1
const sequence = (...parts: readonly Node[]): Node => create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts])
const oid = (dotted: string): Node => create(Class.UNIVERSAL, Type.OID, false, oidToDer(dotted).getBytes())
const octets = (bytes: Buffer): Node => create(Class.UNIVERSAL, Type.OCTETSTRING, false, bytes.toString('latin1'))
const integer = (value: number): Node => create(Class.UNIVERSAL, Type.INTEGER, false, forge.asn1.integerToDer(value).getBytes())
const context = (node: Node): Node => create(Class.CONTEXT_SPECIFIC, 0 as forge.asn1.Type, true, [node])
const bytes = (node: Node): Buffer => Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1')
const parse = (der: Buffer): Node => forge.asn1.fromDer(der.toString('latin1'))
const nodes = (node: Node | undefined): Node[] => node?.value as Node[]
const DATA = '1.2.840.113549.1.7.1'
const content = (...bags: readonly Node[]): Node => sequence(oid(DATA), context(octets(bytes(sequence(...bags)))))
const bag = (type: number, value: Node): Node => sequence(oid(`1.2.840.113549.1.12.10.1.${type}`), context(value))
const certificateBag = (pem: string): Node =>
  bag(3, sequence(oid('1.2.840.113549.1.9.22.1'), context(octets(Buffer.from(forge.pem.decode(pem)[0]!.body, 'latin1')))))
const keyBag = (pem: string): Node => bag(1, parse(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })))
const file12 = (...contents: readonly Node[]): Buffer =>
  bytes(sequence(integer(3), sequence(oid(DATA), context(octets(bytes(sequence(...contents)))))))

describe('files of others', () => {
  test('bags in bags, several keys, revocation lists and secrets', async () => {
    const other = makeLeaf(intermediate, ['other.example.com'])
    const inner = sequence(certificateBag(intermediate.certificate), bag(6, sequence(certificateBag(root.certificate), keyBag(leaf.key))))
    const pkcs12 = file12(
      content(bag(4, sequence(oid('1.2.3'))), bag(6, inner), bag(5, sequence(oid('1.2.3')))),
      content(certificateBag(leaf.certificate), keyBag(makeKey()), bag(99, sequence(oid('1.2.3'))), certificateBag(other.certificate)),
    )
    expect((await expectLeaf(pkcs12)).notes.slice(0, 3)).toEqual([
      'Left out of the PKCS#12 file: a revocation list',
      'Left out of the PKCS#12 file: a secret that is no private key',
      'Left out of the PKCS#12 file: something that is neither certificate nor key',
    ])
  })

  test('BER: open lengths and strings in pieces', async () => {
    const open = (tag: number, ...parts: readonly Buffer[]): Buffer =>
      Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.from([0, 0])])
    const pieces = (whole: Buffer): Buffer =>
      open(
        0x24,
        ...Array.from({ length: Math.ceil(whole.length / 100) }, (_, index) =>
          bytes(octets(whole.subarray(index * 100, index * 100 + 100))),
        ),
      )
    const bags = bytes(sequence(...[leaf, intermediate, root].map(({ certificate }) => certificateBag(certificate)), keyBag(leaf.key)))
    const safe = open(0x30, open(0x30, bytes(oid(DATA)), open(0xa0, pieces(bags))))
    await expectLeaf(open(0x30, bytes(integer(3)), open(0x30, bytes(oid(DATA)), open(0xa0, pieces(safe)))))
  })

  /** The MAC of a file, made anew as RFC 9579 wants it. */
  const withPbmac1 = (pkcs12: Buffer, password: string, digest: 'sha256' | 'sha512', length = 32): Buffer => {
    const [version, safe] = nodes(parse(pkcs12))
    const body = Buffer.from(nodes(nodes(safe)[1])[0]!.value as string, 'latin1')
    const [salt, rounds] = [Buffer.from('saltsalt'), 2048]
    const hmac = sequence(
      oid(digest === 'sha256' ? '1.2.840.113549.2.9' : '1.2.840.113549.2.11'),
      create(Class.UNIVERSAL, Type.NULL, false, ''),
    )
    const derivation = sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(salt), integer(rounds), integer(length), hmac))
    const key = pbkdf2Sync(password, salt, rounds, length, digest)
    const info = sequence(
      sequence(oid('1.2.840.113549.1.5.14'), sequence(derivation, hmac)),
      octets(createHmac(digest, key).update(body).digest()),
    )
    return bytes(sequence(version!, safe!, sequence(info, octets(Buffer.from('ignored')), integer(1))))
  }

  test.each(['sha256', 'sha512'] as const)('RFC 9579: a MAC of PBMAC1 with %s', async (digest) => {
    const pkcs12 = withPbmac1(exported([], { password: 'pässwörd' }), 'pässwörd', digest)
    await expectLeaf(pkcs12, 'pässwörd')
    expect(await refused(pkcs12, 'password')).toBe(WRONG)
  })

  test('RFC 9579: a key of a few bytes, that can be guessed, makes no MAC', async () => {
    for (const length of [1, 19, 65]) expect(await refused(withPbmac1(exported(), 'secret', 'sha256', length), 'secret')).toBe(DAMAGED)
    await expectLeaf(withPbmac1(exported(), 'secret', 'sha256', 20), 'secret')
  })

  test('a key with another password than that of the MAC', async () => {
    const shrouded = parse(createPrivateKey(leaf.key).export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'other' }))
    const pkcs12 = file12(content(certificateBag(leaf.certificate), bag(2, shrouded)))
    expect(await refused(withPbmac1(pkcs12, 'secret', 'sha256'), 'secret')).toBe(DAMAGED)
  })

  test('node-forge', async () => {
    const [key, certificate] = [
      forge.pki.privateKeyFromPem(leaf.key),
      forge.pki.certificateFromPem(makeRoot('/CN=a', { key: leaf.key }).certificate),
    ]
    for (const algorithm of ['aes256', '3des'] as const) {
      const made = bytes(forge.pkcs12.toPkcs12Asn1(key, certificate, 'secret', { algorithm }))
      expect((await read(made, 'secret')).chain).toMatch(/^-----BEGIN CERTIFICATE/)
    }
  })
})

describe('what cannot be read', () => {
  test('a file that is signed or closed with a key', async () => {
    const signed = (type: number) => bytes(sequence(integer(3), sequence(oid(`1.2.840.113549.1.7.${type}`), context(sequence()))))
    expect(await refused(signed(2))).toBe(
      "SBC_CERTIFICATE_FORMAT: The PKCS#12 file is signed with somebody's key instead of a password; export it with a password",
    )
    expect(await refused(file12(sequence(oid('1.2.840.113549.1.7.3'), context(sequence()))))).toMatch(
      /is closed with somebody's key instead/,
    )
  })

  test('more rounds than are allowed, in the MAC and in a key', async () => {
    const sentence =
      'SBC_CERTIFICATE_FORMAT: The PKCS#12 file asks for more work to open it than is allowed; write it anew: openssl pkcs12 -in FILE -legacy -nodes -out all.pem, and upload all.pem'
    const [version, safe, mac] = nodes(parse(exported()))
    const [info, salt] = nodes(mac)
    for (const rounds of [5_000_001, 2_147_483_647]) {
      expect(await refused(bytes(sequence(version!, safe!, sequence(info!, salt!, integer(rounds)))), 'secret')).toBe(sentence)
      const scheme = sequence(oid('1.2.840.113549.1.12.1.3'), sequence(octets(Buffer.from('salt')), integer(rounds)))
      expect(await refused(file12(content(bag(2, sequence(scheme, octets(Buffer.alloc(16)))))), 'secret')).toBe(sentence)
    }
    expect(await refused(bytes(sequence(version!, safe!, sequence(info!, salt!, integer(0)))), 'secret')).toBe(DAMAGED)
  })

  test('a scrypt that wants all memory, or none', async () => {
    const scrypt = (...numbers: readonly number[]) => {
      const derivation = sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence(octets(Buffer.from('salt')), ...numbers.map(integer)))
      const cipher = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(Buffer.alloc(16)))
      const scheme = sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation, cipher))
      return file12(content(bag(2, sequence(scheme, octets(Buffer.alloc(16))))))
    }
    expect(await refused(scrypt(2 ** 30, 8, 1), 'secret')).toMatch(/asks for more work/)
    expect(await refused(scrypt(2 ** 17, 8, 1), 'secret')).toMatch(/asks for more work/)
    expect(await refused(scrypt(2 ** 14, 8, 1000), 'secret')).toMatch(/asks for more work/)
    for (const odd of [scrypt(3, 8, 1), scrypt(0, 8, 1), scrypt(16, 8, 0), scrypt(16)]) expect(await refused(odd, 'secret')).toBe(DAMAGED)
  })

  test('a file that was cut off, and bags that are none', async () => {
    expect(await refused(exported().subarray(0, 900), 'secret')).toMatch(/^SBC_CERTIFICATE_FORMAT: A file is neither PEM/)
    expect(await refused(file12(content(sequence())))).toBe(DAMAGED)
    expect(await refused(file12(sequence(oid('1.2.3'), context(octets(Buffer.from('x'))))))).toBe(DAMAGED)
    expect(await refused(file12(content(certificateBag(leaf.certificate), bag(1, sequence(integer(0))))))).toBe(
      'SBC_CERTIFICATE_FORMAT: A key in the PKCS#12 file cannot be read; export it once more',
    )
    expect(await refused(file12(content(...Array.from({ length: 201 }, () => bag(4, sequence())))))).toBe(
      'SBC_CERTIFICATE_FORMAT: The PKCS#12 file has more than 200 entries; export the one certificate with its chain',
    )
  })
})

test('opening a file leaves the event loop its turns', async () => {
  const pkcs12 = exported(['-legacy', '-iter', '150000'])
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  const begun = performance.now()
  await read(pkcs12, 'secret')
  const took = performance.now() - begun
  clearInterval(watch)
  // In one go it would be the whole of it
  expect(longest).toBeLessThan(took / 2)
})
