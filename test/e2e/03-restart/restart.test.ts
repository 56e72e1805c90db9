import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type PageServer, Phone, servePhone, startBrowser } from '../../support/browser.ts'
import { type Ground, layGround, type Place, peerValues } from '../../support/crossing.ts'
import { type CrossingCall, crossingCall, expectPassed } from '../../support/crossing-call.ts'
import { dialogView } from '../../support/dialog.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { startPbx } from '../../support/pbx.ts'
import { allEnd, type Sipp, type SippResult, startSipp } from '../../support/sipp.ts'
import { browserConfig, crossingConfig, developmentRoot } from '../../support/subject.ts'

const peers = join(import.meta.dirname, 'peers')
const GETS_BYE = join('..', '..', '01-transports', 'peers', 'ending-gets-bye.xml')
const GETS_BYE_FROM_BROWSER = join('..', '..', '02-browser', 'peers', 'ending-gets-bye.xml')

/** The INVITE that began a dialog and its 200, as one SIPp traced them. */
const beginning = (result: SippResult): readonly [invite: string, answer: string] => {
  const find = (wanted: RegExp): string => result.messages.find(({ text }) => wanted.test(text))?.text ?? ''
  return [find(/^INVITE /), find(/^SIP\/2\.0 200 /)]
}

const passed = (results: readonly SippResult[]): void => {
  for (const { errors, code } of results) expect({ errors, code }).toEqual({ errors: '', code: 0 })
}

describe('D1: after kill -9 and a restart, a call between UDP and TCP', () => {
  let ground: Ground
  let edge: Edge

  beforeAll(async () => {
    ground = await layGround(63)
    edge = await startEdge({
      config: crossingConfig(ground, ground.authority.issue('edge', [ground.name])),
      adminPort: ground.adminPort,
      folder: ground.folder,
    })
  })

  afterAll(async () => {
    await edge?.stop()
    ground?.remove()
  })

  /** The other half of the call, by new SIPp processes in the same places: one side hangs up, the other must hear it. */
  const hangUp = async (call: CrossingCall, side: 'caller' | 'called'): Promise<readonly SippResult[]> => {
    const caller = { side: 'callers', transport: 'udp', self: call.callerPlace, user: 'caller' } as const
    const called = { side: 'targets', transport: 'tcp', self: call.calledPlace, user: 'called' } as const
    const [near, far] = side === 'caller' ? [caller, called] : [called, caller]
    const entrance = (port: number): Place => ({ address: ground.inside, port })
    const listens = await startSipp({
      scenario: join(peers, 'gets-bye.xml'),
      values: { ...peerValues(ground, far, near, 'to-tcp'), ending: GETS_BYE },
      transport: far.transport,
      ...far.self,
      folder: ground.folder,
    })
    const view = dialogView(side, ...beginning(call[side]))
    const sends = await startSipp({
      scenario: join(peers, 'sends-bye.xml'),
      values: { ...peerValues(ground, near, far, 'to-tcp'), ...view },
      transport: near.transport,
      ...near.self,
      remote: entrance(side === 'caller' ? ground.callersPort : ground.targetsPort),
      callId: view.callId,
      folder: ground.folder,
    })
    return allEnd([listens, sends])
  }

  it.each(['caller', 'called'] as const)('is ended by the %s, and the other side hears it', async (side) => {
    const call = await crossingCall(ground, 'udp', 'tcp', { caller: 'caller.xml', called: 'called.xml', bye: 'nobody' })
    expectPassed(call)
    await edge.kill9()
    await edge.restart()
    passed(await hangUp(call, side))
    expect(await edge.metric('edgeways_route_state_refused_total')).toBe(0)
    expect(await edge.metric('edgeways_leg_transport_violations_total')).toBe(0)
  })
})

describe('D1: after kill -9 and a restart, a call between a browser and UDP', () => {
  let ground: Ground
  let edge: Edge
  let pages: PageServer
  let browser: Browser
  let phone: Phone
  const started: Sipp[] = []

  beforeAll(async () => {
    ground = await layGround(67)
    pages = await servePhone(ground.folder)
    edge = await startEdge({ config: browserConfig(ground, pages.origin), adminPort: ground.adminPort, folder: ground.folder })
    browser = await startBrowser({ folder: ground.folder, root: developmentRoot(edge), name: ground.name, address: ground.outside })
  })

  afterAll(async () => {
    await browser?.close()
    await pages?.close()
    await edge?.stop()
    ground?.remove()
  })

  afterEach(async () => {
    await phone?.close()
    await Promise.all(started.splice(0).map((sipp) => sipp.stop()))
  })

  const pbx = async (scenario: string, values?: Readonly<Record<string, string>>): Promise<Sipp> => {
    const sipp = await startPbx(ground, scenario, values)
    started.push(sipp)
    return sipp
  }

  /** A registered phone in a call with the PBX. */
  const callUp = async (): Promise<SippResult> => {
    const registrar = await pbx('registrar.xml')
    phone = await Phone.open(browser, pages.origin, {
      url: `wss://${ground.name}:${ground.wssPort}`,
      uri: `sip:browser@${ground.name}`,
      register: true,
    })
    await phone.event('registered')
    passed([await registrar.result])
    const answering = await pbx('answers-only.xml')
    await phone.do('call', `sip:echo@${ground.name}`)
    await phone.event('confirmed')
    const result = await answering.result
    passed([result])
    return result
  }

  /** The phone connects and registers again by itself; the PBX is a registrar for that long. */
  const restarted = async (): Promise<void> => {
    const registrar = await pbx('registrar.xml')
    await edge.kill9()
    await phone.event('disconnected')
    await edge.restart()
    await phone.event('registered')
    passed([await registrar.result])
  }

  it('is ended by the PBX, and reaches the browser on its new connection', async () => {
    const call = await callUp()
    await restarted()
    const view = dialogView('called', ...beginning(call))
    const sends = await pbx(join('..', '..', '03-restart', 'peers', 'sends-bye.xml'), { ...view, via: 'UDP' })
    expect(await phone.event('ended')).toBe('ended remote Terminated')
    passed([await sends.result])
  })

  it('is ended by the browser on its new connection, and the PBX hears it', async () => {
    await callUp()
    await restarted()
    const listens = await pbx(join('..', '..', '03-restart', 'peers', 'gets-bye.xml'), { ending: GETS_BYE_FROM_BROWSER })
    await phone.do('hangUp')
    expect(await phone.event('ended')).toBe('ended local Terminated')
    passed([await listens.result])
  })
})
