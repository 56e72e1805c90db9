/** What is true of every message that the edge sends, whatever the call: the harness looks at each with these. */
import type { Listener } from '../../src/address/listener.ts'
import type { FakeFlow } from './flow-network.ts'
import { branchIn, headerOf, parameterOf, tagOf, topViaOf, uriOf, valuesOf, type Wire, type WireHeader } from './wire.ts'

const VIA_TOKENS: Readonly<Record<string, string>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' }
const URI_TRANSPORTS: Readonly<Record<string, string>> = { udp: 'udp', tcp: 'tcp', tls: 'tls', ws: 'ws', wss: 'ws' }
/** What a proxy changes in a request (§16.6); each is looked at by itself. */
const CHANGED = new Set(['via', 'max-forwards', 'max-breadth', 'record-route', 'route', 'path'])

interface Seen {
  readonly flow: FakeFlow
  readonly wire: Wire
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
const sequenceOf = (wire: Wire): string => `${headerOf(wire, 'call-id')} ${headerOf(wire, 'cseq').replace(/\s+/g, ' ')}`

/** Who sends many of a kind numbers them. */
const numberOf = (wire: Wire): string => headerOf(wire, 'x-number')

/** Who gives out the addresses and ports of media. */
export interface Anchor {
  gave(address: string, port: number): boolean
}

export class FlowChecks {
  /** Sentences about what was wrong, for the end of the test. */
  readonly faults: string[] = []
  /** SDP goes through as it is: by the configuration no rtpengine has anything to do with these calls. */
  relayed = false
  /** Headers that the test's own rules change. */
  readonly #touched: ReadonlySet<string>
  readonly #media: Anchor | undefined
  #listeners: readonly Listener[] = []
  readonly #received: Seen[] = []
  readonly #sent: Seen[] = []
  /** Dialog and party → the listener of that leg (T9). */
  readonly #legs = new Map<string, string>()

  /** @param media whoever writes SDP anew; undefined: nobody does, and no byte of a body changes */
  constructor(touched: readonly string[], media?: Anchor) {
    this.#touched = new Set(touched)
    this.#media = media
  }

  setListeners(listeners: readonly Listener[]): void {
    this.#listeners = listeners
  }

  /** A party sent this to the edge. */
  received(flow: FakeFlow, wire: Wire): void {
    this.#received.push({ flow, wire })
    this.#leg(flow, wire)
  }

  /** The edge sends this. */
  sent(flow: FakeFlow, wire: Wire): void {
    const complain = (what: string): void => {
      this.faults.push(
        `${what}\n  in what went to ${flow.remote?.name ?? `${flow.remoteAddress}:${flow.remotePort}`} through ${flow.listener.name}:\n${wire.bytes.toString('latin1')}`,
      )
    }
    // A retransmission was looked at when it went out first
    if (this.#sent.some((one) => one.flow === flow && one.wire.bytes.equals(wire.bytes))) return
    this.#length(wire, complain)
    this.#leg(flow, wire, complain)
    const source = wire.status === 0 ? this.#request(flow, wire, complain) : this.#response(flow, wire, complain)
    this.#addresses(wire, source, complain)
    if (!this.relayed) this.#anchored(wire, complain)
    this.#sent.push({ flow, wire })
  }

  /** Media §9: nobody learns where the other party is. */
  #anchored({ body }: Wire, complain: (what: string) => void): void {
    if (this.#media === undefined) return
    let session: string | undefined
    let port: number | undefined
    const text = body.toString('latin1')
    const check = (address: string | undefined): void => {
      if (port !== undefined && port > 0 && !this.#media!.gave(address ?? '', port)) complain(`media at ${address}:${port} is not ours`)
    }
    let address: string | undefined
    for (const line of text.split(/\r?\n/)) {
      const [, kind, value = ''] = /^([ocmv])=(.*)$/.exec(line) ?? []
      if (kind === 'v' || kind === 'm') {
        check(address)
        port = undefined
      }
      if (kind === 'v') session = undefined
      else if (kind === 'm') {
        address = session
        port = Number(/^\S+ (\d+)/.exec(value)?.[1])
      } else if (kind === 'c') {
        address = /^IN IP[46] (\S+)/.exec(value)?.[1]
        if (port === undefined) session = address
      } else if (kind === 'o' && !/ 10\.9\.9\.\d+$/.test(value)) complain(`origin ${value} is not ours`)
    }
    check(address)
  }

  #length(wire: Wire, complain: (what: string) => void): void {
    const lengths = wire.headers.filter(({ name }) => name === 'content-length')
    if (lengths.length !== 1) complain(`${lengths.length} Content-Length lines`)
    else if (lengths[0]!.value !== String(wire.body.length))
      complain(`Content-Length ${lengths[0]!.value} for a body of ${wire.body.length}`)
  }

  /** A2: not the bind address of a listener that advertises something else, and never a wildcard. */
  #addresses(wire: Wire, source: Wire | undefined, complain: (what: string) => void): void {
    const advertised = new Set(this.#listeners.map(({ advertisedHost }) => advertisedHost))
    const secret = this.#listeners.flatMap(({ bindAddress, bindPort, advertisedHost, advertisedPort }) => {
      if (bindAddress === advertisedHost && bindPort === advertisedPort) return []
      return advertised.has(bindAddress) ? [`${bracketed(bindAddress)}:${bindPort}`] : [bracketed(bindAddress)]
    })
    const known = new Set(source?.headers.map(({ raw }) => raw))
    const ours = [
      ...(wire.start === source?.start ? [] : [wire.start]),
      ...wire.headers.map(({ raw }) => raw).filter((raw) => !known.has(raw)),
    ]
    for (const text of [...secret, '0.0.0.0', '[::]'])
      for (const line of ours)
        if (new RegExp(`${text.replace(/[.[\]]/g, '\\$&')}(?!\\d)`).test(line) && !this.#vias(source, line))
          complain(`address ${text} of ours in ${JSON.stringify(line)}`)
  }

  /** A Via of somebody else in a line that we had to write again. */
  #vias(source: Wire | undefined, line: string): boolean {
    return source !== undefined && valuesOf(source, 'via').some((via) => line.includes(via))
  }

  #request(flow: FakeFlow, wire: Wire, complain: (what: string) => void): Wire | undefined {
    const { listener } = flow
    const via = topViaOf(wire)
    const match = /^SIP\/2\.0\/(\w+) (\[[^\]]+\]|[^;:]+):(\d+);/.exec(via)
    const hosts = [listener.advertisedHost, ...listener.names].map(bracketed)
    if (match === null || match[1] !== VIA_TOKENS[listener.transport.name]) complain(`T6: topmost Via ${via} on ${listener.transport.name}`)
    else if (!hosts.includes(match[2]!) || Number(match[3]) !== listener.advertisedPort)
      complain(`T6: topmost Via ${via} is not ${listener.sentBy}`)
    if (!branchIn(wire).startsWith('z9hG4bK')) complain(`§8.1.1.7: branch ${branchIn(wire)}`)
    const transport = parameterOf(wire.uri.split('?')[0]!, 'transport')
    if (transport !== undefined && transport.toLowerCase() !== URI_TRANSPORTS[listener.transport.name])
      complain(`T4: Request-URI ${wire.uri} on ${listener.transport.name}`)

    const hop = this.#sent.findLast((one) => one.wire.status === 0 && one.wire.method === 'INVITE' && branchIn(one.wire) === branchIn(wire))
    if (wire.method === 'CANCEL' || (wire.method === 'ACK' && hop !== undefined)) {
      if (hop === undefined) complain('§9.1: CANCEL without its INVITE')
      else this.#hopByHop(flow, wire, hop, complain)
      return hop?.wire
    }
    if (branchIn(wire).endsWith('-hang-up')) {
      // We end a dialog in the place of its other party
      if (valuesOf(wire, 'via').length !== 1 || tagOf(wire, 'from') === undefined || tagOf(wire, 'to') === undefined)
        complain('§15: a request of our own for a dialog')
      return undefined
    }
    // A REGISTER in the name of a client that is gone
    if (branchIn(wire).endsWith('-take-back')) {
      if (valuesOf(wire, 'via').length !== 1 || Number(headerOf(wire, 'max-forwards')) !== 70) complain('§10.2: a REGISTER of our own')
      return undefined
    }
    const source = this.#received.findLast(
      (one) => one.wire.status === 0 && sequenceOf(one.wire) === sequenceOf(wire) && numberOf(one.wire) === numberOf(wire),
    )?.wire
    if (source !== undefined) this.#forwarded(wire, source, complain)
    return source
  }

  /** §9.1, §17.1.1.3: what is made for an INVITE that was sent before. */
  #hopByHop(flow: FakeFlow, wire: Wire, hop: Seen, complain: (what: string) => void): void {
    const { flow: way, wire: invite } = hop
    if (way !== flow) complain(`${wire.method} leaves another way than its INVITE`)
    if (wire.uri !== invite.uri) complain(`${wire.method} to ${wire.uri}, INVITE to ${invite.uri}`)
    if (valuesOf(wire, 'via').join() !== topViaOf(invite)) complain(`${wire.method} has not the one Via of its INVITE`)
    for (const name of ['from', 'call-id', 'route', 'to'])
      if ((name !== 'to' || wire.method === 'CANCEL') && valuesOf(wire, name).join() !== valuesOf(invite, name).join())
        complain(`${wire.method} and its INVITE differ in ${name}`)
    if (Number.parseInt(headerOf(wire, 'cseq'), 10) !== Number.parseInt(headerOf(invite, 'cseq'), 10))
      complain(`${wire.method} with another CSeq`)
  }

  #forwarded(wire: Wire, source: Wire, complain: (what: string) => void): void {
    this.#untouched(wire, source, CHANGED, complain)
    const vias = valuesOf(wire, 'via')
    const before = valuesOf(source, 'via')
    if (vias.length !== before.length + 1) complain(`${vias.length} Vias after ${before.length}`)
    for (const [i, via] of before.entries())
      if (via !== vias[i + 1] && !(i === 0 && sameButSource(via, vias[1] ?? ''))) complain(`Via ${via} became ${vias[i + 1]}`)
    const hops = headerOf(wire, 'max-forwards')
    const hopsBefore = headerOf(source, 'max-forwards')
    if (!this.#touched.has('max-forwards') && Number(hops) !== (hopsBefore === '' ? 70 : Number(hopsBefore) - 1))
      complain(`Max-Forwards ${hops} after ${hopsBefore}`)
    for (const name of ['record-route', 'path']) {
      const now = valuesOf(wire, name)
      const kept = valuesOf(source, name)
      if (now.slice(now.length - kept.length).join() !== kept.join()) complain(`${name} of others was changed`)
      if (now.length > kept.length && tagOf(source, 'to') !== undefined) complain(`T7: ${name} inside a dialog`)
      for (const value of now.slice(0, now.length - kept.length))
        if (!this.#ours(uriOf(value))) complain(`${name} ${value} names none of our listeners`)
    }
    const routes = valuesOf(wire, 'route').join()
    if (!valuesOf(source, 'route').join().endsWith(routes)) complain(`Route ${routes} was not there before`)
  }

  /** RFC 5658: the URI names exactly what one of our listeners advertises. */
  #ours(uri: string): boolean {
    return this.#listeners.some(({ transport, advertisedHost, advertisedPort, names }) =>
      [advertisedHost, ...names].some((host) =>
        uri.startsWith(
          `sip:${bracketed(host)}:${advertisedPort}${transport.name === 'udp' ? '' : `;transport=${URI_TRANSPORTS[transport.name]}`};lr`,
        ),
      ),
    )
  }

  #response(flow: FakeFlow, wire: Wire, complain: (what: string) => void): Wire | undefined {
    const vias = valuesOf(wire, 'via')
    const request = this.#received.findLast(
      (one) => one.wire.status === 0 && branchIn(one.wire) === branchIn(wire) && one.wire.method === wire.method,
    )
    if (request === undefined) {
      complain('a response to nobody’s request')
      return undefined
    }
    if (request.flow.listener !== flow.listener) complain(`T9: the request came by ${request.flow.listener.name}`)
    if (flow.listener.transport.reliable ? request.flow !== flow : request.flow.remoteAddress !== flow.remoteAddress)
      complain('§18.2.2: the response leaves another way than its request came')
    const asked = valuesOf(request.wire, 'via')
    if (vias.length !== asked.length) complain(`${vias.length} Vias for a request with ${asked.length}`)
    for (const [i, via] of asked.entries())
      if (via !== vias[i] && !(i === 0 && sameButSource(via, vias[0]!))) complain(`Via ${via} came back as ${vias[i]}`)
    const source = this.#received.findLast(
      (one) =>
        one.wire.status === wire.status &&
        sequenceOf(one.wire) === sequenceOf(wire) &&
        headerOf(one.wire, 'to') === headerOf(wire, 'to') &&
        numberOf(one.wire) === numberOf(wire),
    )?.wire
    if (source !== undefined) this.#untouched(wire, source, new Set(['via']), complain)
    return source ?? request.wire
  }

  /** Byte for byte, in the same order; a Content-Length may have been added. */
  #untouched(wire: Wire, source: Wire, changed: ReadonlySet<string>, complain: (what: string) => void): void {
    const rewritten = this.#media !== undefined && !this.relayed && (wire.body.includes('v=0') || source.body.includes('v=0'))
    const emptied = rewritten && wire.body.length === 0
    const left = (one: Wire): readonly WireHeader[] =>
      one.headers.filter(
        ({ name }) =>
          !changed.has(name) &&
          !this.#touched.has(name) &&
          !(name === 'content-length' && (headerOf(source, name) === '' || rewritten)) &&
          !(name === 'content-type' && emptied) &&
          !(name === 'supported' && valuesOf(wire, 'path').length > valuesOf(source, 'path').length),
      )
    const now = left(wire)
    const before = left(source)
    for (let i = 0; i < Math.max(now.length, before.length); i++)
      if (now[i]?.raw !== before[i]?.raw) {
        complain(`${JSON.stringify(before[i]?.raw)} became ${JSON.stringify(now[i]?.raw)}`)
        break
      }
    if (!wire.body.equals(source.body) && !rewritten) complain('the body was changed')
  }

  /** T9: whatever belongs to a dialog uses one listener for each of its sides. */
  #leg(flow: FakeFlow, wire: Wire, complain?: (what: string) => void): void {
    const tags = [tagOf(wire, 'from'), tagOf(wire, 'to')]
    const rejected = wire.status >= 300 || (wire.method === 'ACK' && this.#rejected(wire))
    if (tags.includes(undefined) || rejected) return
    const key = [headerOf(wire, 'call-id'), ...tags.sort(), flow.remote?.name].join(' ')
    const leg = this.#legs.get(key)
    if (leg === undefined) this.#legs.set(key, flow.listener.name)
    else if (leg !== flow.listener.name) complain?.(`T9: the leg began on ${leg}`)
  }

  #rejected(ack: Wire): boolean {
    return [...this.#sent, ...this.#received].some(
      ({ wire }) => wire.status >= 300 && wire.method === 'INVITE' && headerOf(wire, 'to') === headerOf(ack, 'to'),
    )
  }
}

/** The same Via with what §18.2.1 and RFC 3581 add to it. */
const sameButSource = (before: string, after: string): boolean => {
  const plain = (via: string): string => via.replace(/;\s*(?:rport|received)(?:=[^;]*)?/g, '')
  return plain(before) === plain(after)
}
