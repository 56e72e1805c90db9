import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FrameSink, StreamFramer } from '../../../src/sip/framing.ts'

const limits = { maxHead: 8192, maxBody: 65_536 }

class Collector implements FrameSink {
  readonly messages: string[] = []
  readonly keepAlives: boolean[] = []
  wanted = Number.POSITIVE_INFINITY
  message(bytes: Buffer): boolean {
    this.messages.push(bytes.toString('latin1'))
    return this.messages.length < this.wanted
  }
  keepAlive(ping: boolean): void {
    this.keepAlives.push(ping)
  }
}

const feed = (chunks: readonly (string | Buffer)[], given = limits, clock = (index: number) => index) => {
  const framer = new StreamFramer()
  const sink = new Collector()
  for (const [index, chunk] of chunks.entries()) {
    const fault = framer.push(Buffer.from(chunk as string, 'latin1'), clock(index), given, sink)
    if (fault !== undefined) return { framer, sink, messages: sink.messages, fault }
  }
  return { framer, sink, messages: sink.messages, fault: undefined }
}

const message = (body = '', length = `Content-Length: ${body.length}`, start = 'OPTIONS sip:a@example.com SIP/2.0') =>
  `${start}\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKa\r\nCall-ID: 1\r\nContent-Type: text/plain\r\n${length}\r\nCSeq: 1 OPTIONS\r\n\r\n${body}`

const OK = message('', 'Content-Length: 0', 'SIP/2.0 200 OK')

describe('whole messages', () => {
  test('§18.3: a message in one chunk is handed on without copying', () => {
    const chunk = Buffer.from(message('hello'), 'latin1')
    const seen: Buffer[] = []
    new StreamFramer().push(chunk, 0, limits, { message: (bytes) => seen.push(bytes) > 0, keepAlive: () => {} })
    expect(seen).toHaveLength(1)
    expect(seen[0]).toBe(chunk)
  })

  test('§18.3: several messages in one chunk are told apart by Content-Length', () => {
    const all = [message('one'), OK, message(''), message('\r\n\r\nfour')]
    expect(feed([all.join('')]).messages).toEqual(all)
  })

  test('§18.3: a message split at every position is the same message', () => {
    const text = message('v=0\r\n') + OK
    for (let at = 1; at < text.length; at++) {
      expect(feed([text.slice(0, at), text.slice(at)]).messages).toEqual([message('v=0\r\n'), OK])
    }
  })

  test('§18.3: any chunking gives the same messages', () => {
    const item = fc.oneof(
      fc.string({ maxLength: 300, unit: 'binary-ascii' }).map((body) => message(body)),
      fc.string({ maxLength: 30, unit: 'binary-ascii' }).map((body) => message(body, `l :\r\n ${body.length}`)),
      fc.constant(OK),
      fc.constant('\r\n'),
    )
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }),
        (items, sizes) => {
          const text = items.join('')
          const chunks: string[] = []
          for (let at = 0, turn = 0; at < text.length; turn++) {
            const size = sizes[turn % sizes.length]!
            chunks.push(text.slice(at, at + size))
            at += size
          }
          const { messages, fault } = feed(chunks)
          expect(fault).toBeUndefined()
          expect(messages).toEqual(items.filter((one) => one !== '\r\n'))
        },
      ),
    )
  })

  test('a message that the receiver keeps is not overwritten by what follows', () => {
    const text = message('a'.repeat(2000)) + message('b'.repeat(2000))
    const kept: Buffer[] = []
    const framer = new StreamFramer()
    const sink: FrameSink = { message: (bytes) => kept.push(bytes) > 0, keepAlive: () => {} }
    for (let at = 0; at < text.length; at += 97) framer.push(Buffer.from(text.slice(at, at + 97), 'latin1'), 0, limits, sink)
    expect(kept.map(String)).toEqual([message('a'.repeat(2000)), message('b'.repeat(2000))])
  })

  test('a receiver that stops gets nothing more of the chunk', () => {
    const sink = new Collector()
    sink.wanted = 1
    new StreamFramer().push(Buffer.from(OK + OK), 0, limits, sink)
    expect(sink.messages).toEqual([OK])
  })

  test('bytes one by one take time in proportion to their number', () => {
    const took = (bytes: number): number => {
      const framer = new StreamFramer()
      const sink = new Collector()
      const text = Buffer.from(`OPTIONS sip:a@example.com SIP/2.0\r\nSubject: ${'x'.repeat(bytes)}\r\nContent-Length: 0\r\n\r\n`)
      const begin = process.cpuUsage().user
      for (const byte of text) framer.push(Buffer.of(byte), 0, { maxHead: 1e7, maxBody: 0 }, sink)
      expect(sink.messages).toHaveLength(1)
      return process.cpuUsage().user - begin
    }
    took(20_000)
    // 16 times the bytes: linear is about 16, quadratic is 256
    expect(took(320_000)).toBeLessThan(100 * Math.max(took(20_000), 5000))
  })
})

describe('Content-Length', () => {
  test.each([
    ['compact form', 'l: 5'],
    ['any case', 'CONTENT-length:5'],
    ['§7.3.1: white space before the colon', 'Content-Length \t : 5'],
    ['§7.3.1: a folded value', 'Content-Length:\r\n  5'],
    ['blanks after the value', 'Content-Length: 5  '],
    ['leading zeros', 'Content-Length: 0005'],
    ['§7.3.1: said twice with one value', 'Content-Length: 5\r\nl: 5'],
    ['Content-Language beside it', 'Content-Language: en\r\nContent-Length: 5'],
    ['a folded line that looks like it', 'Content-Length: 5\r\nSubject: a\r\n Content-Length: 7'],
  ])('%s', (_, line) => {
    expect(feed([message('hello', line) + OK]).messages).toEqual([message('hello', line), OK])
  })

  test.each([
    ['negative', 'Content-Length: -1', 400],
    ['no number', 'Content-Length: five', 400],
    ['empty', 'Content-Length:', 400],
    ['hexadecimal', 'Content-Length: 0x5', 400],
    ['two numbers', 'Content-Length: 5 5', 400],
    ['more than any body', 'Content-Length: 99999999999999999999', 400],
    ['over the limit', 'Content-Length: 65537', 513],
    ['§7.3.1: two that differ', 'Content-Length: 5\r\nContent-Length: 6', 400],
    ['§7.3.1: long and compact form that differ', 'Content-Length: 5\r\nl: 0', 400],
  ])('§18.3: %s is a fault, and the head is handed on for an answer', (_, line, status) => {
    const { messages, fault } = feed([message('hello', line)])
    expect(fault).toMatchObject({ status, at: 'Content-Length' })
    expect(messages).toEqual([message('', line)])
  })

  test('§18.3: without it the message has no body, and the next one follows', () => {
    const bare = message('', 'Subject: none')
    expect(feed([bare + OK]).messages).toEqual([bare, OK])
  })

  test('§18.3: without it a body that follows is a fault, not a message', () => {
    const bare = message('', 'Subject: none')
    const { messages, fault } = feed([`${bare}v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n`])
    expect(messages).toEqual([bare])
    expect(fault).toMatchObject({ status: 400, at: 'start line' })
  })
})

describe('keep-alives between messages', () => {
  test('RFC 5626 §3.5.1: CRLFCRLF asks for a pong, also split', () => {
    expect(feed(['\r\n\r\n']).sink.keepAlives).toEqual([true])
    expect(feed(['\r', '\n\r', '\n']).sink.keepAlives).toEqual([true])
    expect(feed(['\r\n\r\n\r\n\r\n']).sink.keepAlives).toEqual([true, true])
    expect(feed([`${OK}\r\n\r\n${OK}`])).toMatchObject({ messages: [OK, OK], sink: { keepAlives: [true] } })
  })

  test('RFC 5626 §3.5.1: a lone CRLF is a pong, and two with time between them are no ping', () => {
    expect(feed(['\r\n']).sink.keepAlives).toEqual([false])
    expect(feed(['\r\n', '\r\n', '\r\n'], limits, (index) => index * 30_000).sink.keepAlives).toEqual([false, false, false])
  })

  test('§7.5: CRLFs before a start line are skipped', () => {
    expect(feed([`\r\n${OK}\r\n`, `\r\n\r\n${OK}`]).messages).toEqual([OK, OK])
  })

  test('a CR alone between messages is a fault', () => {
    expect(feed([`\r${OK}`]).fault).toMatchObject({ at: 'start line' })
  })
})

describe('what is no SIP', () => {
  test.each([
    ['a TLS ClientHello', Buffer.from('160301020001000001fc0303', 'hex'), 1],
    ['RTP or STUN', Buffer.from('8000123400000000', 'hex'), 1],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n'), 16],
    ['an HTTP answer', Buffer.from('HTTP/1.1 200 OK\r\n'), 17],
    ['a start line without version', Buffer.from('OPTIONS sip:a@example.com\r\n'), 27],
    ['blanks first', Buffer.from('  OPTIONS'), 1],
    ['a bare LF', Buffer.from('\nOPTIONS'), 1],
  ])('%s is a fault at once', (_, bytes, seenBy) => {
    expect(feed([bytes]).fault).toMatchObject({ status: 400, at: 'start line' })
    expect(feed([...bytes].map((byte) => Buffer.of(byte))).sink.messages).toEqual([])
    const framer = new StreamFramer()
    const sink = new Collector()
    let pushes = 0
    while (framer.push(bytes.subarray(pushes, pushes + 1), 0, limits, sink) === undefined) pushes++
    expect(pushes + 1).toBe(seenBy)
  })

  test('§21.5.6: another version is for the parser to answer', () => {
    const text = message('', 'Content-Length: 0', 'OPTIONS sip:a@example.com SIP/7.0')
    expect(feed([text]).messages).toEqual([text])
  })

  test('a head over the limit is a fault, whole or not', () => {
    const given = { maxHead: 200, maxBody: 10 }
    expect(feed([message('', `Subject: ${'x'.repeat(200)}`)], given).fault).toMatchObject({ status: 513, at: 'head' })
    expect(feed([`OPTIONS sip:a SIP/2.0\r\nSubject: ${'x'.repeat(200)}`], given).fault).toMatchObject({ status: 513, at: 'head' })
    expect(feed(['x'.repeat(201)], given).fault).toMatchObject({ status: 513, at: 'head' })
    const exact = 'OPTIONS sip:a SIP/2.0\r\n\r\n'
    expect(feed([exact], { maxHead: exact.length, maxBody: 0 }).messages).toEqual([exact])
    expect(feed([exact], { maxHead: exact.length - 1, maxBody: 0 }).fault).toMatchObject({ at: 'head' })
  })
})

describe('time', () => {
  test('slowloris: the framer tells when the message under way was begun', () => {
    const framer = new StreamFramer()
    const sink = new Collector()
    const text = message('hello')
    expect(framer.begun).toBeUndefined()
    framer.push(Buffer.from(text.slice(0, 1)), 1000, limits, sink)
    expect(framer.begun).toBe(1000)
    framer.push(Buffer.from(text.slice(1, -1)), 5000, limits, sink)
    expect(framer.begun).toBe(1000)
    framer.push(Buffer.from(`${text.slice(-1)}\r\n`), 6000, limits, sink)
    expect(framer.begun).toBeUndefined()
    framer.push(Buffer.from(`${text}${text.slice(0, 30)}`), 7000, limits, sink)
    expect(framer.begun).toBe(7000)
  })
})
