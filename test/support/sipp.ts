import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { bound } from './places.ts'
import { type Program, start, until } from './processes.ts'

/** One SIPp process: one scenario, on UDP or TCP (for TLS, put a bridge in front: Debian's SIPp is built without it). */
export interface SippOptions {
  /** A scenario file; `{{name}}` in it stands for `values.name`, `{{include FILE}}` for a file beside it. */
  readonly scenario: string
  readonly values: Readonly<Record<string, string>>
  readonly transport: 'udp' | 'tcp'
  readonly address: string
  readonly port: number
  /** Where it sends; a caller has one, a called party does not. */
  readonly remote?: { readonly address: string; readonly port: number }
  /** The Call-ID of a caller's one call, where it has to be a certain one. */
  readonly callId?: string
  /** Calls until it ends by itself. */
  readonly calls?: number
  /** Folder for its scenario and logs. */
  readonly folder: string
  /** Seconds after which it gives up and fails. */
  readonly seconds?: number
}

/** What SIPp wrote down of one message, byte for byte. */
export interface TracedMessage {
  readonly direction: 'sent' | 'received'
  readonly text: string
}

export interface SippResult {
  /** 0: every call passed all checks of the scenario. */
  readonly code: number
  /** What SIPp complained about: failed checks, unexpected messages. */
  readonly errors: string
  readonly messages: readonly TracedMessage[]
  /** What `<log>` actions said. */
  readonly notes: readonly string[]
}

export interface Sipp {
  readonly name: string
  readonly program: Program
  /** Ends with the last call. */
  readonly result: Promise<SippResult>
  /** Resolves with the text of the first message that fits, as soon as SIPp has traced it. */
  message(direction: TracedMessage['direction'], wanted: RegExp): Promise<string>
  /** What SIPp has complained about so far. */
  errors(): string
  stop(): Promise<void>
}

/** Waits for all; at the first complaint of one all are stopped, since the others would wait for nothing. */
export const allEnd = async (peers: readonly Sipp[]): Promise<readonly SippResult[]> => {
  const over = (): true | undefined => peers.every((peer) => !peer.program.running()) || undefined
  const complaint = (): true | undefined => peers.some((peer) => peer.errors() !== '') || undefined
  await until(() => over() ?? complaint(), 'end of SIPp', 60_000)
  if (over() === undefined) await Promise.all(peers.map((peer) => peer.stop()))
  return Promise.all(peers.map((peer) => peer.result))
}

const filled = (file: string, values: Readonly<Record<string, string>>): string =>
  readFileSync(file, 'utf8').replace(/\{\{(include )?([^}]+)\}\}/g, (_, include: string | undefined, name: string) => {
    if (include !== undefined) return filled(join(dirname(file), filledName(name, values)), values)
    return valueIn(file, name, values)
  })

/** SIPp refuses a scenario that sets a variable and never reads it, and one that reads one it does not set: all are named in one place. */
const withVariables = (scenario: string): string => {
  const names = new Set([...scenario.matchAll(/assign_to="([^"]*)"/g)].flatMap((match) => (match[1] ?? '').split(',')))
  return scenario.replace('{{variables}}', [...names].join(','))
}

const filledName = (name: string, values: Readonly<Record<string, string>>): string =>
  name.startsWith('$') ? (values[name.slice(1)] ?? name) : name

const valueIn = (file: string, name: string, values: Readonly<Record<string, string>>): string => {
  const value = values[name]
  if (value === undefined) throw new Error(`${file} wants a value for {{${name}}}`)
  return value
}

/** Text as a part of a POSIX extended regular expression inside an XML attribute. */
export const literal = (text: string): string =>
  text
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')

let count = 0

/** Starts SIPp. A called party is bound when the promise resolves. */
export const startSipp = async (options: SippOptions): Promise<Sipp> => {
  const name = `${basename(options.scenario, '.xml')}-${++count}`
  const folder = join(options.folder, name)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'scenario.xml')
  writeFileSync(file, withVariables(filled(options.scenario, { variables: '{{variables}}', ...options.values })))
  const log = (kind: string): string => join(folder, `${kind}.log`)
  const seconds = options.seconds ?? 20
  const program = start(
    'sipp',
    [
      ...(options.remote === undefined ? [] : [`${options.remote.address}:${options.remote.port}`]),
      ...['-sf', file, '-i', options.address, '-p', String(options.port), '-t', options.transport === 'udp' ? 'u1' : 't1'],
      // Without its watchdog: that a busy machine is slow is no complaint about the edge.
      ...['-watchdog_interval', '0', '-deadcall_wait', '0', '-skip_rlimit'],
      ...['-m', String(options.calls ?? 1), '-nostdin', '-timeout', `${seconds}s`, '-timeout_error'],
      ...(options.callId === undefined ? [] : ['-cid_str', options.callId]),
      // A failed check must not be followed by SIPp's own idea of a clean end: the test sees it as it is.
      ...['-default_behaviors', 'all,-bye'],
      ...['-trace_err', '-error_file', log('errors'), '-trace_msg', '-message_file', log('messages')],
      ...['-trace_logs', '-log_file', log('notes')],
    ],
    { cwd: folder, environment: { TERM: 'dumb' } },
  )
  const text = (kind: string): string => (existsSync(log(kind)) ? readFileSync(log(kind), 'latin1') : '')
  const result = program.ended.then((code): SippResult => {
    const errors = `${text('errors')}${code === 0 ? '' : program.lines.slice(-5).join('\n')}`
    return { code, errors, messages: tracedMessages(text('messages')), notes: text('notes').split('\n').filter(Boolean) }
  })
  if (options.remote === undefined) {
    await until(
      () => bound(options.transport, options.address, options.port) || !program.running() || undefined,
      `SIPp on ${options.address}:${options.port}`,
    )
  }
  return {
    name,
    program,
    result,
    message: (direction, wanted) =>
      until(
        () => {
          const found = tracedMessages(text('messages')).find((message) => message.direction === direction && wanted.test(message.text))
          if (found === undefined && !program.running()) throw new Error(`${name} ended without ${direction} ${wanted}\n${text('errors')}`)
          return found?.text
        },
        `message ${wanted} ${direction} by ${name}`,
        seconds * 1000,
      ),
    errors: () => text('errors'),
    stop: async () => {
      await program.stop('SIGKILL')
    },
  }
}

/** The messages of a `-trace_msg` file. */
export const tracedMessages = (trace: string): readonly TracedMessage[] => {
  const messages: TracedMessage[] = []
  const head = /^-{20,} .*\n(?:UDP|TCP|TLS) (?:control )?message (sent|received) [[(](\d+)(?:\] bytes| bytes\)) ?:\n\n/gm
  for (let match = head.exec(trace); match !== null; match = head.exec(trace)) {
    const from = head.lastIndex
    const length = Number(match[2])
    if (trace.length < from + length) break
    messages.push({ direction: match[1] as TracedMessage['direction'], text: trace.slice(from, from + length) })
    head.lastIndex = from + length
  }
  return messages
}
