import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { noSessionCookie, sessionCookie } from '../access.ts'
import { ApiError } from '../api-error.ts'
import { noteChange, principalOf, signedInOf } from '../guard.ts'
import { ErrorReply } from '../schemas.ts'
import { CurrentPassword, LoginBody, PasswordBody, SessionReply, SetupBody, TotpBody, TotpDraft } from './account-schemas.ts'
import type { Accounts } from './accounts.ts'
import type { Session } from './sessions.ts'
import { matchingStep, newTotpSecret, otpauthUri } from './totp.ts'
import type { User } from './users.ts'

/** Nobody has more to say here. */
const BODY_LIMIT = 8 * 1024
const ISSUER = 'Edgeways'
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['session'] as const
const nothing = { 204: { type: 'null', description: 'Done' } } as const

/** One answer, whether the name or the password is wrong: which names there are is nobody's business. */
const wrong = (): ApiError => new ApiError(401, 'wrong-credentials', 'User name or password is wrong')
const wrongCode = (status: number): ApiError =>
  new ApiError(status, 'wrong-totp', 'The code is wrong, or has been used; take the next one, and see that the clock of the app is right')

/** Signing in and out, and what people change of their own account. */
export const addSessionRoutes = (app: FastifyInstance, accounts: Accounts): void => {
  const { users, sessions, attempts, passwords, clock } = accounts

  const viewOf = (user: User, session: Session): SessionReply => ({
    user: user.name,
    role: user.role,
    by: 'session',
    csrf: session.csrf,
    totp: user.totp !== undefined,
    expiresAt: new Date(clock.wall() + sessions.left(session)).toISOString(),
  })

  const signIn = (user: User, request: FastifyRequest, reply: FastifyReply): SessionReply => {
    const { id, session } = sessions.begin(user.name, request.ip)
    reply.header('set-cookie', sessionCookie(id))
    return viewOf(user, session)
  }

  /** Looks at a password once more, with the limits of a sign-in. */
  const confirm = async (request: FastifyRequest, password: string): Promise<User> => {
    const { session } = signedInOf(request)
    const attempt = attempts.begin(request.ip, session.user)
    const kept = users.find(session.user)?.password
    const right = await passwords.matches(password, kept).catch((error: unknown) => {
      attempt.undecided()
      throw error
    })
    const user = users.find(session.user)
    if (!right || user === undefined || user.password !== kept) throw new ApiError(403, 'wrong-password', 'The password is wrong')
    attempt.succeeded()
    return user
  }

  app.post<{ Body: SetupBody }>(
    '/api/setup',
    {
      config: { open: true, audit: 'setup' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Make the first account, with the link of the first start',
        tags,
        body: SetupBody,
        response: { 201: SessionReply, ...errors },
      },
    },
    async (request, reply) => {
      const { token, user: name, password } = request.body
      noteChange(request, { who: 'unknown', subject: name })
      const user = await accounts.setUp(token, name, password, request.ip)
      noteChange(request, { who: name, after: { role: user.role } })
      // From now on this machine alone is nobody any more
      accounts.ended()
      return reply.code(201).send(signIn(user, request, reply))
    },
  )

  app.post<{ Body: LoginBody }>(
    '/api/login',
    {
      config: { open: true, audit: 'login' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Sign in',
        description:
          'Sets the session cookie. 401 `totp-needed`: the same again with the code. 429: wait as long as Retry-After says; ' +
          'the time grows with each wrong attempt.',
        tags,
        body: LoginBody,
        response: { 200: SessionReply, ...errors },
      },
    },
    async (request, reply) => {
      const { user: name, password, totp } = request.body
      const attempt = attempts.begin(request.ip, name)
      const kept = users.find(name)?.password
      // Somebody may have typed the password there, so a name that nobody has is not written down
      noteChange(request, { who: users.find(name)?.name ?? 'unknown' })
      const right = await passwords.matches(password, kept).catch((error: unknown) => {
        attempt.undecided()
        throw error
      })
      // Looked at again: the account may be another one after the wait
      const user = users.find(name)
      if (!right || user === undefined || user.password !== kept) throw wrong()
      if (user.totp !== undefined) {
        if (totp === undefined || totp === '') {
          attempt.undecided()
          throw new ApiError(401, 'totp-needed', 'This account has a second factor: send the code of the app, too')
        }
        if (!(await users.useTotp(user, totp))) throw wrongCode(401)
      }
      attempt.succeeded()
      return signIn(user, request, reply)
    },
  )

  app.post(
    '/api/logout',
    {
      config: { role: 'viewer', session: true, audit: 'logout' },
      schema: { summary: 'Sign out', tags, response: { ...nothing, ...errors } },
    },
    (request, reply) => {
      sessions.end(signedInOf(request).id)
      return reply.header('set-cookie', noSessionCookie).code(204).send()
    },
  )

  app.get(
    '/api/session',
    { config: { role: 'viewer' }, schema: { summary: 'Who this is', tags, response: { 200: SessionReply, ...errors } } },
    (request): SessionReply => {
      const { who, role, by, signedIn } = principalOf(request)
      const user = signedIn && users.find(signedIn.session.user)
      return signedIn === undefined || user === undefined ? { user: who, role, by } : viewOf(user, signedIn.session)
    },
  )

  app.put<{ Body: PasswordBody }>(
    '/api/password',
    {
      config: { role: 'viewer', session: true, audit: 'password' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Change the own password',
        description: 'Signs out everywhere else; the answer has the CSRF token of the new session.',
        tags,
        body: PasswordBody,
        response: { 200: SessionReply, ...errors },
      },
    },
    async (request, reply) => {
      const { current, password } = request.body
      const { name } = await confirm(request, current)
      if (current === password) throw new ApiError(422, 'weak-password', 'The new password is the old one')
      const user = await users.setPassword(name, await accounts.newPassword(password, name))
      sessions.endOf(user.name)
      return signIn(user, request, reply)
    },
  )

  app.post<{ Body: CurrentPassword }>(
    '/api/totp',
    {
      config: { role: 'viewer', session: true, audit: false },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Begin with a second factor',
        description: 'A new secret for an authenticator app. It counts once a code of it was sent to /api/totp/confirm.',
        tags,
        body: CurrentPassword,
        response: { 200: TotpDraft, ...errors },
      },
    },
    async (request) => {
      const { name } = await confirm(request, request.body.password)
      const secret = newTotpSecret()
      sessions.draftTotp(signedInOf(request).id, secret)
      return { secret, uri: otpauthUri(secret, name, ISSUER) }
    },
  )

  app.post<{ Body: TotpBody }>(
    '/api/totp/confirm',
    {
      config: { role: 'viewer', session: true, audit: 'totp-on' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Put the second factor in force', tags, body: TotpBody, response: { ...nothing, ...errors } },
    },
    async (request, reply) => {
      const { id, session } = signedInOf(request)
      const { totpDraft } = session
      if (totpDraft === undefined) throw new ApiError(409, 'no-totp-draft', 'There is no secret to confirm; begin with POST /api/totp')
      const step = matchingStep(totpDraft, request.body.code, clock.wall(), -1)
      if (step === undefined) throw wrongCode(422)
      sessions.draftTotp(id, undefined)
      await users.setTotp(session.user, totpDraft, step)
      return reply.code(204).send()
    },
  )

  app.post<{ Body: CurrentPassword }>(
    '/api/totp/remove',
    {
      config: { role: 'viewer', session: true, audit: 'totp-off' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Give the second factor up', tags, body: CurrentPassword, response: { ...nothing, ...errors } },
    },
    async (request, reply) => {
      const { name } = await confirm(request, request.body.password)
      await users.dropTotp(name)
      return reply.code(204).send()
    },
  )
}
