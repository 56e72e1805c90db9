/** The one home of what a response undergoes on its way back (§16.7): what `rewrite.ts` put on its request, a partner here takes off. */
import type { SipResponse } from '../sip/message.ts'
import type { Zone } from '../zones/zone.ts'
import { allowInResponse } from './alterations/allow.ts'
import { type ContactToward, contactInResponse } from './alterations/contact.ts'
import { contentLength } from './alterations/content-length.ts'
import { responseHeaderRules } from './alterations/header-rules.ts'
import { identitiesInResponse } from './alterations/identities.ts'
import { optionTagsInResponse } from './alterations/option-tags.ts'
import { type Parties, restoreParties } from './alterations/parties.ts'

/** One response on its way back: what its alterations need, without anything that knows the call. Kept for as long as a 2xx may come again. */
export interface Returning {
  /** The zone that the request came from: where the response goes. */
  readonly ingress: Zone
  /** The zone that the request went to: where the response comes from. */
  readonly egress: Zone
  /** From and To as the request's sender wrote them; undefined: nobody changed them. */
  readonly parties: Parties | undefined
  /** What its Contacts become; undefined: they stay. */
  readonly contact: ContactToward | undefined
}

/** One change. Later ones see what earlier ones did. */
export type ResponseAlteration = (response: SipResponse, returning: Returning) => SipResponse

/** In their order; our Via is off already. As for requests, the operator's own rules come behind those of a zone's dialect. */
export const RESPONSE_ALTERATIONS = [
  restoreParties,
  optionTagsInResponse,
  allowInResponse,
  responseHeaderRules,
  identitiesInResponse,
  contactInResponse,
  contentLength,
] as const satisfies readonly ResponseAlteration[]

export const alterResponse = (response: SipResponse, returning: Returning): SipResponse => {
  let altered = response
  for (let i = 0; i < RESPONSE_ALTERATIONS.length; i++) altered = RESPONSE_ALTERATIONS[i]!(altered, returning)
  return altered
}
