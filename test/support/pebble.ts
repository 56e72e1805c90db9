import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Authority } from './authority.ts'
import { freePort } from './places.ts'
import { type Program, start, until } from './processes.ts'

const HOST = '127.0.0.1'

/** A real ACME server on loopback; it forgets everything when it restarts. */
export interface Pebble {
  /** URL of its directory. */
  readonly directory: string
  /** PEM file with the root of its own HTTPS certificate. */
  readonly trustFile: string
  /** Where it looks for HTTP-01 and TLS-ALPN-01. */
  readonly httpPort: number
  readonly tlsPort: number
  /** What it logged, over restarts. */
  readonly lines: readonly string[]
  /** The root of what it signs, PEM; a new one with each start. */
  root(): Promise<string>
  /** @param serial hexadecimal */
  status(serial: string): Promise<'Valid' | 'Revoked' | 'unknown'>
  /** Gone at once; nobody listens on its port. */
  kill(): Promise<void>
  /** Another process on the same ports, without any memory. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export interface PebbleOptions {
  /** Its files; an own folder below it is made. */
  readonly folder: string
  readonly authority: Authority
  /** `address:port` of the DNS server that it asks. */
  readonly dns: string
  /** It looks there; default: ports of its own. */
  readonly httpPort?: number
  /** Kids and HMAC keys: accounts need a binding. */
  readonly bindings?: Readonly<Record<string, string>>
  /** Names that it does not sign for. */
  readonly blocked?: readonly string[]
  /** `PEBBLE_…`; by default no nonce is refused, nothing is reused, nothing sleeps. */
  readonly environment?: Readonly<Record<string, string>>
}

const QUIET = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' }

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: HOST, port }, () => {
      socket.destroy()
      resolve(true)
    }).once('error', () => resolve(false))
  })

export const startPebble = async (options: PebbleOptions): Promise<Pebble> => {
  const { authority, dns, bindings, blocked = [] } = options
  const [port, management, tlsPort] = [await freePort(HOST), await freePort(HOST), await freePort(HOST)]
  const httpPort = options.httpPort ?? (await freePort(HOST))
  const folder = join(options.folder, `pebble-${port}`)
  mkdirSync(folder, { recursive: true })
  const { chainFile, keyFile } = authority.issue(`pebble-${port}`, [HOST, 'localhost'])
  const file = join(folder, 'pebble.json')
  const settings = {
    listenAddress: `${HOST}:${port}`,
    managementListenAddress: `${HOST}:${management}`,
    certificate: chainFile,
    privateKey: keyFile,
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: bindings !== undefined,
    ...(bindings !== undefined && { externalAccountMACKeys: bindings }),
    domainBlocklist: blocked,
  }
  writeFileSync(file, JSON.stringify({ pebble: settings }))

  const lines: string[] = []
  let program: Program
  const run = async (): Promise<void> => {
    program = start('pebble', ['-config', file, '-dnsserver', dns], { environment: { ...QUIET, ...options.environment } })
    await program.line((line) => line.includes('ACME directory available'), 'directory')
    // It says so before it listens
    await until(async () => ((await accepts(port)) ? true : undefined), 'Pebble that takes connections')
  }
  const end = async (name: NodeJS.Signals): Promise<void> => {
    await program.stop(name)
    lines.push(...program.lines)
  }
  await run()

  const get = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: HOST, port: management, path, ca: authority.certificate, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.once('end', () => resolve(response.statusCode === 200 ? text : ''))
      })
      asked.once('error', reject).end()
    })

  return {
    directory: `https://${HOST}:${port}/dir`,
    trustFile: authority.file,
    httpPort,
    tlsPort,
    get lines() {
      return program.running() ? [...lines, ...program.lines] : lines
    },
    root: () => get('/roots/0'),
    async status(serial) {
      const text = await get(`/cert-status-by-serial/${serial.toLowerCase()}`)
      return text === '' ? 'unknown' : (JSON.parse(text) as { readonly Status: 'Valid' | 'Revoked' }).Status
    },
    kill: () => end('SIGKILL'),
    startAgain: run,
    stop: () => end('SIGTERM'),
  }
}

/** Pebble's own DNS for tests: every name leads to 127.0.0.1, unless it is told otherwise. */
export interface ChallengeDns {
  /** `address:port`. */
  readonly address: string
  /** Base URL of what changes its records: POST /set-txt {host, value}, /clear-txt {host}, with a final dot. */
  readonly management: string
  point(host: string, address: string): Promise<void>
  alias(host: string, target: string): Promise<void>
  stop(): Promise<void>
}

export const startChallengeDns = async (): Promise<ChallengeDns> => {
  const [dns, management] = [`${HOST}:${await freePort(HOST)}`, `${HOST}:${await freePort(HOST)}`]
  const none = ['-http01', '', '-https01', '', '-tlsalpn01', '']
  const program = start('pebble-challtestsrv', [
    ...none,
    '-dns01',
    dns,
    '-management',
    management,
    '-defaultIPv4',
    HOST,
    '-defaultIPv6',
    '',
  ])
  await program.line((line) => line.includes('Starting management server'), 'management server')
  const post = async (path: string, body: object): Promise<void> => {
    const url = `http://${management}/${path}`
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
        if (!answer.ok) throw new Error(`${url}: ${answer.status}`)
        return
      } catch (fault) {
        // It says that it starts before it listens
        if (attempt === 40) throw fault
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  await post('clear-txt', { host: 'nothing.invalid.' })
  return {
    address: dns,
    management: `http://${management}`,
    point: (host, address) => post('add-a', { host: `${host}.`, addresses: [address] }),
    alias: (host, target) => post('set-cname', { host: `${host}.`, target: `${target}.` }),
    stop: async () => {
      await program.stop()
    },
  }
}
