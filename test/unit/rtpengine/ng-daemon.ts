import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { bdecode, bencode } from '../../support/rtpengine.ts'

/** A command as it came over the wire. Texts are latin1. */
export interface Arrival {
  readonly bytes: Buffer
  readonly cookie: string
  readonly dictionary: Readonly<Record<string, unknown>>
  /** How many datagrams with this cookie came, this one included. */
  readonly times: number
  /** Where it came from. */
  readonly from: RemoteInfo
  /** Answers it; as often as it is called. */
  reply(dictionary: object): void
  /** Sends `cookie`, a space, and anything. */
  replyRaw(body: string | Buffer): void
}

/** In the place of rtpengine: it answers what the test says, when the test says it, or not at all. Its bencode is not that of the subject. */
export interface NgDaemon {
  readonly host: string
  readonly port: number
  /** The next command that no test has seen yet. */
  next(): Promise<Arrival>
  /** From now on every command is answered with what `answer` gives; undefined: silence. `next` sees them no more. */
  answer(answer: (arrival: Arrival) => object | undefined): void
  /** Any datagram, from its port. */
  send(datagram: string | Buffer, to: RemoteInfo): void
  close(): void
}

export const startNgDaemon = async (host = '127.0.0.1'): Promise<NgDaemon> => {
  const socket = createSocket('udp4')
  const waiting: ((arrival: Arrival) => void)[] = []
  const arrived: Arrival[] = []
  const counts = new Map<string, number>()
  let script: ((arrival: Arrival) => object | undefined) | undefined
  const send = (datagram: string | Buffer, to: RemoteInfo): void =>
    socket.send(typeof datagram === 'string' ? Buffer.from(datagram, 'latin1') : datagram, to.port, to.address)
  socket.on('message', (bytes, from) => {
    const cookie = bytes.toString('latin1', 0, bytes.indexOf(' '))
    const times = (counts.get(cookie) ?? 0) + 1
    counts.set(cookie, times)
    const prefix = Buffer.from(`${cookie} `)
    const replyRaw = (body: string | Buffer): void =>
      send(Buffer.concat([prefix, typeof body === 'string' ? Buffer.from(body, 'latin1') : body]), from)
    const arrival: Arrival = {
      bytes,
      cookie,
      dictionary: bdecode(bytes.toString('latin1', prefix.length)) as Record<string, unknown>,
      times,
      from,
      reply: (dictionary) => replyRaw(bencode(dictionary)),
      replyRaw,
    }
    if (script !== undefined) {
      const reply = script(arrival)
      if (reply !== undefined) arrival.reply(reply)
      return
    }
    const waiter = waiting.shift()
    if (waiter === undefined) arrived.push(arrival)
    else waiter(arrival)
  })
  socket.bind(0, host)
  await once(socket, 'listening')
  return {
    host,
    port: socket.address().port,
    next: () => {
      const arrival = arrived.shift()
      return arrival === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(arrival)
    },
    answer: (answer) => {
      script = answer
    },
    send,
    close: () => socket.close(),
  }
}
