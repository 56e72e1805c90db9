/** An edge and an rtpengine that somebody else runs, each with an address in the outer and in the inner network, and what is left after a call. */
import { type Edge, startEdge } from '../../support/edge.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { configOf, type Ground, layGround, usualZones } from './ground.ts'
import { openParties, type Parties } from './parties.ts'

export interface Place extends Ground, Parties {
  readonly rtpengine: Rtpengine
  readonly edge: Edge
  /**
   * After a test: what `legs` looks at is right, nobody saw anything wrong, neither rtpengine nor the edge has anything left. Closes the
   * parties in any case.
   */
  settled(legs?: () => void): Promise<void>
  stop(): Promise<void>
}

/** Looks whether anything of a call is left in rtpengine and in the edge. What a failed test left is not held against those after it. */
const leftOvers = (rtpengine: Rtpengine, edge: Edge): (() => Promise<void>) => {
  let known: readonly string[] = []
  const look = async (): Promise<{ readonly calls: readonly string[]; readonly edge: number }> => ({
    calls: await rtpengine.list(),
    edge: (await edge.metric('edgeways_media_sessions_active')) + (await edge.metric('edgeways_media_deletes_pending')),
  })
  return async () => {
    const nothing = async (): Promise<true | undefined> => {
      const { calls, edge: sessions } = await look()
      return (calls.every((call) => known.includes(call)) && sessions <= known.length) || undefined
    }
    try {
      await until(nothing, 'end of all calls', 5000)
    } catch (error) {
      const left = await look()
      known = left.calls
      throw new Error(`left over: ${JSON.stringify(left)}`, { cause: error })
    }
  }
}

/** Nothing of ours broke, and no leg changed its transport. */
export const healthy = async (edge: Edge): Promise<void> => {
  for (const name of ['internal_errors', 'leg_transport_violations', 'route_state_refused', 'media_strays']) {
    const value = await edge.metric(`edgeways_${name}_total`)
    if (value !== 0) throw new Error(`edgeways_${name}_total is ${value}`)
  }
  const errors = edge.log().filter(({ level }) => level === 'error')
  if (errors.length > 0) throw new Error(`errors in the log: ${JSON.stringify(errors)}`)
}

/**
 * @param file as for the ground
 * @param write zones, routes and the rest of the configuration; `media` is added
 * @param extra more arguments of rtpengine
 * @param series as for the ground
 * @param listeners further ones, as whole lines
 */
export const layPlace = async (
  file: number,
  write: (ground: Ground) => string = usualZones,
  extra: (ground: Ground) => readonly string[] = () => [],
  series?: number,
  listeners: (ground: Ground) => string = () => '',
): Promise<Place> => {
  const ground = await layGround(file, series)
  const { wan, lan, ports, folder } = ground
  const rtpengine = await startRtpengine({ interfaces: { wan: wan(2), lan: lan(2) }, extra: extra(ground) })
  const config = configOf(ground, `${write(ground)}media: { rtpengine: ['${rtpengine.host}:${rtpengine.port}'] }\n`, listeners(ground))
  const edge = await startEdge({ config, adminPort: ports.admin, folder }).catch(async (error) => {
    await rtpengine.stop()
    throw error
  })
  const nothingLeft = leftOvers(rtpengine, edge)
  const parties = openParties(ground, 2)
  const judge = async (legs: () => void): Promise<void> => {
    legs()
    await nothingLeft()
    await healthy(edge)
  }
  return {
    ...ground,
    ...parties,
    rtpengine,
    edge,
    settled: async (legs = () => undefined) => {
      const [judged] = await Promise.allSettled([judge(legs)])
      const problems = await parties.closeAll()
      if (judged.status === 'rejected') throw judged.reason
      if (problems.length > 0) throw new Error(problems.join('\n'))
    },
    stop: async () => {
      await edge.stop()
      await rtpengine.stop()
      ground.remove()
    },
  }
}
