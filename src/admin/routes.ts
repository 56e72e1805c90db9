import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { CertificateView } from '../certs/types.ts'
import type { Log } from '../observability/log.ts'
import type { EngineCommands, EngineView } from './contract.ts'
import { noteChange, principalOf } from './guard.ts'
import { healthOf } from './health.ts'
import {
  Calls,
  CallsQuery,
  DrainBody,
  DrainReply,
  ErrorReply,
  Health,
  LogLevelBody,
  NameParams,
  ReloadApplied,
  ReloadRefused,
  State,
} from './schemas.ts'
import { type Counters, stateOf } from './state.ts'

/** The Prometheus page: `EdgeMetrics` is one. */
export interface MetricsPage {
  readonly contentType: string
  text(): Promise<string>
  counters(): Counters
}

export interface Routed {
  readonly view: EngineView
  readonly commands: EngineCommands
  readonly metrics: MetricsPage
  readonly log: Log
  /** What listeners show; undefined: nobody looks after them. */
  readonly certificates?: (() => readonly CertificateView[]) | undefined
}

/** A page of calls that people still read, and what a client may ask for at most. */
const USUAL_CALLS = 100
const MOST_CALLS = 1000

const nodeNames = (view: EngineView): string => {
  const names = view.media().nodes.map(({ name }) => name)
  return names.length === 0 ? 'there is none at all' : `there is ${names.join(', ')}`
}

/** For load balancers and Prometheus, which carry no token. */
const OPEN = { config: { open: true } } as const
const LOOK = { config: { role: 'viewer' } } as const
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const edge = ['edge'] as const

/** Who did it, for the log. */
const by = (request: FastifyRequest) => ({ from: request.ip, who: principalOf(request).who })

export const addRoutes = (app: FastifyInstance, { view, commands, metrics, log, certificates }: Routed): void => {
  for (const url of ['/api/health', '/api/health/ready']) {
    const summary = 'Whether it takes calls: 200 when it does, 503 when not, with the reasons'
    app.get(url, { ...OPEN, schema: { summary, tags: ['health'], response: { 200: Health, 503: Health } } }, (_request, reply) => {
      const health = healthOf(view, certificates?.())
      return reply.code(health.ready ? 200 : 503).send(health)
    })
  }

  const live = { summary: 'Whether the process answers', tags: ['health'], response: { 200: Health } }
  app.get('/api/health/live', { ...OPEN, schema: live }, () => healthOf(view, certificates?.()))

  const prometheus = { summary: 'Metrics, for Prometheus', tags: ['health'], response: { 200: Type.String() } }
  app.get('/metrics', { ...OPEN, schema: prometheus }, async (_request, reply) =>
    reply
      .serializer((text: string) => text)
      .type(metrics.contentType)
      .send(await metrics.text()),
  )

  const state = {
    summary: 'Listeners, zones, targets, media, transactions and the last reload',
    tags: edge,
    response: { 200: State, ...errors },
  }
  app.get('/api/state', { ...LOOK, schema: state }, () => stateOf(view, metrics.counters()))

  app.get<{ Querystring: CallsQuery }>(
    '/api/calls',
    { ...LOOK, schema: { summary: 'Calls of now', tags: ['calls'], querystring: CallsQuery, response: { 200: Calls, ...errors } } },
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

  app.post<{ Params: NameParams; Body: DrainBody }>(
    '/api/media/nodes/:name/drain',
    {
      config: { role: 'operator', audit: 'media-drain' },
      schema: {
        summary: 'Take an rtpengine out for new calls, or back in',
        tags: edge,
        params: NameParams,
        body: DrainBody,
        response: { 200: DrainReply, ...errors },
      },
    },
    (request, reply) => {
      const { name } = request.params
      const { drain } = request.body
      noteChange(request, { subject: name, after: { drain } })
      if (!commands.drainNode(name, drain)) {
        return reply.code(404).send({ code: 'unknown-node', message: `There is no rtpengine of that name; ${nodeNames(view)}` })
      }
      log.info({ ...by(request), node: name, drain }, drain ? 'rtpengine drained by the API' : 'rtpengine taken back by the API')
      return { name, drain }
    },
  )

  const reloading = {
    config: { role: 'operator', audit: 'reload' },
    schema: {
      summary: 'Take the configuration file over, whole or not at all',
      tags: edge,
      response: { 200: ReloadApplied, 422: ReloadRefused, ...errors },
    },
  } as const
  app.post('/api/reload', reloading, async (request, reply) => {
    log.info(by(request), 'Reload asked for by the API')
    const reload = await commands.reload()
    noteChange(request, { after: reload.result === 'applied' ? { changes: reload.changes } : { problems: reload.problems } })
    return reply.code(reload.result === 'applied' ? 200 : 422).send(reload)
  })

  const logLevel = { summary: 'Least severity that is logged', tags: edge, response: { 200: LogLevelBody, ...errors } }
  app.get('/api/log-level', { ...LOOK, schema: logLevel }, () => ({ level: view.logLevel() }))

  app.put<{ Body: LogLevelBody }>(
    '/api/log-level',
    {
      config: { role: 'operator', audit: 'log-level' },
      schema: {
        summary: 'Log more or less, until the next start or reload',
        tags: edge,
        body: LogLevelBody,
        response: { 200: LogLevelBody, ...errors },
      },
    },
    (request) => {
      const { level } = request.body
      noteChange(request, { before: view.logLevel(), after: level })
      commands.setLogLevel(level)
      log.info({ ...by(request), to: level }, 'Log level changed by the API')
      return { level: view.logLevel() }
    },
  )
}
