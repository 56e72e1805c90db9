/** The edge with a private address behind 1:1 NAT, its PBX inside, and a phone and a browser behind a symmetric NAT. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from '../../support/authority.ts'
import type { Edge } from '../../support/edge.ts'
import { type Inside, stepInside } from '../../support/netns/inside.ts'
import { BROWSER, EDGE, layNetwork, type Network, PBX, PHONE, PUBLIC } from '../../support/netns/network.ts'
import { temporaryFolder } from '../../support/places.ts'
import { type Program, start, until } from '../../support/processes.ts'

export const NAME = 'sbc.edge.test'
export const HZ = { phone: 620, secure: 780, pbx: 1000, browser: 440 } as const
/** Of the edge: `sip` inside; the others outside, and the same on both sides of its NAT. */
export const PORTS = { sip: 5060, udp: 5070, tls: 5061, wss: 443, admin: 8080, pbx: 5060, phone: 5062, secure: 5064 } as const

const project = join(import.meta.dirname, '..', '..', '..')

export interface Place {
  readonly folder: string
  readonly root: string
  readonly network: Network
  /** Who acts in each namespace. */
  readonly at: { readonly edge: Inside; readonly pbx: Inside; readonly phone: Inside; readonly browser: Inside }
  readonly program: Program
  metric: Edge['metric']
  /** Another configuration is in force. @param keepAlive of the phones' zone */
  reconfigures(keepAlive: string): Promise<void>
  stop(): Promise<void>
}

const configOf = (chain: string, key: string, keepAlive: string): string => `
name: ${NAME}
public-address: ${PUBLIC}
listeners:
  lan:    { udp: '${EDGE}:${PORTS.sip}' }
  public: { udp: '${EDGE}:${PORTS.udp}', advertise: public-address }
  secure: { tls: '${EDGE}:${PORTS.tls}' }
  web:    { wss: '${EDGE}:${PORTS.wss}' }
zones:
  pbx:      { kind: trunk, on: lan, targets: ['sip:${PBX}:${PORTS.pbx};transport=udp'], probe: false }
  phones:   { kind: phones, on: public, nat: { keep-alive: ${keepAlive} } }
  secure:   { kind: phones, on: secure, nat: { keep-alive: 5s } }
  browsers: { kind: webrtc, on: web, origins: ['*'] }
routes:
  - { from: [phones, secure, browsers], to: pbx }
certificates: { main: { chain: ${chain}, key: ${key} } }
admin: { listen: '127.0.0.1:${PORTS.admin}', plain: true }
`

/** Everybody is there, and nobody has registered yet. */
export const layPlace = async (): Promise<Place> => {
  const { path: folder, remove } = temporaryFolder('e2e-34')
  const authority = createAuthority(folder)
  const own = authority.issue('edge', [NAME])
  const network = layNetwork()
  const undo: (() => unknown)[] = [remove, () => network.remove()]
  const stop = async (): Promise<void> => {
    for (const one of undo.toReversed()) await one()
  }
  try {
    const step = async (where: 'edge' | 'pbx' | 'phone' | 'browser'): Promise<Inside> => {
      const inside = await stepInside(network, where)
      undo.push(() => inside.stop())
      return inside
    }
    const [edge, pbx, phone, browser] = await Promise.all([step('edge'), step('pbx'), step('phone'), step('browser')])
    const configFile = join(folder, 'edge.yaml')
    const data = join(folder, 'data')
    mkdirSync(data)
    const write = (keepAlive: string): void => writeFileSync(configFile, configOf(own.chainFile, own.keyFile, keepAlive))
    write('5s')
    const node = join(project, 'node_modules', '.bin', 'node')
    const command = ['netns', 'exec', network.name('edge'), node, join(project, 'src', 'main.ts'), 'run', '--config', configFile]
    const program = start('ip', command, { cwd: project, environment: { EDGEWAYS_DATA: data } })
    undo.push(() => program.stop('SIGTERM', 15_000))
    await program.line((line) => line.includes('Edgeways is ready'), 'ready line', 30_000)
    await program.line((line) => line.includes('rtpengine is ready'), 'rtpengine', 15_000)

    await pbx.open({ name: 'pbx', transport: 'udp', address: PBX, port: PORTS.pbx, media: { hz: HZ.pbx } })
    await phone.open({
      ...{ name: 'phone', transport: 'udp', address: PHONE, port: PORTS.phone, domain: NAME, hosts: { [NAME]: PUBLIC } },
      proxy: { address: PUBLIC, port: PORTS.udp },
      media: { hz: HZ.phone },
    })
    await phone.open({
      ...{ name: 'secure', transport: 'tls', address: PHONE, port: PORTS.secure, domain: NAME },
      proxy: { address: PUBLIC, port: PORTS.tls, name: NAME },
      tls: { authority: authority.certificate },
      media: { profile: 'sdes', hz: HZ.secure },
    })
    const metric: Edge['metric'] = async (name, labels = {}) =>
      (await edge.fetch(`http://127.0.0.1:${PORTS.admin}/metrics`))
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    return {
      ...{ folder, root: authority.certificate, network, at: { edge, pbx, phone, browser }, program, metric },
      reconfigures: async (keepAlive) => {
        const before = await metric('edgeways_reloads_total', { result: 'applied' })
        write(keepAlive)
        program.signal('SIGHUP')
        await until(async () => (await metric('edgeways_reloads_total', { result: 'applied' })) > before || undefined, 'reload')
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

export { BROWSER, EDGE, PBX, PHONE, PUBLIC }
