/**
 * The Contact of a client as a registrar that knows no Path gets it: a URI of ours with the client's user part, from which everything can be
 * read again that a call back needs. It outlives a restart, and another node can read it.
 *
 *     sip:USER@<our listener toward the registrar>;ewc=<cookie>;ewo=<original>
 *
 * `ewc` is a Route state (the registrar's side, the client's side with its flow), bound to `ewo`; `ewo` is all of the client's own URI but
 * its user part, in unreserved characters alone, with short forms for what browsers and phones write.
 */
import { formatUri, isSip, parseUri, type SipUri, uriParameter } from '../sip/uri.ts'
import type { RouteState, RouteStateCodec, Side, StateFault } from './route-state.ts'

/** Characters of a masked URI; some registrars cut what is longer. */
const LONGEST = 250
/** What an `ewo` begins with that names a text kept elsewhere instead of holding it. */
const ELSEWHERE = '~z'

/** What the cookie is bound to: no Call-ID has white space in it, nor can it be the text of a Path's. */
const boundTo = (original: string): string => `a contact ${original}`

/** Both parameters, beginning with `;`. @param own of our URI, without them */
export const maskParameters = (states: RouteStateCodec, registrar: Side, client: Side, uri: SipUri, own: string): string => {
  const packed = pack(restOf(uri))
  const made = parametersOf(states, registrar, client, packed)
  if (own.length + made.length <= LONGEST) return made
  // Of this client: another one may show the same URI, and take it back
  return parametersOf(states, registrar, client, ELSEWHERE + states.nameOf(`${formatUri(uri)} ${whose(client)}`))
}

const whose = ({ flow }: Side): string => (flow?.kind === 'datagram' ? `${flow.address} ${flow.port}` : (flow?.identity ?? ''))

const parametersOf = (states: RouteStateCodec, registrar: Side, client: Side, original: string): string =>
  `;ewc=${states.encode(registrar, client, boundTo(original))};ewo=${original}`

/** What stands in the table of bindings instead of the URI; undefined: the URI itself is in it. */
export const elsewhere = (masked: string): string | undefined => {
  const original = maskIn(parseUri(masked))?.original
  return original?.startsWith(ELSEWHERE) ? original : undefined
}

interface Mask {
  readonly uri: SipUri
  readonly cookie: string
  readonly original: string
}

const maskIn = (uri: ReturnType<typeof parseUri>): Mask | undefined => {
  if (uri === undefined || !isSip(uri) || !uri.parameters.includes('ewc')) return undefined
  const cookie = uriParameter(uri, 'ewc')
  return cookie === undefined ? undefined : { uri, cookie, original: uriParameter(uri, 'ewo') ?? '' }
}

/** Does it look like one of ours? Nothing is verified. */
export const isMasked = (uri: string): boolean => uri.includes(';ewc=') && maskIn(parseUri(uri)) !== undefined

export interface Unmasked {
  /** The registrar's side is the caller, the client's the callee. */
  readonly state: RouteState
  /** The client's own URI, with the user part that the masked one has now: a PBX may put a dialled number there. */
  readonly uri: SipUri
}

/**
 * @param text a URI @param kept the URI that a name stands for
 * @returns undefined: it is not masked
 */
export const unmask = (
  text: string,
  states: RouteStateCodec,
  kept: (name: string) => string | undefined,
): Unmasked | StateFault | undefined => {
  const mask = text.includes('ewc=') ? maskIn(parseUri(text)) : undefined
  if (mask === undefined) return undefined
  const state = states.decode(mask.cookie, boundTo(mask.original))
  if (typeof state === 'string') return state
  const original = mask.original.startsWith(ELSEWHERE) ? kept(mask.original) : restored(mask.original, mask.uri.userinfo)
  const uri = original === undefined ? undefined : parseUri(original)
  return uri !== undefined && isSip(uri) ? { state, uri: { ...uri, userinfo: mask.uri.userinfo } } : 'forgotten'
}

const restored = (packed: string, userinfo: string | undefined): string | undefined => {
  const rest = unpack(packed)
  if (rest === undefined) return undefined
  const [scheme, place] = rest.startsWith(SECURE) ? ['sips', rest.slice(SECURE.length)] : ['sip', rest]
  return `${scheme}:${userinfo === undefined ? '' : `${userinfo}@`}${place}`
}

const SECURE = 's:'

/** All but the user part. */
const restOf = (uri: SipUri): string => {
  const text = formatUri({ ...uri, userinfo: undefined })
  return uri.scheme === 'sips' ? SECURE + text.slice('sips:'.length) : text.slice('sip:'.length)
}

const SHORT: Readonly<Record<string, string>> = {
  ';transport=ws': '~w',
  ';transport=tls': '~t',
  ';transport=tcp': '~k',
  ';transport=udp': '~u',
  '.invalid': '~i',
}
const LONG = new Map(Object.entries(SHORT).map(([long, short]) => [short, long]))
const PACKED = /;transport=(?:ws|tls|tcp|udp)(?=[;?]|$)|\.invalid|[^A-Za-z0-9\-_.]/g
const UNPACKED = /~(?:[0-9a-f]{2}|[g-y])/g

const pack = (text: string): string => text.replace(PACKED, (one) => SHORT[one] ?? `~${one.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** undefined: nothing that `pack` makes. */
const unpack = (packed: string): string | undefined => {
  let wrong = packed.replace(UNPACKED, '').includes('~')
  const text = packed.replace(UNPACKED, (one) => {
    if (one.length === 3) return String.fromCharCode(Number.parseInt(one.slice(1), 16))
    const long = LONG.get(one)
    wrong ||= long === undefined
    return long ?? ''
  })
  return wrong ? undefined : text
}
