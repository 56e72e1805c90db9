import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Log } from '../observability/log.ts'
import type { EngineCommands, EngineView } from './contract.ts'
import { healthOf } from './health.ts'
import {
  Calls,
  CallsQuery,
  DrainBody,
  DrainReply,
  ErrorReply,
  Health,
  LogLevelBody,
  ReloadApplied,
  ReloadRefused,
  State,
} from './schemas.ts'

/** The Prometheus page: `EdgeMetrics` is one. */
export interface MetricsPage {
  readonly contentType: string
  text(): Promise<string>
}

export interface Routed {
  readonly view: EngineView
  readonly commands: EngineCommands
  readonly metrics: MetricsPage
  readonly log: Log
}

/** A page of calls that people still read, and what a client may ask for at most. */
const USUAL_CALLS = 100
const MOST_CALLS = 1000

const nodeNames = (view: EngineView): string => {
  const names = view.media().nodes.map(({ name }) => name)
  return names.length === 0 ? 'there is none at all' : `there is ${names.join(', ')}`
}

/** For load balancers and Prometheus, which carry no token. Every other route is guarded. */
const OPEN = { config: { open: true } } as const
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const

export const addRoutes = (app: FastifyInstance, { view, commands, metrics, log }: Routed): void => {
  for (const url of ['/api/health', '/api/health/ready']) {
    app.get(url, { ...OPEN, schema: { response: { 200: Health, 503: Health } } }, (_request, reply) => {
      const health = healthOf(view)
      return reply.code(health.ready ? 200 : 503).send(health)
    })
  }

  app.get('/api/health/live', { ...OPEN, schema: { response: { 200: Health } } }, () => healthOf(view))

  app.get('/metrics', { ...OPEN, schema: { response: { 200: Type.String() } } }, async (_request, reply) =>
    reply
      .serializer((text: string) => text)
      .type(metrics.contentType)
      .send(await metrics.text()),
  )

  app.get('/api/state', { schema: { response: { 200: State, ...errors } } }, () => {
    const listeners = view.listeners()
    const lastReload = view.lastReload()
    return {
      version: view.version,
      phase: view.phase(),
      uptimeSeconds: view.uptimeSeconds(),
      logLevel: view.logLevel(),
      listeners,
      zones: view.zones(),
      transactions: view.transactions(),
      openFlows: listeners.reduce((sum, { flows }) => sum + flows, 0),
      media: view.media(),
      ...(lastReload && { lastReload }),
    }
  })

  app.get<{ Querystring: CallsQuery }>(
    '/api/calls',
    { schema: { querystring: CallsQuery, response: { 200: Calls, ...errors } } },
    (request, reply) => {
      const { limit = String(USUAL_CALLS) } = request.query
      if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST_CALLS) {
        const message = `limit is a whole number from 1 to ${MOST_CALLS}, not "${limit.slice(0, 20)}"`
        return reply.code(400).send({ code: 'invalid', message })
      }
      const calls = view.calls(Number(limit))
      return { calls, total: view.media().sessions }
    },
  )

  app.post<{ Params: { name: string }; Body: DrainBody }>(
    '/api/media/nodes/:name/drain',
    { schema: { body: DrainBody, response: { 200: DrainReply, ...errors } } },
    (request, reply) => {
      const { name } = request.params
      const { drain } = request.body
      if (!commands.drainNode(name, drain)) {
        return reply.code(404).send({ code: 'unknown-node', message: `There is no rtpengine of that name; ${nodeNames(view)}` })
      }
      log.info({ from: request.ip, node: name, drain }, drain ? 'rtpengine drained by the API' : 'rtpengine taken back by the API')
      return { name, drain }
    },
  )

  app.post('/api/reload', { schema: { response: { 200: ReloadApplied, 422: ReloadRefused, ...errors } } }, async (request, reply) => {
    log.info({ from: request.ip }, 'Reload asked for by the API')
    const reload = await commands.reload()
    return reply.code(reload.result === 'applied' ? 200 : 422).send(reload)
  })

  app.get('/api/log-level', { schema: { response: { 200: LogLevelBody, ...errors } } }, () => ({ level: view.logLevel() }))

  app.put<{ Body: LogLevelBody }>(
    '/api/log-level',
    { schema: { body: LogLevelBody, response: { 200: LogLevelBody, ...errors } } },
    (request) => {
      const { level } = request.body
      commands.setLogLevel(level)
      log.info({ from: request.ip, to: level }, 'Log level changed by the API')
      return { level: view.logLevel() }
    },
  )
}
