import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { allEnd, type SippResult, startSipp } from '../../support/sipp.ts'

const HOST = '127.0.0.1'
const DOMAIN = 'example.test'
const PASSWORD = 'correct-horse'
const FAILURES = 6

const project = join(import.meta.dirname, '..', '..', '..')

const configOf = (ports: Readonly<Record<'lan' | 'public' | 'web' | 'pbx' | 'admin', number>>, algorithms: string): string => `
name: ${DOMAIN}
listeners:
  lan:    { udp: '${HOST}:${ports.lan}' }
  public: { udp: '${HOST}:${ports.public}' }
  web:    { ws: '${HOST}:${ports.web}' }
zones:
  pbx:    { kind: trunk, on: lan, probe: false, targets: [ 'sip:${HOST}:${ports.pbx}' ] }
  phones: { kind: phones, on: public, nat: off, authenticate: true, registration: pass }
  pages:  { kind: webrtc, on: web, origins: [ 'http://${DOMAIN}' ], authenticate: true, registration: pass }
routes:
  - { from: [ phones, pages ], to: pbx }
authentication: { failures: ${FAILURES}, failure-time: 10m${algorithms} }
turn: { servers: [ 'turn:${DOMAIN}' ], secret-file: turn }
media: off
certificates: { main: development }
admin: { listen: '${HOST}:${ports.admin}', plain: true }
`

describe('requests show who sends them', () => {
  const folder = temporaryFolder('digest')
  const ports = { lan: 0, public: 0, web: 0, pbx: 0, admin: 0 }
  let edge: Edge

  beforeAll(async () => {
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort(HOST)
    writeFileSync(join(folder.path, 'turn'), 'north star')
    edge = await startEdge({ config: configOf(ports, ''), adminPort: ports.admin, folder: folder.path })
    for (const name of ['alice', 'bob']) user(['add', name], PASSWORD)
  })

  afterAll(async () => {
    await edge?.stop()
    folder.remove()
  })

  /** The command, while the edge runs. */
  const user = (args: readonly string[], input = ''): void => {
    const { status, stderr } = spawnSync(
      join(project, 'node_modules', '.bin', 'node'),
      ['src/main.ts', 'user', ...args, '--config', edge.configFile, '--data', edge.dataFolder],
      { cwd: project, input: `${input}\n`, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
  }

  const calls = async (name: string, more: { password?: string; from?: string; status?: number } = {}): Promise<void> => {
    const { password = PASSWORD, from = name, status = 200 } = more
    const phone = {
      scenario: join(import.meta.dirname, 'peers', 'calls.xml'),
      values: {
        domain: DOMAIN,
        user: name,
        from,
        password,
        status: String(status),
        ends: status === 200 ? 'is-answered.xml' : 'is-refused.xml',
      },
      ...({ transport: 'udp', address: HOST, folder: folder.path } as const),
      port: await freePort(HOST),
    }
    const remote = { address: HOST, port: ports.public }
    if (status !== 200) {
      passed(await (await startSipp({ ...phone, remote })).result)
      return
    }
    const pbx = await startSipp({
      ...phone,
      scenario: join(import.meta.dirname, 'peers', 'pbx.xml'),
      values: {},
      port: ports.pbx,
    })
    for (const result of await allEnd([pbx, await startSipp({ ...phone, remote })])) passed(result)
  }

  const curl = (password: string): string => {
    const where = ['-sS', '-o', join(folder.path, 'answer'), '-w', '%{http_code}', '-H', `Origin: http://${DOMAIN}`]
    const url = `http://${HOST}:${ports.web}/turn`
    return execFileSync('curl', [...where, '--digest', '-u', `alice:${password}`, url], { encoding: 'utf8' })
  }

  const reconfigure = async (algorithms: string): Promise<void> => {
    const at = async () => (await edge.api<{ lastReload?: { at: string } }>('/api/state')).lastReload?.at
    const before = await at()
    edge.configure(configOf(ports, algorithms))
    edge.reload()
    await until(async () => (await at()) !== before || undefined, 'reload')
  }

  test('RFC 3261 §22.3: SIPp calls with its password; nothing of that reaches the PBX', async () => {
    await calls('alice')
    expect(await edge.metric('edgeways_authentications_total', { result: 'password' })).toBe(1)
  })

  test('RFC 3261 §22.1: a wrong password, an unknown user and another one’s name do not get through', async () => {
    await calls('alice', { password: 'guess', status: 407 })
    await calls('nobody', { status: 407 })
    await calls('bob', { from: 'alice', status: 403 })
  })

  test('what a command changes counts from the next call on', async () => {
    user(['password', 'bob'], 'another-one')
    await calls('bob', { password: 'another-one' })
    user(['disable', 'bob'])
    await calls('bob', { password: 'another-one', status: 403 })
    user(['enable', 'bob'])
    await calls('bob', { password: 'another-one' })
    user(['remove', 'bob'])
    await calls('bob', { password: 'another-one', status: 407 })
    await calls('alice')
  })

  test('RFC 7616 §3.4: with SHA-256 alone on offer curl is let in', async () => {
    await reconfigure(', algorithms: SHA-256')
    expect(curl(PASSWORD)).toBe('200')
    expect(curl('guess')).toBe('401')
    await reconfigure('')
  })

  test('who guesses is refused without a look', async () => {
    // From where alice is known the guesses for her count for her alone
    for (let i = 0; i < FAILURES; i++) await calls('nobody', { password: `guess-${i}`, status: i < FAILURES - 1 ? 407 : 403 })
    const { refusals } = await edge.api<{ refusals: readonly { why: string }[] }>('/api/security')
    expect(refusals.map(({ why }) => why)).toContain('Too many wrong credentials')
    expect(await edge.metric('edgeways_authentications_total', { result: 'flood' })).toBeGreaterThan(0)
    await calls('alice')
  })
})

const passed = ({ errors, code }: SippResult): void => expect({ errors, code }).toEqual({ errors: '', code: 0 })
