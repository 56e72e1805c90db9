/**
 * rtpengines for whole-call tests without sockets: they keep calls and tags as the real one does, and give every receiver of an SDP an address
 * and port of their own, which stay the same as long as the call does. What each was asked is written down.
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

/** `silent`: no reply. `full`: out of ports. `deaf`: cannot parse any SDP. */
export type Mood = 'well' | 'silent' | 'full' | 'deaf'

interface Leg {
  readonly ports: Map<string, number>
  protocol: string
}

export class FakeNode implements MediaNode {
  readonly name: string
  readonly set: string
  state: NodeState = 'up'
  epoch = 0
  mood: Mood = 'well'
  /** Calls that it has: ng call-id, then tag. */
  readonly calls = new Map<string, Map<string, Leg>>()
  readonly #world: FakeMedia
  readonly #address: string

  constructor(world: FakeMedia, name: string, set: string, address: string) {
    this.#world = world
    this.name = name
    this.set = set
    this.#address = address
  }

  async request(command: 'offer' | 'answer' | 'query', dictionary: NgDictionary): Promise<NgReply> {
    this.#world.asked.push({ node: this.name, command, dictionary })
    await this.#world.gate
    switch (this.mood) {
      case 'silent':
        throw new MediaError('SBC_MEDIA_TIMEOUT', `rtpengine ${this.name} did not answer`)
      case 'full':
        return { result: 'error', 'error-reason': 'Ran out of ports' }
      case 'deaf':
        return { result: 'error', 'error-reason': 'Failed to parse SDP' }
      default:
        return command === 'offer' ? this.#offer(dictionary) : this.#answer(dictionary)
    }
  }

  delete(dictionary: NgDictionary, deleted: (reply: NgReply | undefined) => void): void {
    this.#world.asked.push({ node: this.name, command: 'delete', dictionary })
    const call = this.calls.get(dictionary['call-id'])
    const to = dictionary['to-tag']
    if (to === undefined) this.calls.delete(dictionary['call-id'])
    else {
      call?.delete(to)
      // The call goes with its last branch
      if (call !== undefined && call.size <= 1) this.calls.delete(dictionary['call-id'])
    }
    deleted(call === undefined ? undefined : { result: 'ok' })
  }

  /** The process was killed and started again. */
  restarts(): void {
    this.calls.clear()
    this.epoch++
    this.#world.events?.restarted(this)
  }

  #offer(dictionary: NgDictionary): NgReply {
    let call = this.calls.get(dictionary['call-id'])
    if (call === undefined) {
      call = new Map()
      this.calls.set(dictionary['call-id'], call)
    }
    const from = leg(call, dictionary['from-tag']!)
    const to = leg(call, dictionary['to-tag']!)
    from.protocol = /^m=\w+ \d+ (\S+)/m.exec(dictionary.sdp!)?.[1] ?? 'RTP/AVP'
    to.protocol = dictionary['transport-protocol'] ?? to.protocol
    return { result: 'ok', sdp: this.#rewritten(dictionary.sdp!, to, dictionary['from-tag']!) }
  }

  #answer(dictionary: NgDictionary): NgReply {
    const call = this.calls.get(dictionary['call-id'])
    const from = call?.get(dictionary['from-tag']!)
    if (from === undefined || !call?.has(dictionary['to-tag']!)) return { result: 'error', 'error-reason': 'Unknown call-id' }
    // One port toward the caller, whichever branch answers
    return { result: 'ok', sdp: this.#rewritten(dictionary.sdp!, from, '') }
  }

  #rewritten(sdp: string, receiver: Leg, sender: string): string {
    let port = receiver.ports.get(sender) ?? receiver.ports.get('')
    if (port === undefined) {
      port = this.#world.port()
      receiver.ports.set(sender, port)
    }
    return sdp
      .replace(/^c=IN IP4 \S+/gm, `c=IN IP4 ${this.#address}`)
      .replace(/^o=(\S+ \S+ \S+) IN IP4 \S+/m, `o=$1 IN IP4 ${this.#address}`)
      .replace(/^m=(\w+) (\d+) (\S+)/gm, (_, kind, old) => `m=${kind} ${old === '0' ? 0 : port} ${receiver.protocol}`)
  }
}

const leg = (call: Map<string, Leg>, tag: string): Leg => {
  let found = call.get(tag)
  if (found === undefined) {
    found = { ports: new Map(), protocol: 'RTP/AVP' }
    call.set(tag, found)
  }
  return found
}

export class FakeMedia implements MediaPool {
  readonly asked: Asked[] = []
  readonly nodes: readonly FakeNode[]
  events: MediaEvents | undefined
  gate: Promise<void> | undefined
  #open: (() => void) | undefined
  #port = 30_000

  /** @param names of the nodes, in the order in which a new call tries them; `name@set` for another set than the default one */
  constructor(names: readonly string[] = ['m1']) {
    this.nodes = names.map((text, i) => {
      const [name = '', set = 'default'] = text.split('@')
      return new FakeNode(this, name, set, `10.9.9.${i + 1}`)
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

  readonly deletes = 0

  drain(name: string, drain: boolean): boolean {
    const node = this.node(name)
    if (node !== undefined) node.state = drain ? 'drain' : 'up'
    return node !== undefined
  }

  port(): number {
    this.#port += 2
    return this.#port
  }

  /** From now on nothing is answered until `releases`. */
  holds(): void {
    this.gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  releases(): void {
    this.#open?.()
    this.gate = undefined
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
