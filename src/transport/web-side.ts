import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arrival } from './arrival.ts'
import type { Endpoint } from './connections.ts'
import { clientOf } from './forwarded.ts'
import { allows } from './origin.ts'
import type { WebAnswer } from './types.ts'

/** Seconds for which a browser need not ask again whether it may. */
const PREFLIGHT_SECONDS = 600
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

/**
 * A request that is no WebSocket handshake: scripts of pages that may connect may also ask for what there is beside it, across origins
 * (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
 * @returns false: there is nothing of that name
 */
export const answerWeb = (
  endpoint: Endpoint,
  arrival: Arrival | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): boolean => {
  const { web } = endpoint.table
  const target = request.url ?? ''
  const path = target.split('?', 1)[0]!
  const methods = web?.methods(path) ?? []
  if (web === undefined || methods.length === 0 || arrival === undefined) return false
  arrival.expected()
  const origin = request.headers.origin?.toLowerCase()
  if (!allows(endpoint.options, origin)) {
    endpoint.table.dropped(endpoint.listener, 'origin', arrival.remote.address)
    const sentence = origin === undefined ? 'An Origin header is required.' : `Origin ${origin} is not allowed here.`
    write(response, { status: 403, headers: TEXT, body: `${sentence}\n` }, undefined)
    return true
  }
  // As the browser wrote it: it compares letter by letter
  const shown = request.headers.origin
  const { method = '' } = request
  if (method === 'OPTIONS') {
    const preflight = {
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Allow-Headers': 'authorization',
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
      Allow: [...methods, 'OPTIONS'].join(', '),
    }
    write(response, { status: 204, headers: preflight, body: '' }, shown)
  } else if (!methods.includes(method)) {
    write(
      response,
      { status: 405, headers: { ...TEXT, Allow: [...methods, 'OPTIONS'].join(', ') }, body: 'This has no such method.\n' },
      shown,
    )
  } else {
    const { listener, options } = endpoint
    const asked = {
      method,
      target,
      listener,
      remoteAddress: clientOf(options.behind, request.headers, arrival),
      authorization: request.headers.authorization,
    }
    void web.answer(asked).then((answer) => write(response, answer, shown))
  }
  return true
}

const write = (response: ServerResponse, { status, headers, body }: WebAnswer, origin: string | undefined): void => {
  const cors =
    origin === undefined ? {} : { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': 'WWW-Authenticate, Retry-After' }
  response.writeHead(status, {
    ...(headers as Record<string, string | string[]>),
    ...cors,
    Vary: 'Origin',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  })
  response.end(body)
}
