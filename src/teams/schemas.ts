import Type from 'typebox'
import { Target } from '../admin/schemas.ts'
import { CLOUDS } from '../zones/microsoft.ts'

const text = (description: string) => Type.String({ description })
const optional = <T extends Type.TSchema>(schema: T) => Type.Optional(schema)
const list = <T extends Type.TSchema>(item: T, description: string) => Type.Array(item, { description })

const VERDICTS = ['good', 'warning', 'bad', 'skipped'] as const
const verdict = Type.Enum([...VERDICTS], { description: 'Without: it is being looked at' })
const cloud = Type.Enum([...CLOUDS])

const Step = Type.Object({
  id: text('Unique in the report'),
  group: Type.Enum(['name', 'certificate', 'clock', 'hub']),
  hub: optional(text('Name of the hub')),
  title: Type.String(),
  verdict: optional(verdict),
  finding: Type.String(),
  remedy: optional(text('What to do')),
  facts: optional(list(Type.Array(Type.String()), 'Pairs of label and value')),
  milliseconds: optional(Type.Integer()),
})

export const Report = Type.Object({
  id: Type.String(),
  zone: Type.String(),
  name: text('Our name there'),
  startedAt: Type.String(),
  finishedAt: optional(Type.String()),
  steps: list(Step, 'All of them from the beginning'),
  verdict: optional(verdict),
  summary: text('In one sentence; what to do first'),
})

const PeerTarget = Type.Object({
  ...Target.properties,
  host: Type.String(),
  port: Type.Integer(),
  sentAt: optional(text('Our last OPTIONS')),
  answeredAt: optional(Type.String()),
  status: optional(Type.Integer()),
  nextAt: optional(text('When our next OPTIONS goes')),
  busyUntil: optional(text('It gets no calls until then, as it asked for')),
  connections: Type.Integer({ description: 'That we opened' }),
  oldestConnection: optional(Type.String()),
})

const Peering = Type.Object({
  zone: Type.String(),
  name: Type.String(),
  port: Type.Integer(),
  targets: Type.Array(PeerTarget),
  askers: list(
    Type.Object({
      host: Type.String(),
      lastAt: Type.String(),
      count: Type.Integer(),
      addresses: Type.Array(Type.String()),
      names: list(Type.String(), 'In their certificates'),
    }),
    'Who sent us OPTIONS, the latest first',
  ),
  connections: Type.Object({ inbound: Type.Integer(), outbound: Type.Integer() }),
  calls: Type.Integer({ description: 'That are up' }),
})

export const Views = Type.Array(
  Type.Object({
    cloud,
    peering: Peering,
    certificate: Type.Object({ name: Type.String(), daysLeft: Type.Integer(), problems: Type.Array(Type.String()) }),
    roots: Type.Object({ missing: Type.Array(Type.String()), expiring: Type.Array(Type.String()) }),
    next: optional(
      Type.Object(
        { text: Type.String(), page: Type.Enum(['certificates', 'doctor', 'setup', 'configuration', 'network']) },
        { description: 'What to do next' },
      ),
    ),
  }),
  { description: 'One for each zone of kind teams' },
)

export const DoctorBody = Type.Object({ zone: Type.String({ maxLength: 64 }) }, { additionalProperties: false })
export type DoctorBody = Type.Static<typeof DoctorBody>
export const IdParams = Type.Object({ id: Type.String({ maxLength: 64, description: 'Of a report' }) })
export type IdParams = Type.Static<typeof IdParams>
export const NameBody = Type.Object({ name: Type.String({ maxLength: 253, minLength: 1 }) }, { additionalProperties: false })
export type NameBody = Type.Static<typeof NameBody>

export const NameReply = Type.Object({
  name: Type.String(),
  addresses: Type.Array(Type.String()),
  expected: optional(text('Our own public address, as far as it is known')),
  verdict,
  finding: Type.String(),
  remedy: optional(Type.String()),
})

const word = { minLength: 1, maxLength: 253 }
export const SetupBody = Type.Object(
  {
    name: Type.String({ ...word, description: 'Our public name' }),
    cloud,
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Public port of the listener' }),
    bind: optional(Type.String({ ...word, description: 'Address of this machine' })),
    certificate: Type.String({ ...word, maxLength: 64 }),
    pbx: Type.Union([
      Type.Object({ zone: Type.String({ ...word, maxLength: 64 }) }, { additionalProperties: false }),
      Type.Object({ uri: Type.String(word), listener: Type.String({ ...word, maxLength: 64 }) }, { additionalProperties: false }),
    ]),
    numbers: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 100, description: 'Patterns such as +4420794601xx' }),
    country: optional(Type.String({ pattern: '^\\+?[1-9]\\d{0,3}$' })),
    bypass: Type.Boolean(),
  },
  { additionalProperties: false },
)

export const SetupReply = Type.Object({
  configuration: text('The whole file as it would be'),
  changes: Type.Array(Type.String()),
  powershell: Type.Array(Type.Object({ heading: Type.String(), lines: Type.String() })),
  problems: Type.Array(Type.String()),
})

export const ExplainQuery = Type.Object(
  {
    text: Type.String({
      maxLength: 1000,
      minLength: 1,
      description: 'A Reason header, a code of six digits or of Windows, or words with one in them',
    }),
    status: optional(Type.String({ pattern: '^[3-6]\\d\\d$', description: 'Of the answer that it stood in' })),
  },
  { additionalProperties: false },
)
export type ExplainQuery = Type.Static<typeof ExplainQuery>
export const ExplainReply = Type.Object({
  meaning: Type.String(),
  remedy: text('What to do'),
  guid: optional(text("For Microsoft's support")),
})
