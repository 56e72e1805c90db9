import { connect, type Socket } from 'node:net'
import type { Place } from './crossing.ts'
import { until } from './processes.ts'

/** A bare TCP connection to the edge, to see whether it lives. */
export interface PlainConnection {
  /** Sends OPTIONS for the edge itself; the status of the answer on this very connection. */
  ping(): Promise<number>
  readonly open: () => boolean
  close(): void
}

export const openPlainConnection = (to: Place, from: string): Promise<PlainConnection> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: to.address, port: to.port, localAddress: from })
    let received = ''
    let count = 0
    let open = false
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      received += text
    })
    socket.on('close', () => {
      open = false
    })
    socket.once('error', reject)
    socket.once('connect', () => {
      open = true
      resolve({
        ping: async () => {
          const callId = `ping-${socket.localPort}-${++count}`
          socket.write(
            `OPTIONS sip:${to.address}:${to.port};transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP ${from}:${socket.localPort};branch=z9hG4bK${callId}\r\nMax-Forwards: 70\r\nFrom: <sip:ping@${from}>;tag=p\r\nTo: <sip:${to.address}>\r\nCall-ID: ${callId}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`,
          )
          const answer = await until(
            () => new RegExp(`SIP/2\\.0 (\\d+) (?:(?!SIP/2\\.0 )[\\s\\S])*${callId}\\r`).exec(received) ?? undefined,
            'answer to OPTIONS',
          )
          return Number(answer[1])
        },
        open: () => open,
        close: () => socket.destroy(),
      })
    })
  })
