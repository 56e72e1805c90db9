import type { Flow } from '../../address/flow.ts'
import { own } from '../../base/bytes.ts'
import { StoreError } from '../../base/errors.ts'
import { recordOf } from '../../registrar/address.ts'
import {
  contactsOf,
  expiresOf,
  HOUR_SECONDS,
  isContact,
  keyOf,
  type RegisterContact,
  readContact,
  seconds,
  shownIn,
} from '../../registrar/contact.ts'
import type { Binding, RegistrarBehind } from '../../registrar/types.ts'
import { restoreContact } from '../../routing/alterations/contact.ts'
import { shorten } from '../../routing/alterations/renewal.ts'
import { PATH_BOUND } from '../../routing/classify.ts'
import { elsewhere, isMasked, maskParameters, unmask } from '../../routing/contact-mask.ts'
import type { Candidate } from '../../routing/decide.ts'
import type { FlowToken, Side } from '../../routing/route-state.ts'
import { headerLines, headerValue, type SipRequest, type SipResponse } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { addresses } from '../../sip/read.ts'
import { formatUri, isSip, parseUri } from '../../sip/uri.ts'
import { natSigns } from '../../zones/nat-signs.ts'
import type { Zone } from '../../zones/zone.ts'
import type { Edge, Running } from '../edge.ts'
import { candidateZone } from '../next-hop.ts'
import { Refreshes } from './refresh.ts'
import { TakeBacks } from './take-back.ts'

/** What a REGISTER becomes on its way to one registrar behind us. */
export interface Passage {
  /** How the registrar is to find the way back. */
  readonly way: 'path' | 'contact' | 'none'
  /** Of the Path; else empty. */
  readonly cookie: string
  /** What a Contact becomes; undefined: all stay. */
  readonly contact: ((contact: NameAddr) => string | undefined) | undefined
  /** What each of the Contacts that were changed stands for. */
  readonly masks: ReadonlyMap<string, string>
  readonly renewSeconds: number | undefined
}

/** A REGISTER that a registrar behind us accepted. */
export interface Accepted {
  readonly running: Running
  readonly ingress: Side
  readonly candidate: Candidate
  readonly passage: Passage
  /** Where it came from. */
  readonly arrival: Flow
  /** As the client wrote it. */
  readonly request: SipRequest
}

/** A client that showed us that its registrar takes no notice of Path comes again after so many seconds. */
const AGAIN_SECONDS = 10
/** Contacts of one address-of-record that are remembered; the registrar's own bound is lower. */
const MOST_CONTACTS = 100
/** Characters of its Contact, Path, To, Call-ID and Request-URI. */
const LONGEST_CONTACT = 3072
/** Between two lines about a store that does not work. */
const QUIET_MS = 60_000

/**
 * Registrations whose registrar is behind us. It learns from its answers who is registered, and which registrars know no Path (RFC 3327):
 * toward those a Contact is one of ours, from which the client's own can be read again.
 */
export class Passing {
  readonly refreshes: Refreshes
  readonly takeBacks: TakeBacks
  readonly #edge: () => Edge
  /** Zone and target of registrars whose answers showed that they know no Path. */
  readonly #pathless = new Set<string>()
  /** By the name in their masked Contact: bindings whose own Contact is too long to be in it. */
  readonly #kept = new Map<string, Binding>()
  #quietUntil = 0

  constructor(edge: () => Edge) {
    this.#edge = edge
    this.refreshes = new Refreshes(edge)
    this.takeBacks = new TakeBacks(edge)
  }

  /** From now on. What a store brought over a restart tells what is known about its registrars. */
  start(): void {
    const { bindings } = this.#edge()
    for (const binding of bindings.all()) {
      const { registrar } = binding
      if (registrar === undefined || !isMasked(registrar.contact)) continue
      this.#pathless.add(placeOf(registrar.zone, registrar.target))
      this.#keep(binding)
    }
    bindings.watch((change) => {
      const { binding } = change
      const { registrar } = binding
      if (registrar === undefined) return
      if (change.kind !== 'ended') {
        this.#keep(binding)
        this.takeBacks.forget(binding)
        return
      }
      this.#drop(registrar)
      this.takeBacks.ended(binding, change.why)
      this.refreshes.forget(binding)
    })
  }

  /** The Contact that a name in a masked one stands for. */
  readonly kept = (name: string): string | undefined => this.#kept.get(name)?.contact

  /** A REGISTER has come. @returns the answer to one that no registrar need hear of */
  arrives(flow: Flow, zone: Zone, request: SipRequest): SipResponse | undefined {
    const { registrations } = this.#edge()
    if (registrations.waits) {
      const aor = recordOf(request)
      for (const value of contactsOf(request)) {
        const contact = readContact(value)
        if (aor !== undefined && contact !== undefined) registrations.returning(aor, keyOf(contact))
      }
    }
    return this.refreshes.answer(flow, zone, request)
  }

  /** @param egress the registrar's side @param advertise the name of ours that it sees; undefined: the listener's own */
  passage(
    running: Running,
    request: SipRequest,
    ingress: Side,
    egress: Side,
    candidate: Candidate,
    advertise: string | undefined,
  ): Passage {
    const way = this.#way(ingress.zone, candidate)
    const renewSeconds = ingress.zone.registration.mode === 'pass' ? ingress.zone.registration.refresh?.renewSeconds : undefined
    const aor = recordOf(request)
    if (way === 'path') {
      const first = contactsOf(request)[0]
      const read = first && readContact(first)
      const { flow } = ingress
      // What finds the client when it has connected anew is its binding
      const named =
        flow?.kind === 'connection' && read !== undefined && aor !== undefined
          ? { ...flow, identity: this.#name(ingress, egress.zone, aor, read) }
          : flow
      const cookie = running.states.encode(egress, { ...ingress, flow: named }, PATH_BOUND)
      return { way, cookie, contact: undefined, masks: NO_MASKS, renewSeconds }
    }
    if (way === 'none') return { way, cookie: '', contact: undefined, masks: NO_MASKS, renewSeconds }
    const masks = new Map<string, string>()
    const contact = (value: NameAddr): string | undefined => {
      const uri = parseUri(value.uri)
      const read = readContact(value)
      if (uri === undefined || !isSip(uri) || read === undefined) return undefined
      // What is taken back is what the registrar has, under whatever key it was signed
      const there = expiresOf(request, read) === 0 && aor !== undefined ? this.#edge().bindings.get(aor, keyOf(read)) : undefined
      if (there?.registrar !== undefined) {
        masks.set(there.registrar.contact, value.uri)
        return there.registrar.contact
      }
      // Named by its binding alone the Contact stays the same one when the client has connected anew, and no old one stays beside it
      const flow: FlowToken | undefined =
        ingress.flow?.kind === 'connection' && aor !== undefined
          ? { kind: 'connection', boot: '', id: '', identity: this.#name(ingress, egress.zone, aor, read) }
          : ingress.flow
      const client = { ...ingress, flow }
      const plain = egress.listener.uriFor(uri.userinfo, '', advertise)
      const masked = plain + maskParameters(running.states, egress, client, uri, plain)
      masks.set(masked, value.uri)
      return masked
    }
    return { way, cookie: '', contact, masks, renewSeconds }
  }

  #way({ path }: Zone, candidate: Candidate): Passage['way'] {
    const zone = candidateZone(candidate)
    if (zone.registrar === 'contact') return 'contact'
    if (!path) return 'none'
    return zone.registrar === 'auto' && this.#pathless.has(placeOf(zone.name, targetOf(candidate))) ? 'contact' : 'path'
  }

  /** Of one registrar: another one may know somebody by the same address and Contact. */
  #name({ zone }: Side, registrar: Zone, aor: string, contact: RegisterContact): string {
    return this.#edge().clients.bindingName(zone, registrar, aor, keyOf(contact))
  }

  /** A 2xx to a REGISTER. @returns what the client gets of it */
  accepted(accepted: Accepted, arrived: SipResponse): SipResponse {
    const { request, ingress, passage, running } = accepted
    const response = this.#restored(arrived, running, passage)
    const aor = recordOf(request)
    if (ingress.flow === undefined || aor === undefined) return response
    try {
      return this.#learned(accepted, aor, response)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // The registrar has it; a full disk meets every client
      const { clock, log } = this.#edge()
      if (clock.now() >= this.#quietUntil) {
        this.#quietUntil = clock.now() + QUIET_MS
        log.error({ code: error.code, err: error, aor }, 'Registrations at a registrar behind us cannot be kept in mind')
      }
      return response
    }
  }

  #learned(accepted: Accepted, aor: string, response: SipResponse): SipResponse {
    const { request, ingress, candidate } = accepted
    const asked = contactsOf(request)
    if (asked.some(({ uri }) => uri === '*')) {
      this.#removeAll(aor, candidate)
      return response
    }
    const granted = contactsOf(response)
    const put: Binding[] = []
    for (const value of asked) {
      const binding = this.#learn(accepted, aor, value, asked.length === 1, granted, response)
      if (binding !== undefined) put.push(binding)
    }
    if (put.length === 0) return response
    if (ingress.zone.registration.mode === 'pass') this.#edge().metrics.passedRegistration(ingress.zone.name, 'passed')
    return this.#timed(accepted, response, put)
  }

  /** Every Contact of ours is the client's own again; those of other clients behind us, too. */
  #restored(response: SipResponse, { states }: Running, { masks }: Passage): SipResponse {
    if (!headerLines(response, 'contact').some((one) => one.value.includes('ewc='))) return response
    return restoreContact(response, (uri) => {
      const known = masks.get(uri)
      if (known !== undefined) return known
      const found = unmask(uri, states, this.kept)
      return found === undefined || typeof found === 'string' ? undefined : formatUri(found.uri)
    })
  }

  /** For how long the client believes it is registered. */
  #timed({ ingress, candidate, passage, request }: Accepted, response: SipResponse, put: readonly Binding[]): SipResponse {
    const { bindings, clock } = this.#edge()
    const alone = put.length === 1 && contactsOf(request).length === 1 && contactsOf(response).length === 1
    const ours = (value: NameAddr): boolean => alone || put.some((binding) => isContact(value, binding))
    const clientSeconds = ingress.zone.registration.mode === 'pass' ? ingress.zone.registration.refresh?.clientSeconds : undefined
    const without = passage.way === 'path' && this.#withoutPath(candidate, passage, response)
    const most = without ? AGAIN_SECONDS : clientSeconds
    const timed = most === undefined ? response : shorten(response, most, ours)
    for (const binding of put) {
      // A phone that does not come again so soon is registered all the same
      const expiresAt = clientSeconds === undefined ? binding.expiresAt : Math.min(binding.expiresAt, clock.wall() + clientSeconds * 1000)
      const before = bindings.get(binding.aor, binding.key)
      const next = { ...binding, expiresAt }
      // First of all: where its connection is gone already it ends at once
      this.takeBacks.remember(next, request, candidate)
      bindings.put(next)
      if (before !== undefined) {
        if (before.registrar !== undefined && before.registrar.contact !== next.registrar?.contact) this.#drop(before.registrar)
        this.takeBacks.replaced(before, next)
      }
      const stays = bindings.get(next.aor, next.key) === next
      if (stays && clientSeconds !== undefined && !without && put.length === 1) this.refreshes.remember(next, timed)
    }
    return timed
  }

  /** RFC 3327 §5.3: the 2xx repeats the Path. One that does not shows a registrar that calls by the Contact. */
  #withoutPath(candidate: Candidate, { cookie }: Passage, response: SipResponse): boolean {
    const zone = candidateZone(candidate)
    if (zone.registrar !== 'auto' || headerLines(response, 'path').some((one) => one.value.includes(cookie))) return false
    const place = placeOf(zone.name, targetOf(candidate))
    if (this.#pathless.has(place)) return true
    this.#pathless.add(place)
    const { log, metrics } = this.#edge()
    metrics.passedRegistration(zone.name, 'no-path')
    log.info(
      { zone: zone.name, target: targetOf(candidate) },
      'The registrar takes no notice of Path: from now on the Contacts that it gets are ours ("registrar: contact" in its zone says so at once)',
    )
    return true
  }

  /** One Contact of the request. @returns the binding that it comes to; undefined: none, or it was taken back */
  #learn(
    { request, ingress, candidate, passage, arrival }: Accepted,
    aor: string,
    value: NameAddr,
    alone: boolean,
    granted: readonly NameAddr[],
    response: SipResponse,
  ): Binding | undefined {
    const { bindings, clients, clock } = this.#edge()
    const contact = readContact(value)
    const path = headerLines(request, 'path').flatMap((one) => (addresses(one) ?? []).map(({ text }) => own(text)))
    // What is kept for long is short
    const written = [value.text, ...path, request.requestUri, headerValue(request, 'to'), headerValue(request, 'call-id')]
    if (contact === undefined || written.join().length > LONGEST_CONTACT) return undefined
    const key = keyOf(contact)
    const answered = granted.find((one) => readContact(one)?.canonical === contact.canonical) ?? (alone ? only(granted) : undefined)
    const header = headerValue(response, 'expires')
    const asked = expiresOf(request, contact)
    const kept =
      asked === 0
        ? 0
        : ((answered && readContact(answered)?.expires) ?? (header === undefined ? undefined : seconds(header)) ?? asked ?? HOUR_SECONDS)
    const before = bindings.get(aor, key)
    if (kept === 0) {
      bindings.remove(aor, key, 'unregistered')
      return undefined
    }
    if (before === undefined && bindings.of(aor).length >= MOST_CONTACTS) return undefined
    clients.bindName(this.#name(ingress, candidateZone(candidate), aor, contact), arrival)
    const now = clock.wall()
    const until = now + kept * 1000
    const shown = [...passage.masks].find(([, written]) => written === value.uri)?.[0] ?? value.uri
    const registrar: RegistrarBehind = {
      zone: candidateZone(candidate).name,
      target: targetOf(candidate),
      uri: own(request.requestUri),
      to: own(headerValue(request, 'to') ?? ''),
      keptUntil: until,
      contact: own(shown),
    }
    return {
      ...shownIn(request, contact, before, now),
      aor,
      key: own(key),
      zone: ingress.zone.name,
      listener: ingress.listener.name,
      flow: ingress.flow!,
      path,
      expiresAt: until,
      nat: natSigns(request, arrival, ingress.zone.nat),
      registrar,
    }
  }

  /** §10.2.2: `Contact: *`. */
  #removeAll(aor: string, candidate: Candidate): void {
    const { bindings } = this.#edge()
    const zone = candidateZone(candidate).name
    for (const { key, registrar } of bindings.of(aor)) if (registrar?.zone === zone) bindings.remove(aor, key, 'unregistered')
  }

  #drop({ contact }: RegistrarBehind): void {
    const name = elsewhere(contact)
    if (name !== undefined) this.#kept.delete(name)
  }

  #keep(binding: Binding): void {
    const name = binding.registrar === undefined ? undefined : elsewhere(binding.registrar.contact)
    if (name !== undefined) this.#kept.set(name, binding)
  }
}

const NO_MASKS: ReadonlyMap<string, string> = new Map()

const placeOf = (zone: string, target: string): string => `${zone} ${target}`

const targetOf = (candidate: Candidate): string => (candidate.kind === 'target' ? candidate.target.name : '')

const only = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined)
