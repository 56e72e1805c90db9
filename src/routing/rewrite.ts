import type { SipRequest } from '../sip/message.ts'
import { addVia } from './alterations/add-via.ts'
import { allow } from './alterations/allow.ts'
import { caller } from './alterations/caller.ts'
import { maskContact } from './alterations/contact.ts'
import { contactPath } from './alterations/contact-path.ts'
import { contentLength } from './alterations/content-length.ts'
import { headerRules } from './alterations/header-rules.ts'
import { withoutPrivate } from './alterations/identities.ts'
import { maxBreadth } from './alterations/max-breadth.ts'
import { maxForwards } from './alterations/max-forwards.ts'
import { numberRules } from './alterations/number-rules.ts'
import { optionTags } from './alterations/option-tags.ts'
import { ownHosts } from './alterations/own-hosts.ts'
import { path } from './alterations/path.ts'
import { recordRoute } from './alterations/record-route.ts'
import { redirections } from './alterations/redirections.ts'
import { renewal } from './alterations/renewal.ts'
import { setTarget } from './alterations/set-target.ts'
import { strictRoute } from './alterations/strict-route.ts'
import { userPhone } from './alterations/user-phone.ts'
import type { Crossing } from './crossing.ts'

/** One change that a request undergoes on its way through. Later ones see what earlier ones did. */
export type Alteration = (request: SipRequest, crossing: Crossing) => SipRequest

/**
 * §16.6, items 2 to 10, in the order in which they are applied. What a zone's dialect asks for comes behind the number rules, which make the
 * numbers that it speaks of, and before the header rules: the operator has the last word. Not so about who wants to be private.
 */
export const REQUEST_ALTERATIONS = [
  setTarget,
  maxForwards,
  maxBreadth,
  numberRules,
  caller,
  redirections,
  userPhone,
  ownHosts,
  optionTags,
  allow,
  headerRules,
  withoutPrivate,
  recordRoute,
  path,
  maskContact,
  renewal,
  contactPath,
  strictRoute,
  contentLength,
  addVia,
] as const satisfies readonly Alteration[]

export const rewrite = (request: SipRequest, crossing: Crossing): SipRequest => {
  let altered = request
  for (let i = 0; i < REQUEST_ALTERATIONS.length; i++) altered = REQUEST_ALTERATIONS[i]!(altered, crossing)
  return altered
}
