import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './crossing.ts'
import { bound } from './places.ts'
import { type Program, start, until } from './processes.ts'

const START = join(import.meta.dirname, '..', '..', 'deploy', 'coturn', 'start.sh')

export interface CoturnOptions {
  /** An empty one. */
  readonly folder: string
  readonly secretFile: string
  readonly at: Place
  /** Addresses that it may relay to. */
  readonly peers: readonly string[]
}

/** coturn as it is shipped with the edge, on loopback. */
export const startCoturn = async ({ folder, secretFile, at, peers }: CoturnOptions): Promise<Program> => {
  const environment = { TURN_SECRET_FILE: secretFile, TURN_REALM: 'turn.edge.test', TURN_PEERS: peers.join(' '), TURN_FOLDER: folder }
  const addresses = ['-L', at.address, '-E', at.address, '-p', String(at.port)]
  const program = start('/bin/sh', [START, ...addresses, '--allow-loopback-peers', '--verbose'], { cwd: folder, environment })
  await until(() => {
    if (!program.running()) throw new Error(`turnserver ended:\n${program.lines.join('\n')}`)
    return bound('udp', at.address, at.port) || undefined
  }, 'turnserver')
  return program
}

export interface TurnUser {
  readonly username: string
  readonly credential: string
}

/** coturn's own client: takes a relay and sends packets to a peer that gives them back. */
export const useRelay = async (server: Place, { username, credential }: TurnUser, peer: Place): Promise<string> => {
  const who = ['-u', username, '-w', credential, '-L', server.address]
  const load = ['-n', '3', '-c', '-e', peer.address, '-r', String(peer.port), '-p', String(server.port)]
  const client = start('turnutils_uclient', [...who, ...load, server.address])
  // It tries again for ever when it is refused
  const outcome = client.line((line) => /Total lost packets|Cannot complete|error \d+ \(|ERROR/.test(line), 'outcome', 20_000)
  const text = await outcome.finally(() => client.stop('SIGKILL'))
  return text
}

/** A peer that gives back what it gets. */
export const startEcho = async (at: Place): Promise<Program> => {
  const program = start('turnutils_peer', ['-L', at.address, '-p', String(at.port)])
  await until(() => bound('udp', at.address, at.port) || undefined, 'turnutils_peer')
  return program
}

/** @returns its path */
export const writeSecret = (folder: string, text: string): string => {
  const file = join(folder, 'turn-secret')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
