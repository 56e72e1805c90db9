import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../src/base/errors.ts'
import { sdpOf, withoutSdp } from '../../../src/sip/body.ts'
import { headerValue, type SipMessage, serialise } from '../../../src/sip/message.ts'
import { bytesOf, messageText, parsed, parsedResponse } from '../../support/messages.ts'

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=caf\xe9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
const OTHER =
  'v=0\r\ns=other, and longer by far than the one before \xff\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0 8 101\r\nm=video 0 RTP/AVP 96\r\na=inactive\r\n'
const HEAD = ['Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa', 'x-odd\t:  kept \xff ']

const invite = (body: string, ...headers: readonly string[]): SipMessage =>
  parsed(messageText('INVITE sip:bob@example.com SIP/2.0', [...HEAD, ...headers, `l: ${bytesOf(body).length}`], body))
const written = (message: SipMessage): string => serialise(message).latin1Slice()
const bodyOf = (message: SipMessage): string => message.body.latin1Slice()

/** The message with another body, as it has to be: all else as it was. */
const expected = (message: SipMessage, body: string): string =>
  written(message)
    .replace(/l: \d+\r\n\r\n[\s\S]*$/, `Content-Length: ${body.length}\r\n\r\n`)
    .concat(body)

/** A multipart body of parts, given as their lines. */
const multipart = (boundary: string, ...parts: readonly string[]): string =>
  `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`
const part = (type: string, content: string, ...headers: readonly string[]): string =>
  `${[`Content-Type: ${type}`, ...headers].join('\r\n')}\r\n\r\n${content}`

describe('the whole body', () => {
  test.each([['application/sdp'], ['Application/SDP'], ['application/sdp;charset=utf-8'], ['application/sdp ; x="a;b"']])(
    'Content-Type %s',
    (type) => {
      const message = invite(SDP, `Content-Type: ${type}`)
      const found = sdpOf(message)!
      expect(found.sdp).toBe(SDP)
      expect(written(found.replace(OTHER))).toBe(expected(message, OTHER))
      expect(found.replace(SDP)).toBe(message)
    },
  )

  test('§7.3.3: the compact form, in a response', () => {
    const message = parsedResponse(messageText('SIP/2.0 200 OK', [...HEAD, 'c: application/sdp', `Content-Length: ${SDP.length}`], SDP))
    const replaced = sdpOf(message)!.replace('v=0\r\n')
    expect(replaced.kind).toBe('response')
    expect(replaced.status).toBe(200)
    expect(written(replaced)).toBe(written(message).replace(SDP, 'v=0\r\n').replace(`Content-Length: ${SDP.length}`, 'Content-Length: 5'))
  })

  test('§20.15: a message without Content-Type has SDP when it begins as one', () => {
    const message = invite(SDP)
    expect(sdpOf(message)?.sdp).toBe(SDP)
    expect(written(sdpOf(message)!.replace(OTHER))).toBe(expected(message, OTHER))
    expect(sdpOf(invite('Signal=5\r\n'))).toBeUndefined()
    expect(sdpOf(invite('v='))).toBeUndefined()
  })

  test.each([
    ['another type', ['Content-Type: application/dtmf-relay']],
    ['a type that begins so', ['Content-Type: application/sdpng']],
    ['RFC 3959 §3: early media', ['Content-Type: application/sdp', 'Content-Disposition: early-session']],
    ['§20.11: something to show', ['Content-Type: application/sdp', 'Content-Disposition: render;handling=optional']],
    ['a disposition, without a type', ['Content-Disposition: early-session']],
    ['§20.12: compressed', ['Content-Type: application/sdp', 'Content-Encoding: gzip']],
    ['compressed, without a type', ['e: gzip']],
    ['encoded', ['Content-Type: application/sdp', 'Content-Transfer-Encoding: base64']],
    ['a signed one (RFC 5652)', ['Content-Type: multipart/signed;boundary=b']],
    ['no boundary', ['Content-Type: multipart/mixed']],
    ['an empty boundary', ['Content-Type: multipart/mixed;boundary=""']],
    ['a boundary of 300 characters', [`Content-Type: multipart/mixed;boundary=${'b'.repeat(300)}`]],
    ['an empty type', ['Content-Type:']],
  ])('no SDP of the session: %s', (_what, headers) => {
    const message = invite(SDP, ...headers)
    expect(sdpOf(message)).toBeUndefined()
    expect(withoutSdp(message)).toBe(message)
  })

  test('§20.11: dispositions and encodings that mean nothing', () => {
    for (const header of [
      'Content-Disposition: Session;handling=required',
      'Content-Encoding: identity',
      'Content-Transfer-Encoding: 8bit',
    ])
      expect(sdpOf(invite(SDP, 'Content-Type: application/sdp', header))?.sdp).toBe(SDP)
  })

  test('without a body there is none, whatever the type', () => {
    const message = invite('', 'Content-Type: application/sdp')
    expect(sdpOf(message)).toBeUndefined()
    expect(withoutSdp(message)).toBe(message)
  })

  test('taken away, and what spoke of it', () => {
    const message = invite(SDP, 'Content-Type: application/sdp', 'Content-Disposition: session', 'MIME-Version: 1.0', 'Supported: timer')
    expect(written(withoutSdp(message))).toBe(
      messageText('INVITE sip:bob@example.com SIP/2.0', [...HEAD, 'Supported: timer', 'Content-Length: 0']),
    )
  })

  test('text that is not bytes is refused', () => {
    const found = sdpOf(invite(SDP, 'Content-Type: application/sdp'))!
    expect(() => found.replace('v=0\u010aa=x')).toThrow(InvariantError)
  })
})

describe('a part of a multipart body', () => {
  const PIDF = part('application/pidf+xml', '<presence>\r\n--almost\r\n</presence>\r\n\xff', 'Content-ID: <a@b>')

  test.each([
    ['multipart/mixed;boundary=b1', 'b1'],
    ['Multipart/Mixed; charset=x; Boundary="b1"', 'b1'],
    ['multipart/related;type="application/sdp";boundary="a b;c"', 'a b;c'],
    ['multipart/alternative;boundary="q\\"\\\\q"', 'q"\\q'],
  ])('RFC 2046 §5.1.1: %s', (type, boundary) => {
    for (const parts of [
      [PIDF, part('application/sdp', SDP)],
      [part('application/sdp;x=y', SDP, 'Content-Disposition: session'), PIDF],
      [part('application/sdp', SDP)],
    ]) {
      const message = invite(multipart(boundary, ...parts), `Content-Type: ${type}`)
      expect(sdpOf(message)?.sdp).toBe(SDP)
      expect(written(sdpOf(message)!.replace(OTHER))).toBe(
        expected(
          message,
          bodyOf(message).replace(SDP, () => OTHER),
        ),
      )
    }
  })

  test('RFC 2046 §5.1.1: preamble, epilogue, white space behind delimiters, and LF alone stay', () => {
    const body = `not a part\r\nv=0\r\n\r\n--b \t\r\ncontent-type:application/sdp\n\n${SDP}\r\n--b--\r\nepilogue\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n`
    const message = invite(body, 'Content-Type: multipart/mixed;boundary=b')
    expect(sdpOf(message)?.sdp).toBe(SDP)
    expect(bodyOf(sdpOf(message)!.replace(OTHER))).toBe(body.replace(SDP, () => OTHER))
    expect(sdpOf(invite(body, 'Content-Type: multipart/alternative;boundary=b'))?.sdp).toBe(SDP)
    const feeds = `--b\nContent-Type: application/sdp\n\nv=0\ns=-\n--b--`
    expect(sdpOf(invite(feeds, 'Content-Type: multipart/mixed;boundary=b'))?.sdp).toBe('v=0\ns=-')
  })

  test('the line end before a delimiter belongs to that: SDP may lack its last one', () => {
    const body = `--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n--b--`
    expect(sdpOf(invite(body, 'Content-Type: multipart/mixed;boundary=b'))?.sdp).toBe('v=0\r\ns=-')
  })

  test('a missing closing delimiter is none', () => {
    const body = `--b\r\nContent-Type: application/sdp\r\n\r\n${SDP}`
    const message = invite(body, 'Content-Type: multipart/mixed;boundary=b')
    expect(sdpOf(message)?.sdp).toBe(SDP)
    expect(bodyOf(sdpOf(message)!.replace(OTHER))).toBe(body.replace(SDP, () => OTHER))
  })

  test('a boundary is no other one that begins like it', () => {
    const body = multipart('b', part('multipart/mixed;boundary=bb', multipart('bb', part('application/sdp', SDP))), PIDF)
    const message = invite(body, 'Content-Type: multipart/mixed;boundary=b')
    expect(sdpOf(message)?.sdp).toBe(SDP)
    expect(bodyOf(sdpOf(message)!.replace(OTHER))).toBe(body.replace(SDP, () => OTHER))
  })

  test('§20.14: Content-Length of the part, and of what encloses it, is right afterwards', () => {
    const lengthOf = (content: string): string => `Content-Length:  ${content.length} `
    const made = (sdp: string): string => {
      const inner = multipart('in', PIDF, part('application/sdp', sdp, lengthOf(sdp), 'x: y'))
      const outer = inner.slice(0, -2)
      return multipart(
        'out',
        part('text/plain', 'five5', 'Content-Length: 5'),
        part('multipart/related;boundary=in', outer, lengthOf(outer)),
      )
    }
    const message = invite(made(SDP), 'Content-Type: multipart/mixed;boundary=out')
    expect(sdpOf(message)?.sdp).toBe(SDP)
    expect(bodyOf(sdpOf(message)!.replace(OTHER))).toBe(made(OTHER))
    expect(headerValue(sdpOf(message)!.replace(OTHER), 'content-length')).toBe(String(made(OTHER).length))
  })

  test.each([
    ['RFC 3959: early media', part('application/sdp', SDP, 'Content-Disposition: early-session')],
    ['something to show', part('application/sdp', SDP, 'Content-Disposition: render; handling=optional')],
    ['base64', part('application/sdp', SDP, 'Content-Transfer-Encoding: base64')],
    ['gzip', part('application/sdp', SDP, 'Content-Encoding: gzip')],
    ['no type at all', `\r\n${SDP}`],
    ['another type', part('text/plain', SDP)],
    [
      'two levels down',
      part('multipart/mixed;boundary=1', multipart('1', part('multipart/mixed;boundary=2', multipart('2', part('application/sdp', SDP))))),
    ],
    [
      'early media, around it',
      part('multipart/mixed;boundary=1', multipart('1', part('application/sdp', SDP)), 'Content-Disposition: early-session'),
    ],
    ['empty', part('application/sdp', '')],
    ['without an empty line', 'Content-Type: application/sdp\r\nv=0'],
  ])('not the session’s SDP: %s', (_what, one) => {
    const message = invite(multipart('b', one, PIDF), 'Content-Type: multipart/mixed;boundary=b')
    expect(sdpOf(message)).toBeUndefined()
    expect(withoutSdp(message)).toBe(message)
  })

  test('the session’s SDP is found behind the early one (RFC 3959 §5)', () => {
    const body = multipart(
      'b',
      part('application/sdp', 'v=0\r\ns=early\r\n', 'Content-Disposition: early-session'),
      part('application/sdp', SDP),
    )
    expect(sdpOf(invite(body, 'Content-Type: multipart/mixed;boundary=b'))?.sdp).toBe(SDP)
  })

  test('RFC 2046 §5.1.4: of alternatives the last, of others the first', () => {
    const body = multipart('b', part('application/sdp', 'v=0\r\ns=first\r\n'), part('application/sdp', 'v=0\r\ns=last\r\n'))
    expect(sdpOf(invite(body, 'Content-Type: multipart/alternative;boundary=b'))?.sdp).toContain('last')
    expect(sdpOf(invite(body, 'Content-Type: multipart/mixed;boundary=b'))?.sdp).toContain('first')
  })

  test('folded headers of a part', () => {
    const body = multipart(
      'b',
      `Content-Disposition:\r\n early-session\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n`,
      `Content-Type:\r\n\tapplication/sdp;\r\n x=y\r\n\r\n${SDP}`,
    )
    expect(sdpOf(invite(body, 'Content-Type: multipart/mixed;boundary=b'))?.sdp).toBe(SDP)
  })

  test('taken away, the others stay', () => {
    const before = part('text/plain', 'one')
    for (const [parts, kept] of [
      [
        [before, part('application/sdp', SDP), PIDF],
        [before, PIDF],
      ],
      [[before, part('application/sdp', SDP)], [before]],
      [[part('application/sdp', SDP), PIDF], [PIDF]],
    ] as const) {
      const message = invite(`pre\r\n${multipart('b', ...parts)}post`, 'Content-Type: multipart/mixed;boundary=b')
      expect(written(withoutSdp(message))).toBe(expected(message, `pre\r\n${multipart('b', ...kept)}post`))
    }
  })

  test('taken away, a multipart that it was alone in goes too', () => {
    const inner = multipart('1', part('application/sdp', SDP))
    const outer = (...parts: readonly string[]) => multipart('b', ...parts)
    const nested = part('multipart/mixed;boundary=1', inner, 'Content-Length: 1')
    const message = invite(outer(nested, PIDF), 'Content-Type: multipart/mixed;boundary=b')
    expect(bodyOf(withoutSdp(message))).toBe(outer(PIDF))
    const alone = withoutSdp(invite(outer(nested), 'Content-Type: multipart/mixed;boundary=b', 'MIME-Version: 1.0'))
    expect(written(alone)).toBe(messageText('INVITE sip:bob@example.com SIP/2.0', [...HEAD, 'Content-Length: 0']))
  })

  test('taken away, what enclosed it has the right Content-Length', () => {
    const inner = multipart('1', PIDF, part('application/sdp', SDP)).slice(0, -2)
    const left = multipart('1', PIDF).slice(0, -2)
    const around = (content: string) => multipart('b', part('multipart/mixed;boundary=1', content, `Content-Length: ${content.length}`))
    expect(bodyOf(withoutSdp(invite(around(inner), 'Content-Type: multipart/mixed;boundary=b')))).toBe(around(left))
  })
})

test('whatever a multipart body holds, nothing throws and all but the SDP stays', () => {
  const piece = fc.constantFrom(
    ...[
      '--b',
      '--b--',
      '--c',
      '--',
      '\r\n',
      '\r\n',
      '\n',
      '\r',
      ' ',
      'Content-Type: application/sdp',
      'Content-Type: multipart/mixed;boundary=c',
    ],
    ...['Content-Length: 4', 'Content-Disposition: session', 'v=0', 'x', ':', '\xff\0'],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.constantFrom('mixed', 'alternative'), (pieces, kind) => {
      const message = invite(pieces.join(''), `Content-Type: multipart/${kind};boundary=b`)
      const found = sdpOf(message)
      withoutSdp(message)
      if (found === undefined) return
      const there = sdpOf(found.replace('v=0 \xe9'))
      expect(there?.sdp).toBe('v=0 \xe9')
      const digits = (body: string) => body.replace(/(Content-Length: )\d+/g, '$1')
      expect(digits(bodyOf(there!.replace(found.sdp)))).toBe(digits(bodyOf(message)))
    }),
    { numRuns: 2000 },
  )
})

test.each([
  '--b\r\n',
  '--b',
  '--b ',
  '-',
  '\n',
  '\r\n',
  ' ',
  'a:',
  ' a\r\n',
  'Content-Type: multipart/mixed;boundary=b\r\n',
  '--b\r\nc: multipart/mixed;boundary=x\r\n\r\n',
])('time stays linear when a body is full of %j', (filling) => {
  const use = (size: number): number => {
    const messages = ['', '--b\r\n', '--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n', '--b\r\nContent-Type: '].map((start) =>
      invite(start + filling.repeat(size / filling.length), 'Content-Type: multipart/mixed;boundary=b'),
    )
    const began = performance.now()
    for (const message of messages) {
      sdpOf(message)
      withoutSdp(message)
    }
    return performance.now() - began
  }
  use(4000)
  expect(Math.min(...[1, 2, 3, 4, 5].map(() => use(64_000)))).toBeLessThan(100)
})
