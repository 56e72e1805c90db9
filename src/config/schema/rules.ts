import Type from 'typebox'
import { count, mapping, oneOrMany, optional, text } from './fragment.ts'

const on = optional(
  oneOrMany(Type.Enum(['request-uri', 'from', 'to', 'p-asserted-identity']), {
    description: 'Whose number is changed.',
    default: 'request-uri',
    examples: [['request-uri', 'to']],
  }),
)

const when = optional(
  text({
    description: 'Only numbers that this regular expression matches, from the first to the last character.',
    examples: ['0[1-9]\\d+'],
  }),
)

const CONTROL_FREE = '^[^\\r\\n\\u0000]*$'

export const numberRule = Type.Union(
  [
    mapping({
      strip: count({ description: 'Removes so many characters from the front.', examples: [1], minimum: 1, maximum: 32 }),
      on,
      when,
    }),
    mapping({
      prefix: text({
        description: 'Put before the number.',
        examples: ['+44'],
        pattern: '^[0-9A-Za-z+*#_-]{1,32}$',
        expects: 'digits, letters, "+", "*" or "#"',
      }),
      on,
      when,
    }),
    mapping({
      e164: mapping(
        {
          country: text({
            description: 'The country code, without "+".',
            examples: ['44'],
            pattern: '^[1-9]\\d{0,3}$',
            expects: 'a country code such as 44',
          }),
          'trunk-prefix': optional(
            Type.String({
              description: 'What is dialled before a national number, and goes away; "" for none.',
              default: '0',
              pattern: '^\\d{0,4}$',
              expects: 'up to four digits',
            }),
          ),
          shortest: optional(count({ description: 'Shorter numbers are short codes and stay.', default: 6, minimum: 1, maximum: 15 })),
        },
        { description: 'To "+" and country code: "00" and the trunk prefix are replaced.' },
      ),
      on,
    }),
    mapping({
      match: text({ description: 'A regular expression; the part that it matches is replaced.', examples: ['^9(\\d+)$'] }),
      replace: Type.String({
        description: 'What is put there; `$1` is the first group.',
        examples: ['$1'],
        maxLength: 128,
        pattern: '^[^\\r\\n\\u0000\\s@<>"]*$',
        expects: 'text without spaces, quotes, "<", ">" and "@"',
      }),
      on,
    }),
  ],
  {
    description: 'Number rules, in order; each sees what the one before left: `strip`, `prefix`, `e164`, or `match` and `replace`.',
    examples: [
      { strip: 1, when: '9\\d+' },
      { prefix: '+44', on: 'from' },
      { e164: { country: '44', 'trunk-prefix': '0' } },
      { match: '^0', replace: '+44' },
    ],
  },
)

const LINE = { pattern: CONTROL_FREE, expects: 'one line such as "X-Side: edge", without line breaks' }

export const headerRule = Type.Union(
  [
    mapping({ add: text({ description: 'Adds a header line, also when there is one.', examples: ['X-Side: edge'], ...LINE }) }),
    mapping({ set: text({ description: 'Removes all lines of that name, then adds one.', examples: ['Privacy: none'], ...LINE }) }),
    mapping({
      remove: text({
        description: 'Removes all lines of that name.',
        examples: ['P-Preferred-Identity'],
        pattern: CONTROL_FREE,
        expects: "a header's name",
      }),
    }),
    mapping({
      keep: Type.Array(text({ pattern: CONTROL_FREE, expects: "a header's name" }), {
        description: 'Removes every header that is not in the list and not needed by SIP itself.',
        examples: [['User-Agent', 'P-Asserted-Identity']],
      }),
    }),
  ],
  {
    description: 'Header rules, in order: `add`, `set`, `remove` or `keep`. Headers that SIP routing needs cannot be named.',
    examples: [{ add: 'X-Side: edge' }, { set: 'Privacy: none' }, { remove: 'P-Preferred-Identity' }, { keep: ['User-Agent'] }],
  },
)

const list = <T extends typeof numberRule | typeof headerRule>(rule: T, description: string, example: unknown) =>
  Type.Array(rule, { description, examples: [example], maxItems: 1000 })

export const numberRules = (description: string) => list(numberRule, description, [{ e164: { country: '44' } }])
export const headerRules = (description: string) => list(headerRule, description, [{ remove: 'X-Internal' }])
