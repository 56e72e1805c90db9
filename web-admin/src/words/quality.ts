/** The media quality of a call in words and grades. */
import type { CallLegView, CallQuality, LegQuality } from '../api/types.ts'
import { percentText } from './numbers.ts'
import type { Level } from './status.ts'

/** Grades as usual for mean opinion scores (ITU-T G.107, annex B). */
export const mosText = (mos: number): string =>
  mos >= 4.3 ? 'excellent' : mos >= 4 ? 'good' : mos >= 3.6 ? 'fair' : mos >= 3.1 ? 'poor' : 'bad'

export const mosLevel = (mos: number): Level => (mos >= 3.6 ? 'ok' : mos >= 3.1 ? 'warn' : 'error')

export interface Verdict {
  readonly level: Level
  readonly text: string
}

/** Of the call as a whole: the worst that somebody heard. */
export const verdictOfQuality = (quality: CallQuality | undefined): Verdict => {
  if (quality === undefined) return { level: 'off', text: 'Not known' }
  if (quality.noMedia) return { level: 'error', text: 'No media' }
  if (quality.oneWay) return { level: 'error', text: 'One way' }
  const scores = quality.legs.flatMap(({ mos }) => (mos === undefined ? [] : [mos]))
  if (scores.length > 0) {
    const mos = Math.min(...scores)
    return { level: mosLevel(mos), text: `${mos.toFixed(1)} ${mosText(mos)}` }
  }
  const loss = Math.max(-1, ...quality.legs.map(({ lossPercent = -1 }) => lossPercent))
  if (loss >= 0) return { level: loss < 1 ? 'ok' : loss < 5 ? 'warn' : 'error', text: `${percentText(loss)} lost` }
  return { level: 'off', text: 'No reports' }
}

/** What stands out about one side, in sentences. */
export const remarksOf = (leg: LegQuality): readonly Verdict[] => [
  ...(leg.silent && !leg.muted ? [{ level: 'error' as const, text: 'Sent no media' }] : []),
  ...(leg.muted ? [{ level: 'off' as const, text: 'Had nothing to send: on hold, or listening only' }] : []),
  ...(leg.nat ? [{ level: 'off' as const, text: 'Behind a NAT' }] : []),
  ...(leg.errors > 0 ? [{ level: 'warn' as const, text: `${leg.errors} packets did not decrypt or came from elsewhere` }] : []),
]

/** What a side speaks in media. */
export const KINDS: Readonly<Record<CallLegView['kind'], string>> = {
  plain: 'RTP',
  sdes: 'SRTP',
  teams: 'Teams',
  'teams-bypass': 'Teams bypass',
  webrtc: 'WebRTC',
}

/** How a call ended, and who ended it. */
export const howText = (how: string, by: string | undefined): string => {
  if (how === 'media-timeout') return 'no media any more'
  if (how === 'connection-lost') return by === undefined ? 'a connection was lost' : `the connection of the ${by} was lost`
  if (how === 'bye') return by === undefined ? 'hung up' : `the ${by} hung up`
  return how
}
