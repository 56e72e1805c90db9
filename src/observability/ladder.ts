/** The messages of a call side by side: who said what to us, what we made of it, and what was rewritten on the way. */
import { safeMessage } from './redact.ts'
import type { TraceDirection, TraceEntry, TraceNote } from './trace.ts'

export interface LadderChange {
  readonly header: string
  /** Lines as they came in, and as they left; undefined: none. */
  readonly before?: string
  readonly after?: string
}

export interface LadderMessage {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly direction: TraceDirection
  /** Which of `parties` it came from or went to. */
  readonly party: number
  readonly listener: string
  readonly transport: string
  /** `INVITE sip:…` or `200 OK`. */
  readonly title: string
  /** The CSeq, which joins a response to its request. */
  readonly cseq: string
  readonly bytes: number
  /** The same message came or left before. */
  readonly repeated: boolean
  /** The message that came in and left as this one: its index; undefined: we made it ourselves, or it came in. */
  readonly source?: number
  readonly changed: readonly LadderChange[]
  /** Whole, with credentials and media keys masked. */
  readonly text: string
}

export interface LadderParty {
  readonly address: string
  readonly listener: string
  readonly transport: string
}

export interface Ladder {
  /** In the order in which they appeared: the caller first. */
  readonly parties: readonly LadderParty[]
  readonly messages: readonly LadderMessage[]
  readonly notes: readonly { readonly at: number; readonly text: string; readonly rule?: string }[]
}

export interface LadderOptions {
  /** Numbers and names of people are masked as well. */
  readonly redact: boolean
}

interface Read {
  readonly entry: TraceEntry
  readonly text: string
  readonly start: string
  readonly headers: readonly { readonly name: string; readonly line: string }[]
  readonly body: string
  readonly cseq: string
}

/** @param entries of one call, in the order of time */
export const ladderOf = (entries: readonly (TraceEntry | TraceNote)[], { redact }: LadderOptions): Ladder => {
  const parties: LadderParty[] = []
  const messages: LadderMessage[] = []
  const read: Read[] = []
  for (const entry of entries) {
    if (entry.kind === 'note') continue
    const one = readEntry(entry, redact)
    const source = entry.direction === 'out' ? sourceOf(read, one) : undefined
    const repeated = read.some(
      (before) => before.entry.direction === entry.direction && samePlace(before.entry, entry) && before.text === one.text,
    )
    messages.push({
      at: entry.at,
      direction: entry.direction,
      party: partyOf(parties, entry),
      listener: entry.place.listener.name,
      transport: entry.place.listener.transport.name,
      title: titleOf(one.start),
      cseq: one.cseq,
      bytes: entry.bytes.length,
      repeated,
      ...(source === undefined ? {} : { source }),
      changed: source === undefined ? [] : changesBetween(read[source]!, one),
      text: one.text,
    })
    read.push(one)
  }
  const notes = entries.flatMap((entry) =>
    entry.kind === 'note' ? [{ at: entry.at, text: entry.text, ...(entry.rule !== undefined && { rule: entry.rule }) }] : [],
  )
  return { parties, messages, notes }
}

/** As text, one message after the other. */
export const ladderText = ({ parties, messages, notes }: Ladder): string =>
  [
    ...notes.map(({ at, text }) => `# ${new Date(at).toISOString()} ${text}`),
    ...messages.map(({ at, direction, party, listener, transport, text }) => {
      const { address } = parties[party]!
      const way = direction === 'in' ? `${address} -> ${listener}` : `${listener} -> ${address}`
      return `${new Date(at).toISOString()} ${transport} ${way}\n\n${text.trimEnd()}\n`
    }),
  ].join('\n')

const addressOf = ({ place }: TraceEntry): string =>
  place.remoteAddress.includes(':') ? `[${place.remoteAddress}]:${place.remotePort}` : `${place.remoteAddress}:${place.remotePort}`

/** A connection is one party whatever its port: the port of ours, or of theirs, says nothing. */
const samePlace = (one: TraceEntry, other: TraceEntry): boolean =>
  one.place.listener.name === other.place.listener.name && addressOf(one) === addressOf(other)

const partyOf = (parties: LadderParty[], entry: TraceEntry): number => {
  const address = addressOf(entry)
  const listener = entry.place.listener.name
  const known = parties.findIndex((party) => party.address === address && party.listener === listener)
  if (known >= 0) return known
  parties.push({ address, listener, transport: entry.place.listener.transport.name })
  return parties.length - 1
}

const readEntry = (entry: TraceEntry, redact: boolean): Read => {
  const masked = safeMessage(entry.bytes)
  const text = redact ? withoutPeople(masked) : masked
  const end = /\r?\n\r?\n/.exec(text)
  const head = end === null ? text : text.slice(0, end.index)
  const [start = '', ...lines] = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  const headers = lines.map((line) => ({ name: fullName(line.slice(0, Math.max(line.indexOf(':'), 0))), line }))
  const cseq = headers.find(({ name }) => name === 'cseq')?.line ?? ''
  return {
    entry,
    text,
    start,
    headers,
    body: end === null ? '' : text.slice(end.index + end[0].length),
    cseq: cseq.slice(cseq.indexOf(':') + 1).trim(),
  }
}

const COMPACT: Readonly<Record<string, string>> = {
  ...{ i: 'call-id', m: 'contact', e: 'content-encoding', l: 'content-length', c: 'content-type', f: 'from', s: 'subject' },
  ...{ k: 'supported', t: 'to', v: 'via' },
}

const fullName = (written: string): string => {
  const name = written.trim().toLowerCase()
  return COMPACT[name] ?? name
}

const isResponse = (start: string): boolean => start.startsWith('SIP/2.0 ')

const titleOf = (start: string): string => (isResponse(start) ? start.slice(8) : start.replace(/ SIP\/2\.0$/, ''))

const kindOf = ({ start, cseq }: Read): string =>
  isResponse(start) ? `${start.slice(8, 11)} ${cseq}` : `${start.slice(0, start.indexOf(' '))} ${cseq}`

/** The last message that came in by another way and says the same. */
const sourceOf = (read: readonly Read[], made: Read): number | undefined => {
  const kind = kindOf(made)
  const index = read.findLastIndex((one) => one.entry.direction === 'in' && kindOf(one) === kind && !samePlace(one.entry, made.entry))
  return index < 0 ? undefined : index
}

/** Header by header: lines that are only in one of the two; the body as one. */
const changesBetween = (before: Read, after: Read): readonly LadderChange[] => {
  const changes: LadderChange[] = []
  if (before.start !== after.start) changes.push({ header: 'start line', before: before.start, after: after.start })
  const names = new Set([...before.headers, ...after.headers].map(({ name }) => name))
  for (const name of names) {
    const lines = (one: Read) => one.headers.filter((header) => header.name === name).map(({ line }) => line)
    const [old, now] = [lines(before), lines(after)]
    const gone = old.filter((line) => !now.includes(line))
    const added = now.filter((line) => !old.includes(line))
    if (gone.length === 0 && added.length === 0) continue
    changes.push({
      header: name,
      ...(gone.length > 0 && { before: gone.join('\n') }),
      ...(added.length > 0 && { after: added.join('\n') }),
    })
  }
  if (before.body !== after.body) changes.push({ header: 'body', before: before.body, after: after.body })
  return changes
}

/** Users of URIs, display names, numbers: what tells who called whom. Hosts and tags stay. */
const withoutPeople = (text: string): string =>
  text
    .replace(/\b(sips?:)([^\s@<>]+)(?=@)/gi, (_all, scheme: string, user: string) => scheme + maskedUser(user))
    .replace(/\b(tel:)([^\s@<>;?,]+)/gi, (_all, scheme: string, number: string) => scheme + maskedUser(number))
    .replace(NAMED, '$1"***"')

const NAMED = /^((?:from|f|to|t|contact|m|p-asserted-identity|remote-party-id|diversion|referred-by)[ \t]*:[ \t]*)"[^"\r\n]*"/gim

/** The last digits tell one call from another. */
const maskedUser = (user: string): string => (user.length > 4 ? `***${user.slice(-2)}` : '***')
