import { X509Certificate } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { completeChain, type IssuerFetch } from '../../../../src/certs/intake/complete.ts'
import { certificatesIn } from '../../../../src/certs/intake/pem.ts'
import { isPublicAddress, publicFetch } from '../../../../src/certs/intake/public-fetch.ts'
import { file, type Made, makeIntermediate, makeLeaf, makeRoot, openssl, verify } from './pki.ts'

let server: Server
let base: string
let port: number
/** What the CA's server has at its paths. */
let pages: Record<string, Buffer | RequestListener>
let asked: string[]
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!)
    const page = pages[request.url!]
    if (typeof page === 'function') page(request, response)
    else response.writeHead(page === undefined ? 404 : 200).end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  base = `http://127.0.0.1:${port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  asked = []
  pages = {}
})

const at = (path: string) => [`authorityInfoAccess=OCSP;URI:http://ocsp.example.com/,caIssuers;URI:${base}${path}`]
const der = ({ certificate }: Made) => new X509Certificate(certificate).raw
const names = (chain: string) => certificatesIn([chain]).map(({ subject }) => subject)
/** The local server stands for one on the Internet. */
const local = () => publicFetch({ ports: [port], allowPrivate: true })

describe('fetching missing intermediates', () => {
  const build = () => {
    const root = makeRoot()
    const upper = makeIntermediate(root, '/CN=Upper', { extensions: at('/root') })
    const lower = makeIntermediate(upper, '/CN=Lower', { extensions: at('/upper') })
    const leaf = makeLeaf(lower, ['sbc.example.com'], { extensions: at('/lower') })
    return { root, upper, lower, leaf }
  }

  test('from PEM, DER and PKCS#7, up to the root, which is not added', async () => {
    const { root, upper, lower, leaf } = build()
    const bundle = file(leaf.certificate + upper.certificate)
    pages = {
      '/lower': der(lower),
      '/upper': openssl(['crl2pkcs7', '-nocrl', '-outform', 'DER', '-certfile', bundle]),
      '/root': Buffer.from(root.certificate),
    }
    const completed = await completeChain(leaf.certificate, local())
    expect(completed).toEqual({
      chain: leaf.certificate + lower.certificate + upper.certificate,
      complete: true,
      root: root.certificate,
      notes: [
        `Fetched CN=Lower, the issuer of CN=sbc.example.com, from ${base}/lower`,
        `Fetched CN=Upper, the issuer of CN=Lower, from ${base}/upper`,
        `Fetched CN=Root, the issuer of CN=Upper, from ${base}/root`,
      ],
    })
    expect(asked).toEqual(['/lower', '/upper', '/root'])
    expect(verify(root.certificate, completed.chain)).toBe(true)
  })

  test('only what is missing', async () => {
    const { root, upper, lower, leaf } = build()
    pages = { '/upper': der(upper) }
    const anchors = [root.certificate]
    const completed = await completeChain(leaf.certificate + lower.certificate, local(), { anchors })
    expect(names(completed.chain)).toEqual(['CN=sbc.example.com', 'CN=Lower', 'CN=Upper'])
    expect(completed).toMatchObject({ complete: true, root: undefined })
    expect(asked).toEqual(['/upper'])
    const whole = leaf.certificate + lower.certificate + upper.certificate
    expect(await completeChain(whole, local(), { anchors })).toEqual({ chain: whole, complete: true, root: undefined, notes: [] })
    expect((await completeChain(rootCertificates[0]!, local())).complete).toBe(true)
    expect(asked).toEqual(['/upper'])
  })

  test('a certificate that did not sign the one below is not taken', async () => {
    const { upper, leaf } = build()
    const twin = makeIntermediate(upper, '/CN=Lower')
    for (const page of [der(twin), der(upper), Buffer.from(twin.certificate + upper.certificate)]) {
      pages = { '/lower': page }
      expect(await completeChain(leaf.certificate, local())).toEqual({
        ...{ chain: leaf.certificate, complete: false, root: undefined },
        notes: [`What ${base}/lower has did not issue CN=sbc.example.com`],
      })
    }
  })

  test('the second place is asked when the first has nothing', async () => {
    const { lower } = build()
    const two = [`authorityInfoAccess=caIssuers;URI:${base}/none,caIssuers;URI:${base}/lower`]
    const leaf = makeLeaf(lower, ['sbc.example.com'], { extensions: two })
    pages = { '/lower': der(lower) }
    const { chain, notes } = await completeChain(leaf.certificate, local(), { hops: 1 })
    expect(chain).toBe(leaf.certificate + lower.certificate)
    expect(notes).toEqual([
      `The issuer of CN=sbc.example.com could not be fetched from ${base}/none: it answered 404`,
      `Fetched CN=Lower, the issuer of CN=sbc.example.com, from ${base}/lower`,
    ])
  })

  test('at most four, and never in a circle', async () => {
    let made = makeRoot('/CN=0')
    for (let index = 1; index <= 6; index++) {
      pages[`/${index - 1}`] = der(made)
      made = makeIntermediate(made, `/CN=${index}`, { extensions: at(`/${index - 1}`) })
    }
    const long = await completeChain(made.certificate, local())
    expect(names(long.chain)).toEqual(['CN=6', 'CN=5', 'CN=4', 'CN=3', 'CN=2'])
    expect(long.complete).toBe(false)

    const [a, b] = [makeRoot('/CN=A'), makeRoot('/CN=B')]
    const ab = makeIntermediate(b, '/CN=A', { key: a.key, extensions: at('/b') })
    const ba = makeIntermediate(a, '/CN=B', { key: b.key, extensions: at('/a') })
    pages = { '/a': der(ab), '/b': der(ba) }
    const leaf = makeLeaf(a, ['sbc.example.com'], { extensions: at('/a') })
    expect(names((await completeChain(leaf.certificate, local())).chain)).toEqual(['CN=sbc.example.com', 'CN=A', 'CN=B'])
  })

  test('what has no place to ask stays as it is', async () => {
    const leaf = makeLeaf(makeRoot())
    const untouched = { chain: leaf.certificate, complete: false, root: undefined, notes: [] }
    expect(await completeChain(leaf.certificate, local())).toEqual(untouched)
    expect(await completeChain('hello', local())).toEqual({ ...untouched, chain: 'hello' })
    expect(asked).toEqual([])
  })

  test.each<[string, () => Buffer | RequestListener, string]>([
    ['too large', () => Buffer.alloc(65_537), 'it has more than 65536 bytes'],
    ['no certificate', () => Buffer.from('<html>'), 'That is no certificate; the CA has to give it in DER, PEM or PKCS#7'],
    [
      'cut off',
      () => (_request, response) => void response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy()),
      'aborted',
    ],
    ['never comes', () => () => {}, 'no answer within 0.2 seconds'],
    ['never ends', () => (_request, response) => void response.writeHead(200).write('x'), 'no answer within 0.2 seconds'],
    [
      'a redirect without end',
      () => (_request, response) => void response.writeHead(302, { location: '/lower' }).end(),
      'too many redirects',
    ],
    [
      'a redirect to elsewhere',
      () => (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'file: is not fetched, only http and https',
    ],
  ])('an answer that is %s', async (_, page, reason) => {
    const { leaf } = build()
    pages = { '/lower': page() }
    const { complete, notes } = await completeChain(leaf.certificate, local(), { timeoutMs: 200 })
    expect(complete).toBe(false)
    expect(notes).toEqual([`The issuer of CN=sbc.example.com could not be fetched from ${base}/lower: ${reason}`])
  })

  test('a redirect is followed', async () => {
    const { lower, leaf } = build()
    pages = { '/lower': (_request, response) => void response.writeHead(301, { location: `${base}/there` }).end(), '/there': der(lower) }
    expect((await completeChain(leaf.certificate, local(), { hops: 1 })).chain).toBe(leaf.certificate + lower.certificate)
  })

  test('who asks may give up', async () => {
    const { leaf } = build()
    const control = new AbortController()
    pages = { '/lower': () => control.abort(new Error('The edge stops')) }
    const { notes } = await completeChain(leaf.certificate, local(), { signal: control.signal })
    expect(notes).toHaveLength(1)
  })

  test('a fetch that gives more than it may is not believed', async () => {
    const { lower, leaf } = build()
    const greedy: IssuerFetch = async () => Buffer.concat([der(lower), Buffer.alloc(65_536)])
    expect((await completeChain(leaf.certificate, greedy)).notes[0]).toMatch(/: more than 65536 bytes$/)
  })
})

describe('what anybody can write into a certificate is asked with care', () => {
  const ask = (url: string, options: Parameters<typeof publicFetch>[0] = {}) =>
    publicFetch(options)(url, { maxBytes: 1000, signal: AbortSignal.timeout(2000) }).then(
      (bytes) => bytes.toString(),
      (error: Error) => error.message,
    )
  /** A DNS that answers with these. */
  const dns = (...addresses: readonly string[]) =>
    ((_host: string, _options: unknown, done: (error: null, found: unknown) => void) =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )) as unknown as typeof import('node:dns').lookup

  test.each([
    ['ldap://ca.example.com/cn=x', 'ldap: is not fetched, only http and https'],
    ['file:///etc/passwd', 'file: is not fetched, only http and https'],
    ['http://ca.example.com:8080/', 'port 8080 is not asked, only 80 and 443'],
    ['http://ca.example.com:22/', 'port 22 is not asked, only 80 and 443'],
    ['http://user:word@ca.example.com/', 'a URL with a user name is not fetched'],
    ['not a URL', 'that is no URL'],
    ['http://127.0.0.1/', '127.0.0.1 is not a public address'],
    ['http://0x7f.1/', '127.0.0.1 is not a public address'],
    ['http://2130706433/', '127.0.0.1 is not a public address'],
    ['http://169.254.169.254/latest/meta-data', '169.254.169.254 is not a public address'],
    ['http://[::1]/', '::1 is not a public address'],
    ['http://[::ffff:10.0.0.1]/', '::ffff:a00:1 is not a public address'],
    ['http://[64:ff9b::a00:1]/', '64:ff9b::a00:1 is not a public address'],
  ])('%s is refused', async (url, reason) => {
    expect(await ask(url)).toBe(reason)
  })

  test('a name that leads inside is refused, also when only one of its addresses does', async () => {
    for (const addresses of [['10.0.0.1'], ['192.0.2.200', 'fd00::1'], ['93.184.215.14', '127.0.0.1']])
      expect(await ask('http://ca.example.com/', { lookup: dns(...addresses) })).toMatch(
        /^ca\.example\.com has the address \S+, which is not public$/,
      )
  })

  test('the address that was looked at is the one that is connected to', async () => {
    pages = { '/x': Buffer.from('hello') }
    let asked = 0
    // A DNS that answers differently the second time would make the second connection
    const lookup = ((host: string, options: object, done: never) => {
      asked++
      dns(asked === 1 ? '127.0.0.1' : '10.0.0.1')(host, options, done)
    }) as unknown as typeof import('node:dns').lookup
    expect(await ask(`http://ca.example.com:${port}/x`, { lookup, ports: [port], allowPrivate: true })).toBe('hello')
    expect(asked).toBe(1)
  })

  test('a redirect inside is refused', async () => {
    pages = { '/x': (_request, response) => void response.writeHead(302, { location: 'http://localhost:22/' }).end() }
    expect(await ask(`${base}/x`, { ports: [port], allowPrivate: true })).toBe(`port 22 is not asked, only ${port}`)
  })

  test('a name that does not exist', async () => {
    const lookup = ((_host: string, _options: unknown, done: (error: Error) => void) => done(new Error('getaddrinfo ENOTFOUND'))) as never
    expect(await ask('http://nowhere.example/', { lookup })).toBe('getaddrinfo ENOTFOUND')
  })

  test.each([
    ...[
      ['8.8.8.8', true],
      ['2606:4700::1', true],
      ['10.0.0.1', false],
      ['172.16.0.1', false],
      ['192.168.1.1', false],
    ],
    ...[
      ['100.64.0.1', false],
      ['0.0.0.0', false],
      ['255.255.255.255', false],
      ['224.0.0.1', false],
      ['fe80::1', false],
      ['fc00::1', false],
    ],
    ...[
      ['::', false],
      ['2002:a00:1::', false],
      ['2001::1', false],
      ['::ffff:8.8.8.8', true],
      ['::ffff:192.168.0.1', false],
      ['x', false],
    ],
  ] as const)('is %s public? %s', (address, answer) => {
    expect(isPublicAddress(address)).toBe(answer)
  })
})
