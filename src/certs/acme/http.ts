import { type IncomingHttpHeaders, type IncomingMessage, Agent as PlainAgent, request as requestPlain } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { type AcmeCode, AcmeError } from './errors.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface HttpOptions {
  /** PEM roots that are trusted instead of the usual ones. */
  readonly trust?: string | undefined
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly userAgent: string
  /** Code of the errors that it throws. */
  readonly code: AcmeCode
  /** For one request and its answer; default 30 s. */
  readonly timeoutMs?: number
}

/** A client for a few small requests to one server: connections are kept until `close`. Redirects are not followed. */
export interface Http {
  /**
   * Any status is an answer.
   * @throws AcmeError when there is none: with the host, the reason and a remedy
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  close(): void
}

/** Chains and zones are some kilobytes. */
const LARGEST_ANSWER = 1 << 20

export const createHttp = (options: HttpOptions): Http => {
  const { trust, environment, userAgent, code, timeoutMs = 30_000 } = options
  const settings = { keepAlive: true, maxSockets: 4, proxyEnv: environment as NodeJS.ProcessEnv }
  const plain = new PlainAgent(settings)
  const tls = new TlsAgent({ ...settings, ...(trust !== undefined && { ca: trust }) })

  const exchange = ({ method, url, headers, body }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const target = new URL(url)
      const send = target.protocol === 'http:' ? requestPlain : requestTls
      const request = send(target, {
        method,
        agent: target.protocol === 'http:' ? plain : tls,
        signal,
        headers: {
          'User-Agent': userAgent,
          ...headers,
          ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
        },
      })
      request.once('error', reject)
      request.once('response', (response) => void answerOf(response).then(resolve, reject))
      request.end(body)
    })

  return {
    async send(request, signal) {
      const late = AbortSignal.timeout(timeoutMs)
      try {
        return await exchange(request, AbortSignal.any([signal, late]))
      } catch (cause) {
        signal.throwIfAborted()
        const reason = late.aborted ? `does not answer within ${timeoutMs / 1000} s` : reasonOf(cause)
        const { host } = new URL(request.url)
        throw new AcmeError(code, `${host} ${reason}${remedyOf(cause, trust)}`, { cause })
      }
    },
    close() {
      plain.destroy()
      tls.destroy()
    },
  }
}

const answerOf = async (response: IncomingMessage): Promise<HttpAnswer> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LARGEST_ANSWER) throw new Error(`an answer of more than ${LARGEST_ANSWER} bytes`)
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }
}

/** Of several attempts (one for each address), the first. */
const first = (cause: unknown): NodeJS.ErrnoException =>
  (cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause) as NodeJS.ErrnoException

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'closed the connection',
  EPIPE: 'closed the connection',
  ENOTFOUND: 'has no address in the DNS',
  EAI_AGAIN: 'cannot be looked up, because the DNS does not answer',
  ETIMEDOUT: 'cannot be reached',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  CERT_HAS_EXPIRED: 'has a certificate that has ended',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
}

/** What OpenSSL says of a chain that leads to no root it knows, or to one of the same name with another key. */
const UNKNOWN_ROOT = [
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

const reasonOf = (cause: unknown): string => {
  const { code = '', message } = first(cause)
  if (UNKNOWN_ROOT.includes(code)) return 'has a certificate that is not trusted here'
  return REASONS[code] ?? `cannot be used: ${message}`
}

const remedyOf = (cause: unknown, trust: string | undefined): string => {
  const { code = '' } = first(cause)
  if (!UNKNOWN_ROOT.includes(code)) return ''
  return trust === undefined
    ? '; for a private CA name the PEM file with its root under trust'
    : '; the file under trust has another root than the one that signed its certificate'
}
