import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEVELOPMENT_CA, DevelopmentAuthority, serialOf } from '../../../src/certs/development.ts'
import { DAY, makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let now: number
const open = () => DevelopmentAuthority.open(disk.store, () => now)
beforeEach(async () => {
  disk = await makeStore()
  now = Date.now()
})
afterEach(() => disk.remove())

describe('the root', () => {
  test('is made once, kept, and good for ten years', async () => {
    const first = await open()
    const second = await open()
    expect(second.root).toBe(first.root)
    const root = new X509Certificate(first.root)
    expect(root.ca).toBe(true)
    expect(root.verify(root.publicKey)).toBe(true)
    expect(Math.round((root.validToDate.getTime() - now) / DAY)).toBe(3650)
    expect((await disk.store.read(DEVELOPMENT_CA))!.chain).toBe(first.root)
  })

  test('is made anew when it could not cover another certificate', async () => {
    const first = await open()
    now += 3300 * DAY
    expect((await open()).root).not.toBe(first.root)
  })

  test('of two installations is never the same', async () => {
    const one = await open()
    const other = await makeStore()
    try {
      expect((await DevelopmentAuthority.open(other.store, Date.now)).root).not.toBe(one.root)
    } finally {
      await other.remove()
    }
  })

  test('that is damaged is said with the remedy', async () => {
    await disk.store.write(DEVELOPMENT_CA, { chain: 'nothing', key: 'nothing' })
    await expect(open()).rejects.toThrow('remove its folder to have a new one made')
  })
})

describe('a certificate', () => {
  const HOSTS = ['sbc.example.com', '*.example.com', '127.0.0.1', '::1']

  test.each(['ecdsa', 'rsa'] as const)('with a key of type %s is accepted by a TLS client that trusts the root', async (keyType) => {
    const authority = await open()
    const made = await authority.certificate({ name: 'edge', hosts: HOSTS, keyType })
    expect(new X509Certificate(made.chain).publicKey.asymmetricKeyType).toBe(keyType === 'rsa' ? 'rsa' : 'ec')
    const server = createServer({ cert: made.chain, key: made.key }, (socket) => socket.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    for (const servername of ['sbc.example.com', 'any.example.com', '']) {
      const socket = connect({ host: '127.0.0.1', port, servername, ca: authority.root })
      await once(socket, 'secureConnect')
      expect(socket.authorized).toBe(true)
      socket.destroy()
    }
    server.close()
  })

  test('has the hosts asked for, one year, and both purposes', async () => {
    const authority = await open()
    const made = await authority.certificate({
      name: 'edge',
      hosts: ['SBC.example.com', '*.example.com', '127.0.0.1', '0:0:0:0:0:0:0:1', '::1'],
    })
    expect(made.hosts).toEqual(HOSTS)
    expect(made.name).toBe('edge')
    expect(Math.round((made.validTo - now) / DAY)).toBe(365)
    expect(made.validFrom).toBeLessThan(now)
    const leaf = new X509Certificate(made.chain)
    expect(leaf.ca).toBe(false)
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect(leaf.checkIssued(new X509Certificate(authority.root))).toBe(true)
  })

  test('is kept over a restart', async () => {
    const first = await (await open()).certificate({ name: 'edge', hosts: HOSTS })
    now += 300 * DAY
    expect(await (await open()).certificate({ name: 'edge', hosts: [...HOSTS].reverse() })).toEqual(first)
  })

  test.each([
    ['other hosts are asked for', 0, ['sbc.example.com'], undefined],
    ['less than 30 days are left', 336 * DAY, HOSTS, undefined],
    ['it has ended', 400 * DAY, HOSTS, undefined],
    ['another type of key is asked for', 0, HOSTS, 'rsa'],
  ] as const)('is made anew when %s', async (_, later, hosts, keyType) => {
    const first = await (await open()).certificate({ name: 'edge', hosts: HOSTS })
    now += later
    const second = await (await open()).certificate({ name: 'edge', hosts, ...(keyType === undefined ? {} : { keyType }) })
    expect(second.chain).not.toBe(first.chain)
    expect(second.hosts).toEqual(hosts)
    expect((await disk.store.read('edge/development'))!.chain).toBe(second.chain)
  })

  test('is made anew under another root, and in place of a damaged one', async () => {
    const first = await (await open()).certificate({ name: 'edge', hosts: HOSTS })
    await disk.store.remove(DEVELOPMENT_CA)
    const second = await (await open()).certificate({ name: 'edge', hosts: HOSTS })
    expect(second.chain).not.toBe(first.chain)
    await disk.store.write('edge/development', { chain: second.chain.slice(0, 200), key: second.key })
    expect((await (await open()).certificate({ name: 'edge', hosts: HOSTS })).hosts).toEqual(HOSTS)
  })

  test('cannot have a host that is none, or the place of the root', async () => {
    const authority = await open()
    for (const hosts of [[], ['sip:edge'], ['a..b'], ['-a'], ['[::1]'], ['a b']]) {
      await expect(authority.certificate({ name: 'edge', hosts })).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_NAMES' })
    }
    await expect(authority.certificate({ name: DEVELOPMENT_CA, hosts: HOSTS })).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_NAMES' })
  })
})

test('RFC 5280 §4.1.2.2: a serial number is positive, and never begins with a zero that DER does not allow', () => {
  const hex = (first: number) => serialOf(Buffer.from([first, 0x00, 0x01])).slice(0, 2)
  for (let first = 0; first < 256; first++)
    expect(Number.parseInt(hex(first), 16)).toSatisfy((byte: number) => byte >= 0x40 && byte <= 0x7f)
})
