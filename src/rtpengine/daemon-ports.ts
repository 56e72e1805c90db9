/**
 * The ports of our own rtpengine, before it starts. It says nothing of an address that this machine does not have, nor of a range without a
 * free port: each call would fail later. And since it binds with SO_REUSEADDR, two daemons with the same address take the very same ports and
 * the one gets the other's audio (seen with 10.5). So what we give to a daemon is reserved, for this network namespace and the life of our
 * process, by names in the abstract socket namespace of Linux (unix(7)): the kernel takes them back whenever we die.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { MediaError } from '../base/errors.ts'
import type { LocalMedia } from './daemon-arguments.ts'

/** Held until released. */
export interface Reservation {
  release(): Promise<void>
}

const CONTROL_HOST = '127.0.0.1'

/** What a bind of a UDP port says: its port, or why not. SO_REUSEADDR is not set, so that a port of another daemon counts as taken. */
const tryBind = (address: string, port: number): Promise<{ readonly port: number } | { readonly code: string }> =>
  new Promise((resolve) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reuseAddr: false })
    socket.once('error', (error: NodeJS.ErrnoException) => socket.close(() => resolve({ code: error.code ?? error.message })))
    socket.bind({ address, port, exclusive: true }, () => {
      const bound = socket.address().port
      socket.close(() => resolve({ port: bound }))
    })
  })

/** Holds an abstract name; undefined when somebody has it. */
const hold = (name: string): Promise<Reservation | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy())
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(new MediaError('SBC_MEDIA_DAEMON', `The ports of rtpengine cannot be reserved: ${error.message}`, error))
    })
    server.listen(`\0${name}`, () => resolve({ release: () => new Promise((done) => server.close(() => done())) }))
  })

const MEDIA = 'edgeways-media'
const HELD = new RegExp(`@${MEDIA}/([^/]+)/(\\d+)-(\\d+)/([0-9a-f]+)$`, 'gm')

/** One address and range that an Edgeways of this machine gave to its daemon. */
export interface HeldRange {
  readonly address: string
  readonly portMin: number
  readonly portMax: number
  /** Whose it is. */
  readonly id: string
}

/** @param table the text of /proc/net/unix */
export const heldRanges = (table: string): readonly HeldRange[] =>
  [...table.matchAll(HELD)].map(([, address = '', min, max, id = '']) => ({ address, portMin: Number(min), portMax: Number(max), id }))

const refuse = (sentence: string): never => {
  throw new MediaError('SBC_MEDIA_DAEMON', sentence)
}

const checkAddress = async (address: string, { portMin, portMax }: LocalMedia): Promise<void> => {
  const bound = await tryBind(address, 0)
  if ('code' in bound) {
    if (bound.code !== 'EADDRNOTAVAIL') refuse(`The media interface ${address} cannot be used (${bound.code})`)
    refuse(`${address} is not an address of this machine; under media.interfaces write one that is, and the public one as its "advertise"`)
  }
  // RTP on an even port, RTCP on the next (RFC 3550 §11)
  for (let port = portMin + (portMin % 2); port < portMax; port += 2) {
    if ('port' in (await tryBind(address, port)) && 'port' in (await tryBind(address, port + 1))) return
  }
  refuse(`No pair of the media ports ${portMin}-${portMax} is free on ${address}; write another range under media.ports`)
}

/**
 * Looks at the media addresses and ports of a daemon, and keeps other edges of this machine away from them.
 * @throws (rejects with) MediaError SBC_MEDIA_DAEMON: an address is not ours, no pair of ports is free, or another Edgeways has the range
 */
export const reserveMedia = async (local: LocalMedia): Promise<Reservation> => {
  const id = randomBytes(8).toString('hex')
  const { portMin, portMax } = local
  const addresses = [...new Set(local.interfaces.map(({ address }) => address))]
  const held: Reservation[] = []
  const release = async (): Promise<void> => {
    await Promise.all(held.map((one) => one.release()))
  }
  try {
    for (const address of addresses) {
      await checkAddress(address, local)
      const one = await hold(`${MEDIA}/${address}/${portMin}-${portMax}/${id}`)
      if (one !== undefined) held.push(one)
    }
    // After ours are there: of two that start together each sees the other, and one comes first when they try again
    const others = heldRanges(await readFile('/proc/net/unix', 'latin1')).filter((range) => range.id !== id)
    const clash = others.find((range) => addresses.includes(range.address) && range.portMin <= portMax && range.portMax >= portMin)
    if (clash !== undefined) {
      refuse(
        `The media ports ${portMin}-${portMax} of ${clash.address} overlap those of another Edgeways on this machine ` +
          `(${clash.portMin}-${clash.portMax}); write another range under media.ports`,
      )
    }
  } catch (error) {
    await release()
    throw error
  }
  return { release }
}

const ATTEMPTS = 20

/** A free UDP port on loopback for the ng socket, which no other edge of this machine takes until it is released. */
export const reserveControl = async (): Promise<Reservation & { readonly host: string; readonly port: number }> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const bound = await tryBind(CONTROL_HOST, 0)
    if ('code' in bound) break
    const held = await hold(`edgeways-ng/${bound.port}`)
    if (held !== undefined) return { host: CONTROL_HOST, port: bound.port, release: held.release }
  }
  return refuse(`There is no free UDP port on ${CONTROL_HOST} for the control of rtpengine`)
}
