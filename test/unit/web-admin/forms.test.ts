import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { setAt } from '../../../src/config/yaml-patch.ts'
import { base64Of, sortBrought } from '../../../web-admin/src/words/brought.ts'
import {
  BLANK,
  bodyOf,
  entryOf,
  faultsOf,
  hostsOf,
  type NewCertificate,
  PROVIDERS,
  yamlOf,
} from '../../../web-admin/src/words/new-certificate.ts'
import { qrCode } from '../../../web-admin/src/words/qr-code.ts'

const pem = (label: string, body = 'TUlJ'): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`
const file = (name: string, content: string | readonly number[]) => ({
  name,
  bytes: typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content),
})

describe('files that somebody brings', () => {
  test('certificates and keys are told apart, in whatever files and order they stand', () => {
    const brought = sortBrought([
      file('all.pem', `${pem('PRIVATE KEY')}\n${pem('CERTIFICATE', 'QQ==')}`),
      file('ca.crt', pem('CERTIFICATE', 'Qg==')),
    ])
    expect(brought).toEqual({
      chain: `${pem('CERTIFICATE', 'QQ==')}\n${pem('CERTIFICATE', 'Qg==')}\n`,
      key: `${pem('PRIVATE KEY')}\n`,
      found: ['all.pem: a certificate and a key', 'ca.crt: a certificate'],
      locked: false,
    })
  })

  test('pasted text counts like a file', () => {
    expect(sortBrought([], `${pem('CERTIFICATE')}\n${pem('CERTIFICATE')}\n${pem('ENCRYPTED PRIVATE KEY')}`)).toMatchObject({
      found: ['Pasted text: 2 certificates and an encrypted key'],
      locked: true,
    })
    expect(sortBrought([], 'hello').found).toEqual(['Pasted text: nothing that is known here'])
    expect(sortBrought([], '  ')).toEqual({ found: [], locked: false })
  })

  test('a key in the old encrypted form is seen as one', () => {
    const old = '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nTUlJ\n-----END RSA PRIVATE KEY-----'
    expect(sortBrought([file('x.key', old)])).toMatchObject({ key: `${old}\n`, locked: true, found: ['x.key: an encrypted key'] })
  })

  test('binary files: PKCS#12 by its name, else a certificate', () => {
    expect(sortBrought([file('sbc.PFX', [0x30, 0x82, 1])])).toEqual({
      pkcs12: 'MIIB',
      found: ['sbc.PFX: a PKCS#12 file, with certificate and key'],
      locked: true,
    })
    expect(sortBrought([file('sbc.cer', [0x30, 0x82, 1])]).chain).toBe(`${pem('CERTIFICATE', 'MIIB')}\n`)
    expect(sortBrought([file('photo.png', [0x89, 0x50])])).toEqual({ found: ['photo.png: nothing that is known here'], locked: false })
  })

  test('large files become Base64, too', () => {
    expect(Buffer.from(base64Of(new Uint8Array(300_000).fill(7)), 'base64').every((byte) => byte === 7)).toBe(true)
  })
})

const form = (more: Partial<NewCertificate>): NewCertificate => ({ ...BLANK, name: 'public', email: 'ops@example.com', ...more })

describe('a new certificate', () => {
  test('what is missing is said field by field', () => {
    expect(faultsOf(BLANK, [])).toEqual({ name: expect.any(String), email: expect.any(String) })
    expect(faultsOf(form({}), [])).toEqual({})
    expect(faultsOf(form({}), ['public'])).toEqual({ name: 'There is a certificate public already' })
    expect(faultsOf(form({ hosts: 'sbc.example.com, bad_host' }), [])).toEqual({ hosts: '“bad_host” is no host name' })
    expect(faultsOf(form({ directory: 'zerossl' }), [])).toHaveProperty('kid')
    expect(faultsOf(form({ directory: 'zerossl', kid: 'k' }), [])).toHaveProperty('keyFile')
    expect(faultsOf(form({ directory: 'other', url: 'http://x' }), [])).toHaveProperty('url')
    expect(faultsOf(form({ challenge: 'dns-01' }), [])).toEqual({ dns: 'File with an API token is missing' })
    expect(faultsOf(form({ source: 'request', email: '', hosts: 'a b_c' }), [])).toEqual({ hosts: '“b_c” is no host name' })
    expect(faultsOf(form({ source: 'upload', email: '' }), [])).toEqual({})
  })

  test('a wildcard needs a DNS record', () => {
    expect(faultsOf(form({ hosts: '*.example.com' }), [])).toHaveProperty('challenge')
    expect(faultsOf(form({ hosts: '*.example.com', challenge: 'dns-01', dns: { 'token-file': '/t' } }), [])).toEqual({})
  })

  test('names stand in lines, or with commas', () => {
    expect(hostsOf(' a.example, b.example\n\n*.c.example;d ')).toEqual(['a.example', 'b.example', '*.c.example', 'd'])
  })

  test('what holds anyway is not written', () => {
    expect(entryOf(form({}))).toEqual({ acme: { email: 'ops@example.com', challenge: 'http-01' } })
    expect(bodyOf(form({ source: 'upload' }))).toEqual({ name: 'public', source: 'stored' })
    expect(bodyOf(form({ source: 'development' }))).toEqual({ name: 'public', source: 'development' })
    expect(bodyOf(form({ directory: 'other', url: 'https://ca/dir', key: 'ecdsa256', hosts: 'a.example' }))).toEqual({
      name: 'public',
      source: 'acme',
      acme: { email: 'ops@example.com', directory: 'https://ca/dir', challenge: 'http-01' },
      names: ['a.example'],
      key: 'ecdsa256',
    })
  })

  test('what is shown is what the file gets', () => {
    expect(
      yamlOf(form({ challenge: 'dns-01', hosts: '*.a.example', dns: { 'token-file': '/run/token', server: 'of another provider' } })),
    ).toBe(
      [
        'certificates:',
        '  public:',
        '    acme:',
        '      email: ops@example.com',
        '      challenge: dns-01',
        '      dns: { provider: cloudflare, token-file: /run/token }',
        '    names: [ "*.a.example" ]',
      ].join('\n'),
    )
  })

  const every = [
    ['http-01', form({ hosts: 'sbc.example.com' })],
    ['another CA', form({ directory: 'other', url: 'https://ca.example.com/directory', kid: 'k', keyFile: '/run/key', key: 'rsa3072' })],
    ['uploaded', form({ source: 'upload' })],
    ['development', form({ source: 'development' })],
    ...Object.entries(PROVIDERS).map(
      ([provider, { settings }]) =>
        [
          provider,
          form({
            challenge: 'dns-01',
            provider,
            hosts: '*.example.com',
            dns: Object.fromEntries(settings.map(({ key }) => [key, '/run/x'])),
          }),
        ] as const,
    ),
  ] as const
  test.each(every)('the configuration takes it: %s', (_what, filled) => {
    expect(faultsOf(filled, [])).toEqual({})
    const text = setAt(
      'name: sbc.example.com\nlisteners: { web: { wss: 127.0.0.1:8443 } }\nzones: { b: { kind: webrtc, on: web, origins: [ "*" ] } }\nroutes: [ { from: b, respond: 404 No } ]\n',
      ['certificates', 'public'],
      entryOf(filled),
    )!
    const result = loadConfig(text, { file: '/etc/edgeways.yaml', dataDir: '/nowhere' })
    expect(result.ok ? [] : result.problems).toEqual([])
  })
})

describe('QR codes', () => {
  const drawn = (text: string): string | undefined =>
    qrCode(text)
      ?.map((row) => row.map((dark) => (dark ? '#' : '.')).join(''))
      .join('\n')

  // As a reader of such codes (zbar) has understood it
  test('a short text', () => {
    expect(drawn('otpauth://totp')).toBe(
      [
        '#######.##..#.#######',
        '#.....#..#..#.#.....#',
        '#.###.#.#.#.#.#.###.#',
        '#.###.#.#..#..#.###.#',
        '#.###.#.####..#.###.#',
        '#.....#.......#.....#',
        '#######.#.#.#.#######',
        '.........###.........',
        '####..#.#.#..#..###.#',
        '..##...##..#..#.#####',
        '####..#.###......#.##',
        '#.#..#.#.#...#..##..#',
        '#..#.###..###.####.##',
        '........##..##..##...',
        '#######....#..###....',
        '#.....#..###...#.##.#',
        '#.###.#..##.#..#.###.',
        '#.###.#.##..#.##...#.',
        '#.###.#.##.####..##..',
        '#.....#.#.##.###....#',
        '#######.####..#####..',
      ].join('\n'),
    )
  })

  test.each([
    [17, 21, '4916d7ed23be0151'],
    [106, 37, '26abd89639692b91'],
    [200, 53, 'b9f6464a6288b157'],
    [400, 69, '39e5a03d394d5dc9'],
  ])('%i letters, in one block or several', (letters, size, digest) => {
    const code = qrCode('a'.repeat(letters))!
    expect(code).toHaveLength(size)
    const bits = code.map((row) => row.map(Number).join('')).join('\n')
    expect(createHash('sha256').update(bits).digest('hex').slice(0, 16)).toBe(digest)
  })

  test('the longest text, and one that is too long', () => {
    expect(qrCode('a'.repeat(520))).toHaveLength(77)
    expect(qrCode('a'.repeat(521))).toBeUndefined()
  })
})
