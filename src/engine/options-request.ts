import { hostText, type Listener } from '../address/listener.ts'
import { EMPTY } from '../base/bytes.ts'
import type { Ids } from '../base/ids.ts'
import { branchOf } from '../routing/branch.ts'
import { type HeaderLine, line, makeRequest, type SipRequest } from '../sip/message.ts'

/** What an OPTIONS of ours differs in. */
export interface OptionsSpec {
  readonly listener: Listener
  /** The name that we advertise instead of the listener's own. */
  readonly as: string | undefined
  readonly requestUri: string
  /** URI of To. */
  readonly to: string
  readonly callId: string
  readonly sequence: number
  /** What the branch ends in: who sent it. */
  readonly tag: string
  readonly more: readonly HeaderLine[]
  /** Value of Allow (§11.1); undefined: who is asked need not know. */
  readonly allow?: string
}

/** Whose OPTIONS it is. */
export interface OptionsSender {
  readonly ids: Pick<Ids, 'token'>
  /** The worker that the branch names. */
  readonly owner: string
  readonly running: { readonly snapshot: { readonly serverHeader: string } }
}

/** §11.1: a request that asks whether somebody is there, outside any dialog. */
export const optionsRequest = ({ ids, owner, running }: OptionsSender, spec: OptionsSpec): { request: SipRequest; branch: string } => {
  const { listener, as, requestUri, more, allow } = spec
  const branch = branchOf(owner, ids.token(12), spec.tag)
  const server = running.snapshot.serverHeader
  const headers = [
    line('Via', listener.via(branch, as)),
    ...more,
    line('Max-Forwards', '70'),
    // With the port, as peers that look for it (Teams) want it
    line('From', `<sip:${hostText(as ?? listener.advertisedHost)}:${listener.advertisedPort}>;tag=${ids.token(8)}`),
    line('To', `<${spec.to}>`),
    line('Call-ID', spec.callId),
    line('CSeq', `${spec.sequence} OPTIONS`),
    line('Contact', `<${listener.contactUri(as)}>`),
    ...(allow === undefined ? [] : [line('Allow', allow)]),
    line('Accept', 'application/sdp'),
    ...(server === '' ? [] : [line('User-Agent', server)]),
    line('Content-Length', '0'),
  ]
  return { request: makeRequest(`OPTIONS ${requestUri} SIP/2.0\r\n`, 'OPTIONS', requestUri, headers, EMPTY), branch }
}
