import { isProblem, type Problem } from '../../../src/base/problem.ts'
import type { RegistrarSettings } from '../../../src/config/snapshot.ts'
import { type Registered, type RegisterPlace, register } from '../../../src/registrar/register.ts'
import type { Binding } from '../../../src/registrar/types.ts'
import type { FlowToken } from '../../../src/routing/route-state.ts'
import { messageText, parsedRequest } from '../../support/messages.ts'

export const SETTINGS: RegistrarSettings = {
  domains: ['example.com', 'example.org'],
  leastSeconds: 60,
  usualSeconds: 600,
  mostSeconds: 7200,
  contacts: 3,
}

export const FLOW: FlowToken = { kind: 'datagram', address: '198.51.100.7', port: 5062 }

export interface Ask {
  readonly contacts?: readonly string[]
  readonly expires?: number | string
  readonly callId?: string
  readonly cseq?: number
  readonly headers?: readonly string[]
  readonly vias?: readonly string[]
}

export const registerRequest = ({ contacts = [], expires, callId = 'one@client', cseq = 1, headers = [], vias = [] }: Ask) =>
  parsedRequest(
    messageText('REGISTER sip:example.com SIP/2.0', [
      ...vias.map((via) => `Via: ${via}`),
      'Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKr1;rport',
      'Max-Forwards: 70',
      'To: <sip:alice@example.com>',
      'From: <sip:alice@example.com>;tag=a1',
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} REGISTER`,
      ...contacts.map((contact) => `Contact: ${contact}`),
      ...(expires === undefined ? [] : [`Expires: ${expires}`]),
      ...headers,
    ]),
  )

/** One address-of-record, to which REGISTERs are sent one after the other. */
export class Record {
  now = 1_790_000_000_000
  readonly bindings = new Map<string, Binding>()
  readonly place: Partial<RegisterPlace>
  #sequence = 0

  constructor(place: Partial<RegisterPlace> = {}) {
    this.place = place
  }

  asks(ask: Ask): Registered | Problem {
    const outcome = register(registerRequest({ cseq: ++this.#sequence, ...ask }), {
      aor: 'alice@example.com',
      record: 'sip:alice@example.com',
      subscriber: true,
      associated: [],
      bindings: [...this.bindings.values()].filter(({ expiresAt }) => expiresAt > this.now),
      settings: SETTINGS,
      now: this.now,
      zone: 'phones',
      listener: 'public/udp',
      flow: FLOW,
      nat: [],
      flowTimer: undefined,
      until: undefined,
      reachable: () => true,
      ...this.place,
    })
    if (isProblem(outcome)) return outcome
    for (const { key } of outcome.remove) this.bindings.delete(key)
    for (const binding of outcome.put) this.bindings.set(binding.key, binding)
    return outcome
  }

  /** What the 200 says, or the status that refuses. */
  contacts(ask: Ask): readonly string[] | number {
    const outcome = this.asks(ask)
    return isProblem(outcome) ? outcome.status : valuesOf(outcome, 'Contact')
  }
}

export const valuesOf = (outcome: Registered | Problem, name: string): readonly string[] =>
  (outcome.headers ?? []).filter(([one]) => one === name).map(([, value]) => value)
