import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from '../../../src/observability/log.ts'
import type { LocalMedia } from '../../../src/rtpengine/daemon-arguments.ts'

export interface Logged {
  readonly level: LogLevel
  readonly fields: LogFields
  readonly text: string
}

/** Keeps every line. */
export const keepingLog = (): { readonly log: Log; readonly lines: readonly Logged[] } => {
  const lines: Logged[] = []
  const keep =
    (level: LogLevel) =>
    (fields: LogFields, text: string): void => {
      lines.push({ level, fields, text })
    }
  const [trace, debug, info, warn, error] = LOG_LEVELS.map(keep) as [Log['trace'], Log['debug'], Log['info'], Log['warn'], Log['error']]
  const log: Log = { enabled: () => true, trace, debug, info, warn, error, with: () => log }
  return { log, lines }
}

/** A clock that the test moves. */
export const manualClock = () => {
  let at = 0
  return {
    now: () => at,
    wall: () => at,
    pass: (ms: number) => {
      at += ms
    },
  }
}

/** Media settings on a loopback address that no other test uses. */
export const localMedia = (address: string, portMin: number, portMax: number): LocalMedia => ({
  interfaces: [{ name: 'wan', address, advertised: undefined }],
  portMin,
  portMax,
  maxSessions: 10,
})

/**
 * A program in the place of rtpengine, run by this very Node.
 * @param body JavaScript; `host` and `port` are those of the ng socket, `answer()` makes it answer pings
 */
export const fakeDaemon = (folder: string, body: string): string => {
  const file = join(folder, 'rtpengine')
  const source = `#!${process.execPath}
const [host, port] = process.argv.find((arg) => arg.startsWith('--listen-ng=')).slice(12).split(':')
const answer = () => {
  const socket = require('node:dgram').createSocket('udp4')
  socket.on('message', (ping, from) => socket.send(ping.toString().split(' ')[0] + ' d6:result4:ponge', from.port, from.address))
  socket.bind(Number(port), host)
}
${body}
`
  writeFileSync(file, source)
  chmodSync(file, 0o755)
  return file
}
