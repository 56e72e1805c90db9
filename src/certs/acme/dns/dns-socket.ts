import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6 } from 'node:net'

/** An address literal and a port. */
export interface DnsServerAddress {
  readonly host: string
  readonly port: number
}

/** How long each of the datagrams is waited for. */
const TRIES_MS = [1000, 2000, 3000]
const TCP_MS = 8000

/**
 * One DNS message to one server, and its answer: over UDP, sent again twice; over TCP (RFC 7766) when UDP has no answer, or a truncated one.
 * @throws Error with a reason that goes on from the server's address
 */
export const askServer = async (
  bytes: Buffer,
  server: DnsServerAddress,
  transport: 'udp' | 'tcp',
  signal: AbortSignal,
): Promise<Buffer> => {
  // RFC 1035 §4.2.1; a signed update can be longer than that
  if (transport === 'udp' && bytes.length <= 512) {
    const answer = await overUdp(bytes, server, signal)
    if (answer !== undefined && (answer.readUInt16BE(2) & 0x0200) === 0) return answer
  }
  return overTcp(bytes, server, signal)
}

const overUdp = async (bytes: Buffer, { host, port }: DnsServerAddress, signal: AbortSignal): Promise<Buffer | undefined> => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  // A fault (nobody listens there) makes the wait end; TCP then has the last word
  const faults = new AbortController()
  socket.on('error', () => faults.abort())
  try {
    socket.connect(port, host)
    await once(socket, 'connect', { signal: AbortSignal.any([signal, faults.signal]) })
    for (const ms of TRIES_MS) {
      const end = AbortSignal.any([signal, faults.signal, AbortSignal.timeout(ms)])
      socket.send(bytes)
      try {
        for (;;) {
          const [answer] = (await once(socket, 'message', { signal: end })) as [Buffer]
          if (answer.length >= 12 && answer.readUInt16BE(0) === bytes.readUInt16BE(0)) return answer
        }
      } catch (fault) {
        signal.throwIfAborted()
        if (faults.signal.aborted) return undefined
        if (!end.aborted) throw fault
      }
    }
    return undefined
  } catch (fault) {
    signal.throwIfAborted()
    if (faults.signal.aborted) return undefined
    throw fault
  } finally {
    socket.close()
  }
}

const overTcp = (bytes: Buffer, { host, port }: DnsServerAddress, signal: AbortSignal): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal })
    let received = Buffer.alloc(0)
    const fail = (reason: string, cause?: unknown): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(signal.aborted ? signal.reason : new Error(reason, { cause }))
    }
    const timer = setTimeout(() => fail('does not answer'), TCP_MS)
    socket.once('error', (cause: NodeJS.ErrnoException) =>
      fail(cause.code === 'ECONNREFUSED' ? 'refuses DNS connections' : `cannot be reached: ${cause.message}`, cause),
    )
    socket.once('end', () => fail('closed the connection without an answer'))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      clearTimeout(timer)
      socket.destroy()
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)))
    })
    const size = Buffer.alloc(2)
    size.writeUInt16BE(bytes.length)
    socket.write(Buffer.concat([size, bytes]))
  })
