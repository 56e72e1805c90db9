import { spawn } from 'node:child_process'
import { isAbsolute } from 'node:path'
import { AcmeError } from '../errors.ts'
import type { ProviderEntry, TxtRecord } from './types.ts'

/** A program of the operator, for every DNS that has no provider here: `PROGRAM add|remove NAME VALUE`, without a shell. */
export const hook: ProviderEntry = {
  settings: {
    'program-file': 'The program; it gets add or remove, the name of the record, and its value; exit code 0 is success',
    timeout: 'Seconds that it may take; default 60',
  },

  async create(settings, { environment }) {
    const program = settings.required('program-file')
    if (!isAbsolute(program))
      throw new AcmeError('SBC_CERTIFICATE_DNS', `program-file of the DNS provider hook is no absolute path: ${program}`)
    const timeout = settings.number('timeout', 60)
    const call = (what: 'add' | 'remove', { name, value }: TxtRecord, signal: AbortSignal) =>
      run(program, [what, name, value], timeout, environment, signal)
    return {
      add: (record, signal) => call('add', record, signal),
      remove: (record, signal) => call('remove', record, signal),
      close: () => {},
    }
  },
}

/** Of what the program says, the end is told. */
const KEPT = 800

const run = (
  program: string,
  args: readonly string[],
  seconds: number,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // A group of its own: what it started ends with it
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...environment }, cwd: '/' })
    let output = ''
    let late = false
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch (fault) {
        if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault
      }
    }
    const timer = setTimeout(() => {
      late = true
      kill()
    }, seconds * 1000)
    signal.addEventListener('abort', kill, { once: true })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output = (output + text).slice(-KEPT)
      })
    }
    const finish = (reason: string | undefined, cause?: unknown): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason)
      else if (reason === undefined) resolve()
      else {
        const said = output.replace(/\s+/g, ' ').trim()
        const words = `${program} ${args.slice(0, 2).join(' ')} ${reason}${said === '' ? ', and said nothing' : `: ${said}`}`
        reject(new AcmeError('SBC_CERTIFICATE_DNS', words, { cause }))
      }
    }
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const why = { ENOENT: 'is not there', EACCES: 'may not be executed; set its mode with chmod +x' }[cause.code ?? '']
      finish(why ?? `cannot be started (${cause.message})`, cause)
    })
    // By `close` all its output is in
    child.once('close', (code, killed) => {
      if (late) finish(`did not end within ${seconds} s`)
      else finish(code === 0 ? undefined : code === null ? `was ended by ${killed}` : `failed with exit code ${code}`)
    })
  })
