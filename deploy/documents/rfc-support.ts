/** A file of the project as the documents are made from it. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

const TITLES: Readonly<Record<number, string>> = {
  2543: 'SIP, the first version',
  2782: 'DNS SRV',
  3261: 'SIP: Session Initiation Protocol',
  3263: 'Locating SIP servers',
  3326: 'Reason',
  3327: 'Path',
  3403: 'DNS NAPTR',
  3581: 'Symmetric response routing (rport)',
  3966: 'The tel URI',
  4028: 'Session timers',
  4320: 'Actions addressing identified issues with non-INVITE transactions',
  4475: 'SIP torture test messages',
  5118: 'SIP torture test messages for IPv6',
  5393: 'Loop detection and Max-Breadth',
  5626: 'Client-initiated connections (outbound)',
  5627: 'Globally routable user agent URIs (GRUU)',
  5658: 'Addressing Record-Route issues',
  5922: 'Domain certificates in SIP',
  5923: 'Connection reuse',
  5954: 'IPv6 in the grammar of SIP',
  6026: 'Correct transaction handling for 2xx responses to INVITE',
  6455: 'The WebSocket protocol',
  7118: 'WebSocket as a transport for SIP',
}

/** The name of a test or group: what follows `test(`, `it(`, `describe(`, or the `)(` of their `each`. */
const NAME = /(?:\b(describe|test|it)(?:\.\w+)*|\))\(\s*(['"`])((?:(?!\2)[^\\]|\\.)*)\2\s*,/g
const REFERENCE = /^(?:RFC (\d+),? ?)?(?:§+([\d.]*\d))?/
/** Values that only the run fills in. */
const PLACEHOLDER = /%[sdifjoOp#$]|\$\{[^}]*\}|\$[a-z]\w*/g
const TAGGED = /\b(DEVIATION|INTEROP(?:\([^)]*\))?): ([^\n]*(?:\n[ \t]*(?:\/\/|\*(?!\/))[^\n]*)*)/g

interface Reference {
  readonly rfc: number
  readonly section: string
}

interface Claim extends Reference {
  readonly sentence: string
}

/**
 * What a name begins with. In a group about one RFC, § alone means that RFC; and a name without a reference belongs to what its group says.
 */
const claimOf = (name: string, group: Reference | undefined): Claim | undefined => {
  const [whole, rfc, section] = REFERENCE.exec(name) as unknown as [string, string | undefined, string | undefined]
  const rest = name
    .slice(whole.length)
    .replace(/^\s*[:,]\s*/, '')
    .trim()
  const sentence = rest.replaceAll(PLACEHOLDER, '…')
  if (whole === '') return group === undefined ? undefined : { ...group, sentence }
  return { rfc: rfc === undefined ? (group?.rfc ?? 3261) : Number(rfc), section: section ?? '', sentence }
}

/** Groups are told apart by how far their lines are indented, which the formatter keeps true. */
const claimsOf = (text: string): readonly Claim[] => {
  const claims: Claim[] = []
  const groups: { readonly indent: number; readonly reference: Reference | undefined }[] = []
  for (const match of text.matchAll(NAME)) {
    const line = text.slice(text.lastIndexOf('\n', match.index) + 1)
    const indent = line.length - line.trimStart().length
    while (groups.length > 0 && groups.at(-1)!.indent >= indent) groups.pop()
    const around = groups.at(-1)?.reference
    const claim = claimOf(unescaped(match[3]!), around)
    if (match[1] === 'describe') groups.push({ indent, reference: claim ?? around })
    else if (claim !== undefined && /\w/.test(claim.sentence)) claims.push(claim)
  }
  return claims
}

const unescaped = (text: string): string => text.replaceAll(/\\(.)/g, '$1').replaceAll(/\s+/g, ' ')

/** `2.10` comes after `2.9`. */
const bySection = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

const grouped = <T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> => Map.groupBy(items, key)

const testedPart = (tests: readonly SourceFile[]): string => {
  const claims = tests.flatMap(({ text }) => claimsOf(text))
  const rfcs = [...grouped(claims, ({ rfc }) => String(rfc))].sort(
    ([a], [b]) => Number(b === '3261') - Number(a === '3261') || Number(a) - Number(b),
  )
  return rfcs.map(([rfc, its]) => rfcPart(Number(rfc), its)).join('\n')
}

const rfcPart = (rfc: number, claims: readonly Claim[]): string => {
  const sections = [...grouped(claims, ({ section }) => section)].sort(([a], [b]) => bySection(a, b))
  const lines = sections.flatMap(([section, its]) => [
    `- ${section === '' ? 'In general' : `§${section}`}`,
    ...[...new Set(its.map(({ sentence }) => sentence))].sort(bySection).map((sentence) => `  - ${sentence}`),
  ])
  const title = TITLES[rfc] === undefined ? '' : `: ${TITLES[rfc]}`
  return `### RFC ${rfc}${title}\n\n${lines.join('\n')}\n`
}

const differencesPart = (sources: readonly SourceFile[]): string =>
  sources
    .flatMap(({ path, text }) =>
      [...text.matchAll(TAGGED)].map(([, tag, comment]) => {
        const words = comment!.replaceAll(/\n[ \t]*(?:\/\/|\*)[ \t]?/g, ' ')
        // The next tag in the same comment is a line of its own; a block comment may end on the line.
        const end = /\s*\*\/| (?:DEVIATION|INTEROP(?:\([^)]*\))?): |\s@(?:param|returns|throws)\b/.exec(words)?.index ?? words.length
        return `- ${tag === 'DEVIATION' ? '' : `${tag}: `}${words.slice(0, end).trim()} (\`${path}\`)`
      }),
    )
    .join('\n')

/**
 * docs/rfc-support.md: what is written by hand, then what source comments call a difference, then what the tests claim.
 * Files are read as text; nothing is run.
 */
export const rfcSupportDocument = (head: string, sources: readonly SourceFile[], tests: readonly SourceFile[]): string =>
  `${head.trim()}

## Where we differ on purpose

Made from the comments in the source that carry the word DEVIATION (from an RFC) or INTEROP (a habit of others that we allow for).

${differencesPart(sources)}

## What the tests show

Made from the names of the tests; each sentence is one test or a table of them.

${testedPart(tests).trim()}
`
