import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Server } from 'node:https'
import { type FastifyInstance, type FastifyReply, type FastifyServerOptions, fastify } from 'fastify'
import { hostText } from '../address/listener.ts'
import type { Clock } from '../base/clock.ts'
import { InvariantError, TransportError } from '../base/errors.ts'
import { createAccess, isLoopback } from './access.ts'
import type { Accounts } from './auth/accounts.ts'
import { addSessionRoutes } from './auth/session-routes.ts'
import { addUserRoutes } from './auth/user-routes.ts'
import { ConnectionLimits } from './connection-limits.ts'
import { answerErrors } from './errors.ts'
import { addEventRoute } from './event-routes.ts'
import { EventHub } from './events.ts'
import { guard } from './guard.ts'
import { HEADERS, transportHeaders } from './headers.ts'
import { addOpenApiRoute, describeRoutes, type OpenApi } from './openapi.ts'
import { addRoutes, type Routed } from './routes.ts'
import { addPages } from './static.ts'
import { type WebSocketDesk, WebSocketDoor } from './web-socket.ts'

/** PEM. */
export interface AdminTls {
  readonly cert: string
  readonly key: string
}

interface AdminRoutes extends Routed {
  /** Without: nobody can sign in, there are no tokens but the one, and no audit log. */
  readonly accounts?: Accounts | undefined
  /** Adds the routes of other parts; each says its `config.role`, and `config.audit` where it changes something. */
  readonly more?: readonly ((app: FastifyInstance) => void)[]
}

export interface AdminOptions extends AdminRoutes {
  /** An IP literal. */
  readonly address: string
  /** 0: any free port. */
  readonly port: number
  /** From `adminToken`: good for everything, everywhere. */
  readonly token: string
  /** Without: plain HTTP, which starts on loopback alone. */
  readonly tls?: AdminTls | undefined
  /** Made here when there is none. */
  readonly events?: EventHub | undefined
  /** Absolute path of the folder with the built pages. */
  readonly pages?: string | undefined
  /** Without: no WebSocket connections come in by this port. */
  readonly webSocket?: WebSocketDesk | undefined
  readonly clock?: Clock
}

export interface AdminServer {
  /** For tests, which need no socket: `app.inject`. */
  readonly app: FastifyInstance
  readonly events: EventHub
  /** @returns the URL. @throws TransportError when the address cannot be bound */
  start(): Promise<string>
  /** Another certificate for handshakes from now on; connections stay. @throws TransportError when it cannot be used */
  setTls(tls: AdminTls): void
  /** Looks whether those who use the test phone still may. */
  sweepPhones(): void
  /** Answers what is under way, ends streams, then closes. */
  stop(): Promise<void>
}

const BODY_LIMIT = 64 * 1024
/** A host name (RFC 1035 §2.3.4) with a port, as one part of a path. */
const LONGEST_PARAMETER = 270
const REQUEST_MS = 10_000
/** Of browsers that do nothing. */
const KEEP_ALIVE_MS = 20_000

const SYSTEM_CLOCK: Clock = { now: () => performance.now(), wall: () => Date.now() }

/** TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3. */
const TLS_RULES = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ].join(':'),
} as const

/** The web side of the edge: pages, API, health and metrics. */
export const createAdminServer = (options: AdminOptions): AdminServer => {
  const { address, port, token, accounts, tls, log, pages, view, clock = SYSTEM_CLOCK } = options
  const secure = tls !== undefined
  const events = options.events ?? new EventHub({ clock, every: everySoOften })
  const app = createApp(tls)
  const limits = new ConnectionLimits(app.server)
  const door =
    options.webSocket &&
    new WebSocketDoor(app.server, {
      desk: options.webSocket,
      plain: !secure,
      accessOf: createAccess({ address, secure, token, accounts }),
      limits,
    })

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...HEADERS, ...transportHeaders(secure, request.headers.host) })
  })
  answerErrors(app, log)
  guard(app, { address, secure, token, accounts, events, clock, log })
  // What comes as text/plain can come from a form of any page
  app.removeContentTypeParser('text/plain')
  describeRoutes(app, view.version)
  app.register(async (inner) => addAllRoutes(inner, options, events))
  if (pages !== undefined) addPages(app, pages)

  accounts?.onEnded(() => {
    events.sweep()
    door?.sweep()
  })
  // Streams have no end of their own
  app.addHook('preClose', async () => events.close())
  app.addHook('onClose', async () => accounts?.close())

  return {
    app,
    events,
    start: async () => {
      if (!secure && !isLoopback(address)) throw new InvariantError(`The admin server would speak plain HTTP on ${address}`)
      try {
        await app.listen({ host: address, port })
      } catch (error) {
        const place = `${hostText(address)}:${port}`
        throw new TransportError('SBC_ADMIN_LISTEN', `The admin server cannot listen on ${place}; is it in use? Set admin.listen`, error)
      }
      const bound = app.server.address()
      return `${secure ? 'https' : 'http'}://${hostText(address)}:${typeof bound === 'object' && bound !== null ? bound.port : port}`
    },
    setTls: (fresh) => {
      if (!secure) throw new InvariantError('The admin server speaks plain HTTP and takes no certificate')
      usable(() => (app.server as unknown as Server).setSecureContext({ ...TLS_RULES, ...fitting(fresh) }))
    },
    sweepPhones: () => door?.sweep(),
    stop: () => app.close(),
  }
}

/** Everything under `/api`, and the metrics. */
const addAllRoutes = (app: FastifyInstance, options: AdminRoutes, events: EventHub): void => {
  addRoutes(app, options)
  addEventRoute(app, events)
  if (options.accounts !== undefined) {
    addSessionRoutes(app, options.accounts)
    addUserRoutes(app, options.accounts)
  }
  addOpenApiRoute(app)
  for (const add of options.more ?? []) add(app)
}

/**
 * The OpenAPI document of routes that nobody calls, for docs/api.md.
 * @param more as in `AdminOptions`; what they use may be made of cardboard
 */
export const apiDescription = async (version: string, more: AdminOptions['more'] = []): Promise<OpenApi> => {
  const app = fastify()
  const nobody = {} as Accounts
  const events = new EventHub({ clock: SYSTEM_CLOCK, every: everySoOften })
  describeRoutes(app, version)
  app.register(async (inner) => addAllRoutes(inner, { ...({} as Routed), accounts: nobody, more }, events))
  await app.ready()
  const document = app.swagger() as unknown as OpenApi
  await app.close()
  return document
}

const createApp = (tls: AdminTls | undefined): FastifyInstance => {
  const options: FastifyServerOptions = {
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Without TLS a reverse proxy of this machine stands before us, and tells who it speaks for
    trustProxy: tls === undefined ? 'loopback' : false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    // Of URLs that no route can be looked for: neither the hooks nor the error handler see them.
    frameworkErrors: ({ statusCode = 400, message }, request, reply) =>
      void (reply as unknown as FastifyReply)
        .code(statusCode)
        .headers({ ...HEADERS, ...transportHeaders(tls !== undefined, request.headers.host) })
        .send({ code: statusCode === 414 ? 'too-long' : 'invalid', message }),
    // What is wrong is said, not quietly put right.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  }
  const app = usable(() =>
    tls === undefined
      ? fastify(options)
      : (fastify<Server>({
          ...(options as unknown as FastifyServerOptions<Server>),
          https: { ...TLS_RULES, ...fitting(tls), handshakeTimeout: REQUEST_MS },
        }) as unknown as FastifyInstance),
  )
  return app
}

/** OpenSSL takes a certificate without a key, or the key of another one, and every handshake fails. */
const fitting = ({ cert, key }: AdminTls): AdminTls => {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is the key of another certificate')
  return { cert, key }
}

const usable = <R>(run: () => R): R => {
  try {
    return run()
  } catch (cause) {
    const message = `The certificate of the admin server cannot be used: ${(cause as Error).message}; look at admin.certificate`
    throw new TransportError('SBC_TRANSPORT_TLS', message, cause)
  }
}

const everySoOften = (ms: number, run: () => void): (() => void) => {
  const timer = setInterval(run, ms)
  return () => clearInterval(timer)
}
