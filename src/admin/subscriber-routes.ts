import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { StoreError, SubscriberError } from '../base/errors.ts'
import { checkUser, newPassword } from '../store/subscriber-rules.ts'
import type { PhoneCredentials, SubscriberDesk, SubscriberView } from '../store/types.ts'
import { ApiError } from './api-error.ts'
import { noteChange } from './guard.ts'
import { ErrorReply } from './schemas.ts'

export interface SubscriberRoutesDeps {
  readonly desk: SubscriberDesk
  /** Makes credentials for the test phone, which calls as that user. */
  readonly phone: (user: string) => PhoneCredentials
}

const BODY_LIMIT = 32 * 1024
const USUAL = 100
const MOST = 500
/** What the test phone calls itself when nobody says another name. */
const TEST_PHONE = 'test-phone'
const tags = ['subscribers']
const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const closed = { additionalProperties: false } as const

const userName = Type.String({ minLength: 1, maxLength: 64, description: 'User of the address, and user name of the phone' })
const displayName = Type.String({ maxLength: 100 })
const aliases = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 100, description: 'Further user parts: numbers' })
const enabled = Type.Boolean({ description: 'false: can neither register nor call' })
const password = Type.String({ minLength: 8, maxLength: 128 })

const Subscriber = Type.Object({
  user: userName,
  displayName,
  aliases,
  enabled,
  password: Type.Boolean({ description: 'Has a password that is good for the present realm' }),
  otherRealm: Type.Optional(Type.String({ description: 'The password was made for this realm, so it is good for nothing now' })),
  created: Type.String({ description: 'ISO 8601' }),
  changed: Type.String({ description: 'ISO 8601' }),
})
const Query = Type.Object(
  {
    search: Type.Optional(Type.String({ maxLength: 100, description: 'A part of user name, alias or display name' })),
    after: Type.Optional(Type.String({ maxLength: 64, description: '`next` of the page before' })),
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$', description: `${USUAL} without it, ${MOST} at most` })),
  },
  closed,
)
const Page = Type.Object({
  realm: Type.String({ description: 'Of the passwords' }),
  subscribers: Type.Array(Subscriber, { description: 'By user name' }),
  total: Type.Integer({ description: 'All that fit the search' }),
  next: Type.Optional(Type.String({ description: '`after` of the next page; without it this is the last' })),
})
const Params = Type.Object({ user: Type.String() })
const NewBody = Type.Object(
  {
    user: userName,
    displayName: Type.Optional(displayName),
    aliases: Type.Optional(aliases),
    enabled: Type.Optional(enabled),
    password: Type.Optional(password),
    generate: Type.Optional(Type.Boolean({ description: 'true: a password is made, and shown in this answer alone' })),
  },
  closed,
)
const Made = Type.Object({ subscriber: Subscriber, password: Type.Optional(Type.String({ description: 'Made here; it is shown once' })) })
const ChangeBody = Type.Object(
  { displayName: Type.Optional(displayName), aliases: Type.Optional(aliases), enabled: Type.Optional(enabled) },
  { ...closed, minProperties: 1 },
)
const PasswordBody = Type.Object({ password: Type.Optional(password) }, closed)
const Removed = Type.Object({ user: Type.String() })
const PhoneBody = Type.Object({ user: Type.Optional(userName) }, closed)
const Phone = Type.Object({
  uri: Type.String({ description: 'Its address' }),
  user: Type.String({ description: 'User name for digest' }),
  password: Type.String(),
  realm: Type.String(),
  expires: Type.String({ description: 'ISO 8601' }),
})

/** Users of phones and browsers, for those who manage them. What they prove themselves with goes in and never out. */
export const addSubscriberRoutes = (app: FastifyInstance, { desk, phone }: SubscriberRoutesDeps): void => {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/api/subscribers',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Users of phones and browsers', tags, querystring: Query, response: { 200: Page, ...errors } },
    },
    ({ query: { search, after, limit } }) => {
      const page = told(() => desk.list({ search, after, limit: Math.max(1, Math.min(Number(limit ?? USUAL), MOST)) }))
      return {
        realm: desk.realm,
        subscribers: page.subscribers.map(viewOf),
        total: page.total,
        ...(page.next !== undefined && { next: page.next }),
      }
    },
  )

  app.get<{ Params: Static<typeof Params> }>(
    '/api/subscribers/:user',
    { config: { role: 'viewer' }, schema: { summary: 'One of them', tags, params: Params, response: { 200: Subscriber, ...errors } } },
    ({ params: { user } }) => viewOf(found(desk, user)),
  )

  app.post<{ Body: Static<typeof NewBody> }>(
    '/api/subscribers',
    {
      config: { role: 'operator', audit: 'subscriber-add' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Add a user', tags, body: NewBody, response: { 201: Made, ...errors } },
    },
    ({ body: { generate, ...body } }, reply) => {
      if (generate === true && body.password !== undefined)
        throw new ApiError(400, 'invalid', 'Either give a password or have one made, not both')
      noteChange(reply.request, { subject: body.user, after: facts(body) })
      const made = generate === true ? newPassword() : undefined
      const subscriber = told(() => desk.add({ ...body, password: made ?? body.password }))
      return reply.code(201).send({ subscriber: viewOf(subscriber), ...(made !== undefined && { password: made }) })
    },
  )

  app.patch<{ Params: Static<typeof Params>; Body: Static<typeof ChangeBody> }>(
    '/api/subscribers/:user',
    {
      config: { role: 'operator', audit: 'subscriber-change' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Change a user',
        description: 'Aliases replace those before. Who is disabled can neither register nor call from now on.',
        ...{ tags, params: Params, body: ChangeBody, response: { 200: Subscriber, ...errors } },
      },
    },
    (request) => {
      const before = found(desk, request.params.user)
      noteChange(request, { subject: before.user, before: facts(before), after: facts({ ...before, ...request.body }) })
      return viewOf(told(() => desk.change(before.user, request.body)))
    },
  )

  app.put<{ Params: Static<typeof Params>; Body: Static<typeof PasswordBody> }>(
    '/api/subscribers/:user/password',
    {
      config: { role: 'operator', audit: 'subscriber-password' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Set a user’s password',
        description: 'Without one in the body a password is made, and shown in this answer alone.',
        ...{ tags, params: Params, body: PasswordBody, response: { 200: Made, ...errors } },
      },
    },
    (request) => {
      const { user } = found(desk, request.params.user)
      noteChange(request, { subject: user, after: { credential: 'new' } })
      const made = request.body.password === undefined ? newPassword() : undefined
      const subscriber = told(() => desk.setPassword(user, made ?? request.body.password))
      return { subscriber: viewOf(subscriber), ...(made !== undefined && { password: made }) }
    },
  )

  app.delete<{ Params: Static<typeof Params> }>(
    '/api/subscribers/:user',
    {
      config: { role: 'operator', audit: 'subscriber-remove' },
      schema: { summary: 'Remove a user', tags, params: Params, response: { 200: Removed, ...errors } },
    },
    (request) => {
      const before = found(desk, request.params.user)
      noteChange(request, { subject: before.user, before: facts(before) })
      told(() => desk.remove(before.user))
      return { user: before.user }
    },
  )

  app.post<{ Body: Static<typeof PhoneBody> }>(
    '/api/phone/credentials',
    {
      config: { role: 'operator', audit: 'phone-credentials' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Credentials for the test phone, good for a while',
        description: `Digest credentials with which a phone may register and call as that user ("${TEST_PHONE}" when none is named), whose password stays unknown.`,
        tags: ['phone'],
        body: PhoneBody,
        response: { 200: Phone, ...errors },
      },
    },
    (request) => {
      const { user = TEST_PHONE } = request.body
      noteChange(request, { subject: user })
      told(() => checkUser(user))
      if (desk.get(user)?.enabled === false) throw new ApiError(409, 'disabled', `The user "${user}" is disabled`)
      return phone(user)
    },
  )
}

const viewOf = ({ user, displayName, aliases, enabled, password, otherRealm, created, changed }: SubscriberView) => ({
  ...{ user, displayName, aliases: [...aliases], enabled, password },
  ...(otherRealm !== undefined && { otherRealm }),
  created: new Date(created).toISOString(),
  changed: new Date(changed).toISOString(),
})

/** For the audit log. */
const facts = ({
  displayName,
  aliases,
  enabled,
}: {
  readonly displayName?: string | undefined
  readonly aliases?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
}): Record<string, unknown> => ({
  ...(displayName !== undefined && { displayName }),
  ...(aliases !== undefined && { aliases }),
  ...(enabled !== undefined && { enabled }),
})

const found = (desk: SubscriberDesk, user: string): SubscriberView => {
  const view = told(() => desk.get(user))
  if (view === undefined) throw new ApiError(404, 'SBC_SUBSCRIBER_UNKNOWN', `There is no user "${user.slice(0, 64)}"`)
  return view
}

const STATUSES: Readonly<Record<string, number>> = { SBC_SUBSCRIBER_UNKNOWN: 404, SBC_SUBSCRIBER_EXISTS: 409, SBC_SUBSCRIBER_INVALID: 422 }

/** What is refused is refused with words for people. */
const told = <T>(run: () => T): T => {
  try {
    return run()
  } catch (error) {
    if (error instanceof SubscriberError) throw new ApiError(STATUSES[error.code] ?? 422, error.code, error.message)
    if (error instanceof StoreError && error.code === 'SBC_STORE_BUSY')
      throw new ApiError(503, error.code, 'The database is busy; try again', { 'retry-after': '2' })
    throw error
  }
}
