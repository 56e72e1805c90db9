/** One call of the JSON API. */

/** What the API refused, or that it could not be reached; `message` is a sentence for people. */
export class ApiFailure extends Error {
  /** Of the HTTP answer; 0: there was none. */
  readonly status: number
  /** Stable word; `offline` when there was no answer. */
  readonly code: string
  /** The whole answer, where it is JSON: a refused reload has its problems there. */
  readonly body: unknown

  constructor(status: number, code: string, message: string, body?: unknown) {
    super(message)
    this.status = status
    this.code = code
    this.body = body
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface Credentials {
  csrf(): string | undefined
  /** The answer was 401: whoever this was is signed out. */
  refused(failure: ApiFailure): void
}

let credentials: Credentials = { csrf: () => undefined, refused: () => {} }
/** The session tells how it is proven; it needs calls itself, so it is not imported here. */
export const setCredentials = (own: Credentials): void => {
  credentials = own
}

/** Relative to the page: a reverse proxy may put both under a path. */
export const apiUrl = (path: string): string => `api${path}`

/**
 * @param path below /api, with its query
 * @returns the JSON of the answer; a text for other types, undefined without a body
 * @throws ApiFailure
 */
export const call = async <T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> => {
  const csrf = method === 'GET' ? undefined : credentials.csrf()
  const response = await send(path, {
    method,
    headers: {
      accept: 'application/json, text/plain, */*',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(csrf !== undefined && { 'x-csrf-token': csrf }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  })
  const answer = await contentOf(response)
  if (response.ok) return answer as T
  const { code = 'refused', message = `The edge answered ${response.status} ${response.statusText}` } = Object(answer) as {
    readonly code?: string
    readonly message?: string
  }
  const failure = new ApiFailure(response.status, code, message, answer)
  if (response.status === 401) credentials.refused(failure)
  throw failure
}

const send = async (path: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(apiUrl(path), { credentials: 'same-origin', cache: 'no-store', ...init })
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error
    throw new ApiFailure(0, 'offline', 'The edge does not answer; see whether it runs, and whether this machine still reaches it')
  }
}

const contentOf = async (response: Response): Promise<unknown> => {
  const text = await response.text()
  if (text === '') return undefined
  if (!(response.headers.get('content-type') ?? '').includes('json')) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
