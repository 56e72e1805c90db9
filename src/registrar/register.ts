/**
 * What a REGISTER does to the bindings of one address-of-record, and what its 200 says (RFC 3261 §10.3, with RFC 3327, 5626 and 5627). A
 * function of the request and of the bindings that there are: whoever calls it puts the result into force, as a whole.
 */
import { own } from '../base/bytes.ts'
import { type Problem, problem } from '../base/problem.ts'
import type { RegistrarSettings } from '../config/snapshot.ts'
import type { FlowToken } from '../routing/route-state.ts'
import { headerLines, headerValue, type SipRequest } from '../sip/message.ts'
import type { NameAddr } from '../sip/name-addr.ts'
import { addresses, cseq, tokens, vias } from '../sip/read.ts'
import { parseUri, uriParameter } from '../sip/uri.ts'
import { expiresOf, HOUR_SECONDS, instanceOf, isNumbered, keyOf, MOST_Q, type RegisterContact, readContact, shownIn } from './contact.ts'
import { publicGruu } from './gruu.ts'
import type { Binding, BindingEnd } from './types.ts'

/** Where the request came from, and whom it is for. */
export interface RegisterPlace {
  readonly aor: string
  /** The address-of-record as a URI, for GRUUs and P-Associated-URI. */
  readonly record: string
  /** The user is in our store. */
  readonly subscriber: boolean
  /** Further URIs of the same user (RFC 7315 §4.1); may be empty. */
  readonly associated: readonly string[]
  /** All bindings of the address-of-record that have not expired, wherever they came from. */
  readonly bindings: readonly Binding[]
  readonly settings: RegistrarSettings
  /** Milliseconds since 1970. */
  readonly now: number
  readonly zone: string
  readonly listener: string
  readonly flow: FlowToken
  readonly nat: readonly string[]
  /** RFC 5626 §4.4.1: within so many seconds the client is to say something on a connection; undefined: no word about it. */
  readonly flowTimer: number | undefined
  /** What showed who the client is ends then, and every binding with it, milliseconds since 1970; undefined: it does not end. */
  readonly until: number | undefined
  /** Is its client behind a connection that is open, or an address? Of those that are not the oldest makes room for a new one. */
  readonly reachable: (binding: Binding) => boolean
}

export interface Registered {
  readonly kind: 'registered'
  readonly aor: string
  /** `asked`: nothing changes. */
  readonly what: 'registered' | 'refreshed' | 'removed' | 'asked'
  readonly put: readonly Binding[]
  readonly remove: readonly { readonly key: string; readonly why: BindingEnd }[]
  /** Of the 200. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** What we understand in a Require of a REGISTER. */
const UNDERSTOOD = new Set(['path', 'outbound', 'gruu'])
export const REGISTRAR_SUPPORTS = 'path, outbound, gruu'

/** Of one Contact and its Path: what is kept for long is short. */
const LONGEST_CONTACT = 1024
const LONGEST_PATH = 2048
const LONGEST_CALL_ID = 512

export const register = (request: SipRequest, place: RegisterPlace): Registered | Problem => {
  const unknown = tokens(request, 'require').filter((tag) => !UNDERSTOOD.has(tag.toLowerCase()))
  if (unknown.length > 0)
    return { ...problem(420, 'Bad Extension', '§10.3 item 2', 'Require'), headers: [['Unsupported', unknown.join(', ').slice(0, 200)]] }
  const asked = wellFormedContacts(request)
  if (asked === undefined) return problem(400, 'Malformed Contact', '§20.10', 'Contact')
  if (asked.some(({ uri }) => uri === '*')) return removeAll(request, place, asked)
  if (asked.length === 0)
    return {
      kind: 'registered',
      aor: place.aor,
      what: 'asked',
      put: [],
      remove: [],
      headers: headersOf(request, place, [], place.bindings, false),
    }
  return update(request, place, asked)
}

/** §10.3 item 6: `Contact: *` takes everything back, but only with `Expires: 0` and alone. */
const removeAll = (request: SipRequest, place: RegisterPlace, asked: readonly NameAddr[]): Registered | Problem => {
  if (asked.length > 1) return problem(400, 'Contact: * beside other contacts', '§10.3 item 6', 'Contact')
  if (headerValue(request, 'expires') !== '0' || asked[0]!.parameters !== '')
    return problem(400, 'Contact: * without Expires: 0', '§10.3 item 6', 'Expires')
  for (const binding of place.bindings) if (isOld(request, binding)) return outOfOrder()
  return {
    kind: 'registered',
    aor: place.aor,
    what: place.bindings.length === 0 ? 'asked' : 'removed',
    put: [],
    remove: place.bindings.map(({ key }) => ({ key, why: 'unregistered' })),
    headers: headersOf(request, place, [], [], false),
  }
}

/** One Contact with what it comes to. */
interface Wanted {
  readonly contact: RegisterContact
  readonly key: string
  /** Seconds; 0: it is taken back. */
  readonly expires: number
  readonly outbound: boolean
}

const update = (request: SipRequest, place: RegisterPlace, asked: readonly NameAddr[]): Registered | Problem => {
  const { settings } = place
  const path = pathOf(request)
  if (path === undefined) return problem(400, 'Malformed Path', 'RFC 3327 §4', 'Path')
  if (headerValue(request, 'call-id')!.length > LONGEST_CALL_ID) return problem(400, 'Call-ID is too long', '§20.8', 'Call-ID')
  const direct = firstHopIsOutbound(request, path)
  const supported = new Set(tokens(request, 'supported').map((tag) => tag.toLowerCase()))
  const wanted: Wanted[] = []
  for (const one of asked) {
    const contact = readContact(one)
    if (contact === undefined) return problem(400, 'Contact is no SIP URI', '§10.2.1', 'Contact')
    if (contact.uri.length + contact.parameters.length > LONGEST_CONTACT) return problem(400, 'Contact is too long', '§10.2.1', 'Contact')
    const expires = Math.min(expiresOf(request, contact) ?? settings.usualSeconds, settings.mostSeconds)
    // §20.23: only what is shorter than an hour may be called too brief
    if (expires > 0 && expires < settings.leastSeconds && expires < HOUR_SECONDS)
      return { ...problem(423, 'Interval Too Brief', '§10.3 item 7', 'Expires'), headers: [['Min-Expires', String(settings.leastSeconds)]] }
    const numbered = isNumbered(contact)
    if (numbered && !direct && supported.has('outbound')) return problem(439, 'First Hop Lacks Outbound Support', 'RFC 5626 §6', 'Path')
    const outbound = numbered && direct
    wanted.push({ contact, key: keyOf(contact, outbound), expires, outbound })
  }
  if (wanted.filter(({ expires }) => expires > 0).length > 1 && wanted.some(({ outbound, expires }) => outbound && expires > 0))
    return problem(400, 'More than one Contact with reg-id', 'RFC 5626 §4.2', 'Contact')
  const known = new Map(place.bindings.map((binding) => [binding.key, binding]))
  for (const { key } of wanted) {
    const before = known.get(key)
    if (before !== undefined && isOld(request, before)) return outOfOrder()
  }
  // All checks are made: from here on nothing fails but for want of room, and nothing has happened yet (§10.3: all or none)
  const after = new Map(known)
  const put = new Map<string, Binding>()
  const gone = new Map<string, BindingEnd>()
  for (const one of wanted) {
    const { key, expires, contact } = one
    put.delete(key)
    if (expires === 0) {
      if (after.delete(key) && known.has(key)) gone.set(key, 'unregistered')
      continue
    }
    gone.delete(key)
    // A client that has learned outbound since is still the same contact
    const plain = one.outbound ? known.get(contact.canonical) : undefined
    if (plain !== undefined && after.delete(plain.key)) gone.set(plain.key, 'replaced')
    const binding = bindingOf(request, place, path, one, known.get(key))
    put.set(key, binding)
    after.set(key, binding)
  }
  const fresh = [...put.keys()].filter((key) => !known.has(key))
  if (fresh.length > 0 && after.size > settings.contacts) {
    for (const key of makeRoom(after, put, place)) gone.set(key, 'replaced')
    if (after.size > settings.contacts) return problem(403, `More than ${settings.contacts} contacts`, '§10.3', 'Contact')
  }
  const outbound = supported.has('outbound') && wanted.some((one) => one.outbound && one.expires > 0)
  return {
    kind: 'registered',
    aor: place.aor,
    what: put.size > 0 ? (fresh.length > 0 ? 'registered' : 'refreshed') : gone.size > 0 ? 'removed' : 'asked',
    put: [...put.values()],
    remove: [...gone].map(([key, why]) => ({ key, why })),
    headers: headersOf(request, place, [...put.values()], [...after.values()], outbound),
  }
}

/** §10.3 item 7: the same Call-ID with a CSeq that is no higher was sent before what is there. */
const isOld = (request: SipRequest, { callId, cseq: number }: Binding): boolean =>
  headerValue(request, 'call-id') === callId && cseq(request)!.number <= number

const outOfOrder = (): Problem => problem(500, 'REGISTER is out of order', '§10.3 item 7', 'CSeq')

/** All values of Contact; undefined: one of them is malformed. */
const wellFormedContacts = (request: SipRequest): readonly NameAddr[] | undefined => {
  const all: NameAddr[] = []
  for (const one of headerLines(request, 'contact')) {
    const values = addresses(one)
    if (values === undefined) return undefined
    all.push(...values)
  }
  return all
}

/** RFC 3327 §5.3: as they stand, topmost first; undefined: malformed, or more than anybody needs. */
const pathOf = (request: SipRequest): readonly string[] | undefined => {
  const values: string[] = []
  let length = 0
  for (const one of headerLines(request, 'path')) {
    const read = addresses(one)
    if (read === undefined || read.some(({ uri }) => parseUri(uri) === undefined)) return undefined
    for (const { text } of read) {
      length += text.length
      values.push(own(text))
    }
  }
  return length > LONGEST_PATH ? undefined : values
}

/** RFC 5626 §6: the client's first hop holds its flow: we ourselves, else a proxy that says so in the Path that was written first. */
const firstHopIsOutbound = (request: SipRequest, path: readonly string[]): boolean => {
  const hops = headerLines(request, 'via').reduce((sum, one) => sum + (vias(one)?.length ?? 0), 0)
  if (hops <= 1) return true
  const first = path.at(-1)
  const uri = first === undefined ? undefined : parseUri(/<([^>]*)>/.exec(first)?.[1] ?? first)
  return uri !== undefined && uriParameter(uri, 'ob') !== undefined
}

const bindingOf = (
  request: SipRequest,
  place: RegisterPlace,
  path: readonly string[],
  { contact, key, expires }: Wanted,
  before: Binding | undefined,
): Binding => ({
  ...shownIn(request, contact, before, place.now),
  aor: place.aor,
  key: own(key),
  zone: place.zone,
  listener: place.listener,
  flow: place.flow,
  path,
  expiresAt: Math.min(place.now + expires * 1000, place.until ?? Number.POSITIVE_INFINITY),
  nat: place.nat,
  subscriber: place.subscriber,
  registrar: undefined,
})

/**
 * Takes out of `after` what may go for new contacts: older ones of the same instances, which have moved on without a word, then those that
 * cannot be reached any more; the oldest first. @returns their keys
 */
const makeRoom = (
  after: Map<string, Binding>,
  put: ReadonlyMap<string, Binding>,
  { settings, reachable }: RegisterPlace,
): readonly string[] => {
  const instances = new Set([...put.values()].map(({ parameters }) => instanceOf(parameters)))
  instances.delete('')
  const others = [...after.values()].filter(({ key }) => !put.has(key)).sort((a, b) => a.refreshedAt - b.refreshedAt)
  const same = others.filter(({ parameters }) => instances.has(instanceOf(parameters)))
  const room: string[] = []
  for (const { key } of [...same, ...others.filter((binding) => !reachable(binding))]) {
    if (after.size <= settings.contacts) break
    if (after.delete(key)) room.push(key)
  }
  return room
}

/** @param asked the contacts of this request come first: some clients look at one only @param outbound flows are kept as RFC 5626 has it */
const headersOf = (
  request: SipRequest,
  { record, associated, now, flowTimer }: RegisterPlace,
  asked: readonly Binding[],
  all: readonly Binding[],
  outbound: boolean,
): readonly (readonly [string, string])[] => {
  const gruu = tokens(request, 'supported').some((tag) => tag.toLowerCase() === 'gruu')
  const rest = all.filter((binding) => !asked.some(({ key }) => key === binding.key))
  return [
    ...[...asked, ...rest].map((binding) => ['Contact', contactText(binding, now, gruu ? record : undefined)] as const),
    ...headerLines(request, 'path').map(({ value }) => ['Path', value] as const),
    ['Supported', REGISTRAR_SUPPORTS],
    ...(outbound ? [['Require', 'outbound'] as const] : []),
    ...(outbound && flowTimer !== undefined ? [['Flow-Timer', String(flowTimer)] as const] : []),
    ...(associated.length === 0 ? [] : [['P-Associated-URI', [record, ...associated].map((uri) => `<${uri}>`).join(', ')] as const]),
    ['Date', new Date(now).toUTCString()],
  ]
}

/** §10.3 item 8. @param record for GRUUs; undefined: the client knows none */
const contactText = ({ contact, parameters, q, expiresAt }: Binding, now: number, record: string | undefined): string => {
  const instance = record === undefined ? '' : instanceOf(parameters)
  const gruu = instance === '' ? '' : `;pub-gruu="${publicGruu(record!, instance)}"`
  return `<${contact}>${q === MOST_Q ? '' : `;q=${q / 1000}`}${parameters};expires=${Math.max(1, Math.ceil((expiresAt - now) / 1000))}${gruu}`
}
