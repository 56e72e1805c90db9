/**
 * Fuzzing for as long as you like: `node test/fuzz/long.ts SECONDS [SEED]`. Prints the seed, so that a run can be repeated, and the bytes that
 * broke a check, made as short as they get while they still break it. Exit code 1 then.
 */
import { checkMessage, checkStream, checkValue } from './checks.ts'
import { mutant } from './mutate.ts'
import { Random } from './random.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000)
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('Usage: node test/fuzz/long.ts SECONDS [SEED]')
  process.exit(2)
}

/** Slower than this, three times in a row, is a fault too. Once proves nothing on a busy machine. */
const SLOW_MS = 250

const checkAll = (bytes: Buffer, round: number): void => {
  for (let attempt = 1; ; attempt++) {
    const began = performance.now()
    checkMessage(bytes)
    checkStream(bytes, new Random(round))
    for (const value of bytes.latin1Slice().split(/\r\n(?:[^:\r\n]{1,30}:)?/)) checkValue(value.replace(/[\r\n]/g, '').trim())
    const took = performance.now() - began
    if (took <= SLOW_MS) return
    if (attempt === 3) throw new Error(`${bytes.length} bytes took ${took.toFixed(0)} ms`)
  }
}

const faultOf = (bytes: Buffer, round: number): Error | undefined => {
  try {
    checkAll(bytes, round)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Takes out pieces, large ones first, as long as the fault stays. */
const shortest = (bytes: Buffer, round: number): Buffer => {
  let best = bytes
  for (let piece = best.length >> 1; piece > 0; piece >>= 1)
    for (let at = 0; at + piece <= best.length; ) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)])
      if (faultOf(shorter, round) !== undefined) best = shorter
      else at += piece
    }
  return best
}

const random = new Random(seed)
const end = Date.now() + seconds * 1000
console.log(`seed ${seed}, ${seconds} s`)
let rounds = 0
for (; Date.now() < end; rounds++) {
  const bytes = random.below(3) === 0 ? Buffer.concat([mutant(random), mutant(random)]) : mutant(random)
  const fault = faultOf(bytes, rounds)
  if (fault === undefined) continue
  const short = shortest(bytes, rounds)
  console.log(`round ${rounds}: ${fault.stack}`)
  console.log(`shortest: ${(faultOf(short, rounds) ?? fault).message}`)
  console.log(`bytes: Buffer.from(${JSON.stringify(short.latin1Slice())}, 'latin1')`)
  console.log(`again: node test/fuzz/long.ts ${seconds} ${seed}`)
  process.exit(1)
}
console.log(`${rounds} rounds, nothing found`)
