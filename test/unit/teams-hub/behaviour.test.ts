import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { a, startDnsServer, startDnsServerAt } from '../../support/dns-server.ts'
import { temporaryFolder } from '../../support/places.ts'
import type { HubCall } from '../../teams-hub/call.ts'
import { startHub } from '../../teams-hub/hub.ts'
import { headerOf, type Message, uriOf, valuesOf } from '../../teams-hub/message.ts'
import type { Hub } from '../../teams-hub/types.ts'
import {
  dial,
  type Files,
  insideText,
  inviteText,
  type Line,
  type Listening,
  listen,
  optionsText,
  responseText,
  sdpText,
  text,
  violated,
} from './puppet.ts'

const NET = `127.42.${process.pid % 250}`
const NAME = 'sbc1.example.org'
const NUMBER = '+442079460100'
const folder = temporaryFolder('teams-hub')
let hub: Hub
let sbc: Listening
let own: Files
let named: string
let lines: Line[] = []
let branches = 0

beforeAll(async () => {
  const trunk = { fqdn: NAME, port: 0 }
  hub = await startHub({
    folder: folder.path,
    addresses: [`${NET}.1`, `${NET}.2`, `${NET}.3`],
    trapPort: false,
    sbcAddress: `${NET}.9`,
    tenants: [{ name: 'example', domains: ['example.org'], trunks: [trunk], users: { [NUMBER]: {} } }],
    refreshes: false,
    times: { idle: 600, renew: 400, rtcpGap: 300, pinging: 60_000 },
  })
  own = hub.issue('sbc', [NAME])
  sbc = await listen(`${NET}.9`, own)
  trunk.port = sbc.port
  named = `${NAME}:${sbc.port}`
})
afterAll(async () => {
  for (const line of lines) line.close()
  sbc?.close()
  await hub?.stop()
  folder.remove()
})
afterEach(() => {
  for (const line of lines) line.close()
  lines = []
  hub.findings.clear()
})

const line = async (site = 1): Promise<Line> => {
  const made = await dial(`${NET}.${site}`, 5061, own)
  lines.push(made)
  return made
}
const noted = (point: number): Promise<true> => hub.until(() => violated(hub, point) || undefined, `violation of point ${point}`, 3000)

it('T6.8: an idle connection ends; CRLF of the SBC keeps it, the hub’s own does not', async () => {
  const [idle, kept] = [await line(), await line()]
  const pings = setInterval(() => kept.send('\r\n\r\n'), 100)
  await hub.until(() => !idle.open() || undefined, 'end of the idle one', 3000)
  clearInterval(pings)
  expect(kept.open()).toBe(true)
})

it('T6.10: a request over a connection that is older than an hour is noted', async () => {
  const one = await line()
  one.send(optionsText(named))
  await one.next(200)
  await new Promise((resolve) => setTimeout(resolve, 450))
  one.send(optionsText(named))
  await noted(10)
})

it('T6.5, T6.44: an SBC that goes on with a hub whose certificate is expired, and answers it, is noted', async () => {
  hub.certificate('expired')
  const one = await line(2)
  one.send(optionsText(named, { start: 'OPTIONS sip:sip2.pstnhub.microsoft.com:5061 SIP/2.0' }))
  await noted(5)
  const { line: its, message } = await sbc.next('OPTIONS')
  its.send(responseText(message, '200 OK', [`Contact: <sip:${named}>`, 'Allow: INVITE']))
  if (!violated(hub, 44)) {
    // The first ping may still be one from before, over a connection that was good
    const again = await sbc.next('OPTIONS')
    again.line.send(responseText(again.message, '200 OK', [`Contact: <sip:${named}>`, 'Allow: INVITE']))
  }
  await noted(44)
  hub.certificate('new-root')
})

it('T6.9: a name that has moved is answered otherwise by DNS', async () => {
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver()
  resolver.setServers([hub.dns])
  expect(await resolver.resolve4('sip3.pstnhub.microsoft.com')).toEqual([`${NET}.3`])
  await hub.move('sip3', `${NET}.33`)
  expect(await resolver.resolve4('sip3.pstnhub.microsoft.com', { ttl: true })).toEqual([{ address: `${NET}.33`, ttl: 1 }])
  await (await dial(`${NET}.33`, 5061, own)).close()
  await expect(dial(`${NET}.3`, 5061, own)).rejects.toThrow('ECONNREFUSED')
})

it('names that are not ours are asked of another server', async () => {
  const other = await startDnsServer(a('pbx.example.net', '192.0.2.7'))
  const dns = await startDnsServerAt({ others: other.address }, a('own.example.net', '192.0.2.8'))
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver()
  resolver.setServers([dns.address])
  expect(await resolver.resolve4('own.example.net')).toEqual(['192.0.2.8'])
  expect(await resolver.resolve4('pbx.example.net')).toEqual(['192.0.2.7'])
  await Promise.all([dns.stop(), other.stop()])
})

describe('a call that is up', () => {
  const ALLOW = 'INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY,REFER'
  /** Of the hub, answered by the SBC. */
  const up = async (allow = ALLOW): Promise<{ readonly call: HubCall; readonly invite: Message; readonly answer: string }> => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    const answer = responseText(
      message,
      '200 OK',
      [
        `Record-Route: <sip:${named};transport=tls;r2=on;lr>, ${valuesOf(message, 'record-route')[0]}`,
        `Contact: <sip:${named};transport=tls;x-d=1>`,
        `Allow: ${allow}`,
        'Content-Type: application/sdp',
      ],
      sdpText({ formats: '0 101' }),
    )
    its.send(answer)
    const call = await calling
    await call.up()
    return { call, invite: message, answer }
  }
  /** What the SBC sends in that dialog: From and To are the other way round. */
  const inside = (method: string, invite: Message, sequence: number, more: readonly string[], body = ''): string =>
    text(
      [
        `${method} ${uriOf(headerOf(invite, 'contact'))} SIP/2.0`,
        `Via: SIP/2.0/TLS ${named};branch=z9hG4bK${++branches}`,
        'Max-Forwards: 70',
        `Route: ${valuesOf(invite, 'record-route')[0]}`,
        `From: ${headerOf(invite, 'to')};tag=sbctag`,
        `To: ${headerOf(invite, 'from')}`,
        `Call-ID: ${headerOf(invite, 'call-id')}`,
        `CSeq: ${sequence} ${method}`,
        ...more,
      ],
      body,
    )
  const notify = (invite: Message, sequence: number, status: string, ended = false): string =>
    inside(
      'NOTIFY',
      invite,
      sequence,
      [
        'Event: refer',
        `Subscription-State: ${ended ? 'terminated;reason=noresource' : 'active;expires=60'}`,
        'Content-Type: message/sipfrag',
      ],
      `SIP/2.0 ${status}`,
    )

  it('T6.43: no RTCP of the SBC is noted', async () => {
    const { call } = await up()
    await noted(43)
    const bye = call.bye()
    const last = await sbc.next('BYE', call.callId)
    last.line.send(responseText(last.message, '200 OK'))
    await bye
  })

  it.each([
    ['as it should be', '', '', false],
    ['with a Referred-By that was made nicer', ';x-t=', ';X-T=', true],
  ])('T6.40: a transfer by REFER, %s', async (_what, from, to, wrong) => {
    const { call, invite } = await up()
    const transferred = call.transfer('8:orgid:3f1b')
    const refer = await sbc.next('REFER', call.callId)
    const one = await line()
    refer.line.send(responseText(refer.message, '202 Accepted'))
    one.send(notify(invite, 1, '100 Trying'))
    await one.next(200)
    const referTo = uriOf(headerOf(refer.message, 'refer-to'))
    one.send(
      inviteText(named, NUMBER, {
        start: `INVITE ${referTo} SIP/2.0`,
        To: `<${referTo}>`,
        'Referred-By': headerOf(refer.message, 'referred-by').replace(from, to),
      }),
    )
    const ok = await one.next(200)
    one.send(insideText('ACK', ok, 1))
    one.send(notify(invite, 2, '200 OK', true))
    const bye = await sbc.next('BYE', call.callId)
    bye.line.send(responseText(bye.message, '200 OK'))
    const next = await transferred
    expect(next.direction).toBe('to-teams')
    expect(call.state()).toBe('ended')
    expect(violated(hub, 40)).toBe(wrong)
  })

  it('T6.40: without REFER in Allow there is none', async () => {
    const { call } = await up('INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY')
    await expect(call.transfer('8:orgid:3f1b')).rejects.toThrow('does not allow REFER')
    const bye = call.bye()
    const last = await sbc.next('BYE', call.callId)
    last.line.send(responseText(last.message, '200 OK'))
    await bye
    expect(
      sbc.lines.some(({ all }) =>
        all.some(({ method, headers }) => method === 'REFER' && headerOf({ headers }, 'call-id') === call.callId),
      ),
    ).toBe(false)
  })
})

it('nothing of the stand-in imports the program that it judges', async () => {
  const { readdirSync } = await import('node:fs')
  const files = ['test/teams-hub', 'test/support/media'].flatMap((path) =>
    readdirSync(path)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${path}/${name}`),
  )
  expect(files.length).toBeGreaterThan(30)
  const guilty = [...files, 'test/support/dns-server.ts', 'test/support/wire.ts', 'test/support/places.ts'].filter((file) =>
    /from '[./]+\/src\//.test(readFileSync(file, 'utf8')),
  )
  expect(guilty).toEqual([])
})
