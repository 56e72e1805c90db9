import { createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttp } from '../../../../src/certs/acme/http.ts'

const signal = new AbortController().signal
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const listening = async (handler: Parameters<typeof createServer>[1]) => {
  const server = createServer(handler as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}
const http = (more: Partial<Parameters<typeof createHttp>[0]> = {}) => {
  const made = createHttp({ environment: {}, userAgent: 'edgeways/1', code: 'SBC_CERTIFICATE_CA', ...more })
  stops.push(() => made.close())
  return made
}

test('an answer with any status is an answer; redirects are not followed', async () => {
  const { url } = await listening((incoming, response) => {
    response.writeHead(302, { Location: '/elsewhere', 'X-Agent': incoming.headers['user-agent'] }).end('moved')
  })
  expect(await http().send({ method: 'GET', url }, signal)).toMatchObject({
    status: 302,
    text: 'moved',
    headers: { 'x-agent': 'edgeways/1' },
  })
})

test('a body is sent with its length in bytes', async () => {
  const { url } = await listening((incoming, response) => {
    incoming
      .setEncoding('utf8')
      .on('data', (part: string) => response.end(`${incoming.method} ${incoming.headers['content-length']} ${part}`))
  })
  expect((await http().send({ method: 'POST', url, body: 'grüße' }, signal)).text).toBe('POST 7 grüße')
})

describe('what cannot be borne', () => {
  test('a server that never answers', async () => {
    const { url } = await listening(() => {})
    const sending = http({ timeoutMs: 60 }).send({ method: 'GET', url }, signal)
    await expect(sending).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_CA',
      message: `${new URL(url).host} does not answer within 0.06 s`,
    })
  })

  test('an answer that never ends', async () => {
    const { url } = await listening((_incoming, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), more)
      }
      more()
    })
    await expect(http().send({ method: 'GET', url }, signal)).rejects.toThrow(/cannot be used: an answer of more than 1048576 bytes$/)
  })

  test('a connection that is closed in the middle', async () => {
    const { url } = await listening((incoming) => incoming.socket.destroy())
    await expect(http().send({ method: 'GET', url }, signal)).rejects.toThrow(`${new URL(url).host} closed the connection`)
  })

  test('an abort is not a fault of the server', async () => {
    const abort = new AbortController()
    const { url } = await listening(() => abort.abort(new Error('enough')))
    await expect(http().send({ method: 'GET', url }, abort.signal)).rejects.toThrow('enough')
  })
})

test('through a proxy of the environment; what NO_PROXY names, without', async () => {
  const connects: string[] = []
  const { server, url } = await listening((_incoming, response) => response.end('direct'))
  const proxy = createServer((incoming, response) => {
    connects.push(incoming.url ?? '')
    const onward = request(incoming.url!, { method: incoming.method!, agent: false }, (answer) => answer.pipe(response))
    onward.end()
  })
  proxy.on('connect', (incoming, socket) => {
    connects.push(`CONNECT ${incoming.url}`)
    const onward = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  expect((await http({ environment: { HTTP_PROXY: address } }).send({ method: 'GET', url }, signal)).text).toBe('direct')
  expect(connects).toHaveLength(1)
  await http({ environment: { HTTP_PROXY: address, NO_PROXY: '127.0.0.1' } }).send({ method: 'GET', url }, signal)
  expect(connects).toHaveLength(1)
  // TLS goes through CONNECT; the server behind it has none
  const tls = http({ environment: { HTTPS_PROXY: address } }).send({ method: 'GET', url: 'https://acme.example.test/dir' }, signal)
  await expect(tls).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_CA' })
  expect(connects[1]).toBe('CONNECT acme.example.test:443')
})

test('a server that speaks something else', async () => {
  const server = createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => server.close())
  const { port } = server.address() as AddressInfo
  await expect(http().send({ method: 'GET', url: `http://127.0.0.1:${port}/` }, signal)).rejects.toThrow(/cannot be used: /)
  await expect(http().send({ method: 'GET', url: `https://127.0.0.1:${port}/` }, signal)).rejects.toMatchObject({
    code: 'SBC_CERTIFICATE_CA',
  })
})
