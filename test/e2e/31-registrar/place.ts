import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createAuthority } from '../../support/authority.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Program, start } from '../../support/processes.ts'
import { literal, type Sipp, type SippResult, startSipp } from '../../support/sipp.ts'

const HOST = '127.0.0.1'
export const DOMAIN = 'example.test'
export const PASSWORD = 'correct-horse'

const project = join(import.meta.dirname, '..', '..', '..')

/** The real edge as the registrar of a site, with users, and SIPp and baresip around it. */
export interface Site {
  readonly edge: Edge
  readonly folder: string
  readonly ports: Readonly<Record<'lan' | 'public' | 'tls', number>>
  readonly root: string
  /** A phone's place for as long as the test lasts. */
  port(): Promise<number>
  registers(user: string, port: number, more?: RegisterOptions): Promise<SippResult>
  /** Waits for a call at the place where it registered. */
  isCalled(user: string, port: number): Promise<Sipp>
  /** The PBX. */
  calls(user: string): Promise<SippResult>
  isRefused(user: string, status: number): Promise<SippResult>
  baresip(user: string, transport: 'tcp' | 'tls'): Promise<Program>
  stop(): Promise<void>
}

export interface RegisterOptions {
  readonly transport?: 'udp' | 'tcp'
  readonly password?: string
  readonly parameters?: string
  readonly status?: number
}

export const passed = ({ errors, code }: SippResult): void => expect({ errors, code }).toEqual({ errors: '', code: 0 })

const scenario = (name: string): string => join(import.meta.dirname, 'peers', `${name}.xml`)

/** @param more lines of the configuration */
export const startSite = async (users: readonly string[], more = ''): Promise<Site> => {
  const { path: folder, remove } = temporaryFolder('registrar')
  const [lan, open, tls, admin] = await Promise.all([freePort(HOST), freePort(HOST), freePort(HOST), freePort(HOST)])
  const authority = createAuthority(folder)
  const own = authority.issue('edge', [DOMAIN, HOST])
  const config = `
name: ${DOMAIN}
listeners:
  lan:    { udp: '${HOST}:${lan}' }
  public: { udp: '${HOST}:${open}', tcp: '${HOST}:${open}', tls: '${HOST}:${tls}' }
zones:
  pbx:    { kind: trunk, on: lan, probe: false, admit: { networks: [ 127.0.0.0/8 ] }, targets: [ 'sip:${HOST}:9' ] }
  phones: { kind: phones, on: public }
registrar: { least-expires: 30s }
routes:
  - { to: phones }
media: off
certificates: { main: { chain: ${own.chainFile}, key: ${own.keyFile} } }
admin: { listen: '${HOST}:${admin}', plain: true }
${more}`
  const edge = await startEdge({ config, adminPort: admin, folder })
  for (const user of users) {
    const { status, stderr } = spawnSync(
      join(project, 'node_modules', '.bin', 'node'),
      ['src/main.ts', 'user', 'add', user, '--config', edge.configFile, '--data', edge.dataFolder],
      { cwd: project, input: `${PASSWORD}\n`, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
  }
  const programs: Program[] = []
  const sipp = async (
    name: string,
    values: Readonly<Record<string, string>>,
    port: number,
    to?: number,
    transport: 'udp' | 'tcp' = 'udp',
  ) => {
    const started = await startSipp({
      scenario: scenario(name),
      values: { domain: DOMAIN, ...values },
      transport,
      address: HOST,
      port,
      folder,
      ...(to === undefined ? {} : { remote: { address: HOST, port: to } }),
    })
    programs.push(started.program)
    return started
  }
  const site: Site = {
    edge,
    folder,
    ports: { lan, public: open, tls },
    root: authority.file,
    port: () => freePort(HOST),
    registers: async (user, port, { transport = 'udp', password = PASSWORD, parameters = '', status = 200 } = {}) => {
      const expected = status === 200 ? `Contact: &lt;sip:${user}@${HOST}:${port};line=1&gt;[^;]*[^,]*;expires=300` : 'SIP/2.0'
      return (await sipp('registers', { user, password, parameters, status: String(status), expected }, port, open, transport)).result
    },
    isCalled: (user, port) => sipp('called', { user, contact: literal(`sip:${user}@${HOST}:${port};line=1`) }, port),
    calls: async (user) => (await sipp('calls', { user }, await freePort(HOST), lan)).result,
    isRefused: async (user, status) => (await sipp('is-refused', { user, status: String(status) }, await freePort(HOST), lan)).result,
    baresip: async (user, transport) => {
      const home = join(folder, `baresip-${user}-${transport}`)
      mkdirSync(home, { recursive: true })
      writeFileSync(join(home, 'config'), baresipConfig(authority.file, await freePort(HOST)))
      writeFileSync(
        join(home, 'accounts'),
        `<sip:${user}@${DOMAIN};transport=${transport}>;auth_user=${user};auth_pass=${PASSWORD};answermode=auto;regint=60;outbound="sip:${HOST}:${transport === 'tls' ? tls : open};transport=${transport}"\n`,
      )
      const program = start('baresip', ['-f', home])
      programs.push(program)
      return program
    },
    stop: async () => {
      await Promise.all(programs.map((program) => program.stop('SIGKILL')))
      await edge.stop()
      remove()
    },
  }
  return site
}

/** No sound card, nobody at the keyboard. */
const baresipConfig = (root: string, port: number): string => `
sip_listen ${HOST}:${port}
sip_cafile ${root}
sip_verify_server yes
net_interface ${HOST}
call_max_calls 4
audio_source aubridge,nil
audio_player aubridge,nil
audio_alert aubridge,nil
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
`
