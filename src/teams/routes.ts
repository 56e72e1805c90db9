import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { ApiError } from '../admin/api-error.ts'
import { ErrorReply } from '../admin/schemas.ts'
import { ConfigError } from '../config/errors.ts'
import { explain } from './codes.ts'
import type { TeamsDesk } from './desk.ts'
import { DoctorBody, ExplainQuery, ExplainReply, IdParams, NameBody, NameReply, Report, SetupBody, SetupReply, Views } from './schemas.ts'
import type { SetupAnswers } from './types.ts'

const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['teams']
const LOOK = { config: { role: 'viewer' } } as const
/** They ask the world, and change nothing. */
const ASK = { config: { role: 'operator', audit: false } } as const

/** Microsoft Teams: status, doctor, and what the wizard needs. */
export const addTeamsRoutes = (app: FastifyInstance, desk: TeamsDesk): void => {
  app.get(
    '/api/teams',
    {
      ...LOOK,
      schema: { summary: 'How each zone and Microsoft see each other, and what to do next', tags, response: { 200: Views, ...errors } },
    },
    () => desk.views(),
  )

  app.post<{ Body: DoctorBody }>(
    '/api/teams/doctor',
    {
      ...ASK,
      schema: {
        summary: 'Look at everything between a zone and Microsoft; the event `doctor` tells of each step',
        tags,
        body: DoctorBody,
        response: { 202: Report, ...errors },
      },
    },
    async (request, reply) => {
      const start = desk.start(request.body.zone)
      switch (start.kind) {
        case 'started':
          return reply.code(202).send(start.report)
        case 'wait':
          throw new ApiError(429, 'busy', `The doctor was here a moment ago; ask again in ${start.seconds} s`, {
            'retry-after': String(start.seconds),
          })
        case 'unknown':
          throw new ApiError(404, 'unknown-zone', start.why)
      }
    },
  )

  const existing = <T>(found: T | undefined): T => {
    if (found === undefined) throw new ApiError(404, 'unknown-report', 'There is no such report any more; the last twenty are kept')
    return found
  }

  app.get<{ Params: IdParams }>(
    '/api/teams/doctor/:id',
    {
      ...LOOK,
      schema: {
        summary: 'A report of the doctor, also while it is being made',
        tags,
        params: IdParams,
        response: { 200: Report, ...errors },
      },
    },
    ({ params: { id } }) => existing(desk.report(id)),
  )

  app.get<{ Params: IdParams }>(
    '/api/teams/doctor/:id/text',
    {
      ...LOOK,
      schema: { summary: 'The same as text, for a support ticket', tags, params: IdParams, response: { 200: Type.String(), ...errors } },
    },
    async ({ params: { id } }, reply) => {
      const text = existing(desk.text(id))
      return reply
        .serializer((body: string) => body)
        .type('text/plain; charset=utf-8')
        .header('content-disposition', 'attachment; filename="teams-doctor.txt"')
        .send(text)
    },
  )

  app.get<{ Querystring: ExplainQuery }>(
    '/api/teams/explain',
    {
      ...LOOK,
      schema: {
        summary: "What a code or a Reason text of Microsoft's means",
        tags,
        querystring: ExplainQuery,
        response: { 200: ExplainReply, ...errors },
      },
    },
    ({ query }) => {
      const { meaning, remedy, guid } = explain(query.text, query.status === undefined ? undefined : Number(query.status))
      if (meaning === undefined) throw new ApiError(404, 'unknown-code', 'Nothing is known of this code or text')
      return { meaning, remedy, ...(guid === undefined ? {} : { guid }) }
    },
  )

  app.post<{ Body: NameBody }>(
    '/api/teams/name',
    {
      ...ASK,
      schema: {
        summary: 'What the world sees of a name, and whether it is good for a trunk',
        tags,
        body: NameBody,
        response: { 200: NameReply, ...errors },
      },
    },
    ({ body: { name } }) => desk.name(name),
  )

  app.post<{ Body: SetupAnswers }>(
    '/api/teams/setup',
    {
      ...ASK,
      schema: {
        summary: 'The configuration with a zone for Teams in it, and the lines for PowerShell; nothing is changed by it',
        tags,
        body: SetupBody,
        response: { 200: SetupReply, ...errors },
      },
    },
    async ({ body }) => {
      try {
        return await desk.setup(body)
      } catch (error) {
        if (error instanceof ConfigError) throw new ApiError(422, 'config', error.message)
        throw error
      }
    },
  )
}
