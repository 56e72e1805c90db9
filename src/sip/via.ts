import { readHost, readPort } from './host.ts'
import { parameter, quotesBalance, withParameter } from './parameters.ts'

/** One value of Via (§20.42). */
export interface Via {
  /** Upper case, as the token is compared: `UDP`, `WSS`. */
  readonly transport: string
  /** Sent-by, as written: brackets included when it is an IPv6 literal. */
  readonly host: string
  readonly port: number | undefined
  /** Begins with `;` or is empty. */
  readonly parameters: string
  readonly branch: string | undefined
  /** The value's own text, without the comma. */
  readonly text: string
}

/** White space is allowed around each slash and colon; the colon of a port stands behind a host without colons or one in brackets. */
const VIA =
  /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+(\[[^\]]*\]|[^ \t;:,[\]]+)[ \t]*(?::[ \t]*(\d{1,5})[ \t]*)?(;[^\0]*)?$/i

/** `undefined` when malformed. A well-formed Via of another version is malformed to us: it is not SIP/2.0. */
export const parseVia = (text: string): Via | undefined => {
  const space = text.indexOf(' ', 8)
  if (space < 0 || !text.startsWith('SIP/2.0/')) return looseVia(text)
  // The form that nearly every Via has: upper case, no odd white space
  for (let i = 8; i < space; i++) {
    const code = text.charCodeAt(i)
    if (code < 65 || code > 90) return looseVia(text)
  }
  const semicolon = text.indexOf(';', space)
  const end = semicolon < 0 ? text.length : semicolon
  let hostEnd = space + 1
  if (text.charCodeAt(hostEnd) === 91) hostEnd = text.indexOf(']', hostEnd) + 1
  else while (hostEnd < end && text.charCodeAt(hostEnd) !== 58) hostEnd++
  if (hostEnd === 0 || space === 8) return looseVia(text)
  const host = readHost(text.slice(space + 1, hostEnd))
  if (host === undefined) return looseVia(text)
  let port: number | undefined
  if (hostEnd !== end) {
    port = text.charCodeAt(hostEnd) === 58 ? readPort(text, hostEnd + 1, end) : -1
    if (port < 0) return looseVia(text)
  }
  return made(text, text.slice(8, space), host, port, text.slice(end))
}

const looseVia = (text: string): Via | undefined => {
  const match = VIA.exec(text)
  if (match === null) return undefined
  const host = readHost(match[2]!)
  const port = match[3] === undefined ? undefined : readPort(match[3], 0, match[3].length)
  if (host === undefined || (port !== undefined && port < 0)) return undefined
  return made(text, match[1]!.toUpperCase(), host, port, match[4] ?? '')
}

const made = (text: string, transport: string, host: string, port: number | undefined, parameters: string): Via | undefined =>
  quotesBalance(parameters) && text.indexOf('\0') < 0
    ? { transport, host, port, parameters, branch: parameter(parameters, 'branch'), text }
    : undefined

/** §18.2.1, RFC 3581 §4: what the server adds to the topmost Via. `received` always when the addresses differ or rport was asked. */
export const withReceived = (via: Via, address: string, port: number, rportAsked: boolean): string => {
  const head = via.text.slice(0, via.text.length - via.parameters.length)
  let parameters = via.parameters
  if (rportAsked) parameters = withParameter(parameters, 'rport', String(port))
  return head + withParameter(parameters, 'received', address)
}
