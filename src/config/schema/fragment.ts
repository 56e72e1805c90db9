import Type, { type TSchema } from 'typebox'

/**
 * What each property of the schema says about itself beyond JSON Schema:
 * `expects` completes the sentence "Must be …", `unit` names the form of a text, `requiresRestart` tells that a reload is not enough,
 * `secret` that the value is never shown. `description`, and a `default` or `examples`, stand in every property.
 */
export interface Annotations {
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly expects?: string
  readonly requiresRestart?: boolean
  readonly secret?: boolean
}

/** A property of a mapping that may be left out. */
export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema)

export const mapping = <P extends Record<string, TSchema>>(properties: P, options: Annotations = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** A mapping from names that the operator chooses. */
export const named = <T extends TSchema>(value: T, options: Annotations) =>
  Type.Record(Type.String({ pattern: NAME }), value, { additionalProperties: false, keys: NAME_EXPECTED, ...options })

/** One value or a list of such values. */
export const oneOrMany = <T extends TSchema>(one: T, options: Annotations) =>
  Type.Union([one, Type.Array(one, { minItems: 1 })], { ...options })

export const text = (options: Annotations & { readonly pattern?: string }) => Type.String({ minLength: 1, maxLength: 1024, ...options })

/** Names go into signed route parameters and metric labels. */
const NAME = '^[A-Za-z][A-Za-z0-9_-]{0,31}$'
const NAME_EXPECTED = 'a name of up to 32 letters, digits, "-" and "_" that begins with a letter'
export const nameOf = (options: Annotations) => text({ pattern: NAME, expects: NAME_EXPECTED, ...options })

interface Bounds {
  readonly least: string
  readonly most: string
}

export const duration = (options: Annotations & Bounds) =>
  text({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    expects: 'a duration such as 200ms, 30s, 5m or 1h',
    ...options,
    unit: 'duration',
  } as Annotations)

export const durationOrOff = (options: Annotations & Bounds) =>
  text({
    pattern: '^(\\d{1,9}(ms|s|m|h|d)|off)$',
    expects: 'a duration such as 30s or 5m, or "off"',
    ...options,
    unit: 'duration',
  } as Annotations)

export const size = (options: Annotations & Bounds) =>
  text({ pattern: '^\\d{1,9}[km]?$', expects: 'a size in bytes such as 512, 64k or 4m', ...options, unit: 'size' } as Annotations)

export const sizeOrOff = (options: Annotations & Bounds) =>
  text({
    pattern: '^(\\d{1,9}[km]?|off)$',
    expects: 'a size in bytes such as 512, 64k or 4m, or "off"',
    ...options,
    unit: 'size',
  } as Annotations)

export const count = (options: Annotations & { readonly minimum: number; readonly maximum: number }) => Type.Integer({ ...options })

export const file = (options: Annotations) => text({ expects: 'a file, absolute or from the folder of this configuration', ...options })

/**
 * A secret is told by where it is, never by its value: `{ file: /run/secrets/x }` or `{ variable: NAME }`.
 * No setting needs one yet; those that come use this.
 */
export const secret = (options: Annotations) =>
  Type.Union(
    [
      mapping({ file: file({ description: 'A file that holds the secret and nothing else.', examples: ['/run/secrets/trunk-password'] }) }),
      mapping({
        variable: text({
          description: 'An environment variable that holds the secret.',
          pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
          expects: 'the name of an environment variable',
          examples: ['TRUNK_PASSWORD'],
        }),
      }),
    ],
    { expects: '{ file: … } or { variable: … }, never the secret itself', ...options, secret: true },
  )
