/** The sound of the demonstration PBX: a short tone, so that an echo of silence is no riddle, then everything that it hears, a moment later. */
import { createSocket, type Socket } from 'node:dgram'
import type { Ids } from '../base/ids.ts'
import { Reports } from './reports.ts'

/** Where the other side wants its sound, and how. */
export interface SoundTarget {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Payload type of PCMU (0) or PCMA (8); undefined: neither, so there is no tone. */
  readonly payload: 0 | 8 | undefined
  /** The other side wants to hear something: not while it holds. */
  readonly listens: boolean
}

const FRAME_MS = 20
/** Samples of a packet, at 8 kHz. */
const FRAME = 160
/** Two notes, of so many packets each. */
const NOTES_HZ = [523, 784]
const NOTE_FRAMES = 10
const AMPLITUDE = 6000
/** An echo that comes at once is taken for one's own voice in the earpiece. */
const ECHO_MS = 400
/** The first packet of the other side shows that the way is open; without any, the tone begins all the same. */
const WAIT_MS = 2000
const MOST_QUEUED = 100
const RTP_HEADER = 12

/** One call's RTP (RFC 3550), a stream of our own: sequence and time are ours, whoever's sound it is. */
export class EchoVoice {
  readonly port: number
  readonly #socket: Socket
  readonly #reports: Reports
  readonly #ssrc: number
  readonly #queue: { readonly at: number; readonly packet: Buffer }[] = []
  #target: SoundTarget | undefined
  #state: 'waiting' | 'greeting' | 'echo' = 'waiting'
  #sequence = 0
  #packets = 0
  #bytes = 0
  #time = 0
  #frame = 0
  #timer: NodeJS.Timeout | undefined
  #theirs: { readonly time: number; readonly ours: number; readonly ssrc: number } | undefined

  private constructor(socket: Socket, rtcp: Socket, ids: Ids) {
    this.#socket = socket
    this.port = socket.address().port
    this.#ssrc = Buffer.from(ids.token(4), 'latin1').readUInt32BE(0)
    this.#reports = new Reports(rtcp, () => ({ ssrc: this.#ssrc, time: this.#time, packets: this.#packets, bytes: this.#bytes }))
    socket.on('message', (packet) => this.#heard(packet))
  }

  /** @param failed the socket is of no use any more */
  static async open(address: string, ids: Ids, failed: () => void): Promise<EchoVoice> {
    const socket = await bound(address, failed)
    try {
      return new EchoVoice(socket, await bound(address, failed), ids)
    } catch (error) {
      socket.close()
      throw error
    }
  }

  /** RFC 3605: any port will do. */
  get rtcpPort(): number {
    return this.#reports.port
  }

  /** Of the last offer or answer; the tone comes with the first. */
  talk(target: SoundTarget): void {
    const known = this.#target
    this.#target = target
    if (known?.address !== target.address || known.rtcpPort !== target.rtcpPort) this.#reports.tell(target.address, target.rtcpPort)
    this.#timer ??= setTimeout(() => this.#greet(), WAIT_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#reports.close()
    this.#socket.close()
  }

  #heard(packet: Buffer): void {
    // RTCP (RFC 5761 §4) and what is no RTP at all
    if (this.#target === undefined || packet.length <= RTP_HEADER || packet[0]! >> 6 !== 2 || (packet[1]! >= 192 && packet[1]! <= 223))
      return
    if (this.#state === 'waiting') this.#greet()
    if (this.#state !== 'echo' || this.#queue.length >= MOST_QUEUED) return
    this.#queue.push({ at: performance.now() + ECHO_MS, packet: Buffer.from(packet) })
    if (this.#queue.length === 1) this.#timer = setTimeout(() => this.#returnDue(), ECHO_MS)
  }

  #greet(): void {
    if (this.#state !== 'waiting') return
    clearTimeout(this.#timer)
    this.#state = 'greeting'
    const payload = this.#target?.payload
    if (payload === undefined) {
      this.#state = 'echo'
      return
    }
    const began = performance.now()
    const next = (): void => {
      this.#send(this.#note(payload), payload, this.#frame === 0)
      this.#time = (this.#time + FRAME) >>> 0
      this.#frame++
      if (this.#frame === NOTES_HZ.length * NOTE_FRAMES) {
        this.#state = 'echo'
        return
      }
      this.#timer = setTimeout(next, Math.max(0, began + this.#frame * FRAME_MS - performance.now()))
    }
    next()
  }

  #note(payload: 0 | 8): Buffer {
    const hz = NOTES_HZ[Math.floor(this.#frame / NOTE_FRAMES)]!
    const inNote = this.#frame % NOTE_FRAMES
    const encode = payload === 0 ? muLaw : aLaw
    const bytes = Buffer.alloc(FRAME)
    for (let i = 0; i < FRAME; i++) {
      const at = inNote * FRAME + i
      const fade = Math.min(1, at / 160, (NOTE_FRAMES * FRAME - at) / 160)
      bytes[i] = encode(Math.round(Math.sin((2 * Math.PI * hz * at) / 8000) * AMPLITUDE * fade))
    }
    return bytes
  }

  #returnDue(): void {
    const now = performance.now()
    while (this.#queue.length > 0 && this.#queue[0]!.at <= now) this.#return(this.#queue.shift()!.packet)
    const [next] = this.#queue
    if (next !== undefined) this.#timer = setTimeout(() => this.#returnDue(), next.at - now)
  }

  /** Their time goes on in ours: several packets of one key press share theirs (RFC 4733 §2.1). */
  #return(packet: Buffer): void {
    const time = packet.readUInt32BE(4)
    const ssrc = packet.readUInt32BE(8)
    if (this.#theirs?.ssrc !== ssrc) this.#theirs = { time, ours: (this.#time + FRAME) >>> 0, ssrc }
    this.#time = (this.#theirs.ours + (time - this.#theirs.time)) >>> 0
    const size = RTP_HEADER + (packet[0]! & 0x0f) * 4
    if ((packet[0]! & 0x10) === 0 && size < packet.length) this.#send(packet.subarray(size), packet[1]! & 0x7f, (packet[1]! & 0x80) !== 0)
  }

  #send(sound: Buffer, payload: number, marker: boolean): void {
    const target = this.#target
    if (target === undefined || !target.listens) return
    const header = Buffer.alloc(RTP_HEADER)
    header[0] = 0x80
    header[1] = payload | (marker ? 0x80 : 0)
    header.writeUInt16BE(this.#sequence, 2)
    header.writeUInt32BE(this.#time, 4)
    header.writeUInt32BE(this.#ssrc, 8)
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#packets++
    this.#bytes += sound.length
    this.#socket.send([header, sound], target.port, target.address)
  }
}

const bound = (address: string, failed: () => void): Promise<Socket> => {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address, port: 0 }, () => {
      socket.off('error', reject)
      socket.on('error', failed)
      resolve(socket)
    })
  })
}

/** ITU-T G.711: sign, segment and step of a sample from -32768 to 32767; all bits turned over. */
const muLaw = (sample: number): number => {
  const sign = sample < 0 ? 0x80 : 0
  const level = Math.min(Math.abs(sample), 32_635) + 132
  const segment = Math.floor(Math.log2(level)) - 7
  return ~(sign | (segment << 4) | ((level >> (segment + 3)) & 0x0f)) & 0xff
}

/** The same with steps that are equal in the lowest segment; every other bit turned over. */
const aLaw = (sample: number): number => {
  const sign = sample < 0 ? 0 : 0x80
  const level = Math.min(Math.abs(sample), 32_767) >> 4
  const segment = level < 16 ? 0 : Math.floor(Math.log2(level)) - 3
  const step = segment < 2 ? level & 0x0f : (level >> (segment - 1)) & 0x0f
  return (sign | (segment << 4) | step) ^ 0x55
}
