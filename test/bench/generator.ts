/** Builds the load generator and talks to it: a command on its stdin, events on its stdout (see generator/main.c). */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const SOURCES = join(HERE, 'generator')
const BINARY = join(HERE, 'build', 'loadgen')

/** Compiles the generator when its sources are newer than the program; returns the program's path. */
export const buildGenerator = (): string => {
  const files = readdirSync(SOURCES).map((name) => join(SOURCES, name))
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs))
  const built = statSync(BINARY, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (built > newest) return BINARY
  mkdirSync(dirname(BINARY), { recursive: true })
  const sources = files.filter((file) => file.endsWith('.c'))
  try {
    execFileSync('cc', ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', BINARY, ...sources, '-lssl', '-lcrypto'], {
      stdio: ['ignore', 'inherit', 'pipe'],
    })
  } catch (cause) {
    throw new Error(
      'The load generator does not compile; it needs a C compiler and the headers of OpenSSL (apt-get install gcc libssl-dev)',
      { cause },
    )
  }
  return BINARY
}

/** Delays in µs. */
export interface Delays {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** What `figures_print` in generator/figures.c writes; counts are of what was started inside the window unless said otherwise there. */
export interface GeneratorResult {
  readonly rate: number
  readonly seconds: number
  readonly generatorCpu: number
  readonly clients: number
  readonly clientsFailed: number
  readonly registered: number
  readonly started: number
  readonly completed: number
  readonly failed: number
  readonly finishedInside: number
  readonly repeatedInvite: number
  readonly repeatedBye: number
  readonly repeatedOther: number
  readonly repeatedAnswer: number
  readonly late: number
  readonly absorbed: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly stray: number
  readonly bad: number
  readonly timeouts: number
  readonly lostLinks: number
  readonly unsent: number
  readonly backlogOpen: number
  readonly backlogClose: number
  readonly startDelayMax: number
  readonly recordRoutes: number
  readonly problem: string
  readonly refused: Readonly<Record<string, number>>
  readonly ringing: Delays
  readonly answered: Delays
  readonly ended: Delays
}

interface GeneratorEvent extends GeneratorResult {
  readonly event: 'ready' | 'started' | 'open' | 'close' | 'result'
}

export const pinned = (cpu: number | undefined, program: string, args: readonly string[]): [string, string[]] =>
  cpu === undefined ? [program, [...args]] : ['taskset', ['-c', String(cpu), program, ...args]]

export class Generator {
  readonly #process: ChildProcess
  #errors = ''
  #listener: ((event: GeneratorEvent) => void) | undefined
  #ended: ((error: Error) => void) | undefined
  #exited = false

  constructor(args: readonly string[], cpu: number | undefined) {
    const [program, all] = pinned(cpu, buildGenerator(), args)
    this.#process = spawn(program, all, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stdin!.on('error', () => {}) // it has ended: `close` tells
    this.#process.stderr!.on('data', (chunk) => {
      this.#errors += chunk
    })
    this.#process.once('close', (code, signal) => {
      this.#exited = true
      this.#ended?.(new Error(`The load generator ended early: ${this.#errors.trim() || `with ${signal ?? `status ${code}`}`}`))
    })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#listener?.(JSON.parse(line) as GeneratorEvent))
  }

  /** Opens connections until there are `count`. */
  async clients(count: number): Promise<GeneratorResult> {
    const result = await this.run(`clients ${count}`, 150)
    if (result.clients < count) {
      throw new Error(`${result.clients} of ${count} connections opened${result.problem ? `; ${result.problem}` : ''}`)
    }
    return result
  }

  /**
   * Gives a command and waits for its result.
   * @param seconds bound on the wait
   * @param mark called when the measured window opens, and when it closes
   */
  run(command: string, seconds: number, mark: (edge: 'open' | 'close') => void = () => {}): Promise<GeneratorResult> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | undefined, result?: GeneratorResult): void => {
        clearTimeout(timeout)
        this.#listener = undefined
        this.#ended = undefined
        if (result) resolve(result)
        else reject(error)
      }
      const timeout = setTimeout(
        () => done(new Error(`The load generator did not finish '${command}' within ${seconds} s`)),
        seconds * 1000,
      )
      this.#ended = (error) => done(error)
      this.#listener = (event) => {
        if (event.event === 'open' || event.event === 'close') mark(event.event)
        else if (event.event === 'result') done(undefined, event)
      }
      if (this.#exited) this.#ended(new Error(`The load generator has ended: ${this.#errors.trim()}`))
      else this.#process.stdin!.write(`${command}\n`)
    })
  }

  async stop(): Promise<void> {
    if (this.#exited) return
    const closed = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.stdin!.end('quit\n')
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), 3000)
    await closed
    clearTimeout(kill)
  }
}
