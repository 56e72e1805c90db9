import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { ApiError } from './api-error.ts'
import { mayAs } from './auth/roles.ts'
import { type EventHub, isTopic, TOPICS, type Topic } from './events.ts'
import { principalOf } from './guard.ts'
import { ErrorReply } from './schemas.ts'

const ALL = Object.keys(TOPICS) as readonly Topic[]

const EventsQuery = Type.Object(
  { topics: Type.Optional(Type.String({ description: `Some of ${ALL.join(', ')}, with commas; all that the role allows by default` })) },
  { additionalProperties: false },
)

/** `GET /api/events`: what happens, as it happens. */
export const addEventRoute = (app: FastifyInstance, hub: EventHub): void => {
  app.get<{ Querystring: Static<typeof EventsQuery> }>(
    '/api/events',
    {
      config: { role: 'viewer' },
      // A HEAD would read a stream that has no end
      exposeHeadRoute: false,
      schema: {
        summary: 'Follow what happens (Server-Sent Events)',
        tags: ['events'],
        description:
          'Each event has an id, the topic as its type, and JSON as its data. With Last-Event-ID the events since then come first. ' +
          '`missed` says that some are lost: read everything anew. The stream ends with the session or token.',
        querystring: EventsQuery,
        response: {
          200: { description: 'text/event-stream', content: { 'text/event-stream': { schema: Type.String() } } },
          '4xx': ErrorReply,
          '5xx': ErrorReply,
        },
      },
    },
    (request, reply) => {
      const { role, who, roleNow } = principalOf(request)
      const lastEventId = request.headers['last-event-id']
      const stream = hub.subscribe({
        topics: topicsOf(request.query.topics).filter((topic) => mayAs(role, TOPICS[topic])),
        who,
        roleNow,
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      })
      return reply.type('text/event-stream').header('x-accel-buffering', 'no').send(stream)
    },
  )
}

const topicsOf = (text: string | undefined): readonly Topic[] => {
  if (text === undefined) return ALL
  return text.split(',').map((topic) => {
    if (!isTopic(topic)) throw new ApiError(400, 'invalid', `There is no topic "${topic.slice(0, 30)}"; there is ${ALL.join(', ')}`)
    return topic
  })
}
