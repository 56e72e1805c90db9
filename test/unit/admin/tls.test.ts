import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { createAuthority, type Issued } from '../../support/authority.ts'
import { newFolder, serverWith } from './support.ts'

const authority = () => createAuthority(newFolder())
const tlsOf = ({ chain, key }: Issued) => ({ cert: chain, key })

const place = async () => {
  const ca = authority()
  const server = serverWith({ tls: tlsOf(ca.issue('one', ['sbc.example.com', '127.0.0.1'])) })
  const url = await server.start()
  const port = Number(new URL(url).port)
  const open = async (options: ConnectionOptions = {}): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, ca: ca.certificate, servername: 'sbc.example.com', ...options })
    await once(socket, 'secureConnect')
    return socket
  }
  return { ca, server, url, port, open }
}

const ask = async (socket: TLSSocket, path: string, host = 'sbc.example.com'): Promise<string> => {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  let text = ''
  while (!text.includes('\r\n\r\n')) text += String((await once(socket, 'data'))[0])
  return text
}

const serialOf = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber

test('HTTPS, with HSTS for names that are ours alone', async () => {
  const { url, open } = await place()
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
  const socket = await open()
  const answer = await ask(socket, '/api/health')
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).toContain('strict-transport-security: max-age=31536000\r\n')
  for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080'])
    expect(await ask(socket, '/api/health', host)).not.toContain('strict-transport')
  socket.destroy()
})

test('over plain HTTP there is no HSTS', async () => {
  const answer = await serverWith().app.inject({ url: '/api/health', headers: { host: 'sbc.example.com' } })
  expect(answer.headers).not.toHaveProperty('strict-transport-security')
})

test('over TLS this machine is nobody: there is a password, or a token', async () => {
  const { open } = await place()
  const socket = await open()
  expect(await ask(socket, '/api/state', '127.0.0.1')).toMatch(/^HTTP\/1\.1 401/)
  socket.destroy()
})

test('over TLS no proxy is believed: the source is who the socket says', async () => {
  const { ca } = await place()
  const tls = tlsOf(ca.issue('two', ['sbc.example.com']))
  const { app } = serverWith({ tls, more: [(inner) => void inner.get('/api/ip', { config: { open: true } }, ({ ip }) => ip)] })
  expect((await app.inject({ url: '/api/ip', headers: { 'x-forwarded-for': '203.0.113.9' } })).body).toBe('127.0.0.1')
})

test('another certificate is for handshakes from now on; connections stay', async () => {
  const { server, ca, open } = await place()
  const before = await open()
  const second = ca.issue('two', ['sbc.example.com'])
  server.setTls(tlsOf(second))
  const after = await open()
  expect(serialOf(after)).not.toBe(serialOf(before))
  expect(await ask(before, '/api/health')).toMatch(/^HTTP\/1\.1 200/)
  expect(await ask(after, '/api/health')).toMatch(/^HTTP\/1\.1 200/)
  for (const socket of [before, after]) socket.destroy()
})

test('a certificate that cannot be used is refused in words, and the one before goes on', async () => {
  const { server, ca, open } = await place()
  const [one, two] = [ca.issue('three', ['a.example.com']), ca.issue('four', ['b.example.com'])]
  for (const tls of [
    { cert: one.chain, key: two.key },
    { cert: 'x', key: one.key },
    { cert: one.chain, key: '' },
  ]) {
    expect(() => server.setTls(tls)).toThrow(expect.objectContaining({ code: 'SBC_TRANSPORT_TLS' }))
    expect(() => serverWith({ tls })).toThrow(/The certificate of the admin server cannot be used: .*; look at admin\.certificate/)
  }
  const socket = await open()
  expect(await ask(socket, '/api/health')).toMatch(/^HTTP\/1\.1 200/)
  socket.destroy()
})

test.each([
  ['TLS 1.3', { minVersion: 'TLSv1.3' }, 'TLSv1.3'],
  ['TLS 1.2 with forward secrecy', { maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
] as const)('%s is spoken', async (_what, options, version) => {
  const { open } = await place()
  const socket = await open(options)
  expect(socket.getProtocol()).toBe(version)
  expect(socket.getCipher().name).toMatch(/GCM|POLY1305/)
  socket.destroy()
})

test.each([
  ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA' }],
  ['no forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
] as const)('%s is refused', async (_what, options) => {
  const { open } = await place()
  await expect(open(options)).rejects.toThrow()
})

test('plain HTTP on the port of HTTPS gets nothing', async () => {
  const { port } = await place()
  const socket = connectPlain(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n')
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  await once(socket, 'close')
  expect(text).not.toContain('200 OK')
})

test('passwords never cross a network in the clear: plain HTTP starts on loopback alone', async () => {
  await expect(serverWith({ address: '192.0.2.1' }).start()).rejects.toThrow('plain HTTP on 192.0.2.1')
  expect(() => serverWith().setTls({ cert: '', key: '' })).toThrow('takes no certificate')
})

test('one source cannot have all connections, and a place that is free again is free', async () => {
  const server = serverWith()
  const { port, hostname } = new URL(await server.start())
  const open = async () => {
    const socket = connectPlain(Number(port), hostname)
    await once(socket, 'connect')
    return socket
  }
  const sockets = await Promise.all(Array.from({ length: 200 }, open))
  await once(await open(), 'close')
  sockets[0]!.destroy()
  const health = async () => (await fetch(`http://${hostname}:${port}/api/health`).catch(() => undefined))?.status
  while ((await health()) !== 200) await new Promise((done) => setImmediate(done))
  for (const socket of sockets) socket.destroy()
})
