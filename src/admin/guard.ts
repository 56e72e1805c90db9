import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Clock } from '../base/clock.ts'
import { InvariantError } from '../base/errors.ts'
import { Sparingly } from '../base/sparingly.ts'
import type { Log } from '../observability/log.ts'
import { changes, createAccess, foreignPage, isRefusal, noSessionCookie, type Principal, type Refusal } from './access.ts'
import { ApiError } from './api-error.ts'
import type { Accounts } from './auth/accounts.ts'
import type { AuditFacts } from './auth/audit.ts'
import { mayAs, type Role } from './auth/roles.ts'
import type { EventHub } from './events.ts'

/** What a route tells the audit log beyond who, when and from where. `who`: of a sign-in, where nobody is known before. */
export interface Change {
  readonly who?: string
  readonly subject?: string
  readonly before?: unknown
  readonly after?: unknown
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without credentials. Every other route has a role. */
    readonly open?: boolean
    /** The least role that may. */
    readonly role?: Role
    /** For people who signed in with a browser, not for tokens. */
    readonly session?: boolean
    /** The word of the audit log for it; false: it changes nothing that lasts. Every route that changes something has one. */
    readonly audit?: string | false
  }
  interface FastifyRequest {
    principal: Principal | undefined
    change: Change | undefined
  }
}

export interface GuardOptions {
  readonly address: string
  readonly secure: boolean
  readonly token: string
  readonly accounts: Accounts | undefined
  readonly events: EventHub
  readonly clock: Clock
  readonly log: Log
}

/** Who asks, on a route that is not open. */
export const principalOf = ({ principal, routeOptions }: FastifyRequest): Principal => {
  if (principal === undefined) throw new InvariantError(`Route ${routeOptions.url} is open and asks who it is`)
  return principal
}

/** Tells the audit log more of what this request changes; call it before the answer. */
export const noteChange = (request: FastifyRequest, change: Change): void => {
  request.change = { ...request.change, ...change }
}

const WHO = '/api/session'
/** Refusals of strangers that are written down, in a minute. */
const LOGGED = 60
const AUDITED = 60
/** Answers that mean: whoever it was made a mistake in writing, or is to wait. */
const NO_ATTEMPT = [400, 404, 405, 413, 414, 415, 429, 503]

/** Lets through who may, and writes down who did what. */
export const guard = (app: FastifyInstance, options: GuardOptions): void => {
  const { log, clock } = options
  const accessOf = createAccess(options)
  const sparingly = new Sparingly(clock, LOGGED)
  app.decorateRequest('principal', undefined)
  app.decorateRequest('change', undefined)
  app.addHook('onRoute', checkRoute)

  const refused = (request: FastifyRequest, reply: FastifyReply, { status, code, message }: Refusal): FastifyReply => {
    // Each page asks who it is before anybody has signed in
    const asks = request.routeOptions.url === WHO && request.headers.authorization === undefined
    const leftOut = asks ? undefined : sparingly.pass()
    if (leftOut !== undefined) {
      const { method, ip: from, principal } = request
      const fields = {
        from,
        method,
        url: request.routeOptions.url,
        ...(principal && { who: principal.who }),
        ...(leftOut > 0 && { leftOut }),
      }
      log.warn(fields, `Admin request refused: ${message}`)
    }
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="edgeways"')
    if (code === 'session-over') reply.header('set-cookie', noSessionCookie)
    return reply.code(status).send({ code, message })
  }

  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions
    if (request.is404) return
    const open = config.open === true
    const foreign = open && !changes(request.method) ? undefined : foreignPage(request)
    if (foreign !== undefined) return refused(request, reply, foreign)
    if (open) return
    const result = accessOf(request)
    if (isRefusal(result)) return refused(request, reply, result)
    request.principal = result
    if (!mayAs(result.role, config.role!)) {
      const message = `This needs the role ${config.role}, and ${result.who} has the role ${result.role}`
      return refused(request, reply, { status: 403, code: 'forbidden', message })
    }
    if (config.session === true && result.signedIn === undefined) {
      const message = 'This is for people who signed in with a browser, not for tokens'
      return refused(request, reply, { status: 403, code: 'session-only', message })
    }
  })

  if (options.accounts !== undefined) addAudit(app, options.accounts, options)
}

const checkRoute = ({ url, config, method }: RouteOptions): void => {
  if (config?.open !== true && config?.role === undefined) throw new InvariantError(`Route ${url} says neither that it is open nor a role`)
  const changing = [method].flat().some(changes)
  if (changing && config.audit === undefined) throw new InvariantError(`Route ${url} changes something and has no word for the audit log`)
}

/** The answer goes out when the line is on disk. */
const addAudit = (app: FastifyInstance, accounts: Accounts, { events, clock, log }: GuardOptions): void => {
  const sparingly = new Sparingly(clock, AUDITED)
  app.addHook('onSend', async (request, reply) => {
    const { audit } = request.routeOptions.config
    const status = reply.statusCode
    const { principal, change, ip: from } = request
    const who = change?.who ?? principal?.who
    if (typeof audit !== 'string' || who === undefined || NO_ATTEMPT.includes(status)) return
    let leftOut: number | undefined = 0
    if (status >= 400 && status < 500) {
      leftOut = sparingly.pass()
      if (leftOut === undefined) return
    }
    const facts: AuditFacts = {
      ...(principal && { role: principal.role }),
      from,
      what: audit,
      ...change,
      who,
      result: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
      status,
      ...(leftOut > 0 && { leftOut }),
    }
    try {
      events.publish('audit', await accounts.audit.append(facts))
    } catch (err) {
      // It is done already: the log is the next best place
      log.error({ err, audit: facts }, 'The audit log could not be written')
    }
  })
}

/** For routes that need accounts where there are none. */
export const signedInOf = (request: FastifyRequest): NonNullable<Principal['signedIn']> => {
  const { signedIn } = principalOf(request)
  if (signedIn === undefined) throw new ApiError(403, 'session-only', 'This is for people who signed in with a browser, not for tokens')
  return signedIn
}
