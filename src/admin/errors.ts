import type { FastifyError, FastifyInstance } from 'fastify'
import { CertificateError } from '../base/errors.ts'
import { ConfigError } from '../config/errors.ts'
import type { Log } from '../observability/log.ts'
import { ApiError } from './api-error.ts'
import { HEADERS } from './headers.ts'

/** Stable words for what the framework refuses. */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid',
  404: 'not-found',
  408: 'too-slow',
  413: 'too-large',
  414: 'too-long',
  415: 'unsupported-media-type',
}

/** Every answer from 400 on is `{ code, message }`; of what broke inside, the log alone has the story. */
export const answerErrors = (app: FastifyInstance, log: Log): void => {
  const routes: { readonly method: string; readonly path: RegExp }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return
    const path = new RegExp(`^${url.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}$`)
    for (const one of [method].flat()) routes.push({ method: one, path })
  })

  app.setErrorHandler((error: FastifyError | ApiError | CertificateError | ConfigError, request, reply) => {
    // A page that was looked for has left headers of its own
    reply.headers(HEADERS)
    if (error instanceof ApiError) return reply.code(error.status).headers(error.headers).send({ code: error.code, message: error.message })
    // Both are sentences for people, about what they have brought
    if (error instanceof CertificateError || error instanceof ConfigError)
      return reply.code(422).send({ code: error.code, message: error.message })
    const { statusCode = 500, validation, message, code } = error as FastifyError
    if (validation !== undefined) return reply.code(400).send({ code: 'invalid', message: sentence(message, validation) })
    if (statusCode < 500) return reply.code(statusCode).send({ code: CODES[statusCode] ?? code?.toLowerCase() ?? 'refused', message })
    log.error({ err: error, method: request.method, url: request.routeOptions.url }, 'Admin request failed')
    return reply.code(500).send({ code: 'internal', message: 'Something went wrong inside; the log has it' })
  })

  app.setNotFoundHandler((request, reply) => {
    reply.headers(HEADERS)
    const { method } = request
    const path = request.url.split('?')[0]!
    const allowed = [...new Set(routes.filter((route) => route.path.test(path)).map((route) => route.method))]
    if (allowed.length === 0) return reply.code(404).send({ code: 'not-found', message: `There is no ${method} ${path.slice(0, 200)}` })
    const message = `${method} is not for ${path}; it knows ${allowed.join(', ')}`
    return reply.code(405).header('allow', allowed.join(', ')).send({ code: 'method-not-allowed', message })
  })
}

const sentence = (message: string, validation: NonNullable<FastifyError['validation']>): string => {
  const allowed: unknown = validation[0]?.params?.allowedValues
  return Array.isArray(allowed) ? `${message}: ${allowed.join(', ')}` : message
}
