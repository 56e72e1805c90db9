/** An OPTIONS of the doctor's own, as the edge sends them (T §2.1), and what comes back. */
import { hostText, type Listener } from '../address/listener.ts'
import { EMPTY } from '../base/bytes.ts'
import type { Ids } from '../base/ids.ts'
import { isProblem } from '../base/problem.ts'
import { branchOf } from '../routing/branch.ts'
import { line, makeRequest, type SipResponse, serialise } from '../sip/message.ts'
import { type ParseLimits, parse } from '../sip/parse.ts'
import type { Target } from '../zones/zone.ts'

const LIMITS: ParseLimits = { startLine: 8192, headers: 200, head: 32 * 1024, body: 64 * 1024 }

export interface OptionsQuestion {
  readonly listener: Listener
  /** Our name toward them. */
  readonly name: string
  readonly target: Pick<Target, 'host' | 'port'>
  readonly serverHeader: string
  readonly ids: Ids
}

export const optionsOf = ({ listener, name, target, serverHeader, ids }: OptionsQuestion): Buffer => {
  const as = name === listener.advertisedHost ? undefined : name
  const uri = `sip:${hostText(target.host)}${target.port === undefined ? '' : `:${target.port}`}`
  const headers = [
    line('Via', listener.via(branchOf('0', ids.token(12), 'doctor'), as)),
    line('Max-Forwards', '70'),
    line('From', `<sip:${hostText(name)}:${listener.advertisedPort}>;tag=${ids.token(8)}`),
    line('To', `<${uri}>`),
    line('Call-ID', ids.token(22)),
    line('CSeq', '1 OPTIONS'),
    line('Contact', `<${listener.contactUri(as)}>`),
    line('Accept', 'application/sdp'),
    ...(serverHeader === '' ? [] : [line('User-Agent', serverHeader)]),
    line('Content-Length', '0'),
  ]
  return serialise(makeRequest(`OPTIONS ${uri};transport=tls SIP/2.0\r\n`, 'OPTIONS', `${uri};transport=tls`, headers, EMPTY))
}

/** @returns a sentence: why it is no answer */
export const readAnswer = (bytes: Buffer): SipResponse | string => {
  const message = parse(bytes, LIMITS)
  if (isProblem(message)) return `what came back is no SIP message: ${message.reason}`
  return message.kind === 'response' ? message : `what came back is a request, ${message.method}`
}
