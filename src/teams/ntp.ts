/** One question to a time server (SNTP, RFC 4330). */

import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { ProbeError } from './world.ts'

const PORT = 123
/** Seconds from 1900 to 1970. */
const ERA = 2_208_988_800
const FRACTION = 2 ** 32

/** @returns how far our clock is ahead, ms @throws ProbeError */
export const askTime = (
  server: { readonly host: string; readonly port?: number },
  wall: () => number,
  signal: AbortSignal,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    let over = false
    const settle = (error: ProbeError | undefined, ahead = 0): void => {
      if (over) return
      over = true
      signal.removeEventListener('abort', late)
      socket.close()
      if (error === undefined) resolve(ahead)
      else reject(error)
    }
    const late = (): void => settle(new ProbeError('connect', 'ETIMEDOUT', `${server.host} does not answer`))
    const question = Buffer.alloc(48)
    question[0] = 0x23 // No warning, version 4, client
    // Only an answer to this very question has it
    const cookie = randomBytes(8)
    cookie.copy(question, 40)
    let sentAt = 0
    socket.once('error', (error: NodeJS.ErrnoException) =>
      settle(new ProbeError('connect', error.code ?? '', `${server.host}: ${error.message}`)),
    )
    socket.on('message', (answer) => {
      const now = wall()
      if (answer.length < 48 || (answer[0]! & 7) !== 4 || !answer.subarray(24, 32).equals(cookie)) return
      // RFC 4330 §5: a server that is not synchronised itself, or that wants to be left alone
      if (answer[0]! >> 6 === 3 || answer[1] === 0)
        return settle(new ProbeError('exchange', '', `${server.host} does not know the time itself`))
      const [received, sent] = [timeAt(answer, 32), timeAt(answer, 40)]
      settle(undefined, (sentAt + now) / 2 - (received + sent) / 2)
    })
    if (signal.aborted) return late()
    signal.addEventListener('abort', late, { once: true })
    sentAt = wall()
    socket.send(question, server.port ?? PORT, server.host, (error) => {
      if (error !== null) settle(new ProbeError('connect', (error as NodeJS.ErrnoException).code ?? '', `${server.host}: ${error.message}`))
    })
  })

/** Milliseconds since 1970. */
const timeAt = (bytes: Buffer, at: number): number => (bytes.readUInt32BE(at) - ERA + bytes.readUInt32BE(at + 4) / FRACTION) * 1000
