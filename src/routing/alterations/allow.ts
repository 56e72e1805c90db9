/** Allow toward a zone whose peers know some methods only (§20.5). */
import { append, line, type SipMessage, type SipRequest, type SipResponse } from '../../sip/message.ts'
import { cseq } from '../../sip/read.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Crossing } from '../crossing.ts'
import { withoutListed } from './lists.ts'

/** What is not in the zone's list goes; an INVITE without Allow gets the list: without one a peer may think what it likes (§20.5). */
export const allow = (request: SipRequest, { egress }: Crossing): SipRequest => {
  const { methods } = egress.zone.dialect
  return methods === undefined ? request : withAllow(request, methods, request.method === 'INVITE')
}

/** The same for responses to the zone; the 2xx of an INVITE says what may be sent inside its dialog. */
export const allowInResponse = (response: SipResponse, { ingress }: { readonly ingress: Zone }): SipResponse => {
  const { methods } = ingress.dialect
  if (methods === undefined) return response
  const success = response.status >= 200 && response.status < 300
  return withAllow(response, methods, success && cseq(response)?.method === 'INVITE')
}

const withAllow = <M extends SipMessage>(message: M, methods: readonly string[], needed: boolean): M => {
  const allowed = withoutListed(message, ALLOW, (method) => !methods.includes(method))
  return needed && !allowed.headers.some(({ name }) => name === 'allow') ? append(allowed, line('Allow', methods.join(', '))) : allowed
}

const ALLOW: readonly string[] = ['allow']
