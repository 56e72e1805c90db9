/** Where the messages of a call stand in its ladder: the caller's parties, the edge, the callee's parties, and time from top to bottom. */
import type { Ladder, LadderMessage, LadderParty } from '../api/types.ts'
import { differenceOf } from '../config/difference.ts'

export type LadderColumn = { readonly side: 'caller' | 'callee'; readonly party: LadderParty } | { readonly side: 'edge' }

export interface LadderRow {
  readonly message: LadderMessage
  /** Indexes of columns. */
  readonly from: number
  readonly to: number
  /** `INVITE`, `200 OK`. */
  readonly label: string
  readonly kind: 'request' | 'provisional' | 'success' | 'failure'
  readonly hasSdp: boolean
  /** Milliseconds since the first message, and since the one before. */
  readonly since: number
  readonly gap: number
  /** Indexes of the messages that were made from this one. */
  readonly outcomes: readonly number[]
}

export interface LadderLayout {
  readonly columns: readonly LadderColumn[]
  /** As the messages of the ladder: the server has them in the order of time. */
  readonly rows: readonly LadderRow[]
}

export const layOut = ({ parties, messages }: Pick<Ladder, 'parties' | 'messages'>): LadderLayout => {
  const sides = sidesOf(parties, messages)
  const partiesOf = (side: 'caller' | 'callee'): readonly number[] => [...parties.keys()].filter((index) => sides[index] === side)
  const order = [...partiesOf('caller'), -1, ...partiesOf('callee')]
  const edge = order.indexOf(-1)
  const columns = order.map((index): LadderColumn => (index < 0 ? { side: 'edge' } : { side: sides[index]!, party: parties[index]! }))
  const first = messages[0]?.at ?? 0
  const rows = messages.map((message, index): LadderRow => {
    const peer = order.indexOf(message.party)
    const incoming = message.direction === 'in'
    return {
      message,
      from: incoming ? peer : edge,
      to: incoming ? edge : peer,
      ...titleParts(message.title),
      hasSdp: /^(?:content-type|c)[ \t]*:[ \t]*application\/sdp/im.test(message.text) || /\r?\n\r?\nv=0\r?\n/.test(message.text),
      since: message.at - first,
      gap: index === 0 ? 0 : message.at - messages[index - 1]!.at,
      outcomes: messages.flatMap(({ source }, other) => (source === index ? [other] : [])),
    }
  })
  return { columns, rows }
}

/**
 * The first party calls. Whoever gets what was made from a message of one side is on the other; of those who never do (a BYE over a new
 * connection that nobody passes on), the listener tells.
 */
const sidesOf = (parties: readonly LadderParty[], messages: readonly LadderMessage[]): readonly ('caller' | 'callee')[] => {
  const sides: ('caller' | 'callee' | undefined)[] = parties.map((_party, index) => (index === 0 ? 'caller' : undefined))
  const across = (from: number, to: number): void => {
    sides[to] ??= sides[from] === undefined ? undefined : sides[from] === 'caller' ? 'callee' : 'caller'
  }
  for (const { source, party } of messages) {
    if (source === undefined) continue
    const other = messages[source]!.party
    across(other, party)
    across(party, other)
  }
  return sides.map((side, index) => side ?? (parties[index]!.listener === parties[0]!.listener ? 'caller' : 'callee'))
}

const titleParts = (title: string): { readonly label: string; readonly kind: LadderRow['kind'] } => {
  const [, status] = /^(\d{3})(?: |$)/.exec(title) ?? []
  if (status === undefined) return { label: title.split(' ')[0]!, kind: 'request' }
  return { label: title, kind: status < '200' ? 'provisional' : status < '300' ? 'success' : 'failure' }
}

/** Two texts beside each other: lines that differ stand in one row, `undefined` where the one has nothing. */
export interface TextRow {
  readonly before?: string
  readonly after?: string
  readonly differs: boolean
}

export const besides = (before: string, after: string): readonly TextRow[] => {
  const rows: TextRow[] = []
  let gone: string[] = []
  let come: string[] = []
  const flush = (): void => {
    // Lines of the same header belong beside each other, whatever stands between them
    for (const { before: left, after: right } of differenceOf(gone.map(kindOf).join('\n'), come.map(kindOf).join('\n'))) {
      rows.push({
        ...(left !== undefined && { before: gone[left - 1]! }),
        ...(right !== undefined && { after: come[right - 1]! }),
        differs: true,
      })
    }
    gone = []
    come = []
  }
  for (const { kind, text } of differenceOf(before.replaceAll('\r', ''), after.replaceAll('\r', ''))) {
    if (kind === 'gone') gone.push(text)
    else if (kind === 'new') come.push(text)
    else {
      flush()
      rows.push({ before: text, after: text, differs: false })
    }
  }
  flush()
  return rows
}

/** The name of a header, the letter of a line of SDP, or that it is neither. */
const kindOf = (line: string): string => /^(?:[\w-]+(?=[ \t]*:)|[a-z]=)/.exec(line)?.[0].toLowerCase() ?? '*'
