/**
 * `npm run bench`: the edge and Kamailio with the same job, one after the other in one session.
 * See README.md beside this file, and `--help`.
 */
import { availableParallelism, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { buildGenerator } from './generator.ts'
import { type Bench, findHighest, measureIdle, openGenerator, playHandshakes, playQuietly, playRate, type Window } from './measure.ts'
import { namesOf, placesIn, SCENARIO_NAMES, SCENARIOS, type Scenario, type ScenarioName } from './plan.ts'
import { busyTicks, cpuModel } from './procfs.ts'
import { rtpengineVersion, startRelay } from './relay.ts'
import { commit, linesOf, type Measurement, type Report, readResults, textTable, writeDocument, writeResults } from './report.ts'
import {
  type KamailioWorkers,
  kamailioInstalled,
  kamailioVersion,
  makeCertificate,
  type Server,
  type ServerName,
  type ServerSettings,
  startEdge,
  startKamailio,
  tail,
  temporaryFolder,
} from './servers.ts'
import { playSipp, sippVersion } from './sipp.ts'
import { playSoak } from './soak.ts'

const HELP = `npm run bench -- [options] [scenario...]

Scenarios: ${SCENARIO_NAMES.join(' ')}
(without names: all but 'options' and those with media; those with media need rtpengine, and are not mixed with others)

  --quick              under two minutes: one run, short windows, no SIPp, a short search for the highest rate for udp-udp and tls-udp
  --media              the scenarios with media
  --soak N             with media: N calls at the fixed rate instead, and what is left of them
  --check              one second of calls for each scenario: does the server do the job at all? Exit code 1 if not
  --repeat N           runs of everything, medians count (3)
  --servers A,B        edge, kamailio (both)
  --rate R             the fixed rate, calls/s (200)
  --network A.B.C      loopback network to work in (127.0.78)
  --idle-clients N     registered idle WSS clients (2500)
  --udp-workers N, --tcp-workers N   Kamailio's processes (1, 1: on one CPU more of them only wait for each other)
  --node-option X      passed to the edge's Node (repeatable)
  --patience S         wait so many seconds at most, before each scenario, for other programs to leave the CPUs alone (0)
  --no-pin             do not pin the server to CPU 0 and the generator to CPU 1
  --out FILE           the JSON file (test/bench/results/<time>.json)
  --write-doc          update the table in docs/performance.md
  --from FILE          with --write-doc: from an earlier JSON file, without measuring
`

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    media: { type: 'boolean', default: false },
    soak: { type: 'string' },
    repeat: { type: 'string' },
    servers: { type: 'string', default: 'edge,kamailio' },
    rate: { type: 'string', default: '200' },
    network: { type: 'string', default: '127.0.78' },
    'idle-clients': { type: 'string' },
    'udp-workers': { type: 'string', default: '1' },
    'tcp-workers': { type: 'string', default: '1' },
    'node-option': { type: 'string', multiple: true, default: [] },
    patience: { type: 'string', default: '0' },
    'no-pin': { type: 'boolean', default: false },
    out: { type: 'string' },
    'write-doc': { type: 'boolean', default: false },
    from: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const stopWith = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

/** What a run consists of, from the command line. */
const chosenScenarios = (): Scenario[] => {
  const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
  if (unknown.length > 0) stopWith(`Unknown scenario ${unknown.join(', ')}\n\n${HELP}`)
  const names = positionals.length > 0 ? (positionals as ScenarioName[]) : namesOf(given.media)
  const chosen = names.map((name) => SCENARIOS[name])
  if (chosen.some(({ media }) => media !== undefined) && chosen.some(({ media }) => media === undefined))
    stopWith('Scenarios with media and without are not played in one session')
  return chosen
}

const chosenServers = (): ServerName[] => {
  const names = given.servers.split(',')
  const unknown = names.filter((name) => name !== 'edge' && name !== 'kamailio')
  if (unknown.length > 0) stopWith(`Unknown server ${unknown.join(', ')}`)
  if (!names.includes('kamailio') || kamailioInstalled()) return names as ServerName[]
  say('Kamailio is not installed, so there are no ratios (apt-get install kamailio kamailio-tls-modules kamailio-websocket-modules)')
  return names.filter((name) => name !== 'kamailio') as ServerName[]
}

/** CPUs that others may use for a machine to be quiet. */
const QUIET = 0.15

const untilQuiet = async (seconds: number): Promise<void> => {
  for (let waited = 0; waited < seconds; waited++) {
    const before = busyTicks()
    await sleep(1000)
    if ((busyTicks() - before) / 100 < QUIET) return
  }
}

const SEARCHED_WHEN_QUICK: readonly ScenarioName[] = ['udp-udp', 'tls-udp']

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const relayed = ({ relayCpuPerCall: us }: Window): string => (us === undefined ? '' : `, rtpengine ${us.toFixed(0)} µs`)

class Session {
  readonly #bench: Bench
  readonly #settings: ServerSettings
  readonly #rate: number
  readonly #workers: KamailioWorkers
  readonly measurements: Measurement[] = []

  constructor(bench: Bench, settings: ServerSettings, rate: number, workers: KamailioWorkers) {
    this.#bench = bench
    this.#settings = settings
    this.#rate = rate
    this.#workers = workers
  }

  /** All scenarios against one server, which is started for them and stopped. */
  async play(name: ServerName, scenarios: readonly Scenario[], repeat: number): Promise<void> {
    say(`\n${name}, run ${repeat}`)
    let server: Server | undefined
    for (const scenario of scenarios) {
      try {
        // Memory of idle clients is looked at in a process that has done nothing else; so it gets its own.
        if (server && (scenario.kind === 'idle' || !server.alive())) {
          await server.stop()
          server = undefined
        }
        server ??= await this.#start(name)
        this.measurements.push({ server: name, scenario: scenario.name, repeat, ...(await this.#measure(server, scenario)) })
        const left = (await this.#bench.relay?.clear()) ?? 0
        if (left > 0) say(`    ${left} calls were left in rtpengine`)
        if (!server.alive()) throw new Error(`${name} ended:\n${tail(server.logFile)}`)
      } catch (error) {
        say(`  ${scenario.title}: ${message(error)}`)
        this.measurements.push({ server: name, scenario: scenario.name, repeat, problem: message(error) })
      }
    }
    await server?.stop()
  }

  #start(name: ServerName): Promise<Server> {
    return name === 'edge' ? startEdge(this.#settings, given['node-option']) : startKamailio(this.#settings, this.#workers)
  }

  async #measure(server: Server, scenario: Scenario): Promise<Partial<Measurement>> {
    say(`  ${scenario.title}`)
    if (scenario.kind === 'idle') {
      const idle = await measureIdle(this.#bench, server, scenario)
      const kept = idle.cpuPerMinute === undefined ? '' : `; CPU ${idle.cpuPerMinute.toFixed(0)} ms per minute for a thousand`
      say(`    ${idle.pssPerClient.toFixed(1)} KB for each of ${idle.clients} clients${kept}`)
      return { idle }
    }
    if (scenario.kind === 'handshakes') {
      const handshakes = await playHandshakes(this.#bench, server, scenario, given.check || given.quick ? 1.2 : this.#bench.probeWindow * 2)
      if (handshakes.result.failed > 0) throw new Error(`${handshakes.result.failed} handshakes failed ${handshakes.result.problem}`)
      say(`    ${handshakes.completedPerSecond.toFixed(0)}/s, ${handshakes.cpuPerCall.toFixed(0)} µs CPU each`)
      return { handshakes }
    }
    if (given.soak !== undefined) return this.#soak(server, scenario, Number(given.soak))
    return given.check ? this.#check(server, scenario) : this.#calls(server, scenario)
  }

  /** Few calls: whether the contract between edge and endpoints holds. */
  async #check(server: Server, scenario: Scenario): Promise<Partial<Measurement>> {
    const generator = await openGenerator(this.#bench, scenario)
    try {
      const fixed = await playRate(this.#bench, generator, server, scenario, 20, 0.1, 1)
      if (!fixed.lossless) throw new Error(fixed.loss)
      if (scenario.kind === 'calls') say(`    ${fixed.result.completed} calls, Record-Route has ${fixed.result.recordRoutes} entries`)
      else say(`    ${fixed.result.completed} answered`)
      return { fixed }
    } finally {
      await generator.stop()
    }
  }

  async #soak(server: Server, scenario: Scenario, calls: number): Promise<Partial<Measurement>> {
    const soak = await playSoak(this.#bench, server, scenario, calls, this.#rate)
    say(`    ${soak.calls} calls, ${soak.failed} failed, ${soak.left} left in rtpengine`)
    say(`    MB after each fifth: ${server.name} ${soak.server.join(' ')}; rtpengine ${soak.relay.join(' ')}`)
    if (soak.failed > 0 || soak.left > 0) throw new Error(`${soak.failed} calls failed, ${soak.left} are left in rtpengine`)
    return { soak }
  }

  async #calls(server: Server, scenario: Scenario): Promise<Partial<Measurement>> {
    const bench = this.#bench
    await untilQuiet(Number(given.patience))
    const generator = await openGenerator(bench, scenario)
    const figures: { -readonly [key in keyof Measurement]?: Measurement[key] } = {}
    try {
      await playRate(bench, generator, server, scenario, 50, 0.2, 0.5) // proves the path before it is loaded
      await playRate(bench, generator, server, scenario, bench.warmRate, 0, bench.warmUp) // caches, compilers
      await sleep(300)
      figures.fixed = await playQuietly(bench, generator, server, scenario, this.#rate, bench.warm)
      const { fixed } = figures
      say(
        `    at ${this.#rate}/s: ${fixed.cpuPerCall.toFixed(0)} µs CPU per call${relayed(fixed)}${fixed.lossless ? '' : `; ${fixed.loss}`}${fixed.otherCpu > 0.3 ? `; others used ${fixed.otherCpu.toFixed(1)} CPUs` : ''}`,
      )
      if (fixed.result.completed === 0) throw new Error(fixed.loss)
      if (!given.quick || SEARCHED_WHEN_QUICK.includes(scenario.name)) {
        figures.highest = await findHighest(bench, generator, server, scenario)
        const { rate, at, beyond } = figures.highest
        say(
          `    highest without loss: ${rate}/s, ${at?.cpuPerCall.toFixed(0) ?? '–'} µs CPU per call${at ? relayed(at) : ''}${beyond ? ` (at ${beyond.rate}/s: ${beyond.loss})` : ''}`,
        )
        if (rate > 0) figures.half = await playQuietly(bench, generator, server, scenario, Math.round(rate / 2), bench.probeWarm)
        const ringing = figures.half?.ringing
        if (ringing)
          say(`    at half of it: INVITE→180 p50 ${(ringing.p50 / 1000).toFixed(2)} ms, p99 ${(ringing.p99 / 1000).toFixed(2)} ms`)
      }
    } finally {
      await generator.stop()
    }
    if (scenario.name === 'udp-udp' && !given.quick && sippVersion() !== undefined) {
      const seconds = Math.ceil(bench.window + bench.warm)
      figures.sipp = await playSipp(server, bench.places, this.#rate, seconds, bench.generatorCpu, this.#settings.folder)
      say(
        `    SIPp at ${this.#rate}/s: ${figures.sipp.status === 0 ? `${figures.sipp.cpuPerCall.toFixed(0)} µs CPU per call` : `not all calls passed (exit status ${figures.sipp.status})`}`,
      )
    }
    return figures
  }

  /** What the generator can do with nothing between caller and answerer: figures near this one are its own, not a server's. */
  async direct(): Promise<Report['direct']> {
    const bench = { ...this.#bench, secondChances: 0, precision: 1.2, maxProbes: given.quick ? 1 : 3 }
    const generator = await openGenerator(bench, SCENARIOS['udp-udp'], true)
    try {
      const { rate } = await findHighest({ ...bench, startRate: 8000 }, generator, undefined, SCENARIOS['udp-udp'])
      const at = await playRate(bench, generator, undefined, SCENARIOS['udp-udp'], 2000, bench.probeWarm, bench.probeWindow)
      return { highest: rate, at }
    } finally {
      await generator.stop()
    }
  }
}

const main = async (): Promise<void> => {
  if (given.help) {
    say(HELP)
    return
  }
  if (given.from !== undefined) {
    const earlier = readResults(given.from)
    say(textTable(linesOf(earlier.measurements)))
    if (given['write-doc']) say(`\nWritten: ${writeDocument(earlier)}`)
    return
  }
  const scenarios = chosenScenarios()
  const servers = chosenServers()
  const repeat = Number(given.repeat ?? (given.quick || given.check ? 1 : 3))
  const rate = Number(given.rate)
  const idleClients = Number(given['idle-clients'] ?? (given.check ? 50 : given.quick ? 600 : 2500))
  const workers = { udp: Number(given['udp-workers']), tcp: Number(given['tcp-workers']) }
  if (![repeat, rate, idleClients, workers.udp, workers.tcp].every((value) => Number.isInteger(value) && value > 0))
    stopWith('Numbers must be whole and positive')
  if (idleClients > 10_000 || repeat > 20) stopWith('At most 10000 idle clients and 20 runs')
  if (!/^127(\.\d{1,3}){2}$/.test(given.network))
    stopWith(`--network takes three octets of a loopback network, as 127.0.78, not ${given.network}`)
  const media = scenarios.some((scenario) => scenario.media !== undefined)
  if (given.soak !== undefined && !media) stopWith('--soak is for scenarios with media: add --media')
  if (media && rtpengineVersion() === undefined) stopWith('Scenarios with media need rtpengine (apt-get install rtpengine-daemon)')
  buildGenerator()

  const pin = !given['no-pin'] && availableParallelism() > 1
  const folder = temporaryFolder()
  const places = placesIn(given.network)
  const certificate = makeCertificate(folder, places)
  const lengths = given.quick
    ? { warm: 0.5, window: 2, probeWarm: 0.4, probeWindow: 1.2, precision: 1.12, maxProbes: 3, secondChances: 0 }
    : media
      ? { warm: 4, window: 6, probeWarm: 1, probeWindow: 2, precision: 1.06, maxProbes: 8, secondChances: 2 }
      : { warm: 4, window: 6, probeWarm: 1, probeWindow: 3, precision: 1.04, maxProbes: 12, secondChances: 1 }
  const relay = media ? await startRelay(places, pin ? 0 : undefined) : undefined
  const bench: Bench = {
    places,
    relay,
    certificate,
    generatorCpu: pin ? 1 : undefined,
    ...lengths,
    startRate: media ? 200 : 1000,
    // As many calls, of which each one is dearer
    ...(media ? { warmRate: 300, warmUp: given.quick ? 1 : 14 } : { warmRate: 1000, warmUp: lengths.warm }),
    handshakesAtOnce: 32,
    idleClients,
    // Two pings, and enough of the refreshes
    idleSeconds: given.check ? 0 : given.quick ? 6 : 60,
    log: say,
  }
  const session = new Session(bench, { places, certificate, folder, media, cpu: pin ? 0 : undefined }, rate, workers)

  const taken = new Date().toISOString()
  say(`${cpuModel()}, ${availableParallelism()} CPUs, ${pin ? 'server on CPU 0, generator on CPU 1' : 'nothing pinned'}`)
  if (!given.check && !media) say('The generator alone')
  const direct = given.check || media ? undefined : await session.direct()
  // With media one scenario after the other: what disturbs comes and goes, and this way it meets both servers
  const groups = media ? scenarios.map((scenario) => [scenario]) : [scenarios]
  for (let run = 1; run <= repeat; run++) for (const group of groups) for (const server of servers) await session.play(server, group, run)
  await relay?.stop()

  const problems = session.measurements.filter((measurement) => measurement.problem !== undefined)
  if (given.check || given.soak !== undefined) {
    say(problems.length === 0 ? '\nAll scenarios passed' : `\n${problems.length} scenarios did not pass`)
    process.exitCode = problems.length === 0 ? 0 : 1
    return
  }
  const sipp = sippVersion()
  const report: Report = {
    taken,
    machine: { cpu: cpuModel(), cpus: availableParallelism(), kernel: release(), pinned: pin },
    versions: {
      Edgeways: commit() || 'of this tree',
      Node: process.version,
      ...(servers.includes('kamailio') ? { Kamailio: kamailioVersion() } : {}),
      ...(media ? { rtpengine: rtpengineVersion()! } : sipp ? { SIPp: sipp } : {}),
    },
    options: { repeat, rate, quick: given.quick, workers, idleClients, nodeOptions: given['node-option'], ...lengths },
    direct,
    measurements: session.measurements,
  }
  say(`\n${textTable(linesOf(report.measurements))}`)
  say(`\nWritten: ${writeResults(report, given.out)}`)
  if (given['write-doc']) say(`Written: ${writeDocument(report)}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)) // `exit` ends what was started
await main()
