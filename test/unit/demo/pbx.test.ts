import { createSocket } from 'node:dgram'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DemoPbx } from '../../../src/demo/pbx.ts'
import { RandomIds } from '../../../src/engine/random-ids.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { headerLines, headerValue, type SipMessage } from '../../../src/sip/message.ts'
import { PCMU } from '../../support/media/g711.ts'
import { readRtp, writeRtp } from '../../support/media/rtp.ts'
import { isTone } from '../../support/media/tone.ts'
import { Peer, soundPort } from './peer.ts'

let pbx: DemoPbx
let peer: Peer
let port: number

beforeEach(async () => {
  const probe = createSocket('udp4')
  await new Promise<void>((done) => probe.bind({ address: '127.0.0.1', port: 0 }, done))
  port = probe.address().port
  await new Promise<void>((done) => probe.close(done))
  pbx = new DemoPbx({ address: '127.0.0.1', port, ids: new RandomIds(), log: SILENT_LOG })
  await pbx.start()
  peer = await Peer.open(port)
})

afterEach(() => {
  pbx.stop()
  peer.close()
})

const dialog = (id: string, to: string, cseq: string, tag = ''): readonly string[] => [
  'From: <sip:anna@example.com>;tag=anna',
  `To: <${to}>${tag === '' ? '' : `;tag=${tag}`}`,
  `Call-ID: ${id}`,
  `CSeq: ${cseq}`,
  `Contact: <${peer.contact}>`,
]
const tagOf = (message: SipMessage): string => /;tag=([^;>\s]+)/.exec(headerValue(message, 'to') ?? '')?.[1] ?? ''

const invite = (user: string, id = 'call', sdp = peer.sdp()): string =>
  peer.send(`INVITE sip:${user}@127.0.0.1:${port} SIP/2.0`, dialog(id, `sip:${user}@x`, '1 INVITE'), sdp)
const ack = (user: string, id: string, ok: SipMessage, cseq = 1): string =>
  peer.send(`ACK sip:demo@127.0.0.1:${port} SIP/2.0`, dialog(id, `sip:${user}@x`, `${cseq} ACK`, tagOf(ok)))
const answered = async (user: string, id = 'call'): Promise<SipMessage> => {
  invite(user, id)
  await peer.status(180)
  const ok = await peer.status(200)
  ack(user, id, ok)
  return ok
}
const register = (contact: string, more: readonly string[] = []): Promise<SipMessage> => {
  peer.send(`REGISTER sip:127.0.0.1:${port} SIP/2.0`, [
    'From: <sip:anna@example.com>;tag=r',
    'To: <sip:anna@example.com>',
    `Call-ID: r${Math.random()}`,
    'CSeq: 1 REGISTER',
    `Contact: ${contact}`,
    ...more,
  ])
  return peer.status(200)
}

/** Packets of one tone, as somebody speaks. */
const speak = (to: SipMessage, count: number, payloadType = 0): void => {
  for (let i = 0; i < count; i++) {
    const packet = {
      marker: i === 0,
      payloadType,
      sequence: 100 + i,
      timestamp: 7000 + i * 160,
      ssrc: 99,
      payload: Buffer.alloc(160, i + 1),
    }
    peer.rtp.send(writeRtp(packet), soundPort(to), '127.0.0.1')
  }
}

test('a short tone comes first, with the first packet that arrives; then everything comes back, in a stream of the PBX’s own', async () => {
  const ok = await answered('100')
  const tone = peer.heard(20)
  speak(ok, 1)
  const packets = (await tone).map(readRtp)
  expect(new Set(packets.map(({ payloadType }) => payloadType))).toEqual(new Set([0]))
  const samples = packets.slice(0, 10).flatMap(({ payload }) => [...PCMU.decode(payload)])
  expect(isTone(samples, 523, 8000)).toBe(true)
  const echo = peer.heard(3)
  speak(ok, 3)
  const back = (await echo).map(readRtp)
  expect(back.map(({ payload }) => payload[0])).toEqual([1, 2, 3])
  expect(new Set([...packets, ...back].map(({ ssrc }) => ssrc)).size).toBe(1)
  expect(back.map(({ sequence }) => sequence)).toEqual([1, 2, 3].map((step) => (packets.at(-1)!.sequence + step) & 0xffff))
  expect(back[1]!.timestamp - back[0]!.timestamp).toBe(160)
})

test('RFC 3264 §8.4: whoever holds hears nothing, and hears again afterwards', async () => {
  const ok = await answered('echo')
  const greeting = peer.heard(20)
  speak(ok, 1)
  await greeting
  peer.send(`INVITE sip:demo@127.0.0.1:${port} SIP/2.0`, dialog('call', 'sip:echo@x', '2 INVITE', tagOf(ok)), peer.sdp('sendonly'))
  const held = await peer.status(200)
  ack('echo', 'call', held, 2)
  expect(held.body.latin1Slice(0)).toContain('a=recvonly')
  expect(held.body.latin1Slice(0)).toMatch(/^o=- \d+ 2 /m)
  const before = peer.packets.length
  speak(ok, 3)
  peer.send(`INVITE sip:demo@127.0.0.1:${port} SIP/2.0`, dialog('call', 'sip:echo@x', '3 INVITE', tagOf(ok)), peer.sdp())
  const again = await peer.next('200 to the third', (one) => one.kind === 'response' && headerValue(one, 'cseq') === '3 INVITE')
  ack('echo', 'call', again, 3)
  expect(again.body.latin1Slice(0)).toContain('a=sendrecv')
  expect(peer.packets.length).toBe(before)
  const echo = peer.heard(2)
  speak(ok, 2)
  await echo
})

test('the PBX calls back, to the Contact that it was given and by the Path', async () => {
  const path = `<sip:127.0.0.1:${peer.sip.address().port};lr;x=1>`
  const registered = await register(`<${peer.contact}>;expires=300`, ['Supported: path', `Path: ${path}`])
  expect([headerValue(registered, 'contact'), headerValue(registered, 'path')]).toEqual([`<${peer.contact}>;expires=300`, path])
  const ok = await answered('callback')
  speak(ok, 1)
  const bye = await peer.request('BYE')
  peer.answer(bye, '200 OK')
  const call = await peer.request('INVITE')
  expect([call.kind === 'request' && call.requestUri, headerValue(call, 'route')]).toEqual([peer.contact, path])
  expect(headerValue(call, 'from')).toContain('sip:callback@')
  peer.answer(call, '180 Ringing')
  const route = '<sip:127.0.0.1:5060;lr>, <sip:127.0.0.2:5060;lr>'
  peer.answer(call, '200 OK', [`Contact: <sip:anna@127.0.0.9>`, `Record-Route: ${route}`], peer.sdp())
  const confirmed = await peer.request('ACK')
  expect(confirmed.kind === 'request' && confirmed.requestUri).toBe('sip:anna@127.0.0.9')
  // §12.1.2: in reverse order
  expect(headerLines(confirmed, 'route').map(({ value }) => value)).toEqual(['<sip:127.0.0.2:5060;lr>', '<sip:127.0.0.1:5060;lr>'])
  const tone = peer.heard(20)
  speak(call, 1)
  await tone
  const echo = peer.heard(2)
  speak(call, 2)
  await echo
})

test('whoever is not registered cannot be called back, and is told so', async () => {
  await register(`<${peer.contact}>`)
  await register('*', ['Expires: 0'])
  invite('1234')
  const refused = await peer.status(480)
  expect(headerValue(refused, 'warning')).toContain('Register first')
})

test('§9.2: a call that nobody answers can be called off', async () => {
  const branch = invite('nobody')
  await peer.status(180)
  peer.send(`CANCEL sip:nobody@127.0.0.1:${port} SIP/2.0`, dialog('call', 'sip:nobody@x', '1 CANCEL'), '', branch)
  await peer.next('200 to CANCEL', (one) => one.kind === 'response' && headerValue(one, 'cseq') === '1 CANCEL')
  const over = await peer.status(487)
  ack('nobody', 'call', over)
})

test('the busy one is busy, again and again until somebody confirms it', async () => {
  invite('486')
  await peer.status(486)
  const again = await peer.status(486)
  ack('486', 'call', again)
  peer.send(`OPTIONS sip:127.0.0.1:${port} SIP/2.0`, dialog('options', 'sip:127.0.0.1', '1 OPTIONS'))
  expect(headerValue(await peer.status(200), 'allow')).toContain('INVITE')
})

test('RFC 3264 §6: video is refused within an answer, and an offer without audio as a whole', async () => {
  invite('echo', 'video', `${peer.sdp()}m=video 9000 RTP/AVP 96\r\n`)
  expect((await peer.status(200)).body.latin1Slice(0)).toContain('m=video 0 RTP/AVP 96')
  invite('echo', 'only-video', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 9000 RTP/AVP 96\r\n')
  await peer.status(488)
})

test('an INVITE without an offer gets one, and its answer is taken from the ACK', async () => {
  invite('echo', 'late', '')
  const ok = await peer.status(200)
  expect(ok.body.latin1Slice(0)).toContain('RTP/AVP 0 8 101')
  const tone = peer.heard(5)
  peer.send(`ACK sip:demo@127.0.0.1:${port} SIP/2.0`, dialog('late', 'sip:echo@x', '1 ACK', tagOf(ok)), peer.sdp('sendrecv', '8'))
  speak(ok, 1, 8)
  expect((await tone).map((packet) => readRtp(packet).payloadType)).toEqual([8, 8, 8, 8, 8])
})
