/**
 * The demonstration PBX: a small voice server on plain UDP and RTP/AVP, on loopback, so that a newcomer has somebody to call. Everybody it is
 * called by it answers, and sends back the sound it hears; it takes every registration. It is an endpoint, not a part of the edge.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { hostText } from '../address/listener.ts'
import { EMPTY } from '../base/bytes.ts'
import { TransportError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Log } from '../observability/log.ts'
import { firstHeader, type HeaderLine, headerLines, headerValue, line, makeResponse, type SipRequest, serialise } from '../sip/message.ts'
import { parse } from '../sip/parse.ts'
import { address, toTag } from '../sip/read.ts'

export interface DemoOptions {
  /** A loopback address. */
  readonly address: string
  readonly port: number
  readonly ids: Ids
  readonly log: Log
}

interface Call {
  readonly tag: string
  readonly rtp: Socket
  readonly rtpPort: number
  readonly since: number
  /** The bytes of the 200, sent again until its ACK comes (§13.3.1.4). */
  repeat: NodeJS.Timeout | undefined
}

const LIMITS = { startLine: 8192, headers: 200, head: 65_535, body: 262_144 }
const RING_MS = 300
const MOST_CALLS = 100
const T1 = 500
const T2 = 4000

export class DemoPbx {
  readonly #options: DemoOptions
  readonly #socket: Socket
  readonly #calls = new Map<string, Call>()
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: DemoOptions) {
    this.#options = options
    this.#socket = createSocket(options.address.includes(':') ? 'udp6' : 'udp4')
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
    for (const id of [...this.#calls.keys()]) this.#end(id)
    this.#socket.close()
  }

  #received(bytes: Buffer, remote: RemoteInfo): void {
    const message = parse(bytes, LIMITS)
    if (message.kind !== 'request') return
    const id = headerValue(message, 'call-id')
    if (id === undefined) return
    switch (message.method) {
      case 'INVITE':
        this.#invited(message, id, remote)
        return
      case 'ACK':
        clearTimeout(this.#calls.get(id)?.repeat)
        return
      case 'BYE':
        this.#answer(message, this.#end(id) ? 200 : 481, remote)
        return
      case 'CANCEL':
        this.#answer(message, 200, remote)
        return
      case 'REGISTER':
        this.#answer(message, 200, remote, registrationOf(message))
        return
      default:
        this.#answer(message, 200, remote, [line('Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO')])
    }
  }

  #invited(invite: SipRequest, id: string, remote: RemoteInfo): void {
    const known = this.#calls.get(id)
    if (known !== undefined) {
      // Again, or a re-INVITE: the same media
      this.#accept(invite, id, known, remote)
      return
    }
    if (this.#calls.size >= MOST_CALLS) {
      this.#answer(invite, 486, remote)
      return
    }
    const rtp = createSocket('udp4')
    // Echo: every packet goes back to whoever sent it
    rtp.on('message', (packet, from) => rtp.send(packet, from.port, from.address))
    rtp.on('error', () => this.#end(id))
    rtp.bind({ address: this.#options.address, port: 0 }, () => {
      const call: Call = { tag: this.#options.ids.token(8), rtp, rtpPort: rtp.address().port, since: Date.now(), repeat: undefined }
      this.#calls.set(id, call)
      this.#options.log.info({ callId: id, from: address(firstHeader(invite, 'from')!)?.uri }, 'Demonstration PBX: ringing')
      this.#answer(invite, 180, remote, [], call.tag)
      this.#later(RING_MS, () => this.#accept(invite, id, call, remote))
    })
  }

  #accept(invite: SipRequest, id: string, call: Call, remote: RemoteInfo): void {
    const { address: host, port } = this.#options
    const sdp = Buffer.from(
      ['v=0', `o=- ${call.since} 1 IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', ...mediaOf(invite, call.rtpPort), ''].join('\r\n'),
      'latin1',
    )
    const send = () =>
      this.#answer(
        invite,
        200,
        remote,
        [line('Contact', `<sip:echo@${hostText(host)}:${port}>`), line('Content-Type', 'application/sdp')],
        call.tag,
        sdp,
      )
    let wait = T1
    let sent = 0
    const again = () => {
      send()
      sent += wait
      if (sent > 64 * T1) this.#end(id)
      else call.repeat = this.#later(wait, again)
      wait = Math.min(wait * 2, T2)
    }
    if (this.#calls.get(id) !== call) return
    clearTimeout(call.repeat)
    again()
  }

  #end(id: string): boolean {
    const call = this.#calls.get(id)
    if (call === undefined) return false
    this.#calls.delete(id)
    clearTimeout(call.repeat)
    call.rtp.close()
    this.#options.log.info({ callId: id, seconds: Math.round((Date.now() - call.since) / 1000) }, 'Demonstration PBX: call ended')
    return true
  }

  #later(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
    return timer
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

const REASONS: Readonly<Record<number, string>> = { 180: 'Ringing', 200: 'OK', 481: 'Call/Transaction Does Not Exist', 486: 'Busy Here' }

/** A registrar's answer: the bindings that were asked for, with the lifetime that was asked for, at most an hour. */
const registrationOf = (register: SipRequest): readonly HeaderLine[] => {
  const asked = Number(headerValue(register, 'expires') ?? 600)
  const contacts = headerLines(register, 'contact').filter((one) => one.value !== '*')
  return [...contacts, ...headerLines(register, 'path'), line('Expires', String(Math.min(Number.isFinite(asked) ? asked : 600, 3600)))]
}

/** The first audio of the offer, with the G.711 codecs (and DTMF) that it has; everything else is refused with port 0 (RFC 3264 §6). */
const mediaOf = (invite: SipRequest, port: number): readonly string[] => {
  const offer = invite.body.latin1Slice(0).split(/\r?\n/)
  const media = offer.filter((one) => one.startsWith('m='))
  if (media.length === 0) return [`m=audio ${port} RTP/AVP 0 8`, 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=sendrecv']
  let taken = false
  return media.flatMap((one) => {
    const [kind, , protocol, ...formats] = one.slice(2).split(' ')
    if (taken || kind !== 'audio') return [`m=${kind} 0 ${protocol} ${formats.join(' ')}`]
    taken = true
    const events = offer.find((attribute) => /^a=rtpmap:\d+ telephone-event\/8000/i.test(attribute))
    const event = events === undefined ? undefined : /^a=rtpmap:(\d+)/.exec(events)?.[1]
    const chosen = formats.filter((format) => format === '0' || format === '8')
    const list = [...(chosen.length > 0 ? chosen : formats.slice(0, 1)), ...(event === undefined ? [] : [event])]
    const maps = offer.filter((attribute) => list.some((format) => attribute.startsWith(`a=rtpmap:${format} `)))
    return [`m=audio ${port} ${protocol} ${list.join(' ')}`, ...maps, 'a=sendrecv']
  })
}
