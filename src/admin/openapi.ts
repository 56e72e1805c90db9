import fastifySwagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'

const TAGS = {
  session: 'Signing in and out, and what people change of their own account',
  health: 'For load balancers and Prometheus: without credentials',
  edge: 'What the edge is doing, and the commands',
  calls: 'Calls of now and those that are over, with their messages',
  registrations: 'Who is registered',
  subscribers: 'Users of phones and browsers, and what they show who they are with',
  phone: 'For the test phone of the web admin',
  events: 'What happens, as it happens',
  certificates: 'Which names, until when, what happens next',
  configuration: 'The configuration file and its history',
  users: 'Who may sign in',
  tokens: 'Keys for programs',
  audit: 'Who did what',
} as const

const DESCRIPTION =
  'Everything that the pages of the web admin do, they do with these calls. Programs send `Authorization: Bearer TOKEN`, with a token made ' +
  'at `POST /api/tokens` or the one in the file `admin-token` of the data folder. Browsers sign in and have a cookie; they send the header ' +
  '`X-CSRF-Token` with every change. Every answer from 400 on is `{ "code": WORD, "message": SENTENCE }`.'

/** Describes all routes that are added after it; `app.swagger()` is the OpenAPI 3.1 document. */
export const describeRoutes = (app: FastifyInstance, version: string): void => {
  const options: FastifyDynamicSwaggerOptions = {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Edgeways', description: DESCRIPTION, version },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: '__Host-edgeways' },
          csrf: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token' },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const { open, role, session } = route.config ?? {}
      const changing = [route.method].flat().some((method) => !['GET', 'HEAD'].includes(method))
      const cookie = { session: [], ...(changing && { csrf: [] }) }
      const security = open === true ? [] : session === true ? [cookie] : [{ token: [] }, cookie]
      const described: FastifySchema & Record<string, unknown> = { ...schema, security, ...(role !== undefined && { 'x-role': role }) }
      return { schema: described, url }
    },
  }
  app.register(fastifySwagger, options)
}

/** `GET /api/openapi.json`. */
export const addOpenApiRoute = (app: FastifyInstance): void => {
  const schema = {
    summary: 'This description, in OpenAPI 3.1',
    tags: ['health'],
    response: { 200: { type: 'object', additionalProperties: true } },
  }
  app.get('/api/openapi.json', { config: { role: 'viewer' }, schema }, () => app.swagger())
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly additionalProperties?: Schema | boolean
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly 'x-role'?: string
  readonly security?: readonly Readonly<Record<string, unknown>>[]
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly description?: string; readonly schema?: Schema }[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
  readonly responses?: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >
}

/** As much of an OpenAPI document as ours has. */
export interface OpenApi {
  readonly info: { readonly title: string; readonly description?: string }
  readonly tags?: readonly { readonly name: string; readonly description?: string }[]
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

/** docs/api.md: every call with its role, its body and its answers, by what it is about. Pure. */
export const apiDocument = ({ info, tags = [], paths = {} }: OpenApi): string => {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as Operation | undefined
      return operation === undefined ? [] : [{ title: `${method.toUpperCase()} ${path}`, operation, tag: operation.tags?.[0] ?? 'other' }]
    }),
  )
  const named = [...tags, { name: 'other', description: '' }]
  const sections = named.flatMap(({ name, description }) => {
    const mine = operations.filter(({ tag }) => tag === name || (name === 'other' && !tags.some((known) => known.name === tag)))
    if (mine.length === 0) return []
    return [
      `## ${name[0]!.toUpperCase()}${name.slice(1)}`,
      ...(description ? [`${description}.`] : []),
      ...mine.flatMap(({ title, operation }) => callText(title, operation)),
    ]
  })
  return `${['# API', '<!-- Generated by `npm run docs` from the schemas of the routes. Do not edit. -->', 'As OpenAPI 3.1: `GET /api/openapi.json`.', info.description ?? '', ...sections].join('\n\n')}\n`
}

const callText = (title: string, operation: Operation): readonly string[] => {
  const { summary, description, security = [], parameters = [], requestBody, responses = {} } = operation
  const role = operation['x-role']
  const sessionOnly = security.length > 0 && !security.some((way) => 'token' in way)
  const who = role === undefined ? 'No credentials.' : `Role: ${role}${sessionOnly ? ', signed in with a browser' : ''}.`
  const body = Object.values(requestBody?.content ?? {})[0]?.schema
  const lines = [
    ...parameters.map(({ in: place, name, description: text }) => `- \`${name}\` (${place}): ${text ?? 'text'}.`),
    ...(body === undefined ? [] : schemaLines('body', body)),
    ...Object.entries(responses).flatMap(([status, response]) => {
      if (!/^[23]\d\d$/.test(status)) return []
      const [type, content] = Object.entries(response.content ?? {})[0] ?? []
      const plain = content?.schema?.properties === undefined
      if (plain) return [`- answer ${status}${type === undefined || type === 'application/json' ? '' : `: ${type}`}`]
      return schemaLines(`answer ${status}`, content.schema ?? {})
    }),
  ]
  return [
    `### ${title}`,
    `${[summary && `${summary}.`, description, who].filter(Boolean).join(' ')}`,
    ...(lines.length === 0 ? [] : [lines.join('\n')]),
  ]
}

const schemaLines = (what: string, schema: Schema): readonly string[] => [`- ${what}:`, ...propertyLines(schema, '  ', 0)]

const DEEPEST = 3

const propertyLines = ({ properties = {}, required = [] }: Schema, indent: string, depth: number): readonly string[] =>
  Object.entries(properties).flatMap(([name, property]) => {
    const facts = [typeText(property), ...(required.includes(name) ? [] : ['optional'])].join(', ')
    const inner = property.properties === undefined ? property.items : property
    const deeper = inner?.properties === undefined || depth >= DEEPEST ? [] : propertyLines(inner, `${indent}  `, depth + 1)
    return [`${indent}- \`${name}\` (${facts})${property.description === undefined ? '' : `: ${property.description}`}`, ...deeper]
  })

const typeText = (schema: Schema): string => {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(String).join(' \\| ')
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' or ')
  if (schema.type === 'array') return schema.items === undefined ? 'list' : `list of ${typeText(schema.items)}`
  return schema.type === undefined ? 'anything' : [schema.type].flat().join(' or ')
}
