import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import { hostText } from '../address/listener.ts'
import { TransportError } from '../base/errors.ts'
import { isLoopback, refusalOf } from './access.ts'
import { addRoutes, type Routed } from './routes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token. */
    readonly open?: boolean
  }
}

export interface AdminOptions extends Routed {
  /** An IP literal. */
  readonly address: string
  /** 0: any free port. */
  readonly port: number
  /** From `adminToken`; needed on addresses that are not loopback. */
  readonly token: string
}

export interface AdminServer {
  /** For tests, which need no socket: `app.inject`. */
  readonly app: FastifyInstance
  /** @returns the URL. @throws TransportError when the address cannot be bound */
  start(): Promise<string>
  /** Answers what is under way, then closes. */
  stop(): Promise<void>
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

const BODY_LIMIT = 64 * 1024
/** A host name (RFC 1035 §2.3.4) with a port, as one part of a path. */
const LONGEST_PARAMETER = 270
const REQUEST_MS = 10_000

/** The HTTP side of the edge: health, metrics, state and the few commands. */
export const createAdminServer = (options: AdminOptions): AdminServer => {
  const { address, port, token, log } = options
  const loopback = isLoopback(address)
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    // Of URLs that no route can be looked for: neither the hooks nor the error handler below see them.
    frameworkErrors: ({ statusCode = 400, code, message }, _request, reply) =>
      void (reply as unknown as FastifyReply).code(statusCode).headers(HEADERS).send({ code: code.toLowerCase(), message }),
    // What is wrong is said, not quietly put right.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    if (request.is404 || request.routeOptions.config.open === true) return
    const refusal = refusalOf(request, loopback, token)
    if (refusal === undefined) return
    const { status, code, message } = refusal
    log.warn({ from: request.ip, method: request.method, url: request.routeOptions.url }, `Admin request refused: ${message}`)
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="edgeways"')
    return reply.code(status).send({ code, message })
  })

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500, validation, message, code } = error
    if (validation !== undefined) return reply.code(400).send({ code: 'invalid', message: sentence(message, validation) })
    if (statusCode < 500) return reply.code(statusCode).send({ code: code.toLowerCase(), message })
    log.error({ err: error, method: request.method, url: request.routeOptions.url }, 'Admin request failed')
    return reply.code(500).send({ code: 'internal', message: 'Something went wrong inside; the log has it' })
  })

  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ code: 'not-found', message: `There is no ${request.method} ${request.url.split('?')[0]}` }),
  )

  addRoutes(app, options)

  return {
    app,
    start: async () => {
      try {
        await app.listen({ host: address, port })
      } catch (error) {
        const place = `${hostText(address)}:${port}`
        throw new TransportError('SBC_ADMIN_LISTEN', `The admin server cannot listen on ${place}; is it in use? Set admin.listen`, error)
      }
      const bound = app.server.address()
      return `http://${hostText(address)}:${typeof bound === 'object' && bound !== null ? bound.port : port}`
    },
    stop: () => app.close(),
  }
}

const sentence = (message: string, validation: NonNullable<FastifyError['validation']>): string => {
  const allowed: unknown = validation[0]?.params?.allowedValues
  return Array.isArray(allowed) ? `${message}: ${allowed.join(', ')}` : message
}
