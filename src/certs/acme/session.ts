import type { Client } from 'acme-client'
import type { Clock } from '../../base/clock.ts'
import { AcmeError } from './errors.ts'
import { createHttp, type HttpAnswer } from './http.ts'
import type { Pause } from './pause.ts'
import { addressesIn, type CaProblem, type ProblemContext, problemError, readProblem, retryTime } from './problem.ts'

/** What a directory says of its CA (RFC 8555 §7.1.1, RFC 9773 §4.1). */
export interface Directory {
  readonly newAccount: string
  readonly newOrder: string
  readonly revokeCert: string
  /** undefined: no renewal information. */
  readonly renewalInfo: string | undefined
  readonly termsOfService: string | undefined
  readonly caaIdentities: readonly string[]
  readonly externalAccountRequired: boolean
  readonly profiles: readonly string[]
}

/** The CA's answer was a refusal. Inside of this folder only: `explained` makes an AcmeError of it. */
export class Refusal extends Error {
  readonly problem: CaProblem
  readonly status: number
  /** Milliseconds since 1970. */
  readonly notBefore: number | undefined

  constructor(problem: CaProblem, status: number, notBefore: number | undefined) {
    super(problem.detail || problem.type)
    this.name = 'Refusal'
    this.problem = problem
    this.status = status
    this.notBefore = notBefore
  }
}

export interface SessionOptions {
  /** URL. */
  readonly directory: string
  /** PEM roots for the CA's own server. */
  readonly trust: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly userAgent: string
  readonly clock: Clock
  readonly pause: Pause
  readonly signal: AbortSignal
}

export interface Signer {
  /** PEM. */
  readonly key: string
  /** URL of the account. */
  readonly account?: string | undefined
  readonly binding?: { readonly kid: string; readonly hmacKey: string } | undefined
}

/** A talk with one CA: acme-client signs, counts nonces and knows the resources; the requests are ours. */
export interface Session {
  /** For words to people. */
  readonly ca: string
  directory(): Promise<Directory>
  /** Requests of the client end with the signal. Fails with `Refusal` or `AcmeError`. */
  client(signer: Signer): Promise<Client>
  /** POST of a signed body, with the key itself in the signature instead of an account (RFC 8555 §7.6). */
  signedByKey(key: string, url: string, payload: object): Promise<void>
  /** A plain GET of JSON. */
  get(url: string): Promise<{ readonly answer: HttpAnswer; readonly document: unknown }>
  /** Milliseconds until the last answer from that URL may be asked for again; undefined: the CA did not say. */
  retryAfterMs(url: string): number | undefined
  close(): void
}

/**
 * The half of acme-client that is exchanged: the package has no way to trust a private root, to be aborted, or to tell a problem document's
 * type, and it sleeps through rate limits of hours.
 */
interface PackageHttp {
  maxBadNonceRetries: number
  request(
    url: string,
    method: string,
    options?: { readonly data?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<PackageAnswer>
  signedRequest(url: string, payload: object, options?: { readonly kid?: string }): Promise<PackageAnswer>
}
interface PackageAnswer {
  readonly status: number
  readonly headers: HttpAnswer['headers']
  readonly data: unknown
}

/** In the middle of an order a CA may restart; before the first answer we say at once that it is not there. */
const PATIENCE = 60_000
/** A client that is refused half of its nonces still gets through. */
const NONCE_RETRIES = 20

export const openSession = (options: SessionOptions): Session => {
  const { clock, pause, signal } = options
  const ca = new URL(options.directory).host
  const http = createHttp({
    trust: options.trust,
    environment: options.environment,
    userAgent: options.userAgent,
    code: 'SBC_CERTIFICATE_CA',
  })
  const retryTimes = new Map<string, number>()
  let answered = false
  let noncesRefused = 0

  /** Once, or until patience ends: the connection was lost, or the CA says that it is busy for a moment. */
  const send = async (url: string, method: string, headers: Readonly<Record<string, string>>, body?: string): Promise<HttpAnswer> => {
    const end = clock.now() + (answered ? PATIENCE : 0)
    for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
      let answer: HttpAnswer | undefined
      try {
        answer = await http.send({ method, url, headers, ...(body !== undefined && { body }) }, signal)
      } catch (fault) {
        if (clock.now() + wait > end || !(fault instanceof AcmeError)) throw fault
      }
      if (answer !== undefined) {
        answered = true
        const until = retryTime(answer.headers['retry-after'], '', clock.wall())
        if (until === undefined) retryTimes.delete(url)
        else retryTimes.set(url, until)
        const busy = answer.status === 429 || answer.status >= 500
        if (until !== undefined && busy) wait = Math.max(wait, until - clock.wall())
        if (!busy || clock.now() + wait > end) return answer
      }
      await pause(wait, signal)
    }
  }

  const get: Session['get'] = async (url) => {
    const answer = await send(url, 'GET', { Accept: 'application/json' })
    const document = documentOf(answer)
    const refusal = refusalOf(answer, document, clock.wall())
    if (refusal !== undefined) throw refusal
    return { answer, document }
  }

  /** Asked for once. */
  let asked: Promise<unknown> | undefined
  const directoryDocument = (): Promise<unknown> => {
    asked ??= get(options.directory).then(
      ({ document }) => document,
      (fault: unknown) => {
        if (!(fault instanceof Refusal)) throw fault
        const { status, notBefore } = fault
        const words =
          status === 429 || status >= 500
            ? `${ca} does not serve now: its directory answers ${status}; it will be tried again`
            : `${options.directory} is no ACME directory: it answers ${status}; correct the directory`
        throw new AcmeError('SBC_CERTIFICATE_CA', words, { cause: fault, notBefore })
      },
    )
    return asked
  }

  /** What the package asks for; a refusal is thrown, but for one of the nonce, which the package takes care of. */
  const request: PackageHttp['request'] = async (url, method, { data, headers } = {}) => {
    if (url === options.directory) return { status: 200, headers: {}, data: await directoryDocument() }
    const answer = await send(
      url,
      method.toUpperCase(),
      { ...headers, ...(data !== undefined && { 'Content-Type': 'application/jose+json' }) },
      data === undefined ? undefined : JSON.stringify(data),
    )
    const document = documentOf(answer)
    const problem = refusalOf(answer, document, clock.wall())
    const badNonce = problem?.problem.type === 'badNonce'
    noncesRefused = badNonce ? noncesRefused + 1 : 0
    if (problem !== undefined && (!badNonce || noncesRefused > NONCE_RETRIES)) throw problem
    return { status: answer.status, headers: answer.headers, data: document ?? answer.text }
  }

  const httpOf = (client: Client): PackageHttp => (client as unknown as { readonly http: PackageHttp }).http

  const client = async ({ key, account, binding }: Signer): Promise<Client> => {
    // Loaded when a certificate is ordered, which is seldom
    const { default: acme } = await import('acme-client')
    const made = new acme.Client({
      directoryUrl: options.directory,
      accountKey: key,
      ...(account !== undefined && { accountUrl: account }),
      ...(binding !== undefined && { externalAccountBinding: binding }),
    })
    const inner = httpOf(made)
    inner.request = request
    // We count, so that the last refusal is one of ours
    inner.maxBadNonceRetries = Number.POSITIVE_INFINITY
    return made
  }

  return {
    ca,
    async directory() {
      return readDirectory(options.directory, await directoryDocument())
    },
    client,
    async signedByKey(key, url, payload) {
      const answer = await httpOf(await client({ key })).signedRequest(url, payload)
      if (answer.status >= 400) throw new Refusal(readProblem(answer.data) ?? unknownProblem(answer.status), answer.status, undefined)
    },
    get,
    retryAfterMs(url) {
      const until = retryTimes.get(url)
      return until === undefined ? undefined : until - clock.wall()
    },
    close: () => http.close(),
  }
}

const unknownProblem = (status: number): CaProblem => ({
  type: status >= 500 ? 'serverInternal' : 'about:blank',
  detail: `HTTP status ${status}`,
  host: undefined,
  parts: [],
  instance: undefined,
})

const documentOf = ({ headers, text }: HttpAnswer): unknown => {
  if (!/\bjson\b/i.test(headers['content-type'] ?? '')) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Treated as what it is: a text
    return undefined
  }
}

const refusalOf = ({ status, headers }: HttpAnswer, document: unknown, wall: number): Refusal | undefined => {
  if (status >= 200 && status < 300) return undefined
  const problem = readProblem(document) ?? unknownProblem(status)
  const typed = problem.type === 'about:blank' && status === 429 ? { ...problem, type: 'rateLimited' } : problem
  return new Refusal(typed, status, retryTime(headers['retry-after'], problem.detail, wall))
}

const readDirectory = (url: string, document: unknown): Directory => {
  const entries = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>
  const { newAccount, newOrder, revokeCert, renewalInfo } = entries
  if (typeof newAccount !== 'string' || typeof newOrder !== 'string' || typeof revokeCert !== 'string') {
    throw new AcmeError(
      'SBC_CERTIFICATE_CA',
      `${url} is no ACME directory: it does not name newAccount and newOrder; correct the directory`,
    )
  }
  const meta = (typeof entries.meta === 'object' && entries.meta !== null ? entries.meta : {}) as Record<string, unknown>
  return {
    newAccount,
    newOrder,
    revokeCert,
    renewalInfo: typeof renewalInfo === 'string' ? renewalInfo : undefined,
    termsOfService: typeof meta.termsOfService === 'string' ? meta.termsOfService : undefined,
    caaIdentities: Array.isArray(meta.caaIdentities) ? meta.caaIdentities.map(String) : [],
    externalAccountRequired: meta.externalAccountRequired === true,
    profiles: typeof meta.profiles === 'object' && meta.profiles !== null ? Object.keys(meta.profiles) : [],
  }
}

/** Runs a part of an order: what the CA refuses in it becomes a sentence of that part. */
export const explained = async <T>(context: ProblemContext, part: () => Promise<T>): Promise<T> => {
  try {
    return await part()
  } catch (fault) {
    if (fault instanceof Refusal) throw problemError(fault.problem, { ...context, notBefore: fault.notBefore })
    throw fault
  }
}

/** What went wrong with one challenge, by the CA's account of it (RFC 8555 §8). */
export const challengeError = (challenge: unknown, context: ProblemContext): AcmeError => {
  const { error } = challenge as { readonly error?: unknown }
  const problem = readProblem(error) ?? { type: 'about:blank', detail: 'no reason given', host: undefined, parts: [], instance: undefined }
  return problemError(problem, { ...context, addresses: addressesIn(challenge, problem.detail) })
}
