/** One measurement each: a window at a fixed rate, the search for the highest rate, handshakes, memory of idle clients. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Delays, Generator, type GeneratorResult } from './generator.ts'
import { generatorArguments, type Places, type Scenario } from './plan.ts'
import { busyTicks, cpuMicroseconds, memoryOf } from './procfs.ts'
import type { MediaRelay } from './relay.ts'
import { type SearchResult, searchHighestRate } from './search.ts'
import type { Certificate, Server } from './servers.ts'

/** Everything that a measurement needs besides its server and scenario. */
export interface Bench {
  readonly places: Places
  readonly certificate: Certificate
  readonly generatorCpu: number | undefined
  /** Seconds. */
  readonly warm: number
  readonly window: number
  readonly probeWarm: number
  readonly probeWindow: number
  readonly precision: number
  readonly maxProbes: number
  readonly startRate: number
  /** Calls before anything counts: their rate, and for how many seconds. */
  readonly warmRate: number
  readonly warmUp: number
  /** A failed window is played again this often before it counts. */
  readonly secondChances: number
  readonly handshakesAtOnce: number
  readonly idleClients: number
  /** For how long their CPU time is looked at; 0: not at all. */
  readonly idleSeconds: number
  /** The rtpengine that the server asks. */
  readonly relay: MediaRelay | undefined
  readonly log: (text: string) => void
}

/** A window as seen from both sides. */
export interface Window {
  readonly rate: number
  readonly completedPerSecond: number
  /** Server CPU time of all threads, µs, per call (or other request) that ended inside the window. */
  readonly cpuPerCall: number
  /** Per message that came in or went out at the server. */
  readonly cpuPerMessage: number
  /** CPU time of rtpengine, µs, per call. */
  readonly relayCpuPerCall?: number
  /** CPUs used by the server, by the generator, and by everybody else on the machine. */
  readonly serverCpu: number
  readonly generatorCpu: number
  readonly otherCpu: number
  readonly ringing: Delays
  readonly ended: Delays
  readonly lossless: boolean
  /** Empty, or why it is not lossless. */
  readonly loss: string
  readonly result: GeneratorResult
}

const TICKS_PER_SECOND = 100
const REPEATS_ALLOWED = 0.01
const BACKLOG_ALLOWED = 0.02
const GENERATOR_FULL = 0.97

/**
 * Less than 1 % retransmissions and no failures. Over a reliable transport nothing is retransmitted, so a request without an answer
 * after T1 counts as one; and what waits for an answer must not pile up, which a short window would otherwise not show.
 */
export const lossOf = (r: GeneratorResult): string => {
  if (r.bad > 0) return `${r.bad} messages broke the contract, first: ${r.problem}`
  const refused = Object.entries(r.refused).map(([status, count]) => `${count} × ${status}`)
  if (r.failed > 0 || r.unsent > 0)
    return `${r.failed} of ${r.started} failed (${[`${r.timeouts} timed out`, `${r.unsent} unsent`, ...refused].join(', ')})`
  if (r.started === 0) return 'nothing was started'
  const repeats = r.repeatedInvite + r.repeatedBye + r.repeatedOther + r.repeatedAnswer + r.late
  if (repeats >= r.started * REPEATS_ALLOWED) return `${repeats} retransmissions in ${r.started} calls`
  const piled = r.backlogClose - r.backlogOpen
  if (piled > Math.max(20, r.started * BACKLOG_ALLOWED)) return `${piled} more waiting at the end of the window than at its beginning`
  if (r.generatorCpu > GENERATOR_FULL) return 'the generator was at its own limit'
  return ''
}

export const openGenerator = async (bench: Bench, scenario: Scenario, direct = false): Promise<Generator> => {
  const generator = new Generator(generatorArguments(scenario, bench.places, bench.certificate, direct), bench.generatorCpu)
  if (scenario.clients > 0) await generator.clients(scenario.clients)
  return generator
}

/** Plays one command and takes the CPU time around its window. */
const play = async (
  { relay }: Pick<Bench, 'relay'>,
  generator: Generator,
  server: Server | undefined,
  command: string,
  seconds: number,
): Promise<Window> => {
  const pids = server?.pids() ?? []
  const relayPids = relay === undefined ? [] : [relay.pid]
  let cpu = 0
  let relayed = 0
  let ticks = 0
  let own = 0
  const result = await generator.run(command, seconds, (edge) => {
    const sign = edge === 'open' ? -1 : 1
    cpu += sign * cpuMicroseconds(pids)
    relayed += sign * cpuMicroseconds(relayPids)
    ticks += sign * busyTicks()
    const used = process.cpuUsage()
    own += (sign * (used.user + used.system)) / 1e6
  })
  const loss = lossOf(result)
  const serverCpu = cpu / 1e6 / result.seconds
  const known = (cpu + relayed) / 1e6 / result.seconds + result.generatorCpu + own / result.seconds
  return {
    rate: result.rate,
    completedPerSecond: result.finishedInside / result.seconds,
    cpuPerCall: cpu / Math.max(1, result.finishedInside),
    cpuPerMessage: cpu / Math.max(1, result.messagesIn + result.messagesOut),
    ...(relay !== undefined && { relayCpuPerCall: relayed / Math.max(1, result.finishedInside) }),
    serverCpu,
    generatorCpu: result.generatorCpu,
    otherCpu: Math.max(0, ticks / TICKS_PER_SECOND / result.seconds - known),
    ringing: result.ringing,
    ended: result.ended,
    lossless: loss === '',
    loss,
    result,
  }
}

const HOLD_MS = 200
const TIMEOUT_MS = 6000
/** In the search: a window with loss is over sooner, and one retransmission in a hundred calls is a loss already. */
const PROBE_TIMEOUT_MS = 2000
/** CPUs that other programs may use before a window counts as disturbed. */
const OTHERS_ALLOWED = 0.3

/** Calls (or OPTIONS) at a fixed rate; `warm` and `window` in seconds. */
export const playRate = (
  bench: Pick<Bench, 'relay'>,
  generator: Generator,
  server: Server | undefined,
  scenario: Scenario,
  rate: number,
  warm: number,
  window: number,
  timeout = TIMEOUT_MS,
): Promise<Window> => {
  const command = `${scenario.kind} rate=${rate} warm=${warm} secs=${window} hold=${HOLD_MS} timeout=${timeout}`
  return play(bench, generator, server, command, warm + window + 15)
}

/** As `playRate`, played again as often as the bench allows while other programs disturb it; the quietest window counts. */
export const playQuietly = async (
  bench: Bench,
  generator: Generator,
  server: Server,
  scenario: Scenario,
  rate: number,
  warm: number,
): Promise<Window> => {
  let quietest = await playRate(bench, generator, server, scenario, rate, warm, bench.window)
  for (let again = 0; quietest.otherCpu > OTHERS_ALLOWED && again < bench.secondChances; again++) {
    const window = await playRate(bench, generator, server, scenario, rate, warm, bench.window)
    if (window.otherCpu < quietest.otherCpu) quietest = window
  }
  return quietest
}

export interface Highest extends SearchResult {
  /** The window at the highest rate that passed. */
  readonly at: Window | undefined
  /** The last window that did not pass: why there is no more. */
  readonly beyond: { readonly rate: number; readonly loss: string } | undefined
}

/** The highest rate without loss. */
export const findHighest = async (bench: Bench, generator: Generator, server: Server | undefined, scenario: Scenario): Promise<Highest> => {
  let at: Window | undefined
  let beyond: Highest['beyond']
  const settings = { start: bench.startRate, precision: bench.precision, ceiling: 20_000, maxProbes: bench.maxProbes }
  const found = await searchHighestRate(settings, async (rate) => {
    let window = await playRate(bench, generator, server, scenario, rate, bench.probeWarm, bench.probeWindow, PROBE_TIMEOUT_MS)
    for (let again = 0; !window.lossless && again < bench.secondChances; again++) {
      await sleep(500)
      window = await playRate(bench, generator, server, scenario, rate, bench.probeWarm, bench.probeWindow, PROBE_TIMEOUT_MS)
    }
    bench.log(
      `    ${rate}/s: ${window.lossless ? `passed, ${window.cpuPerCall.toFixed(0)} µs, server ${(window.serverCpu * 100).toFixed(0)} %` : window.loss}`,
    )
    if (window.lossless) at = window
    else beyond = { rate, loss: window.loss }
    if (!window.lossless) await sleep(500) // let the server finish what it still holds
    const relayCpu = ((window.relayCpuPerCall ?? 0) * window.completedPerSecond) / 1e6
    return { passed: window.lossless, utilisation: window.serverCpu + relayCpu }
  })
  return { ...found, at, beyond }
}

/** Full handshakes as fast as the server can, a fixed number at once; `completedPerSecond` and `cpuPerCall` are per handshake. */
export const playHandshakes = async (bench: Bench, server: Server, scenario: Scenario, window: number): Promise<Window> => {
  const generator = await openGenerator(bench, scenario)
  try {
    return await play(
      bench,
      generator,
      server,
      `handshakes at-once=${bench.handshakesAtOnce} warm=${bench.probeWarm} secs=${window}`,
      window + bench.probeWarm + 15,
    )
  } finally {
    await generator.stop()
  }
}

export interface IdleMemory {
  readonly clients: number
  /** KB for each further client, between the first fifth of them and all. */
  readonly pssPerClient: number
  readonly rssPerClient: number
  /** MB with all of them. */
  readonly pssTotal: number
  /** CPU time, ms, that a thousand of them cost in a minute: a ping and its pong every 30 s, a refresh every 5 minutes. */
  readonly cpuPerMinute?: number
  /** CPUs that others used meanwhile. */
  readonly otherCpu?: number
}

/** JsSIP refreshes at about half of the ten minutes that it is given here. */
const REFRESH_S = 300

/** Registers idle clients and looks at the server's memory at two points, so that what it needs anyway does not count. */
export const measureIdle = async (bench: Bench, server: Server, scenario: Scenario): Promise<IdleMemory> => {
  const generator = await openGenerator(bench, scenario)
  try {
    const first = Math.round(bench.idleClients / 5)
    const look = async (clients: number): Promise<{ pss: number; rss: number }> => {
      await generator.clients(clients)
      const result = await generator.run('register rate=500 secs=60 timeout=6000', 90)
      if (result.registered < clients) {
        const refused = Object.entries(result.refused).map(([status, count]) => `${count} × ${status}`)
        throw new Error(
          `${result.registered} of ${clients} clients registered (${[`${result.timeouts} timed out`, ...refused].join(', ')}) ${result.problem}`,
        )
      }
      await sleep(bench.probeWindow * 1000)
      return memoryOf(server.pids())
    }
    const before = await look(first)
    const after = await look(bench.idleClients)
    const grown = bench.idleClients - first
    const rate = bench.idleClients / REFRESH_S
    const kept =
      bench.idleSeconds === 0
        ? undefined
        : await play(bench, generator, server, `refresh rate=${rate} warm=3 secs=${bench.idleSeconds} timeout=6000`, bench.idleSeconds + 20)
    // A late answer, or a lost one, changes nothing about the cost
    if (kept !== undefined && (kept.result.bad > 0 || kept.result.failed > kept.result.started / 100)) throw new Error(kept.loss)
    return {
      clients: bench.idleClients,
      pssPerClient: (after.pss - before.pss) / grown,
      rssPerClient: (after.rss - before.rss) / grown,
      pssTotal: after.pss / 1024,
      ...(kept === undefined ? {} : { cpuPerMinute: (kept.serverCpu * 60_000 * 1000) / bench.idleClients, otherCpu: kept.otherCpu }),
    }
  } finally {
    await generator.stop()
  }
}
