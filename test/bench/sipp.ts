/** SIPp as a second, independent generator: calls UDP→UDP at a fixed rate, to cross-check what our own one says about CPU time. */
import { execFileSync, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pinned } from './generator.ts'
import type { Places } from './plan.ts'
import { cpuMicroseconds } from './procfs.ts'
import type { Server } from './servers.ts'

const SCENARIOS = join(dirname(fileURLToPath(import.meta.url)), 'sipp')

export interface SippResult {
  readonly rate: number
  readonly calls: number
  /** SIPp's exit status: 0 when every call went by the scenario. */
  readonly status: number | null
  readonly cpuPerCall: number
}

/** Undefined when it is not installed. */
export const sippVersion = (): string | undefined => {
  try {
    execFileSync('sipp', ['-v'], { stdio: 'pipe' })
    return 'unknown'
  } catch (error) {
    const { stdout, code } = error as { stdout?: Buffer; code?: string } // `sipp -v` exits with 99
    return code === 'ENOENT' ? undefined : (/v(\d+\.\d+(?:\.\d+)?)/.exec(String(stdout))?.[1] ?? 'unknown')
  }
}

export const playSipp = async (
  server: Server,
  places: Places,
  rate: number,
  seconds: number,
  cpu: number | undefined,
  folder: string,
): Promise<SippResult> => {
  const run = (args: readonly string[]) => {
    const [program, all] = pinned(cpu, 'sipp', [...args, '-nostdin'])
    return spawn(program, all, { cwd: folder, stdio: 'ignore' })
  }
  const calls = rate * seconds
  const answerer = run(['-sf', join(SCENARIOS, 'uas.xml'), '-i', places.pbx, '-p', String(places.pbxPort), '-timeout', `${seconds + 40}s`])
  try {
    await sleep(500)
    const pids = server.pids()
    const before = cpuMicroseconds(pids)
    const target = [`${places.pbx}:${places.pbxPort}`, '-rsa', `${places.edge}:${places.sipPort}`]
    const bounds = ['-r', String(rate), '-m', String(calls), '-timeout', `${seconds + 20}s`, '-timeout_error']
    const caller = run(['-sf', join(SCENARIOS, 'uac.xml'), '-i', places.caller, '-p', '5090', ...target, ...bounds])
    const status = await new Promise<number | null>((resolve) => caller.once('exit', resolve))
    return { rate, calls, status, cpuPerCall: (cpuMicroseconds(pids) - before) / calls }
  } finally {
    const ended = new Promise((resolve) => answerer.once('exit', resolve))
    answerer.kill('SIGKILL')
    await ended
  }
}
