import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ConfigError } from '../config/errors.ts'
import { ApiError } from './api-error.ts'
import type { ConfigDesk, ConfigSaved } from './contract.ts'
import { noteChange, principalOf } from './guard.ts'
import { Changes, ErrorReply, Problems } from './schemas.ts'

/** A configuration is a few pages; the largest that anybody wrote had some hundred zones. */
export const CONFIG_LIMIT = 1024 * 1024

const text = Type.String({ maxLength: CONFIG_LIMIT, description: 'The whole file, YAML' })
const TextBody = Type.Object({ text }, { additionalProperties: false })
type TextBody = Type.Static<typeof TextBody>
const SaveBody = Type.Object(
  { text, version: Type.String({ maxLength: 64, description: 'Of the text that it was made from' }) },
  { additionalProperties: false },
)
type SaveBody = Type.Static<typeof SaveBody>
const IdParams = Type.Object({ id: Type.String({ maxLength: 40, description: 'Of a version, as the history has it' }) })
type IdParams = Type.Static<typeof IdParams>

const ConfigReply = Type.Object({ text: Type.String(), version: Type.String(), file: Type.String() })
const CheckReply = Type.Object({ ok: Type.Boolean(), problems: Problems, changes: Changes })
const Saved = Type.Object({ result: Type.String(), at: Type.String(), changes: Changes, problems: Problems, version: Type.String() })
const Refused = Type.Object({ result: Type.String(), at: Type.String(), problems: Problems })
const Versions = Type.Object({
  versions: Type.Array(Type.Object({ id: Type.String(), at: Type.String(), by: Type.String(), changes: Changes })),
})
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['configuration']
const saving = { 200: Saved, 409: ErrorReply, 422: Refused, ...errors } as const

/** The configuration file: read, checked, changed, and put back. */
export const addConfigRoutes = (app: FastifyInstance, desk: ConfigDesk): void => {
  app.get(
    '/api/config',
    { config: { role: 'operator' }, schema: { summary: 'The configuration file', tags, response: { 200: ConfigReply, ...errors } } },
    () => told(desk.read()),
  )

  app.post<{ Body: TextBody }>(
    '/api/config/check',
    {
      bodyLimit: 2 * CONFIG_LIMIT,
      config: { role: 'operator', audit: false },
      schema: {
        summary: 'What is wrong with a text, and what it would change',
        tags,
        body: TextBody,
        response: { 200: CheckReply, ...errors },
      },
    },
    (request) => desk.check(request.body.text),
  )

  app.put<{ Body: SaveBody }>(
    '/api/config',
    {
      bodyLimit: 2 * CONFIG_LIMIT,
      config: { role: 'admin', audit: 'config' },
      schema: { summary: 'Write the file and take it over, or refuse it whole', tags, body: SaveBody, response: saving },
    },
    async (request, reply) => {
      const { text: written, version } = request.body
      return answerSaved(request, reply, await told(desk.save(written, version, principalOf(request).who)))
    },
  )

  app.get(
    '/api/config/schema',
    { config: { role: 'viewer' }, schema: { summary: 'JSON Schema of the file', tags, response: { 200: Type.Unknown(), ...errors } } },
    () => desk.schema(),
  )

  app.get(
    '/api/config/effective',
    {
      config: { role: 'operator' },
      schema: { summary: 'With all defaults, and where each value is from', tags, response: { 200: TextBody, ...errors } },
    },
    async () => ({ text: await told(desk.effective()) }),
  )

  app.get(
    '/api/config/history',
    { config: { role: 'operator' }, schema: { summary: 'Earlier versions, newest first', tags, response: { 200: Versions, ...errors } } },
    async () => ({ versions: await told(desk.history()) }),
  )

  app.get<{ Params: IdParams }>(
    '/api/config/history/:id',
    {
      config: { role: 'operator' },
      schema: { summary: 'An earlier version', tags, params: IdParams, response: { 200: TextBody, ...errors } },
    },
    async ({ params: { id } }) => {
      const found = await desk.version(id)
      if (found === undefined) throw unknownVersion()
      return { text: found }
    },
  )

  app.post<{ Params: IdParams }>(
    '/api/config/history/:id/restore',
    {
      config: { role: 'admin', audit: 'config-restore' },
      schema: { summary: 'Put an earlier version in force again', tags, params: IdParams, response: saving },
    },
    async (request, reply) => {
      const { id } = request.params
      noteChange(request, { subject: id })
      const saved = await told(desk.restore(id, principalOf(request).who))
      if (saved === undefined) throw unknownVersion()
      return answerSaved(request, reply, saved)
    },
  )
}

const unknownVersion = (): ApiError => new ApiError(404, 'unknown-version', 'There is no such version; GET /api/config/history lists them')

/** What became of a text that was to be saved. @throws ApiError 409 */
export const answerSaved = (request: FastifyRequest, reply: FastifyReply, saved: ConfigSaved) => {
  switch (saved.result) {
    case 'conflict':
      throw new ApiError(409, 'conflict', 'The file was changed in the meantime: read it again, and make your change there')
    case 'refused':
      noteChange(request, { after: { refused: saved.problems.map(({ message }) => message) } })
      return reply.code(422).send(saved)
    case 'applied':
      noteChange(request, { after: { changes: saved.changes } })
      return saved
  }
}

/** What cannot be read is the operator's to repair. */
const told = async <T>(promise: Promise<T>): Promise<T> => {
  try {
    return await promise
  } catch (error) {
    if (error instanceof ConfigError) throw new ApiError(422, 'config', error.message)
    throw error
  }
}
