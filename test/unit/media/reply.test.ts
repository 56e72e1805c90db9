import { expect, test } from 'vitest'
import { readReply } from '../../../src/media/reply.ts'

test.each([
  ['an SDP', { result: 'ok', sdp: 'v=0' }, { kind: 'sdp', sdp: 'v=0', warning: undefined }],
  ['a warning', { result: 'ok', sdp: 'v=0', warning: 'w' }, { kind: 'sdp', sdp: 'v=0', warning: 'w' }],
  ['ok without an SDP', { result: 'ok' }, { kind: 'unreadable', reason: 'rtpengine returned no SDP' }],
  ['a call it does not know', { result: 'error', 'error-reason': 'Unknown call-id' }, { kind: 'unknown-call' }],
  ['the other spelling', { result: 'error', 'error-reason': 'Unknown call-ID' }, { kind: 'unknown-call' }],
  [
    'an SDP it cannot parse',
    { result: 'error', 'error-reason': 'Failed to parse SDP' },
    { kind: 'unreadable', reason: 'Failed to parse SDP' },
  ],
  [
    'an incomplete one',
    { result: 'error', 'error-reason': 'Incomplete SDP specification' },
    { kind: 'unreadable', reason: 'Incomplete SDP specification' },
  ],
  [
    'one it cannot write',
    { result: 'error', 'error-reason': 'Error rewriting SDP' },
    { kind: 'unreadable', reason: 'Error rewriting SDP' },
  ],
  ['no ports', { result: 'error', 'error-reason': 'Ran out of ports' }, { kind: 'full', reason: 'Ran out of ports' }],
  [
    'too many sessions',
    { result: 'error', 'error-reason': 'Parallel session limit reached' },
    { kind: 'full', reason: 'Parallel session limit reached' },
  ],
  ['the load limit', { result: 'load limit', message: 'CPU usage limit exceeded' }, { kind: 'full', reason: 'CPU usage limit exceeded' }],
  ['anything else', { result: 'error', 'error-reason': 'No' }, { kind: 'failed', reason: 'No' }],
  ['no reason', { result: 'error' }, { kind: 'failed', reason: 'result "error"' }],
  ['nothing', {}, { kind: 'failed', reason: 'result ""' }],
])('media §3: a reply with %s', (_what, reply, expected) => {
  expect(readReply(reply)).toEqual(expected)
})
