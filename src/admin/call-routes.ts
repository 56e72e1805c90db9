import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ladderText } from '../observability/ladder.ts'
import { ApiError } from './api-error.ts'
import type { CallView, EngineView } from './contract.ts'
import { ErrorReply } from './schemas.ts'

const IdParams = Type.Object({ id: Type.String({ maxLength: 256, description: 'Of a call, as the lists have it; or its Call-ID' }) })
type IdParams = Type.Static<typeof IdParams>
const PastQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,2}$', description: 'At most so many, up to 999; 100' })),
    before: Type.Optional(Type.String({ maxLength: 64, description: 'Id of a call: those that ended before it' })),
  },
  { additionalProperties: false },
)
type PastQuery = Type.Static<typeof PastQuery>
const LadderQuery = Type.Object(
  { redact: Type.Optional(Type.Enum(['true', 'false'], { description: 'Numbers and names of people are masked' })) },
  { additionalProperties: false },
)
type LadderQuery = Type.Static<typeof LadderQuery>

const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['calls']
const LOOK = { config: { role: 'viewer' } } as const
/** Messages show who called whom, and what was said about the way. */
const READ = { config: { role: 'operator' } } as const
const USUAL = 100
const MOST = 100_000

/** Past calls, and the messages of calls. */
export const addCallRoutes = (app: FastifyInstance, view: EngineView): void => {
  app.get<{ Querystring: PastQuery }>(
    '/api/calls/past',
    {
      ...LOOK,
      schema: {
        summary: 'Calls that were up and are over, newest first, with what they sounded like',
        tags,
        querystring: PastQuery,
        response: { 200: Type.Object({ calls: Type.Array(Type.Unknown()) }), ...errors },
      },
    },
    ({ query }) => ({ calls: view.pastCalls(Number(query.limit ?? USUAL), query.before) }),
  )

  app.get<{ Params: IdParams }>(
    '/api/calls/:id',
    {
      ...LOOK,
      schema: {
        summary: 'One call, of now or over, with why it went where it went',
        tags,
        params: IdParams,
        response: { 200: Type.Unknown(), ...errors },
      },
    },
    ({ params: { id } }) => {
      const named = (one: { readonly id: string; readonly callId: string }): boolean => one.id === id || one.callId === id
      const call = view.calls(MOST).find(named) ?? view.pastCalls(MOST, undefined).find(named)
      if (call === undefined) throw unknownCall()
      const ladder = view.ladder(call.id, false)
      const rule = ladder?.notes.find((note) => note.rule !== undefined)?.rule
      return {
        ...call,
        decision: { ...(rule !== undefined && { rule }), explanation: [...(ladder?.notes ?? []).map(({ text }) => text), mediaText(call)] },
        ladder: (ladder?.messages.length ?? 0) > 0,
      }
    },
  )

  const ladderOf = (id: string, query: LadderQuery) => {
    const ladder = view.ladder(id, query.redact === 'true')
    if (ladder === undefined) throw unknownCall()
    return ladder
  }

  app.get<{ Params: IdParams; Querystring: LadderQuery }>(
    '/api/calls/:id/ladder',
    {
      ...READ,
      schema: {
        summary: 'The messages of a call, both sides, with what was rewritten',
        tags,
        params: IdParams,
        querystring: LadderQuery,
        response: { 200: Type.Unknown(), ...errors },
      },
    },
    ({ params, query }) => ladderOf(params.id, query),
  )

  app.get<{ Params: IdParams; Querystring: LadderQuery }>(
    '/api/calls/:id/ladder.txt',
    { ...READ, schema: { summary: 'The same as text', tags, params: IdParams, querystring: LadderQuery } },
    ({ params, query }, reply) =>
      reply
        .type('text/plain; charset=utf-8')
        .header('content-disposition', `attachment; filename="call-${fileName(params.id)}.txt"`)
        .send(ladderText(ladderOf(params.id, query))),
  )

  app.get<{ Params: IdParams }>(
    '/api/calls/:id/ladder.pcap',
    {
      ...READ,
      schema: {
        summary: 'The same as a capture for Wireshark or sngrep; credentials are overwritten, nothing else is redacted',
        tags,
        params: IdParams,
      },
    },
    ({ params }, reply) => {
      const capture = view.capture(params.id)
      if (capture === undefined) throw unknownCall()
      return reply
        .type('application/vnd.tcpdump.pcap')
        .header('content-disposition', `attachment; filename="call-${fileName(params.id)}.pcap"`)
        .send(capture)
    },
  )
}

const mediaText = ({ from, to, node }: Pick<CallView, 'from' | 'to' | 'node'>): string =>
  `Media from ${from.kind} (zone ${from.zone}) to ${to.kind} (zone ${to.zone}) by rtpengine ${node}`

const unknownCall = (): ApiError =>
  new ApiError(404, 'unknown-call', 'There is no such call any more; GET /api/calls and /api/calls/past list them')

const fileName = (id: string): string => id.replace(/[^A-Za-z0-9_-]/g, '')
