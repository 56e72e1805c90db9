import type { Flow } from '../../address/flow.ts'
import { own } from '../../base/bytes.ts'
import { StoreError } from '../../base/errors.ts'
import { recordOf } from '../../registrar/address.ts'
import { contactsOf, expiresOf, isContact, keyOf, readContact } from '../../registrar/contact.ts'
import type { Binding, RegistrarBehind } from '../../registrar/types.ts'
import { contactText } from '../../routing/alterations/contact.ts'
import { type HeaderLine, headerLines, headerValue, line, type SipRequest, type SipResponse } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { withParameter } from '../../sip/parameters.ts'
import { cseq } from '../../sip/read.ts'
import type { Target, Zone } from '../../zones/zone.ts'
import { answer } from '../answers.ts'
import type { Edge } from '../edge.ts'
import { bindingId } from './gone.ts'

/** What the registrar said last to one client. */
interface Said {
  readonly contact: NameAddr
  readonly headers: readonly HeaderLine[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Of a 2xx, beside the Contact: what a client goes by. */
const REPEATED = new Set(['path', 'service-route', 'p-associated-uri', 'require', 'supported', 'flow-timer'])

/**
 * A mid-registrar: clients refresh often, which keeps their way open, and the registrar hears of it seldom (`registration: { refresh, renew }`).
 * In between the edge says what the registrar said.
 *
 * Only what the registrar has accepted is answered, and only to the connection (for UDP the address and port) that it was accepted from, for
 * the same Contact and Call-ID with a higher CSeq: whoever else asks has to show the registrar who he is. All of it is in memory alone, so
 * that after a restart the registrar is asked.
 */
export class Refreshes {
  readonly #edge: () => Edge
  readonly #said = new Map<string, Said>()
  /** When a registrar came back, by zone and target: it may have forgotten everything. */
  readonly #back = new Map<string, number>()

  constructor(edge: () => Edge) {
    this.#edge = edge
  }

  /** @param response as the client gets it */
  remember(binding: Binding, response: SipResponse): void {
    const contact = contactsOf(response).find((value) => isContact(value, binding))
    // A registrar that does not say what it keeps cannot be spoken for
    if (contact === undefined) this.forget(binding)
    else
      this.#said.set(bindingId(binding), {
        contact: { display: own(contact.display), uri: own(contact.uri), parameters: own(contact.parameters), text: '' },
        headers: response.headers.filter(({ name }) => REPEATED.has(name)).map(({ name, value }) => line(name, own(value))),
        at: this.#edge().clock.wall(),
      })
  }

  forget(binding: Binding): void {
    this.#said.delete(bindingId(binding))
  }

  /** It was down: what it knew may be gone. */
  registrarBack(zone: string, target: string): void {
    this.#back.set(`${zone} ${target}`, this.#edge().clock.wall())
  }

  /** The 200 to a refresh that the registrar need not hear of; undefined: it goes there. */
  answer(flow: Flow, { registration: { mode, refresh } }: Zone, request: SipRequest): SipResponse | undefined {
    if (mode !== 'pass' || refresh === undefined || this.#said.size === 0) return undefined
    const values = contactsOf(request)
    const contact = values.length === 1 ? readContact(values[0]!) : undefined
    const aor = recordOf(request)
    if (contact === undefined || aor === undefined) return undefined
    const { bindings, clock, ids, metrics } = this.#edge()
    const binding = bindings.get(aor, keyOf(contact))
    const said = binding === undefined ? undefined : this.#said.get(bindingId(binding))
    const asked = expiresOf(request, contact) ?? refresh.clientSeconds
    if (binding?.registrar === undefined || said === undefined || asked === 0) return undefined
    const now = clock.wall()
    const { registrar } = binding
    const same =
      this.#isFlow(flow, binding) &&
      contact.uri === binding.contact &&
      contact.parameters === binding.parameters &&
      contact.q === binding.q &&
      request.requestUri === registrar.uri &&
      headerValue(request, 'call-id') === binding.callId &&
      cseq(request)!.number > binding.cseq &&
      binding.expiresAt > now &&
      // Another proxy on the way is another way
      headerLines(request, 'path').length === binding.path.length
    // Twice: the one that goes to the registrar may be lost
    const due = registrar.keptUntil - now < 2 * refresh.clientSeconds * 1000
    if (!same || due || !this.#stays(registrar) || said.at < (this.#back.get(`${registrar.zone} ${registrar.target}`) ?? 0))
      return undefined
    const seconds = Math.min(asked, refresh.clientSeconds)
    try {
      bindings.put({ ...binding, cseq: cseq(request)!.number, refreshedAt: now, expiresAt: now + seconds * 1000 })
    } catch (error) {
      if (error instanceof StoreError) return undefined
      throw error
    }
    metrics.passedRegistration(binding.zone, 'answered')
    const { parameters, uri } = said.contact
    return answer(request, 200, 'OK', ids.token(8), [
      line('Contact', contactText(said.contact, uri, withParameter(parameters, 'expires', String(seconds)))),
      ...said.headers,
    ])
  }

  /** One that is down or taken out loses its clients to another one, where there is one: an error would help nobody. */
  #stays({ zone: zoneName, target: name }: RegistrarBehind): boolean {
    const { health, running } = this.#edge()
    const zone = running.snapshot.zones.get(zoneName)
    if (zone === undefined) return false
    const takes = (target: Target): boolean => health.usable(zone, target) && !health.drains(zone, target)
    const target = zone.targets.find((one) => one.name === name)
    return target === undefined ? name === '' : takes(target) || !zone.targets.some(takes)
  }

  #isFlow({ id, listener, remoteAddress, remotePort }: Flow, binding: Binding): boolean {
    if (listener.name !== binding.listener) return false
    const { flow } = binding
    return flow.kind === 'connection'
      ? flow.boot === this.#edge().clients.boot && flow.id === id
      : flow.address === remoteAddress && flow.port === remotePort
  }
}
