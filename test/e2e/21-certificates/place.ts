import { once } from 'node:events'
import type { TcpSocketConnectOpts } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { CertificateView } from '../../../src/certs/types.ts'
import { type Ground, layGround } from '../../support/crossing.ts'
import { type Edge, type EdgeOptions, startEdge } from '../../support/edge.ts'
import { type ChallengeDns, type Pebble, startChallengeDns, startPebble } from '../../support/pebble.ts'
import { until } from '../../support/processes.ts'

/** A CA, its DNS, and the ground that an edge stands on. Names lead to the edge's outside address. */
export interface CaGround {
  readonly ground: Ground
  readonly dns: ChallengeDns
  readonly pebble: Pebble
  /** From now on the CA looks for a name there, and nowhere else. */
  lead(name: string, address: string): Promise<void>
  stop(): Promise<void>
}

/** @param net as for `layGround` */
export const layCaGround = async (net: number, names: readonly string[]): Promise<CaGround> => {
  const laid = await layGround(net)
  const dns = await startChallengeDns()
  for (const name of names) await dns.point(name, laid.outside)
  const pebble = await startPebble({ folder: laid.folder, authority: laid.authority, dns: dns.address })
  return {
    // The CA looks at its own port for TLS: a listener of the edge stands there
    ground: { ...laid, callersTlsPort: pebble.tlsPort },
    dns,
    pebble,
    lead: async (name, address) => {
      await fetch(`${dns.management}/clear-a`, { method: 'POST', body: JSON.stringify({ host: `${name}.` }) })
      await dns.point(name, address)
    },
    stop: async () => {
      await pebble.stop()
      await dns.stop()
      laid.remove()
    },
  }
}

/** What is the same for all orders at this CA. */
export const acme = ({ pebble }: CaGround, challenge: 'http-01' | 'tls-alpn-01'): string =>
  `{ email: ops@edge.test, directory: '${pebble.directory}', trust: ${pebble.trustFile}, challenge: ${challenge}, http-port: ${pebble.httpPort} }`

/** A configuration: phones over UDP, TLS and WSS to a trunk over TLS, with these certificates. */
export const configuration = ({ ground }: CaGround, certificates: string, more = ''): string => `
name: ${ground.name}
listeners:
  callers: { udp: '${ground.inside}:${ground.callersPort}' }
  callers-tls: { tls: '${ground.outside}:${ground.callersTlsPort}', certificate: main }
  web: { wss: '${ground.outside}:${ground.wssPort}', certificate: main }
  inside-tls:
    tls: '${ground.outside}:${ground.targetsTlsPort}'
    certificate: main
    tls-settings: { trust: ${ground.authority.file} }
zones:
  phones: { kind: phones, on: [callers, callers-tls, web], admit: { networks: ['${ground.caller}'] } }
  tls: { kind: trunk, on: inside-tls, targets: ['sip:${ground.targets.tls.address}:${ground.targets.tls.port};transport=tls'], probe: false }
routes:
  - { from: phones, user: to-tls, to: tls }
media: off
certificates:
${certificates}
admin: { listen: '127.0.0.1:${ground.adminPort}', plain: true }
${more}`

export const start = (ground: Ground, config: string, more: Partial<EdgeOptions> = {}): Promise<Edge> =>
  startEdge({ config, adminPort: ground.adminPort, folder: ground.folder, ...more })

export const viewOf = async (edge: Edge, name: string): Promise<CertificateView> =>
  (await edge.api<{ readonly certificates: readonly CertificateView[] }>('/api/certificates')).certificates.find(
    (one) => one.name === name,
  )!

/** The view, when it is so. */
export const viewWhen = (edge: Edge, name: string, wanted: (view: CertificateView) => boolean, what: string): Promise<CertificateView> =>
  until(
    async () => {
      const view = await viewOf(edge, name)
      return wanted(view) ? view : undefined
    },
    what,
    30_000,
  )

/** A certificate of the CA is in force. */
export const issued = (edge: Edge, name: string, not?: string): Promise<CertificateView> =>
  viewWhen(
    edge,
    name,
    ({ issuer, serial, next }) => issuer?.includes('Pebble') === true && serial !== not && next.what === 'renew',
    `${name} of the CA`,
  )

export const post = async (
  ground: Ground,
  path: string,
  body: object = {},
): Promise<{ readonly status: number; readonly body: unknown }> => {
  const answer = await fetch(`http://127.0.0.1:${ground.adminPort}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

/** A TLS connection that verifies the edge; rejects when it does not trust what it sees. */
export const dial = async (ground: Ground, ca: string, servername: string, port = ground.callersTlsPort): Promise<TLSSocket> => {
  // The types of Node leave out that options of TCP are taken, too
  const options: ConnectionOptions & TcpSocketConnectOpts = { host: ground.outside, port, localAddress: ground.caller, ca, servername }
  const socket = connect(options)
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** The serial number that a new handshake sees. */
export const shownSerial = async (ground: Ground, ca: string, servername: string, port?: number): Promise<string> => {
  const socket = await dial(ground, ca, servername, port)
  const { serialNumber } = socket.getPeerX509Certificate()!
  // With its last part sent: a handshake that is cut off would count as one that failed
  await once(socket.end().resume(), 'close')
  return serialNumber
}
