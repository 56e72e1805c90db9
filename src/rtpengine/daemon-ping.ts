import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'

/** Where the ng socket of our own rtpengine is. */
export interface ControlAddress {
  readonly host: string
  readonly port: number
}

const REPLY = 'd6:result4:ponge'

/**
 * Whether a daemon answers on its ng socket: the ping is sent every `everyMs` until it does, or until `ms` have passed.
 * Nothing more of the protocol is needed to know that our own child is there; false also when `signal` is aborted. Never rejects.
 */
export const pinged = (
  { host, port }: ControlAddress,
  { ms, everyMs, signal }: { readonly ms: number; readonly everyMs: number; readonly signal: AbortSignal },
): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false)
      return
    }
    // A cookie that the daemon has seen is answered from memory: a new one each time
    const cookie = randomBytes(8).toString('hex')
    const socket = createSocket('udp4')
    const finish = (answered: boolean): void => {
      clearInterval(again)
      clearTimeout(end)
      signal.removeEventListener('abort', aborted)
      socket.close()
      resolve(answered)
    }
    const aborted = (): void => finish(false)
    // An error of a single datagram is a lost datagram
    const send = (): void => socket.send(`${cookie} d7:command4:pinge`, port, host, () => {})
    const again = setInterval(send, everyMs)
    const end = setTimeout(() => finish(false), ms)
    signal.addEventListener('abort', aborted)
    socket.on('message', (datagram) => {
      if (datagram.toString('latin1') === `${cookie} ${REPLY}`) finish(true)
    })
    socket.on('error', () => finish(false))
    send()
  })
