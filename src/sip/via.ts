import { parameter, withParameter } from './parameters.ts'
import { isHost } from './uri.ts'

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

const VIA =
  /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+(\[[^\]]*\]|[^\s;:,[\]]+)(?:[ \t]*:[ \t]*(\d{1,5}))?[ \t]*(;.*)?$/i

/** §18.2.4 of the grammar; `undefined` when malformed. A well-formed Via of another version is malformed to us: it is not SIP/2.0. */
export const parseVia = (text: string): Via | undefined => {
  const quick = quickVia(text)
  if (quick !== undefined) return quick
  const match = VIA.exec(text)
  if (match === null) return undefined
  const host = match[2]!
  const port = match[3] === undefined ? undefined : Number(match[3])
  if (!isHost(host) || (port !== undefined && port > 65535)) return undefined
  const parameters = match[4] ?? ''
  return { transport: match[1]!.toUpperCase(), host, port, parameters, branch: parameter(parameters, 'branch'), text }
}

/** The form that nearly every Via has: `SIP/2.0/TOKEN host:port;…` with an IPv4 or DNS host and no odd white space. */
const QUICK =
  /^SIP\/2\.0\/([A-Z]{2,4}) ([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])(?::(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?(;.*)?$/

const quickVia = (text: string): Via | undefined => {
  const match = QUICK.exec(text)
  if (match === null || match[2]!.includes('..')) return undefined
  const parameters = match[4] ?? ''
  return {
    transport: match[1]!,
    host: match[2]!,
    port: match[3] === undefined ? undefined : Number(match[3]),
    parameters,
    branch: parameter(parameters, 'branch'),
    text,
  }
}

/** §18.2.1, RFC 3581 §4: what the server adds to the topmost Via. `received` always when the addresses differ or rport was asked. */
export const withReceived = (via: Via, address: string, port: number, rportAsked: boolean): string => {
  const head = via.text.slice(0, via.text.length - via.parameters.length)
  let parameters = via.parameters
  if (rportAsked) parameters = withParameter(parameters, 'rport', String(port))
  return head + withParameter(parameters, 'received', address)
}
