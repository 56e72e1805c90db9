import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export type Direction = 'there' | 'back'
/** Whether to lose the `nth` datagram (from 1) of the command that came as number `index` (from 0) on its way. */
export type Loses = (index: number, nth: number, direction: Direction) => boolean

/** A pattern of losses that is the same in every run, whatever comes in between. */
export const lossOf =
  (share: number, seed: string): Loses =>
  (index, nth, direction) =>
    createHash('sha256').update(`${seed}/${index}/${nth}/${direction}`).digest().readUInt32BE() < share * 2 ** 32

export interface Relay {
  readonly host: string
  readonly port: number
  /** Resolves when `count` datagrams of the command of that number were passed on to the daemon. */
  passed(index: number, count: number): Promise<void>
  close(): void
}

interface Counts {
  readonly index: number
  readonly clientPort: number
  there: number
  back: number
  passed: number
}

const bound = async (): Promise<Socket> => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** Stands between a client and the ng socket of a daemon, and knows commands by their cookies. */
export const startRelay = async (daemon: { readonly host: string; readonly port: number }, loses: Loses = () => false): Promise<Relay> => {
  const front = await bound()
  const behind = await bound()
  const byCookie = new Map<string, Counts>()
  let waiting: { readonly index: number; readonly count: number; readonly resolve: () => void }[] = []
  const cookieOf = (datagram: Buffer): string => datagram.toString('latin1', 0, datagram.indexOf(' '))
  const tell = (): void => {
    const all = [...byCookie.values()]
    const met = ({ index, count }: { index: number; count: number }) => all.some((one) => one.index === index && one.passed >= count)
    for (const waiter of waiting) if (met(waiter)) waiter.resolve()
    waiting = waiting.filter((waiter) => !met(waiter))
  }
  front.on('message', (datagram, from) => {
    const cookie = cookieOf(datagram)
    const counts = byCookie.get(cookie) ?? { index: byCookie.size, clientPort: from.port, there: 0, back: 0, passed: 0 }
    byCookie.set(cookie, counts)
    if (loses(counts.index, ++counts.there, 'there')) return
    behind.send(datagram, daemon.port, daemon.host, () => {
      counts.passed++
      tell()
    })
  })
  behind.on('message', (datagram) => {
    const counts = byCookie.get(cookieOf(datagram))
    if (counts === undefined || loses(counts.index, ++counts.back, 'back')) return
    front.send(datagram, counts.clientPort, '127.0.0.1')
  })
  return {
    host: '127.0.0.1',
    port: front.address().port,
    passed: (index, count) =>
      new Promise((resolve) => {
        waiting.push({ index, count, resolve })
        tell()
      }),
    close: () => {
      front.close()
      behind.close()
    },
  }
}
