import type { Flow } from '../../address/flow.ts'
import { EMPTY, own } from '../../base/bytes.ts'
import { WheelTimer } from '../../base/timer-wheel.ts'
import type { Binding, BindingEnd } from '../../registrar/types.ts'
import { applyNumberRules } from '../../routing/alterations/number-rules.ts'
import type { Candidate } from '../../routing/decide.ts'
import { type HeaderLine, headerLines, headerValue, line, makeRequest, type SipRequest, type SipResponse } from '../../sip/message.ts'
import { parseUri, type Uri } from '../../sip/uri.ts'
import type { Zone } from '../../zones/zone.ts'
import type { ClientTransaction, ClientUser } from '../client-transaction.ts'
import { compose } from '../compose.ts'
import { advertisedBy, type Edge, listenerFor } from '../edge.ts'
import { type Way, wayTo } from '../next-hop.ts'
import { targetUri } from '../target-uri.ts'
import type { Timer, TimerKind, TimerOwner } from '../timers.ts'
import { bindingId } from './gone.ts'

/** What a client showed last that its registrar accepted. In memory alone: it is neither logged nor stored. */
interface Shown {
  /** Value of From; empty: another tag than its own. */
  readonly from: string
  readonly credentials: readonly HeaderLine[]
  /** What the route made of the Request-URI. */
  readonly requestUri: 'target' | 'keep'
}

/** Sent in one go, and the time to the next one: a registrar is not to suffer from a cable that was pulled out at our side. */
const AT_ONCE = 20
const PAUSE_MS = 100
const MOST_WAITING = 50_000
/** What expires there in a moment is left to itself. */
const SOON_MS = 5000

/**
 * Takes back at a registrar behind us what it still keeps for a client that is gone: a REGISTER with `expires=0` in the client's name, with the
 * credentials that it showed last. A registrar that wants new ones says 401, and the binding there ends by itself.
 */
export class TakeBacks implements TimerOwner {
  readonly #edge: () => Edge
  readonly #shown = new Map<string, Shown>()
  readonly #waiting = new Map<string, TakeBack>()
  readonly #underWay = new Map<string, TakeBack>()
  #timer: Timer | undefined

  constructor(edge: () => Edge) {
    this.#edge = edge
  }

  /** What the client showed in a request that was accepted. */
  remember(binding: Binding, request: SipRequest, candidate: Candidate): void {
    this.#shown.set(bindingId(binding), {
      from: own(headerValue(request, 'from') ?? ''),
      credentials: [...headerLines(request, 'authorization'), ...headerLines(request, 'proxy-authorization')].map(({ name, value }) =>
        line(name, own(value)),
      ),
      requestUri: candidate.kind === 'target' ? candidate.requestUri : 'keep',
    })
  }

  /** It is registered there after all. */
  forget(binding: Binding): void {
    const key = keyOf(binding)
    this.#waiting.delete(key)
    this.#underWay.get(key)?.abandon()
    this.#underWay.delete(key)
  }

  ended(binding: Binding, why: BindingEnd): void {
    const id = bindingId(binding)
    const shown = this.#shown.get(id)
    this.#shown.delete(id)
    if (WHEN[why] === 'never' || (WHEN[why] === 'as set' && !this.#told(binding))) return
    this.#add(binding, shown, true)
  }

  /** The registrar was told of another Contact of the same client: the old one would be called, too. */
  replaced(before: Binding, after: Binding): void {
    if (before.registrar === undefined || before.registrar.contact === after.registrar?.contact || !this.#told(before)) return
    const shown = this.#shown.get(bindingId(after))
    // Not what the client has just sent under the same number (§8.2.2.2 would call it a loop)
    const sequence = before.callId === after.callId ? Math.max(before.cseq, after.cseq) : before.cseq
    this.#add({ ...before, cseq: sequence }, shown && { ...shown, from: '' }, false)
  }

  #told({ zone }: Binding): boolean {
    return this.#edge().running.snapshot.zones.get(zone)?.lost.tellRegistrar ?? false
  }

  /** @param named with the client's parameters, by which registrars that know outbound (RFC 5626 §6) find it */
  #add(binding: Binding, shown: Shown | undefined, named: boolean): void {
    const edge = this.#edge()
    if (binding.registrar === undefined || binding.registrar.keptUntil - edge.clock.wall() < SOON_MS || edge.stopping) return
    if (this.#waiting.size >= MOST_WAITING) {
      edge.metrics.passedRegistration(binding.zone, 'take-back-failed')
      return
    }
    const key = keyOf(binding)
    this.#waiting.set(key, new TakeBack(edge, binding, shown, named, () => this.#underWay.delete(key)))
    if (this.#timer?.scheduled) return
    this.#timer ??= new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    edge.transactions.wheel.schedule(this.#timer, 0)
  }

  /** Some of those that wait go out. */
  fired(): void {
    const edge = this.#edge()
    let count = 0
    for (const [key, takeBack] of this.#waiting) {
      if (count++ === AT_ONCE) {
        edge.transactions.wheel.schedule(this.#timer!, PAUSE_MS)
        return
      }
      this.#waiting.delete(key)
      if (edge.stopping) continue
      this.#underWay.set(key, takeBack)
      takeBack.start()
    }
  }
}

const WHEN: Readonly<Record<BindingEnd, 'never' | 'as set' | 'always'>> = {
  unregistered: 'never',
  replaced: 'never',
  expired: 'as set',
  'connection-lost': 'as set',
  'no-answer': 'as set',
  removed: 'always',
}

/** One Contact at one registrar. */
const keyOf = (binding: Binding): string => `${bindingId(binding)} ${binding.registrar?.contact}`

/** One REGISTER of ours. */
class TakeBack implements ClientUser {
  readonly #edge: Edge
  readonly #binding: Binding
  readonly #shown: Shown | undefined
  readonly #named: boolean
  readonly #over: () => void
  #transaction: ClientTransaction | undefined
  #abandoned = false

  constructor(edge: Edge, binding: Binding, shown: Shown | undefined, named: boolean, over: () => void) {
    this.#edge = edge
    this.#binding = binding
    this.#shown = shown
    this.#named = named
    this.#over = over
  }

  start(): void {
    const { registrar, zone: from } = this.#binding
    const { zones } = this.#edge.running.snapshot
    const zone = zones.get(registrar!.zone)
    const client = zones.get(from)
    const uri = parseUri(registrar!.uri)
    const target = zone?.targets.find(({ name }) => name === registrar!.target)
    if (zone === undefined || client === undefined || uri === undefined || (registrar!.target !== '' && target === undefined)) {
      this.failed()
      return
    }
    const candidate: Candidate =
      target === undefined
        ? { kind: 'request-uri', zone }
        : { kind: 'target', zone, target, requestUri: this.#shown?.requestUri ?? target.requestUri }
    try {
      const way = wayTo(this.#edge, candidate, uri)
      if (way instanceof Promise)
        way.then(
          (found) => this.#send(found, candidate, zone, client, uri),
          () => this.failed(),
        )
      else this.#send(way, candidate, zone, client, uri)
    } catch {
      this.failed()
    }
  }

  abandon(): void {
    this.#abandoned = true
    this.#transaction?.abandon()
  }

  #send(way: Way, candidate: Candidate, zone: Zone, client: Zone, uri: Uri): void {
    const edge = this.#edge
    const { running } = edge
    const destination = way.kind === 'destinations' ? way.list[0] : undefined
    const egress = destination && listenerFor(zone.listeners, destination.transport, destination.address)
    const ingress = running.snapshot.listeners.find(({ listener }) => listener.name === this.#binding.listener)?.listener
    if (this.#abandoned) return
    if (destination === undefined || egress === undefined || ingress === undefined) {
      this.failed()
      return
    }
    const flow: Flow = edge.transports.flowTo(egress, destination, zone.connections, advertisedBy(egress, zone.advertise))
    const request = applyNumberRules(this.#request(), client.numbersIn)
    const { request: sent, branch } = compose(edge, {
      running,
      plan: {
        request,
        uri,
        ingress: { listener: ingress, zone: client, flow: this.#binding.flow },
        egress: undefined,
        groups: [[candidate]],
        rule: 'take-back',
        advertise: undefined,
        numbers: [],
        headers: [],
        media: undefined,
        gone: 480,
      },
      loop: 'take-back',
      index: 0,
      candidate,
      flow,
      target: targetUri(candidate, uri, egress),
      bare: true,
    })
    const transaction = edge.transactions.send(sent, branch, flow, this)
    if (transaction.state !== 'terminated') this.#transaction = transaction
  }

  /** §10.2.2, as the client would have written it. */
  #request(): SipRequest {
    const { registrar, callId, cseq, parameters } = this.#binding
    const { uri, to, contact } = registrar!
    const server = this.#edge.running.snapshot.serverHeader
    const headers = [
      line('From', this.#shown?.from || `${to};tag=${this.#edge.ids.token(8)}`),
      line('To', to),
      line('Call-ID', callId),
      line('CSeq', `${cseq + 1} REGISTER`),
      line('Contact', `<${contact}>${this.#named ? parameters : ''};expires=0`),
      line('Expires', '0'),
      ...(this.#shown?.credentials ?? []),
      ...(server === '' ? [] : [line('User-Agent', server)]),
      line('Content-Length', '0'),
    ]
    return makeRequest(`REGISTER ${uri} SIP/2.0\r\n`, 'REGISTER', uri, headers, EMPTY)
  }

  responded({ status }: SipResponse): void {
    if (status < 200) return
    this.#end(status < 300 ? 'taken-back' : status === 401 || status === 407 ? 'take-back-refused' : 'take-back-failed', status)
  }

  timedOut(): void {
    this.#end('take-back-failed', 0)
  }

  failed(): void {
    this.#end('take-back-failed', 0)
  }

  due(): void {}

  #end(outcome: 'taken-back' | 'take-back-refused' | 'take-back-failed', status: number): void {
    const { log, metrics } = this.#edge
    const { zone, registrar } = this.#binding
    metrics.passedRegistration(zone, outcome)
    if (outcome !== 'taken-back' && log.enabled('debug'))
      log.debug(
        { zone, registrar: registrar!.zone, target: registrar!.target, status, callId: this.#binding.callId },
        'The registrar keeps a registration whose client is gone, until it expires',
      )
    this.#over()
  }
}
