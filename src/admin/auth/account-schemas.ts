import { type Static, Type } from 'typebox'
import { LONGEST_PASSWORD } from './passwords.ts'
import { ROLES } from './roles.ts'
import { TOKEN_NAME } from './tokens.ts'
import { USER_NAME } from './users.ts'

const text = (description: string) => Type.String({ description })
const closed = { additionalProperties: false } as const
const role = Type.Enum([...ROLES], { description: 'viewer looks; operator runs the edge; admin decides who may what' })
/** A character can be many code units. */
const password = (description: string) => Type.String({ maxLength: LONGEST_PASSWORD * 4, description })
/** Whatever somebody types; whether there is such a user is another question. */
const typedName = Type.String({ maxLength: 64, description: 'User name; case does not matter' })
const code = Type.String({ maxLength: 16, description: 'Six digits of the authenticator app' })
const userName = Type.String({ pattern: USER_NAME, description: 'Up to 64 letters, digits, ".", "_", "@" and "-"' })

export const SetupBody = Type.Object(
  { token: Type.String({ maxLength: 128, description: 'From the link' }), user: userName, password: password('At least 12 characters') },
  closed,
)
export type SetupBody = Static<typeof SetupBody>

export const LoginBody = Type.Object({ user: typedName, password: password('The password'), totp: Type.Optional(code) }, closed)
export type LoginBody = Static<typeof LoginBody>

export const SessionReply = Type.Object({
  user: text('Name of the user; `token NAME`, `admin-token` or `local` when it is no session'),
  role,
  by: Type.Enum(['session', 'token', 'admin-token', 'local'], { description: 'local: this machine, without an account' }),
  csrf: Type.Optional(text('For the header X-CSRF-Token of every change; of a session')),
  totp: Type.Optional(Type.Boolean({ description: 'The user has a second factor' })),
  expiresAt: Type.Optional(text('When the session ends, ISO 8601; without a request for half an hour it ends before')),
})
export type SessionReply = Static<typeof SessionReply>

export const PasswordBody = Type.Object({ current: password('The password of now'), password: password('At least 12 characters') }, closed)
export type PasswordBody = Static<typeof PasswordBody>

export const CurrentPassword = Type.Object({ password: password('The password, again') }, closed)
export type CurrentPassword = Static<typeof CurrentPassword>
export const TotpDraft = Type.Object({ secret: text('Base32, to type into the app'), uri: text('otpauth URI, for a QR code') })
export const TotpBody = Type.Object({ code }, closed)
export type TotpBody = Static<typeof TotpBody>

export const UserReply = Type.Object({
  name: Type.String(),
  role,
  totp: Type.Boolean({ description: 'Has a second factor' }),
  createdAt: text('ISO 8601'),
  passwordChangedAt: text('ISO 8601'),
  sessions: Type.Integer({ description: 'Browsers that are signed in' }),
})
export type UserReply = Static<typeof UserReply>
export const UsersReply = Type.Object({ users: Type.Array(UserReply) })
export const UserBody = Type.Object({ name: userName, role, password: password('At least 12 characters') }, closed)
export type UserBody = Static<typeof UserBody>
export const UserChange = Type.Object(
  {
    role: Type.Optional(role),
    password: Type.Optional(password('A new one; the user is signed out everywhere')),
    totp: Type.Optional(Type.Literal(false, { description: 'false takes the second factor away' })),
  },
  { ...closed, minProperties: 1 },
)
export type UserChange = Static<typeof UserChange>
export const UserRemoved = Type.Object({
  name: Type.String(),
  tokens: Type.Array(Type.String(), { description: 'Tokens that the user had made; they are gone, too' }),
})

export const TokenReply = Type.Object({
  name: Type.String(),
  role,
  madeBy: text('Its maker: it is worth no more than that user is'),
  createdAt: text('ISO 8601'),
  expiresAt: text('ISO 8601'),
  expired: Type.Boolean(),
  usedAt: Type.Optional(text('Last use since the start, ISO 8601')),
})
export type TokenReply = Static<typeof TokenReply>
export const TokensReply = Type.Object({ tokens: Type.Array(TokenReply) })
export const TokenBody = Type.Object(
  {
    name: Type.String({ pattern: TOKEN_NAME, description: 'Up to 64 letters, digits, ".", "_" and "-"' }),
    role,
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650, description: 'How long it is good; 365 by default' })),
  },
  closed,
)
export type TokenBody = Static<typeof TokenBody>
export const TokenMade = Type.Object({
  token: text('For the header Authorization: Bearer TOKEN; shown this once'),
  name: Type.String(),
  role,
  expiresAt: Type.String(),
})
export const NameReply = Type.Object({ name: Type.String() })

const number = (description: string) => Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,14}$', description }))
export const AuditQuery = Type.Object(
  {
    limit: number('Entries of a page, 100 by default, 500 at most'),
    before: number('Only entries with a smaller number: `next` of the page before'),
    who: Type.Optional(Type.String({ maxLength: 100, description: 'Only what this one did' })),
    what: Type.Optional(Type.String({ maxLength: 100, description: 'Only this kind, such as `user-add`' })),
  },
  closed,
)
export type AuditQuery = Static<typeof AuditQuery>
export const AuditReply = Type.Object({
  entries: Type.Array(
    Type.Object({
      number: Type.Integer({ description: 'Counts from 1' }),
      at: text('ISO 8601'),
      who: text('A user, `token NAME`, `admin-token`, `local`, or `unknown` for a failed sign-in under a name that nobody has'),
      role: Type.Optional(role),
      from: text('Source address'),
      what: Type.String(),
      subject: Type.Optional(text('Upon what')),
      before: Type.Optional(Type.Unknown()),
      after: Type.Optional(Type.Unknown()),
      result: Type.Enum(['done', 'refused', 'failed']),
      status: Type.Integer({ description: 'Of the HTTP answer' }),
      leftOut: Type.Optional(
        Type.Integer({ description: 'Refused attempts before it that are not in the log, because there were too many' }),
      ),
    }),
    { description: 'The newest first' },
  ),
  next: Type.Optional(Type.Integer({ description: '`before` of the next page' })),
})
