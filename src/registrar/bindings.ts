import type { FlowToken } from '../routing/route-state.ts'
import type { Binding, BindingChange, BindingEnd, BindingStore } from './types.ts'

/** All bindings that are known, by address-of-record and by the flow that reaches them. In memory; `store` keeps them over a restart. */
export class Bindings {
  readonly #store: BindingStore | undefined
  readonly #wall: () => number
  readonly #byAor = new Map<string, Map<string, Binding>>()
  readonly #byFlow = new Map<string, Set<Binding>>()
  readonly #watchers = new Set<(change: BindingChange) => void>()
  #size = 0

  /** @param wall milliseconds since 1970 @throws StoreError */
  constructor(store: BindingStore | undefined, wall: () => number) {
    this.#store = store
    this.#wall = wall
    if (store === undefined) return
    const now = wall()
    const expired: Binding[] = []
    for (const binding of store.load()) {
      if (binding.expiresAt > now) this.#add(binding)
      else expired.push(binding)
    }
    if (expired.length > 0)
      store.together(() => {
        for (const { aor, key } of expired) store.remove(aor, key)
      })
  }

  get size(): number {
    return this.#size
  }

  /** Told of every change, after it. @returns takes it back */
  watch(watcher: (change: BindingChange) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Those that have not expired; the highest q first, of equals the one that was refreshed last. */
  of(aor: string): readonly Binding[] {
    const known = this.#byAor.get(aor)
    if (known === undefined) return []
    const now = this.#wall()
    return [...known.values()].filter(({ expiresAt }) => expiresAt > now).sort((a, b) => b.q - a.q || b.refreshedAt - a.refreshedAt)
  }

  /** Also when it has expired and was not swept yet. */
  get(aor: string, key: string): Binding | undefined {
    return this.#byAor.get(aor)?.get(key)
  }

  on(listener: string, flow: FlowToken): readonly Binding[] {
    return [...(this.#byFlow.get(flowKey(listener, flow)) ?? [])]
  }

  /** Is there any? Without a copy of all of them, which one address may have by the thousand. */
  anyOn(listener: string, flow: FlowToken): boolean {
    return this.#byFlow.has(flowKey(listener, flow))
  }

  *all(): Iterable<Binding> {
    for (const known of this.#byAor.values()) yield* known.values()
  }

  /** How many there are, by the zone of the client and where the registrar is. */
  counts(): Iterable<{ readonly zone: string; readonly registrar: 'here' | 'behind'; readonly count: number }> {
    const counts = new Map<string, { zone: string; registrar: 'here' | 'behind'; count: number }>()
    for (const { zone, registrar } of this.all()) {
      const where = registrar === undefined ? 'here' : 'behind'
      const known = counts.get(`${where} ${zone}`)
      if (known === undefined) counts.set(`${where} ${zone}`, { zone, registrar: where, count: 1 })
      else known.count++
    }
    return counts.values()
  }

  /** A new one, or the next state of one that is there. @throws StoreError: nothing has changed */
  put(binding: Binding): void {
    this.#store?.put(binding)
    this.#keep(binding)
  }

  /** @returns what was there */
  remove(aor: string, key: string, why: BindingEnd): Binding | undefined {
    const binding = this.#byAor.get(aor)?.get(key)
    if (binding === undefined) return undefined
    this.#store?.remove(aor, key)
    this.#forget(binding, why)
    return binding
  }

  /** Several changes to one address-of-record, as one: removals first. @throws StoreError: nothing has changed */
  change(aor: string, put: readonly Binding[], remove: readonly { readonly key: string; readonly why: BindingEnd }[]): void {
    if (put.length + remove.length === 1) {
      for (const { key, why } of remove) this.remove(aor, key, why)
      for (const binding of put) this.put(binding)
      return
    }
    this.#store?.together(() => {
      for (const { key } of remove) this.#store?.remove(aor, key)
      for (const binding of put) this.#store?.put(binding)
    })
    for (const { key, why } of remove) {
      const binding = this.#byAor.get(aor)?.get(key)
      if (binding !== undefined) this.#forget(binding, why)
    }
    for (const binding of put) this.#keep(binding)
  }

  /** Ends those that have expired. @throws StoreError: they are looked at again the next time, and nobody is called by them */
  sweep(): void {
    const now = this.#wall()
    const expired = [...this.all()].filter(({ expiresAt }) => expiresAt <= now)
    if (expired.length === 0) return
    this.#store?.together(() => {
      for (const { aor, key } of expired) this.#store?.remove(aor, key)
    })
    for (const binding of expired) this.#forget(binding, 'expired')
  }

  /** In memory, once it is kept. */
  #keep(binding: Binding): void {
    const before = this.#byAor.get(binding.aor)?.get(binding.key)
    if (before !== undefined) this.#drop(before)
    this.#add(binding)
    this.#tell({ kind: before === undefined ? 'registered' : 'refreshed', binding })
  }

  #forget(binding: Binding, why: BindingEnd): void {
    this.#drop(binding)
    this.#tell({ kind: 'ended', binding, why })
  }

  #add(binding: Binding): void {
    const { aor, key, listener, flow } = binding
    let known = this.#byAor.get(aor)
    if (known === undefined) {
      known = new Map()
      this.#byAor.set(aor, known)
    }
    known.set(key, binding)
    this.#size++
    const place = flowKey(listener, flow)
    const there = this.#byFlow.get(place)
    if (there === undefined) this.#byFlow.set(place, new Set([binding]))
    else there.add(binding)
  }

  #drop(binding: Binding): void {
    const { aor, key, listener, flow } = binding
    const known = this.#byAor.get(aor)
    if (known?.delete(key) !== true) return
    this.#size--
    if (known.size === 0) this.#byAor.delete(aor)
    const place = flowKey(listener, flow)
    const there = this.#byFlow.get(place)
    there?.delete(binding)
    if (there?.size === 0) this.#byFlow.delete(place)
  }

  #tell(change: BindingChange): void {
    for (const watcher of this.#watchers) watcher(change)
  }
}

/** One text for one flow. The identity is not part of it: several clients may share a connection. */
const flowKey = (listener: string, flow: FlowToken): string =>
  flow.kind === 'datagram' ? `${listener} ${flow.address} ${flow.port}` : `${flow.boot}~${flow.id}`
