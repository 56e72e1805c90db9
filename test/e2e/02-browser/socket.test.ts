import { request } from 'node:https'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Ground, layGround } from '../../support/crossing.ts'
import { startPbx } from '../../support/pbx.ts'
import { handshakeStatus, openRawSocket, type RawSocket, type RawSocketOptions } from '../../support/raw-socket.ts'
import { type Subject, startBrowserSubject } from '../../support/subject.ts'

const ORIGIN = 'https://app.edge.test'
let ground: Ground
let subject: Subject
let usual: RawSocketOptions
const open: RawSocket[] = []

beforeAll(async () => {
  ground = await layGround(66)
  const begun = await startBrowserSubject(ground, ORIGIN)
  subject = begun.subject
  usual = { place: { address: ground.outside, port: ground.wssPort }, name: ground.name, root: begun.root, origin: ORIGIN }
})

afterAll(async () => {
  await subject?.stop()
  ground?.remove()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()))
})

const connected = async (): Promise<RawSocket> => {
  const socket = await openRawSocket(usual)
  open.push(socket)
  return socket
}

const sip = (method: string, target: string, callId: string, body = ''): string =>
  [
    `${method} ${target} SIP/2.0`,
    `Via: SIP/2.0/WSS client.invalid;branch=z9hG4bK-${callId}`,
    'Max-Forwards: 70',
    `From: <sip:raw@${ground.name}>;tag=${callId}`,
    `To: <${target}>`,
    `Call-ID: ${callId}`,
    `CSeq: 1 ${method}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')

describe('handshake', () => {
  it('T12: with sub-protocol sip and an allowed Origin', async () => {
    const socket = await connected()
    expect(socket.socket.protocol).toBe('sip')
  })

  it('RFC 7118 §4.1: another sub-protocol is refused', async () => {
    expect(await handshakeStatus({ ...usual, protocols: ['xmpp'] })).toBeGreaterThanOrEqual(400)
  })

  it('RFC 7118 §4.1: none at all is refused', async () => {
    expect(await handshakeStatus({ ...usual, protocols: [] })).toBeGreaterThanOrEqual(400)
  })

  it('T12: a page from elsewhere is refused', async () => {
    expect(await handshakeStatus({ ...usual, origin: 'https://evil.example' })).toBe(403)
  })

  it('a plain HTTP request gets a clear answer', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const { address: host, port } = usual.place
      request({ host, port, servername: ground.name, ca: usual.root, path: '/' }, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode ?? 0))
      })
        .once('error', reject)
        .end()
    })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })
})

describe('messages', () => {
  it('T12: in three fragments, cut in a header and in the body', async () => {
    const socket = await connected()
    const text = sip('OPTIONS', `sip:${ground.name}`, 'fragments', 'some body')
    socket.socket.send(text.slice(0, 30), { fin: false })
    socket.socket.send(text.slice(30, text.length - 4), { fin: false })
    socket.socket.send(text.slice(text.length - 4), { fin: true })
    expect(await socket.message(/^SIP\/2\.0 \d+ [\s\S]*fragments/)).toMatch(/^SIP\/2\.0 200 [\s\S]*\nAllow: /)
  })

  it('RFC 7118 §4.2: in a binary frame', async () => {
    const socket = await connected()
    socket.socket.send(Buffer.from(sip('OPTIONS', `sip:${ground.name}`, 'binary')), { binary: true })
    expect(await socket.message(/^SIP\/2\.0 \d+ [\s\S]*binary/)).toMatch(/^SIP\/2\.0 200 /)
  })

  it('T12: of 8 KB arrive at the PBX whole', async () => {
    const body = `first line\r\n${'0123456789abcde\r\n'.repeat(500)}last line`
    const pbx = await startPbx(ground, 'gets-message.xml', { length: String(body.length) })
    try {
      const socket = await connected()
      socket.socket.send(sip('MESSAGE', `sip:echo@${ground.name}`, 'long', body))
      expect(await socket.message(/^SIP\/2\.0 [2-6]/)).toMatch(/^SIP\/2\.0 200 /)
      expect((await pbx.result).errors).toBe('')
    } finally {
      await pbx.stop()
    }
  })
})
