/**
 * `npm run call`: a telephone in a terminal. It connects to the running edge by the most secure transport that is configured, calls the
 * demonstration PBX (or the URI given), shows every message that it sends and gets, and checks that its sound comes back.
 */
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClientOptions, WebSocket } from 'ws'
import { hostText, type Listener } from '../address/listener.ts'
import type { Ids } from '../base/ids.ts'
import { formatProblems } from '../config/errors.ts'
import type { LoadResult } from '../config/load.ts'
import { firstHeader, headerLines, headerValue, type SipResponse } from '../sip/message.ts'
import { parse } from '../sip/parse.ts'
import { addresses, cseq, splitList } from '../sip/read.ts'

export interface CallOptions {
  readonly file: string
  readonly dataDir: string
  readonly ids: Ids
  readonly load: (file: string) => LoadResult
  readonly stdout: { write(text: string): unknown }
}

const LIMITS = { startLine: 8192, headers: 200, head: 65_535, body: 262_144 }
const ANSWER_MS = 10_000
/** Long enough for the tone of the PBX and for some of its echo. */
const PACKETS = 75
const HOLD_MS = 20

/** @returns the exit code: 0 when the call was set up, heard its echo, and ended */
export const callCommand = async (target: string | undefined, options: CallOptions): Promise<number> => {
  const say = (text = ''): void => void options.stdout.write(`${text}\n`)
  if (!existsSync(options.file)) {
    say(`There is no configuration at ${options.file}: start the edge first, with "npm start" in another terminal`)
    return 1
  }
  const loaded = options.load(options.file)
  if (!loaded.ok) {
    say(formatProblems(loaded.problems, options.file))
    return 1
  }
  const listener = loaded.snapshot.listeners.map((entry) => entry.listener).find((one) => one.transport.name === 'wss')
  if (listener === undefined) {
    say('The configuration has no wss listener to call through')
    return 1
  }
  const phone = new Phone(listener, join(options.dataDir, 'development-ca.pem'), options.ids, say)
  try {
    return await phone.call(target ?? `sip:echo@${hostText(listener.advertisedHost)}`)
  } catch (error) {
    say(`The call failed: ${(error as Error).message}`)
    return 1
  } finally {
    phone.close()
  }
}

class Phone {
  readonly #listener: Listener
  readonly #ids: Ids
  readonly #say: (text?: string) => void
  readonly #socket: WebSocket
  readonly #host: string
  readonly #rtp = createSocket('udp4')
  #waiting: { readonly done: (response: SipResponse) => void; readonly method: string } | undefined
  #broken: ((error: Error) => void) | undefined
  #echoes = 0

  constructor(listener: Listener, rootFile: string, ids: Ids, say: (text?: string) => void) {
    this.#listener = listener
    this.#ids = ids
    this.#say = say
    this.#host = `${ids.token(10).toLowerCase().replaceAll(/[-_]/g, 'x')}.invalid`
    const url = `wss://${hostText(listener.bindAddress)}:${listener.bindPort}`
    // Our own development CA is trusted for this connection and nothing else
    const trust = existsSync(rootFile) ? { ca: readFileSync(rootFile) } : {}
    // ws hands these on to node:tls; its own types do not name them
    const sni: object = { servername: listener.advertisedHost }
    const options: ClientOptions = { ...trust, ...sni, origin: 'https://localhost', handshakeTimeout: ANSWER_MS }
    this.#socket = new WebSocket(url, 'sip', options)
    this.#socket.on('message', (data: Buffer) => this.#received(data))
    this.#socket.on('error', (error) => this.#broken?.(error))
    this.#socket.on('close', () => this.#broken?.(new Error('the connection was closed')))
    this.#rtp.on('message', () => this.#echoes++)
  }

  close(): void {
    this.#broken = undefined
    this.#socket.close()
    this.#rtp.close()
  }

  async call(target: string): Promise<number> {
    const { sentBy } = this.#listener
    this.#say(`Calling ${target} over WSS ${sentBy}, as a browser would`)
    await this.#opened()
    await new Promise<void>((done) => this.#rtp.bind({ address: '127.0.0.1', port: 0 }, () => done()))
    const { port } = this.#rtp.address()
    const id = this.#ids.token(20)
    const from = `<sip:demo@${this.#host}>;tag=${this.#ids.token(8)}`
    const sdp = [
      'v=0',
      `o=- ${port} 1 IN IP4 127.0.0.1`,
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${port} RTP/AVP 0`,
      'a=rtpmap:0 PCMU/8000',
      '',
    ].join('\r\n')
    const contact = `Contact: <sip:demo@${this.#host};transport=ws>`
    const answer = await this.#request(
      'INVITE',
      target,
      [`From: ${from}`, `To: <${target}>`, `Call-ID: ${id}`, 'CSeq: 1 INVITE', contact],
      sdp,
    )
    if (answer.status >= 300) {
      this.#say(`The call was refused: ${answer.status} ${answer.reason}`)
      if (answer.status === 407) this.#say('The zone asks who calls, and this caller is nobody: use the test phone of the web admin')
      return 1
    }
    const remote = addresses(firstHeader(answer, 'contact')!)![0]!.uri
    // §12.1.2: the route set is the Record-Route, in reverse order
    const routes = headerLines(answer, 'record-route')
      .flatMap((one) => splitList(one.value))
      .reverse()
      .map((route) => `Route: ${route}`)
    const dialog = [...routes, `From: ${from}`, `To: ${headerValue(answer, 'to')}`, `Call-ID: ${id}`]
    this.#send('ACK', remote, [...dialog, 'CSeq: 1 ACK'], '')
    await this.#talk(answer)
    const ended = await this.#request('BYE', remote, [...dialog, 'CSeq: 2 BYE'], '')
    this.#explain(answer)
    return ended.status === 200 && this.#echoes > 0 ? 0 : 1
  }

  #opened(): Promise<void> {
    return new Promise((done, failed) => {
      this.#broken = (error) => failed(new Error(`${error.message}; is the edge running? Start it with "npm start" in another terminal`))
      this.#socket.once('open', () => done())
    })
  }

  /** Packets of 20 ms each, to where the answer says; sound comes back when media flows both ways. */
  async #talk(answer: SipResponse): Promise<void> {
    const text = answer.body.latin1Slice(0)
    const port = Number(/^m=audio (\d+)/m.exec(text)?.[1] ?? 0)
    const host = /^c=IN IP4 (\S+)/m.exec(text)?.[1]
    if (host === undefined || port === 0) {
      this.#say('The answer has no audio')
      return
    }
    for (let i = 0; i < PACKETS; i++) {
      const packet = Buffer.alloc(172, 0xff)
      packet.writeUInt16BE(0x8000, 0)
      packet.writeUInt16BE(i, 2)
      packet.writeUInt32BE(i * 160, 4)
      packet.writeUInt32BE(port, 8)
      this.#rtp.send(packet, port, host)
      await new Promise((done) => setTimeout(done, HOLD_MS))
    }
    this.#say(`      sound: ${PACKETS} packets sent to ${host}:${port}, ${this.#echoes} came back: its tone, then the echo`)
  }

  #request(method: string, uri: string, headers: readonly string[], body: string): Promise<SipResponse> {
    return new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`no answer to ${method} within ${ANSWER_MS / 1000} s`)), ANSWER_MS)
      this.#broken = (error) => {
        clearTimeout(timer)
        failed(error)
      }
      this.#waiting = {
        method,
        done: (response) => {
          clearTimeout(timer)
          done(response)
        },
      }
      this.#send(method, uri, headers, body)
    })
  }

  #send(method: string, uri: string, headers: readonly string[], body: string): void {
    const via = `Via: SIP/2.0/WSS ${this.#host};branch=z9hG4bK${this.#ids.token(12)}`
    const type = body === '' ? [] : ['Content-Type: application/sdp']
    const lines = [
      `${method} ${uri} SIP/2.0`,
      via,
      'Max-Forwards: 70',
      ...headers,
      ...type,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ]
    this.#socket.send(lines.join('\r\n'))
    // Whoever stops us at this line finds the message sent
    this.#say(`  --> ${method} ${uri}`)
  }

  #received(data: Buffer): void {
    const message = parse(data, LIMITS)
    if (message.kind === 'problem') return
    if (message.kind === 'request') {
      this.#say(`  <-- ${message.method}`)
      return
    }
    this.#say(`  <-- ${message.status} ${message.reason}`)
    if (message.status >= 200 && cseq(message)?.method === this.#waiting?.method) {
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.done(message)
    }
  }

  #explain(answer: SipResponse): void {
    this.#say()
    this.#say('What the edge wrote into the call, one entry for each side (RFC 5658), the PBX side on top:')
    for (const one of headerLines(answer, 'record-route')) for (const route of splitList(one.value)) this.#say(`  Record-Route: ${route}`)
  }
}
