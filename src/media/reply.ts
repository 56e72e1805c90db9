/** What a reply to an offer or an answer means to the call (the daemon's texts, compared without case). */
export type MediaReply =
  | { readonly kind: 'sdp'; readonly sdp: string; readonly warning: string | undefined }
  /** The daemon does not know the call: it has restarted, or this is another one. */
  | { readonly kind: 'unknown-call' }
  /** It cannot read or rewrite the SDP. A session may have been left behind. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** It is full: another node may have room. */
  | { readonly kind: 'full'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

const UNREADABLE = /parse sdp|incomplete sdp|rewriting sdp|sdp specification/i
const FULL = /ran out of ports|session limit|load limit|bandwidth limit/i

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** @param reply decoded, texts as latin1 */
export const readReply = (reply: Readonly<Record<string, unknown>>): MediaReply => {
  const result = text(reply.result)
  if (result === 'ok') {
    const sdp = text(reply.sdp)
    // An offer without an SDP is answered `ok`, too
    return sdp === ''
      ? { kind: 'unreadable', reason: 'rtpengine returned no SDP' }
      : { kind: 'sdp', sdp, warning: text(reply.warning) || undefined }
  }
  if (result === 'load limit') return { kind: 'full', reason: text(reply.message) || 'load limit' }
  const reason = text(reply['error-reason']) || `result "${result}"`
  if (/unknown call-id/i.test(reason)) return { kind: 'unknown-call' }
  if (FULL.test(reason)) return { kind: 'full', reason }
  if (UNREADABLE.test(reason)) return { kind: 'unreadable', reason }
  return { kind: 'failed', reason }
}
