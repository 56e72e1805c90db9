import { join } from 'node:path'
import { connect } from 'node:tls'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PageServer, Phone, servePhone, startBrowser } from '../../support/browser.ts'
import { dissect, writeCapture } from '../../support/capture.ts'
import { type Ground, layGround } from '../../support/crossing.ts'
import { GETS_BYE, SENDS_BYE, startPbx } from '../../support/pbx.ts'
import type { Sipp, SippResult } from '../../support/sipp.ts'
import { expectHealthy, type Subject, startBrowserSubject } from '../../support/subject.ts'

let ground: Ground
let subject: Subject
let root: string
let pages: PageServer
let browser: Browser
let phone: Phone
const started: Sipp[] = []

beforeAll(async () => {
  ground = await layGround(62)
  pages = await servePhone(ground.folder)
  const begun = await startBrowserSubject(ground, pages.origin)
  subject = begun.subject
  root = begun.root
  browser = await startBrowser({ folder: ground.folder, root, name: ground.name, address: ground.outside })
})

afterAll(async () => {
  await expectHealthy(subject)
  await browser?.close()
  await pages?.close()
  await subject?.stop()
  ground?.remove()
})

beforeEach(async () => {
  phone = await Phone.open(browser, pages.origin, { url: `wss://${ground.name}:${ground.wssPort}`, uri: `sip:browser@${ground.name}` })
})

afterEach(async () => {
  await judgeFrames()
  await phone?.close()
  await Promise.all(started.splice(0).map((sipp) => sipp.stop()))
})

/** Wireshark reads what the browser got, and the browser's side of each message is ours with our name. */
const judgeFrames = async (): Promise<void> => {
  const received = phone.frames.filter((frame) => frame.direction === 'received')
  if (received.length === 0) return
  const ends = { from: { address: ground.outside, port: ground.wssPort }, to: { address: '127.0.0.1', port: 5070 } }
  const file = join(ground.folder, 'frames.pcap')
  writeCapture(
    file,
    received.map(({ text }) => ({ ...ends, text })),
  )
  const messages = await dissect(file, [ground.wssPort])
  expect(messages).toHaveLength(received.length)
  expect(messages.flatMap((message) => message.complaints)).toEqual([])
  for (const request of messages.filter((message) => message.method !== '')) {
    expect(request.vias[0]).toBe(`WSS ${ground.name}:${ground.wssPort}`)
    expect(request.routes).toEqual([])
    expect(request.requestUri).toContain('.invalid;transport=ws')
  }
  expect(received.filter(({ text }) => text.includes(`${ground.outside}:`))).toEqual([])
}

/** SIPp as the PBX; stopped after the test. */
const pbx = async (scenario: string, values?: Readonly<Record<string, string>>): Promise<Sipp> => {
  const sipp = await startPbx(ground, scenario, values)
  started.push(sipp)
  return sipp
}

const passed = (result: SippResult): void => {
  expect(result.errors).toBe('')
  expect(result.code).toBe(0)
}

const call = (): Promise<void> => phone.do('call', `sip:echo@${ground.name}`)

it('T13: the chain that browsers are shown leads to the root that they trust', async () => {
  const authorized = await new Promise((resolve, reject) => {
    const socket = connect({ host: ground.outside, port: ground.wssPort, servername: ground.name, ca: root }, () => {
      resolve(socket.authorized)
      socket.end()
    })
    socket.once('error', reject)
  })
  expect(authorized).toBe(true)
})

describe('a browser calls the PBX', () => {
  it.each(['browser', 'PBX'])('T4-T8: holds and resumes, the %s hangs up', async (who) => {
    const sipp = await pbx('answers.xml', who === 'PBX' ? SENDS_BYE : GETS_BYE)
    await call()
    await phone.event('confirmed')
    await phone.do('hold')
    await phone.event('hold answered')
    await phone.do('unhold')
    if (who === 'browser') {
      await phone.event('unhold answered')
      await phone.do('hangUp')
    }
    expect(await phone.event('ended')).toBe(who === 'browser' ? 'ended local Terminated' : 'ended remote Terminated')
    passed(await sipp.result)
  })

  it.each(['browser', 'PBX'])('T8: the PBX holds and resumes over the flow of the browser, the %s hangs up', async (who) => {
    const sipp = await pbx('answers-and-holds.xml', who === 'PBX' ? SENDS_BYE : GETS_BYE)
    await call()
    await phone.event('confirmed')
    await phone.event('hold')
    await phone.event('unhold')
    if (who === 'browser') {
      await sipp.message('sent', /^ACK [\s\S]*\nCSeq: 102 /)
      await phone.do('hangUp')
    }
    expect(await phone.event('ended')).toBe(who === 'browser' ? 'ended local Terminated' : 'ended remote Terminated')
    passed(await sipp.result)
  })

  it('§9.1: gives up while the PBX rings', async () => {
    const sipp = await pbx('cancelled.xml')
    await call()
    await phone.event('progress')
    await phone.do('hangUp')
    expect(await phone.event('failed')).toBe('failed local Canceled')
    passed(await sipp.result)
  })
})

/** Registers the phone with the PBX; where the PBX then finds it. */
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

describe('the PBX calls a browser that registered through the edge', () => {
  it.each(['browser', 'PBX'])('RFC 3327: by the Path, with holds, the %s hangs up', async (who) => {
    const sipp = await pbx('calls.xml', { ...(await register()), ...(who === 'PBX' ? SENDS_BYE : GETS_BYE) })
    await phone.event('incoming')
    await phone.event('confirmed')
    await phone.event('hold')
    await phone.event('unhold')
    if (who === 'browser') {
      await sipp.message('sent', /^ACK [\s\S]*\nCSeq: 3 /)
      await phone.do('hangUp')
    }
    expect(await phone.event('ended')).toBe(who === 'browser' ? 'ended local Terminated' : 'ended remote Terminated')
    passed(await sipp.result)
  })

  it('§9.2: and gives up while it rings', async () => {
    await phone.do('answerCalls', false)
    const sipp = await pbx('calls-and-cancels.xml', await register())
    await phone.event('incoming')
    expect(await phone.event('failed')).toBe('failed remote Canceled')
    passed(await sipp.result)
  })
})
