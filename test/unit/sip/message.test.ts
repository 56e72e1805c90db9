import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../src/base/errors.ts'
import {
  append,
  firstHeader,
  headerLines,
  headerValue,
  indexOfHeader,
  line,
  makeResponse,
  prepend,
  replaceLine,
  serialise,
  setHeader,
  withBody,
  withHeaders,
  withoutHeader,
  withRequestUri,
} from '../../../src/sip/message.ts'
import { wireText } from '../../../src/sip/text.ts'
import { bytesOf, messageText, parsedRequest, parsedResponse } from '../../support/messages.ts'

const LINES = [
  'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa',
  'Max-Forwards: 70',
  'x-odd\t:  kept  as  it \xff is  ',
  'subject: one\r\n folded',
  'Subject: two',
  'l: 4',
]
const TEXT = messageText('OPTIONS sip:bob@example.com SIP/2.0', LINES, 'body')
const request = parsedRequest(TEXT)
const written = (message: Parameters<typeof serialise>[0]): string => serialise(message).latin1Slice()
/** The text with some of its lines (by number) replaced. */
const expected = (changes: Readonly<Record<number, string>>, before = '', after = ''): string =>
  messageText('OPTIONS sip:bob@example.com SIP/2.0', LINES, 'body')
    .split(/\r\n(?! )/)
    .map((one, i) => (i > 0 && changes[i - 1] !== undefined ? changes[i - 1]! : `${one}\r\n`))
    .join('')
    .replace(/\r\n$/, '')
    .replace('SIP/2.0\r\n', `SIP/2.0\r\n${before}`)
    .replace('\r\n\r\n', `\r\n${after}\r\n`)

describe('reading', () => {
  test('lines are found by their canonical name', () => {
    expect(indexOfHeader(request, 'subject')).toBe(3)
    expect(indexOfHeader(request, 'subject', 4)).toBe(4)
    expect(indexOfHeader(request, 'subject', 5)).toBe(-1)
    expect(firstHeader(request, 'content-length')?.raw).toBe('l: 4\r\n')
    expect(headerValue(request, 'subject')).toBe('one folded')
    expect(headerLines(request, 'subject').map((one) => one.value)).toEqual(['one folded', 'two'])
    expect(headerValue(request, 'contact')).toBeUndefined()
  })
})

describe('the door for new text', () => {
  test('a known name is written as it is displayed, an unknown one as given', () => {
    expect(line('via', 'x').raw).toBe('Via: x\r\n')
    expect(line('I', 'x').raw).toBe('Call-ID: x\r\n')
    expect(line('X-Odd-case', 'x').raw).toBe('X-Odd-case: x\r\n')
    expect(line('X-Odd-case', 'x').name).toBe('x-odd-case')
  })

  test('the value reads as it would off the wire', () => {
    for (const value of ['', ' ', 'a', '  a  b \t', '\t'])
      expect(line('Subject', value).value).toBe(
        headerValue(parsedRequest(messageText('OPTIONS sip:a SIP/2.0', [`Subject: ${value}`])), 'subject'),
      )
  })

  test.each(['a\rb', 'a\nb', 'a\r\nEvil: 1', 'a\0b', '\r\n', 'a\r\n b', '\n'])(
    'a value of %j is refused: CR, LF and NUL would break out of the line',
    (value) => {
      expect(() => line('Subject', value)).toThrow(InvariantError)
    },
  )

  test('§25.1: NUL passes as a quoted pair only', () => {
    expect(line('To', '"NUL:\\\0" <sip:a>').value).toBe('"NUL:\\\0" <sip:a>')
    for (const value of ['\0', 'a\0', '"\\\0\0"']) expect(() => line('To', value)).toThrow(InvariantError)
  })

  test('characters whose low byte is CR, LF or anything else are refused: only that byte would be written', () => {
    for (const value of ['a\u010d\u010aEvil: 1', '\u0100', '\u20ac', 'a\u{1f600}', '\u212a', '\ud800'])
      expect(() => line('Subject', value)).toThrow(InvariantError)
    expect(line('Subject', wireText('a\u010a€')).raw).toBe('Subject: a\xc4\x8a\xe2\x82\xac\r\n')
    expect(line('Subject', 'caf\xe9\xff').raw).toBe('Subject: caf\xe9\xff\r\n')
  })

  test.each(['', 'a b', 'a:', 'Sub\r\nject', 'S\u00fcbject', '\u212aey', 'a\0'])('a name of %j is refused: it is no token', (name) => {
    expect(() => line(name, 'x')).toThrow(InvariantError)
  })
})

describe('edits share what they do not touch', () => {
  test('a message that nobody edited is written as it came', () => {
    expect(written(request)).toBe(TEXT)
    expect(written(withHeaders(request, [...request.headers]))).toBe(TEXT)
  })

  test('prepend puts lines on top, in the given order', () => {
    const edited = prepend(request, line('Via', 'a'), line('Record-Route', '<sip:b;lr>'))
    expect(written(edited)).toBe(expected({}, 'Via: a\r\nRecord-Route: <sip:b;lr>\r\n'))
    expect(edited.headers.slice(2)).toEqual(request.headers)
  })

  test('append puts lines at the end', () => {
    expect(written(append(request, line('Warning', 'x')))).toBe(expected({}, '', 'Warning: x\r\n'))
  })

  test('replaceLine puts none, one or several lines in the place of one', () => {
    expect(written(replaceLine(request, 1))).toBe(expected({ 1: '' }))
    expect(written(replaceLine(request, 0))).toBe(expected({ 0: '' }))
    expect(written(replaceLine(request, 5))).toBe(expected({ 5: '' }))
    expect(written(replaceLine(request, 1, line('Max-Forwards', '69')))).toBe(expected({ 1: 'Max-Forwards: 69\r\n' }))
    expect(written(replaceLine(request, 2, line('X-1', '1'), line('X-2', '2')))).toBe(expected({ 2: 'X-1: 1\r\nX-2: 2\r\n' }))
  })

  test('setHeader leaves one line of several, at the place of the first, in any spelling of the name', () => {
    for (const name of ['subject', 'Subject', 'S', 'SUBJECT'])
      expect(written(setHeader(request, name, 'new'))).toBe(expected({ 3: 'Subject: new\r\n', 4: '' }))
    expect(written(setHeader(request, 'Max-Forwards', '1'))).toBe(expected({ 1: 'Max-Forwards: 1\r\n' }))
    expect(written(setHeader(request, 'Server', 'new'))).toBe(expected({}, '', 'Server: new\r\n'))
  })

  test('withoutHeader takes off all lines of a name', () => {
    expect(written(withoutHeader(request, 'subject'))).toBe(expected({ 3: '', 4: '' }))
    expect(withoutHeader(request, 'contact')).toBe(request)
  })

  test('withRequestUri writes a new start line and nothing else', () => {
    const edited = withRequestUri(request, 'sip:carol@example.net;x=%20')
    expect(edited.requestUri).toBe('sip:carol@example.net;x=%20')
    expect(written(edited)).toBe(TEXT.replace('sip:bob@example.com', 'sip:carol@example.net;x=%20'))
    expect(edited.headers).toBe(request.headers)
    expect(withRequestUri(request, 'sip:bob@example.com')).toBe(request)
  })

  test.each(['', 'sip:a b', 'sip:a\tb', 'sip:a\r\nVia: x', 'sip:a SIP/2.0\r\n', 'sip:a\0', 'sip:\u010a', 'sip:a\x7f'])(
    'a Request-URI of %j is refused: it would take the start line apart',
    (uri) => {
      expect(() => withRequestUri(request, uri)).toThrow(InvariantError)
    },
  )

  test('withBody says the true length, in bytes', () => {
    const body = Buffer.from('größer', 'utf8')
    const edited = withBody(request, body)
    expect(written(edited)).toBe(expected({ 5: 'Content-Length: 8\r\n' }).slice(0, -4).concat(body.latin1Slice()))
    expect(headerValue(withBody(request, Buffer.alloc(0)), 'content-length')).toBe('0')
    expect(headerValue(withBody(withoutHeader(request, 'content-length'), body), 'content-length')).toBe('8')
  })

  test('edits of a response keep code and reason', () => {
    const response = parsedResponse(messageText('SIP/2.0 180 Ringing \xd0', LINES, 'body'))
    const edited = withBody(prepend(response, line('Via', 'a')), bytesOf('1'))
    expect([edited.kind, edited.status, edited.reason]).toEqual(['response', 180, 'Ringing \xd0'])
    expect(written(edited).startsWith('SIP/2.0 180 Ringing \xd0\r\nVia: a\r\nVia: SIP')).toBe(true)
  })

  test('a fork is another value: edits of one do not show in the other', () => {
    const a = setHeader(request, 'Max-Forwards', '1')
    const b = setHeader(request, 'Max-Forwards', '2')
    expect([headerValue(a, 'max-forwards'), headerValue(b, 'max-forwards'), headerValue(request, 'max-forwards')]).toEqual(['1', '2', '70'])
  })
})

describe('serialise', () => {
  test('lines in another order, and twice, are written so', () => {
    const [via, forwards, odd] = request.headers
    const edited = withHeaders(request, [odd!, forwards!, forwards!, via!])
    expect(written(edited)).toBe(messageText('OPTIONS sip:bob@example.com SIP/2.0', [LINES[2]!, LINES[1]!, LINES[1]!, LINES[0]!], 'body'))
  })

  test('lines of two messages that are next to each other by chance are not run together', () => {
    const other = parsedRequest(
      messageText(
        'OPTIONS sip:bob@example.com SIP/2.0',
        LINES.map((one) => one.replace('7', '8').replace('Max', 'Min')),
        'body',
      ),
    )
    const mixed = withHeaders(request, [request.headers[0]!, other.headers[1]!, request.headers[2]!])
    expect(written(mixed)).toBe(messageText('OPTIONS sip:bob@example.com SIP/2.0', [LINES[0]!, 'Min-Forwards: 80', LINES[2]!], 'body'))
  })

  test('new lines side by side, equal ones too, are each written', () => {
    const a = line('Via', 'a')
    expect(written(withHeaders(request, [a, a, line('Via', 'a')]))).toBe(
      messageText('OPTIONS sip:bob@example.com SIP/2.0', ['Via: a', 'Via: a', 'Via: a'], 'body'),
    )
  })

  test('a message without headers or body', () => {
    expect(written(makeResponse('SIP/2.0 200 OK\r\n', 200, 'OK', [], Buffer.alloc(0)))).toBe('SIP/2.0 200 OK\r\n\r\n')
  })

  test('the bytes are a copy: what is received later into the same memory does not change them', () => {
    const bytes = bytesOf(TEXT)
    const out = serialise(parsedRequest(bytes))
    bytes.fill(0)
    expect(out.latin1Slice()).toBe(TEXT)
  })
})
