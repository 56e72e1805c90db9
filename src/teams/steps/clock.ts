/** Our clock: certificates are judged by it, and logs are compared by it. */
import type { Checks, Outcome } from '../checks.ts'
import { settled } from '../checks.ts'
import type { World } from '../world.ts'

const ASK_MS = 4000
const NOTICEABLE_MS = 5000
const WRONG_MS = 300_000
/** When this was written: a clock before it is wrong. */
const WRITTEN = Date.UTC(2026, 0, 1)

export const clockChecks = (world: World): Checks => ({
  checks: [{ id: 'clock', group: 'clock', title: 'Clock of this machine', look: (signal) => outcome(world, signal) }],
})

const outcome = async (world: World, signal: AbortSignal): Promise<Outcome> => {
  const remedy = 'Let the system keep the time: timedatectl set-ntp true'
  if (world.wall() < WRITTEN)
    return { verdict: 'bad', finding: `The clock says ${new Date(world.wall()).toISOString()}, which is long ago`, remedy }
  const asked = await settled(world.clockAhead(AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)])))
  if ('error' in asked)
    return {
      verdict: 'skipped',
      finding: `No time server can be asked from here (${asked.error.message}), so nothing is known about the clock`,
    }
  const { server, milliseconds } = asked.value
  const off = Math.abs(milliseconds)
  const facts = [['Time server', server] as const, ['Difference', `${(milliseconds / 1000).toFixed(3)} s`] as const]
  const sentence = `The clock is ${(off / 1000).toFixed(1)} s ${milliseconds > 0 ? 'ahead of' : 'behind'} ${server}`
  if (off > WRONG_MS) return { verdict: 'bad', finding: `${sentence}; certificates are judged wrongly`, remedy, facts }
  if (off > NOTICEABLE_MS) return { verdict: 'warning', finding: sentence, remedy, facts }
  return { verdict: 'good', finding: `The clock is right (${sentence.slice('The clock is '.length)})`, facts }
}
