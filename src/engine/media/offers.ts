import { type Problem, problem } from '../../base/problem.ts'
import type { Candidate } from '../../routing/decide.ts'
import { sdpOf } from '../../sip/body.ts'
import type { SipRequest } from '../../sip/message.ts'
import { candidateZone } from '../next-hop.ts'

const NO_OFFER = problem(488, 'INVITE needs an SDP offer here', '§13.2.1', 'body')

/** An INVITE without offer toward a zone that insists on one. In a dialog the end of that INVITE is not the end of the dialog (§14.1). */
export const lacksOffer = (request: SipRequest, candidate: Candidate): Problem | undefined =>
  candidateZone(candidate).dialect.offers === 'always' && request.method === 'INVITE' && sdpOf(request) === undefined ? NO_OFFER : undefined
