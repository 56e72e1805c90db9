/**
 * A media endpoint on loopback with real sockets: sends a tone in real time, plain or with SRTP (keys by SDES), and judges what it
 * receives by its content. Owes nothing to the program under test.
 */
import { randomBytes } from 'node:crypto'
import type { RemoteInfo } from 'node:dgram'
import { createDigitReader, type ReceivedDigit } from './dtmf.ts'
import { createEar } from './ear.ts'
import { createIceAgent, type IceAgent, isStun } from './ice.ts'
import { openMirror, type VideoCodec } from './mirror.ts'
import { type Agreement, createNegotiation, type NegotiationOptions } from './negotiation.ts'
import { bindPair, type PortPair } from './port-pair.ts'
import { createReception, type Reception, type Report, readReports, roundTripOf, writeReport } from './rtcp.ts'
import { isRtcp, type RtpPacket, readRtp, writeRtp } from './rtp.ts'
import type { Direction } from './sdp.ts'
import { createSrtpReceiver, createSrtpSender, type SrtpContext } from './srtp.ts'
import { AUDIO_CODECS, createVoice, FRAME_MS, SAMPLE_RATE } from './voice.ts'
import { createWatch, quietFor } from './watch.ts'

export interface MediaEndpointOptions extends Partial<Omit<NegotiationOptions, 'address' | 'video' | 'offersVideo' | 'iceLines'>> {
  /** Bound, and the source of all that it sends. */
  readonly address: string
  /** In its SDP, where that is not `address` (behind a NAT). */
  readonly advertised?: string
  /** The tone that it sends; without: frames of silence. */
  readonly hz?: number
  /** It has video, too: a mirror. */
  readonly mirror?: VideoCodec
  /** false: it has video for who offers some, and offers none itself; default true. */
  readonly mirrorOffers?: boolean
  /** Between its RTCP reports; default 1000; 0: it never sends any. */
  readonly reportMs?: number
  /** Sequence number of its first packet; default a random one. Shortly before 65 535 it rolls over soon, and SRTP has to count that (RFC 3711 §3.3.1). */
  readonly firstSequence?: number
  /** It has ICE: a full agent that controls, with one candidate. It sends nothing before its checks have succeeded. To be used with `rtcpMux`. */
  readonly ice?: boolean
  /** For the texts of failures; default its address and port. */
  readonly name?: string
  /** It says nothing of its own, and gives back what it hears. */
  readonly echo?: boolean
  /** Sees each datagram first; true: it was for it, and is neither RTP nor RTCP. */
  readonly others?: (bytes: Buffer, from: RemoteInfo) => boolean
}

/** All that an endpoint saw so far. */
export interface Heard {
  /** RTP, authentic where it is SRTP. */
  readonly packets: number
  /** By sequence numbers, of all SSRCs. */
  readonly lost: number
  readonly payloadTypes: readonly number[]
  readonly ssrcs: readonly number[]
  /** `address:port` of RTP. */
  readonly sources: readonly string[]
  readonly digits: readonly ReceivedDigit[]
  /** SRTP or SRTCP packets that did not pass the check, or came before the key was known. */
  readonly unauthenticated: number
  /** What should not have come: no RTP, a payload type that its SDP does not name. */
  readonly unexpected: readonly string[]
  readonly reports: readonly Report[]
  /** ms, of the last report about it. */
  readonly roundTrip: number | undefined
  /** RTCP packets, authentic where it is SRTCP. */
  readonly rtcpPackets: number
  /** How often the sequence numbers of what came have begun anew, of the SSRC where that was most often. */
  readonly rollOvers: number
}

/** RTCP since a watch began. */
export interface RtcpSeen {
  readonly packets: number
  /** ms without any, also of the gap that is still open. */
  readonly longestGap: number
}

export interface MediaEndpoint {
  readonly address: string
  /** Of RTP; RTCP is one above. */
  readonly port: () => number
  readonly ssrc: number
  /** Packets sent. */
  readonly sent: () => number
  readonly agreement: () => Agreement | undefined
  /** RTP packets that its mirror got. */
  readonly videoPackets: () => number
  /** SDP to offer; the direction holds for later ones too until another is given. */
  offer(direction?: Direction): string
  /** SDP that answers an offer; it holds from now on. @throws Error when the offer does not fit */
  answer(sdp: string, direction?: Direction): string
  /** An answer to `offer`; it holds from now on. @throws Error when it does not fit */
  accept(sdp: string): void
  /** The offer was refused. */
  refused(): void
  /** Its ICE; undefined: it has none. */
  readonly ice: IceAgent | undefined
  /** Another tone; undefined: silence. */
  say(hz: number | undefined): void
  /**
   * Suppresses silence until it says something, as Teams does: sends reports but no sound, and with `noise`, where the other side takes it, comfort
   * noise (RFC 3389).
   */
  hush(noise?: boolean): void
  /** Sends nothing any more, neither sound nor reports, and tells nobody: as if its cable was out. */
  unplug(): void
  /** RFC 4733; resolves when the last packet is sent. */
  sendDigits(digits: string): Promise<void>
  /** A datagram from its RTP port, as it is. */
  sendOther(bytes: Buffer, port: number, address: string): void
  /** Resolves when 200 ms of what comes from now on are this tone and none of `absent`; rejects (default: 5 s) and says what was heard. */
  hears(hz: number, ms?: number, absent?: readonly number[]): Promise<void>
  /** Resolves when for `ms` from now on nothing audible came, or nothing at all; rejects after `limit` (default: `ms` and 5 s). */
  hearsSilenceFor(ms: number, limit?: number): Promise<void>
  /** Resolves when for `ms` from now on no RTP packet came; rejects after `limit` (default: `ms` and 5 s). */
  receivesNothingWithin(ms: number, limit?: number): Promise<void>
  /** Resolves when all digits so far are these, each ended; rejects (default: 5 s) and says what came. */
  receivesDigits(digits: string, ms?: number): Promise<readonly ReceivedDigit[]>
  /** Resolves when this is true of what was heard, now or after some packet. */
  receives(wanted: (heard: Heard) => boolean, what: string, ms?: number): Promise<Heard>
  readonly heard: () => Heard
  /** From now on looks at the gaps between the RTCP packets that come; what it returns says what was seen so far. */
  watchRtcp(): () => RtcpSeen
  /** The sound of the last 5 s, 8000 samples a second. */
  readonly samples: () => Int16Array
  /** Moves to another pair of ports; its next SDP names it. */
  move(): Promise<void>
  close(): Promise<void>
}

const PATIENCE = 5000
/** RFC 4568 §6.1: `|2^31|1:4` promises four octets with the number 1 in each packet. */
const mkiOf = (parameters: string): Buffer => {
  const [, value = '0', length = '0'] = /\|(\d+):(\d+)$/.exec(parameters) ?? []
  const bytes = Buffer.alloc(Number(length))
  if (bytes.length > 0) bytes.writeUIntBE(Number(value), 0, bytes.length)
  return bytes
}
const KEPT = 20
/** ms since 1970, finer than Date.now: round trips on loopback are short. */
const wallClock = (): number => performance.timeOrigin + performance.now()

/** Opens its sockets; sends as soon as an offer is answered, in real time. Whoever opens it closes it. */
export const openMediaEndpoint = async (options: MediaEndpointOptions): Promise<MediaEndpoint> => {
  const ownKey = randomBytes(30)
  const sequence = options.firstSequence ?? randomBytes(2).readUInt16BE()
  const seed = { ssrc: randomBytes(4).readUInt32BE(), sequence, timestamp: randomBytes(4).readUInt32BE() }
  const voice = createVoice(options.hz, seed)
  const mirror = options.mirror === undefined ? undefined : await openMirror(options.address, options.mirror)
  const ice = options.ice === true ? createIceAgent((bytes, port, address) => pair.rtp(bytes, port, address)) : undefined
  const negotiation = createNegotiation(
    {
      profile: 'plain',
      codecs: ['PCMU', 'PCMA', 'telephone-event'],
      payloadTypes: {},
      ownNumbersInAnswers: false,
      rtcpMux: false,
      cryptoTag: 1,
      cryptoParameters: '',
      moreLines: [],
      moreSections: [],
      ...options,
      video: mirror,
      offersVideo: options.mirrorOffers ?? true,
      iceLines: ice === undefined ? undefined : (port) => ice.lines(options.advertised ?? options.address, port),
      address: options.advertised ?? options.address,
    },
    randomBytes(4).readUInt32BE(),
    ownKey,
  )
  const secure = options.profile === 'sdes'
  const outgoing = secure ? createSrtpSender(ownKey, mkiOf(options.cryptoParameters ?? '')) : undefined
  let incoming: { readonly key: Buffer; readonly context: SrtpContext } | undefined
  const digits = createDigitReader()
  const receptions = new Map<number, Reception>()
  const payloadTypes = new Set<number>()
  const sources = new Set<string>()
  const unexpected: string[] = []
  const reports: Report[] = []
  const watch = createWatch()
  let [packets, unauthenticated, lastPacket] = [0, 0, Number.NEGATIVE_INFINITY]
  let roundTrip: number | undefined
  let rtcpPackets = 0
  const rtcpWatches = new Set<(now: number) => void>()
  let pair: PortPair

  const heard = (): Heard => ({
    packets,
    lost: [...receptions.values()].reduce((sum, reception) => sum + reception.lost(), 0),
    payloadTypes: [...payloadTypes],
    ssrcs: [...receptions.keys()],
    sources: [...sources],
    digits: digits.digits(),
    unauthenticated,
    unexpected: [...unexpected],
    reports: [...reports],
    roundTrip,
    rtcpPackets,
    rollOvers: Math.max(0, ...[...receptions.values()].map((reception) => reception.rollOvers())),
  })
  const name = (): string => options.name ?? `${options.address}:${pair.port}`
  const words = (): string => {
    const agreed = negotiation.agreement()
    const toward =
      agreed === undefined ? 'nothing agreed' : `${agreed.sends ? 'sending to' : 'not sending to'} ${agreed.address}:${agreed.port}`
    return `${packets} packets of types ${[...payloadTypes].join(' ')} from ${[...sources].join(' ')}, ${unauthenticated} not authentic, ${unexpected.length} unexpected (${unexpected[0] ?? ''}), ${voice.packets()} sent, ${toward}`
  }
  const ear = createEar(name, words)

  const surprise = (what: string): void => {
    if (unexpected.length < KEPT) unexpected.push(what)
  }
  const takeRtp = (packet: RtpPacket, from: RemoteInfo): void => {
    packets++
    lastPacket = performance.now()
    payloadTypes.add(packet.payloadType)
    sources.add(`${from.address}:${from.port}`)
    const codec = negotiation.codecOf(packet.payloadType)
    const back = negotiation.agreement()
    if (options.echo === true && back?.sends === true && !unplugged) {
      const bytes = writeRtp({ ...packet, ssrc: voice.ssrc })
      pair.rtp(outgoing?.rtp(bytes) ?? bytes, back.port, back.address)
    }
    const reception = receptions.get(packet.ssrc) ?? createReception(packet, SAMPLE_RATE)
    receptions.set(packet.ssrc, reception)
    reception.packet(packet, wallClock())
    if (codec === undefined) surprise(`payload type ${packet.payloadType} is not in its SDP`)
    else if (codec.name === 'TELEPHONE-EVENT') digits.take(packet)
    else if (AUDIO_CODECS[codec.name] !== undefined)
      ear.take(packet.ssrc, packet.sequence, AUDIO_CODECS[codec.name]!.decode(packet.payload))
  }
  const takeReport = (report: Report, now: number): void => {
    reports.push(report)
    if (reports.length > KEPT) reports.shift()
    if (report.sender !== undefined) receptions.get(report.ssrc)?.senderReport(report.sender, now)
    const about = report.blocks.find(({ ssrc }) => ssrc === voice.ssrc)
    if (about !== undefined) roundTrip = roundTripOf(about, now) ?? roundTrip
  }
  /** The packet in clear, or undefined when it was not authentic. */
  const opened = (bytes: Buffer, kind: 'rtp' | 'rtcp'): Buffer | undefined => {
    if (!secure) return bytes
    try {
      if (incoming !== undefined) return incoming.context[kind](bytes)
    } catch {
      // counted below: what a wrong packet looks like is the sender's affair
    }
    unauthenticated++
    return undefined
  }
  const received = (bytes: Buffer, from: RemoteInfo, toRtcpPort: boolean): void => {
    if (options.others?.(bytes, from) === true) return
    if (ice !== undefined && isStun(bytes)) {
      ice.take(bytes, from)
      watch.happened()
      return
    }
    const rtcp = toRtcpPort || isRtcp(bytes)
    const clear = opened(bytes, rtcp ? 'rtcp' : 'rtp')
    try {
      if (clear === undefined) return
      if (rtcp) {
        rtcpPackets++
        for (const watching of rtcpWatches) watching(performance.now())
        for (const report of readReports(clear)) takeReport(report, wallClock())
      } else takeRtp(readRtp(clear), from)
    } catch (error) {
      surprise((error as Error).message)
    } finally {
      watch.happened()
    }
  }
  pair = await bindPair(options.address, received)

  let unplugged = false
  /** Where media goes. */
  const toward = (): Agreement | undefined => {
    const agreed = negotiation.agreement()
    if (ice === undefined || agreed === undefined) return agreed
    const found = ice.selected()
    return found && { ...agreed, ...found, rtcpPort: agreed.rtcpPort - agreed.port + found.port }
  }
  const speak = (): void => {
    const agreed = toward()
    if (agreed?.sends !== true || unplugged || options.echo === true) {
      voice.skip()
      return
    }
    for (const packet of voice.next(agreed.codecs)) {
      const bytes = writeRtp(packet)
      pair.rtp(outgoing?.rtp(bytes) ?? bytes, agreed.port, agreed.address)
    }
  }
  const report = (): void => {
    const agreed = toward()
    if (agreed === undefined || agreed.address === '0.0.0.0' || unplugged) return
    const now = wallClock()
    const sender = agreed.sends
      ? { time: now, rtpTimestamp: voice.timestamp(), packets: voice.packets(), octets: voice.octets() }
      : undefined
    const blocks = [...receptions.values()].slice(-3).map((reception) => reception.block(now))
    const bytes = writeReport({ ssrc: voice.ssrc, sender, blocks }, `endpoint@${options.address}`)
    const through = agreed.rtcpPort === agreed.port ? pair.rtp : pair.rtcp
    through(outgoing?.rtcp(bytes) ?? bytes, agreed.rtcpPort, agreed.address)
  }

  // Frames are due by the clock: a late timer sends what it owes at once, so the tone has no holes
  let due = performance.now()
  let frames: NodeJS.Timeout
  const tick = (): void => {
    const now = performance.now()
    for (; due <= now; due += FRAME_MS) speak()
    frames = setTimeout(tick, due - now)
  }
  tick()
  const reportMs = options.reportMs ?? 1000
  const reporting = reportMs === 0 ? undefined : setInterval(report, reportMs)

  /** Keys follow what is agreed; the count of roll-overs stays while the key does. */
  const agreedAnew = (): void => {
    const key = negotiation.agreement()?.key
    if (key !== undefined && incoming?.key.equals(key) !== true) incoming = { key, context: createSrtpReceiver(key) }
  }
  const receives = (wanted: (heard: Heard) => boolean, what: string, ms = PATIENCE): Promise<Heard> =>
    watch.until(
      () => {
        const now = heard()
        return wanted(now) ? now : undefined
      },
      () => `${name()}: no ${what} within ${ms} ms; ${words()}`,
      ms,
    )
  const inWords = (list: readonly ReceivedDigit[]): string => list.map(({ digit, ended }) => (ended ? digit : `(${digit})`)).join('')
  return {
    address: options.address,
    port: () => pair.port,
    ssrc: voice.ssrc,
    sent: voice.packets,
    agreement: negotiation.agreement,
    videoPackets: () => mirror?.packets() ?? 0,
    offer: (direction) => negotiation.offer(pair.port, direction),
    answer: (sdp, direction) => {
      const made = negotiation.answer(sdp, pair.port, direction)
      agreedAnew()
      ice?.heard(sdp)
      return made
    },
    accept: (sdp) => {
      negotiation.accept(sdp)
      agreedAnew()
      ice?.heard(sdp)
    },
    refused: negotiation.refused,
    ice,
    say: voice.say,
    hush: (noise = false) => voice.hush(noise),
    unplug: () => {
      unplugged = true
    },
    sendDigits: voice.digits,
    sendOther: (bytes, to, host) => pair.rtp(bytes, to, host),
    hears: (hz, ms = PATIENCE, absent = []) => ear.hears(hz, ms, absent),
    hearsSilenceFor: (ms, limit = ms + PATIENCE) => ear.silence(ms, limit),
    receivesNothingWithin: (ms, limit = ms + PATIENCE) =>
      quietFor(
        () => lastPacket,
        ms,
        () => `${name()}: no ${ms} ms without a packet within ${limit} ms; ${words()}`,
        limit,
      ),
    receivesDigits: (text, ms = PATIENCE) =>
      watch.until(
        () => {
          const got = digits.digits()
          return got.length >= text.length && got.every(({ ended }) => ended) && inWords(got) === text ? got : undefined
        },
        () => `${name()}: no digits ${text} within ${ms} ms but ${inWords(digits.digits()) || 'none'}; ${words()}`,
        ms,
      ),
    receives,
    heard,
    watchRtcp: () => {
      let [count, last, longest] = [0, performance.now(), 0]
      rtcpWatches.add((now) => {
        count++
        longest = Math.max(longest, now - last)
        last = now
      })
      return () => ({ packets: count, longestGap: Math.max(longest, performance.now() - last) })
    },
    samples: ear.samples,
    move: async () => {
      const before = pair
      pair = await bindPair(options.address, received)
      await before.close()
    },
    close: async () => {
      clearTimeout(frames)
      clearInterval(reporting)
      ice?.close()
      await Promise.all([pair.close(), mirror?.close()])
    },
  }
}
