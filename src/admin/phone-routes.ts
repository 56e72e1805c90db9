import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { PhoneView } from './phone-view.ts'
import { ErrorReply } from './schemas.ts'

const Extension = Type.Object({ number: Type.String(), name: Type.String(), text: Type.String() })
const Phone = Type.Object({
  zones: Type.Array(
    Type.Object({
      name: Type.String(),
      registration: Type.Enum(['here', 'pass', 'refuse'], { description: 'Who keeps its registrations: we, the PBX, or nobody' }),
      authenticate: Type.Boolean({ description: 'Its clients have to show that they are subscribers' }),
      domain: Type.String({ description: 'Host of addresses that have none' }),
      listeners: Type.Array(Type.Object({ name: Type.String(), url: Type.String() }), {
        description: 'Its WebSockets, the secure ones first',
      }),
    }),
    { description: 'Zones that a browser can enter by' },
  ),
  path: Type.String({ description: 'Of the WebSocket on the port of the web admin itself; a query `zone=NAME` says which zone' }),
  turn: Type.Boolean({ description: '`GET /api/turn` has credentials for TURN servers' }),
  demo: Type.Optional(
    Type.Object(
      { echo: Type.String(), callBack: Type.String(), extensions: Type.Array(Extension) },
      { description: 'The demonstration PBX, where it is on, and whom one can call there' },
    ),
  ),
})

/** What the test phone has to know before it connects. */
export const addPhoneRoutes = (app: FastifyInstance, view: () => PhoneView): void => {
  app.get(
    '/api/phone',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Ways for a browser to call through the edge, for the test phone',
        tags: ['phone'],
        response: { 200: Phone, '4xx': ErrorReply, '5xx': ErrorReply },
      },
    },
    () => view(),
  )
}
