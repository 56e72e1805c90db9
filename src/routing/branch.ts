/**
 * The branch of our Via (§16.6 item 8): `z9hG4bK<owner><unique>-<loop>`. The first part makes it unique in space and time, the second is
 * a hash of everything that decides where the request goes, so that a request that comes back unchanged is a loop and one that was
 * retargeted meanwhile is a spiral.
 */
import { FNV_START, fnv1a } from '../base/fnv.ts'
import { firstHeader, headerValue, type SipRequest } from '../sip/message.ts'
import { cseq, fromTag, toTag } from '../sip/read.ts'

export const MAGIC_COOKIE = 'z9hG4bK'

export const branchOf = (owner: string, unique: string, loop: string): string => `${MAGIC_COOKIE}${owner}${unique}-${loop}`

/** The worker that wrote a branch; `undefined` when it is not of our form. */
export const branchOwner = (branch: string): string | undefined =>
  branch.startsWith(MAGIC_COOKIE) ? branch[MAGIC_COOKIE.length] : undefined

export const loopPart = (branch: string): string => branch.slice(branch.lastIndexOf('-') + 1)

/** §16.6 item 8: Request-URI, tags, Call-ID, CSeq number, Route, Proxy-Require and credentials, as they were when the request came in. */
export const loopHash = (request: SipRequest): string => {
  let hash = mix(FNV_START, request.requestUri)
  hash = mix(hash, headerValue(request, 'call-id') ?? '')
  hash = mix(hash, fromTag(request) ?? '')
  hash = mix(hash, toTag(request) ?? '')
  hash = Math.imul(hash ^ (cseq(request)?.number ?? 0), 0x01000193)
  if (
    firstHeader(request, 'route') !== undefined ||
    firstHeader(request, 'proxy-authorization') !== undefined ||
    firstHeader(request, 'proxy-require') !== undefined
  ) {
    for (const one of request.headers)
      if (one.name === 'route' || one.name === 'proxy-authorization' || one.name === 'proxy-require') hash = mix(hash, one.value)
  }
  return (hash >>> 0).toString(36)
}

// A separator, or what moves from one part to the next would go unnoticed
const mix = (hash: number, text: string): number => Math.imul(fnv1a(text, hash) ^ 0x100, 0x01000193)
