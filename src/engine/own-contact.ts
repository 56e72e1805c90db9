/** Contact toward zones that are shown our name instead of the endpoint's (`contact: ours`); what is shown comes back in `classify.ts`. */
import type { ContactToward } from '../routing/alterations/contact.ts'
import type { InsideHosts } from '../routing/alterations/own-hosts.ts'
import type { Side } from '../routing/route-state.ts'
import type { SealedContact, SealedState } from '../routing/sealed-contact.ts'
import type { Running } from './edge.ts'

/** What the two sides of a dialog are shown of each other's Contacts. */
export interface Shown {
  readonly state: SealedState
  /** The key that the dialog lives by; undefined: it begins now. */
  readonly key: string | undefined
  readonly callId: string
}

/**
 * @param party whose Contact it is @param to the side that sees it @param as the name of ours that this side knows
 * @param hosts what that party knows of the inside
 * @returns undefined: it sees the endpoints' own
 */
export const contactToward = (
  { seals }: Running,
  { state, key, callId }: Shown,
  party: SealedContact['party'],
  { listener, zone }: Side,
  as: string | undefined,
  hosts: () => InsideHosts | undefined,
): ContactToward | undefined => {
  if (zone.contact === 'keep') return undefined
  const sealed = { ...state, hosts: hosts() }
  return ({ uri }) => (uri === '*' ? undefined : listener.uriFor(undefined, seals.seal(uri, party, sealed, callId, key), as))
}
