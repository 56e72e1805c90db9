import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './crossing.ts'
import { bound } from './places.ts'
import { type Program, start, until } from './processes.ts'

/** One of its doors, and the listener behind it. */
export interface HaproxyRoute {
  readonly name: string
  readonly at: Place
  readonly to: Place
  /** `http`: it ends TLS and adds X-Forwarded-For; with `pem`. `v1`, `v2`: it hands bytes on behind a PROXY header. */
  readonly how: 'http' | 'v1' | 'v2'
  /** It looks every 100 ms whether the listener is there. */
  readonly check?: boolean
}

export interface HaproxyOptions {
  readonly folder: string
  /** That its connections to the edge come from. */
  readonly source: string
  /** File with chain and key. */
  readonly pem: string
  readonly routes: readonly HaproxyRoute[]
}

const DEFAULTS = `global
  maxconn 200
defaults
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
`

/** HAProxy in front of the edge, when it takes connections. */
export const startHaproxy = async ({ folder, source, pem, routes }: HaproxyOptions): Promise<Program> => {
  const text = routes.map(({ name, at, to, how, check = false }) => {
    const tls = how === 'http' ? ` ssl crt ${pem}` : ''
    const header = how === 'v1' ? ' send-proxy' : how === 'v2' ? ' send-proxy-v2 proxy-v2-options crc32c' : ''
    const looks = check ? ' check inter 100ms check-send-proxy' : ''
    return `listen ${name}
  mode ${how === 'http' ? 'http' : 'tcp'}
  bind ${at.address}:${at.port}${tls}
${how === 'http' ? '  option forwardfor\n' : ''}  server edge ${to.address}:${to.port} source ${source}${header}${looks}
`
  })
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, [DEFAULTS, ...text].join('\n'))
  const program = start('haproxy', ['-db', '-f', file])
  await until(() => {
    if (!program.running()) throw new Error(`haproxy ended:\n${program.lines.join('\n')}`)
    return routes.every(({ at }) => bound('tcp', at.address, at.port)) || undefined
  }, 'haproxy')
  return program
}
