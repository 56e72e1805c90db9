import { expect, test } from 'vitest'
import { reportingOf } from '../../../src/media/reports.ts'

const stream = (flags: readonly string[], packets: number, last: number) => ({ flags, 'last packet': last, stats: { packets } })
const reply = (...streams: readonly object[]) => ({ result: 'ok', 'last signal': 100, tags: { a: { medias: [{ streams }] } } })
const RTP = stream(['RTP', 'filled', 'confirmed'], 500, 108)

test.each([
  ['its RTCP port has heard something since the last answer', reply(RTP, stream(['RTCP', 'filled'], 2, 105)), 'sends'],
  ['it has heard nothing: the time is that of the answer', reply(RTP, stream(['RTCP', 'filled'], 0, 100)), 'silent'],
  ['what it heard was before', reply(RTP, stream(['RTCP', 'filled'], 9, 100)), 'silent'],
  ['RTP and RTCP have one port', reply(stream(['RTP', 'RTCP', 'filled'], 500, 108)), 'muxed'],
  ['one of several does', reply(RTP, stream(['RTCP'], 0, 100), RTP, stream(['RTCP'], 1, 104)), 'sends'],
  ['there is no RTCP port', reply(RTP), undefined],
] as const)('T §4.1: who sends RTCP: %s', (_what, said, expected) => {
  expect(reportingOf(said, 'a')).toBe(expected)
})

test('what is no statistics says nothing', () => {
  expect(reportingOf(reply(RTP, stream(['RTCP'], 0, 100)), 'b1')).toBeUndefined()
  for (const strange of [
    {},
    { tags: 7 },
    { 'last signal': 'x', tags: { a: { medias: {} } } },
    { 'last signal': 1, tags: { a: { medias: [{ streams: [null, 3] }] } } },
  ])
    expect(reportingOf({ result: 'ok', ...strange }, 'a')).toBeUndefined()
})
