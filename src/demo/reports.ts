/** RTCP of the demonstration PBX: sender reports with a name (RFC 3550 §6), which some want to see all the time (Teams, on hold too). */
import type { Socket } from 'node:dgram'

/** §6.2: no more often. */
const INTERVAL_MS = 5000
/** From 1900 to 1970, seconds. */
const NTP_EPOCH = 2_208_988_800
const CNAME = Buffer.from('echo@edgeways', 'latin1')

/** What a stream of ours has sent so far. */
export interface Sent {
  readonly ssrc: number
  readonly time: number
  readonly packets: number
  readonly bytes: number
}

/** SR and SDES in one packet (§6.1, §6.4.1, §6.5). @param now ms since 1970 */
export const senderReport = ({ ssrc, time, packets, bytes }: Sent, now: number): Buffer => {
  const report = Buffer.alloc(28)
  report.writeUInt32BE(0x80c80006, 0)
  report.writeUInt32BE(ssrc, 4)
  report.writeUInt32BE((Math.floor(now / 1000) + NTP_EPOCH) >>> 0, 8)
  report.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 2 ** 32), 12)
  report.writeUInt32BE(time >>> 0, 16)
  report.writeUInt32BE(packets >>> 0, 20)
  report.writeUInt32BE(bytes >>> 0, 24)
  // Item CNAME, and at least one zero byte up to the next word
  const words = Math.ceil((4 + 2 + CNAME.length + 1) / 4)
  const name = Buffer.alloc(4 + words * 4)
  name.writeUInt32BE(0x81ca0000 + words, 0)
  name.writeUInt32BE(ssrc, 4)
  name[8] = 1
  name[9] = CNAME.length
  CNAME.copy(name, 10)
  return Buffer.concat([report, name])
}

/** Sends a report every few seconds, from the first call on. */
export class Reports {
  readonly port: number
  readonly #socket: Socket
  readonly #sent: () => Sent
  #timer: NodeJS.Timeout | undefined

  /** @param socket bound, and ours from now on */
  constructor(socket: Socket, sent: () => Sent) {
    this.#socket = socket
    this.#sent = sent
    this.port = socket.address().port
  }

  /** To this address and port from now on. */
  tell(address: string, port: number): void {
    clearInterval(this.#timer)
    // RFC 2543's way to hold names nobody
    if (address === '0.0.0.0') return
    const send = (): void => this.#socket.send(senderReport(this.#sent(), Date.now()), port, address)
    send()
    this.#timer = setInterval(send, INTERVAL_MS)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.close()
  }
}
