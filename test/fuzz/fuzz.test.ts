import { describe, expect, test } from 'vitest'
import { checkMessage, checkStream, checkValue } from './checks.ts'
import { mutant } from './mutate.ts'
import { Random } from './random.ts'
import { SEEDS } from './seeds.ts'

const SEED = 4475
const ROUNDS = 8_000

/** Says which bytes broke a check, so that they can become a test. */
const told = (bytes: Buffer, round: number, check: () => void): void => {
  try {
    check()
  } catch (error) {
    expect.fail(`seed ${SEED}, round ${round}: ${(error as Error).stack}\nbytes: ${JSON.stringify(bytes.latin1Slice())}`)
  }
}

describe('bounded fuzzing with a fixed seed', () => {
  test('every seed message passes the checks as it is', () => {
    for (const [index, bytes] of SEEDS.entries()) told(bytes, index, () => checkMessage(bytes))
  })

  test('mutants of messages: nothing throws, what is accepted is written as it came, edits leave the rest alone', {
    timeout: 60_000,
  }, () => {
    const random = new Random(SEED)
    let accepted = 0
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutant(random)
      told(bytes, round, () => {
        if (checkMessage(bytes)) accepted++
      })
    }
    // A fuzzer whose input is all refused tests nothing
    expect(accepted).toBeGreaterThan(ROUNDS / 10)
  })

  test('§18.3: mutants on a stream: cut anywhere the same messages come out, and the parser ends them where the framing did', {
    timeout: 60_000,
  }, () => {
    const random = new Random(SEED + 1)
    let framed = 0
    for (let round = 0; round < ROUNDS / 2; round++) {
      const bytes = random.below(2) === 0 ? Buffer.concat([mutant(random), mutant(random)]) : mutant(random)
      told(bytes, round, () => {
        framed += checkStream(bytes, random)
      })
    }
    expect(framed).toBeGreaterThan(ROUNDS / 10)
  })

  test('values: URIs, Vias and address lists', { timeout: 60_000 }, () => {
    const random = new Random(SEED + 2)
    for (let round = 0; round < ROUNDS; round++) {
      const text = mutant(random).latin1Slice()
      const at = text.indexOf(':', random.below(text.length + 1)) + 1
      const value = text.slice(at, at + random.size(120)).replace(/[\r\n]/g, '')
      told(Buffer.from(value, 'latin1'), round, () => checkValue(value.trim()))
    }
  })
})
