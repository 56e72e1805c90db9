import { createHmac } from 'node:crypto'
import { Listener, type ListenerSpec } from '../../../src/address/listener.ts'
import { Myself } from '../../../src/address/myself.ts'
import type { TransportName } from '../../../src/address/transports.ts'
import type { KeyedHash } from '../../../src/base/keyed-hash.ts'
import type { Crossing } from '../../../src/routing/crossing.ts'
import { type FlowToken, RouteStateCodec, type Side } from '../../../src/routing/route-state.ts'
import { headerLines, type SipMessage, type SipRequest } from '../../../src/sip/message.ts'
import { PLAIN_DIALECT } from '../../../src/zones/dialect.ts'
import type { MediaPolicy } from '../../../src/zones/media.ts'
import { trunk } from '../../../src/zones/trunk.ts'
import { webrtc } from '../../../src/zones/webrtc.ts'
import type { Target, Zone } from '../../../src/zones/zone.ts'
import { messageText, parsedRequest } from '../../support/messages.ts'

type Described = Partial<Omit<ListenerSpec, 'transport'>>

/** A listener that advertises what it is bound to, unless told otherwise. */
export const listener = (name: string, transport: TransportName, address: string, port: number, more: Described = {}): Listener =>
  new Listener({
    name,
    group: name.split('/')[0]!,
    transport,
    bindAddress: address,
    bindPort: port,
    advertisedHost: address,
    advertisedPort: port,
    names: [],
    ...more,
  })

export const lanUdp = listener('lan/udp', 'udp', '10.0.0.5', 5060)
export const lanTcp = listener('lan/tcp', 'tcp', '10.0.0.5', 5060)
export const sixUdp = listener('six/udp', 'udp', '2001:db8::5', 5060)
export const pubTls = listener('pub/tls', 'tls', '10.0.0.5', 5061, {
  advertisedHost: 'sbc.example.com',
  names: ['tenant1.example.net', 'tenant2.example.net'],
})
export const web = listener('web/wss', 'wss', '10.0.0.5', 443, { advertisedHost: 'sbc.example.com' })
export const LISTENERS = [lanUdp, lanTcp, sixUdp, pubTls, web] as const

/** Nothing that an operator would have said about media. */
export const NO_MEDIA_WISHES: MediaPolicy = {
  anchored: true,
  kind: undefined,
  interface: undefined,
  set: 'default',
  codecs: { order: undefined, strip: [], transcode: [] },
  dtmf: 'pass',
  ice: undefined,
  maxBundle: true,
  record: false,
}

export const target = (name: string, more: Partial<Target> = {}): Target => ({
  name,
  user: undefined,
  host: name,
  port: undefined,
  transport: undefined,
  secure: false,
  priority: 0,
  weight: 1,
  drain: false,
  requestUri: 'target',
  media: NO_MEDIA_WISHES,
  provisional: 'pass',
  ...more,
})

export const zone = (name: string, listeners: readonly Listener[], more: Partial<Zone> = {}): Zone => ({
  name,
  kind: 'trunk',
  profile: trunk,
  listeners,
  admission: { anyone: false, networks: [], targets: true, certificateNames: [], otherwise: 'reject' },
  targets: [],
  probing: { enabled: false, intervalSeconds: 30, timeoutSeconds: 4, downAfter: 3, upAfter: 2, alive: (status) => status !== 503 },
  numbersIn: [],
  numbersOut: [],
  headersIn: [],
  headersOut: [],
  advertise: undefined,
  path: false,
  media: NO_MEDIA_WISHES,
  trace: true,
  registration: { mode: 'pass', refresh: undefined },
  authenticate: false,
  registrar: 'auto',
  lost: { registrationMs: 5000, callsMs: 20_000, tellRegistrar: true },
  nat: { tests: [], local: [], keepAlive: undefined },
  contact: 'keep',
  peers: undefined,
  connections: { share: true, renewMs: undefined },
  dialect: PLAIN_DIALECT,
  trusted: true,
  patienceMs: undefined,
  tenants: [],
  ...more,
})

export const pbx = zone('pbx', [lanUdp, lanTcp, sixUdp])
export const cloud = zone('cloud', [pubTls])
export const browsers = zone('browsers', [web], { kind: 'webrtc', profile: webrtc, path: true })
export const ZONES = [pbx, cloud, browsers] as const

/** HMAC with secrets that are the keys' names; `keys` are those that are known, the first signs. */
export const hashWith = (...keys: readonly string[]): KeyedHash => ({
  currentKey: keys[0]!,
  mac: (key, text) => (keys.includes(key) ? createHmac('sha256', key).update(text, 'latin1').digest('base64url').slice(0, 11) : undefined),
})

export const myself = new Myself(LISTENERS)
export const states = new RouteStateCodec(hashWith('a'), 'A', LISTENERS, ZONES)

export const side = (of: Zone, by: Listener, flow?: FlowToken): Side => ({ listener: by, zone: of, flow })
export const connection = (id: string): FlowToken => ({ kind: 'connection', boot: 'boot', id, identity: `who-${id}` })

export const CALL_ID = 'call-1@example.com'

interface Parts {
  readonly method?: string
  readonly toTag?: string
  readonly callId?: string
  readonly lines?: readonly string[]
  readonly body?: string
}

/** An INVITE, or what `parts` say, that parsed well. */
export const request = (
  requestUri: string,
  { method = 'INVITE', toTag, callId = CALL_ID, lines = [], body = '' }: Parts = {},
): SipRequest =>
  parsedRequest(
    messageText(
      `${method} ${requestUri} SIP/2.0`,
      [
        'Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKclient',
        'Max-Forwards: 70',
        'From: <sip:alice@example.com>;tag=from1',
        `To: <sip:bob@example.com>${toTag === undefined ? '' : `;tag=${toTag}`}`,
        `Call-ID: ${callId}`,
        `CSeq: 1 ${method}`,
        ...lines,
      ],
      body,
    ),
  )

export const crossing = (ingress: Side, egress: Side, more: Partial<Crossing> = {}): Crossing => ({
  ingress,
  egress,
  advertiseIngress: undefined,
  advertiseEgress: undefined,
  recordRoute: false,
  path: false,
  cookie: 'COOKIE',
  contact: undefined,
  renewSeconds: undefined,
  target: undefined,
  contactPath: undefined,
  inDialog: false,
  branch: 'z9hG4bKAour-1',
  numbers: [],
  headers: [],
  ...more,
})

/** The values of all lines of that name. */
export const values = (message: SipMessage, name: string): string[] => headerLines(message, name).map((one) => one.value)
