/** An OPTIONS of the doctor's own, as the edge sends them (T §2.1), and what comes back. */
import { hostText, type Listener } from '../address/listener.ts'
import type { Ids } from '../base/ids.ts'
import { isProblem } from '../base/problem.ts'
import { optionsRequest } from '../engine/options-request.ts'
import { type SipResponse, serialise } from '../sip/message.ts'
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
  const spec = { listener, as, requestUri: `${uri};transport=tls`, to: uri, callId: ids.token(22), sequence: 1, tag: 'doctor', more: [] }
  return serialise(optionsRequest({ ids, owner: '0', running: { snapshot: { serverHeader } } }, spec).request)
}

/** @returns a sentence: why it is no answer */
export const readAnswer = (bytes: Buffer): SipResponse | string => {
  const message = parse(bytes, LIMITS)
  if (isProblem(message)) return `what came back is no SIP message: ${message.reason}`
  return message.kind === 'response' ? message : `what came back is a request, ${message.method}`
}
