/**
 * A reader of SIP messages that shares nothing with the product's: what it finds in the bytes that the edge sends is a second opinion.
 * It reads what tests write and what the edge should write, and is strict where the edge has to be.
 */

const LONG: Readonly<Record<string, string>> = {
  ...{ c: 'content-type', e: 'content-encoding', f: 'from', i: 'call-id', k: 'supported', l: 'content-length', m: 'contact' },
  ...{ o: 'event', r: 'refer-to', s: 'subject', t: 'to', u: 'allow-events', v: 'via', x: 'session-expires' },
}

export interface WireHeader {
  /** Lower case, long form. */
  readonly name: string
  readonly value: string
  /** As it stands in the message, folding included, without the line's end. */
  readonly raw: string
}

export interface Wire {
  readonly bytes: Buffer
  readonly start: string
  /** Of a response the method of its CSeq. */
  readonly method: string
  /** Empty for a response. */
  readonly uri: string
  /** 0 for a request. */
  readonly status: number
  readonly headers: readonly WireHeader[]
  readonly body: Buffer
}

/** @throws Error that names what is wrong with the framing of the message */
export const readWire = (bytes: Buffer): Wire => {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) throw new Error('the head has no end')
  const head = bytes.toString('latin1', 0, end)
  if (/\r(?!\n)|(?<!\r)\n|\0/.test(head)) throw new Error('bare CR or LF, or NUL, in the head')
  const [start, ...lines] = head.split(/\r\n(?![ \t])/)
  const headers = lines.map((raw): WireHeader => {
    const match = /^([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:((?:.|\r\n)*)$/.exec(raw)
    if (match === null) throw new Error(`no header line: ${JSON.stringify(raw)}`)
    const name = match[1]!.toLowerCase()
    return { name: LONG[name] ?? name, value: match[2]!.replace(/\r\n[ \t]+/g, ' ').trim(), raw }
  })
  const response = /^SIP\/2\.0 (\d{3}) .*$/.exec(start!)
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(start!)
  if (response === null && request === null) throw new Error(`no start line: ${JSON.stringify(start)}`)
  const sequence = headers.find(({ name }) => name === 'cseq')?.value.split(/\s+/)[1] ?? ''
  return {
    bytes,
    start: start!,
    method: request?.[1] ?? sequence,
    uri: request?.[2] ?? '',
    status: response === null ? 0 : Number(response[1]),
    headers,
    body: bytes.subarray(end + 4),
  }
}

/** The first value of a header; empty when there is none. */
export const headerOf = ({ headers }: Wire, name: string): string => headers.find((one) => one.name === name)?.value ?? ''

/** All values of a header, those of comma lists one by one. */
export const valuesOf = ({ headers }: Wire, name: string): readonly string[] =>
  headers
    .filter((one) => one.name === name)
    .flatMap(({ value }) => value.match(/(?:<[^>]*>|"(?:\\.|[^"])*"|[^,<"])+/g)?.map((part) => part.trim()) ?? [])

/** A parameter of a header value (behind the angle bracket, when there is one) or of a URI; `undefined` when it is not there. */
export const parameterOf = (text: string, name: string): string | undefined => {
  const match = new RegExp(`;\\s*${name}(?:\\s*=\\s*("[^"]*"|[^;,>?\\s]*))?(?=[;,>?\\s]|$)`, 'i').exec(
    text.slice(text.lastIndexOf('>') + 1),
  )
  return match === null ? undefined : (match[1] ?? '')
}

export const tagOf = (message: Wire, name: 'from' | 'to'): string | undefined => parameterOf(headerOf(message, name), 'tag')

/** The URI in a value with or without angle brackets. */
export const uriOf = (value: string): string => /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]!.trim()

export const topViaOf = (message: Wire): string => valuesOf(message, 'via')[0] ?? ''

export const branchIn = (message: Wire): string => parameterOf(topViaOf(message), 'branch') ?? ''

/** How a test names a message: its method, or its status. */
export const nameOf = ({ status, method }: Wire): string | number => (status === 0 ? method : status)
