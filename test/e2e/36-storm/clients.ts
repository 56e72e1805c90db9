/**
 * Thousands of browsers in one process: WebSocket clients that register, come back when their connection is gone, and do as they are told.
 * Started by the test; it writes one line of JSON when all of them are registered, each time anew.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'

export interface StormSettings {
  readonly clients: number
  readonly address: string
  readonly port: number
  readonly name: string
  readonly origin: string
  /** PEM file. */
  readonly root: string
  /** File with the secret of time-limited user names; absent: the registrar asks for nothing. */
  readonly timedSecretFile?: string
  /** First three octets of the addresses that they come from. */
  readonly network: string
}

/** What the line says. Times are milliseconds since 1970. */
export interface StormReport {
  readonly event: 'all-registered'
  /** When the last connection before was lost; 0: it is the first time. */
  readonly lostAt: number
  readonly firstAt: number
  readonly allAt: number
  /** Attempts to connect that failed, and answers that meant later, since then. */
  readonly failedConnects: number
  readonly sentAway: number
  readonly otherAnswers: Readonly<Record<string, number>>
}

/** JsSIP's `connection_recovery_min_interval` and `…_max_interval`, seconds. */
const [LEAST, MOST] = [2, 30]
const SPREAD = 100

const settings = JSON.parse(process.argv[2] ?? '{}') as StormSettings
const ca = readFileSync(settings.root)
const secret = settings.timedSecretFile === undefined ? undefined : readFileSync(settings.timedSecretFile, 'utf8').trim()

let registered = 0
let lostAt = 0
let firstAt = 0
let failedConnects = 0
let sentAway = 0
let otherAnswers: Record<string, number> = {}

const tell = (): void => {
  const report: StormReport = { event: 'all-registered', lostAt, firstAt, allAt: Date.now(), failedConnects, sentAway, otherAnswers }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  firstAt = failedConnects = sentAway = 0
  otherAnswers = {}
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const token = (): string => randomBytes(8).toString('hex')

class Browser {
  readonly #user: string
  readonly #instance: string
  readonly #from: string
  readonly #callId = token()
  #socket: WebSocket | undefined
  #cseq = 0
  #attempts = 0
  #registered = false

  constructor(index: number) {
    this.#user = `u${index}`
    this.#from = `${settings.network}.${100 + (index % SPREAD)}`
    this.#instance = `<urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}>`
  }

  connect(): void {
    const options: ClientOptions & ConnectionOptions = {
      ca,
      servername: settings.name,
      origin: settings.origin,
      localAddress: this.#from,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    }
    const socket = new WebSocket(`wss://${settings.address}:${settings.port}/`, 'sip', options)
    this.#socket = socket
    socket.on('open', () => {
      this.#attempts = 0
      this.#register()
    })
    socket.on('message', (bytes) => this.#answered(String(bytes)))
    socket.on('error', () => {})
    socket.on('close', () => this.#lost())
  }

  /** As JsSIP does it: more and more patience, by chance. */
  #lost(): void {
    if (this.#registered) {
      this.#registered = false
      registered--
      lostAt = Date.now()
    } else failedConnects++
    this.#attempts++
    const seconds = Math.floor(Math.random() * 2 ** this.#attempts + 1)
    setTimeout(() => this.connect(), Math.min(Math.max(seconds, LEAST), MOST) * 1000)
  }

  #register(authorization?: string): void {
    const { name } = settings
    this.#cseq++
    const lines = [
      `REGISTER sip:${name} SIP/2.0`,
      `Via: SIP/2.0/WSS ${this.#user}.invalid;branch=z9hG4bK${token()}`,
      'Max-Forwards: 69',
      `To: <sip:${this.#user}@${name}>`,
      `From: <sip:${this.#user}@${name}>;tag=${token()}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${this.#cseq} REGISTER`,
      `Contact: <sip:${this.#user}@${this.#user}.invalid;transport=ws>;+sip.instance="${this.#instance}";reg-id=1;expires=600`,
      'Supported: path,gruu,outbound',
      'User-Agent: a browser in a storm',
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      'Content-Length: 0',
    ]
    this.#socket?.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  #answered(text: string): void {
    if (!text.startsWith('SIP/2.0 ') || !text.includes(`CSeq: ${this.#cseq} REGISTER`)) return
    const status = text.slice(8, 11)
    if (status === '200') this.#accepted()
    else if (status === '401' && secret !== undefined) this.#register(this.#digest(text, secret))
    else if (status === '503') {
      sentAway++
      const seconds = Number(/^Retry-After: *(\d+)/im.exec(text)?.[1] ?? 1)
      const socket = this.#socket
      setTimeout(() => {
        if (this.#socket === socket && socket?.readyState === WebSocket.OPEN) this.#register()
      }, seconds * 1000)
    } else if (status !== '100') {
      otherAnswers[status] = (otherAnswers[status] ?? 0) + 1
    }
  }

  #accepted(): void {
    if (this.#registered) return
    this.#registered = true
    if (registered++ === 0 || firstAt === 0) firstAt = Date.now()
    if (registered === settings.clients) tell()
  }

  /** The first challenge there is, which is MD5's, as browsers have it. */
  #digest(text: string, shared: string): string {
    const [, realm = ''] = /realm="([^"]*)"/.exec(text) ?? []
    const [, nonce = ''] = /nonce="([^"]*)"/.exec(text) ?? []
    const username = `${Math.floor(Date.now() / 1000) + 3600}:${this.#user}`
    const password = createHmac('sha1', shared).update(username).digest('base64')
    const uri = `sip:${settings.name}`
    const response = md5(`${md5(`${username}:${realm}:${password}`)}:${nonce}:00000001:c:auth:${md5(`REGISTER:${uri}`)}`)
    return `Digest algorithm=MD5, username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", qop=auth, cnonce="c", nc=00000001`
  }
}

for (let index = 0; index < settings.clients; index++) setTimeout(() => new Browser(index).connect(), index * 2)
