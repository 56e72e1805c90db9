/** The two servers that are compared, started with configurations for the same job. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pinned } from './generator.ts'
import type { Places } from './plan.ts'
import { processTree } from './procfs.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = join(HERE, '..', '..')
const KAMAILIO = '/usr/sbin/kamailio'
const READY_MS = 20_000

export type ServerName = 'edge' | 'kamailio'

export interface Certificate {
  readonly chain: string
  readonly key: string
  /** What callers show that are hubs of Teams, and the root that it ends at. */
  readonly hub: { readonly chain: string; readonly key: string; readonly root: string }
}

export interface Server {
  readonly name: ServerName
  /** All its processes, now. */
  readonly pids: () => number[]
  readonly alive: () => boolean
  readonly logFile: string
  readonly stop: () => Promise<void>
}

export interface ServerSettings {
  readonly places: Places
  readonly certificate: Certificate
  readonly folder: string
  readonly cpu: number | undefined
  /** SDP goes through the rtpengine of `places`. */
  readonly media: boolean
}

/** A folder that goes away with the process, however it ends. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeways-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** By this name hubs are known. */
const HUB = 'sip.pstnhub.microsoft.com'

/** One self-signed ECDSA P-256 certificate, with which both servers and the TLS answerer work; it is its own root. */
export const makeCertificate = (folder: string, { domain, tlsPeer }: Places): Certificate => {
  const hub = { chain: join(folder, 'hub-chain.pem'), key: join(folder, 'hub-key.pem'), root: join(folder, 'hub-root.pem') }
  const certificate = { chain: join(folder, 'chain.pem'), key: join(folder, 'key.pem'), hub }
  const names = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain},IP:${tlsPeer}`]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7']
  try {
    const openssl = (args: readonly string[]): Buffer => execFileSync('openssl', ['req', ...kind, ...args], { stdio: 'pipe' })
    openssl(['-keyout', certificate.key, '-out', certificate.chain, ...names])
    const rootKey = join(folder, 'hub-root-key.pem')
    openssl(['-keyout', rootKey, '-out', hub.root, '-subj', '/CN=Bench hub root'])
    openssl([
      ...['-CA', hub.root, '-CAkey', rootKey, '-keyout', hub.key, '-out', hub.chain, '-subj', `/CN=${HUB}`],
      ...[
        '-addext',
        `subjectAltName=DNS:${HUB}`,
        '-addext',
        'basicConstraints=critical,CA:FALSE',
        '-addext',
        'extendedKeyUsage=serverAuth,clientAuth',
      ],
    ])
  } catch (cause) {
    throw new Error('The certificate could not be made; the program openssl is needed (apt-get install openssl)', { cause })
  }
  return certificate
}

const running = new Set<ChildProcess>()
/** Each start has a log of its own: an old one would say that it is ready. */
let starts = 0

const killTree = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // already gone
    }
  }
}
process.once('exit', () => {
  for (const child of running) killTree(processTree(child.pid!))
})

const start = (
  settings: ServerSettings,
  name: ServerName,
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Server => {
  const logFile = join(settings.folder, `${name}-${++starts}.log`)
  const [file, all] = pinned(settings.cpu, program, args)
  const child = spawn(file, all, { cwd: ROOT, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const log = createWriteStream(logFile)
  child.stdout!.pipe(log, { end: false })
  child.stderr!.pipe(log, { end: false })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => running.delete(child))
  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  const stop = async (): Promise<void> => {
    if (!alive()) return
    const tree = processTree(child.pid!)
    child.kill('SIGTERM')
    const late = setTimeout(() => killTree(tree), 8000)
    await exited
    clearTimeout(late)
    log.end()
  }
  return { name, logFile, stop, alive, pids: () => processTree(child.pid!) }
}

/** The last lines of a server's log, for messages. */
export const tail = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-12).join('\n') : '')

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const untilReady = async (server: Server, ready: () => Promise<boolean> | boolean): Promise<Server> => {
  const deadline = Date.now() + READY_MS
  while (!(await ready())) {
    const ended = !server.alive()
    if (ended || Date.now() > deadline) {
      await server.stop()
      throw new Error(
        `${server.name} ${ended ? 'ended while starting' : `was not ready within ${READY_MS / 1000} s`}:\n${tail(server.logFile)}`,
      )
    }
    await sleep(50)
  }
  return server
}

const somebodyListens = async (places: Places): Promise<void> => {
  for (const port of [places.sipPort, places.tlsPort, places.hubPort, places.wssPort, places.wsPort]) {
    if (await accepts(places.edge, port))
      throw new Error(`Something listens on ${places.edge}:${port} already; choose another network with --network`)
  }
}

const ngOf = ({ media, ngPort }: Places): string => `${media}:${ngPort}`

const edgeConfiguration = ({ places, certificate, media }: ServerSettings): string => `name: ${places.domain}
listeners:
  lan: { udp: "${places.edge}:${places.sipPort}", tcp: "${places.edge}:${places.sipPort}" }
  out: { tls: "${places.edge}:${places.tlsPort}", tls-settings: { trust: "${certificate.chain}" } }
  hub: { tls: "${places.edge}:${places.hubPort}" }
  web: { wss: "${places.edge}:${places.wssPort}", ws: "${places.edge}:${places.wsPort}" }
zones:
  pbx: { kind: trunk, on: lan, targets: ["sip:${places.pbx}:${places.pbxPort};transport=udp"], admit: { networks: ["${places.network}"] }, probe: false }
  out: { kind: trunk, on: out, targets: ["sip:${places.tlsPeer}:${places.tlsPeerPort};transport=tls"], admit: { networks: ["${places.network}"] }, probe: false }
  teams: { kind: teams, on: hub, targets: [], peers: { roots: "${certificate.hub.root}" }, admit: { networks: ["${places.network}"] }, probe: false }
  browsers: { kind: webrtc, on: web, origins: ["*"] }
routes:
  - { from: pbx, host: ${places.pbx}, to: pbx }
  - { from: pbx, host: ${places.tlsPeer}, to: out }
  - { from: [out, browsers, teams], to: pbx }
limits: { registrations: 100000, ping: 30s }
media: ${media ? `{ rtpengine: ["${ngOf(places)}"] }` : 'off'}
certificates: { main: { chain: "${certificate.chain}", key: "${certificate.key}" } }
`

/** As `npm start` runs it. */
const START_OPTIONS = ['--max-semi-space-size=32']

/** The edge of this working tree, run by the Node that runs us. */
export const startEdge = async (settings: ServerSettings, nodeOptions: readonly string[] = []): Promise<Server> => {
  await somebodyListens(settings.places)
  const file = join(settings.folder, 'edge.yaml')
  writeFileSync(file, edgeConfiguration(settings))
  const data = join(settings.folder, 'data')
  mkdirSync(data, { recursive: true })
  const server = start(settings, 'edge', process.execPath, [...START_OPTIONS, ...nodeOptions, 'src/main.ts', 'run', '--config', file], {
    EDGEWAYS_DATA: data,
    NODE_ENV: 'production',
  })
  const ready = ['Edgeways is ready', ...(settings.media ? ['Media node is up'] : [])]
  return untilReady(server, () => ready.every((words) => tail(server.logFile).includes(words)))
}

export interface KamailioWorkers {
  readonly udp: number
  readonly tcp: number
}

export const kamailioInstalled = (): boolean => existsSync(KAMAILIO)

/**
 * Kamailio resolves the names it advertises when it starts. When ours does not resolve, the program is started behind these words,
 * in a mount namespace of its own in which /etc/hosts knows the name.
 */
const withName = async (places: Places, folder: string): Promise<[string, string[]]> => {
  const resolves = await lookup(places.domain).then(
    () => true,
    () => false,
  )
  if (resolves) return ['env', []]
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, `127.0.0.1 localhost\n${places.edge} ${places.domain}\n`)
  const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
  const shell = ['sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
  try {
    execFileSync('unshare', [...namespace, ...shell, 'true'], { stdio: 'pipe' })
  } catch (cause) {
    throw new Error(`Kamailio needs the name ${places.domain}; add the line '${places.edge} ${places.domain}' to /etc/hosts`, { cause })
  }
  return ['unshare', [...namespace, ...shell]]
}

export const startKamailio = async (settings: ServerSettings, workers: KamailioWorkers): Promise<Server> => {
  await somebodyListens(settings.places)
  const { places, certificate, folder } = settings
  const tlsConfig = join(folder, 'kamailio-tls.cfg')
  const values: Readonly<Record<string, string | number>> = {
    ADDRESS: places.edge,
    SIP_PORT: places.sipPort,
    TLS_PORT: places.tlsPort,
    WSS_PORT: places.wssPort,
    HUB_PORT: places.hubPort,
    HUB_ROOT: certificate.hub.root,
    HUB_NAME: HUB,
    WS_PORT: places.wsPort,
    DOMAIN: places.domain,
    NETWORK: places.network,
    PBX: `${places.pbx}:${places.pbxPort}`,
    PBX_HOST: places.pbx,
    TLS_PEER_HOST: places.tlsPeer,
    RTPENGINE: ngOf(places),
    TLS_CONFIG: tlsConfig,
    UDP_WORKERS: workers.udp,
    TCP_WORKERS: workers.tcp,
    CHAIN: certificate.chain,
    KEY: certificate.key,
  }
  const fill = (name: string): string =>
    readFileSync(join(HERE, 'kamailio', name), 'utf8').replaceAll(/@([A-Z_]+)@/g, (all, key: string) => String(values[key] ?? all))
  const file = join(folder, 'kamailio.cfg')
  writeFileSync(file, fill('kamailio.cfg'))
  writeFileSync(tlsConfig, fill('tls.cfg'))
  const [program, args] = await withName(places, folder)
  // -DD: in the foreground with all its processes as descendants; -m and -M: shared and private memory in MB, -x and -X: by the allocator
  // without debugging, which makes it more than twice as fast here
  const server = start(
    settings,
    'kamailio',
    program,
    [
      ...args,
      KAMAILIO,
      '-f',
      file,
      '-DD',
      '-E',
      '-x',
      'tlsf',
      '-X',
      'tlsf',
      '-m',
      '2048',
      '-M',
      '32',
      '-Y',
      folder,
      ...(settings.media ? ['-A', 'WITH_MEDIA'] : []),
    ],
    {},
  )
  return untilReady(server, async () => (await accepts(places.edge, places.wssPort)) && server.pids().length > 4)
}

export const kamailioVersion = (): string =>
  /version: kamailio (\S+)/.exec(execFileSync(KAMAILIO, ['-v'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
