/** The rtpengines of the configuration in use, and who of them takes a new call. */
import type { MediaNodeEntry, MediaSettings } from '../config/snapshot.ts'
import { rendezvous } from '../media/rendezvous.ts'
import { type NodeDeps, RtpengineNode } from './node.ts'
import type { MediaNode, MediaNodes, MediaNodeView } from './types.ts'

export interface NodePoolDeps extends NodeDeps {
  readonly settings: MediaSettings
  /** Runs something every so many milliseconds, until the function that it returns is called. */
  readonly every: (ms: number, run: () => void) => () => void
}

const TICK_MS = 250
/** How long a node that left the configuration is kept for its dialogs. */
const KEPT_MS = 3_600_000
/** How long a stop waits for deletes. */
const STOP_MS = 2000
/** The rtpengine that we run ourselves: its name, and the set of zones that name none. */
const OWN = { name: 'local', set: 'default', weight: 1, drain: false } as const

interface Takers {
  readonly up: RtpengineNode[]
  readonly suspect: RtpengineNode[]
}

export class NodePool implements MediaNodes {
  readonly #deps: NodePoolDeps
  #settings: MediaSettings
  /** By name: those of the configuration, or our own. */
  #nodes: ReadonlyMap<string, RtpengineNode> = new Map()
  /** Those that left the configuration, since when. */
  readonly #former = new Map<RtpengineNode, number>()
  /** Who takes new calls, by set. */
  #takers: ReadonlyMap<string, Takers> = new Map()
  #running: (() => void) | undefined
  #ending: { readonly until: number; readonly done: () => void } | undefined

  constructor(deps: NodePoolDeps) {
    this.#deps = deps
    this.#settings = deps.settings
    this.#adopt()
  }

  start(): void {
    this.#running ??= this.#deps.every(TICK_MS, () => this.#tick())
    this.#tick()
  }

  /** Waits for deletes, two seconds at most, and asks nobody any more. */
  async stop(): Promise<void> {
    if (this.#running !== undefined && this.#deleting) {
      const until = this.#deps.clock.now() + STOP_MS
      await new Promise<void>((done) => {
        this.#ending = { until, done }
      })
    }
    this.#running?.()
    this.#running = undefined
    for (const node of this.#all()) node.close()
  }

  /** Nodes that stay keep what is known of them; a name with another address is another node. */
  reconfigure(settings: MediaSettings): void {
    this.#settings = settings
    this.#adopt()
    this.#begin()
  }

  /** Our own rtpengine answers, after each of its starts: it has no calls. */
  ownStarted({ host, port }: { readonly host: string; readonly port: number }): void {
    const own = this.#nodes.get(OWN.name)
    if (own !== undefined) {
      own.moved(host, port)
      return
    }
    this.#nodes = new Map([[OWN.name, this.#make({ ...OWN, host, port })]])
    this.#draw()
    this.#begin()
  }

  /** Our own rtpengine ended. @param why in a sentence with the remedy */
  ownStopped(why: string): void {
    this.#nodes.get(OWN.name)?.absent(why)
  }

  /** Takes a node out for new calls, or back in, until the next reload; its calls go on. @returns false: there is none of that name */
  drain(name: string, drain: boolean): boolean {
    const node = this.#nodes.get(name)
    node?.drain(drain)
    return node !== undefined
  }

  /** Those that no rtpengine has acknowledged yet. */
  get deletes(): number {
    let sum = 0
    for (const node of this.#all()) sum += node.deletes
    return sum
  }

  // ---- MediaNodes

  candidates(set: string, key: string): readonly MediaNode[] {
    const takers = this.#takers.get(set)
    if (takers === undefined) return NOBODY
    const { up, suspect } = takers
    if (suspect.length === 0) return rendezvous(up, key)
    return up.length === 0 ? rendezvous(suspect, key) : [...rendezvous(up, key), ...rendezvous(suspect, key)]
  }

  node(name: string): MediaNode | undefined {
    const node = this.#nodes.get(name)
    if (node !== undefined) return node
    for (const former of this.#former.keys()) if (former.name === name) return former
    return undefined
  }

  // No quotes and no addresses: the far side reads it as a reason phrase (§25.1)
  unavailable(set: string): string {
    if (this.#settings.mode === 'local') return 'Our own rtpengine does not run; the log says why, and it is started again'
    const nodes = [...this.#nodes.values()].filter((node) => node.set === set)
    if (nodes.length === 0) return `No rtpengine belongs to set ${set}; name one under media.rtpengine, or correct the set of the zone`
    const down = nodes.filter(({ state }) => state === 'down').length
    const draining = nodes.filter(({ state }) => state === 'drain').length
    const counts = [...(down > 0 ? [`${down} down`] : []), ...(draining > 0 ? [`${draining} draining`] : [])].join(', ')
    return `No rtpengine of set ${set} takes calls (${counts}); the log and /api/state say why, start or add one`
  }

  views(): readonly MediaNodeView[] {
    const names = new Set<string>()
    const views: MediaNodeView[] = []
    // Of a name that moved to another address the newer node counts: metrics have one line for a name
    for (const node of this.#all()) {
      if (names.has(node.name)) continue
      names.add(node.name)
      views.push(node.view())
    }
    return views
  }

  // ---- parts

  *#all(): Iterable<RtpengineNode> {
    yield* this.#nodes.values()
    yield* this.#former.keys()
  }

  #make(entry: MediaNodeEntry): RtpengineNode {
    const { interfaces, commandMs } = this.#settings
    return new RtpengineNode(this.#deps, { entry, interfaces, commandMs }, () => this.#draw())
  }

  #adopt(): void {
    const { nodes, interfaces, commandMs, mode } = this.#settings
    const before = this.#nodes
    const after = new Map<string, RtpengineNode>()
    const same = (entry: MediaNodeEntry) => (node: RtpengineNode) =>
      node.name === entry.name && node.host === entry.host && node.port === entry.port
    for (const entry of nodes) {
      const known = [...this.#all()].find(same(entry))
      if (known !== undefined) this.#former.delete(known)
      known?.configure({ entry, interfaces, commandMs })
      after.set(entry.name, known ?? this.#make(entry))
    }
    const own = before.get(OWN.name)
    if (mode === 'local' && own !== undefined && !after.has(OWN.name)) {
      own.configure({ entry: OWN, interfaces, commandMs })
      after.set(OWN.name, own)
    }
    this.#nodes = after
    for (const node of before.values()) {
      if (after.get(node.name) === node) continue
      node.leave()
      this.#former.set(node, this.#deps.clock.now())
    }
    this.#draw()
  }

  /** Who takes new calls, anew. */
  #draw(): void {
    const takers = new Map<string, Takers>()
    for (const node of this.#nodes.values()) {
      const { state, set } = node
      if (state !== 'up' && state !== 'suspect') continue
      let of = takers.get(set)
      if (of === undefined) {
        of = { up: [], suspect: [] }
        takers.set(set, of)
      }
      of[state].push(node)
    }
    this.#takers = takers
  }

  /** Somebody may yet acknowledge a delete. */
  get #deleting(): boolean {
    for (const { deletes, state } of this.#all()) if (deletes > 0 && state !== 'down') return true
    return false
  }

  /** New nodes are looked at without waiting for the next tick. */
  #begin(): void {
    if (this.#running !== undefined) this.#tick()
  }

  #tick(): void {
    const now = this.#deps.clock.now()
    for (const node of this.#all()) node.tick()
    for (const [node, since] of this.#former) {
      if (now - since < KEPT_MS || node.deletes > 0) continue
      this.#former.delete(node)
      node.close()
    }
    if (this.#ending !== undefined && (!this.#deleting || now >= this.#ending.until)) {
      this.#ending.done()
      this.#ending = undefined
    }
  }
}

const NOBODY: readonly MediaNode[] = []
