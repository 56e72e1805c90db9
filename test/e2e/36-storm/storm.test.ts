import { createSocket, type Socket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../../support/authority.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Program, start, until } from '../../support/processes.ts'
import type { StormReport, StormSettings } from './clients.ts'

const project = join(import.meta.dirname, '..', '..', '..')
const CLIENTS = 2000
/** Wide: the machine of a test run does other things as well. Alone it is some ten seconds. */
const BACK_WITHIN_S = 75
const NAME = 'sbc.edge.test'
const ORIGIN = 'https://app.edge.test'
const NETWORK = '127.0.36'
const [EDGE, PBX] = [`${NETWORK}.1`, `${NETWORK}.2`] as const

/** The PBX: a registrar that lets everybody in. */
const startRegistrar = async (port: number): Promise<Socket> => {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { address, port: from }) => {
    const text = bytes.toString('latin1')
    if (!text.startsWith('REGISTER ')) return
    const kept = text.split('\r\n').filter((line) => /^(?:Via|From|Call-ID|CSeq|Contact|Path):/i.test(line))
    const to = /^To:.*$/m.exec(text)?.[0].trim()
    socket.send(['SIP/2.0 200 OK', ...kept, `${to};tag=pbx`, 'Content-Length: 0', '', ''].join('\r\n'), from, address)
  })
  await new Promise<void>((resolve) => socket.bind(port, PBX, resolve))
  return socket
}

/** Kilobytes at most so far. */
const peakOf = (pid: number): number => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

describe.each([
  // So few that most have to wait, and many are sent away
  ['here', 125],
  // The default: TLS handshakes take about as long
  ['pass', 500],
] as const)('2000 browsers, registration: %s, %i in a second', (mode, limit) => {
  const folder = temporaryFolder(`storm-${mode}`)
  let edge: Edge
  let clients: Program
  let pbx: Socket

  beforeAll(async () => {
    const ca = createAuthority(folder.path)
    const { chainFile, keyFile } = ca.issue('edge', [NAME])
    const timedSecretFile = join(folder.path, 'timed')
    writeFileSync(timedSecretFile, 'a secret that the web application shares with the edge')
    const [port, lan, pbxPort, adminPort] = [await freePort(EDGE), await freePort(EDGE), await freePort(PBX), await freePort('127.0.0.1')]
    pbx = await startRegistrar(pbxPort)
    edge = await startEdge({
      folder: folder.path,
      adminPort,
      config: `name: ${NAME}
listeners: { web: { wss: "${EDGE}:${port}" }, lan: { udp: "${EDGE}:${lan}" } }
zones:
  browsers: { kind: webrtc, on: web, origins: ["${ORIGIN}"], registration: ${mode} }
  pbx: { kind: trunk, on: lan, targets: ["sip:${PBX}:${pbxPort};transport=udp"], probe: false }
routes: [{ from: browsers, to: pbx }, { from: pbx, to: browsers }]
${mode === 'here' ? 'registrar: {}' : ''}
authentication: { realm: ${NAME}, timed-secret-file: "${timedSecretFile}" }
limits: { registrations: ${limit} }
media: off
certificates: { main: { chain: "${chainFile}", key: "${keyFile}" } }
admin: { listen: "127.0.0.1:${adminPort}", plain: true }
`,
    })
    const settings: StormSettings = {
      ...{ clients: CLIENTS, address: EDGE, port, name: NAME, origin: ORIGIN, root: ca.file, network: NETWORK },
      ...(mode === 'here' ? { timedSecretFile } : {}),
    }
    const node = join(project, 'node_modules', '.bin', 'node')
    clients = start(node, [join(import.meta.dirname, 'clients.ts'), JSON.stringify(settings)], { cwd: project })
  })

  afterAll(async () => {
    await clients?.stop('SIGKILL')
    await edge?.stop()
    pbx?.close()
    folder.remove()
  })

  /** The `count`th time that all are registered. */
  const allRegistered = async (count: number): Promise<StormReport> => {
    const lines = (): StormReport[] => clients.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as StormReport)
    return until(
      () => {
        if (!clients.running()) throw new Error(`the browsers ended:\n${clients.lines.join('\n')}`)
        return lines()[count - 1]
      },
      `${CLIENTS} registered browsers`,
      BACK_WITHIN_S * 1000,
    )
  }

  it('they come back after the edge was killed, no faster than the limit, and nothing is lost', async () => {
    await allRegistered(1)
    expect(await edge.metric('edgeways_registrations_active')).toBe(CLIENTS)
    await edge.kill9()
    const killedAt = Date.now()
    await edge.restart()
    const restartedAt = Date.now()
    const report = await allRegistered(2)
    const seconds = (from: number, to: number): number => Math.round((to - from) / 100) / 10
    const delay = await edge.metric('edgeways_event_loop_delay_seconds', { quantile: '0.99' })
    const internal = await edge.metric('edgeways_internal_errors_total')
    process.stdout.write(
      `${CLIENTS} browsers, registration ${mode}, ${limit} in a second: edge up again after ${seconds(killedAt, restartedAt)} s, ` +
        `first registered after ${seconds(killedAt, report.firstAt)} s, all after ${seconds(killedAt, report.allAt)} s; ` +
        `${report.failedConnects} failed connects, ${report.sentAway} × 503, others ${JSON.stringify(report.otherAnswers)}; ` +
        `peak memory ${Math.round(peakOf(edge.program().pid) / 1024)} MB, event loop delay p99 ${Math.round(delay * 1000)} ms\n`,
    )
    expect(seconds(killedAt, report.allAt)).toBeLessThan(BACK_WITHIN_S)
    // Those of the first second come at once
    if (mode === 'here') expect(seconds(restartedAt, report.allAt)).toBeGreaterThan(CLIENTS / limit - 3)
    expect(report.otherAnswers).toEqual({})
    expect(internal).toBe(0)
    expect(await edge.metric('edgeways_registrations_active')).toBe(CLIENTS)
    expect(edge.program().running()).toBe(true)
    expect(edge.log().filter(({ level }) => level === 'error' || level === 50)).toEqual([])
  }, 240_000)
})
