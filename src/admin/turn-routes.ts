import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { TurnCredentials } from '../authentication/turn.ts'
import { TransportError } from '../base/errors.ts'
import { ApiError } from './api-error.ts'
import { principalOf } from './guard.ts'
import { ErrorReply } from './schemas.ts'

const Turn = Type.Object(
  {
    urls: Type.Array(Type.String()),
    username: Type.String({ description: 'It ends by itself: seconds since 1970 and a name' }),
    credential: Type.String(),
    ttl: Type.Integer({ description: 'Seconds for which it is good' }),
  },
  { description: 'As RTCPeerConnection wants it in `iceServers`' },
)

/** TURN for the test phone. @param credentials undefined: no servers are configured */
export const addTurnRoute = (app: FastifyInstance, credentials: (user: string) => Promise<TurnCredentials | undefined>): void => {
  app.get(
    '/api/turn',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Time-limited credentials for the TURN servers',
        tags: ['phone'],
        response: { 200: Turn, '4xx': ErrorReply, '5xx': ErrorReply },
      },
    },
    async (request) => {
      const made = await credentials(principalOf(request).who).catch((error: unknown) => {
        // A sentence for operators
        throw error instanceof TransportError ? new ApiError(503, 'turn-secret', error.message) : error
      })
      if (made === undefined) throw new ApiError(404, 'no-turn', 'No TURN servers are configured; see the section "turn"')
      return made
    },
  )
}
