/** The rtpengines that a configuration asks for: those of its list, or one of our own, or none, with the reason. Beside main.ts: it joins edges. */

import { lookup } from 'node:dns/promises'
import { existsSync } from 'node:fs'
import type { Clock } from './base/clock.ts'
import type { Snapshot } from './config/snapshot.ts'
import type { EngineDeps, MediaPool } from './engine/deps.ts'
import type { Log } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import { createNgClient } from './rtpengine/client.ts'
import { executable, LocalDaemon } from './rtpengine/daemon.ts'
import { chosenRtpengine } from './rtpengine/daemon-arguments.ts'
import { NodePool } from './rtpengine/nodes.ts'

export interface MediaService {
  /** For the engine; undefined: no call has media of ours. */
  readonly pool: EngineDeps['media']
  /** Our own rtpengine is up, or will be: what is wrong with it is logged, and it is tried again. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface MediaServiceDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly every: EngineDeps['every']
}

/** Where Debian's package has its recordings; the user that our own rtpengine runs as may write there. */
const RECORDINGS = '/var/spool/rtpengine'
const ABSENT = 'rtpengine is not installed: install rtpengine-daemon, or configure media: off'

export const createMediaService = (snapshot: Snapshot, deps: MediaServiceDeps): MediaService => {
  const { media } = snapshot
  if (media.mode === 'off') return OFF
  if (media.mode === 'nodes') return { ...OFF, pool: poolWith(deps, () => {}) }
  const binary = chosenRtpengine(process.env, executable)
  if (binary !== undefined) return ownService(snapshot, deps, binary)
  const { log } = deps
  if (media.withoutRtpengine === 'relay') {
    log.warn(
      {},
      'rtpengine is not installed: SDP crosses untouched, so encrypted and plain media do not meet (apt-get install rtpengine-daemon)',
    )
    return OFF
  }
  log.error({}, `${ABSENT}; until then calls get 503`)
  return { ...OFF, pool: () => NOBODY }
}

const OFF: MediaService = { pool: undefined, start: async () => {}, stop: async () => {} }

const poolWith =
  ({ clock, log, metrics, every }: MediaServiceDeps, made: (pool: NodePool) => void): NonNullable<EngineDeps['media']> =>
  (settings, events, ours) => {
    const pool = new NodePool({
      settings,
      clock,
      log,
      every,
      events,
      ours,
      // Names of machines, also those in /etc/hosts
      resolveHost: async (name) => (await lookup(name, { family: 4 })).address,
      connect: (host, port, name) =>
        createNgClient({
          host,
          port,
          deadlineMs: settings.commandMs,
          observe: {
            ended: (command, outcome, seconds, resends) => metrics.mediaCommand(name, command, outcome, seconds, resends),
            dropped: (why) => metrics.mediaReplyDropped(name, why),
          },
        }),
    })
    made(pool)
    return pool
  }

const ownService = (snapshot: Snapshot, deps: MediaServiceDeps, binary: string): MediaService => {
  const { clock, log } = deps
  const records = [...snapshot.zones.values()].some(({ media, targets }) => media.record || targets.some((target) => target.media.record))
  let pool: NodePool | undefined
  const daemon = new LocalDaemon({
    settings: snapshot.media.local,
    clock,
    log,
    binary,
    recording: records && existsSync(RECORDINGS) ? RECORDINGS : undefined,
    started: (address) => pool?.ownStarted(address),
    stopped: (why) => pool?.ownStopped(why),
  })
  return {
    pool: poolWith(deps, (made) => {
      pool = made
    }),
    start: async () => {
      try {
        await daemon.start()
      } catch (error) {
        // It is tried again by itself; until then calls get 503 with this as the reason
        log.error({ err: error }, 'Media is not available yet')
      }
    },
    stop: () => daemon.stop(),
  }
}

/** Neither a node in the configuration nor the program on this machine. */
const NOBODY: MediaPool = {
  candidates: () => [],
  node: () => undefined,
  unavailable: () => ABSENT,
  views: () => [],
  start: () => {},
  stop: async () => {},
  reconfigure: () => {},
  drain: () => false,
  deletes: 0,
}
