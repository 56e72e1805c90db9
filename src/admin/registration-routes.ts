import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { ApiError } from './api-error.ts'
import type { EngineCommands, EngineView } from './contract.ts'
import type { EventHub } from './events.ts'
import { noteChange } from './guard.ts'
import { ErrorReply } from './schemas.ts'

const ListQuery = Type.Object(
  {
    search: Type.Optional(
      Type.String({ maxLength: 100, description: 'Part of the address, Contact, remote address, zone or User-Agent, in any case' }),
    ),
    skip: Type.Optional(Type.String({ pattern: '^\\d{1,7}$', description: 'How many come before the first one; 0' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,2}$', description: 'At most so many, up to 999; 100' })),
  },
  { additionalProperties: false },
)
const IdParams = Type.Object({ id: Type.String({ maxLength: 64, description: 'As the list has it' }) })

const time = (description: string) => Type.String({ description: `${description}, ISO 8601` })

const Registration = Type.Object({
  id: Type.String({ description: 'Stays the same over refreshes and restarts' }),
  aor: Type.String({ description: 'Address-of-record, such as alice@example.com' }),
  contact: Type.String({ description: 'URI, as the client wrote it' }),
  instance: Type.Optional(Type.String({ description: '+sip.instance (RFC 5626)' })),
  zone: Type.String(),
  listener: Type.String(),
  transport: Type.String(),
  remote: Type.String({ description: 'Address and port; empty while its connection is gone' }),
  lostSince: Type.Optional(time('When its connection was lost; absent: it can be reached')),
  registrar: Type.Optional(
    Type.Object({ zone: Type.String(), target: Type.String() }, { description: 'Where it is registered; absent: with the edge itself' }),
  ),
  since: time('When it came'),
  refreshedAt: time('When it was last renewed'),
  expiresInSeconds: Type.Integer({ description: 'From now on' }),
  userAgent: Type.Optional(Type.String()),
  nat: Type.Array(Type.String(), { description: 'What shows that it is behind NAT' }),
  roundTripMs: Type.Optional(Type.Number({ description: 'Of the last keep-alive that was answered' })),
  losses: Type.Optional(Type.Integer({ description: 'Keep-alives in a row without an answer' })),
})

const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['registrations']
const USUAL = 100

/** Who is registered, and the operator's way to end that. */
export const addRegistrationRoutes = (app: FastifyInstance, view: EngineView, commands: EngineCommands): void => {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/api/registrations',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Who is registered, with the edge or through it, by address',
        tags,
        querystring: ListQuery,
        response: {
          200: Type.Object({
            all: Type.Integer({ description: 'How many there are at all' }),
            total: Type.Integer({ description: 'How many match the search' }),
            registrations: Type.Array(Registration),
          }),
          ...errors,
        },
      },
    },
    ({ query }) => view.registrations({ search: query.search ?? '', skip: Number(query.skip ?? 0), limit: Number(query.limit ?? USUAL) }),
  )

  app.delete<{ Params: Static<typeof IdParams> }>(
    '/api/registrations/:id',
    {
      config: { role: 'operator', audit: 'registration-end' },
      schema: {
        summary: 'End a registration; a registrar behind the edge is told, too. The client may come back with its next refresh',
        tags,
        params: IdParams,
        response: { 200: Registration, ...errors },
      },
    },
    (request) => {
      const ended = commands.endRegistration(request.params.id)
      if (ended === undefined)
        throw new ApiError(404, 'unknown-registration', 'There is no such registration; GET /api/registrations lists them')
      noteChange(request, { subject: `${ended.aor} ${ended.contact}` })
      return ended
    },
  )
}

/** Changes in one second that are told one by one. */
const MOST = 50

/**
 * Tells those who follow the topic `registrations` of changes, gathered for a second: `{ changes, more }`, where `more` counts those that
 * were left out of it.
 * @returns takes it back
 */
export const publishRegistrations = (
  events: Pick<EventHub, 'wanted' | 'publish'>,
  view: EngineView,
  every: (ms: number, run: () => void) => () => void,
): (() => void) => {
  let changes: unknown[] = []
  let more = 0
  const unwatch = view.watchRegistrations((change) => {
    if (!events.wanted) return
    if (changes.length < MOST) changes.push(change())
    else more++
  })
  const stop = every(1000, () => {
    if (changes.length === 0) return
    events.publish('registrations', { changes, more })
    changes = []
    more = 0
  })
  return () => {
    unwatch()
    stop()
  }
}
