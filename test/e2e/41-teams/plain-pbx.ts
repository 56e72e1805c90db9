/** A PBX of a few lines over UDP: it notes calls, says that it is busy, and can call without ever saying ACK. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createWatch } from '../../support/media/watch.ts'
import { freePort } from '../../support/places.ts'
import { headerOf, readWire, valuesOf, type Wire } from '../../support/wire.ts'

export interface PlainPbx {
  readonly port: number
  /** The next INVITE that came; it was answered 486. */
  invited(): Promise<Wire>
  /** Calls, and acknowledges nothing; resolves when the other side has hung up. */
  callWithoutAck(number: string): Promise<void>
  close(): Promise<void>
}

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 19998 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n')

const answerTo = (request: Wire, status: string): string =>
  [
    `SIP/2.0 ${status}`,
    ...valuesOf(request, 'via').map((value) => `Via: ${value}`),
    `From: ${headerOf(request, 'from')}`,
    `To: ${headerOf(request, 'to')}${headerOf(request, 'to').includes(';tag=') ? '' : ';tag=plain'}`,
    `Call-ID: ${headerOf(request, 'call-id')}`,
    `CSeq: ${headerOf(request, 'cseq')}`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')

export const openPlainPbx = async (address: string, edge: string, edgePort: number): Promise<PlainPbx> => {
  const port = await freePort(address)
  const socket = createSocket('udp4')
  const watch = createWatch()
  const invites: Wire[] = []
  const ended = new Set<string>()
  socket.on('message', (bytes, from) => {
    const message = readWire(bytes)
    if (message.status !== 0) return
    const say = (status: string): void => socket.send(answerTo(message, status), from.port, from.address)
    if (message.method === 'INVITE') {
      invites.push(message)
      say('486 Busy Here')
    } else if (message.method !== 'ACK') say('200 OK')
    if (message.method === 'BYE') ended.add(headerOf(message, 'call-id'))
    watch.happened()
  })
  await new Promise<void>((resolve) => socket.bind(port, address, resolve))
  return {
    port,
    invited: () =>
      watch.until(
        () => invites.shift(),
        () => 'no INVITE at the plain PBX',
        5000,
      ),
    callWithoutAck: async (number) => {
      const callId = randomBytes(8).toString('hex')
      const head = [
        `INVITE sip:${number}@${edge}:${edgePort} SIP/2.0`,
        `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${randomBytes(6).toString('hex')}`,
        'Max-Forwards: 70',
        `From: <sip:+13125550777@${address}>;tag=${randomBytes(4).toString('hex')}`,
        `To: <sip:${number}@${edge}>`,
        `Call-ID: ${callId}`,
        'CSeq: 1 INVITE',
        `Contact: <sip:plain@${address}:${port}>`,
        'Content-Type: application/sdp',
        `Content-Length: ${SDP.length}`,
      ]
      socket.send(`${head.join('\r\n')}\r\n\r\n${SDP}`, edgePort, edge)
      await watch.until(
        () => ended.has(callId) || undefined,
        () => 'no BYE at the plain PBX',
        8000,
      )
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
