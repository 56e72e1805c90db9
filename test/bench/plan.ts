/** Where everybody in the benchmark lives, and what is played. Loopback only. */
import { join } from 'node:path'

const SDPS = join(import.meta.dirname, '..', 'fixtures', 'sdp')

export interface Places {
  readonly network: string
  readonly domain: string
  /** The server under test. */
  readonly edge: string
  readonly sipPort: number
  readonly tlsPort: number
  readonly wssPort: number
  /** TLS for hubs of Teams alone, whose certificates are judged. */
  readonly hubPort: number
  /** Used by the stress script only. */
  readonly wsPort: number
  /** UDP answerer: the PBX behind the edge. */
  readonly pbx: string
  readonly pbxPort: number
  /** TLS answerer: a trunk in front of the edge. */
  readonly tlsPeer: string
  readonly tlsPeerPort: number
  readonly caller: string
  /** The first of `clientSpread` addresses that connections are opened from. */
  readonly clients: string
  readonly clientSpread: number
  /** rtpengine: its control socket, and the address of its media. */
  readonly media: string
  readonly ngPort: number
}

/** `prefix`: three octets of a loopback network that nothing else uses, as `127.0.78`. */
export const placesIn = (prefix: string): Places => ({
  network: `${prefix}.0/24`,
  domain: 'sbc.bench.test',
  edge: `${prefix}.1`,
  sipPort: 5060,
  tlsPort: 5061,
  wssPort: 8443,
  hubPort: 5062,
  wsPort: 8080,
  pbx: `${prefix}.2`,
  pbxPort: 5080,
  tlsPeer: `${prefix}.3`,
  tlsPeerPort: 5071,
  caller: `${prefix}.4`,
  clients: `${prefix}.10`,
  clientSpread: 40,
  media: `${prefix}.5`,
  ngPort: 2223,
})

export type MediaScenarioName = 'media-plain' | 'media-sdes' | 'media-browser'
export type CallScenarioName = 'udp-udp' | 'tls-udp' | 'udp-tls' | 'wss-udp' | 'teams-udp' | MediaScenarioName
export type ScenarioName = CallScenarioName | 'options' | 'tls-handshakes' | 'wss-handshakes' | 'wss-idle'

export interface Scenario {
  readonly name: ScenarioName
  readonly title: string
  readonly kind: 'calls' | 'options' | 'handshakes' | 'idle'
  readonly transport: 'udp' | 'tls' | 'wss'
  /** Connections opened before the calls begin; calls go round them. */
  readonly clients: number
  readonly answer: 'udp' | 'tls'
  /** Callers are hubs of Teams: their certificate, INVITEs of 2 kB, a long Contact. The file is what they offer. */
  readonly hub?: { readonly offer: string }
  /** With rtpengine: files of test/fixtures/sdp that callers offer and the PBX answers. */
  readonly media?: { readonly offer: string; readonly answer: string }
}

const PLAIN_ANSWER = 'pbx-answer-pcmu.sdp'

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  'udp-udp': { name: 'udp-udp', title: 'UDP→UDP', kind: 'calls', transport: 'udp', clients: 0, answer: 'udp' },
  'tls-udp': { name: 'tls-udp', title: 'TLS→UDP, one connection', kind: 'calls', transport: 'tls', clients: 1, answer: 'udp' },
  'udp-tls': { name: 'udp-tls', title: 'UDP→TLS', kind: 'calls', transport: 'udp', clients: 0, answer: 'tls' },
  'wss-udp': { name: 'wss-udp', title: 'WSS→UDP, 500 clients', kind: 'calls', transport: 'wss', clients: 500, answer: 'udp' },
  'teams-udp': {
    ...{ name: 'teams-udp', title: 'Teams→UDP, 20 connections', kind: 'calls', transport: 'tls', clients: 20, answer: 'udp' },
    hub: { offer: 'teams-offer-nonbypass.sdp' },
  },
  'media-plain': {
    ...{ name: 'media-plain', title: 'UDP→UDP, plain RTP', kind: 'calls', transport: 'udp', clients: 0, answer: 'udp' },
    media: { offer: 'pbx-offer-g711.sdp', answer: PLAIN_ANSWER },
  },
  'media-sdes': {
    ...{ name: 'media-sdes', title: 'TLS→UDP, SRTP (SDES) to plain RTP', kind: 'calls', transport: 'tls', clients: 1, answer: 'udp' },
    media: { offer: 'tlsphone-offer-sdes.sdp', answer: PLAIN_ANSWER },
  },
  'media-browser': {
    ...{ name: 'media-browser', title: 'WSS→UDP, WebRTC to plain RTP', kind: 'calls', transport: 'wss', clients: 100, answer: 'udp' },
    media: { offer: 'chrome-offer-audio-mdns.sdp', answer: 'pbx-answer-pcmu-te126.sdp' },
  },
  options: { name: 'options', title: 'OPTIONS relayed, UDP→UDP', kind: 'options', transport: 'udp', clients: 0, answer: 'udp' },
  'tls-handshakes': { name: 'tls-handshakes', title: 'TLS handshakes', kind: 'handshakes', transport: 'tls', clients: 0, answer: 'udp' },
  'wss-handshakes': { name: 'wss-handshakes', title: 'WSS handshakes', kind: 'handshakes', transport: 'wss', clients: 0, answer: 'udp' },
  'wss-idle': { name: 'wss-idle', title: 'Idle registered WSS client', kind: 'idle', transport: 'wss', clients: 0, answer: 'udp' },
}

/** What is played when no names are given. */
export const namesOf = (media: boolean): readonly ScenarioName[] =>
  SCENARIO_NAMES.filter((name) => name !== 'options' && (SCENARIOS[name].media !== undefined) === media)

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[]

const edgePort = (scenario: Scenario, places: Places): number =>
  scenario.hub !== undefined
    ? places.hubPort
    : scenario.transport === 'udp'
      ? places.sipPort
      : scenario.transport === 'tls'
        ? places.tlsPort
        : places.wssPort

const targetUri = (scenario: Scenario, places: Places): string => {
  if (scenario.answer === 'tls') return `sip:answer@${places.tlsPeer}:${places.tlsPeerPort};transport=tls`
  if (scenario.hub !== undefined) return `sip:+442079460011@${places.domain}:${places.hubPort};user=phone;transport=tls`
  if (scenario.transport === 'udp') return `sip:answer@${places.pbx}:${places.pbxPort}`
  return `sip:answer@${places.domain}`
}

/** The generator's arguments for a scenario. `direct`: past the server, caller to answerer, which shows what the generator itself can do. */
export const generatorArguments = (
  scenario: Scenario,
  places: Places,
  certificate: { chain: string; key: string; hub: { chain: string; key: string } },
  direct = false,
): string[] => {
  const answer = scenario.answer === 'tls' ? `tls:${places.tlsPeer}:${places.tlsPeerPort}` : `udp:${places.pbx}:${places.pbxPort}`
  const through = direct ? answer.slice(4) : `${places.edge}:${edgePort(scenario, places)}`
  const target = targetUri(scenario, places)
  const streams = scenario.transport !== 'udp'
  const { media, hub } = scenario
  return [
    ...['--transport', scenario.transport, '--edge', through, '--target', target, '--answer', answer, '--domain', places.domain],
    ...['--from', streams ? places.clients : places.caller, '--spread', String(streams ? places.clientSpread : 1)],
    ...['--chain', certificate.chain, '--key', certificate.key],
    ...(hub === undefined
      ? []
      : ['--hub', '--offer', join(SDPS, hub.offer), '--client-chain', certificate.hub.chain, '--client-key', certificate.hub.key]),
    ...(media === undefined ? [] : ['--offer', join(SDPS, media.offer), '--reply', join(SDPS, media.answer)]),
    ...(media === undefined || direct ? [] : ['--media', places.media]),
  ]
}
