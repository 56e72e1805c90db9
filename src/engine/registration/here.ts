import type { Flow } from '../../address/flow.ts'
import type { Proven } from '../../authentication/types.ts'
import { own } from '../../base/bytes.ts'
import { StoreError } from '../../base/errors.ts'
import { isProblem, type Problem, problem } from '../../base/problem.ts'
import type { RegistrarSettings } from '../../config/snapshot.ts'
import { addressOfRecord, ourAddress, subscriberOf, uriOfRecord, userOfRecord } from '../../registrar/address.ts'
import { type Registered, register } from '../../registrar/register.ts'
import type { Binding, Subscribers } from '../../registrar/types.ts'
import { firstHeader, headerValue, line, type SipRequest } from '../../sip/message.ts'
import { address } from '../../sip/read.ts'
import { isSip, parseUri, type SipUri, type Uri } from '../../sip/uri.ts'
import { natSigns } from '../../zones/nat-signs.ts'
import type { Zone } from '../../zones/zone.ts'
import { answer, answerTo } from '../answers.ts'
import { isOurHost } from '../domains.ts'
import type { Edge, Running } from '../edge.ts'
import type { ServerTransaction } from '../server-transaction.ts'

/** A REGISTER that its zone admitted. */
export interface Arrival {
  readonly flow: Flow
  readonly zone: Zone
  readonly running: Running
  readonly transaction: ServerTransaction
  readonly request: SipRequest
  /** Its Request-URI. */
  readonly uri: Uri
  /** undefined: the zone does not ask. */
  readonly proven: Proven | undefined
}

/** Registrations beyond which nobody comes in without showing who he is. */
const MOST_OPEN = 100_000
const QUIET_MS = 10_000
const LONGEST_USER = 256

/** The embedded registrar: answers the REGISTERs of zones with `registration: here`. */
export class Registrar {
  readonly #edge: () => Edge
  readonly #subscribers: Subscribers | undefined
  /** Of the users, when bindings were last compared with them. */
  #version: number | undefined
  /** Clock milliseconds until which nothing is said about what cannot be kept. */
  #quietUntil = 0

  constructor(edge: () => Edge, subscribers: Subscribers | undefined) {
    this.#edge = edge
    this.#subscribers = subscribers
  }

  /** @returns false: the registrar is somebody behind us */
  takes(arrival: Arrival): boolean {
    const { zone, running, transaction, request } = arrival
    const { mode } = zone.registration
    if (mode === 'pass') return false
    const { registrar } = running.snapshot
    const outcome =
      mode === 'refuse' || registrar === undefined
        ? problem(403, 'Nobody registers here', '§10.3', 'Request-URI')
        : this.#kept(arrival, this.#judge(arrival, registrar))
    const { metrics, log, ids, refusals } = this.#edge()
    metrics.registration(zone.name, isProblem(outcome) ? 'refused' : outcome.what)
    if (!isProblem(outcome)) {
      const headers = outcome.headers.map(([name, value]) => line(name, value))
      transaction.respond(answer(request, 200, 'OK', ids.token(8), headers))
      return true
    }
    const { status, reason, rfc } = outcome
    if (log.enabled('debug')) log.debug({ callId: headerValue(request, 'call-id'), zone: zone.name, step: 'register', status, rfc }, reason)
    if (status === 403 || status === 404) refusals.add(arrival.flow.remoteAddress, arrival.flow.listener.name, reason)
    transaction.respond(answerTo(request, outcome, ids.token(8)))
    return true
  }

  /** §10.3 items 1 to 8; nothing has happened yet. */
  #judge({ flow, zone, running, request, uri, proven }: Arrival, settings: RegistrarSettings): Registered | Problem {
    const ours = { isOurs: (one: SipUri) => isOurHost(one, running) }
    if (!isSip(uri) || !ours.isOurs(uri)) return problem(404, 'No domain of this registrar', '§10.3 item 1', 'Request-URI')
    const to = firstHeader(request, 'to')
    const written = parseUri(to === undefined ? '' : (address(to)?.uri ?? ''))
    const named = written !== undefined && isSip(written) ? ourAddress(written, ours) : undefined
    if (named === undefined || named.user.length > LONGEST_USER) return problem(404, 'No address of this registrar', '§10.3 item 5', 'To')
    const subscriber = subscriberOf(named.user, this.#subscribers)
    const user = subscriber?.user ?? named.user
    if (proven !== undefined && proven.user !== user) return problem(403, 'To is not yours', '§10.3 item 4', 'To')
    if (subscriber?.enabled === false) return problem(403, 'This user is disabled', '§10.3 item 4', 'To')
    const { bindings, clients, clock, callees } = this.#edge()
    const aor = own(addressOfRecord(user, settings))
    const known = bindings.of(aor).filter(({ registrar }) => registrar === undefined)
    const token = clients.token(flow, zone, request)
    const outcome = register(request, {
      aor,
      record: uriOfRecord(user, settings),
      subscriber: subscriber !== undefined,
      associated: (subscriber?.aliases ?? []).map((alias) => uriOfRecord(alias, settings)),
      bindings: known,
      settings,
      now: clock.wall(),
      zone: zone.name,
      listener: flow.listener.name,
      flow: token,
      nat: natSigns(request, flow, zone.nat),
      flowTimer: flow.listener.transport.reliable ? flowTimerOf(running, flow) : undefined,
      until: proven?.until,
      reachable: (binding: Binding) => callees.isReachable(binding),
    })
    if (isProblem(outcome) || proven !== undefined || bindings.size < MOST_OPEN) return outcome
    // Whoever has shown who he is has few addresses; whoever need not can make up any number of them
    return outcome.put.every(({ key }) => known.some((one) => one.key === key)) ? outcome : tooMany()
  }

  /** §10.3: what is answered with 200 is kept, also when the process dies right behind it. */
  #kept({ flow, zone, request }: Arrival, outcome: Registered | Problem): Registered | Problem {
    if (isProblem(outcome) || outcome.what === 'asked') return outcome
    const { bindings, clients, clock, log } = this.#edge()
    const { aor } = outcome
    try {
      bindings.change(aor, outcome.put, outcome.remove)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // A full disk meets every client
      const now = clock.now()
      if (now >= this.#quietUntil) {
        this.#quietUntil = now + QUIET_MS
        log.error({ code: error.code, err: error, aor }, 'Registrations cannot be kept, and are refused')
      }
      return { ...problem(503, 'Registrations cannot be kept now', '§10.3', 'Contact'), headers: [['Retry-After', '10']] }
    }
    clients.registered(flow, zone, request)
    return outcome
  }

  /** Ends bindings that have expired, and those of users who are there no more. */
  sweep(): void {
    const { bindings, log } = this.#edge()
    try {
      bindings.sweep()
      this.#withoutUsers()
    } catch (error) {
      // They are nobody's way to anybody; the next sweep tries again
      log.error({ err: error }, 'Registrations that have expired cannot be taken out of the database')
    }
  }

  /** A user who was removed or disabled is not called any more, whoever did it: the web admin, a script, the command line. */
  #withoutUsers(): void {
    const version = this.#subscribers?.version?.()
    if (version === undefined || version === this.#version) return
    const { bindings } = this.#edge()
    const enabled = this.#subscribers?.enabled?.()
    const isEnabled = (user: string): boolean => enabled?.has(user) ?? this.#subscribers?.find(user)?.enabled === true
    for (const { aor, key, registrar, subscriber } of [...bindings.all()]) {
      if (registrar !== undefined || subscriber !== true) continue
      if (!isEnabled(userOfRecord(aor))) bindings.remove(aor, key, 'removed')
    }
    this.#version = version
  }
}

const tooMany = (): Problem => ({ ...problem(503, 'Too many registrations', '§10.3', 'To'), headers: [['Retry-After', '60']] })

/** RFC 5626 §4.4.1: a client that says something this often keeps its connection. */
const MOST_FLOW_TIMER = 120
/** Of the time after which a silent connection is closed. */
const FLOW_TIMER_SHARE = 0.8

const flowTimerOf = ({ snapshot }: Running, flow: Flow): number => {
  const idleMs = snapshot.listeners.find(({ listener }) => listener === flow.listener)?.options.limits.idleMs ?? 0
  return idleMs === 0 ? MOST_FLOW_TIMER : Math.max(1, Math.min(MOST_FLOW_TIMER, Math.floor((idleMs / 1000) * FLOW_TIMER_SHARE)))
}
