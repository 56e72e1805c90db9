import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Log } from '../observability/log.ts'
import type { EngineCommands, EngineView } from './contract.ts'
import { healthOf } from './health.ts'
import { ErrorReply, Health, LogLevelBody, ReloadApplied, ReloadRefused, State } from './schemas.ts'

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
      ...(lastReload && { lastReload }),
    }
  })

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
