import { append, type SipResponse } from '../../sip/message.ts'

/** §16.7 item 7: the challenges of all branches go with the best 401 or 407. */
export const withChallenges = (response: SipResponse, others: readonly SipResponse[]): SipResponse =>
  others.length === 0
    ? response
    : append(
        response,
        ...others.flatMap(({ headers }) => headers.filter(({ name }) => name === 'www-authenticate' || name === 'proxy-authenticate')),
      )
