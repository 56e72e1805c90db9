import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** An even port for RTP and the one above for RTCP (RFC 3550 §11) on one address. */
export interface PortPair {
  readonly port: number
  /** What leaves first and is lost on the way is no matter: as with any datagram. */
  rtp(bytes: Buffer, port: number, address: string): void
  rtcp(bytes: Buffer, port: number, address: string): void
  close(): Promise<void>
}

const bind = (address: string, port: number): Promise<Socket | undefined> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()))

/** Media stays below the ports that the system hands out. */
const randomEvenPort = (): number => 20_000 + 2 * Math.floor(Math.random() * 6000)

/** @param received every datagram, and whether it came to the RTCP port */
export const bindPair = async (
  address: string,
  received: (bytes: Buffer, from: RemoteInfo, toRtcpPort: boolean) => void,
): Promise<PortPair> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomEvenPort()
    const rtp = await bind(address, port)
    if (rtp === undefined) continue
    const rtcp = await bind(address, port + 1)
    if (rtcp === undefined) {
      await closed(rtp)
      continue
    }
    rtp.on('message', (bytes, from) => received(bytes, from, false))
    rtcp.on('message', (bytes, from) => received(bytes, from, true))
    return {
      port,
      rtp: (bytes, to, host) => rtp.send(bytes, to, host, () => undefined),
      rtcp: (bytes, to, host) => rtcp.send(bytes, to, host, () => undefined),
      close: async () => {
        await Promise.all([closed(rtp), closed(rtcp)])
      },
    }
  }
  throw new Error(`No pair of free ports on ${address}`)
}
