import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Authority } from '../../support/authority.ts'

/** What a client sent to the CA: of a signed body, the payload. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly agent: string
  readonly payload: Record<string, unknown> | undefined
}

/** Instead of, or after, the CA's own answer. undefined: as it is. */
export type Meddling = (
  seen: Seen,
  real: () => Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }>,
  response: ServerResponse,
) => Promise<boolean> | boolean

/** Somebody between the client and a CA, who hears everything and may answer in its place. */
export interface Between {
  readonly directory: string
  readonly seen: readonly Seen[]
  /** From now on; the newest counts. It answers itself, and returns true, or returns false. */
  meddle(with_: Meddling | undefined): void
  stop(): Promise<void>
}

/** Pebble builds its URLs from the Host header, so it works behind another address. */
export const startBetween = async (directory: string, authority: Authority): Promise<Between> => {
  const target = new URL(directory)
  const { chain, key } = authority.issue('between', ['127.0.0.1'])
  const seen: Seen[] = []
  let meddling: Meddling | undefined

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { method = '', url = '', headers } = incoming
    const one: Seen = { method, path: url, agent: headers['user-agent'] ?? '', payload: payloadOf(body) }
    seen.push(one)
    const real = () =>
      new Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }>((resolve, reject) => {
        const onward = request(
          { host: target.hostname, port: target.port, method, path: url, headers, ca: authority.certificate, agent: false },
          (answer) => {
            let text = ''
            answer.setEncoding('utf8')
            answer.on('data', (part: string) => {
              text += part
            })
            answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
          },
        )
        onward.once('error', reject)
        onward.end(body)
      })
    if ((await meddling?.(one, real, response)) === true) return
    const answer = await real()
    const { 'content-length': _length, 'transfer-encoding': _coding, ...rest } = answer.headers
    response.writeHead(answer.status, rest as Record<string, string>).end(answer.body)
  }

  const server = createServer({ cert: chain, key }, (incoming, response) => {
    handle(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    directory: `https://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    seen,
    meddle: (with_) => {
      meddling = with_
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const payloadOf = (body: Buffer): Record<string, unknown> | undefined => {
  if (body.length === 0) return undefined
  const { payload } = JSON.parse(body.toString()) as { readonly payload: string }
  return payload === '' ? undefined : (JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>)
}

/** A problem document of the CA. */
export const problem = (response: ServerResponse, status: number, document: object, headers: Record<string, string> = {}): true => {
  response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers }).end(JSON.stringify(document))
  return true
}
export const json = (response: ServerResponse, document: object, headers: Record<string, string> = {}): true => {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(document))
  return true
}
