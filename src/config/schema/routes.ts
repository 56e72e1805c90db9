import Type from 'typebox'
import { mapping, nameOf, oneOrMany, optional, text } from './fragment.ts'
import { headerRules, numberRules } from './rules.ts'

const WILD =
  'Text in which `*` stands for any characters, or `/regular expression/`; it must match as a whole; more than 256 characters never do.'

const route = mapping({
  name: optional(nameOf({ description: 'For log, metrics and ladder. Default: its place in the list.', examples: ['to-teams'] })),
  from: optional(oneOrMany(nameOf({}), { description: 'Source zones. Default: any.', examples: [['teams', 'browsers']] })),
  method: optional(
    oneOrMany(text({ pattern: '^[A-Za-z]{2,32}$', expects: 'a method such as INVITE' }), {
      description: 'Methods. Default: any.',
      examples: [['INVITE', 'MESSAGE']],
    }),
  ),
  host: optional(
    oneOrMany(text({ expects: 'a host name, text with *, or /regular expression/' }), {
      description: `Host of the Request-URI. ${WILD}`,
      examples: ['*.example.com'],
    }),
  ),
  user: optional(
    oneOrMany(text({ expects: 'a user, text with *, or /regular expression/' }), {
      description: `User part of the Request-URI. ${WILD}`,
      examples: ['/[a-z]+/'],
    }),
  ),
  number: optional(
    oneOrMany(text({ expects: 'a number pattern such as +4420794601xx' }), {
      description:
        'The dialled number: `x` is one digit, a final `*` or `!` any rest; spaces, dots, brackets and hyphens do not count; or `/regular expression/`.',
      examples: ['+4420794601xx', ['100', '+44*']],
    }),
  ),
  header: optional(
    Type.Record(Type.String({ pattern: "^[A-Za-z0-9\\-.!%*_+`'~]{1,64}$" }), text({ expects: 'a regular expression' }), {
      additionalProperties: false,
      keys: "a header's name",
      description:
        'Headers that must be there with a value in which the regular expression is found; all of them. Values of more than 512 characters do not match.',
      examples: [{ 'User-Agent': '^Polycom' }],
    }),
  ),
  tenant: optional(
    text({
      description: "The advertised name under which the request came: one of the listeners' names.",
      examples: ['tenant1.example.com'],
      expects: 'a host name',
    }),
  ),
  to: optional(
    oneOrMany(nameOf({}), {
      description: 'The zone that requests go to; of several, the next when all targets of the one before failed.',
      examples: ['pbx'],
    }),
  ),
  respond: optional(
    text({
      description: 'Answers with this status and text instead.',
      examples: ['503 Closed on Sundays'],
      pattern: '^[2-6]\\d\\d +[^\\s][^\\r\\n\\u0000]*$',
      expects: 'a final status with its text, such as "503 Closed"',
    }),
  ),
  drop: optional(Type.Boolean({ description: 'Gives no answer at all.', examples: [true] })),
  fork: optional(
    Type.Enum(['serial', 'parallel'], {
      description:
        'Several targets: one after the other (the default), or all at once. Contacts of a registered user: by their q, equal ones at once (the default), or one after the other, or all at once.',
      examples: ['parallel'],
    }),
  ),
  'request-uri': optional(Type.Enum(['target', 'keep'], { description: "Overrides the targets' own `request-uri`.", examples: ['keep'] })),
  advertise: optional(
    text({
      description: "The name that is advertised toward the destination; one of its listeners' names.",
      examples: ['tenant1.example.com'],
      expects: 'a host name',
    }),
  ),
  numbers: optional(numberRules('Number rules for requests that take this route.')),
  headers: optional(headerRules('Header rules for requests that take this route.')),
})

export const routes = Type.Array(route, {
  description:
    'Which requests may cross, and where to: the first route whose conditions all hold decides; without one the answer is 404. Exactly one of `to`, `respond` and `drop` says what happens.',
  examples: [
    [
      { from: ['teams', 'browsers'], to: 'pbx' },
      { from: 'pbx', number: '+4420794601xx', to: 'teams' },
    ],
  ],
  maxItems: 10_000,
})
