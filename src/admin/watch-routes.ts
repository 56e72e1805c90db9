import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ApiError } from './api-error.ts'
import type { EngineCommands, EngineView } from './contract.ts'
import { noteChange } from './guard.ts'
import { DrainBody, DrainReply, ErrorReply } from './schemas.ts'

const LimitQuery = Type.Object(
  { limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,3}$', description: 'At most so many' })) },
  { additionalProperties: false },
)
type LimitQuery = Type.Static<typeof LimitQuery>
const TargetParams = Type.Object({ zone: Type.String({ maxLength: 64 }), target: Type.String({ maxLength: 200 }) })
type TargetParams = Type.Static<typeof TargetParams>

const Refusal = Type.Object({
  at: Type.String(),
  source: Type.String(),
  listener: Type.String(),
  why: Type.String(),
  count: Type.Integer(),
})

const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['edge']

/** What people watch: who was refused, what the log says; and targets taken out by hand. */
export const addWatchRoutes = (
  app: FastifyInstance,
  view: EngineView,
  commands: EngineCommands,
  log: (limit: number) => readonly Readonly<Record<string, unknown>>[],
): void => {
  app.get(
    '/api/security',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Sources that were refused, the latest first',
        tags,
        response: { 200: Type.Object({ refusals: Type.Array(Refusal), bans: Type.Array(Type.Unknown()) }), ...errors },
      },
    },
    () => ({ refusals: view.refusals(), bans: [] }),
  )

  app.get<{ Querystring: LimitQuery }>(
    '/api/log',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'The last lines of the log, newest last',
        tags,
        querystring: LimitQuery,
        response: { 200: Type.Object({ lines: Type.Array(Type.Unknown()) }), ...errors },
      },
    },
    ({ query }) => ({ lines: log(Number(query.limit ?? 200)) }),
  )

  app.post<{ Params: TargetParams; Body: { drain: boolean } }>(
    '/api/zones/:zone/targets/:target/drain',
    {
      config: { role: 'operator', audit: 'target-drain' },
      schema: {
        summary: 'Take a target out for new calls, or back in, until the next reload',
        tags,
        params: TargetParams,
        body: DrainBody,
        response: { 200: DrainReply, ...errors },
      },
    },
    (request) => {
      const { zone, target } = request.params
      const { drain } = request.body
      noteChange(request, { subject: `${zone} ${target}`, after: { drain } })
      if (!commands.drainTarget(zone, target, drain))
        throw new ApiError(404, 'unknown-target', 'There is no such zone or target; GET /api/state lists them')
      return { name: target, drain }
    },
  )
}
