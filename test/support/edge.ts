import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Program, start, until } from './processes.ts'

const project = join(import.meta.dirname, '..', '..')
const node = join(project, 'node_modules', '.bin', 'node')
/** Another checkout's `main.ts` can be put to the test. */
const main = process.env.E2E_EDGE ?? join(project, 'src', 'main.ts')

/** One event of the edge's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly level?: unknown }

export interface EdgeOptions {
  /** YAML; its `admin.listen` must be `127.0.0.1:adminPort`. */
  readonly config: string
  readonly adminPort: number
  /** For configuration and data. The data folder stays over restarts. */
  readonly folder: string
  /** Added to ours. */
  readonly environment?: Readonly<Record<string, string>>
}

/** The real edge, as a process of its own. */
export interface Edge {
  readonly configFile: string
  readonly dataFolder: string
  readonly program: () => Program
  /** The log of this run, parsed. */
  log(): readonly LogLine[]
  /** The first log line of this run that fits, also one to come. */
  logged(wanted: (line: LogLine) => boolean, what: string): Promise<LogLine>
  /** Value of a metric, summed over all label sets that hold these labels; 0 when there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  health(): Promise<{ readonly status: number; readonly body: unknown }>
  /** What the API answers at a path such as `/api/calls`; its listener is on loopback, so no token is needed. */
  api<T>(path: string): Promise<T>
  /** Writes a new configuration file; the edge does not know yet. */
  configure(config: string): void
  /** SIGHUP. */
  reload(): void
  /** SIGTERM; the exit code. */
  stop(): Promise<number>
  /** SIGKILL: no goodbye to anyone. */
  kill9(): Promise<void>
  /** Starts again with the same files, after `stop` or `kill9`. */
  restart(): Promise<void>
}

const parsed = (line: string): LogLine | undefined => {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}

/** Starts the edge and waits until it says that it is ready. */
export const startEdge = async (options: EdgeOptions): Promise<Edge> => {
  const configFile = join(options.folder, 'edge.yaml')
  const dataFolder = join(options.folder, 'data')
  mkdirSync(dataFolder, { recursive: true })
  writeFileSync(configFile, options.config)
  const base = `http://127.0.0.1:${options.adminPort}`
  let program: Program
  const launch = async (): Promise<void> => {
    const environment = { ...options.environment, EDGEWAYS_DATA: dataFolder }
    program = start(node, [main, 'run', '--config', configFile], { cwd: project, environment })
    await program.line((line) => line.includes('Edgeways is ready'), 'ready line', 30_000)
  }
  await launch()
  return {
    configFile,
    dataFolder,
    program: () => program,
    log: () => program.lines.map(parsed).filter((event) => event !== undefined),
    logged: async (wanted, what) => {
      const fits = (line: string): boolean => {
        const event = parsed(line)
        return event !== undefined && wanted(event)
      }
      return parsed(await program.line(fits, what)) ?? {}
    },
    metric: async (name, labels = {}) => {
      const text = await (await fetch(`${base}/metrics`)).text()
      return text
        .split('\n')
        .filter(
          (line) =>
            (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
            Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
        )
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
    health: async () => {
      const answer = await fetch(`${base}/api/health`)
      return { status: answer.status, body: await answer.json() }
    },
    api: async <T>(path: string): Promise<T> => {
      const answer = await fetch(`${base}${path}`)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as T
    },
    configure: (config) => writeFileSync(configFile, config),
    reload: () => program.signal('SIGHUP'),
    stop: () => program.stop('SIGTERM', 15_000),
    kill9: async () => {
      await program.stop('SIGKILL')
    },
    restart: launch,
  }
}

/** Resolves when the metric has reached `least`. */
export const metricReaches = (edge: Edge, name: string, labels: Readonly<Record<string, string>>, least: number): Promise<number> =>
  until(async () => {
    const value = await edge.metric(name, labels)
    return value >= least ? value : undefined
  }, `${name} of ${least}`)
