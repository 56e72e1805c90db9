import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { KEY_TYPES } from '../base/certificate-kinds.ts'
import { CertificateError } from '../base/errors.ts'
import type { CertificateDesk, CertificateView } from '../certs/types.ts'
import { withCertificate } from '../config/edit.ts'
import { ApiError } from './api-error.ts'
import { answerSaved } from './config-routes.ts'
import type { ConfigDesk } from './contract.ts'
import { noteChange, principalOf } from './guard.ts'
import { ErrorReply, NameParams, UPLOAD_LIMIT } from './schemas.ts'

const text = (description: string) => Type.String({ description })
const optional = <T extends Type.TSchema>(schema: T) => Type.Optional(schema)
const pem = (description: string) => Type.String({ maxLength: UPLOAD_LIMIT, description })

const Problem = Type.Object({ severity: Type.Enum(['warning', 'error']), text: text('A sentence'), remedy: text('What to do') })
const Step = Type.Object({ at: Type.String(), text: Type.String(), host: optional(Type.String()), time: Type.Number() })
const Version = Type.Object({ id: Type.String(), serial: Type.String(), validTo: Type.String(), replacedAt: Type.String() })

const View = Type.Object({
  name: Type.String(),
  source: Type.Enum(['files', 'development', 'acme', 'stored']),
  hosts: Type.Array(Type.String(), { description: 'Which names' }),
  issuer: optional(Type.String()),
  serial: optional(Type.String()),
  keyType: optional(Type.String()),
  sha256: optional(text('Fingerprint')),
  validFrom: optional(Type.String()),
  validTo: optional(text('Until when')),
  daysLeft: optional(Type.Integer()),
  usedBy: Type.Array(Type.String(), { description: 'Names of listeners, and `admin`' }),
  next: Type.Object(
    { what: Type.Enum(['renew', 'replace', 'retry', 'ordering', 'answer', 'nothing']), at: optional(Type.String()), text: Type.String() },
    { description: 'What happens next' },
  ),
  problems: Type.Array(Problem),
  order: optional(
    Type.Object({ running: Type.Boolean(), steps: Type.Array(Step) }, { description: 'The last order; times in milliseconds since 1970' }),
  ),
  history: Type.Array(Version, { description: 'Earlier versions, the newest first' }),
})
const Views = Type.Object({ certificates: Type.Array(View) })

const UploadBody = Type.Object(
  {
    chain: optional(pem('PEM, in any order; also with the key in it')),
    key: optional(pem('PEM')),
    pkcs12: optional(Type.String({ maxLength: UPLOAD_LIMIT, pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'The file in base64' })),
    password: optional(Type.String({ maxLength: 1024, description: 'Of the key, or of the PKCS#12 file' })),
  },
  { additionalProperties: false },
)
type UploadBody = Type.Static<typeof UploadBody>
const RequestBody = Type.Object(
  {
    hosts: Type.Array(Type.String({ maxLength: 253 }), { maxItems: 100, description: 'Empty: those of its listeners' }),
    keyType: Type.Enum([...KEY_TYPES]),
    subject: optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), { description: 'Such as `organization`, `country`' }),
    ),
  },
  { additionalProperties: false },
)
type RequestBody = Type.Static<typeof RequestBody>
const AnswerBody = Type.Object({ chain: pem('What the CA sent, PEM') }, { additionalProperties: false })
type AnswerBody = Type.Static<typeof AnswerBody>
const RestoreBody = Type.Object(
  { id: Type.String({ maxLength: 100, description: 'Of an earlier version' }) },
  { additionalProperties: false },
)
type RestoreBody = Type.Static<typeof RestoreBody>
const RevokeBody = Type.Object(
  {
    reason: Type.Integer({
      description: '0 unspecified, 1 key compromise, 3 affiliation changed, 4 superseded, 5 cessation of operation (RFC 5280)',
    }),
  },
  { additionalProperties: false },
)
type RevokeBody = Type.Static<typeof RevokeBody>
const AddBody = Type.Object(
  {
    name: Type.String({ maxLength: 32 }),
    source: Type.Enum(['acme', 'stored', 'development']),
    acme: optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Its settings, as in the configuration file' })),
    names: optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 100 })),
    key: optional(Type.Enum([...KEY_TYPES])),
  },
  { additionalProperties: false },
)
type AddBody = Type.Static<typeof AddBody>

const Csr = Type.Object({ csr: text('PKCS#10, PEM; for the CA') })
const Added = Type.Object({
  result: Type.String(),
  at: Type.String(),
  changes: Type.Array(Type.String()),
  problems: Type.Array(Type.Unknown()),
  version: Type.String(),
})
const Refused = Type.Object({ result: Type.String(), at: Type.String(), problems: Type.Array(Type.Unknown()) })

const errors = { '4xx': ErrorReply, '5xx': ErrorReply } as const
const tags = ['certificates']
const params = NameParams
const LOOK = { config: { role: 'viewer' } } as const
const changing = (audit: string, role: 'operator' | 'admin' = 'admin') => ({ config: { role, audit } }) as const

/** Certificates: what is there, and everything that people may do with them. Keys go in and never out. */
export const addCertificateRoutes = (app: FastifyInstance, desk: CertificateDesk, config: ConfigDesk): void => {
  app.get(
    '/api/certificates',
    {
      ...LOOK,
      schema: { summary: 'All certificates: which names, until when, what happens next', tags, response: { 200: Views, ...errors } },
    },
    () => ({ certificates: desk.views() }),
  )

  const viewOf = (name: string): CertificateView | undefined => desk.views().find((one) => one.name === name)

  /** Does it, with what was there before and after in the audit log, and answers what is there now. */
  const change = async (request: FastifyRequest<{ Params: NameParams }>, reply: FastifyReply, run: () => Promise<void>, status = 200) => {
    const { name } = request.params
    noteChange(request, { subject: name, before: shortly(viewOf(name)) })
    await told(run())
    const view = viewOf(name)
    noteChange(request, { after: shortly(view) })
    return reply.code(status).send(view)
  }

  app.post<{ Params: NameParams }>(
    '/api/certificates/:name/renew',
    {
      ...changing('certificate-renew', 'operator'),
      schema: { summary: 'Order it now; the view shows the steps', tags, params, response: { 202: View, ...errors } },
    },
    (request, reply) => change(request, reply, () => desk.renew(request.params.name), 202),
  )

  app.post<{ Params: NameParams; Body: UploadBody }>(
    '/api/certificates/:name/upload',
    {
      ...changing('certificate-upload'),
      bodyLimit: 2 * UPLOAD_LIMIT,
      schema: {
        summary: 'Bring a certificate with its key; a bad one is refused in words, and the old one stays',
        tags,
        params,
        body: UploadBody,
        response: { 200: View, ...errors },
      },
    },
    (request, reply) => {
      const { pkcs12, ...rest } = request.body
      const files = { ...rest, ...(pkcs12 !== undefined && { pkcs12: Buffer.from(pkcs12, 'base64') }) }
      return change(request, reply, () => desk.upload(request.params.name, files))
    },
  )

  app.post<{ Params: NameParams; Body: RequestBody }>(
    '/api/certificates/:name/request',
    {
      ...changing('certificate-request'),
      schema: {
        summary: 'Make a key here, and the request for a CA',
        tags,
        params,
        body: RequestBody,
        response: { 200: Csr, ...errors },
      },
    },
    async (request) => {
      const { name } = request.params
      noteChange(request, { subject: name, after: { hosts: request.body.hosts, keyType: request.body.keyType } })
      return { csr: await told(desk.request(name, request.body)) }
    },
  )

  app.post<{ Params: NameParams; Body: AnswerBody }>(
    '/api/certificates/:name/answer',
    {
      ...changing('certificate-answer'),
      bodyLimit: 2 * UPLOAD_LIMIT,
      schema: { summary: 'The answer of the CA to the request', tags, params, body: AnswerBody, response: { 200: View, ...errors } },
    },
    (request, reply) => change(request, reply, () => desk.answer(request.params.name, request.body.chain)),
  )

  app.post<{ Params: NameParams; Body: RestoreBody }>(
    '/api/certificates/:name/restore',
    {
      ...changing('certificate-restore'),
      schema: { summary: 'Put an earlier version in force again', tags, params, body: RestoreBody, response: { 200: View, ...errors } },
    },
    (request, reply) => change(request, reply, () => desk.restore(request.params.name, request.body.id)),
  )

  app.post<{ Params: NameParams; Body: RevokeBody }>(
    '/api/certificates/:name/revoke',
    {
      ...changing('certificate-revoke'),
      schema: {
        summary: 'Have its CA revoke it, and order another one',
        tags,
        params,
        body: RevokeBody,
        response: { 200: View, ...errors },
      },
    },
    (request, reply) => change(request, reply, () => desk.revoke(request.params.name, request.body.reason)),
  )

  app.get<{ Params: NameParams }>(
    '/api/certificates/:name/chain.pem',
    {
      ...LOOK,
      schema: { summary: 'The certificate and its intermediates, PEM', tags, params, response: { 200: Type.String(), ...errors } },
    },
    async (request, reply) => download(reply, `${request.params.name}.pem`, await told(desk.chain(request.params.name))),
  )

  app.get<{ Params: NameParams }>(
    '/api/certificates/:name/request.csr',
    {
      ...LOOK,
      schema: { summary: 'The request that waits for the answer of a CA, PEM', tags, params, response: { 200: Type.String(), ...errors } },
    },
    async (request, reply) => download(reply, `${request.params.name}.csr`, await told(desk.pending(request.params.name))),
  )

  app.get(
    '/api/development-ca.pem',
    { ...LOOK, schema: { summary: 'The root of the development CA, PEM', tags, response: { 200: Type.String(), ...errors } } },
    async (_request, reply) => download(reply, 'development-ca.pem', await told(desk.developmentRoot())),
  )

  app.post<{ Body: AddBody }>(
    '/api/certificates',
    {
      ...changing('certificate-add'),
      schema: {
        summary: 'Add one to the configuration, and take that over',
        tags,
        body: AddBody,
        response: { 200: Added, 409: ErrorReply, 422: Refused, ...errors },
      },
    },
    async (request, reply) => {
      const { name, source, ...settings } = request.body
      noteChange(request, { subject: name })
      if (source !== 'acme' && Object.keys(settings).length > 0)
        throw new ApiError(400, 'invalid', `A certificate with the source ${source} has no settings`)
      const { text: before, version } = await config.read()
      const after = withCertificate(before, name, source === 'acme' ? settings : source)
      if (after === undefined) {
        const message = `There is a certificate "${name.slice(0, 40)}" in the file already, or the file is to be put in order first`
        throw new ApiError(409, 'exists', message)
      }
      return answerSaved(request, reply, await config.save(after, version, principalOf(request).who))
    },
  )
}

/** For the audit log. */
const shortly = (view: CertificateView | undefined): unknown =>
  view === undefined ? undefined : { serial: view.serial, hosts: view.hosts, issuer: view.issuer, validTo: view.validTo }

const STATUSES: Readonly<Record<string, number>> = { SBC_CERTIFICATE_UNKNOWN: 404, SBC_CERTIFICATE_BUSY: 409, SBC_CERTIFICATE_SOURCE: 409 }

/** What is refused is refused with words for people. */
const told = async <T>(promise: Promise<T>): Promise<T> => {
  try {
    return await promise
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    throw new ApiError(STATUSES[error.code] ?? 422, error.code, error.message)
  }
}

const download = (reply: FastifyReply, name: string, pemText: string): FastifyReply =>
  reply
    .serializer((body: string) => body)
    .type('application/x-pem-file')
    .header('content-disposition', `attachment; filename="${name}"`)
    .send(pemText)
