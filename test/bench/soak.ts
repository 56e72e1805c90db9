/** Some thousand calls with media, and what is left of them: in rtpengine, and in the memory of both programs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, openGenerator, playRate } from './measure.ts'
import type { Scenario } from './plan.ts'
import { memoryOf } from './procfs.ts'
import type { Server } from './servers.ts'

export interface Soak {
  readonly calls: number
  /** Of them, not completed. */
  readonly failed: number
  /** Calls that rtpengine still had two seconds after the last one. */
  readonly left: number
  /** MB (PSS) of server and rtpengine after each part. */
  readonly server: readonly number[]
  readonly relay: readonly number[]
}

const PARTS = 5

const megabytes = (pids: readonly number[]): number => Math.round(memoryOf(pids).pss / 102.4) / 10

/** @param count calls, played in parts of equal size at that rate */
export const playSoak = async (bench: Bench, server: Server, scenario: Scenario, count: number, rate: number): Promise<Soak> => {
  const { relay } = bench
  if (relay === undefined) throw new Error('Only calls with media leave something behind')
  const generator = await openGenerator(bench, scenario)
  const memory: { readonly server: number; readonly relay: number }[] = []
  let [calls, failed] = [0, 0]
  try {
    for (let part = 0; part < PARTS; part++) {
      const { result } = await playRate(bench, generator, server, scenario, rate, 0, count / PARTS / rate)
      calls += result.started
      failed += result.started - result.completed
      memory.push({ server: megabytes(server.pids()), relay: megabytes([relay.pid]) })
    }
  } finally {
    await generator.stop()
  }
  await sleep(2000)
  return { calls, failed, left: await relay.calls(), server: memory.map((one) => one.server), relay: memory.map((one) => one.relay) }
}
