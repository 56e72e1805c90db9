/** A small seeded generator of numbers (xorshift): the same seed gives the same run on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Zero would stay zero, and small seeds begin alike: stir first
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x85ebca6b) | 0 || 1
    for (let i = 0; i < 8; i++) this.#next()
  }

  #next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#next() % limit
  }

  /** Small numbers often, large ones now and then. */
  size(limit: number): number {
    return this.below(1 + this.below(1 + this.below(limit)))
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}
