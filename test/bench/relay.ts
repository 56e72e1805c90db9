/** The rtpengine of both servers: the settings that the edge gives to its own, on one CPU, and what it uses of that. */
import { execFileSync, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Rtpengine, startRtpengine } from '../support/rtpengine.ts'
import type { Places } from './plan.ts'

export interface MediaRelay {
  readonly pid: number
  /** Calls that it has now. */
  calls(): Promise<number>
  /** Waits a moment for those that are being ended, and ends the others. @returns how many those were */
  clear(): Promise<number>
  stop(): Promise<void>
}

/** Two ports for each side of a call; a call of the benchmark takes a fifth of a second. */
const PORTS = [20_000, 59_999] as const

const settings = ['--log-level=5', '--dtls-passive', '--tos=184', '--offer-timeout=240', '--num-threads=2', '--media-num-threads=2']

/** @param cpu the one that the server has, too; undefined: any */
export const startRelay = async ({ media, ngPort }: Places, cpu: number | undefined): Promise<MediaRelay> => {
  const daemon: Rtpengine = await startRtpengine({
    interfaces: { media },
    listenNg: `${media}:${ngPort}`,
    ports: PORTS,
    extra: settings,
  })
  // With all its threads
  if (cpu !== undefined) execFileSync('taskset', ['-a', '-c', '-p', String(cpu), String(daemon.pid)], { stdio: 'ignore' })
  const sessions = async (): Promise<number> => {
    const { statistics } = (await daemon.request('statistics')) as { statistics: { currentstatistics: { sessionstotal: number } } }
    return statistics.currentstatistics.sessionstotal
  }
  return {
    pid: daemon.pid,
    calls: sessions,
    clear: async () => {
      for (let turn = 0; turn < 20 && (await sessions()) > 0; turn++) await sleep(100)
      const remaining = await sessions()
      for (let left = await daemon.list(); left.length > 0; left = await daemon.list())
        for (const callId of left) await daemon.request('delete', { 'call-id': callId, 'delete-delay': 0 })
      return remaining
    },
    stop: () => daemon.stop(),
  }
}

/** undefined: it is not installed. */
export const rtpengineVersion = (): string | undefined => {
  const { stdout, stderr } = spawnSync('rtpengine', ['--version'], { encoding: 'utf8' })
  return /Version: (\S+)/.exec(`${stdout}${stderr}`)?.[1]
}
