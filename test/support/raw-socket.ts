import type { ConnectionOptions } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'
import type { Place } from './crossing.ts'
import { until } from './processes.ts'

export interface RawSocketOptions {
  readonly place: Place
  readonly name: string
  readonly root: string
  readonly origin?: string
  readonly protocols?: readonly string[]
}

/** A bare WebSocket client, for what a well-behaved phone does not do. */
export interface RawSocket {
  readonly socket: WebSocket
  /** Every message so far. */
  readonly received: readonly string[]
  /** Resolves with the first message that fits. */
  message(wanted: RegExp): Promise<string>
  close(): Promise<void>
}

const connecting = ({ place, name, root, origin, protocols }: RawSocketOptions): WebSocket => {
  const options: ClientOptions & ConnectionOptions = {
    ca: root,
    servername: name,
    perMessageDeflate: false,
    ...(origin === undefined ? {} : { origin }),
  }
  return new WebSocket(`wss://${place.address}:${place.port}`, [...(protocols ?? ['sip'])], options)
}

export const openRawSocket = async (options: RawSocketOptions): Promise<RawSocket> => {
  const socket = connecting(options)
  const received: string[] = []
  socket.on('message', (bytes) => received.push(bytes.toString()))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    received,
    message: (wanted) => until(() => received.find((text) => wanted.test(text)), `message ${wanted}`),
    close: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve())
        socket.close()
      }),
  }
}

/** The HTTP status with which the handshake is refused; 101 when it is accepted. */
export const handshakeStatus = (options: RawSocketOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connecting(options)
    socket.once('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.once('unexpected-response', (_, response) => {
      response.resume()
      socket.terminate()
      resolve(response.statusCode ?? 0)
    })
    // ws reports its own end of a refused handshake here too; the promise is settled by then.
    socket.on('error', reject)
  })
