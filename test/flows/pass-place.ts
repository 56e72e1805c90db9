import { onTestFinished } from 'vitest'
import type { Binding, BindingStore } from '../../src/registrar/types.ts'
import { type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import { headerOf, uriOf, type Wire } from '../support/wire.ts'

export interface Wishes {
  /** Of the PBX's zone. */
  readonly registrar?: 'auto' | 'path' | 'contact'
  /** Of the clients' zones, in YAML. */
  readonly clients?: string
  readonly store?: BindingStore
  readonly pbx?: string
  /** Of the PBX's zone, behind the first. */
  readonly targets?: string
}

const place = ({ registrar = 'auto', clients = '', pbx = 'probe: false', targets = '' }: Wishes): string => `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:    { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  web:    { wss: 10.0.0.5:443 }
  public: { udp: 10.0.0.5:5080, tls: 10.0.0.5:5061, advertise: public-address }
zones:
  pbx:      { kind: trunk, on: lan, ${pbx}, registrar: ${registrar}, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp"${targets} ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ]${clients} }
  phones:   { kind: phones, on: public, nat: off${clients} }
routes:
  - { from: [ browsers, phones ], to: pbx }
  - { from: pbx, to: browsers }
media: off
certificates: { main: development }
`

export interface Here {
  readonly edge: EdgeUnderTest
  readonly pbx: Party
  readonly browser: Party
}

export const begin = async (wishes: Wishes = {}): Promise<Here> => {
  const edge = await startEdge(place(wishes), {
    touches: ['contact', 'expires', 'to'],
    ...(wishes.store && { bindings: wishes.store }),
  })
  const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
  // What runs out when the test is over is taken back
  onTestFinished(() => pbx.replies('REGISTER', 200))
  return {
    edge,
    pbx,
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
  }
}

export const INSTANCE = '+sip.instance="<urn:uuid:6e0b0dd6-1f5c-4c6e-9f3b-2a2f3d0b8a11>"'
/** As JsSIP writes it. */
export const JSSIP = `<sip:h3k9q0mv@n4d7c2j8w1ka.invalid;transport=ws>;+sip.ice;reg-id=1;${INSTANCE};expires=600`
/** As SIP.js does. */
export const SIPJS = '<sip:t8v0a1cd@p2k5j9s7h3n4.invalid;transport=ws>;expires=600'
export const PHONE = '<sip:desk@192.168.1.40:5062;transport=TLS;ob>;q=0.8'

export const AUTHORIZATION = 'Authorization: Digest username="browser", realm="pbx", nonce="n1", uri="sip:example.com", response="aa"'

export const asks = (client: Party, contact: string, more: SendOptions = {}): Wire =>
  client.sends('REGISTER', { uri: 'sip:example.com', to: `sip:${client.name}@example.com`, fresh: true, contact, callId: 'reg1', ...more })

/** A registrar that stores the Contact as it is, and knows no Path. */
export const OLD = { without: ['path'] } as const

/** A REGISTER and its 200. */
export const registers = (client: Party, pbx: Party, contact: string, more: SendOptions = {}, answer: SendOptions = OLD): [Wire, Wire] => {
  asks(client, contact, more)
  const register = pbx.gets('REGISTER')
  pbx.sends(200, answer)
  return [register, client.gets(200)]
}

export const contactUri = (wire: Wire): string => uriOf(headerOf(wire, 'contact'))
export const views = (edge: EdgeUnderTest, search = '') => edge.engine.registrations({ search, skip: 0, limit: 100 })

/** A store in memory that a restart leaves alone. */
export const memory = (): BindingStore => {
  const kept = new Map<string, Binding>()
  return {
    load: () => [...kept.values()],
    put: (binding) => {
      kept.set(`${binding.aor} ${binding.key}`, structuredClone(binding) as Binding)
    },
    remove: (aor, key) => {
      kept.delete(`${aor} ${key}`)
    },
    together: (run) => run(),
  }
}
