/** Who sends RTCP, by what rtpengine counts. */
import type { NgReply } from '../rtpengine/types.ts'

/**
 * `muxed`: on one port with RTP (RFC 5761), where rtpengine counts both as one.
 */
export type Reporting = 'sends' | 'silent' | 'muxed'

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, MOST) : [])
const MOST = 16

/**
 * Has that leg sent RTCP since the last offer or answer of its call?
 * @param reply to `query` @param tag of the leg in rtpengine
 * @returns undefined: the reply does not say
 */
export const reportingOf = (reply: NgReply, tag: string): Reporting | undefined => {
  const agreed = reply['last signal']
  const streams = listOf(fieldsOf(fieldsOf(reply.tags)[tag]).medias).flatMap((media) => listOf(fieldsOf(media).streams).map(fieldsOf))
  const reports = streams.filter(({ flags }) => listOf(flags).includes('RTCP'))
  if (typeof agreed !== 'number' || reports.length === 0) return undefined
  // One that was told its address just now looks as if it had sent something
  const heard = reports.some((stream) => Number(fieldsOf(stream.stats).packets) > 0 && Number(stream['last packet']) > agreed)
  if (reports.every(({ flags }) => listOf(flags).includes('RTP'))) return 'muxed'
  return heard ? 'sends' : 'silent'
}
