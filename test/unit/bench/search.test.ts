import { describe, expect, it } from 'vitest'
import { type SearchSettings, searchHighestRate } from '../../bench/search.ts'

const SETTINGS: SearchSettings = { start: 1000, precision: 1.05, ceiling: 20_000, maxProbes: 12 }

/** A server whose cost per call falls with load, as real ones do, and that loses calls from `limit` on. */
const serverWith = (limit: number) => {
  const rates: number[] = []
  const probe = async (rate: number) => {
    rates.push(rate)
    const share = rate / limit
    return { passed: share <= 1, utilisation: Math.min(1, share * (1.5 - 0.5 * Math.min(1, share))) }
  }
  return { rates, probe }
}

describe('the search for the highest rate without loss', () => {
  it.each([120, 640, 1000, 1730, 5080, 9900, 19_000])('finds a limit of %i calls/s within the precision, from below', async (limit) => {
    const { rates, probe } = serverWith(limit)
    const found = await searchHighestRate(SETTINGS, probe)
    expect(found.bounded).toBe(false)
    expect(found.rate).toBeLessThanOrEqual(limit)
    expect(found.rate * 1.06).toBeGreaterThanOrEqual(limit)
    expect(rates.length).toBeLessThanOrEqual(SETTINGS.maxProbes)
  })

  it('says that the ceiling ended it', async () => {
    const { probe } = serverWith(50_000)
    expect(await searchHighestRate(SETTINGS, probe)).toEqual({ rate: 20_000, bounded: true })
  })

  it('says that the number of windows ended it, and returns the best rate that passed', async () => {
    const { probe } = serverWith(5000)
    const found = await searchHighestRate({ ...SETTINGS, maxProbes: 2 }, probe)
    expect(found.bounded).toBe(true)
    expect(found.rate).toBeGreaterThanOrEqual(1000)
    expect(found.rate).toBeLessThanOrEqual(5000)
  })

  it('returns 0 for a server that loses every call, and comes to an end', async () => {
    const found = await searchHighestRate(SETTINGS, async () => ({ passed: false, utilisation: 0 }))
    expect(found.rate).toBe(0)
  })
})
