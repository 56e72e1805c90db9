/** Users that were disabled or removed are registered no more: their registrations end soon after, not when they would have expired. */
import type { Bindings } from '../../registrar/bindings.ts'
import type { Subscribers } from '../../registrar/types.ts'

export class Locked {
  readonly #bindings: Bindings
  readonly #subscribers: Subscribers | undefined
  #seen: number | undefined
  /** Addresses with registrations whose users were in the store: whoever shows tokens need not be there, and is not missed. */
  #known = new Set<string>()

  constructor(bindings: Bindings, subscribers: Subscribers | undefined) {
    this.#bindings = bindings
    this.#subscribers = subscribers
    bindings.watch((change) => {
      const { aor, registrar } = change.binding
      if (registrar === undefined && change.kind === 'registered' && this.#find(aor) !== undefined) this.#known.add(aor)
      else if (change.kind === 'ended' && bindings.of(aor).length === 0) this.#known.delete(aor)
    })
    for (const { aor, registrar } of bindings.all()) if (registrar === undefined && this.#find(aor) !== undefined) this.#known.add(aor)
  }

  /** Costs next to nothing as long as nobody changed a user. */
  look(): void {
    const version = this.#subscribers?.version?.()
    if (version === this.#seen) return
    this.#seen = version
    for (const { aor, key, registrar } of [...this.#bindings.all()]) {
      if (registrar !== undefined) continue
      const user = this.#find(aor)
      if (user === undefined ? this.#known.has(aor) : !user.enabled) this.#bindings.remove(aor, key, 'removed')
      else if (user !== undefined) this.#known.add(aor)
    }
  }

  #find(aor: string) {
    return this.#subscribers?.find(aor.slice(0, aor.lastIndexOf('@')))
  }
}
