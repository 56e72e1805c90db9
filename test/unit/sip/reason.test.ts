import { expect, test } from 'vitest'
import type { SipMessage } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'
import { reasonText } from '../../../src/sip/reason.ts'

const answer = (lines: string): SipMessage =>
  parse(Buffer.from(`SIP/2.0 403 Forbidden\r\n${lines}Content-Length: 0\r\n\r\n`, 'latin1'), {
    startLine: 1000,
    headers: 100,
    head: 10_000,
    body: 1000,
  }) as SipMessage

test.each([
  ['REASON: Q.850;cause=63;text="5c0f;No trunk config was found"\r\n', '5c0f;No trunk config was found'],
  ['Reason: SIP ; cause=200 ; text="a \\"word\\""\r\n', 'a "word"'],
  ['Reason: Q.850;cause=16;text=plain\r\n', 'plain'],
  ['Reason: Q.850;cause=16;text="open\r\n', 'open'],
  ['Reason: Q.850;cause=16\r\n', undefined],
  ['Reason: Q.850\r\n', undefined],
  ['', undefined],
])('RFC 3326 §2: the text of %j', (lines, text) => {
  expect(reasonText(answer(lines))).toBe(text)
})
