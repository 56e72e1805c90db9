/** What becomes of provisional responses on their way to the caller, decided before media and everything else looks at them. */
import { own } from '../base/bytes.ts'
import { sdpOf, withoutSdp } from '../sip/body.ts'
import { append, line, makeResponse, type SipResponse, withBody } from '../sip/message.ts'
import { tokens, toTag } from '../sip/read.ts'
import type { ProvisionalPolicy } from '../zones/dialect.ts'
import type { Candidate } from './decide.ts'

/** That of the target, else of the zone. */
export const provisionalPolicy = (candidate: Candidate): ProvisionalPolicy => {
  if (candidate.kind === 'target') return candidate.target.provisional
  return (candidate.kind === 'request-uri' ? candidate.zone : candidate.side.zone).dialect.provisional
}

/** More forks with early media than anybody can listen to are not remembered. */
const MOST_WITHHELD = 16

/** The responses to one INVITE that begins a call, of all its branches. */
export class Provisionals {
  /** Something that rings, or has media, went on. */
  #rang = false
  /** SDP that was kept from the caller, by To tag. */
  #withheld: Map<string, string> | undefined

  /**
   * RFC 3262 §3: what is sent reliably waits for its PRACK, so it passes as it is.
   * @returns the response as it goes on; undefined: it does not
   */
  shape(response: SipResponse, policy: ProvisionalPolicy): SipResponse | undefined {
    const { status } = response
    if (status >= 300 || status <= 100) return response
    if (status >= 200) return this.#answered(response)
    if (policy === 'pass' || tokens(response, 'require').some((tag) => tag.toLowerCase() === '100rel')) return this.#passed(response)
    switch (policy) {
      case 'first':
        return this.#rang && rings(response) ? this.#keepBack(response, undefined) : this.#passed(response)
      case 'no-early-media':
        return this.#keepBack(response, status === 183 ? undefined : withoutSdp(response))
      case 'ringing':
        return this.#keepBack(response, status === 183 ? asRinging(withoutSdp(response)) : withoutSdp(response))
    }
  }

  #passed(response: SipResponse): SipResponse {
    this.#rang ||= rings(response)
    return response
  }

  #keepBack(response: SipResponse, shown: SipResponse | undefined): SipResponse | undefined {
    const sdp = sdpOf(response)?.sdp
    const tag = toTag(response)
    if (sdp === undefined || tag === undefined) return shown
    this.#withheld ??= new Map()
    if (this.#withheld.size < MOST_WITHHELD || this.#withheld.has(tag)) this.#withheld.set(own(tag), own(sdp))
    return shown
  }

  /** INTEROP: some answer in a 183 that is not reliable, and leave the SDP out of their 2xx (§13.2.1 wants it there); the caller has to hear of it. */
  #answered(response: SipResponse): SipResponse {
    if (this.#withheld === undefined || response.body.length > 0) return response
    const sdp = this.#withheld.get(toTag(response) ?? '')
    return sdp === undefined ? response : withBody(append(response, line('Content-Type', 'application/sdp')), Buffer.from(sdp, 'latin1'))
  }
}

/** A caller's phone rings, or plays what comes; 181 and 182 tell of something else. */
const rings = (response: SipResponse): boolean => response.status === 180 || sdpOf(response) !== undefined

const asRinging = ({ headers, body }: SipResponse): SipResponse => makeResponse('SIP/2.0 180 Ringing\r\n', 180, 'Ringing', headers, body)
