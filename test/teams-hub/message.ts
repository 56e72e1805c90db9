/**
 * SIP as a hub reads and writes it (RFC 3261). The reader is strict: what is wrong with a message is listed as sentences, since the messages
 * that it judges are those of the program under test. Nothing here is shared with that program.
 */

export interface Header {
  /** Lower case, long form. */
  readonly name: string
  /** Unfolded, without space at its ends. */
  readonly value: string
}

export interface Message {
  readonly start: string
  /** Of a response that of its CSeq. */
  readonly method: string
  /** Empty for a response. */
  readonly uri: string
  /** 0 for a request. */
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
  /** As it came, latin1. */
  readonly text: string
  /** What is wrong with it. */
  readonly faults: readonly string[]
}

const LONG: Readonly<Record<string, string>> = {
  ...{ a: 'accept-contact', b: 'referred-by', c: 'content-type', d: 'request-disposition', e: 'content-encoding', f: 'from', i: 'call-id' },
  ...{
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
    m: 'contact',
    n: 'identity-info',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
  },
  ...{ t: 'to', u: 'allow-events', v: 'via', x: 'session-expires', y: 'identity' },
}
const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/
const ONCE = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-length', 'content-type', 'min-se', 'session-expires', 'referred-by']
const NEEDED = ['from', 'to', 'call-id', 'cseq', 'via']
const REQUEST = /^([A-Z]+) (sips?:[^\s<>"]+|tel:[^\s<>"]+|urn:[^\s<>"]+) SIP\/2\.0$/
const RESPONSE = /^SIP\/2\.0 ([1-6]\d\d) [^\r\n]*$/

/** @param text head and body, latin1 */
export const readMessage = (text: string): Message => {
  const faults: string[] = []
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? text : text.slice(0, end)
  const body = end < 0 ? '' : text.slice(end + 4)
  if (end < 0) faults.push('the head has no end')
  if (/\r(?!\n)|(?<!\r)\n|\0/.test(head)) faults.push('a bare CR or LF, or a NUL, in the head')
  const [start = '', ...lines] = head.split(/\r\n(?![ \t])/)
  const headers = lines.flatMap((raw): readonly Header[] => {
    const colon = raw.indexOf(':')
    const written = raw.slice(0, Math.max(0, colon)).trimEnd()
    if (!TOKEN.test(written)) {
      faults.push(`no header line: ${raw.slice(0, 80)}`)
      return []
    }
    const name = written.toLowerCase()
    const value = raw
      .slice(colon + 1)
      .replace(/\r\n[ \t]+/g, ' ')
      .trim()
    return [{ name: LONG[name] ?? name, value }]
  })
  const request = REQUEST.exec(start)
  const response = RESPONSE.exec(start)
  if (request === null && response === null) faults.push(`no start line: ${start.slice(0, 120)}`)
  const cseq = headers.find(({ name }) => name === 'cseq')?.value ?? ''
  const sequenced = /^(\d{1,10})\s+([A-Z]+)$/.exec(cseq)
  const message: Message = {
    start,
    method: request?.[1] ?? sequenced?.[2] ?? '',
    uri: request?.[2] ?? '',
    status: Number(response?.[1] ?? 0),
    headers,
    body,
    text,
    faults,
  }
  if (sequenced === null) faults.push(`CSeq is not a number and a method: ${cseq}`)
  else if (Number(sequenced[1]) >= 2 ** 31) faults.push(`the number in CSeq is too large: ${cseq}`)
  else if (request !== null && sequenced[2] !== request[1]) faults.push(`${request[1]} has a CSeq of ${sequenced[2]}`)
  faults.push(...faultsOf(message))
  return message
}

const faultsOf = (message: Message): readonly string[] => {
  const { headers, body, status, uri } = message
  const faults: string[] = []
  const count = (name: string): number => headers.filter((header) => header.name === name).length
  for (const name of NEEDED) if (count(name) === 0) faults.push(`no ${name}`)
  for (const name of ONCE) if (count(name) > 1) faults.push(`${name} stands there ${count(name)} times`)
  if (status === 0 && count('max-forwards') === 0) faults.push('a request without Max-Forwards')
  const hops = headerOf(message, 'max-forwards')
  if (hops !== '' && !/^\d{1,3}$/.test(hops)) faults.push(`Max-Forwards is no number: ${hops}`)
  // §18.3: over a stream it is not optional
  const length = headerOf(message, 'content-length')
  if (!/^\d+$/.test(length)) faults.push(`no Content-Length over a stream: ${length}`)
  else if (Number(length) !== body.length) faults.push(`Content-Length is ${length}, the body has ${body.length}`)
  if (body !== '' && count('content-type') === 0) faults.push('a body without Content-Type')
  for (const via of valuesOf(message, 'via'))
    if (!/^SIP\s*\/\s*2\.0\s*\/\s*(UDP|TCP|TLS|WS|WSS|SCTP)\s+\S/i.test(via)) faults.push(`no Via: ${via}`)
  const [top = ''] = valuesOf(message, 'via')
  if (!(parameterOf(top, 'branch') ?? '').startsWith('z9hG4bK')) faults.push(`no branch with the magic cookie: ${top}`)
  if (tagOf(message, 'from') === undefined) faults.push('From has no tag')
  if (status > 100 && message.method !== 'OPTIONS' && tagOf(message, 'to') === undefined) faults.push(`${status} without a To tag`)
  if (/^sip:[^;?]*@/.test(uri) && uriPartsOf(uri) === undefined) faults.push(`no SIP URI: ${uri}`)
  for (const name of ['from', 'to', 'contact', 'route', 'record-route'] as const)
    for (const value of valuesOf(message, name))
      if (value !== '*' && !/^sips?:|^tel:|^urn:/.test(uriOf(value))) faults.push(`${name} holds no URI: ${value.slice(0, 120)}`)
  for (const name of ['route', 'record-route'])
    for (const value of valuesOf(message, name)) if (!/^[^<]*<[^>]+>/.test(value)) faults.push(`${name} without angle brackets: ${value}`)
  return faults
}

/** The first value of a header; empty when there is none. */
export const headerOf = ({ headers }: Pick<Message, 'headers'>, name: string): string =>
  headers.find((one) => one.name === name)?.value ?? ''

const LISTS = [
  'via',
  'route',
  'record-route',
  'contact',
  'allow',
  'supported',
  'require',
  'history-info',
  'diversion',
  'p-asserted-identity',
  'path',
]

/** All values of a header; lists with commas are taken apart. */
export const valuesOf = ({ headers }: Pick<Message, 'headers'>, name: string): readonly string[] =>
  headers.filter((one) => one.name === name).flatMap(({ value }) => (LISTS.includes(name) ? listOf(value) : [value]))

const listOf = (text: string): readonly string[] => {
  const found: string[] = []
  let [from, quoted, angle] = [0, false, false]
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]
    if (letter === '\\' && quoted) at++
    else if (letter === '"' && !angle) quoted = !quoted
    else if (letter === '<' && !quoted) angle = true
    else if (letter === '>' && !quoted) angle = false
    else if (letter === ',' && !quoted && !angle) {
      found.push(text.slice(from, at).trim())
      from = at + 1
    }
  }
  return [...found, text.slice(from).trim()].filter((part) => part !== '')
}

/** The URI of a value, with or without angle brackets. */
export const uriOf = (value: string): string => {
  const bracket = /<([^>]*)>/.exec(value.replace(/"(?:\\.|[^"\\])*"/, ''))
  return bracket?.[1] ?? value.split(';')[0]!.trim()
}

/** Of a header value, behind its angle brackets where it has some, or of a URI. Without a value: empty. */
export const parameterOf = (value: string, name: string): string | undefined => {
  const behind = value.includes('>') ? value.slice(value.lastIndexOf('>') + 1) : value.slice(value.indexOf(';') + 1)
  if (!value.includes('>') && !value.includes(';')) return undefined
  for (const part of behind.split(/[;?]/)) {
    const [key = '', ...rest] = part.split('=')
    if (key.trim().toLowerCase() === name) return rest.join('=').trim()
  }
  return undefined
}

export const tagOf = (message: Pick<Message, 'headers'>, name: 'from' | 'to'): string | undefined =>
  parameterOf(headerOf(message, name), 'tag')

export interface UriParts {
  readonly user: string | undefined
  /** Lower case. */
  readonly host: string
  readonly port: number | undefined
  /** Behind the host, from the first semicolon on. */
  readonly parameters: string
}

/** Of a SIP URI; undefined: it is none. */
export const uriPartsOf = (uri: string): UriParts | undefined => {
  const match = /^sips?:(?:([^@]*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?(;[^?]*)?(?:\?.*)?$/.exec(uri)
  if (match === null) return undefined
  const [, user, host, port, parameters = ''] = match
  return { user, host: host!.toLowerCase(), port: port === undefined ? undefined : Number(port), parameters }
}

export const isAddress = (host: string): boolean => /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])$/.test(host)

/** A host as it stands in URIs and Via. */
export const hostText = (address: string): string => (address.includes(':') ? `[${address}]` : address)

export const sequenceOf = (message: Pick<Message, 'headers'>): number => Number(headerOf(message, 'cseq').split(/\s/)[0])

export const branchOf = (message: Pick<Message, 'headers'>): string => parameterOf(valuesOf(message, 'via')[0] ?? '', 'branch') ?? ''

export type HeaderPair = readonly [name: string, value: string]

/** Writes a message with upper-case names, in the order of the headers; Content-Length stands where it is named, with any value. */
export const writeMessage = (start: string, headers: readonly HeaderPair[], body = ''): string => {
  const length = (name: string): boolean => name.toUpperCase() === 'CONTENT-LENGTH'
  const lines = headers.map(([name, value]) => `${name.toUpperCase()}: ${length(name) ? body.length : value}`)
  const counted = headers.some(([name]) => length(name)) ? lines : [...lines, `CONTENT-LENGTH: ${body.length}`]
  return `${[start, ...counted].join('\r\n')}\r\n\r\n${body}`
}

/** What a stream brings. */
export type Framed =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'crlf' }
  | { readonly kind: 'garbage'; readonly text: string }

const MOST = 65_536

/** Cuts a stream into messages (§18.3). */
export const createFramer = (): ((bytes: Buffer) => readonly Framed[]) => {
  let rest = ''
  return (bytes) => {
    rest += bytes.toString('latin1')
    const found: Framed[] = []
    for (;;) {
      const blank = /^(?:\r\n)+/.exec(rest)
      if (blank !== null) {
        found.push({ kind: 'crlf' })
        rest = rest.slice(blank[0].length)
      }
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) {
        if (rest.length > MOST) {
          found.push({ kind: 'garbage', text: rest })
          rest = ''
        }
        return found
      }
      const length = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*(?=\r\n)/i.exec(rest.slice(0, end + 2))
      const whole = end + 4 + Number(length?.[1] ?? 0)
      if (length === null || whole > MOST) {
        found.push({ kind: 'garbage', text: rest })
        rest = ''
        return found
      }
      if (rest.length < whole) return found
      found.push({ kind: 'message', text: rest.slice(0, whole) })
      rest = rest.slice(whole)
    }
  }
}
