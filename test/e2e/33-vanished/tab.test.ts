import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PageServer, Phone, servePhone, startBrowser } from '../../support/browser.ts'
import { type Ground, layGround } from '../../support/crossing.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { startPbx } from '../../support/pbx.ts'
import type { Sipp, SippResult } from '../../support/sipp.ts'
import { browserConfig, developmentRoot, expectHealthy } from '../../support/subject.ts'

const OURS = join('..', '..', '33-vanished', 'peers')
const GRACE_MS = 2000

let ground: Ground
let edge: Edge
let pages: PageServer
let browser: Browser
let phone: Phone
const started: Sipp[] = []

beforeAll(async () => {
  ground = await layGround(133)
  pages = await servePhone(ground.folder)
  const config = browserConfig(ground, pages.origin).replace(
    'kind: webrtc,',
    `kind: webrtc, lost-connection: { calls: ${GRACE_MS / 1000}s, tell-registrar: false },`,
  )
  edge = await startEdge({ config, adminPort: ground.adminPort, folder: ground.folder })
  browser = await startBrowser({ folder: ground.folder, root: developmentRoot(edge), name: ground.name, address: ground.outside })
})

afterAll(async () => {
  await expectHealthy({ edge, stop: () => edge.stop() })
  await browser?.close()
  await pages?.close()
  await edge?.stop()
  ground?.remove()
})

beforeEach(async () => {
  phone = await Phone.open(browser, pages.origin, { url: `wss://${ground.name}:${ground.wssPort}`, uri: `sip:browser@${ground.name}` })
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

/** SIPp saw what its scenario says, and took every check. */
const passed = ({ errors, code }: SippResult): void => {
  expect(errors).toBe('')
  expect(code).toBe(0)
}

const call = (): Promise<void> => phone.do('call', `sip:echo@${ground.name}`)

/** Registers with the PBX; where that finds it. */
const register = async (): Promise<{ readonly path: string; readonly binding: string }> => {
  const registrar = await pbx('registrar.xml')
  await phone.do('register')
  await phone.event('registered')
  const result = await registrar.result
  passed(result)
  const request = result.messages.find((message) => message.direction === 'received')?.text ?? ''
  const path = [...request.matchAll(/^Path: *(.*?)\r$/gm)].map((match) => match[1]).join(', ')
  return { path, binding: /^Contact: *<([^>]+)>/m.exec(request)?.[1] ?? '' }
}

/** The first message with that beginning that SIPp got. */
const textOf = ({ messages }: SippResult, beginning: string): string =>
  messages.find(({ direction, text }) => direction === 'received' && text.startsWith(beginning))!.text

const valueIn = (text: string, name: string): string => new RegExp(`^${name}: *(.*?)\\r?$`, 'm').exec(text)?.[1] ?? ''
const numberIn = (text: string): number => Number.parseInt(valueIn(text, 'CSeq'), 10)

describe('N5: a tab is closed', () => {
  it('in mid-call: the PBX gets a BYE in the browser’s place when the grace is over, and not before', async () => {
    const lost = await edge.metric('edgeways_dialogs_connection_lost_total')
    const sipp = await pbx(join(OURS, 'answers.xml'))
    await call()
    await phone.event('confirmed')
    await sipp.message('received', /^ACK /)
    expect(await edge.metric('edgeways_dialogs_active')).toBe(1)
    const closed = performance.now()
    await phone.close()
    await sipp.message('received', /^BYE /)
    expect(performance.now() - closed).toBeGreaterThan(GRACE_MS - 100)
    const result = await sipp.result
    passed(result)
    const invite = textOf(result, 'INVITE ')
    const bye = textOf(result, 'BYE ')
    expect(valueIn(bye, 'From')).toBe(valueIn(invite, 'From'))
    expect(numberIn(bye)).toBe(numberIn(invite) + 1)
    expect(await edge.metric('edgeways_dialogs_connection_lost_total')).toBe(lost + 1)
    expect(await edge.metric('edgeways_dialogs_active')).toBe(0)
  })

  it('in a call of the PBX: the same, with the tags the other way round', async () => {
    const where = await register()
    const sipp = await pbx(join(OURS, 'calls.xml'), where)
    await phone.event('incoming')
    await phone.event('confirmed')
    await phone.close()
    const result = await sipp.result
    passed(result)
    const answer = textOf(result, 'SIP/2.0 200')
    const bye = textOf(result, 'BYE ')
    expect(valueIn(bye, 'From')).toBe(valueIn(answer, 'To'))
    expect(valueIn(bye, 'To')).toBe(valueIn(answer, 'From'))
  })

  it('while the PBX rings: CANCEL at once', async () => {
    const sipp = await pbx('cancelled.xml')
    await call()
    await phone.event('progress')
    await phone.close()
    passed(await sipp.result)
  })

  it('while it calls, and nobody has answered yet: CANCEL as soon as there is an answer', async () => {
    const sipp = await pbx(join(OURS, 'waits.xml'))
    await call()
    await sipp.message('received', /^INVITE /)
    await phone.close()
    passed(await sipp.result)
  })

  it('while it rings: the PBX gets 480', async () => {
    await phone.do('answerCalls', false)
    const sipp = await pbx(join(OURS, 'calls-in-vain.xml'), await register())
    await phone.event('incoming')
    await sipp.message('received', /^SIP\/2\.0 180/)
    await phone.close()
    passed(await sipp.result)
  })
})
