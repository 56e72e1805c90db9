/**
 * The embedded default (design D7): an rtpengine of our own, as a child process. It is started, watched, started again with growing pauses,
 * and gone when we are gone. What it knows of calls dies with it; whoever holds the calls hears of it by `stopped` and `started`.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as after } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { InvariantError, MediaError } from '../base/errors.ts'
import type { Log } from '../observability/log.ts'
import {
  accountOf,
  type Command,
  type DaemonAccount,
  daemonArguments,
  findProgram,
  guarded,
  type LocalMedia,
  mayChangeAccount,
} from './daemon-arguments.ts'
import { DaemonLog } from './daemon-log.ts'
import { type ControlAddress, pinged } from './daemon-ping.ts'
import { reserveControl, reserveMedia } from './daemon-ports.ts'
import { type DaemonEnd, endReason } from './daemon-reason.ts'

export interface LocalDaemonOptions {
  readonly settings: LocalMedia
  readonly clock: Clock
  readonly log: Log
  /** Absolute path of rtpengine. */
  readonly binary: string
  /** After each start, as soon as it answers; the port is another one each time. */
  readonly started: (address: ControlAddress) => void
  /** It ended, or did not start; in a sentence with the remedy. Not after `stop`. It is started again. */
  readonly stopped: (why: string) => void
  /** Absolute path of the folder for recordings, writable by the account that it runs under; undefined: it refuses to record. */
  readonly recording?: string | undefined
  /** Who it runs as. Default: the user that its package made, when we are root; else our own user. */
  readonly account?: DaemonAccount | 'ours'
  /** Milliseconds from an end to the next start; the last one repeats. */
  readonly pauses?: readonly number[]
  /** How a daemon that hangs is found. */
  readonly watch?: { readonly everyMs: number; readonly pingMs: number; readonly missed: number }
}

const PAUSES = [100, 500, 1000, 5000, 10_000, 30_000]
// Counted by pings, not by time: after this process itself was stopped for a while, the first one is answered.
// Patient: killing a daemon that is only busy would cost all its calls.
const WATCH = { everyMs: 5000, pingMs: 1000, missed: 6 }
/** Whoever ran for so long starts anew with the shortest pause. */
const STEADY_MS = 60_000
/** From start to the first answer: it takes a third of a second, on a busy machine a few. */
const START_MS = 10_000
const START_PING_MS = 25
const TERMINATE_MS = 2000
const MOST_THREADS = 32
/** The user that the package makes. */
const PACKAGE_USER = 'rtpengine'

/** Whether there is a file that we may execute. */
export const executable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await after(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Root's media daemon need not be root: all it does is open ports above 1024. */
const packageAccount = (): DaemonAccount | undefined =>
  mayChangeAccount(readFileSync('/proc/self/status', 'latin1')) ? accountOf(PACKAGE_USER, readFileSync('/etc/passwd', 'utf8')) : undefined

export class LocalDaemon {
  readonly #options: LocalDaemonOptions
  #settings: LocalMedia
  #run: { readonly end: AbortController; readonly done: Promise<void> } | undefined
  #address: ControlAddress | undefined
  #pid: number | undefined

  constructor(options: LocalDaemonOptions) {
    this.#options = options
    this.#settings = options.settings
  }

  /** Where it answers now. */
  get address(): ControlAddress | undefined {
    return this.#address
  }

  /** Of the daemon itself; there is no process in between. */
  get pid(): number | undefined {
    return this.#pid
  }

  /**
   * Resolves when it answers for the first time. From then on, and also after a rejection, it is started again until `stop`.
   * @throws (rejects with) MediaError: SBC_MEDIA_DAEMON the first attempt failed, with its reason; SBC_MEDIA_CLOSED stopped before it answered
   */
  start(): Promise<ControlAddress> {
    if (this.#run !== undefined) throw new InvariantError('rtpengine is started twice')
    return new Promise((resolve, reject) => {
      const end = new AbortController()
      this.#run = { end, done: this.#keepRunning(end.signal, resolve, reject) }
    })
  }

  /** Ends it: SIGTERM, then SIGKILL after two seconds. Resolves when it is gone and its ports are free. */
  async stop(): Promise<void> {
    const run = this.#run
    if (run === undefined) return
    run.end.abort()
    await run.done
    if (this.#run === run) this.#run = undefined
  }

  /**
   * Other interfaces, ports or limits need another process: calls under way lose their media. The same settings change nothing.
   * @throws as `start`
   */
  async reconfigure(settings: LocalMedia): Promise<ControlAddress> {
    if (this.#address !== undefined && JSON.stringify(settings) === JSON.stringify(this.#settings)) return this.#address
    const wasUp = this.#address !== undefined
    await this.stop()
    this.#settings = settings
    if (wasUp) this.#options.stopped('Its settings were changed')
    return this.start()
  }

  async #keepRunning(signal: AbortSignal, up: (address: ControlAddress) => void, failed: (error: MediaError) => void): Promise<void> {
    const { clock, log, stopped, started, pauses = PAUSES } = this.#options
    let ends = 0
    while (!signal.aborted) {
      let since: number | undefined
      const why = await this.#life(signal, (address) => {
        since = clock.now()
        log.info({ step: 'media', address: `${address.host}:${address.port}`, pid: this.#pid }, 'rtpengine is ready')
        up(address)
        started(address)
      }).catch((error: unknown) => {
        // What is no reason for the operator is a mistake of ours; the daemon is needed nevertheless
        if (!(error instanceof MediaError)) log.error({ step: 'media', err: error }, 'Internal error around rtpengine')
        return error instanceof Error ? error.message : String(error)
      })
      if (signal.aborted) break
      if (since !== undefined && clock.now() - since >= STEADY_MS) ends = 0
      const pauseMs = pauses[Math.min(ends, pauses.length - 1)] ?? 0
      ends++
      const text = since === undefined ? 'rtpengine does not start' : 'rtpengine ended, and with it the media of all its calls'
      log.error({ step: 'media', pauseMs }, `${text}: ${why}`)
      stopped(why)
      failed(new MediaError('SBC_MEDIA_DAEMON', `rtpengine does not start: ${why}`))
      await pause(pauseMs, signal)
    }
    failed(new MediaError('SBC_MEDIA_CLOSED', 'rtpengine was stopped before it answered'))
  }

  /** One process, from the look at its ports to its end. Resolves with why it ended. */
  async #life(signal: AbortSignal, up: (address: ControlAddress) => void): Promise<string> {
    const media = await reserveMedia(this.#settings)
    try {
      const control = await reserveControl()
      try {
        return await this.#process({ host: control.host, port: control.port }, signal, up)
      } finally {
        await control.release()
      }
    } finally {
      await media.release()
    }
  }

  async #process(address: ControlAddress, signal: AbortSignal, up: (address: ControlAddress) => void): Promise<string> {
    const { log, clock, binary } = this.#options
    const { program, args } = this.#command(address)
    const lines = new DaemonLog(log, clock)
    const child = spawn(program, args, {
      cwd: '/',
      // A session of its own: Ctrl-C in a terminal reaches every process of ours, and calls shall end before their media does
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      // Nothing of our environment, which may hold secrets; messages of the system in English, as we look for them
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    })
    this.#pid = child.pid
    child.stderr.setEncoding('utf8').on('data', (text: string) => lines.feed(text))
    const gone = new AbortController()
    let answered = false
    const ended = new Promise<DaemonEnd>((resolve) => {
      const finish = (end: Pick<DaemonEnd, 'code' | 'signal' | 'error'>): void => {
        this.#pid = undefined
        this.#address = undefined
        lines.end()
        gone.abort()
        resolve({ ...end, lines: lines.last, answered })
      }
      child.once('error', (error) => {
        if (child.pid === undefined) finish({ code: null, signal: null, error })
      })
      // `close`, not `exit`: by then its last lines are in
      child.once('close', (code, name) => finish({ code, signal: name, error: undefined }))
    })
    const over = AbortSignal.any([signal, gone.signal])
    let hangs: string | undefined
    try {
      answered = await pinged(address, { ms: START_MS, everyMs: START_PING_MS, signal: over })
      if (answered && !over.aborted) {
        this.#address = address
        up(address)
        hangs = await this.#untilItHangs(address, over)
      } else if (!over.aborted) hangs = `It did not answer at ${address.host}:${address.port} within ${START_MS / 1000} s, and was ended`
    } finally {
      if (!gone.signal.aborted) {
        child.kill(hangs === undefined ? 'SIGTERM' : 'SIGKILL')
        const late = setTimeout(() => child.kill('SIGKILL'), TERMINATE_MS)
        await ended
        clearTimeout(late)
      }
    }
    return hangs ?? endReason(await ended, binary)
  }

  async #untilItHangs(address: ControlAddress, over: AbortSignal): Promise<string | undefined> {
    const { everyMs, pingMs, missed } = this.#options.watch ?? WATCH
    let silent = 0
    while (!over.aborted) {
      await pause(everyMs, over)
      silent = (await pinged(address, { ms: pingMs, everyMs: pingMs / 4, signal: over })) ? 0 : silent + 1
      if (silent >= missed && !over.aborted) return `It did not answer ${missed} pings in a row, and was killed`
    }
    return undefined
  }

  #command(address: ControlAddress): Command {
    const { binary, account, recording, log } = this.#options
    const threads = Math.min(Math.max(availableParallelism(), 2), MOST_THREADS)
    const command = { program: binary, args: daemonArguments(this.#settings, { ...address, threads, recording }) }
    const setpriv = findProgram('setpriv', process.env.PATH ?? '/usr/bin:/bin', executable)
    if (setpriv === undefined) {
      log.warn({ step: 'media' }, 'rtpengine will outlive an Edgeways that is killed: there is no setpriv (package util-linux)')
      return command
    }
    return guarded(setpriv, command, account === 'ours' ? undefined : (account ?? packageAccount()))
  }
}
