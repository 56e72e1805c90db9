/**
 * The Contact of an endpoint as peers see it who are to know our name alone (T §3.5): a URI of ours, from which everything can be read again
 * that a request to it needs, without a table and after a restart.
 *
 *     sip:<our listener toward the peer>;ewd=<key><sealed>
 *     sealed: <party><owner><side>!<side>[!<media>][|<local>|<remote>] <the endpoint's own URI>
 *
 * It is bound to the Call-ID. As long as a dialog lives by one key, the same Contact stays the same text. It shows neither where the endpoint is
 * nor what stands behind us, and has the Route state of the dialog in it, for peers that send by Contact alone and forget their Routes. With it go
 * the hosts of From and To as the endpoint knows them, where the peer is shown others.
 */
import type { Sealing } from '../base/sealing.ts'
import { type SipUri, uriParameter } from '../sip/uri.ts'
import type { InsideHosts } from './alterations/own-hosts.ts'
import type { RouteState, RouteStateCodec, StateFault } from './route-state.ts'

export interface SealedContact {
  /** Which party of the dialog the Contact is of. */
  readonly party: 'caller' | 'callee'
  /** The endpoint's own URI, as it wrote it. */
  readonly uri: string
  readonly state: RouteState
  readonly hosts: InsideHosts | undefined
}

/** What of a Route state is sealed; the key is the one that the dialog lives by. */
export interface SealedState extends Pick<RouteState, 'caller' | 'callee' | 'media'> {
  readonly hosts?: InsideHosts | undefined
}

const PARAMETER = 'ewd'
const LETTERS = { caller: 'r', callee: 'e' } as const

export class ContactSeals {
  readonly #sealing: Sealing
  readonly #states: RouteStateCodec

  constructor(sealing: Sealing, states: RouteStateCodec) {
    this.#sealing = sealing
    this.#states = states
  }

  /**
   * The parameter, beginning with `;`, for a URI of ours.
   * @param key the one that the dialog lives by; undefined: it begins now
   */
  seal(uri: string, party: SealedContact['party'], state: SealedState, callId: string, key?: string): string {
    const { caller, callee, media, hosts } = state
    const shown = hosts === undefined ? '' : `|${hosts.local ?? ''}|${hosts.remote ?? ''}`
    const text = `${LETTERS[party]}${this.#states.text(caller, callee, media)}${shown} ${uri}`
    const { currentKey } = this.#sealing
    const sealed = key === undefined ? undefined : this.#sealing.seal(key, text, boundTo(callId))
    // The key of an old dialog may be gone by now
    return sealed === undefined
      ? `;${PARAMETER}=${currentKey}${this.#sealing.seal(currentKey, text, boundTo(callId))}`
      : `;${PARAMETER}=${key}${sealed}`
  }

  /** @param callIds what it may belong to @returns undefined: it is none */
  open(uri: SipUri, callIds: readonly string[]): SealedContact | StateFault | undefined {
    const value = uri.parameters.includes(PARAMETER) ? uriParameter(uri, PARAMETER) : undefined
    if (value === undefined) return undefined
    if (!SEALED.test(value)) return 'malformed'
    const key = value[0]!
    for (const callId of callIds) {
      const opened = this.#sealing.open(key, value.slice(1), boundTo(callId))
      if (opened === undefined) return 'expired-key'
      if (opened !== 'forged') return this.#read(opened.text, key)
    }
    return 'forged'
  }

  #read(text: string, key: string): SealedContact | StateFault {
    const space = text.indexOf(' ')
    const party = text[0] === LETTERS.caller ? 'caller' : 'callee'
    const [route = '', local = '', remote = ''] = text.slice(1, space).split('|')
    const state = this.#states.read(route, key)
    if (typeof state === 'string') return state
    const hosts = local === '' && remote === '' ? undefined : { local: local || undefined, remote: remote || undefined }
    return { party, uri: text.slice(space + 1), state, hosts }
  }
}

/** What else is sealed for a call is bound to other texts. */
const boundTo = (callId: string): string => `contact ${callId}`

/** A key, 16 bytes of tag, and what a Route state and the shortest URI come to. */
const SEALED = /^[a-z][A-Za-z0-9_-]{40,}$/
