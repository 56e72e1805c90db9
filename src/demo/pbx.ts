/**
 * The demonstration PBX: a small voice server on plain UDP and RTP/AVP, on loopback, so that a newcomer has somebody to call, and is called.
 * `extensions.ts` says whom; every other number is the echo, too. It is an endpoint, not a part of the edge.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { hostText } from '../address/listener.ts'
import { EMPTY } from '../base/bytes.ts'
import { TransportError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Log } from '../observability/log.ts'
import {
  firstHeader,
  type HeaderLine,
  headerLines,
  headerValue,
  line,
  makeResponse,
  type SipRequest,
  type SipResponse,
  serialise,
} from '../sip/message.ts'
import { parse } from '../sip/parse.ts'
import { address, addresses, cseq, toTag } from '../sip/read.ts'
import { isSip, parseUri, userOf } from '../sip/uri.ts'
import { BUSY, CALL_BACK, type Extension, NOBODY } from './extensions.ts'
import { Registrations } from './registrations.ts'
import { Requests } from './requests.ts'
import { answer, offer, targetOf } from './sdp.ts'
import { EchoVoice } from './voice.ts'

export interface DemoOptions {
  /** A loopback address. */
  readonly address: string
  readonly port: number
  readonly ids: Ids
  readonly log: Log
}

type Peer = { readonly address: string; readonly port: number }

/** A dialog and its sound. Values of From, To and Route as we write them in requests. */
interface Call {
  readonly id: string
  readonly tag: string
  readonly since: number
  readonly peer: Peer
  readonly local: string
  /** With the tag of the other side, once it is known. */
  remote: string
  /** Contact of the other side. */
  target: string
  routes: readonly string[]
  /** Of our requests. */
  sequence: number
  /** Of our session descriptions. */
  version: number
  voice: EchoVoice | undefined
  state: 'ringing' | 'up'
  /** A final answer, sent again until its ACK comes (§13.3.1.4, Timer G). */
  repeat: NodeJS.Timeout | undefined
  /** What it is for. */
  readonly purpose: 'echo' | 'call back'
}

const LIMITS = { startLine: 8192, headers: 200, head: 65_535, body: 262_144 }
const RING_MS = 300
const MOST_CALLS = 100
const T1 = 500
const T2 = 4000
/** Of the extension that says goodbye: long enough for the tone. */
const GOODBYE_MS = 1500
const CALL_BACK_MS = 3000
const RING_OUT_MS = 30_000
const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO'

const REASONS: Readonly<Record<number, string>> = {
  180: 'Ringing',
  200: 'OK',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  503: 'Service Unavailable',
}

const is = ({ number, name }: Extension, user: string): boolean => user === number || user === name

export class DemoPbx {
  readonly #options: DemoOptions
  readonly #socket: Socket
  readonly #calls = new Map<string, Call>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #registrations = new Registrations(() => Date.now())
  readonly #requests: Requests
  /** INVITEs without a final answer, by Call-ID. */
  readonly #pending = new Map<string, { readonly invite: SipRequest; readonly remote: RemoteInfo }>()

  constructor(options: DemoOptions) {
    this.#options = options
    this.#socket = createSocket(options.address.includes(':') ? 'udp6' : 'udp4')
    this.#requests = new Requests({
      sentBy: `${hostText(options.address)}:${options.port}`,
      ids: options.ids,
      send: (bytes, peer) => this.#socket.send(bytes, peer.port, peer.address),
      later: (ms, act) => this.#later(ms, act),
    })
  }

  /** @throws TransportError when the port is taken */
  async start(): Promise<void> {
    const { address: host, port, log } = this.#options
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) =>
        reject(
          new TransportError(
            'SBC_TRANSPORT_BIND',
            `The demonstration PBX cannot use ${hostText(host)}:${port}; write another port as demo in the configuration`,
            error,
          ),
        )
      this.#socket.once('error', failed)
      this.#socket.bind({ address: host, port }, () => {
        this.#socket.off('error', failed)
        this.#socket.on('error', (error) => log.warn({ err: error }, 'Demonstration PBX: socket error'))
        resolve()
      })
    })
    this.#socket.on('message', (bytes, remote) => this.#received(bytes, remote))
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const call of [...this.#calls.values()]) this.#end(call)
    this.#socket.close()
  }

  #received(bytes: Buffer, remote: RemoteInfo): void {
    const message = parse(bytes, LIMITS)
    if (message.kind === 'problem') return
    if (message.kind === 'response') {
      this.#requests.answered(message)
      return
    }
    const id = headerValue(message, 'call-id')
    if (id === undefined) return
    const call = this.#calls.get(id)
    switch (message.method) {
      case 'INVITE':
        if (call === undefined) this.#invited(message, id, remote)
        else this.#invitedAgain(message, call, remote)
        return
      case 'ACK':
        if (call !== undefined) this.#acknowledged(message, call)
        return
      case 'BYE':
        this.#answer(message, call === undefined ? 481 : 200, remote)
        if (call !== undefined) this.#end(call)
        return
      case 'CANCEL':
        this.#answer(message, call === undefined ? 481 : 200, remote)
        if (call !== undefined) this.#cancelled(call)
        return
      case 'REGISTER': {
        const headers = this.#registrations.register(message, { address: remote.address, port: remote.port })
        this.#answer(message, headers === undefined ? 503 : 200, remote, headers)
        return
      }
      default:
        this.#answer(message, 200, remote, [line('Allow', ALLOW)])
    }
  }

  #invited(invite: SipRequest, id: string, remote: RemoteInfo): void {
    const from = firstHeader(invite, 'from')
    const to = firstHeader(invite, 'to')
    const contact = firstHeader(invite, 'contact')
    const target = contact === undefined ? undefined : addresses(contact)?.[0]?.uri
    if (from === undefined || to === undefined || target === undefined) return
    const user = userIn(invite.requestUri)
    const caller = userIn(address(from)?.uri ?? '')
    if (this.#calls.size >= MOST_CALLS) {
      this.#answer(invite, 486, remote)
      return
    }
    const refused = is(BUSY, user) ? 486 : is(CALL_BACK, user) && this.#registrations.find(caller) === undefined ? 480 : undefined
    const tag = this.#options.ids.token(8)
    const call: Call = {
      id,
      tag,
      since: Date.now(),
      peer: { address: remote.address, port: remote.port },
      local: `${to.value};tag=${tag}`,
      remote: from.value,
      target,
      routes: headerLines(invite, 'record-route').map(({ value }) => value),
      sequence: 0,
      version: 1,
      voice: undefined,
      state: 'ringing',
      repeat: undefined,
      purpose: is(CALL_BACK, user) ? 'call back' : 'echo',
    }
    this.#calls.set(id, call)
    if (refused !== undefined) {
      const hint = refused === 480 ? [line('Warning', `399 edgeways "Register first: only whom we know can be called back"`)] : []
      this.#final(invite, refused, call, remote, hint)
      return
    }
    this.#options.log.info({ callId: id, from: address(from)?.uri }, 'Demonstration PBX: ringing')
    this.#answer(invite, 180, remote, [this.#contact()], call.tag)
    this.#pending.set(id, { invite, remote })
    if (!is(NOBODY, user)) this.#later(RING_MS, () => void this.#accept(invite, call, remote))
  }

  /** A retransmission, or a new offer: to hold, or to go on. */
  #invitedAgain(invite: SipRequest, call: Call, remote: RemoteInfo): void {
    if (toTag(invite) === undefined || call.state !== 'up') return
    if (invite.body.length > 0) call.version++
    void this.#accept(invite, call, remote)
  }

  #cancelled(call: Call): void {
    const pending = this.#pending.get(call.id)
    if (pending === undefined) return
    this.#pending.delete(call.id)
    this.#final(pending.invite, 487, call, pending.remote)
  }

  async #accept(invite: SipRequest, call: Call, remote: RemoteInfo): Promise<void> {
    const { address: host, ids } = this.#options
    // Called off, perhaps
    if (this.#calls.get(call.id) !== call || (call.state === 'ringing' && !this.#pending.delete(call.id))) return
    call.voice ??= await EchoVoice.open(host, ids, () => this.#hangUp(call))
    // It may have ended meanwhile
    if (this.#calls.get(call.id) !== call) {
      call.voice.close()
      return
    }
    call.state = 'up'
    const own = { address: host, port: call.voice.port, rtcpPort: call.voice.rtcpPort, id: call.since, version: call.version }
    const offered = invite.body.latin1Slice(0)
    const target = targetOf(offered)
    if (offered !== '' && target === undefined) {
      this.#final(invite, 488, call, remote)
      return
    }
    if (target !== undefined) call.voice.talk(target)
    const body = target === undefined ? offer(own) : answer(offered, own)
    this.#final(invite, 200, call, remote, [this.#contact(), line('Content-Type', 'application/sdp')], body)
  }

  #acknowledged(ack: SipRequest, call: Call): void {
    clearTimeout(call.repeat)
    if (call.state === 'ringing') {
      this.#calls.delete(call.id)
      return
    }
    // Our own offer, answered
    const target = targetOf(ack.body.latin1Slice(0))
    if (target !== undefined) call.voice?.talk(target)
    if (call.purpose === 'call back' && call.sequence === 0) this.#sayGoodbye(call)
  }

  #sayGoodbye(call: Call): void {
    call.sequence = 1
    this.#later(GOODBYE_MS, () => {
      if (this.#calls.get(call.id) !== call) return
      this.#hangUp(call)
      const user = userIn(/<([^>]*)>/.exec(call.remote)?.[1] ?? call.remote)
      this.#later(CALL_BACK_MS, () => void this.#call(user))
    })
  }

  /** Calls somebody who is registered. */
  async #call(user: string): Promise<void> {
    const { address: host, port, ids, log } = this.#options
    const registered = this.#registrations.find(user)
    if (registered === undefined || this.#calls.size >= MOST_CALLS) return
    const id = ids.token(20)
    const tag = ids.token(8)
    const call: Call = {
      id,
      tag,
      since: Date.now(),
      peer: registered.from,
      local: `"Demonstration PBX" <sip:${CALL_BACK.name}@${hostText(host)}:${port}>;tag=${tag}`,
      remote: `<sip:${user}@${hostText(host)}>`,
      target: registered.contact,
      routes: registered.path,
      sequence: 1,
      version: 1,
      voice: undefined,
      state: 'ringing',
      repeat: undefined,
      purpose: 'echo',
    }
    this.#calls.set(id, call)
    const voice = await EchoVoice.open(host, ids, () => this.#hangUp(call))
    call.voice = voice
    log.info({ callId: id, to: registered.contact }, 'Demonstration PBX: calls back')
    const sdp = offer({ address: host, port: voice.port, rtcpPort: voice.rtcpPort, id: call.since, version: 1 })
    const done = (response: SipResponse | undefined): void => {
      clearTimeout(tooLong)
      if (response === undefined || response.status >= 300) this.#end(call)
      else this.#answered(response, call)
    }
    const invite = this.#requests.invite(call, [this.#contact(), line('Content-Type', 'application/sdp')], sdp, done)
    const tooLong = this.#later(RING_OUT_MS, () => invite.cancel())
  }

  #answered(response: SipResponse, call: Call): void {
    const known = this.#calls.get(call.id) === call
    const to = firstHeader(response, 'to')
    const contact = firstHeader(response, 'contact')
    call.remote = to?.value ?? call.remote
    call.target = (contact === undefined ? undefined : addresses(contact)?.[0]?.uri) ?? call.target
    // §12.1.2: in reverse order
    call.routes = headerLines(response, 'record-route')
      .flatMap((one) => (addresses(one) ?? []).map(({ text }) => text))
      .reverse()
    this.#requests.acknowledge(call, cseq(response)?.number ?? call.sequence)
    const target = targetOf(response.body.latin1Slice(0))
    if (!known || target === undefined) {
      this.#hangUp(call)
      return
    }
    call.state = 'up'
    call.voice?.talk(target)
  }

  #hangUp(call: Call): void {
    if (this.#calls.get(call.id) === call) this.#end(call)
    if (call.state === 'up') {
      call.sequence++
      this.#requests.bye(call)
    }
  }

  #end(call: Call): void {
    this.#calls.delete(call.id)
    this.#pending.delete(call.id)
    clearTimeout(call.repeat)
    call.voice?.close()
    const seconds = Math.round((Date.now() - call.since) / 1000)
    this.#options.log.info({ callId: call.id, seconds }, 'Demonstration PBX: call ended')
  }

  #contact(): HeaderLine {
    const { address: host, port } = this.#options
    return line('Contact', `<sip:demo@${hostText(host)}:${port}>`)
  }

  #later(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  /** A final answer to an INVITE, again and again until somebody confirms it. */
  #final(
    invite: SipRequest,
    status: number,
    call: Call,
    remote: RemoteInfo,
    extra: readonly HeaderLine[] = [],
    body: Buffer = EMPTY,
  ): void {
    let wait = T1
    let sent = 0
    const again = (): void => {
      if (this.#calls.get(call.id) !== call) return
      this.#answer(invite, status, remote, extra, call.tag, body)
      sent += wait
      if (sent > 64 * T1) this.#end(call)
      else call.repeat = this.#later(wait, again)
      wait = Math.min(wait * 2, T2)
    }
    clearTimeout(call.repeat)
    again()
  }

  #answer(
    request: SipRequest,
    status: number,
    remote: RemoteInfo,
    extra: readonly HeaderLine[] = [],
    tag = this.#options.ids.token(8),
    body: Buffer = EMPTY,
  ): void {
    const to = firstHeader(request, 'to')
    if (to === undefined) return
    const tagged = toTag(request) === undefined ? line('To', `${to.value};tag=${tag}`) : to
    const kept = request.headers.filter((one) => ['via', 'from', 'call-id', 'cseq', 'record-route'].includes(one.name))
    const headers = [...kept, tagged, ...extra, line('Content-Length', String(body.length))]
    const reason = REASONS[status] ?? 'OK'
    this.#socket.send(
      serialise(makeResponse(`SIP/2.0 ${status} ${reason}\r\n`, status, reason, headers, body)),
      remote.port,
      remote.address,
    )
  }
}

/** User part of a URI; empty when there is none. */
const userIn = (text: string): string => {
  const uri = parseUri(text)
  return (uri !== undefined && isSip(uri) ? userOf(uri) : undefined) ?? ''
}
