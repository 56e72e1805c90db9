import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { type Program, start, until } from './processes.ts'

/** A real rtpengine on loopback, and a way to talk to it that owes nothing to the program under test. */
export interface Rtpengine {
  readonly host: string
  /** Its ng port, the same after a restart. */
  readonly port: number
  /** Media ports, first and last; nobody else's test uses them. */
  readonly ports: readonly [number, number]
  /** Addresses by the name of the logical interface. */
  readonly interfaces: Readonly<Record<string, string>>
  readonly pid: number
  /** What the daemon logged so far, over restarts. */
  readonly lines: readonly string[]
  /**
   * One ng command; texts are latin1. The datagram is sent again every 250 ms.
   * Rejects when there is no reply within `ms` (3 s); an error of the daemon is a reply.
   */
  request(command: string, dictionary?: object, ms?: number): Promise<Record<string, unknown>>
  /** The call-ids of all its calls. */
  list(): Promise<readonly string[]>
  /** SIGSTOP: it is there, and says nothing. SIGCONT: it goes on. */
  signal(name: NodeJS.Signals): void
  /** Gone without a word. */
  kill9(): Promise<void>
  /** Another process with the same arguments; ends the one before when it runs. Resolves when it answers. */
  restart(): Promise<void>
  /** For good. */
  stop(): Promise<void>
}

/** Media ports stay below those that the system hands out (32768 and up). */
const BLOCKS = { first: 20_000, size: 200, count: 63 }

const bound = (port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(undefined))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(socket))
  })

/**
 * A block of ports of our own: whoever has its first port bound owns the rest. The system gives it back when the test process dies.
 * The second port is for ng: a daemon that outlived its test still holds it.
 */
const block = async (): Promise<{ readonly socket: Socket; readonly first: number }> => {
  const from = randomBytes(1).readUInt8(0)
  for (let i = 0; i < BLOCKS.count; i++) {
    const first = BLOCKS.first + ((from + i) % BLOCKS.count) * BLOCKS.size
    const socket = await bound(first)
    if (socket === undefined) continue
    const ng = await bound(first + 1)
    if (ng !== undefined) {
      await new Promise<void>((resolve) => ng.close(() => resolve()))
      return { socket, first }
    }
    socket.close()
  }
  throw new Error('All blocks of media ports are taken')
}

/** Bencode; texts are latin1, booleans are not in it, undefined members are left out. */
export const bencode = (value: unknown): string => {
  if (typeof value === 'string') return `${value.length}:${value}`
  if (typeof value === 'number') return `i${value}e`
  if (Array.isArray(value)) return `l${value.map(bencode).join('')}e`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return `d${members.map(([key, member]) => bencode(key) + bencode(member)).join('')}e`
  }
  throw new Error(`Not in bencode: ${String(value)}`)
}

export const bdecode = (text: string): unknown => {
  let at = 0
  const upTo = (end: string): string => {
    const stop = text.indexOf(end, at)
    if (stop < 0) throw new Error(`Bencode without "${end}" after ${at}`)
    const found = text.slice(at, stop)
    at = stop + 1
    return found
  }
  const members = (): unknown[] => {
    const found: unknown[] = []
    at++
    while (text[at] !== 'e') found.push(value())
    at++
    return found
  }
  const value = (): unknown => {
    if (at >= text.length) throw new Error('Bencode ends early')
    if (text[at] === 'i') {
      at++
      return Number(upTo('e'))
    }
    if (text[at] === 'l') return members()
    if (text[at] === 'd') {
      const flat = members()
      return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]))
    }
    const length = Number(upTo(':'))
    at += length
    return text.slice(at - length, at)
  }
  return value()
}

/** A client on a bound socket: replies find their request by the cookie. */
const client = (socket: Socket, host: string, port: number) => {
  // The daemon answers a cookie that it has seen from memory, whoever sends it
  const prefix = randomBytes(6).toString('hex')
  const waiting = new Map<string, (reply: Record<string, unknown>) => void>()
  let count = 0
  socket.on('message', (datagram) => {
    const text = datagram.toString('latin1')
    const space = text.indexOf(' ')
    waiting.get(text.slice(0, space))?.(bdecode(text.slice(space + 1)) as Record<string, unknown>)
  })
  return (command: string, dictionary: object = {}, ms = 3000): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const cookie = `${prefix}-${++count}`
      const datagram = Buffer.from(`${cookie} ${bencode({ command, ...dictionary })}`, 'latin1')
      const send = (): void => socket.send(datagram, port, host)
      const again = setInterval(send, 250)
      const finish = (act: () => void): void => {
        clearInterval(again)
        clearTimeout(end)
        waiting.delete(cookie)
        act()
      }
      const end = setTimeout(() => finish(() => reject(new Error(`No reply to ${command} within ${ms} ms`))), ms)
      waiting.set(cookie, (reply) => finish(() => resolve(reply)))
      send()
    })
}

/**
 * Starts rtpengine and resolves when it answers. Whoever starts it stops it (onTestFinished, afterAll).
 * @param options.interfaces address by name; the first one serves who names none. Default `wan` and `lan`
 * @param options.listenNg `address:port`; default: a free port on 127.0.0.1
 * @param options.extra more arguments, `--name=value`
 * @param options.ports media ports, first and last; default: some 190 of our own
 */
export const startRtpengine = async (
  options: {
    readonly interfaces?: Readonly<Record<string, string>>
    readonly listenNg?: string
    readonly extra?: readonly string[]
    readonly ports?: readonly [number, number]
  } = {},
): Promise<Rtpengine> => {
  const interfaces = options.interfaces ?? { wan: '127.0.0.11', lan: '127.0.0.12' }
  const { socket, first } = await block()
  const ports = options.ports ?? ([first + 10, first + BLOCKS.size - 1] as const)
  const [host = '', ngPort = ''] = (options.listenNg ?? `127.0.0.1:${first + 1}`).split(':')
  const port = Number(ngPort)
  const request = client(socket, host, port)
  const args = [
    ...['--config-file=none', '--foreground', '--log-stderr', '--table=-1', '--delete-delay=0'],
    ...Object.entries(interfaces).map(([name, address]) => `--interface=${name}/${address}`),
    ...[`--listen-ng=${host}:${port}`, `--port-min=${ports[0]}`, `--port-max=${ports[1]}`],
    ...(options.extra ?? []),
  ]
  const before: string[] = []
  const launch = async (): Promise<Program> => {
    const started = start('rtpengine', args)
    const answered = until(
      async () => {
        if (!started.running()) throw new Error(`rtpengine ended\n${started.lines.slice(-20).join('\n')}`)
        return (await request('ping', {}, 50).catch(() => undefined))?.result === 'pong' ? true : undefined
      },
      `answer of rtpengine at ${host}:${port}`,
      15_000,
    )
    await answered.catch(async (error) => {
      await started.stop('SIGKILL')
      throw error
    })
    return started
  }
  let program: Program
  try {
    program = await launch()
  } catch (error) {
    socket.close()
    throw error
  }
  const kill9 = async (): Promise<void> => {
    await program.stop('SIGKILL')
  }
  return {
    host,
    port,
    ports,
    interfaces,
    get pid() {
      return program.pid
    },
    get lines() {
      return [...before, ...program.lines]
    },
    request,
    list: async () => {
      const reply = await request('list', { limit: 500 })
      if (reply.result !== 'ok') throw new Error(`list: ${JSON.stringify(reply)}`)
      return reply.calls as readonly string[]
    },
    signal: (name) => program.signal(name),
    kill9,
    restart: async () => {
      await kill9()
      before.push(...program.lines)
      program = await launch()
    },
    stop: async () => {
      await program.stop()
      socket.close()
    },
  }
}
