import type { Binding, BindingStore, Subscriber, Subscribers } from '../../src/registrar/types.ts'
import { type EdgeOptions, type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'

/** An edge that is the registrar itself: phones by UDP and TCP, browsers, and a PBX that calls them. */
export const placeWith = (more = '', routes = '[ phones, browsers ]'): string => `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:    { udp: 10.0.0.5:5060 }
  web:    { wss: 10.0.0.5:443 }
  public: { udp: 10.0.0.5:5080, tcp: 10.0.0.5:5080, advertise: public-address }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  phones:   { kind: phones, on: public, authenticate: false, nat: off, lost-connection: { registration: 1h } }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], authenticate: false, lost-connection: { registration: 1h } }
registrar: { domains: [ example.com, example.org ] }
routes:
  - { to: ${routes} }
media: off
certificates: { main: development }
${more}`

export class MemoryStore implements BindingStore {
  readonly bindings = new Map<string, Binding>()

  load() {
    return [...this.bindings.values()]
  }
  put(binding: Binding) {
    // As a database does: what is kept is another value
    this.bindings.set(`${binding.aor} ${binding.key}`, JSON.parse(JSON.stringify(binding)))
  }
  remove(aor: string, key: string) {
    this.bindings.delete(`${aor} ${key}`)
  }
  together(run: () => void) {
    run()
  }
}

const user = (name: string, more: Partial<Subscriber> = {}): Subscriber => ({
  user: name,
  aliases: [],
  displayName: '',
  enabled: true,
  ...more,
})
const USERS = [user('alice', { aliases: ['+442079460100'] }), user('bob'), user('carol', { enabled: false })]

export const SUBSCRIBERS: Subscribers = {
  find: (part) => USERS.find((one) => one.user === part || one.aliases.includes(part)),
  ha1: () => undefined,
}

export interface RegistrarPlace {
  readonly edge: EdgeUnderTest
  readonly pbx: Party
  readonly store: MemoryStore
  /** A UDP phone behind NAT at a port of its own. */
  readonly phone: (name: string, port: number) => Party
}

export const startRegistrar = async (configuration = placeWith(), options: EdgeOptions = {}): Promise<RegistrarPlace> => {
  const store = new MemoryStore()
  const edge = await startEdge(configuration, { bindings: store, subscribers: SUBSCRIBERS, ...options })
  return {
    edge,
    store,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    phone: (name, port) => edge.party(name, 'public/udp', `198.51.100.7:${port}`, { host: `192.168.1.5:${port}` }),
  }
}

/** Registers for `user`; @returns the answer. */
export const registers = (
  client: Party,
  name: string,
  options: SendOptions & { readonly parameters?: string } = {},
  status = 200,
): Wire => {
  const { parameters = '', ...more } = options
  client.sends('REGISTER', {
    uri: 'sip:example.com',
    to: `sip:${name}@example.com`,
    fresh: true,
    contact: `${client.contact}${parameters}`,
    ...more,
  })
  return client.gets(status)
}
