/** One TLS connection of the doctor's own, with what can be seen of it. */
import { X509Certificate } from 'node:crypto'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { type FrameSink, StreamFramer } from '../sip/framing.ts'
import { FlightReader } from './tls-records.ts'
import { ProbeError, type TlsQuestion, type TlsSession } from './world.ts'

/** Of an answer to OPTIONS. */
const LIMITS = { maxHead: 32 * 1024, maxBody: 64 * 1024 }
/** A chain that is longer is none. */
const LONGEST_CHAIN = 16

/** @returns milliseconds that it took @throws ProbeError */
export const tcpProbe = async (
  address: string,
  port: number,
  localAddress: string | undefined,
  now: () => number,
  signal: AbortSignal,
): Promise<number> => {
  const began = now()
  const socket = await connected(address, port, localAddress, signal)
  socket.destroy()
  return now() - began
}

/** Connects and shakes hands. Nothing is verified here: who judges wants to see bad certificates, too. @throws ProbeError */
export const tlsProbe = async (question: TlsQuestion, now: () => number, signal: AbortSignal): Promise<TlsSession> => {
  const { address, port, localAddress, serverName, certificate, minVersion, maxVersion, ciphers } = question
  const began = now()
  const socket = await connected(address, port, localAddress, signal)
  const opened = now()
  const flight = new FlightReader()
  const tls = connect({
    socket: tapped(socket, flight),
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
    minVersion,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === '' ? {} : { ciphers }),
    rejectUnauthorized: false,
  })
  try {
    await event(tls, 'secureConnect', 'handshake', signal)
  } catch (error) {
    socket.destroy()
    tls.destroy()
    throw error
  }
  // What comes after the handshake, such as an alert about our certificate, is told by `exchange`
  let after: Error | undefined
  tls.on('error', (error) => {
    after = error
  })
  const { asked, certificates } = flight.read()
  return {
    version: tls.getProtocol() ?? 'unknown',
    cipher: tls.getCipher()?.standardName ?? tls.getCipher()?.name ?? 'unknown',
    chain: certificates.length > 0 ? readable(certificates) : chainOf(tls),
    asked,
    milliseconds: { connect: opened - began, handshake: now() - opened },
    exchange: (message, abort) => exchange(tls, message, () => after, abort),
    close: () => {
      tls.destroy()
      socket.destroy()
    },
  }
}

const connected = async (address: string, port: number, localAddress: string | undefined, signal: AbortSignal): Promise<Socket> => {
  signal.throwIfAborted()
  const socket = connectTcp({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) })
  try {
    await event(socket, 'connect', 'connect', signal)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Waits for it; whatever comes instead is a ProbeError. */
const event = (socket: Socket | TLSSocket, name: 'connect' | 'secureConnect', at: ProbeError['at'], signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: ProbeError): void => {
      socket.off(name, good)
      socket.off('error', bad)
      socket.off('close', gone)
      signal.removeEventListener('abort', late)
      // What goes wrong later must not end the process
      socket.on('error', () => {})
      if (error === undefined) resolve()
      else reject(error)
    }
    const good = (): void => settle()
    const bad = (error: NodeJS.ErrnoException): void => settle(new ProbeError(at, error.code ?? '', messageOf(error)))
    const gone = (): void => settle(new ProbeError(at, 'ECONNRESET', 'the other side closed the connection without a word'))
    const late = (): void => settle(new ProbeError(at, 'ETIMEDOUT', 'there was no answer in time'))
    socket.once(name, good)
    socket.once('error', bad)
    socket.once('close', gone)
    if (signal.aborted) late()
    else signal.addEventListener('abort', late, { once: true })
  })

/** OpenSSL's own line has addresses of memory and of its source in it. */
const messageOf = (error: Error): string => {
  const { reason } = error as { readonly reason?: unknown }
  return (typeof reason === 'string' ? reason : error.message).slice(0, 200)
}

/** The socket as a stream that a reader looks into on its way. */
const tapped = (socket: Socket, flight: FlightReader): Duplex => {
  const stream = new Duplex({
    read: () => {
      socket.resume()
    },
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(chunk, done)
    },
    final: (done) => {
      socket.end(done)
    },
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    flight.take(chunk)
    if (!stream.push(chunk)) socket.pause()
  })
  socket.once('end', () => stream.push(null))
  socket.on('error', (error) => stream.destroy(error))
  return stream
}

const readable = (certificates: readonly Buffer[]): readonly X509Certificate[] =>
  certificates.slice(0, LONGEST_CHAIN).flatMap((der) => {
    try {
      return [new X509Certificate(der)]
    } catch {
      return [] // The others are of use without it
    }
  })

/** As OpenSSL put it together. */
const chainOf = (tls: TLSSocket): readonly X509Certificate[] => {
  const found: Buffer[] = []
  let one: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true)
  while (one?.raw !== undefined && found.length < LONGEST_CHAIN && !found.some((raw) => raw.equals(one!.raw))) {
    found.push(one.raw)
    one = one.issuerCertificate
  }
  return readable(found)
}

const exchange = (tls: TLSSocket, message: Buffer, failed: () => Error | undefined, signal: AbortSignal): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const settle = (error: ProbeError | undefined, bytes?: Buffer): void => {
      tls.off('data', data)
      tls.off('error', bad)
      tls.off('end', gone)
      tls.off('close', gone)
      signal.removeEventListener('abort', late)
      if (error === undefined) resolve(bytes!)
      else reject(error)
    }
    const framer = new StreamFramer()
    const sink: FrameSink = {
      message: (bytes) => {
        settle(undefined, Buffer.from(bytes))
        return false
      },
      keepAlive: () => {},
    }
    const data = (chunk: Buffer): void => {
      const fault = framer.push(chunk, performance.now(), LIMITS, sink)
      if (fault !== undefined) settle(new ProbeError('exchange', 'EPROTO', `what came is no SIP: ${fault.reason}`))
    }
    const bad = (error: NodeJS.ErrnoException): void => settle(new ProbeError('exchange', error.code ?? '', messageOf(error)))
    const gone = (): void => settle(new ProbeError('exchange', 'ECONNRESET', 'the other side closed the connection without an answer'))
    const late = (): void => settle(new ProbeError('exchange', 'ETIMEDOUT', 'there was no answer in time'))
    const before = failed()
    if (before !== undefined) return bad(before)
    if (tls.destroyed) return gone()
    tls.on('data', data)
    tls.once('error', bad)
    tls.once('end', gone)
    tls.once('close', gone)
    if (signal.aborted) return late()
    signal.addEventListener('abort', late, { once: true })
    tls.write(message)
  })
