import type { FastifyInstance } from 'fastify'
import { ApiError } from '../api-error.ts'
import { noteChange, principalOf } from '../guard.ts'
import { ErrorReply, NameParams } from '../schemas.ts'
import {
  AuditQuery,
  AuditReply,
  NameReply,
  TokenBody,
  TokenMade,
  type TokenReply,
  TokensReply,
  UserBody,
  UserChange,
  UserRemoved,
  UserReply,
  UsersReply,
} from './account-schemas.ts'
import type { Accounts } from './accounts.ts'
import type { Token } from './tokens.ts'
import type { User } from './users.ts'

const BODY_LIMIT = 8 * 1024
const USUAL_DAYS = 365
const USUAL_ENTRIES = 100
const MOST_ENTRIES = 500
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const

/** What admins do: users, tokens, and the log of what everybody did. */
export const addUserRoutes = (app: FastifyInstance, accounts: Accounts): void => {
  const { users, tokens, sessions, clock } = accounts

  const userView = ({ name, role, totp, createdAt, passwordChangedAt }: User): UserReply => ({
    name,
    role,
    totp: totp !== undefined,
    createdAt,
    passwordChangedAt,
    sessions: sessions.count(name),
  })

  const tokenView = (token: Token): TokenReply => {
    const { name, role, madeBy, createdAt, expiresAt } = token
    const usedAt = tokens.usedAt(name)
    return {
      name,
      role,
      madeBy,
      createdAt,
      expiresAt,
      expired: Date.parse(expiresAt) <= clock.wall(),
      ...(usedAt !== undefined && { usedAt }),
    }
  }

  app.get(
    '/api/users',
    { config: { role: 'admin' }, schema: { summary: 'Users', tags: ['users'], response: { 200: UsersReply, ...errors } } },
    () => ({ users: users.list().map(userView) }),
  )

  app.post<{ Body: UserBody }>(
    '/api/users',
    {
      config: { role: 'admin', audit: 'user-add' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Add a user', tags: ['users'], body: UserBody, response: { 201: UserReply, ...errors } },
    },
    async (request, reply) => {
      const { name, role, password } = request.body
      noteChange(request, { subject: name, after: { role } })
      const user = await accounts.addUser(name, role, password)
      accounts.ended()
      return reply.code(201).send(userView(user))
    },
  )

  app.patch<{ Params: NameParams; Body: UserChange }>(
    '/api/users/:name',
    {
      config: { role: 'admin', audit: 'user-change' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Change a user',
        description: 'A new role counts at once. Whose password or second factor changes is signed out.',
        tags: ['users'],
        params: NameParams,
        body: UserChange,
        response: { 200: UserReply, ...errors },
      },
    },
    async (request) => {
      const { role, password, totp } = request.body
      const before = users.find(request.params.name)
      if (before === undefined) throw new ApiError(404, 'unknown-user', `There is no user ${request.params.name.slice(0, 64)}`)
      const { name } = before
      noteChange(request, {
        subject: name,
        before: { role: before.role, secondFactor: before.totp !== undefined },
        after: {
          role: role ?? before.role,
          secondFactor: before.totp !== undefined && totp !== false,
          ...(password !== undefined && { credential: 'new' }),
        },
      })
      const own = principalOf(request).signedIn?.session.user === name
      // A browser that was left open is not enough for it
      if (own && (password !== undefined || totp !== undefined))
        throw new ApiError(
          409,
          'own-account',
          'Your own password and second factor change with your password: /api/password, /api/totp/remove',
        )
      const hash = password === undefined ? undefined : await accounts.newPassword(password, name)
      let user = before
      if (role !== undefined) user = await users.setRole(name, role)
      if (hash !== undefined) user = await users.setPassword(name, hash)
      if (totp === false) user = await users.dropTotp(name)
      if (hash !== undefined || totp === false) sessions.endOf(name)
      else accounts.ended()
      return userView(user)
    },
  )

  app.delete<{ Params: NameParams }>(
    '/api/users/:name',
    {
      config: { role: 'admin', audit: 'user-remove' },
      schema: {
        summary: 'Remove a user',
        description: 'With all sessions, and with the tokens that the user has made.',
        tags: ['users'],
        params: NameParams,
        response: { 200: UserRemoved, ...errors },
      },
    },
    async (request) => {
      const user = users.find(request.params.name)
      const name = user?.name ?? request.params.name.slice(0, 64)
      noteChange(request, { subject: name, ...(user && { before: { role: user.role } }) })
      const gone = await accounts.removeUser(name)
      noteChange(request, { after: { tokensRemoved: gone } })
      return { name, tokens: [...gone] }
    },
  )

  app.get(
    '/api/tokens',
    { config: { role: 'admin' }, schema: { summary: 'Tokens of the API', tags: ['tokens'], response: { 200: TokensReply, ...errors } } },
    () => ({ tokens: tokens.list().map(tokenView) }),
  )

  app.post<{ Body: TokenBody }>(
    '/api/tokens',
    {
      config: { role: 'admin', audit: 'token-add' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Make a token for a program', tags: ['tokens'], body: TokenBody, response: { 201: TokenMade, ...errors } },
    },
    async (request, reply) => {
      const { name, role, days = USUAL_DAYS } = request.body
      noteChange(request, { subject: name, after: { role, days } })
      const { secret, token } = await tokens.make({ name, role, days, madeBy: principalOf(request).maker })
      return reply.code(201).send({ token: secret, name, role, expiresAt: token.expiresAt })
    },
  )

  app.delete<{ Params: NameParams }>(
    '/api/tokens/:name',
    {
      config: { role: 'admin', audit: 'token-remove' },
      schema: { summary: 'Remove a token', tags: ['tokens'], params: NameParams, response: { 200: NameReply, ...errors } },
    },
    async (request) => {
      const { name } = request.params
      noteChange(request, { subject: name.slice(0, 64) })
      const { role } = await tokens.remove(name)
      noteChange(request, { before: { role } })
      accounts.ended()
      return { name }
    },
  )

  app.get<{ Querystring: AuditQuery }>(
    '/api/audit',
    {
      config: { role: 'admin' },
      schema: { summary: 'Who did what', tags: ['audit'], querystring: AuditQuery, response: { 200: AuditReply, ...errors } },
    },
    async (request) => {
      const { limit, before, who, what } = request.query
      return accounts.audit.page({
        limit: Math.min(Number(limit ?? USUAL_ENTRIES), MOST_ENTRIES),
        ...(before !== undefined && { before: Number(before) }),
        ...(who !== undefined && { who }),
        ...(what !== undefined && { what }),
      })
    },
  )
}
