/*
 * Keys of the transaction tables. A key is a new string, so that it keeps no message alive. What can hold anything stands
 * last, and no part before it can hold a space: two different transactions never share a key.
 */
const MAGIC_COOKIE = 'z9hG4bK'

/**
 * §8.1.1.7: the branch was made by an element of RFC 3261 and is unique. The cookie with nothing behind it is not unique
 * (RFC 4475 §3.2.1). Tokens are compared without case (§7.3.1), though nobody writes it otherwise.
 */
export const hasMagicCookie = (branch: string | undefined): branch is string =>
  branch !== undefined &&
  branch.length > MAGIC_COOKIE.length &&
  (branch.startsWith(MAGIC_COOKIE) || branch.slice(0, MAGIC_COOKIE.length).toLowerCase() === 'z9hg4bk')

/**
 * §17.2.3: the server transaction of a request whose topmost Via has a branch with the magic cookie. An ACK has the key of
 * its INVITE. A CANCEL has its own; the transaction that it cancels is found with the method INVITE (§9.2).
 * @param host the sent-by host as it is written; it is compared without case
 * @param port the sent-by port; undefined when there is none, which is not the same as 5060 (a peer repeats what it wrote)
 */
export const serverKey = (method: string, branch: string, host: string, port: number | undefined): string =>
  `${method === 'ACK' ? 'INVITE' : method} ${host.toLowerCase()}:${port ?? ''} ${branch}`

/** What an element of RFC 2543 is recognised by (§17.2.3), as the values stand in the message. */
export interface OldRequest {
  readonly method: string
  readonly requestUri: string
  readonly fromTag: string | undefined
  readonly toTag: string | undefined
  readonly callId: string
  readonly cseq: number
  /** The value of the topmost Via. */
  readonly via: string
}

/**
 * §17.2.3: the server transaction of a request without the magic cookie. The To tag is no part of the key for INVITE, ACK
 * and CANCEL: an ACK has the tag of the response, and the INVITE had none. See `isAckTo` for what is left to compare.
 */
export const oldServerKey = ({ method, requestUri, fromTag, toTag, callId, cseq, via }: OldRequest): string => {
  const inviteLike = method === 'INVITE' || method === 'ACK' || method === 'CANCEL'
  // `@` cannot be in a method: no key of `serverKey` begins like this.
  return `@${method === 'ACK' ? 'INVITE' : method} ${cseq} ${fromTag ?? ''} ${inviteLike ? '' : (toTag ?? '')} ${callId} ${requestUri} ${via}`
}

/** §17.2.3: an ACK that was found by `oldServerKey` belongs to the transaction only when it has the To tag of the response that was sent. */
export const isAckTo = (ackToTag: string | undefined, responseToTag: string | undefined): boolean => ackToTag === responseToTag

/**
 * §17.1.3: the client transaction of a response, from the branch of its topmost Via (ours) and the method of its CSeq: a
 * CANCEL has the branch of its INVITE.
 */
export const clientKey = (method: string, branch: string): string => `${method} ${branch}`
