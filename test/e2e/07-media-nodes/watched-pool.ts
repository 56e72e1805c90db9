import { performance } from 'node:perf_hooks'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import type { MediaNodeEntry, MediaSettings } from '../../../src/config/snapshot.ts'
import type { NgDictionary } from '../../../src/media/types.ts'
import { type Log, type LogFields, SILENT_LOG } from '../../../src/observability/log.ts'
import { createNgClient } from '../../../src/rtpengine/client.ts'
import { NodePool } from '../../../src/rtpengine/nodes.ts'
import type { MediaNode } from '../../../src/rtpengine/types.ts'
import type { Rtpengine } from '../../support/rtpengine.ts'

/** Everything that a pool tells anybody, in order. */
export interface Told {
  /** Milliseconds since the pool was made. */
  readonly at: number
  readonly what: 'log' | 'restarted' | 'listed'
  readonly text: string
  readonly fields: LogFields
}

export interface WatchedPool {
  readonly pool: NodePool
  readonly told: readonly Told[]
  /** The first one, also of before, that `wanted` accepts. */
  tells(wanted: (told: Told) => boolean, what: string, ms?: number): Promise<Told>
  /** When the node came to be so, in milliseconds since the pool was made. */
  becomes(name: string, state: 'up' | 'suspect' | 'down', ms?: number): Promise<number>
  /** Forgets what was told so far. */
  forget(): void
  /** Our clock goes on with so much more. */
  leaps(ms: number): void
  now(): number
}

export const settingsFor = (nodes: readonly MediaNodeEntry[], more: Partial<MediaSettings> = {}): MediaSettings => ({
  mode: 'nodes',
  withoutRtpengine: 'refuse',
  nodes,
  local: { interfaces: [], portMin: 30_000, portMax: 31_999, maxSessions: 500 },
  interfaces: ['wan', 'lan'],
  onMediaTimeout: 'end',
  commandMs: 2500,
  ...more,
})

export const entryFor = (name: string, { host, port }: Rtpengine, more: Partial<MediaNodeEntry> = {}): MediaNodeEntry => ({
  ...{ name, host, port, set: 'default', weight: 1, drain: false },
  ...more,
})

/** A pool as the edge has it: real clients, real time. It is stopped with the test; whoever calls this starts it. */
export const watchedPool = (settings: MediaSettings): WatchedPool => {
  const begin = performance.now()
  let leapt = 0
  const clock: Clock = { now: () => performance.now() + leapt, wall: () => Date.now() }
  const told: Told[] = []
  const waiting = new Set<() => void>()
  const tell = (what: Told['what'], text: string, fields: LogFields): void => {
    told.push({ at: performance.now() - begin, what, text, fields })
    for (const look of [...waiting]) look()
  }
  const line = (fields: LogFields, text: string): void => tell('log', text, fields)
  const log: Log = { ...SILENT_LOG, enabled: () => true, info: line, warn: line, error: line, with: () => log }
  const pool = new NodePool({
    settings,
    clock,
    every: (ms, run) => {
      const timer = setInterval(run, ms)
      return () => clearInterval(timer)
    },
    connect: (host, port) => createNgClient({ host, port, deadlineMs: 2500, observe: { ended: () => {}, dropped: () => {} } }),
    resolveHost: (name) => Promise.reject(new Error(`nobody asks for ${name}`)),
    log,
    events: {
      restarted: (node) => tell('restarted', node.name, { epoch: node.epoch }),
      listed: (node, callIds) => tell('listed', node.name, { callIds }),
      unlisted: () => {},
    },
    ours: (callId) => callId.endsWith('~ours'),
  })
  onTestFinished(() => pool.stop())
  const tells: WatchedPool['tells'] = (wanted, what, ms = 10_000) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = told.find(wanted)
        if (found === undefined) return
        waiting.delete(look)
        clearTimeout(end)
        resolve(found)
      }
      const end = setTimeout(() => {
        waiting.delete(look)
        reject(new Error(`No ${what} within ${ms} ms, but ${JSON.stringify(told)}`))
      }, ms)
      waiting.add(look)
      look()
    })
  return {
    pool,
    told,
    tells,
    becomes: async (name, state, ms) => {
      const is = ({ what, text, fields }: Told) => what === 'log' && text === `Media node is ${state}` && fields.node === name
      return (await tells(is, `"${state}" of ${name}`, ms)).at
    },
    forget: () => {
      told.length = 0
    },
    leaps: (ms) => {
      leapt += ms
    },
    now: () => performance.now() - begin,
  }
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

export const identity = (callId: string, branch = 'b1'): NgDictionary => ({ 'call-id': callId, 'from-tag': 'a', 'to-tag': branch })

/** A plain offer. */
export const offerOf = (callId: string, branch = 'b1'): NgDictionary => ({
  ...identity(callId, branch),
  sdp: SDP,
  direction: ['wan', 'lan'],
  replace: ['origin', 'session-connection'],
})

export const nodeOf = (pool: NodePool, name: string): MediaNode => {
  const node = pool.node(name)
  if (node === undefined) throw new Error(`No node ${name}`)
  return node
}
