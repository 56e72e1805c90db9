import { type Static, Type } from 'typebox'
import { LOG_LEVELS } from '../observability/log.ts'
import { MEDIA_KINDS } from '../zones/media.ts'

const text = (description: string) => Type.String({ description })
const list = <T extends Type.TSchema>(item: T, description: string) => Type.Array(item, { description })

/** Bytes of a body, for the routes that take files. */
export const UPLOAD_LIMIT = 256 * 1024

export const ErrorReply = Type.Object(
  { code: text('Stable word for programs'), message: text('Sentence for people') },
  { description: 'What every answer from 400 on looks like' },
)

/** Of a path with a name in it. */
export const NameParams = Type.Object({ name: text('Its name') })
export type NameParams = Static<typeof NameParams>

const Listener = Type.Object({
  name: Type.String(),
  transport: Type.String(),
  bind: text('Address and port of the socket'),
  advertised: text('Host and port that peers see'),
  open: Type.Boolean(),
  flows: Type.Integer({ description: 'Open connections' }),
})

const Check = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  required: Type.Boolean({ description: 'Not ready without it' }),
  detail: Type.String(),
})

export const Health = Type.Object({
  status: Type.Enum(['ok', 'degraded', 'starting', 'stopping', 'unavailable'], {
    description: 'degraded: takes calls, but something that is not required is wrong',
  }),
  live: Type.Boolean({ description: 'The process answers' }),
  ready: Type.Boolean({ description: 'It takes new calls' }),
  listeners: list(Listener, 'Every socket of ours'),
  checks: list(Check, 'What the status is made of'),
})
export type Health = Static<typeof Health>

const Problem = Type.Object({
  path: text('Place in the configuration, such as zones.pbx.targets[0]'),
  line: Type.Integer(),
  column: Type.Integer(),
  message: Type.String(),
  remedy: Type.String(),
  severity: Type.Enum(['error', 'warning']),
})

const at = text('When, ISO 8601')
export const Problems = list(Problem, 'Errors, or warnings when it was applied')
export const Changes = Type.Array(Type.String(), { description: 'In words' })
const problems = Problems
export const ReloadApplied = Type.Object({ result: Type.Literal('applied'), at, changes: Type.Array(Type.String()), problems })
export const ReloadRefused = Type.Object({ result: Type.Literal('refused'), at, problems })

export const LogLevelBody = Type.Object({ level: Type.Enum([...LOG_LEVELS]) }, { additionalProperties: false })
export type LogLevelBody = Static<typeof LogLevelBody>

export const Target = Type.Object({
  name: Type.String(),
  health: Type.Enum(['up', 'down', 'unknown']),
  drain: Type.Boolean(),
  optionsSeconds: Type.Optional(Type.Number()),
  reason: Type.Optional(Type.String()),
})

const MediaNode = Type.Object({
  name: Type.String(),
  set: text('Name of its set'),
  address: text('Address and port of its ng socket'),
  state: Type.Enum(['up', 'suspect', 'down', 'drain'], {
    description: 'suspect: it is being looked at, new calls go elsewhere; drain: no new calls, its own go on',
  }),
  weight: Type.Number(),
  reason: Type.Optional(text('Why it is not up')),
  sessions: Type.Optional(Type.Integer({ description: 'That it has, from its own statistics' })),
  pingSeconds: Type.Optional(Type.Number()),
  interfaces: Type.Optional(list(Type.String(), 'Names that media zones may use')),
})

const Media = Type.Object({
  mode: Type.Enum(['off', 'local', 'nodes'], { description: 'local: an rtpengine that Edgeways runs itself' }),
  nodes: list(MediaNode, 'Every rtpengine'),
  sessions: Type.Integer({ description: 'Calls of ours that have media' }),
  deletes: Type.Integer({ description: 'Calls that are over and whose rtpengine has not acknowledged it yet' }),
  unavailable: Type.Optional(text('Why new calls get no media, and what helps')),
})

export const DrainBody = Type.Object({ drain: Type.Boolean() }, { additionalProperties: false })
export type DrainBody = Static<typeof DrainBody>
export const DrainReply = Type.Object({ name: Type.String(), drain: Type.Boolean() })

const CallLeg = Type.Object({
  zone: Type.String(),
  kind: Type.Enum([...MEDIA_KINDS], { description: 'What it speaks in media' }),
})

const Call = Type.Object({
  id: Type.String(),
  callId: text('The Call-ID of SIP'),
  from: CallLeg,
  to: CallLeg,
  state: Type.Enum(['ringing', 'up']),
  since: text('When it got media, ISO 8601'),
  node: text('Name of its rtpengine'),
  codec: Type.Optional(Type.String()),
})

export const CallsQuery = Type.Object({ limit: Type.Optional(Type.String()) }, { additionalProperties: false })
export type CallsQuery = Static<typeof CallsQuery>
export const Calls = Type.Object({
  calls: list(Call, 'The newest first'),
  total: Type.Integer({ description: 'Calls with media, also those beyond the limit' }),
})

export const State = Type.Object({
  version: Type.String(),
  phase: Type.Enum(['starting', 'running', 'stopping']),
  uptimeSeconds: Type.Number(),
  logLevel: Type.Enum([...LOG_LEVELS]),
  listeners: Type.Array(Listener),
  zones: Type.Array(
    Type.Object({ name: Type.String(), kind: Type.String(), listeners: Type.Array(Type.String()), targets: Type.Array(Target) }),
  ),
  transactions: Type.Record(Type.String(), Type.Integer(), { description: 'In memory, by kind' }),
  openFlows: Type.Integer(),
  registrations: Type.Integer({ description: 'Contacts that are registered' }),
  media: Media,
  counters: Type.Object(
    {
      messages: Type.Integer({ description: 'SIP messages received' }),
      invites: Type.Integer({ description: 'INVITE requests received' }),
      refused: Type.Integer({ description: 'Requests that were not admitted, and what was given up without an answer' }),
    },
    { description: 'Since the start of the process' },
  ),
  lastReload: Type.Optional(Type.Union([ReloadApplied, ReloadRefused])),
})
