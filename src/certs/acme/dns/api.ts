import { AcmeError } from '../errors.ts'
import { createHttp, type HttpAnswer, type HttpRequest } from '../http.ts'
import type { ProviderDeps } from './types.ts'

/** A provider's JSON API with a token in the Authorization header. */
export interface JsonApi {
  /** @throws AcmeError when there is no answer; any status is one */
  call(method: string, path: string, signal: AbortSignal, body?: object): Promise<{ readonly status: number; readonly document: unknown }>
  close(): void
}

export const createJsonApi = (url: string, token: string, deps: ProviderDeps): JsonApi => {
  const http = createApiHttp(deps)
  const base = url.replace(/\/$/, '')
  return {
    async call(method, path, signal, body) {
      const headers = {
        Accept: 'application/json',
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      }
      const request: HttpRequest = { method, url: `${base}${path}`, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const { status, text } = await http.send(request, signal)
      let document: unknown
      try {
        document = JSON.parse(text)
      } catch {
        // A proxy's page, for instance: the status says enough
      }
      return { status, document }
    },
    close: () => http.close(),
  }
}

export const createApiHttp = ({ environment, userAgent }: ProviderDeps) =>
  createHttp({ environment, userAgent, code: 'SBC_CERTIFICATE_DNS', timeoutMs: 20_000 })

/** @param what a sentence's beginning, such as `Cloudflare did not add the record` */
export const apiError = (what: string, { status }: Pick<HttpAnswer, 'status'>, said: string | undefined, remedy?: string): AcmeError =>
  new AcmeError(
    'SBC_CERTIFICATE_DNS',
    `${what}: ${said === undefined || said === '' ? `HTTP status ${status}` : `${said} (HTTP status ${status})`}${remedy === undefined ? '' : `; ${remedy}`}`,
  )

/** The names that a record's zone can have, longest first; a top-level domain is none. */
export const possibleZones = (name: string): string[] => {
  const labels = name.split('.')
  return labels.slice(0, -1).map((_label, i) => labels.slice(i).join('.'))
}
