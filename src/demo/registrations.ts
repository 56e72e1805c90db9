/** Who registered with the demonstration PBX: as Asterisk does, it keeps the Contact that it was given, and Path where there is one. */
import { type HeaderLine, headerLines, headerValue, line, type SipRequest } from '../sip/message.ts'
import { parameter } from '../sip/parameters.ts'
import { address, addresses } from '../sip/read.ts'
import { isSip, parseUri, userOf } from '../sip/uri.ts'

export interface Registered {
  /** URI to call, and the route to it (RFC 3327 §5.3). */
  readonly contact: string
  readonly path: readonly string[]
  /** Where the REGISTER came from: calls go there. */
  readonly from: { readonly address: string; readonly port: number }
  /** Milliseconds of `now`. */
  readonly until: number
}

const MOST = 1000
const USUAL_SECONDS = 600
const MOST_SECONDS = 3600

export class Registrations {
  readonly #now: () => number
  readonly #byUser = new Map<string, Map<string, Registered>>()
  #size = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The one that came last. */
  find(user: string): Registered | undefined {
    const now = this.#now()
    return [...(this.#byUser.get(user)?.values() ?? [])].findLast(({ until }) => until > now)
  }

  /** §10.3. @returns headers of the 200; undefined: there is no room */
  register(request: SipRequest, from: Registered['from']): readonly HeaderLine[] | undefined {
    const to = headerLines(request, 'to')[0]
    const uri = to === undefined ? undefined : parseUri(address(to)?.uri ?? '')
    const user = uri !== undefined && isSip(uri) ? userOf(uri) : undefined
    if (user === undefined) return []
    const path = headerLines(request, 'path').flatMap((one) => (addresses(one) ?? []).map(({ text }) => text))
    const usual = secondsOf(headerValue(request, 'expires')) ?? USUAL_SECONDS
    for (const one of headerLines(request, 'contact')) {
      if (one.value.trim() === '*') this.#forget(user)
      else
        for (const contact of addresses(one) ?? []) {
          const seconds = Math.min(secondsOf(parameter(contact.parameters, 'expires')) ?? usual, MOST_SECONDS)
          if (!this.#keep(user, seconds, { contact: contact.uri, path, from, until: this.#now() + seconds * 1000 })) return undefined
        }
    }
    const now = this.#now()
    const kept = [...(this.#byUser.get(user)?.values() ?? [])].filter(({ until }) => until > now)
    return [
      ...kept.map(({ contact, until }) => line('Contact', `<${contact}>;expires=${Math.ceil((until - now) / 1000)}`)),
      ...headerLines(request, 'path'),
    ]
  }

  #keep(user: string, seconds: number, registered: Registered): boolean {
    const known = this.#byUser.get(user) ?? new Map<string, Registered>()
    if (known.delete(registered.contact)) this.#size--
    if (seconds > 0) {
      this.#sweep()
      if (this.#size >= MOST) return false
      known.set(registered.contact, registered)
      this.#size++
    }
    if (known.size === 0) this.#byUser.delete(user)
    else this.#byUser.set(user, known)
    return true
  }

  #forget(user: string): void {
    this.#size -= this.#byUser.get(user)?.size ?? 0
    this.#byUser.delete(user)
  }

  /** Only when it is full: those that have expired make room. */
  #sweep(): void {
    if (this.#size < MOST) return
    const now = this.#now()
    for (const [user, known] of this.#byUser) {
      for (const [contact, { until }] of known) {
        if (until > now) continue
        known.delete(contact)
        this.#size--
      }
      if (known.size === 0) this.#byUser.delete(user)
    }
  }
}

const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined
