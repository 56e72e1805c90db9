/** Digits as telephone-events (RFC 4733 §2.3). */
import type { RtpPacket } from './rtp.ts'

const EVENTS = '0123456789*#ABCD'

export interface TelephoneEvent {
  readonly digit: string
  readonly end: boolean
  /** -dBm0. */
  readonly volume: number
  /** In units of the RTP timestamp. */
  readonly duration: number
}

/** @throws Error when the digit has no event */
export const writeEvent = ({ digit, end, volume, duration }: TelephoneEvent): Buffer => {
  const event = EVENTS.indexOf(digit)
  if (digit.length !== 1 || event < 0) throw new Error(`no telephone-event for ${JSON.stringify(digit)}`)
  return Buffer.from([event, (end ? 0x80 : 0) | volume, duration >> 8, duration & 0xff])
}

/** @throws Error when it is none, or none of a digit */
export const readEvent = (payload: Buffer): TelephoneEvent => {
  const digit = EVENTS[payload[0] ?? 255]
  if (payload.length !== 4 || digit === undefined) throw new Error(`no telephone-event of a digit: ${payload.toString('hex')}`)
  return { digit, end: payload[1]! >= 0x80, volume: payload[1]! & 0x3f, duration: payload.readUInt16BE(2) }
}

export interface ReceivedDigit {
  readonly digit: string
  /** The longest that was told of it, in units of the RTP timestamp. */
  readonly duration: number
  /** A packet with the E bit came. */
  readonly ended: boolean
  readonly payloadType: number
  /** Of the packets; it is the same in all of one event (§2.5.1). */
  readonly timestamp: number
  readonly packets: number
}

/** Puts packets of events together: all with one SSRC and timestamp are one digit. */
export const createDigitReader = (): { readonly digits: () => readonly ReceivedDigit[]; take(packet: RtpPacket): void } => {
  const events = new Map<string, ReceivedDigit>()
  return {
    digits: () => [...events.values()],
    take: ({ ssrc, timestamp, payloadType, payload }) => {
      const event = readEvent(payload)
      const key = `${ssrc} ${timestamp}`
      const known = events.get(key)
      if (known !== undefined && known.digit !== event.digit) throw new Error(`${known.digit} and ${event.digit} have one timestamp`)
      events.set(key, {
        digit: event.digit,
        duration: Math.max(event.duration, known?.duration ?? 0),
        ended: event.end || (known?.ended ?? false),
        payloadType,
        timestamp,
        packets: (known?.packets ?? 0) + 1,
      })
    },
  }
}
