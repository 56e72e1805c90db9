import { createPrivateKey, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CertificateError } from '../../../../src/base/errors.ts'
import { describeCertificate } from '../../../../src/certs/intake/describe.ts'
import { judgeCertificate } from '../../../../src/certs/intake/judge.ts'
import { readRequest } from '../../../../src/certs/intake/request.ts'
import { readUpload } from '../../../../src/certs/intake/upload.ts'
import type { UploadedFiles } from '../../../../src/certs/types.ts'
import { file, type Made, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl } from './pki.ts'

let leaf: Made
let samples: readonly Buffer[]
let csr: string
beforeAll(() => {
  const root = makeRoot()
  const intermediate = makeIntermediate(root)
  leaf = makeLeaf(intermediate, ['sbc.example.com', '192.0.2.1'], { key: makeKey('rsa') })
  const bundle = leaf.certificate + intermediate.certificate + root.certificate
  const pkcs12 = (...options: readonly string[]) =>
    openssl(['pkcs12', '-export', '-inkey', file(leaf.key), '-in', file(bundle), '-passout', 'pass:x', '-iter', '10', ...options])
  const key = createPrivateKey(leaf.key)
  samples = [
    Buffer.from(bundle + leaf.key),
    new X509Certificate(leaf.certificate).raw,
    openssl(['crl2pkcs7', '-nocrl', '-outform', 'DER', '-certfile', file(bundle)]),
    key.export({ format: 'der', type: 'pkcs1' }),
    openssl(['pkcs8', '-topk8', '-in', file(leaf.key), '-passout', 'pass:x', '-iter', '10', '-outform', 'DER']),
    openssl(['rsa', '-in', file(leaf.key), '-traditional', '-aes128', '-passout', 'pass:x']),
    ...[pkcs12(), pkcs12('-legacy'), pkcs12('-nomac'), pkcs12('-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE')],
  ]
  csr = openssl([
    'req',
    '-new',
    '-key',
    file(leaf.key),
    '-subj',
    '/C=DE/CN=a.example',
    '-addext',
    'subjectAltName=DNS:a.example,IP:::1',
  ]).toString()
})

/** Changes some bytes, cuts some out, and puts some in. */
const damage = fc.array(
  fc.record({
    at: fc.nat(),
    what: fc.constantFrom('flip', 'cut', 'insert', 'repeat'),
    value: fc.nat(255),
    length: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 6 },
)
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never
const damaged = (whole: Buffer, changes: Damage): Buffer =>
  changes.reduce((bytes, { at, what, value, length }) => {
    const place = at % (bytes.length + 1)
    const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
    if (what === 'flip') return Buffer.concat([before, Buffer.from([value]), after.subarray(1)])
    if (what === 'cut') return Buffer.concat([before, after.subarray(length)])
    return Buffer.concat([before, what === 'insert' ? Buffer.alloc(length, value) : after.subarray(0, length), after])
  }, whole)

const expectWords = async (files: UploadedFiles): Promise<void> => {
  try {
    const { chain, key } = await readUpload(files, leaf.key)
    expect(new X509Certificate(chain).checkPrivateKey(createPrivateKey(key))).toBe(true)
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    expect(error.code).toMatch(/^SBC_CERTIFICATE_(FORMAT|PASSWORD|KEY|CHAIN)$/)
    expect(error.message).toMatch(/^[A-Z][^\n]*[^.]$/)
  }
}

const withPassword = (password: string | undefined) => (password === undefined ? {} : { password })

describe('whatever is brought, it is taken or refused in words', () => {
  test('any text and any bytes', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('-----BEGIN ', '-----END ', '-----', 'CERTIFICATE', 'M', 'A', '\n') }),
    )
    const files = fc.record(
      { chain: text, key: text, pkcs12: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)), password: fc.string() },
      { requiredKeys: [] },
    )
    await fc.assert(fc.asyncProperty(files, expectWords), { numRuns: 1000 })
  })

  test('damaged files of every kind, as bytes and as text, with the right password, a wrong one, or none', async () => {
    const property = fc.asyncProperty(
      fc.nat(),
      damage,
      fc.constantFrom('x', 'y', '', undefined),
      fc.boolean(),
      async (which, changes, password, asText) => {
        const bytes = damaged(samples[which % samples.length]!, changes)
        await expectWords({ ...(asText ? { chain: bytes.toString('latin1') } : { pkcs12: bytes }), ...withPassword(password) })
      },
    )
    await fc.assert(property, { numRuns: 1500 })
  })

  test('the samples themselves are taken', async () => {
    for (const pkcs12 of samples) await readUpload({ pkcs12, chain: leaf.certificate, password: 'x' }, leaf.key)
  })

  test('damaged chains and keys are judged and described without an exception of another kind', () => {
    const der = () => new X509Certificate(leaf.certificate).raw
    const pemOf = (bytes: Buffer) => `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`
    const property = fc.property(damage, fc.boolean(), (changes, also) => {
      const chain = pemOf(damaged(der(), changes)) + (also ? leaf.certificate : '')
      for (const { text, remedy } of judgeCertificate({
        chain,
        key: leaf.key,
        now: Date.now(),
        use: { hosts: ['a.example', '::1'], anchors: [chain] },
      }))
        expect(`${text}\n${remedy}`).toMatch(/^[\s\S]+[^.\n]\n[A-Z].*[^.]$/)
      try {
        describeCertificate(chain)
      } catch (error) {
        expect(error).toBeInstanceOf(CertificateError)
      }
    })
    fc.assert(property, { numRuns: 1500 })
  })

  test('damaged requests', () => {
    const der = () => openssl(['req', '-outform', 'DER'], csr)
    const whole = der()
    const property = fc.property(damage, (changes) => {
      const bytes = damaged(whole, changes)
      try {
        readRequest(`-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`)
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error
        expect(error.code).toBe('SBC_CERTIFICATE_REQUEST')
      }
    })
    fc.assert(property, { numRuns: 1000 })
  })
})

describe('as long as it may be, it takes no longer than its length', () => {
  const SIZE = 1024 * 1024
  const filled = (piece: string): string => piece.repeat(Math.floor(SIZE / piece.length))
  const sequence = (content: Buffer): Buffer => {
    const head = Buffer.from([0x30, 0x84, 0, 0, 0, 0])
    head.writeUInt32BE(content.length, 2)
    return Buffer.concat([head, content])
  }

  test.each<[string, () => UploadedFiles]>([
    ['begins without an end', () => ({ chain: filled('-----BEGIN ') })],
    ['begins of blocks', () => ({ chain: filled('-----BEGIN A-----') })],
    ['ends without a begin', () => ({ chain: `-----BEGIN A-----${filled('-----END ').slice(40)}` })],
    ['empty blocks', () => ({ chain: filled('-----BEGIN A-----\n-----END A-----\n') })],
    ['empty certificates', () => ({ chain: filled('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n') })],
    ['dashes', () => ({ chain: filled('-') })],
    ['line ends spelt out', () => ({ chain: `-----BEGIN CERTIFICATE-----${filled('\\n').slice(80)}-----END CERTIFICATE-----` })],
    ['headers', () => ({ key: `-----BEGIN RSA PRIVATE KEY-----\n${filled('a: b\n').slice(100)}-----END RSA PRIVATE KEY-----` })],
    ['one block of zeros', () => ({ chain: `-----BEGIN CERTIFICATE-----${filled('A').slice(80)}-----END CERTIFICATE-----` })],
    ['spaces', () => ({ chain: filled(' ') })],
    ['bare base64', () => ({ chain: filled('M') })],
    ['base64 with spaces', () => ({ chain: filled('MI \n') })],
    ['UTF-16', () => ({ chain: filled('-\0') })],
    ['nested sequences', () => ({ pkcs12: Buffer.alloc(SIZE, Buffer.from([0x30, 0x80])) })],
    ['a sequence of nothing', () => ({ pkcs12: sequence(Buffer.alloc(SIZE - 16, Buffer.from([0x05, 0x00]))) })],
    [
      'a PKCS#7 of nothing',
      () => ({
        pkcs12: sequence(Buffer.concat([Buffer.from('06092a864886f70d010702', 'hex'), Buffer.alloc(SIZE - 64, Buffer.from([0xa0, 0]))])),
      }),
    ],
  ])('%s', async (_, files) => {
    const made = files()
    const begun = performance.now()
    await expectWords(made)
    expect(performance.now() - begun).toBeLessThan(2500)
  })
})
