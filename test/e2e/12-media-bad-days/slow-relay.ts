import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** Stands between the edge and the ng socket of a daemon, and keeps replies back. */
export interface SlowRelay {
  readonly host: string
  readonly port: number
  /** From now on replies to this command stay here. */
  hold(command: string): void
  /** How many are kept. */
  readonly held: () => number
  /** Sends what was kept, and keeps nothing more. */
  release(): void
  close(): void
}

const bound = async (): Promise<Socket> => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** In bencode a text is told with its length. */
const commandIn = (text: string): string => {
  const [, length = '0', rest = ''] = /7:command(\d+):([a-z]+)/.exec(text) ?? []
  return rest.slice(0, Number(length))
}

export const startSlowRelay = async (daemon: { readonly host: string; readonly port: number }): Promise<SlowRelay> => {
  const front = await bound()
  const behind = await bound()
  /** By cookie: who asked, and what. */
  const asked = new Map<string, { readonly port: number; readonly command: string }>()
  const kept: { readonly datagram: Buffer; readonly port: number }[] = []
  let slow: string | undefined
  const cookieOf = (datagram: Buffer): string => datagram.toString('latin1', 0, datagram.indexOf(' '))
  front.on('message', (datagram, from) => {
    asked.set(cookieOf(datagram), { port: from.port, command: commandIn(datagram.toString('latin1')) })
    behind.send(datagram, daemon.port, daemon.host)
  })
  behind.on('message', (datagram) => {
    const from = asked.get(cookieOf(datagram))
    if (from === undefined) return
    if (slow !== undefined && from.command === slow) kept.push({ datagram, port: from.port })
    else front.send(datagram, from.port, '127.0.0.1')
  })
  return {
    host: '127.0.0.1',
    port: front.address().port,
    hold: (command) => {
      slow = command
    },
    held: () => kept.length,
    release: () => {
      slow = undefined
      for (const { datagram, port } of kept.splice(0)) front.send(datagram, port, '127.0.0.1')
    },
    close: () => {
      front.close()
      behind.close()
    },
  }
}
