import { once } from 'node:events'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'
import type { Ground } from '../../support/crossing.ts'
import { until } from '../../support/processes.ts'
import { dial } from './place.ts'

/** A client that stays connected, and asks the edge now and then. */
export interface Member {
  /** Sends OPTIONS for the edge itself; the status of the answer on this very connection. */
  ping(): Promise<number>
  readonly open: () => boolean
  close(): void
}

const optionsFor = (ground: Ground, transport: 'tls' | 'wss', callId: string): string => {
  const [via, parameter] = transport === 'tls' ? ['TLS', 'tls'] : ['WSS', 'ws']
  const port = transport === 'tls' ? ground.callersTlsPort : ground.wssPort
  return `OPTIONS sip:${ground.name}:${port};transport=${parameter} SIP/2.0\r\nVia: SIP/2.0/${via} client.invalid;branch=z9hG4bK${callId}\r\nMax-Forwards: 70\r\nFrom: <sip:ping@client.invalid>;tag=p\r\nTo: <sip:${ground.name}>\r\nCall-ID: ${callId}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`
}

let count = 0

const member = (
  ground: Ground,
  transport: 'tls' | 'wss',
  send: (text: string) => void,
  heard: () => string,
  open: () => boolean,
  close: () => void,
): Member => ({
  ping: async () => {
    const callId = `crowd-${++count}`
    send(optionsFor(ground, transport, callId))
    const found = await until(
      () =>
        new RegExp(`SIP/2\\.0 (\\d+) (?:(?!SIP/2\\.0 )[\\s\\S])*Call-ID: ${callId}\\r`).exec(heard()) ?? (open() ? undefined : ['', '0']),
      'answer to OPTIONS',
      30_000,
    )
    return Number(found[1])
  },
  open,
  close,
})

const tlsMember = async (ground: Ground, ca: string): Promise<Member> => {
  const socket: TLSSocket = await dial(ground, ca, ground.name)
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  return member(
    ground,
    'tls',
    (text) => socket.write(text),
    () => received,
    () => !socket.destroyed,
    () => socket.destroy(),
  )
}

const wssMember = async (ground: Ground, ca: string): Promise<Member> => {
  const how: ClientOptions & ConnectionOptions = {
    ca,
    localAddress: ground.caller,
    servername: ground.name,
    // The name leads nowhere on this machine
    lookup: (_host, options, done) =>
      (options as { readonly all?: boolean }).all === true
        ? (done as unknown as (error: null, all: object[]) => void)(null, [{ address: ground.outside, family: 4 }])
        : done(null, ground.outside, 4),
  }
  const socket = new WebSocket(`wss://${ground.name}:${ground.wssPort}`, 'sip', how)
  await once(socket, 'open')
  let received = ''
  socket.on('message', (bytes) => {
    received += String(bytes)
  })
  socket.on('error', () => {})
  return member(
    ground,
    'wss',
    (text) => socket.send(text),
    () => received,
    () => socket.readyState === WebSocket.OPEN,
    () => socket.terminate(),
  )
}

/** So many connections, half TLS and half WSS, each verified against `ca`. */
export const gather = async (ground: Ground, ca: string, size: number): Promise<readonly Member[]> => {
  const members: Member[] = []
  // Not more at a time than a listen queue holds
  for (let begun = 0; begun < size; begun += 50) {
    const some = Array.from({ length: Math.min(50, size - begun) }, (_, index) =>
      index % 2 === 0 ? tlsMember(ground, ca) : wssMember(ground, ca),
    )
    members.push(...(await Promise.all(some)))
  }
  return members
}

/** The statuses of all, counted. */
export const pingAll = async (members: readonly Member[]): Promise<Readonly<Record<number, number>>> => {
  const counts: Record<number, number> = {}
  for (const status of await Promise.all(members.map((one) => one.ping()))) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
