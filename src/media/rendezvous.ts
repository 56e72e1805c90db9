/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and Schomaker 2005): every rival draws a number for
 * the key, and the least one wins. A rival that goes, comes or gets more weight changes nothing in the order of the others, so only its own
 * keys move.
 */
import { fnv1a } from '../base/fnv.ts'

export interface Rival {
  /** From `seedOf` its name. */
  readonly seed: number
  /** Its share of the keys; more than 0. */
  readonly weight: number
}

/** FNV-1a leaves alike what differs in the last characters; this (the end of MurmurHash3) makes half of the bits depend on each one. */
const mix = (hash: number): number => {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/** What a name draws its numbers from; kept, for it costs as much as a key. */
export const seedOf = (name: string): number => mix(fnv1a(name))

/** The rivals for a key, best first. Fewer than two are returned as they are; else 2 arrays are made, and nothing for each rival. */
export const rendezvous = <T extends Rival>(rivals: readonly T[], key: string): readonly T[] => {
  const count = rivals.length
  if (count < 2) return rivals
  const hash = mix(fnv1a(key))
  const order: T[] = []
  const drawn: number[] = []
  for (const rival of rivals) {
    // An exponential variable of rate `weight`: the least of several belongs to each with a probability in proportion to its rate
    const number = -Math.log(((mix(hash ^ rival.seed) >>> 0) + 0.5) / 2 ** 32) / rival.weight
    let at = order.length
    for (; at > 0 && drawn[at - 1]! > number; at--) {
      order[at] = order[at - 1]!
      drawn[at] = drawn[at - 1]!
    }
    order[at] = rival
    drawn[at] = number
  }
  return order
}
