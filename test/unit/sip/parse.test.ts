import { describe, expect, test } from 'vitest'
import { headerLines, headerValue, serialise } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'
import { bytesOf, LIMITS, messageText, optionsWith, parsed, parsedRequest, parsedResponse, refused } from '../../support/messages.ts'

const names = (text: string): readonly string[] => parsed(text).headers.map((one) => one.name)

describe('start line', () => {
  test('§7.1: a request line gives method and Request-URI as written', () => {
    const request = parsedRequest('INVITE sip:+442079460100@example.com;user=phone SIP/2.0\r\n\r\n')
    expect([request.method, request.requestUri]).toEqual(['INVITE', 'sip:+442079460100@example.com;user=phone'])
  })

  test('§7.1: a method is any token, and its case counts', () => {
    expect(parsedRequest("!odd-Method_*+`.%'~ sip:a@b.example SIP/2.0\r\n\r\n").method).toBe("!odd-Method_*+`.%'~")
    expect(parsedRequest('invite sip:a@b.example SIP/2.0\r\n\r\n').method).toBe('invite')
  })

  test.each([
    ['no token as method', 'INV{ITE sip:a@b SIP/2.0'],
    ['no method', ' sip:a@b SIP/2.0'],
    ['one word', 'INVITE'],
    ['an empty start line', ''],
    ['a byte beyond ASCII in the method', 'INVIT\xc9 sip:a@b SIP/2.0'],
    ['a header instead of a start line', 'Via: SIP/2.0/UDP a'],
  ])('§7.1: %s is refused with 400, and cannot be answered', (_, startLine) => {
    const problem = refused(messageText(startLine, ['Call-ID: 1']))
    expect(problem.status).toBe(400)
    if (startLine !== 'Via: SIP/2.0/UDP a') expect(problem.message).toBeUndefined()
  })

  test.each([
    ['two spaces between the parts', 'INVITE  sip:a@b  SIP/2.0'],
    ['a space in the URI', 'INVITE sip:a@b; lr SIP/2.0'],
    ['a tab in the URI', 'INVITE sip:a@b;\tlr SIP/2.0'],
    ['white space at the end', 'INVITE sip:a@b SIP/2.0  '],
    ['no URI', 'INVITE SIP/2.0'],
    ['an empty URI', 'INVITE  SIP/2.0'],
    ['an empty URI before a version in small letters', 'INVITE  sip/2.0'],
    ['no version', 'INVITE sip:a@b'],
    ['another protocol', 'GET / HTTP/1.1'],
  ])('§7.1: %s is refused with 400, with the headers for an answer', (_, startLine) => {
    const problem = refused(messageText(startLine, ['Call-ID: 1']))
    expect(problem.status).toBe(400)
    expect(problem.message?.headers).toHaveLength(1)
  })

  test('§7.1: the version is compared without case', () => {
    expect(parsedRequest('INVITE sip:a@b sip/2.0\r\n\r\n').requestUri).toBe('sip:a@b')
  })

  test.each(['SIP/7.0', 'SIP/2.1', 'SIP/1.0', 'sip/3.0', 'SIP/2.00', 'SIP/12345678901234567890.0'])(
    '§21.5.6: version %s is answered with 505',
    (version) => {
      const problem = refused(messageText(`INVITE sip:a@b ${version}`, ['Call-ID: 1']))
      expect([problem.status, problem.message?.headers.length]).toEqual([505, 1])
    },
  )

  test('§7.2: a status line gives code and reason', () => {
    const response = parsedResponse('SIP/2.0 486 Busy Here\r\n\r\n')
    expect([response.status, response.reason]).toEqual([486, 'Busy Here'])
  })

  test('§7.2: the reason may be empty, of any bytes, or missing with its space', () => {
    expect(parsedResponse('SIP/2.0 100 \r\n\r\n').reason).toBe('')
    expect(parsedResponse('SIP/2.0 100\r\n\r\n').reason).toBe('')
    expect(parsedResponse('SIP/2.0 200 = 2**3 \xd0\xbd\r\n\r\n').reason).toBe('= 2**3 \xd0\xbd')
  })

  test.each(['099', '700', '4294967301', '1e2', '2e2', '+99', '20', '2 0', ' 200', '0x9', '-0', 'NaN', '２00', '20\xb2', '1.5', ''])(
    '§7.2: status code %j is none, and is dropped',
    (code) => {
      const problem = refused(Buffer.from(`SIP/2.0 ${code} Some reason\r\n\r\n`, code === '２00' ? 'utf8' : 'latin1'))
      expect([problem.status, problem.message]).toEqual([400, undefined])
    },
  )

  test('§7.2: a status line of another version is no message of ours', () => {
    expect(refused('SIP/3.0 200 OK\r\n\r\n').message).toBeUndefined()
  })
})

describe('before and after the message', () => {
  test('§7.5: CRLFs before the start line are skipped and not written again', () => {
    const text = optionsWith('Content-Length: 2').concat('ab')
    expect(serialise(parsed(`\r\n\r\n\r\n${text}`)).latin1Slice()).toBe(text)
  })

  test.each([[''], ['\r\n'], ['\r\n\r\n'], ['\r\n\r\n\r\n\r\n'], ['\r'], ['\n'], ['\0\0\0\0']])('%j is no message', (text) => {
    expect(refused(text).message).toBeUndefined()
  })

  test('§7: without the empty line a message is refused, and answered from its whole lines', () => {
    const problem = refused('OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPT')
    expect([problem.status, problem.message?.headers.map((one) => one.name)]).toEqual([400, ['call-id']])
  })
})

describe('header lines', () => {
  test('§7.3.1: names are compared without case', () => {
    expect(names(optionsWith('mAx-BrEaDtH: 60', 'SUBJECT: x', 'sUpPoRtEd: y')).slice(-3)).toEqual(['max-breadth', 'subject', 'supported'])
  })

  test.each([
    ['v', 'via'],
    ['f', 'from'],
    ['t', 'to'],
    ['i', 'call-id'],
    ['m', 'contact'],
    ['l', 'content-length'],
    ['c', 'content-type'],
    ['e', 'content-encoding'],
    ['s', 'subject'],
    ['k', 'supported'],
    ['o', 'event'],
    ['u', 'allow-events'],
    ['r', 'refer-to'],
    ['b', 'referred-by'],
    ['x', 'session-expires'],
    ['a', 'accept-contact'],
    ['y', 'identity'],
  ])('§7.3.3: compact form %s is %s, in both cases', (compact, name) => {
    const text = (written: string) => messageText('OPTIONS sip:a@b SIP/2.0', [`${written}: 0`])
    expect(names(text(compact))).toEqual([name])
    expect(names(text(compact.toUpperCase()))).toEqual([name])
    expect(names(text(`${compact} `))).toEqual([name])
  })

  test('§7.3.1: a name that begins or ends like a known one is another', () => {
    expect(names(optionsWith('Vi: 1', 'Viaa: 1', 'vv: 1', 'Content-Lengt: 9', 'Content-Length2: 9', 'z: 1')).slice(-6)).toEqual([
      'vi',
      'viaa',
      'vv',
      'content-lengt',
      'content-length2',
      'z',
    ])
  })

  test('§7.3.1: white space is allowed before the colon, around the value, and no value at all', () => {
    const request = parsed(optionsWith('Subject \t :\t  hello  world \t ', 'Organization:', 'Server:   '))
    expect(headerValue(request, 'subject')).toBe('hello  world')
    expect(headerValue(request, 'organization')).toBe('')
    expect(headerValue(request, 'server')).toBe('')
  })

  test('§7.3.1: a folded value reads as one line, whatever white space stands at the folds', () => {
    const request = parsed(optionsWith('Subject: I know\r\n you are  \r\n\t  there,\r\n \r\n pick up\r\n  '))
    expect(headerValue(request, 'subject')).toBe('I know you are there, pick up')
  })

  test('§7.3.1: a value may begin in the next line', () => {
    const request = parsed(optionsWith('Subject:\r\n \t folded', 'Server :\r\n x'))
    expect([headerValue(request, 'subject'), headerValue(request, 'server')]).toEqual(['folded', 'x'])
  })

  test('§7.3.1: a fold in a Content-Length does not change what it says', () => {
    expect(parsed(`${optionsWith('Content-Length:\r\n 2 \r\n ')}ab`).body.latin1Slice()).toBe('ab')
    expect(refused(`${optionsWith('Content-Length: 1\r\n 2')}${'a'.repeat(12)}`).status).toBe(400)
  })

  test('the last byte of a UTF-8 character is no white space, though JavaScript trims it', () => {
    // `à` ends in 0xa0, `…` holds 0x80 and 0xa6, `х` begins with 0xd1 0x85
    const request = parsed(Buffer.from(optionsWith('Subject: voilà', 'Organization: à \r\n à'), 'utf8'))
    expect(Buffer.from(headerValue(request, 'subject')!, 'latin1').toString('utf8')).toBe('voilà')
    expect(Buffer.from(headerValue(request, 'organization')!, 'latin1').toString('utf8')).toBe('à à')
  })

  test('vertical tab, form feed and no-break space are not white space of SIP', () => {
    expect(headerValue(parsed(optionsWith('Subject: \x0bx\x0c')), 'subject')).toBe('\x0bx\x0c')
    expect(refused(optionsWith('Subject\xa0: x')).at).toBe('head')
    expect(refused(optionsWith('Subject\x0b: x')).at).toBe('head')
  })

  test('§25.1: NUL passes in headers that we only hand on (a quoted pair may hold it)', () => {
    const text = optionsWith('Subject: "\\\0"')
    expect(serialise(parsed(text)).latin1Slice()).toBe(text)
  })

  test.each([
    ['no colon', 'Subject hello'],
    ['no name', ': hello'],
    ['a name that is no token', 'Sub(ject: hello'],
    ['white space in the name', 'Sub ject: hello'],
    ['a name beyond ASCII', 'Subj\xe9ct: hello'],
    ['the Kelvin sign, which is a k in small letters', Buffer.from('\u212aey: hello', 'utf8').latin1Slice()],
  ])('§7.3.1: a line with %s is refused, and left out of what an answer is made from', (_, line) => {
    const problem = refused(messageText('OPTIONS sip:a@b SIP/2.0', ['Call-ID: 1', line, 'CSeq: 1 OPTIONS']))
    expect(problem.status).toBe(400)
    expect(problem.message?.headers.map((one) => one.name)).toEqual(['call-id', 'cseq'])
  })

  test('§7.3.1: a first header line that begins with white space continues nothing', () => {
    expect(refused('OPTIONS sip:a@b SIP/2.0\r\n Call-ID: 1\r\n\r\n').status).toBe(400)
    expect(refused('OPTIONS sip:a@b SIP/2.0\r\n ;lr\r\n\r\n').status).toBe(400)
  })

  test.each([
    ['a bare LF', 'Subject: a\nVia: SIP/2.0/UDP evil.example'],
    ['a bare CR', 'Subject: a\rVia: SIP/2.0/UDP evil.example'],
    ['CR CR LF', 'Subject: a\r'],
    ['LF CR', 'Subject: a\n\rb'],
    ['a fold behind a bare LF', 'Subject: a\n b'],
    ['a fold behind a bare CR', 'Subject: a\r b'],
  ])('§7: %s in the headers is refused, and the line is not copied into an answer', (_, line) => {
    const problem = refused(messageText('OPTIONS sip:a@b SIP/2.0', ['Call-ID: 1', line, 'CSeq: 1 OPTIONS']))
    expect(problem.status).toBe(400)
    expect(problem.message?.headers.map((one) => one.raw)).toEqual(['Call-ID: 1\r\n', 'CSeq: 1 OPTIONS\r\n'])
  })

  test('§7: a bare LF or CR in the start line is refused without an answer', () => {
    for (const text of [
      'OPTIONS sip:a@b SIP/2.0\nCall-ID: 1\r\n\r\n',
      'OPTIONS sip:a@b\r SIP/2.0\r\n\r\n',
      '\nOPTIONS sip:a@b SIP/2.0\r\n\r\n',
    ])
      expect([refused(text).status, refused(text).message]).toEqual([400, undefined])
  })

  test('§7: line ends of LF alone end no message', () => {
    expect(refused('OPTIONS sip:a@b SIP/2.0\nCall-ID: 1\n\n').status).toBe(400)
  })
})

describe('Content-Length', () => {
  test('§18.3: without one, the rest of the datagram is the body', () => {
    expect(parsed(`${optionsWith()}all of it`).body.latin1Slice()).toBe('all of it')
  })

  test('§18.3: bytes beyond it are discarded', () => {
    const text = `${optionsWith('Content-Length: 3')}abcdef`
    expect(parsed(text).body.latin1Slice()).toBe('abc')
    expect(serialise(parsed(text)).latin1Slice()).toBe(text.slice(0, -3))
  })

  test('§18.3: a datagram that is shorter is refused, and can be answered', () => {
    const problem = refused(`${optionsWith('Content-Length: 4')}abc`)
    expect([problem.status, problem.message?.headers.length]).toEqual([400, 7])
  })

  test.each([
    '-1',
    '-0',
    '+1',
    '1.0',
    '1e1',
    '0x1',
    'NaN',
    '',
    'one',
    '1 2',
    '1,1',
    '9999999999',
    '00000000000000000000009999999999',
    '\xb2',
    '1\xa0',
  ])('§20.14: a value of %j is refused with 400', (value) => {
    expect(refused(`${optionsWith(`Content-Length: ${value}`)}abcdefghijklmnop`).status).toBe(400)
  })

  test('§20.14: leading zeros are digits too', () => {
    expect(parsed(`${optionsWith('Content-Length: 00000000000000000002')}ab`).body).toHaveLength(2)
  })

  test('§7.3.1: two that agree are one, two that differ are refused, whatever their form', () => {
    expect(parsed(`${optionsWith('Content-Length: 2', 'l: 02')}ab`).body).toHaveLength(2)
    expect(refused(`${optionsWith('Content-Length: 2', 'l: 1')}ab`).status).toBe(400)
    expect(refused(`${optionsWith('l: 1', 'CONTENT-LENGTH : 2')}ab`).status).toBe(400)
  })

  test('a multipart body with binary parts, and with what looks like a message in it, is left as it is', () => {
    const body = Buffer.concat([
      bytesOf('--x\r\n\r\nINVITE sip:a@b SIP/2.0\r\n\r\n'),
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      bytesOf('\r\n--x--'),
    ])
    const whole = Buffer.concat([bytesOf(optionsWith(`Content-Length: ${body.length}`)), body])
    const request = parsed(whole)
    expect(request.body.equals(body)).toBe(true)
    expect(serialise(request).equals(whole)).toBe(true)
  })

  test('the body shares memory with what was received', () => {
    const whole = bytesOf(`${optionsWith('Content-Length: 2')}ab`)
    expect(parsed(whole).body.buffer).toBe(whole.buffer)
  })
})

describe('limits', () => {
  const limits = { startLine: 64, headers: 8, head: 512, body: 16 }
  const start = (length: number) => `OPTIONS sip:${'a'.repeat(length - 'OPTIONS sip:@b SIP/2.0\r\n'.length)}@b SIP/2.0`

  test('§21.4.12: a start line one byte too long is answered with 414', () => {
    expect(parse(bytesOf(messageText(start(64), ['Call-ID: 1'])), limits).kind).toBe('request')
    const problem = refused(messageText(start(65), ['Call-ID: 1']), limits)
    expect([problem.status, problem.message?.headers.length]).toEqual([414, 1])
  })

  test('§21.5.7: one header line too many is answered with 513, from those before it', () => {
    const lines = (count: number) =>
      messageText(
        'OPTIONS sip:a@b SIP/2.0',
        Array.from({ length: count }, (_, i) => `X-${i}: 1`),
      )
    expect(parse(bytesOf(lines(8)), limits).kind).toBe('request')
    const problem = refused(lines(9), limits)
    expect([problem.status, problem.message?.headers.length]).toEqual([513, 8])
    expect(refused(lines(90), limits).status).toBe(513)
  })

  test('folded lines count as one', () => {
    expect(parse(bytesOf(optionsWith(`Subject: a${'\r\n b'.repeat(50)}`)), limits).kind).toBe('request')
  })

  test('§21.5.7: a head one byte too long is answered with 513', () => {
    const padded = (size: number) => {
      const bare = optionsWith('Subject: ').length
      return optionsWith(`Subject: ${'x'.repeat(size - bare)}`)
    }
    expect(parse(bytesOf(padded(512)), limits).kind).toBe('request')
    expect(parse(bytesOf(`${padded(512)}body`), limits).kind).toBe('request')
    const problem = refused(padded(513), limits)
    expect([problem.status, problem.message?.headers.length]).toEqual([513, 7])
  })

  test('§21.5.7: a long head is told from a large body, and a large body does not hide the head', () => {
    const large = { ...limits, body: 10_000 }
    expect(parsed(`${optionsWith('Content-Length: 9000')}${'b'.repeat(9000)}`, large).body).toHaveLength(9000)
    expect(refused(`${optionsWith(`Subject: ${'x'.repeat(9000)}`)}`, large).status).toBe(513)
    expect(refused('x'.repeat(9000), large).message).toBeUndefined()
  })

  test('§21.5.7: a body one byte too long is answered with 513, declared or not', () => {
    expect(parsed(`${optionsWith('l: 16')}${'b'.repeat(16)}`, limits).body).toHaveLength(16)
    expect(refused(`${optionsWith('l: 17')}${'b'.repeat(17)}`, limits).status).toBe(513)
    expect(refused(`${optionsWith()}${'b'.repeat(17)}`, limits).status).toBe(513)
    expect(parsed(`${optionsWith('l: 1')}${'b'.repeat(17)}`, limits).body).toHaveLength(1)
  })
})

test('what is written is what was read: odd case, folding, compact names, unknown headers and bytes', () => {
  const text = messageText(
    'MESSAGE sip:a@b SIP/2.0',
    ['v :SIP/2.0/UDP a;branch=z', 'X-\x7e:\xff\xfe', 'TO: <sip:b>\r\n ;tag=1', 'sUBJECT:', 'Subject:   two  ', 'x-empty:\t'].map((one) =>
      one.replace('\x7e', '~'),
    ),
    'body',
  )
  expect(serialise(parsed(text)).latin1Slice()).toBe(text)
  expect(headerLines(parsed(text), 'subject').map((one) => one.value)).toEqual(['', 'two'])
})

test('one message after another: what a refused one left behind does not show in the next', () => {
  const good = optionsWith('Content-Length: 0')
  const before = parsed(good)
  refused(`${optionsWith('X: a\nb', 'l: 9999')}`)
  const after = parsed(good)
  expect(after.headers.map((one) => one.raw)).toEqual(before.headers.map((one) => one.raw))
  expect(serialise(before).latin1Slice()).toBe(good)
  expect(LIMITS.headers).toBeGreaterThan(after.headers.length)
})
