import { expect, onTestFinished } from 'vitest'
import type { MediaView } from '../../../src/admin/contract.ts'
import { type Edge, metricReaches, startEdge } from '../../support/edge.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { type CallOptions, openSipEndpoint, type SipEndpoint } from '../../support/media/sip-endpoint.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { openPlainConnection } from '../../support/plain-connection.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import type { Wire } from '../../support/wire.ts'

/** Where an ng socket is: that of a daemon, or of a relay before it. */
export interface NgPlace {
  readonly host: string
  readonly port: number
}

/** What the tones are, so that nobody takes his own for the other's. */
export const CALLER_HZ = 440
export const CALLED_HZ = 1000

export interface GroundOptions {
  /** ng sockets by the name of the node; none: the `media` below says it all. */
  readonly nodes?: Readonly<Record<string, NgPlace>>
  /** Milliseconds for one command. */
  readonly commandMs?: number
  /** The whole value of `media:` instead. */
  readonly media?: string
  /** Interface that the zone of the called party names. */
  readonly calledInterface?: string
  /** What becomes of the called party's SDP on its way out. */
  readonly answering?: (sdp: string) => string
  readonly environment?: Readonly<Record<string, string>>
}

/** Two parties on plain UDP, each in a zone of its own, and the real edge between them. */
export interface Ground {
  readonly edge: Edge
  readonly caller: SipEndpoint
  readonly called: SipEndpoint
  /** Where callers send their requests. */
  readonly entrance: { readonly address: string; readonly port: number }
  /** An INVITE on its way; what it dials reaches the called party. */
  dial(options?: CallOptions, from?: SipEndpoint): Promise<SipCall>
  /** A call that is up, with sound both ways. */
  connect(): Promise<Pair>
  /** So many calls at the same time, without sound; what the callers got. The called party answers what reaches it. */
  crowd(count: number): Promise<readonly Attempt[]>
  /** One more caller, with a tone of its own. @param sending what becomes of its SDP on its way out */
  anotherCaller(host: number, hz: number, sending?: (sdp: string) => string): Promise<SipEndpoint>
  state(): Promise<MediaView>
  /** Resolves when the node is so, in `/api/state`. */
  becomes(node: string, state: string, ms?: number): Promise<MediaView['nodes'][number]>
  post(path: string, body: object): Promise<number>
  /** With `environment: leaping`: the edge's clock goes on by a minute. */
  leap(): void
  metricReaches(name: string, labels: Readonly<Record<string, string>>, least: number): Promise<number>
  /** Resolves when the daemon has so many calls. */
  listed(daemon: Rtpengine, count: number): Promise<void>
  /** Milliseconds until the edge answers an OPTIONS over TCP. */
  optionsTime(): Promise<number>
  /** The edge has no session and no delete that waits; these daemons have no call; nobody got what nobody should send. */
  empty(...daemons: readonly Rtpengine[]): Promise<void>
}

export interface Pair {
  readonly caller: SipCall
  readonly called: SipCall
}

/** What one caller of a crowd got; times in ms since its INVITE. */
export interface Attempt {
  readonly call: SipCall
  readonly tryingAfter: number
  readonly final: Wire
  readonly finalAfter: number
}

/** One third byte of loopback addresses for each call of this in a file. */
export const addressesOf = (net: number) => ({
  wan: `127.0.${net}.1`,
  lan: `127.0.${net}.2`,
  edge: `127.0.${net}.3`,
  caller: `127.0.${net}.11`,
  called: `127.0.${net}.12`,
})

/** For an edge whose clock can be put forward. */
export const leaping = { NODE_OPTIONS: `--import=${new URL('leaping-clock.ts', import.meta.url)}` } as const

/** A daemon with one interface for each side; ended with the test. */
export const startDaemon = async (
  net: number,
  options: { readonly extra?: readonly string[]; readonly ports?: readonly [number, number]; readonly lan?: string } = {},
): Promise<Rtpengine> => {
  const { wan, lan } = addressesOf(net)
  const { extra, ports } = options
  const daemon = await startRtpengine({
    interfaces: { wan, [options.lan ?? 'lan']: lan },
    ...(extra === undefined ? {} : { extra }),
    ...(ports === undefined ? {} : { ports }),
  })
  onTestFinished(() => daemon.stop())
  return daemon
}

export const hearEachOther = async ({ caller, called }: Pair): Promise<void> => {
  await Promise.all([caller.media().hears(CALLED_HZ, 5000, [CALLER_HZ]), called.media().hears(CALLER_HZ, 5000, [CALLED_HZ])])
}

/** Starts everybody; all of it ends with the test. */
export const layGround = async (net: number, options: GroundOptions): Promise<Ground> => {
  const at = addressesOf(net)
  const folder = temporaryFolder(`e2e-${net}`)
  onTestFinished(() => folder.remove())
  const entrance = { address: at.edge, port: await freePort(at.edge) }
  const behind = { address: at.edge, port: await freePort(at.edge) }
  const adminPort = await freePort('127.0.0.1')
  const opened: SipEndpoint[] = []
  const open = async (name: string, address: string, hz: number, sending = (sdp: string) => sdp): Promise<SipEndpoint> => {
    const proxy = name === 'called' ? behind : entrance
    const own = { name, transport: 'udp', address, proxy, media: { hz } } as const
    const endpoint = await openSipEndpoint({ ...own, sending: async (sdp) => sending(sdp) })
    opened.push(endpoint)
    onTestFinished(() => endpoint.close())
    return endpoint
  }
  const caller = await open('caller', at.caller, CALLER_HZ)
  const called = await open('called', at.called, CALLED_HZ, options.answering)
  const edge = await startEdge({
    config: configOf(at, entrance.port, behind.port, adminPort, called, options),
    adminPort,
    folder: folder.path,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  })
  onTestFinished(async () => {
    await edge.stop()
  })
  const other = await openPlainConnection(entrance, at.caller)
  onTestFinished(() => other.close())
  const base = `http://127.0.0.1:${adminPort}`
  const state = async (): Promise<MediaView> => ((await (await fetch(`${base}/api/state`)).json()) as { media: MediaView }).media
  const becomes: Ground['becomes'] = (name, wanted, ms = 10_000) =>
    until(
      async () => (await state()).nodes.find((node) => node.name === name && node.state === wanted),
      `node ${name} that is ${wanted}`,
      ms,
    )
  const dial: Ground['dial'] = (given, from = caller) => from.call(`sip:called@${entrance.address}:${entrance.port}`, given)
  const examined = async (name: string): Promise<true | undefined> =>
    (await state()).nodes.some((node) => node.name === name && node.state !== 'suspect') || undefined
  for (const name of Object.keys(options.nodes ?? {})) await until(() => examined(name), `look at ${name}`)
  return {
    edge,
    caller,
    called,
    entrance,
    dial,
    connect: async () => {
      const outgoing = await dial()
      // Who waits for a call that was refused should hear why
      const refused = outgoing.final().then(({ status, start }) => {
        if (status >= 300) throw new Error(`The call was refused: ${start}`)
        return new Promise<never>(() => {})
      })
      const incoming = await Promise.race([called.incoming(), refused])
      await incoming.provisional(180)
      await Promise.all([incoming.answer(), outgoing.established()])
      const pair = { caller: outgoing, called: incoming }
      await hearEachOther(pair)
      return pair
    },
    crowd: async (count) => {
      let waiting = true
      const answering = (async () => {
        while (waiting) {
          const incoming = await called.incoming(300).catch(() => undefined)
          // One that is let go again never sees an ACK of its caller's
          incoming?.answer({ direction: 'inactive' }).catch(() => undefined)
        }
      })()
      const attempts = await Promise.all(
        Array.from({ length: count }, async (): Promise<Attempt> => {
          const begun = performance.now()
          const call = await dial({ direction: 'inactive' })
          await call.arrives('100 INVITE')
          const tryingAfter = performance.now() - begun
          const final = await call.final()
          return { call, tryingAfter, final, finalAfter: performance.now() - begun }
        }),
      )
      waiting = false
      await answering
      return attempts
    },
    anotherCaller: (host, hz, sending) => open(`caller${host}`, `127.0.${net}.${host}`, hz, sending),
    state,
    becomes,
    post: async (path, body) =>
      (await fetch(`${base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }))
        .status,
    leap: () => edge.program().signal('SIGUSR2'),
    metricReaches: (name, labels, least) => metricReaches(edge, name, labels, least),
    listed: async (daemon, count) => {
      await until(async () => (await daemon.list()).length === count || undefined, `${count} calls in the daemon`)
    },
    optionsTime: async () => {
      const before = performance.now()
      expect(await other.ping()).toBe(200)
      return performance.now() - before
    },
    empty: async (...daemons) => {
      await until(async () => {
        const { sessions, deletes } = await state()
        return sessions === 0 && deletes === 0 ? true : undefined
      }, 'edge without sessions and deletes')
      for (const daemon of daemons) expect(await daemon.list()).toEqual([])
      for (const endpoint of opened) expect(endpoint.problems).toEqual([])
      expect(await edge.metric('edgeways_internal_errors_total')).toBe(0)
    },
  }
}

const configOf = (
  at: ReturnType<typeof addressesOf>,
  entrance: number,
  behind: number,
  adminPort: number,
  called: SipEndpoint,
  { nodes, commandMs = 1000, media, calledInterface = 'lan' }: GroundOptions,
): string => {
  const list = Object.entries(nodes ?? {}).map(([name, { host, port }]) => `{ name: ${name}, address: '${host}:${port}' }`)
  return `
name: sbc.edge.test
listeners:
  front: { udp: '${at.edge}:${entrance}', tcp: '${at.edge}:${entrance}' }
  back: { udp: '${at.edge}:${behind}' }
zones:
  phones: { kind: phones, on: front, admit: { networks: [127.0.0.0/8] }${nodes !== undefined ? ', media: { interface: wan }' : ''} }
  pbx:
    kind: trunk
    on: back
    targets: ['sip:${called.address}:${called.port};transport=udp']
    probe: false
    ${nodes !== undefined ? `media: { interface: ${calledInterface} }` : ''}
routes: [{ from: phones, to: pbx }, { from: pbx, to: phones }]
media: ${media ?? `{ rtpengine: [${list.join(', ')}], command-time: ${commandMs}ms }`}
admin: { listen: '127.0.0.1:${adminPort}', plain: true }
log: { level: info }
`
}
