import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A fresh folder outside the project, and what removes it. */
export const temporaryFolder = (name: string): { readonly path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), `edgeways-${name}-`))
  return {
    path,
    remove: () => {
      if (process.env.E2E_KEEP === undefined) rmSync(path, { recursive: true, force: true })
    },
  }
}

const handedOut = new Set<string>()

const free = async (host: string, port: number): Promise<boolean> => {
  const datagram = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const stream = createServer()
  try {
    await new Promise<void>((resolve, reject) => datagram.once('error', reject).bind({ address: host, port, exclusive: true }, resolve))
    await new Promise<void>((resolve, reject) => stream.once('error', reject).listen({ host, port, exclusive: true }, resolve))
    return true
  } catch {
    return false
  } finally {
    await new Promise<void>((resolve) => datagram.close(resolve))
    if (stream.listening) await new Promise<void>((resolve) => stream.close(() => resolve()))
  }
}

/** A port that is free for UDP and TCP on a loopback address; below the ephemeral range, so no connection takes it meanwhile. */
export const freePort = async (host: string): Promise<number> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 9000)
    const place = `${host}:${port}`
    if (handedOut.has(place) || !(await free(host, port))) continue
    handedOut.add(place)
    return port
  }
  throw new Error(`No free port on ${host}`)
}

const kernelAddress = (address: string, port: number): string => {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return `${bytes.reverse().join('').toUpperCase()}:${port.toString(16).toUpperCase().padStart(4, '0')}`
}

/** True when some process has bound (UDP) or listens on (TCP) the address: how to know that a peer without a ready line is ready. */
export const bound = (transport: 'udp' | 'tcp', address: string, port: number): boolean => {
  const wanted = kernelAddress(address, port)
  return readFileSync(`/proc/net/${transport}`, 'latin1')
    .split('\n')
    .some((line) => {
      const fields = line.trim().split(/\s+/)
      return fields[1] === wanted && (transport === 'udp' || fields[3] === '0A')
    })
}
