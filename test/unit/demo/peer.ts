/** Somebody who speaks SIP over UDP with the demonstration PBX, and some sound. */
import { createSocket, type Socket } from 'node:dgram'
import { headerValue, type SipMessage } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'

const LIMITS = { startLine: 8192, headers: 200, head: 65_535, body: 262_144 }
const WAIT_MS = 8000

const open = (): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind({ address: '127.0.0.1', port: 0 }, () => resolve(socket))
  })

const after = <T>(found: () => T | undefined, changed: (look: () => void) => () => void, what: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${what} within ${WAIT_MS} ms`)), WAIT_MS)
    let stop = (): void => {}
    const look = (): void => {
      const value = found()
      if (value === undefined) return
      clearTimeout(timer)
      stop()
      resolve(value)
    }
    stop = changed(look)
    look()
  })

export class Peer {
  readonly sip: Socket
  readonly rtp: Socket
  readonly got: SipMessage[] = []
  readonly packets: Buffer[] = []
  readonly #port: number
  #taken = 0
  #branch = 0

  private constructor(sip: Socket, rtp: Socket, port: number) {
    this.sip = sip
    this.rtp = rtp
    this.#port = port
    sip.on('message', (bytes) => {
      const message = parse(bytes, LIMITS)
      if (message.kind !== 'problem') this.got.push(message)
    })
    rtp.on('message', (bytes) => this.packets.push(bytes))
  }

  /** @param port of the PBX */
  static async open(port: number): Promise<Peer> {
    return new Peer(await open(), await open(), port)
  }

  close(): void {
    this.sip.close()
    this.rtp.close()
  }

  get contact(): string {
    return `sip:anna@127.0.0.1:${this.sip.address().port}`
  }

  /** Lines of the head after Via and Max-Forwards, then the body. @returns the branch */
  send(start: string, lines: readonly string[], body = '', branch = `z9hG4bKpeer${++this.#branch}`): string {
    const head = [start, `Via: SIP/2.0/UDP 127.0.0.1:${this.sip.address().port};branch=${branch}`, 'Max-Forwards: 70', ...lines]
    const type = body === '' ? [] : ['Content-Type: application/sdp']
    this.sip.send([...head, ...type, `Content-Length: ${body.length}`, '', body].join('\r\n'), this.#port, '127.0.0.1')
    return branch
  }

  /** As a response to a request that came. */
  answer(request: SipMessage, status: string, lines: readonly string[] = [], body = ''): void {
    const kept = request.headers.filter(({ name }) => ['via', 'from', 'call-id', 'cseq'].includes(name)).map(({ raw }) => raw.trimEnd())
    const type = body === '' ? [] : ['Content-Type: application/sdp']
    const to = `To: ${headerValue(request, 'to')};tag=peer`
    const text = [`SIP/2.0 ${status}`, ...kept, to, ...lines, ...type, `Content-Length: ${body.length}`, '', body].join('\r\n')
    this.sip.send(text, this.#port, '127.0.0.1')
  }

  /** The next message that was not taken yet and fits. */
  next(what: string, fits: (message: SipMessage) => boolean): Promise<SipMessage> {
    const find = (): SipMessage | undefined => {
      const index = this.got.findIndex((message, at) => at >= this.#taken && fits(message))
      if (index < 0) return undefined
      this.#taken = index + 1
      return this.got[index]
    }
    return after(
      find,
      (look) => {
        this.sip.on('message', look)
        return () => this.sip.off('message', look)
      },
      what,
    )
  }

  status(status: number): Promise<SipMessage> {
    return this.next(String(status), (message) => message.kind === 'response' && message.status === status)
  }

  request(method: string): Promise<SipMessage> {
    return this.next(method, (message) => message.kind === 'request' && message.method === method)
  }

  sdp(direction = 'sendrecv', formats = '0 101'): string {
    return [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
      ...[`m=audio ${this.rtp.address().port} RTP/AVP ${formats}`, 'a=rtpmap:101 telephone-event/8000', `a=${direction}`, ''],
    ].join('\r\n')
  }

  /** Of so many packets, from now on. */
  heard(count: number): Promise<readonly Buffer[]> {
    const from = this.packets.length
    return after(
      () => (this.packets.length - from >= count ? this.packets.slice(from, from + count) : undefined),
      (look) => {
        this.rtp.on('message', look)
        return () => this.rtp.off('message', look)
      },
      `${count} packets`,
    )
  }
}

/** Port of the sound in a description. */
export const soundPort = (message: SipMessage): number => Number(/^m=audio (\d+)/m.exec(message.body.latin1Slice(0))?.[1])
