import { connect as connectPlain } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { startHub } from '../../teams-hub/hub.ts'
import { headerOf, uriOf, valuesOf } from '../../teams-hub/message.ts'
import type { CalledScenario, Hub } from '../../teams-hub/types.ts'
import {
  dial,
  type Files,
  insideText,
  inviteText,
  KEY,
  type Line,
  type Listening,
  listen,
  optionsText,
  responseText,
  sdpText,
  text,
  violated,
  warned,
} from './puppet.ts'

const NET = `127.41.${process.pid % 250}`
const NAME = 'sbc1.example.org'
const NUMBER = '+442079460100'
const folder = temporaryFolder('teams-hub')
const port = 5061
const users: Record<string, CalledScenario> = { [NUMBER]: {} }
let hub: Hub
let sbc: Listening
let own: Files
let named: string
let lines: Line[] = []

beforeAll(async () => {
  const trunk = { fqdn: NAME, port: 0, enabled: true }
  const bypass = { fqdn: 'bypass.example.org', port: 0, bypass: true }
  hub = await startHub({
    folder: folder.path,
    addresses: [`${NET}.1`, `${NET}.2`, `${NET}.3`],
    port,
    trapPort: 4430,
    sbcAddress: `${NET}.9`,
    tenants: [
      { name: 'example', domains: ['example.org'], trunks: [trunk, bypass], users },
      { name: 'carrier', domains: ['carrier.example'], trunks: [{ fqdn: 'sbc.carrier.example', port: 5061 }], users: {} },
      { name: 'customer', domains: ['cust7.sbc.carrier.example'], trunks: [], users },
    ],
    purposes: 'strict',
    ...(process.env.TEAMS_HUB_TELLS ? { told: console.log } : {}),
    times: {
      failover: 300,
      acknowledged: 200,
      refresh: 3_600_000,
      optionsLeast: 400,
      optionsMost: 600,
      demoted: 900,
      pinging: 3_600_000,
      idle: 60_000,
    },
  })
  own = hub.issue('sbc', [NAME, '*.example.org'])
  sbc = await listen(`${NET}.9`, own)
  ;(trunk as { port: number }).port = sbc.port
  ;(bypass as { port: number }).port = sbc.port
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
  hub.user(NUMBER, {})
})

const line = async (files: Files | undefined = own, options: object = {}, site = 1): Promise<Line> => {
  const made = await dial(`${NET}.${site}`, port, files, options)
  lines.push(made)
  return made
}
const noted = (point: number): Promise<true> => hub.until(() => violated(hub, point) || undefined, `violation of point ${point}`, 3000)

describe('transport', () => {
  it('T6.1: plain TCP, an old version and another suite are noted', async () => {
    const plain = connectPlain({ host: `${NET}.1`, port }, () => plain.write(optionsText(named)))
    plain.on('error', () => undefined)
    await noted(1)
    hub.findings.clear()
    await expect(line(own, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow()
    await noted(1)
    hub.findings.clear()
    await expect(line(own, { ciphers: 'AES128-GCM-SHA256', maxVersion: 'TLSv1.2' })).rejects.toThrow()
    await noted(1)
  })

  it('T6.2: an SBC without a certificate is sent away', async () => {
    await dial(`${NET}.1`, port, undefined).then(
      (made) => lines.push(made),
      () => undefined,
    )
    await noted(2)
  })

  it.each([
    ['expired', { expired: true }],
    ['self-signed', { selfSigned: true }],
    ['without its intermediate', { leafOnly: true }],
    ['for servers alone, where both purposes are asked for', { purposes: 'server' }],
  ] as const)('T6.4: a certificate that is %s is refused', async (_what, wanted) => {
    await line(hub.issue('bad', [NAME], wanted)).catch(() => undefined)
    await noted(4)
  })

  it.each([
    ['another name', ['sbc2.example.org']],
    ['a wildcard that would have to stand for two labels', ['*.org']],
    ['a wildcard under the name', [`*.${NAME}`]],
  ])('T6.3: %s in the certificate', async (_what, hosts) => {
    const one = await line(hub.issue('other', hosts))
    one.send(optionsText(named))
    const refused = await one.next(403)
    expect(headerOf(refused, 'reason')).toContain('SBC certificate is not issued correctly')
    expect(violated(hub, 3)).toBe(true)
  })

  it('T6.3: a wildcard stands for one label', async () => {
    const one = await line(hub.issue('wild', ['*.example.org']))
    one.send(optionsText(named))
    await one.next(200)
    expect(hub.findings.violations.filter(({ point }) => point === 3)).toEqual([])
  })

  it('T6.7: a request on a connection that the hub opened is dropped', async () => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    its.send(responseText(message, '486 Busy Here'))
    await (await calling).ended()
    its.send(inviteText(named, NUMBER))
    await noted(7)
  })

  it('T6.7: an answer on another connection than the request', async () => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    const one = await line()
    one.send(responseText(message, '486 Busy Here'))
    await noted(7)
    its.send(responseText(message, '486 Busy Here'))
    await (await calling).ended()
  })

  it('T6.10: a request over a connection with the certificate from before is noted', async () => {
    const one = await line()
    hub.rotated((await import('node:fs')).readFileSync(hub.issue('next', [NAME]).chainFile, 'utf8'))
    one.send(optionsText(named))
    await one.next(200)
    expect(violated(hub, 10)).toBe(false)
    await new Promise((resolve) => setTimeout(resolve, 2100))
    one.send(optionsText(named))
    await noted(10)
    hub.rotated((await import('node:fs')).readFileSync(own.chainFile, 'utf8'))
  })
})

describe('OPTIONS', () => {
  it('T6.11, T6.15, T6.16: silent before the first one; 200 without To tag; a ping to the name in Contact, whose answer is judged', async () => {
    // Another trunk than in the tests before: nobody has heard of it
    const pinged = (): boolean => sbc.lines.some(({ all }) => all.some(({ uri }) => uri.includes('bypass.example.org')))
    const one = await line()
    expect(pinged()).toBe(false)
    one.send(optionsText(`bypass.example.org:${sbc.port}`))
    const ok = await one.next(200)
    expect(headerOf(ok, 'to')).not.toContain('tag=')
    expect(ok.text).toMatch(/^SIP\/2\.0 200 OK\r\nFROM: .*\r\nTO: .*\r\nCSEQ: /)
    expect(valuesOf(ok, 'contact')).toEqual([])
    await hub.until(() => pinged() || undefined, 'ping')
    let { line: its, message } = await sbc.next('OPTIONS')
    if (!message.uri.includes('bypass')) ({ line: its, message } = await sbc.next('OPTIONS'))
    expect(message.uri).toBe(`sip:bypass.example.org:${sbc.port};transport=tls`)
    its.send(responseText(message, '200 OK', ['Contact: <sip:127.0.0.1:5061>']))
    await noted(16)
  })

  it.each([
    ['an address', { Contact: '<sip:192.0.2.1:5061;transport=tls>' }, 'is not included in certificate'],
    ['nobody', { Contact: '' }, 'Record-Route and Contact headers are missing'],
  ])('T6.12: Contact names %s', async (_what, changes, words) => {
    const one = await line()
    one.send(optionsText(named, changes))
    const refused = await one.next(403)
    expect(headerOf(refused, 'reason')).toMatch(/^Q\.850;cause=63;text="[0-9a-f-]{36};/)
    expect(headerOf(refused, 'reason')).toContain(words)
    expect(violated(hub, 12)).toBe(true)
  })

  it('T6.13: a user in Contact is a warning', async () => {
    const one = await line()
    one.send(optionsText(named, { Contact: `<sip:edge@${named};transport=tls>` }))
    await one.next(200)
    expect(warned(hub, 13)).toBe(true)
  })

  it('T6.14: too often, and then not at all', async () => {
    const one = await line(own, {}, 2)
    one.send(optionsText(named))
    await one.next(200)
    one.send(optionsText(named))
    await one.next(200)
    expect(violated(hub, 14)).toBe(true)
    expect(hub.health(NAME, 'sip2')).toBe('healthy')
    hub.findings.clear()
    await noted(14)
    await until(() => hub.health(NAME, 'sip2') === 'demoted' || undefined, 'demotion', 3000)
    expect(hub.findings.violations.some(({ rule }) => rule.includes('demoted'))).toBe(true)
  })

  it('T6.45: OPTIONS under the name of a customer', async () => {
    const one = await line(hub.issue('carrier', ['sbc.carrier.example', '*.sbc.carrier.example']), {}, 3)
    one.send(optionsText('cust7.sbc.carrier.example:5061'))
    await one.next(200)
    expect(violated(hub, 45)).toBe(true)
  })
})

describe('INVITE to Teams', () => {
  it('T6.18: an unknown trunk is 403 with a Reason', async () => {
    const one = await line()
    one.send(inviteText(`sbc9.example.org:${sbc.port}`, NUMBER))
    expect(headerOf(await one.next(403), 'reason')).toContain('No trunk config was found')
    expect(violated(hub, 18)).toBe(true)
  })

  it.each([
    ['an address in Contact', 18, { Contact: '<sip:192.0.2.1:5061;transport=tls>' }, 403],
    ['an address in the outer Record-Route', 18, { 'Record-Route': '<sip:192.0.2.1:5061;transport=tls;lr>' }, 403],
    ['a number without +', 20, { start: 'INVITE sip:02079460100@sip.pstnhub.microsoft.com:5061;user=phone SIP/2.0' }, 404],
    ['100rel', 22, { Require: '100rel' }, 420],
    ['Replaces', 22, { Replaces: 'abc;to-tag=1;from-tag=2' }, 403],
  ])('%s is refused', async (_what, point, changes, status) => {
    const one = await line()
    one.send(inviteText(named, NUMBER, changes))
    await one.next(status)
    expect(violated(hub, point)).toBe(true)
  })

  it('T6.20: a number that nobody has is 404, and nobody’s fault; user=phone is advised', async () => {
    const one = await line()
    one.send(inviteText(named, NUMBER, { start: 'INVITE sip:+442079460999@sip.pstnhub.microsoft.com:5061 SIP/2.0' }))
    await one.next(404)
    expect(violated(hub, 20)).toBe(false)
    expect(warned(hub, 20)).toBe(true)
  })

  it.each([
    ['no SDP', ''],
    ['plain RTP', sdpText({ protocol: 'RTP/AVP', crypto: '' })],
    ['no key', sdpText({ crypto: '' })],
    ['a short tag alone', sdpText({ crypto: `1 AES_CM_128_HMAC_SHA1_32 ${KEY}` })],
    ['a payload number twice', sdpText({ formats: '0 8 101 101' })],
    ['a payload number with two codecs', sdpText({ more: 'a=rtpmap:101 SILK/8000' })],
  ])('T6.21: %s is 488', async (_what, body) => {
    const one = await line()
    one.send(inviteText(named, NUMBER, {}, body))
    await one.next(488)
    expect(violated(hub, 21)).toBe(true)
  })

  it('T6.21: bypass without candidates is 488', async () => {
    const one = await line()
    one.send(inviteText(`bypass.example.org:${sbc.port}`, NUMBER))
    await one.next(488)
    expect(violated(hub, 21)).toBe(true)
  })

  it.each(['UPDATE', 'PRACK', 'INFO'])('T6.22: %s is refused', async (method) => {
    const one = await line()
    one.send(optionsText(named, { start: `${method} sip:sip.pstnhub.microsoft.com:5061 SIP/2.0`, CSeq: `1 ${method}` }))
    await one.next(method === 'INFO' ? 501 : 405)
    expect(violated(hub, 22)).toBe(true)
  })

  it.each([
    ['no X-MS-SBC', { 'X-MS-SBC': '' }],
    ['two Contacts', { Contact: `<sip:${NAME}:5061>, <sip:${NAME}:5062>` }],
    ['another Request-URI', { start: `INVITE sip:${NUMBER}@proxy.example.net;user=phone SIP/2.0` }],
    ['used up hops', { 'Max-Forwards': '2' }],
  ])('T6.26: %s', async (_what, changes) => {
    hub.user(NUMBER, { final: 480 })
    const one = await line()
    one.send(inviteText(named, NUMBER, changes))
    await one.next(480)
    expect(violated(hub, 26)).toBe(true)
  })

  it('T6.24, T6.25: another hub after 480 is noted, after 503 it is right', async () => {
    hub.user(NUMBER, { final: 480 })
    const [one, two] = [await line(), await line(own, {}, 2)]
    const call = { 'Call-ID': 'again@10.1.2.9' }
    one.send(inviteText(named, NUMBER, call))
    await one.next(480)
    two.send(inviteText(named, NUMBER, { ...call, start: `INVITE sip:${NUMBER}@sip2.pstnhub.microsoft.com:5061;user=phone SIP/2.0` }))
    await two.next(480)
    expect([violated(hub, 24), violated(hub, 25)]).toEqual([true, true])
    hub.findings.clear()
    await hub.mood('sip', { retryAfter: 1 })
    one.send(inviteText(named, NUMBER, { 'Call-ID': 'third@10.1.2.9' }))
    expect(headerOf(await one.next(503), 'retry-after')).toBe('1')
    two.send(inviteText(named, NUMBER, { 'Call-ID': 'third@10.1.2.9' }))
    await two.next(480)
    expect(hub.findings.violations.filter(({ point }) => point !== 14)).toEqual([])
    await hub.mood('sip', 'well')
  })

  it('T6.23: phones ring with tags of their own, 183 brings SDP, and the 200 has the list in one line', async () => {
    hub.user(NUMBER, { ring: 2, progress: true, folded: true })
    const one = await line()
    one.send(inviteText(named, NUMBER))
    const ringing = [await one.next(180), await one.next(180)]
    expect(new Set(ringing.map((message) => headerOf(message, 'to'))).size).toBe(2)
    expect((await one.next(183)).body).toContain('RTP/SAVP')
    const ok = await one.next(200)
    expect(ok.headers.filter(({ name }) => name === 'record-route')).toHaveLength(1)
    expect(valuesOf(ok, 'record-route')).toHaveLength(3)
    expect(ok.text).toMatch(/CONTACT:\s?\r\n <sip:api-du-a-euwe\.pstnhub\.microsoft\.com:443;x-i=/)
    expect(headerOf(ok, 'from')).toMatch(/^"Bob"<sip:/)
    one.send(insideText('ACK', ok, 1))
    one.send(insideText('BYE', ok, 2))
    await one.next(200)
    expect(hub.findings.violations.filter(({ point }) => point !== 14)).toEqual([])
  })

  it('T6.28: without an ACK the hub hangs up', async () => {
    const one = await line()
    one.send(inviteText(named, NUMBER))
    await one.next(200)
    const { line: its, message } = await sbc.next('BYE')
    its.send(responseText(message, '200 OK'))
    expect(warned(hub, 28)).toBe(true)
  })

  it.each([
    ['a Request-URI without x-c', { start: 'BYE sip:api-du-a-euwe.pstnhub.microsoft.com:443 SIP/2.0' }],
    ['no Route', { Route: '' }],
  ])('T6.27, T6.42: BYE with %s', async (_what, changes) => {
    const one = await line()
    one.send(inviteText(named, NUMBER))
    const ok = await one.next(200)
    one.send(insideText('ACK', ok, 1))
    one.send(insideText('BYE', ok, 2, changes))
    await noted(42)
  })
})

describe('inside calls', () => {
  const up = async (): Promise<{ readonly one: Line; readonly ok: Awaited<ReturnType<Line['next']>> }> => {
    const one = await line()
    one.send(inviteText(named, NUMBER))
    const ok = await one.next(200)
    one.send(insideText('ACK', ok, 1))
    return { one, ok }
  }

  it.each([
    ['T6.35: sendonly', 35, sdpText({ direction: 'sendonly' })],
    ['T6.36: no SDP', 36, ''],
    ['T6.38: another port', 38, sdpText({ port: 30020 })],
  ])('%s in a re-INVITE is noted', async (_what, point, body) => {
    const { one, ok } = await up()
    one.send(insideText('INVITE', ok, 2, { Contact: `<sip:${named};transport=tls>` }, body))
    const again = await one.next(200)
    if (point === 36) expect(again.body).toContain('a=inactive')
    expect(violated(hub, point)).toBe(true)
    one.send(insideText('ACK', ok, 2))
    one.send(insideText('BYE', ok, 3))
    await one.next(200)
  })

  it('T6.37: another key in the answer to a refresh is noted', async () => {
    const { one, ok } = await up()
    const call = hub.calls().at(-1)!
    const refresh = call.refresh()
    const { line: its, message } = await sbc.next('INVITE')
    const other = `1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, 9).toString('base64')}|2^31`
    its.send(
      responseText(
        message,
        '200 OK',
        [`Contact: <sip:${named};transport=tls>`, 'Content-Type: application/sdp'],
        sdpText({ crypto: other, formats: '0 8 101' }),
      ),
    )
    await refresh
    expect(violated(hub, 37)).toBe(true)
    expect(uriOf(valuesOf(message, 'route')[0] ?? '')).toContain(NAME)
    one.send(insideText('BYE', ok, 3))
    await one.next(200)
  })
})

describe('INVITE from Teams', () => {
  const answerLines = (contact: string, outer: string, recordRoute: string): readonly string[] => [
    `Record-Route: <sip:10.1.2.3:5060;transport=udp;r2=on;lr>, <sip:${outer};transport=tls;r2=on;lr>, ${recordRoute}`,
    `Contact: <sip:${contact};transport=tls;x-d=Zk3w>`,
    'Allow: INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY',
    'Content-Type: application/sdp',
  ]

  it('T6.29, T6.33: the INVITE looks as it should, and the ACK comes over another connection', async () => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    expect(message.faults).toEqual([])
    const names = message.text
      .slice(0, message.text.indexOf('\r\n\r\n'))
      .split('\r\n')
      .slice(1)
      .map((one) => one.slice(0, one.indexOf(':')))
    expect(names.slice(0, 12)).toEqual([
      'FROM',
      'TO',
      'CSEQ',
      'CALL-ID',
      'MAX-FORWARDS',
      'VIA',
      'RECORD-ROUTE',
      'CONTACT',
      'CONTENT-LENGTH',
      'MIN-SE',
      'SUPPORTED',
      'USER-AGENT',
    ])
    expect(message.text).toContain('\r\nFROM: Ana Test<sip:+442079460100@')
    expect(message.text.length).toBeGreaterThan(2000)
    its.send(responseText(message, '100 Trying'))
    its.send(responseText(message, '180 Ringing', [`Contact: <sip:${named};transport=tls>`]))
    const route = valuesOf(message, 'record-route')[0]!
    its.send(responseText(message, '200 OK', answerLines(named, named, route), sdpText({ formats: '0 101' })))
    const call = await calling
    await call.up()
    const ack = await sbc.next('ACK', call.callId)
    expect(ack.line).not.toBe(its)
    expect(ack.message.uri).toBe(`sip:${named};transport=tls;x-d=Zk3w`)
    expect(valuesOf(ack.message, 'route').map(uriOf)).toEqual([
      `sip:${named};transport=tls;r2=on;lr`,
      'sip:10.1.2.3:5060;transport=udp;r2=on;lr',
    ])
    // 14: nobody goes on with OPTIONS here
    expect(hub.findings.violations.filter(({ warning, point }) => !warning && point !== 14)).toEqual([])
    const bye = call.bye()
    const last = await sbc.next('BYE', call.callId)
    last.line.send(responseText(last.message, '200 OK'))
    await bye
  })

  it.each([
    ['an address in Contact', `${NET}.9:5061`, undefined, sdpText({ formats: '0 101' })],
    ['an address in the outer Record-Route', undefined, `${NET}.9:5061`, sdpText({ formats: '0 101' })],
    ['two keys', undefined, undefined, sdpText({ formats: '0 101', more: `a=crypto:2 AES_CM_128_HMAC_SHA1_80 ${KEY}` })],
    ['a codec that was not offered', undefined, undefined, sdpText({ formats: '0 101 98', more: 'a=rtpmap:98 opus/48000/2' })],
  ])('T6.32: %s in the 200 is noted', async (_what, contact = named, outer = named, body) => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    its.send(responseText(message, '200 OK', answerLines(contact, outer, valuesOf(message, 'record-route')[0]!), body))
    const call = await calling
    await noted(32)
    await hub.until(() => call.state() === 'up' || call.state() === 'ended' || undefined, 'end of it')
  })

  it('T6.30: nobody rings in time: the next trunk, CANCEL to the first; 503 leads on, 486 ends the call', async () => {
    const calling = hub.call('+13125550123')
    const first = await sbc.next('INVITE')
    first.line.send(responseText(first.message, '100 Trying'))
    const cancel = await sbc.next('CANCEL')
    cancel.line.send(responseText(cancel.message, '200 OK'))
    first.line.send(responseText(first.message, '487 Request Terminated'))
    expect(violated(hub, 30)).toBe(true)
    const second = await sbc.next('INVITE')
    expect(second.message.uri).toContain('bypass.example.org')
    second.line.send(responseText(second.message, '486 Busy Here'))
    const call = await calling
    await call.ended()
    expect(call.status()).toBe(486)
  })

  it('T6.31: CANCEL with a Reason; 200 and 487', async () => {
    const calling = hub.call('+13125550123', { trunk: NAME })
    const { line: its, message } = await sbc.next('INVITE')
    its.send(responseText(message, '180 Ringing'))
    const call = await calling
    await hub.until(() => call.state() === 'ringing' || undefined, 'ringing')
    await call.cancel('SIP;cause=200;text="Call completed elsewhere"')
    const cancel = await sbc.next('CANCEL')
    expect(headerOf(cancel.message, 'reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    cancel.line.send(responseText(cancel.message, '200 OK'))
    its.send(responseText(message, '487 Request Terminated'))
    await call.ended()
    expect(violated(hub, 31)).toBe(false)
  })

  it('T6.47: a trunk that is not enabled is not called', async () => {
    hub.trunk(NAME).enabled = false
    await expect(hub.call('+13125550123', { trunk: NAME })).rejects.toThrow('enabled')
    hub.trunk(NAME).enabled = true
  })

  it('T6.29: who connects to the Contact is noted', async () => {
    connectPlain({ host: `${NET}.1`, port: 4430 }).on('error', () => undefined)
    await noted(29)
  })
})

it('T6.0: a message without Max-Forwards, and with a wrong length, is noted', async () => {
  const one = await line()
  one.send(optionsText(named, { 'Max-Forwards': '' }))
  await noted(0)
  hub.findings.clear()
  one.send(text(['OPTIONS sip:x SIP/2.0']))
  await noted(0)
})
