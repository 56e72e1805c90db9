import { accessSync, constants, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { effectiveConfig } from './effective.ts'
import { ConfigError, formatProblems } from './errors.ts'
import { type LoadResult, loadConfig } from './load.ts'
import type { Snapshot } from './snapshot.ts'
import type { Environment } from './tree.ts'

/** Where a command writes, and what it knows of the world. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  /** EDGEWAYS_… variables; usually `process.env`. */
  readonly environment?: Environment
  readonly dataDir?: string
}

export const EXIT = { ok: 0, invalid: 1, unreadable: 2 } as const

/** Whether we may read a file; a folder is none. */
export const readable = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    // Not there, or not ours: the caller says which file
    return false
  }
}

const localAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address))

export interface FileOptions {
  readonly dataDir: string
  readonly environment?: Environment
  readonly previous?: Snapshot
}

/**
 * Reads and loads a file, with a look at the files it names.
 * @throws ConfigError when the file cannot be read; what is wrong inside is in the result
 */
export const loadConfigFile = (file: string, options: FileOptions): LoadResult => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'we may not read it'
          : code === 'EISDIR'
            ? 'it is a folder'
            : String(code)
    const message = `Configuration file "${file}" cannot be read: ${why}`
    const remedy = 'Check the path and its permissions'
    throw new ConfigError(message, [{ path: '', line: 0, column: 0, message, remedy, severity: 'error' }], error)
  }
  return loadConfigText(text, file, options)
}

/** A text, as if it stood in that file. */
export const loadConfigText = (text: string, file: string, options: FileOptions): LoadResult =>
  // A byte order mark is no part of the text
  loadConfig(text.startsWith('\ufeff') ? text.slice(1) : text, { file, readable, localAddresses: localAddresses(), ...options })

/** `edgeways check FILE`: every problem with its place and remedy. @returns the exit code */
export const checkCommand = (file: string, io: CommandIo): number => {
  const result = load(file, io)
  if (result === undefined) return EXIT.unreadable
  const problems = result.ok ? result.warnings : result.problems
  if (problems.length > 0) io.stderr.write(`${formatProblems(problems, file)}\n`)
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  const counts = [amount(errors, 'error'), amount(warnings, 'warning')].filter((text) => text !== '').join(', ')
  if (!result.ok) {
    io.stderr.write(`${file}: ${counts}\n`)
    return EXIT.invalid
  }
  const { listeners, zones, routes } = result.snapshot
  const content = [amount(listeners.length, 'listener'), amount(zones.size, 'zone'), amount(routes.length, 'route')]
    .filter((text) => text !== '')
    .join(', ')
  io.stdout.write(`${file}: valid (${content}${counts === '' ? '' : `; ${counts}`})\n`)
  return EXIT.ok
}

/** `edgeways config`: the effective configuration with its origins. @returns the exit code */
export const configCommand = (file: string, io: CommandIo): number => {
  const result = load(file, io)
  if (result === undefined) return EXIT.unreadable
  if (!result.ok) {
    io.stderr.write(`${formatProblems(result.problems, file)}\n`)
    return EXIT.invalid
  }
  io.stdout.write(effectiveConfig(result.document))
  return EXIT.ok
}

const load = (file: string, { environment = {}, dataDir = '.', stderr }: CommandIo): LoadResult | undefined => {
  try {
    return loadConfigFile(file, { dataDir, environment })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    stderr.write(`${error.message}\n`)
    return undefined
  }
}

const amount = (count: number, what: string): string => (count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`)
