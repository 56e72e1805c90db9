/**
 * Ten thousand half-open, slow and garbage connections and as many malformed datagrams, while calls go on. Afterwards calls must pass over
 * each transport, connections that lead nowhere must have been ended by the server, and memory must be bounded and not grow from storm to storm.
 *
 *   node test/bench/stress.ts [--connections 10000] [--datagrams 10000] [--storms 3] [--server edge|kamailio] [--network 127.0.78]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { buildGenerator, type GeneratorResult } from './generator.ts'
import { type Bench, lossOf, openGenerator, playRate } from './measure.ts'
import { type CallScenarioName, type Places, placesIn, SCENARIOS } from './plan.ts'
import { memoryOf } from './procfs.ts'
import { makeCertificate, type Server, startEdge, startKamailio, tail, temporaryFolder } from './servers.ts'
import { KINDS, sendMalformed, type Visitor, visit } from './visitors.ts'

/** Longer than the server's limits of 10 s for a handshake and for a message. */
const HOLD_MS = 14_000
const AT_ONCE = 100
/** Bounds on memory: what a storm and each of its connections may cost. */
const MB_FOR_STORM = 96
const KB_PER_CONNECTION = 100
/**
 * A process does not give memory back at once, so what is left of the first storm says little; a leak shows in the later ones, which
 * would each add as much again. The last may add this part of what the first one did, or so many MB.
 */
const PART_OF_FIRST = 0.3
const MB_ALWAYS = 32

const { values: given } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    datagrams: { type: 'string', default: '10000' },
    server: { type: 'string', default: 'edge' },
    network: { type: 'string', default: '127.0.78' },
    storms: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
})

const problems: string[] = []
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const expect = (held: boolean, sentence: string): void => {
  if (held) return
  problems.push(sentence)
  say(`  FAILED: ${sentence}`)
}

const sourceAt = (places: Places, turn: number): string => {
  const octets = places.clients.split('.')
  return [...octets.slice(0, 3), Number(octets[3]) + (turn % places.clientSpread)].join('.')
}

/** Opens all connections, keeps them for `HOLD_MS`, and says how the server dealt with them. */
const storm = async (server: Server, places: Places, count: number, datagrams: number, seed: number): Promise<{ peak: number }> => {
  const visitors: Visitor[] = []
  const began = performance.now()
  const malformed = sendMalformed(places, datagrams, seed)
  let turn = 0
  const open = async (): Promise<void> => {
    while (turn < count) {
      const at = turn++
      visitors.push(await visit(KINDS[at % KINDS.length]!, places, sourceAt(places, at)))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, open))
  await malformed
  const opened = (performance.now() - began) / 1000
  let peak = memoryOf(server.pids()).rss
  say(
    `  ${count} connections and ${datagrams} malformed datagrams within ${opened.toFixed(1)} s; the server uses ${(peak / 1024).toFixed(0)} MB`,
  )
  const until = performance.now() + HOLD_MS
  while (performance.now() < until) {
    for (const { kind, socket, ended } of visitors) if (kind.drips && !ended) socket.write('x')
    await sleep(1000)
    peak = Math.max(peak, memoryOf(server.pids()).rss)
  }
  for (const kind of KINDS) {
    const all = visitors.filter((visitor) => visitor.kind === kind)
    const ended = all.filter((visitor) => visitor.ended).length
    say(`  ${kind.name}: ${all.filter((visitor) => visitor.connected).length} of ${all.length} connected, ${ended} ended by the server`)
    expect(!kind.mustEnd || ended === all.length, `${kind.name}: ${all.length - ended} connections are still open`)
  }
  for (const { socket } of visitors) socket.destroy()
  return { peak }
}

const callsPass = async (bench: Bench, server: Server, scenarios: readonly CallScenarioName[]): Promise<void> => {
  for (const name of scenarios) {
    const scenario = { ...SCENARIOS[name], clients: Math.min(SCENARIOS[name].clients, 20) }
    try {
      const generator = await openGenerator(bench, scenario)
      const { loss } = await playRate(bench, generator, server, scenario, 20, 0.1, 1).finally(() => generator.stop())
      expect(loss === '', `calls ${scenario.title}: ${loss}`)
      say(`  calls ${scenario.title}: ${loss || 'pass'}`)
    } catch (error) {
      expect(false, `calls ${scenario.title}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

const main = async (): Promise<void> => {
  const [connections, datagrams, storms, seed] = [given.connections, given.datagrams, given.storms, given.seed].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  buildGenerator()
  const folder = temporaryFolder()
  const places = placesIn(given.network)
  const certificate = makeCertificate(folder, places)
  const settings = { places, certificate, folder, cpu: undefined, media: false }
  const bench: Bench = {
    ...{ places, certificate, generatorCpu: undefined, warm: 1, window: 1, probeWarm: 1, probeWindow: 1, precision: 1.1, maxProbes: 1 },
    ...{
      startRate: 20,
      warmRate: 20,
      warmUp: 1,
      secondChances: 0,
      handshakesAtOnce: 1,
      idleClients: 1,
      idleSeconds: 0,
      relay: undefined,
      log: say,
    },
  }
  const ALL = ['udp-udp', 'tls-udp', 'udp-tls', 'wss-udp'] as const
  const server = await (given.server === 'kamailio' ? startKamailio(settings, { udp: 2, tcp: 2 }) : startEdge(settings))
  try {
    say('Before')
    await callsPass(bench, server, ALL)
    const before = memoryOf(server.pids()).rss
    const left = [before]
    for (let round = 1; round <= storms; round++) {
      say(`Storm ${round}`)
      const generator = await openGenerator(bench, SCENARIOS['udp-udp'])
      const meanwhile: Promise<GeneratorResult> = generator.run('calls rate=10 warm=0.1 secs=20 hold=200 timeout=8000', 60)
      meanwhile.catch(() => {}) // awaited below, after the storm
      const { peak } = await storm(server, places, connections, datagrams, seed + round)
      const result = await meanwhile.finally(() => generator.stop())
      say(
        `  calls meanwhile: ${result.completed} of ${result.started}, INVITE→180 p99 ${(result.ringing.p99 / 1000).toFixed(1)} ms; ${lossOf(result) || 'no loss'}`,
      )
      expect(result.failed === 0, `${result.failed} calls failed during the storm`)
      const allowed = MB_FOR_STORM + (connections * KB_PER_CONNECTION) / 1024
      const grown = (peak - before) / 1024
      expect(grown <= allowed, `memory grew by ${grown.toFixed(0)} MB, more than ${allowed.toFixed(0)} MB`)
      await sleep(4000)
      left.push(memoryOf(server.pids()).rss)
      say(
        `  memory: ${(before / 1024).toFixed(0)} MB before, ${(peak / 1024).toFixed(0)} MB at most, ${(left.at(-1)! / 1024).toFixed(0)} MB after`,
      )
      expect(server.alive(), `the server ended:\n${tail(server.logFile)}`)
    }
    const [first, last] = [left[1]! - left[0]!, left.at(-1)! - left.at(-2)!].map((kb) => kb / 1024) as [number, number]
    const sentence = `storm ${storms} left ${last.toFixed(0)} MB more than the one before, the first ${first.toFixed(0)} MB`
    expect(storms < 2 || last <= Math.max(MB_ALWAYS, first * PART_OF_FIRST), sentence)
    say('After')
    await callsPass(bench, server, ALL)
  } finally {
    await server.stop()
  }
  say(problems.length === 0 ? 'Passed' : `${problems.length} expectations failed`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
await main()
