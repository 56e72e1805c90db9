import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ApiCall {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
export interface ApiReply {
  readonly status?: number
  readonly body: string | object
}

/** An HTTP API on loopback. `answer` is its whole behaviour. */
export const startApi = async (answer: (call: ApiCall) => ApiReply) => {
  const calls: ApiCall[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      body += part
    })
    request.once('end', () => {
      const url = new URL(request.url ?? '', 'http://api.test')
      const call: ApiCall = {
        method: request.method ?? '',
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: request.headers,
        body,
      }
      calls.push(call)
      const { status = 200, body: reply } = answer(call)
      const json = typeof reply !== 'string'
      response.writeHead(status, { 'Content-Type': json ? 'application/json' : 'text/xml' }).end(json ? JSON.stringify(reply) : reply)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
