import { spawn } from 'node:child_process'

/** A program that a test started: its lines as they come, and its end. Killed with its whole process group. */
export interface Program {
  readonly pid: number
  /** Every line of standard output and standard error so far. */
  readonly lines: readonly string[]
  /** Resolves with the first line, also one from before, that `wanted` accepts. Rejects when the program ends or `ms` have passed. */
  line(wanted: (line: string) => boolean, what: string, ms?: number): Promise<string>
  /** Exit code, or 128 for an end by a signal. */
  readonly ended: Promise<number>
  readonly running: () => boolean
  signal(name: NodeJS.Signals): void
  /** Ends the process group: `name` first, SIGKILL after `ms`. Resolves when the program is gone. */
  stop(name?: NodeJS.Signals, ms?: number): Promise<number>
}

const alive = new Set<number>()

process.on('exit', () => {
  for (const pid of alive) killGroup(pid, 'SIGKILL')
})

const killGroup = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Starts a program without a shell, in a process group of its own, so that nothing of it outlives the test.
 * @param environment added to ours
 */
export const start = (
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Program => {
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const lines: string[] = []
  const waiters = new Set<(line: string) => void>()
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        lines.push(part)
        for (const waiter of [...waiters]) waiter(part)
      }
    })
  }
  let running = true
  const pid = child.pid ?? 0
  if (pid > 0) alive.add(pid)
  const ended = new Promise<number>((resolve) => {
    const finish = (code: number): void => {
      running = false
      alive.delete(pid)
      resolve(code)
    }
    child.once('error', (error) => {
      lines.push(String(error))
      finish(127)
    })
    // `close`, not `exit`: by then all lines are in.
    child.once('close', (code) => finish(code ?? 128))
  })
  const line = (wanted: (line: string) => boolean, what: string, ms = 15_000): Promise<string> => {
    const found = lines.find(wanted)
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer)
        waiters.delete(waiter)
        act()
      }
      const tail = (): string => lines.slice(-20).join('\n')
      const timer = setTimeout(() => finish(() => reject(new Error(`${command}: no ${what} within ${ms} ms\n${tail()}`))), ms)
      const waiter = (text: string): void => {
        if (wanted(text)) finish(() => resolve(text))
      }
      waiters.add(waiter)
      void ended.then((code) => finish(() => reject(new Error(`${command} ended with ${code} before ${what}\n${tail()}`))))
    })
  }
  return {
    pid,
    lines,
    line,
    ended,
    running: () => running,
    signal: (name) => {
      if (running) process.kill(pid, name)
    },
    stop: async (name = 'SIGTERM', ms = 5000) => {
      if (!running) return ended
      killGroup(pid, name)
      const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), ms)
      const code = await ended
      clearTimeout(timer)
      return code
    },
  }
}

/** Asks again every few milliseconds until `probe` gives something; for what can only be polled. */
export const until = async <T>(probe: () => T | undefined | Promise<T | undefined>, what: string, ms = 10_000): Promise<T> => {
  const end = performance.now() + ms
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`No ${what} within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
