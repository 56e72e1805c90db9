/**
 * rtpengines for whole-call tests without sockets: they keep calls and tags as the real one does, and give every receiver of an SDP an address
 * and port of their own. As with the real one a port moves when the other side's address has changed and nobody asked for `port-latching`,
 * the last answer decides which branch the caller talks to, and an answer for a branch that was deleted makes it again. What each was asked is
 * written down.
 */
import { MediaError } from '../../src/base/errors.ts'
import type { MediaPool } from '../../src/engine/deps.ts'
import type { NgDictionary } from '../../src/media/types.ts'
import type { MediaEvents, MediaNode, MediaNodeView, NgReply, NodeState } from '../../src/rtpengine/types.ts'

export interface Asked {
  readonly node: string
  readonly command: 'offer' | 'answer' | 'query' | 'delete'
  readonly dictionary: NgDictionary
}

/** `silent`: no reply, and deletes wait. `full`: out of ports. `deaf`: cannot parse any SDP. */
export type Mood = 'well' | 'silent' | 'full' | 'deaf'

/** What a daemon knows of one party of a call. */
interface Leg {
  /** Shown to it. */
  port: number | undefined
  /** Where the one who talks to it was when that port was chosen. */
  other: string | undefined
  protocol: string
  /** `address:port` of its own last SDP. */
  endpoint: string | undefined
}

class FakeCall {
  readonly legs = new Map<string, Leg>()
  /** The branch that the caller hears, and is heard by. */
  active: string | undefined

  leg(tag: string): Leg {
    let found = this.legs.get(tag)
    if (found === undefined) {
      found = { port: undefined, other: undefined, protocol: 'RTP/AVP', endpoint: undefined }
      this.legs.set(tag, found)
    }
    return found
  }
}

export class FakeNode implements MediaNode {
  readonly name: string
  readonly set: string
  state: NodeState = 'up'
  epoch = 0
  /** So many replies are lost, though it does what it is asked. */
  loses = 0
  /** What a `query` says of the RTCP of these legs, by tag; nothing of the others. */
  readonly reporting = new Map<string, 'sends' | 'silent' | 'muxed'>()
  /** Calls that it has, by ng call-id. */
  readonly calls = new Map<string, FakeCall>()
  readonly #world: FakeMedia
  readonly #address: string
  #mood: Mood = 'well'
  #deletes: (() => void)[] = []

  constructor(world: FakeMedia, name: string, set: string, address: string) {
    this.#world = world
    this.name = name
    this.set = set
    this.#address = address
  }

  get mood(): Mood {
    return this.#mood
  }

  set mood(mood: Mood) {
    this.#mood = mood
    if (mood === 'silent') return
    for (const run of this.#deletes.splice(0)) run()
  }

  /** Deletes that it has not acknowledged. */
  get deletes(): number {
    return this.#deletes.length
  }

  async request(command: 'offer' | 'answer' | 'query', dictionary: NgDictionary): Promise<NgReply> {
    this.#world.asked.push({ node: this.name, command, dictionary })
    await this.#world.gateOf(dictionary)
    switch (this.#mood) {
      case 'silent':
        throw this.#silence()
      case 'full':
        return { result: 'error', 'error-reason': 'Ran out of ports' }
      case 'deaf':
        return { result: 'error', 'error-reason': 'Failed to parse SDP' }
      default: {
        if (command === 'query') {
          const known = this.calls.has(dictionary['call-id'])
          return known ? this.#statistics() : { result: 'error', 'error-reason': 'Unknown call-id' }
        }
        const reply = command === 'offer' ? this.#offer(dictionary) : this.#answer(dictionary)
        if (this.loses === 0) return reply
        this.loses--
        throw this.#silence()
      }
    }
  }

  #statistics(): NgReply {
    if (this.reporting.size === 0) return { result: 'ok' }
    const streams = (how: string): readonly unknown[] => [
      { flags: how === 'muxed' ? ['RTP', 'RTCP'] : ['RTP'], 'last packet': 105, stats: { packets: 300 } },
      ...(how === 'muxed'
        ? []
        : [{ flags: ['RTCP'], 'last packet': how === 'sends' ? 105 : 100, stats: { packets: how === 'sends' ? 1 : 0 } }]),
    ]
    const tags = Object.fromEntries([...this.reporting].map(([tag, how]) => [tag, { medias: [{ streams: streams(how) }] }]))
    return { result: 'ok', 'last signal': 100, tags }
  }

  #silence(): MediaError {
    return new MediaError('SBC_MEDIA_TIMEOUT', `rtpengine ${this.name} did not answer`)
  }

  delete(dictionary: NgDictionary, deleted: (reply: NgReply | undefined) => void): void {
    this.#world.asked.push({ node: this.name, command: 'delete', dictionary })
    const run = (): void => {
      if (this.#mood === 'silent') this.#deletes.push(run)
      else deleted(this.#delete(dictionary))
    }
    const gate = this.#world.gateOf(dictionary)
    if (gate === undefined) run()
    else void gate.then(run)
  }

  /** The process was killed and started again. */
  restarts(): void {
    this.calls.clear()
    this.epoch++
    for (const run of this.#deletes.splice(0)) run()
    this.#world.events?.restarted(this)
  }

  /** The only call that it has, as it sees it: `a>b1 10.0.0.20:4000 192.0.2.99:4000`, those who hear each other and where they are. */
  get talk(): string {
    const [call, ...more] = this.calls.values()
    if (call === undefined || more.length > 0) return `${this.calls.size} calls`
    const { active = '' } = call
    return `a>${active} ${call.legs.get('a')?.endpoint} ${call.legs.get(active)?.endpoint}`
  }

  #delete(dictionary: NgDictionary): NgReply {
    const id = dictionary['call-id']
    const call = this.calls.get(id)
    const from = dictionary['from-tag']
    const to = dictionary['to-tag']
    if (call === undefined || (from !== undefined && !call.legs.has(from)) || (to !== undefined && !call.legs.has(to)))
      return { result: 'ok', warning: "Call-ID not found or tags didn't match" }
    if (to !== undefined) call.legs.delete(to)
    if (call.active === to) call.active = undefined
    // The call goes with its last branch
    if (to === undefined || call.legs.size <= 1) this.calls.delete(id)
    return { result: 'ok' }
  }

  #offer(dictionary: NgDictionary): NgReply {
    let call = this.calls.get(dictionary['call-id'])
    if (call === undefined) {
      call = new FakeCall()
      this.calls.set(dictionary['call-id'], call)
    }
    const from = call.leg(dictionary['from-tag']!)
    const to = call.leg(dictionary['to-tag']!)
    from.protocol = /^m=\w+ \d+ (\S+)/m.exec(dictionary.sdp!)?.[1] ?? 'RTP/AVP'
    to.protocol = dictionary['transport-protocol'] ?? to.protocol
    return { result: 'ok', sdp: this.#rewritten(dictionary, from, to) }
  }

  #answer(dictionary: NgDictionary): NgReply {
    const call = this.calls.get(dictionary['call-id'])
    const from = call?.legs.get(dictionary['from-tag']!)
    if (call === undefined || from === undefined) return { result: 'error', 'error-reason': 'Unknown call-id' }
    call.active = dictionary['from-tag'] === 'a' ? dictionary['to-tag'] : dictionary['from-tag']
    return { result: 'ok', sdp: this.#rewritten(dictionary, call.leg(dictionary['to-tag']!), from) }
  }

  #rewritten({ sdp = '', flags = [] }: NgDictionary, sender: Leg, receiver: Leg): string {
    const endpoint = `${/^c=IN IP4 (\S+)/m.exec(sdp)?.[1]}:${/^m=\w+ (\d+)/m.exec(sdp)?.[1]}`
    sender.endpoint = endpoint
    const moved = receiver.other !== endpoint && !receiver.protocol.startsWith('UDP/') && !flags.includes('port-latching')
    if (receiver.port === undefined || moved) receiver.port = this.#world.port()
    receiver.other = endpoint
    const { port, protocol } = receiver
    return sdp
      .replace(/^c=IN IP4 \S+/gm, `c=IN IP4 ${this.#address}`)
      .replace(/^o=(\S+ \S+ \S+) IN IP4 \S+/m, `o=$1 IN IP4 ${this.#address}`)
      .replace(/^m=(\w+) (\d+) (\S+)/gm, (_, kind, old) => `m=${kind} ${old === '0' ? 0 : port} ${protocol}`)
  }
}

export class FakeMedia implements MediaPool {
  readonly asked: Asked[] = []
  readonly nodes: readonly FakeNode[]
  events: MediaEvents | undefined
  #gate: Promise<void> | undefined
  #held: string | undefined
  #open: (() => void) | undefined
  #port = FIRST_PORT

  /** @param names of the nodes, in the order in which a new call tries them; `name@set` for another set than the default one */
  constructor(...names: readonly string[]) {
    this.nodes = (names.length === 0 ? ['m1'] : names).map((text, i) => {
      const [name = '', set = 'default'] = text.split('@')
      return new FakeNode(this, name, set, `${NETWORK}${i + 1}`)
    })
  }

  node(name: string): FakeNode | undefined {
    return this.nodes.find((node) => node.name === name)
  }

  candidates(set: string): readonly FakeNode[] {
    const usable = this.nodes.filter((node) => node.set === set)
    return [...usable.filter(({ state }) => state === 'up'), ...usable.filter(({ state }) => state === 'suspect')]
  }

  unavailable(set: string): string {
    return `No media node of set ${set} takes calls`
  }

  views(): readonly MediaNodeView[] {
    return this.nodes.map(({ name, set, state }) => ({ name, set, state, address: '127.0.0.1:2223', weight: 1 }))
  }

  start(): void {}

  stop(): Promise<void> {
    return Promise.resolve()
  }

  reconfigure(): void {}

  get deletes(): number {
    return this.nodes.reduce((sum, { deletes }) => sum + deletes, 0)
  }

  drain(name: string, drain: boolean): boolean {
    const node = this.node(name)
    if (node !== undefined) node.state = drain ? 'drain' : 'up'
    return node !== undefined
  }

  port(): number {
    this.#port += 2
    return this.#port
  }

  /** Is that where one of these listens for media? */
  gave(address: string, port: number): boolean {
    return address.startsWith(NETWORK) && port > FIRST_PORT && port <= this.#port
  }

  /** From now on nothing is answered until `releases`. @param callId only of this call nothing is */
  holds(callId?: string): void {
    this.#held = callId
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  releases(): void {
    this.#open?.()
    this.#gate = undefined
  }

  gateOf(dictionary: NgDictionary): Promise<void> | undefined {
    return this.#held === undefined || dictionary['call-id'].startsWith(`${this.#held}~`) ? this.#gate : undefined
  }

  /** Each node's list of our calls, as once a minute. */
  lists(): void {
    for (const node of this.nodes) this.events?.listed(node, [...node.calls.keys()])
  }

  /** `m1 offer a>b1`, and forgets them. */
  said(): readonly string[] {
    return this.asked.splice(0).map(({ node, command, dictionary }) => {
      const to = dictionary['to-tag']
      return `${node} ${command} ${dictionary['from-tag']}${to === undefined ? '' : `>${to}`}`
    })
  }

  /** ng call-ids that some node still has. */
  left(): readonly string[] {
    return this.nodes.flatMap(({ name, calls }) => [...calls.keys()].map((id) => `${name}: ${id}`))
  }
}

const NETWORK = '10.9.9.'
const FIRST_PORT = 30_000
