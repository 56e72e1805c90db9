import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AcmeDeps } from '../../../src/certs/acme/issuer.ts'
import type { AcmeSettings, DnsSettings } from '../../../src/certs/types.ts'
import { type Authority, createAuthority } from '../../support/authority.ts'
import { type ChallengeDns, type Pebble, type PebbleOptions, startChallengeDns, startPebble } from '../../support/pebble.ts'
import { temporaryFolder } from '../../support/places.ts'
import { startSockets, type TestSockets } from './order.ts'

/** A CA, a DNS and our sockets, for the tests of one file. */
export interface World {
  readonly path: string
  readonly authority: Authority
  readonly dns: ChallengeDns
  readonly pebble: Pebble
  readonly sockets: TestSockets
  settings(more?: Partial<AcmeSettings>): AcmeSettings
  /** A data folder of its own with each call. */
  deps(): Pick<AcmeDeps, 'folder' | 'sockets'>
  /** Settings of dns-01 by a program that writes into the DNS of the test. */
  hook(): { readonly dns: DnsSettings; readonly calls: () => readonly string[] }
  stop(): Promise<void>
}

export const startWorld = async (options: Partial<Pick<PebbleOptions, 'bindings' | 'blocked' | 'environment'>> = {}): Promise<World> => {
  const folder = temporaryFolder('acme')
  const authority = createAuthority(folder.path)
  const dns = await startChallengeDns()
  const pebble = await startPebble({ folder: folder.path, authority, dns: dns.address, ...options })
  const sockets = await startSockets(pebble.tlsPort)
  let count = 0
  return {
    path: folder.path,
    authority,
    dns,
    pebble,
    sockets,
    settings: (more = {}) => ({
      email: 'ops@example.test',
      directory: pebble.directory,
      challenge: 'http-01',
      httpPort: pebble.httpPort,
      eab: undefined,
      profile: undefined,
      trustFile: pebble.trustFile,
      renewBeforeMs: undefined,
      dns: undefined,
      ...more,
    }),
    deps: () => ({ folder: join(folder.path, `data-${count++}`), sockets }),
    hook: () => {
      const path = join(folder.path, `hook-${count++}`)
      const log = `${path}.calls`
      appendFileSync(log, '')
      writeFileSync(path, hookSource(log, dns.management), { mode: 0o755 })
      return {
        dns: { provider: 'hook', settings: { 'program-file': path }, servers: [dns.address], propagationMs: 10_000 },
        calls: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []),
      }
    },
    async stop() {
      await sockets.stop()
      await pebble.stop()
      await dns.stop()
      folder.remove()
    },
  }
}

const hookSource = (log: string, management: string): string => `#!${process.execPath}
const [what, name, value] = process.argv.slice(2)
require('node:fs').appendFileSync(${JSON.stringify(log)}, [what, name, value].join(' ') + '\\n')
const body = what === 'add' ? { host: name + '.', value } : { host: name + '.' }
fetch(${JSON.stringify(management)} + (what === 'add' ? '/set-txt' : '/clear-txt'), { method: 'POST', body: JSON.stringify(body) })
  .then((answer) => process.exit(answer.ok ? 0 : 1))
`
