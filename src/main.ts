#!/usr/bin/env node
/** The command line, and the only file that knows everybody: it reads the configuration, builds the parts, starts and stops them. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { addTurnRoute } from './admin/turn-routes.ts'
import { createAdminService } from './admin-service.ts'
import type { Clock } from './base/clock.ts'
import { CertificateError, EdgewaysError, StoreError } from './base/errors.ts'
import { createCertificateService } from './certificate-service.ts'
import { loadCertificate } from './certs/load.ts'
import { rootsNamed } from './certs/roots.ts'
import { type CommandIo, checkCommand, configCommand, EXIT, loadConfigFile } from './config/commands.ts'
import { ConfigError, formatProblems } from './config/errors.ts'
import { firstRunConfig } from './config/examples.ts'
import type { Snapshot } from './config/snapshot.ts'
import { VERSION } from './config/version.ts'
import { callCommand } from './demo/call.ts'
import { DemoPbx } from './demo/pbx.ts'
import { createResolver } from './dns/resolver.ts'
import { namedServers } from './dns/servers.ts'
import { doctorCommand } from './doctor-command.ts'
import { Engine } from './engine/engine.ts'
import { KeyRing } from './engine/keys.ts'
import { RandomIds } from './engine/random-ids.ts'
import { createMediaService } from './media-service.ts'
import { EdgeMetrics } from './observability/edge-metrics.ts'
import { createLogger, type Logger } from './observability/logger.ts'
import { RecentLines } from './observability/recent.ts'
import { Trace } from './observability/trace.ts'
import { askPassword } from './password-prompt.ts'
import { StoredBindings } from './store/bindings.ts'
import { checkProofs, createSubscriberService } from './subscriber-service.ts'
import { createTeamsService } from './teams-service.ts'
import { createTransports } from './transport/transports.ts'
import type { Transports } from './transport/types.ts'
import { createTurnService } from './turn-service.ts'
import { userCommand } from './user-commands.ts'

const USAGE = `usage: edgeways COMMAND [options]

run                 start the edge (with --config FILE, or the configuration in the data folder)
check FILE          validate a configuration; exit code 0 valid, 1 not, 2 unreadable
config [FILE]       print the effective configuration, with defaults and where each value is from
call [URI]          place a demonstration call through the running edge
doctor teams        look at everything between us and Microsoft Teams, with what to do about it (--help says more)
user COMMAND        users of phones and browsers: list, show, add, password, enable, disable, alias, remove (--help says more)
version             print the version

--config FILE       configuration file           (EDGEWAYS_CONFIG; default: edgeways.yaml in the data folder)
--data FOLDER       data folder                  (EDGEWAYS_DATA; default: ./data)
`

const clock: Clock = { now: () => performance.now(), wall: () => Date.now() }
/** The one worker there is; branches, cookies and flow tokens name their owner from the first day. */
const OWNER = '0'

interface Places {
  readonly file: string
  readonly dataDir: string
  readonly firstRun: boolean
}

const main = async (args: readonly string[]): Promise<number> => {
  if (args[0] === 'user')
    return userCommand(args.slice(1), {
      ...{ stdout: process.stdout, stderr: process.stderr, environment: process.env, wall: clock.wall },
      password: askPassword(process.stdin, process.stderr),
      terminal: process.stdin.isTTY === true,
    })
  if (args[0] === 'doctor') {
    // It writes for some seconds; who reads it through `head` has seen enough
    process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
    return doctorCommand(args.slice(1), {
      ...{ stdout: process.stdout, stderr: process.stderr, environment: process.env, terminal: process.stdout.isTTY === true },
    })
  }
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  const { values, positionals } = parsed
  const [command = 'run', argument] = positionals
  const dataDir = resolve(values.data ?? process.env.EDGEWAYS_DATA ?? 'data')
  const named = values.config ?? process.env.EDGEWAYS_CONFIG
  const file = resolve(named ?? join(dataDir, 'edgeways.yaml'))
  const io = { stdout: process.stdout, stderr: process.stderr, environment: process.env, dataDir }
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  switch (command) {
    case 'run':
      return run({ file, dataDir, firstRun: named === undefined && !existsSync(file) })
    case 'check':
      return check(resolve(argument ?? file), io)
    case 'config':
      return configCommand(resolve(argument ?? file), io)
    case 'call':
      return callCommand(argument, {
        file,
        dataDir,
        ids: new RandomIds(),
        load: (path) => loadConfigFile(path, { dataDir, environment: process.env }),
        stdout: process.stdout,
      })
    case 'version':
      process.stdout.write(`edgeways ${VERSION} (node ${process.version})\n`)
      return 0
    default:
      process.stderr.write(`There is no command "${command}"\n\n${USAGE}`)
      return 2
  }
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string' }, data: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  })

/** The configuration, and the certificates, secrets and keys that it names: each has to fit. */
const check = async (file: string, io: CommandIo): Promise<number> => {
  const code = checkCommand(file, io)
  const loaded = code === EXIT.ok ? loadConfigFile(file, { dataDir: io.dataDir ?? '.', environment: process.env }) : undefined
  if (loaded?.ok !== true) return code
  for (const { name, source } of loaded.snapshot.certificates) {
    if (source.kind !== 'files') continue
    try {
      await loadCertificate({ name, chain: source.chain, key: source.key }, clock.wall())
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      io.stderr.write(`${file}: certificates.${name}: ${error.message}\n`)
      return EXIT.invalid
    }
  }
  for (const [name, { peers }] of loaded.snapshot.zones) {
    try {
      peers?.roots.forEach(rootsNamed)
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      io.stderr.write(`${file}: zones.${name}.peers.roots: ${error.message}\n`)
      return EXIT.invalid
    }
  }
  try {
    checkProofs(loaded.snapshot.authentication, clock)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    io.stderr.write(`${file}: authentication: ${error.message}\n`)
    return EXIT.invalid
  }
  return code
}

const run = async ({ file, dataDir, firstRun }: Places): Promise<number> => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (firstRun) writeFileSync(file, firstRunConfig(), { mode: 0o600, flag: 'wx' })
  const loaded = loadConfigFile(file, { dataDir, environment: process.env })
  if (!loaded.ok) {
    process.stderr.write(`${formatProblems(loaded.problems, file)}\n`)
    return 1
  }
  const { snapshot } = loaded
  const recent = new RecentLines()
  const log = createLogger({ level: snapshot.log.level, recent })
  if (firstRun) log.info({ file }, 'First start: wrote a configuration')
  for (const { path, line, message, remedy } of loaded.warnings) log.warn({ path, line, remedy }, message)

  const ids = new RandomIds()
  const metrics = new EdgeMetrics(VERSION)
  const resolver = createResolver({
    clock,
    servers: namedServers(process.env.EDGEWAYS_DNS_SERVERS),
    failing: (question, detail, serving) => log.warn({ question, detail, serving }, 'DNS server does not answer'),
  })
  const every = (ms: number, run: () => void) => {
    const timer = setInterval(run, ms)
    return () => clearInterval(timer)
  }
  const certificates = await createCertificateService(snapshot, {
    dataDir,
    version: VERSION,
    clock,
    log,
    metrics,
    every,
    transports: () => transports!,
    refresh: async () => {
      await engine.refreshCertificates()
      await admin?.refresh()
    },
  })
  const subscribers = createSubscriberService(snapshot, { dataDir, clock, log })
  let transports: Transports | undefined
  const trace = new Trace(clock, snapshot.traceBytes)
  const turn = createTurnService({ clock, log, running: () => engine.snapshot, judge: (request) => engine.judgeWeb(request) })
  const media = createMediaService(snapshot, { clock, log, metrics, every })
  const engine = new Engine(
    {
      version: VERSION,
      owner: OWNER,
      clock,
      ids,
      log,
      metrics,
      resolver,
      keys: new KeyRing(dataDir, clock, snapshot.keyRotationSeconds),
      transports: (events) => {
        transports = createTransports({ events, clock, ids, owner: OWNER, web: turn.web })
        return transports
      },
      media: media.pool,
      trace,
      certificates: certificates.source,
      bindings: new StoredBindings(subscribers.database, log),
      subscribers: subscribers.subscribers,
      proofs: subscribers.proofs,
      applied: (next) => {
        certificates.applied(next)
        subscribers.applied(next)
        void admin?.refresh()
      },
      reread: (previous) => loadConfigFile(file, { dataDir, environment: process.env, previous }),
      logLevel: { get: () => log.level, set: (level) => log.setLevel(level) },
      every,
    },
    snapshot,
  )
  // A mistake of ours in one event must not end all calls; the log has it, and the counter shows it
  process.on('uncaughtException', (error) => uncaught(error, log, metrics))
  process.on('unhandledRejection', (error) => uncaught(error, log, metrics))

  const pbx = snapshot.demo === undefined ? undefined : new DemoPbx({ ...snapshot.demo, ids, log })
  const teams = createTeamsService({
    ...{ dataDir, log, ids, every, engine, running: () => engine.snapshot, certificate: certificates.source },
  })
  const admin = await createAdminService({
    snapshot,
    running: () => engine.snapshot,
    dataDir,
    file,
    engine,
    metrics,
    log,
    recent,
    clock,
    every,
    adopt: (listener, handshake) => transports!.adopt(listener, handshake),
    certificate: (entry) => certificates.source(entry, 'kept'),
    certificates: () => certificates.keeper.views(),
    more: (config) => [certificates.routes(config), subscribers.routes, (app) => addTurnRoute(app, turn.credentials), teams.routes(config)],
  })
  if (admin !== undefined) {
    certificates.follow(admin.events)
    teams.follow(admin.events)
  }
  metrics.start()
  await pbx?.start()
  await media.start()
  await engine.start()
  await certificates.start()
  teams.start()
  const adminLines = (await admin?.start()) ?? []
  for (const line of announcement(snapshot, adminLines, file)) log.info({}, line)
  log.info({ version: VERSION, node: process.version, listeners: snapshot.listeners.length }, 'Edgeways is ready')

  process.on('SIGHUP', () => void engine.reload())
  const signal = await endSignal()
  log.info({ signal }, 'Stopping: no new transactions, those under way are finished')
  await teams.stop()
  await certificates.stop()
  await engine.stop()
  await media.stop()
  await admin?.stop()
  subscribers.stop()
  pbx?.stop()
  resolver.stop()
  metrics.stop()
  log.info({}, 'Stopped')
  return 0
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
const endSignal = (): Promise<NodeJS.Signals> =>
  new Promise((done) => {
    let first = 0
    const signalled = (name: NodeJS.Signals) => {
      if (first === 0) {
        first = clock.now()
        done(name)
      } else if (clock.now() - first > SAME_SIGNAL_MS) process.exit(130)
    }
    process.on('SIGTERM', signalled)
    process.on('SIGINT', signalled)
  })

/** Ctrl-C under npm arrives twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 500

const uncaught = (error: unknown, log: Logger, metrics: EdgeMetrics): void => {
  metrics.internalError('other')
  log.error({ err: error }, 'Uncaught error; the process goes on')
}

/** What a newcomer reads: where we listen, and what to do next. */
const announcement = (snapshot: Snapshot, adminLines: readonly string[], file: string): readonly string[] => {
  const lines = snapshot.listeners.map(({ listener }) => {
    const zones = [...snapshot.zones.values()].filter((zone) => zone.listeners.includes(listener)).map((zone) => zone.name)
    const scheme = listener.transport.webSocket
      ? `${listener.transport.name}://${listener.sentBy}`
      : `${listener.transport.name} ${listener.sentBy}`
    return `Listening: ${scheme}  (${listener.name}; ${zones.length === 0 ? 'no zone' : `zone ${zones.join(', ')}`})`
  })
  lines.push(...adminLines)
  if (snapshot.demo !== undefined)
    lines.push('Demonstration PBX is on: press "Call echo" on the test phone, or "npm run call" in another terminal')
  lines.push(`Configuration: ${file}`)
  return lines
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  // What is no mistake of the operator's is ours: the stack belongs in the report
  const text = error instanceof EdgewaysError ? error.message : ((error as Error).stack ?? String(error))
  process.stderr.write(`${error instanceof ConfigError ? '' : 'Edgeways cannot start: '}${text}\n`)
  process.exit(1)
}
