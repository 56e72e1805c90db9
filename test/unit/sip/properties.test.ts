import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../src/base/errors.ts'
import { canonicalName, HEADERS, type HeaderFacts } from '../../../src/sip/headers/table.ts'
import {
  append,
  headerValue,
  line,
  prepend,
  replaceLine,
  type SipMessage,
  serialise,
  setHeader,
  withBody,
  withoutHeader,
  withRequestUri,
} from '../../../src/sip/message.ts'
import { parseNameAddr, parseNameAddrs } from '../../../src/sip/name-addr.ts'
import { parameter, quotesBalance, withoutParameter, withParameter } from '../../../src/sip/parameters.ts'
import { parse } from '../../../src/sip/parse.ts'
import { splitList } from '../../../src/sip/read.ts'
import { unfold } from '../../../src/sip/text.ts'
import { formatUri, parseUri } from '../../../src/sip/uri.ts'
import { parseVia, withReceived } from '../../../src/sip/via.ts'
import { checkMessage, checkStream, checkUri, checkVia } from '../../fuzz/checks.ts'
import { mutant } from '../../fuzz/mutate.ts'
import { Random } from '../../fuzz/random.ts'
import { LIMITS, parsed, parsedRequest } from '../../support/messages.ts'

// The same runs each time; `test/fuzz/long.ts` looks for what is new
const settings = { seed: 3261, numRuns: 400 } as const
const holds = <T extends readonly [unknown, ...unknown[]]>(property: fc.IProperty<T>): void =>
  fc.assert(property as fc.IProperty<unknown>, settings)

const characters = (pattern: RegExp): readonly string[] =>
  Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((one) => pattern.test(one))
const textOf = (pattern: RegExp, constraints: fc.StringConstraints = {}): fc.Arbitrary<string> =>
  fc.string({ ...constraints, unit: fc.constantFrom(...characters(pattern)) })

const TOKEN = /[A-Za-z0-9\-.!%*_+`'~]/
const token = textOf(TOKEN, { minLength: 1, maxLength: 20 })
const blanks = textOf(/[ \t]/, { maxLength: 3 })
/** Anything that is no line end, in one line or folded. */
const value = fc
  .array(fc.tuple(textOf(/[^\r\n]/, { maxLength: 30 }), textOf(/[ \t]/, { minLength: 1, maxLength: 3 })), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map(([text, fold], i) => (i === 0 ? text : `\r\n${fold}${text}`)).join(''))
const randomCase = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) => text.replace(/./g, (one, i: number) => (upper[i] ? one.toUpperCase() : one.toLowerCase())))
const knownName = fc
  .constantFrom(
    ...(Object.entries(HEADERS) as [string, HeaderFacts][]).flatMap(([name, facts]) =>
      facts.compact === undefined ? [name] : [name, facts.compact],
    ),
  )
  .chain(randomCase)
const name = fc.oneof(knownName, token).filter((one) => canonicalName(one) !== 'content-length')
const headerText = fc.tuple(name, blanks, value).map(([written, blank, text]) => `${written}${blank}:${text}\r\n`)

const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).latin1Slice())
const startLine = fc.oneof(
  fc
    .tuple(token, textOf(/[^\r\n \t]/, { minLength: 1, maxLength: 40 }), randomCase('SIP/2.0'))
    .map(([method, uri, version]) => `${method} ${uri} ${version}\r\n`),
  fc
    .tuple(fc.integer({ min: 100, max: 699 }), textOf(/[^\r\n]/, { maxLength: 30 }))
    .map(([status, reason]) => `SIP/2.0 ${status} ${reason}\r\n`),
)
const lengthText = (length: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('Content-Length', 'l', 'L', 'CONTENT-length'),
      blanks,
      fc.constantFrom('', ' ', '\t', '\r\n '),
      fc.constantFrom('', '0', '000'),
      blanks,
    )
    .map(([written, blank, before, zeros, after]) => `${written}${blank}:${before}${zeros}${length}${after}\r\n`)
/** A message as no sane stack writes it, and every stack must read it. */
const messageText = fc
  .tuple(startLine, fc.array(headerText, { maxLength: 12 }), body)
  .chain(([start, headers, text]) =>
    fc
      .tuple(fc.array(lengthText(text.length), { maxLength: 2 }), fc.nat(12))
      .map(([lengths, at]) => `${start}${headers.toSpliced(at % (headers.length + 1), 0, ...lengths).join('')}\r\n${text}`),
  )

const latin1 = (message: SipMessage): string => serialise(message).latin1Slice()

describe('whole messages', () => {
  test('serialise(parse(x)) is x, for valid messages with odd white space, folding, case, compact forms, unknown headers and bytes', () => {
    holds(
      fc.property(messageText, (text) => {
        expect(latin1(parsed(text))).toBe(text)
      }),
    )
  })

  test('§7.5: CRLFs before and bytes behind a message with Content-Length are not part of it', () => {
    holds(
      fc.property(messageText, fc.nat(3), body, (text, before, behind) => {
        fc.pre(/\r\n(?:content-length|l)[ \t]*:/i.test(text.slice(0, text.indexOf('\r\n\r\n') + 2)))
        expect(latin1(parsed('\r\n'.repeat(before) + text + behind))).toBe(text)
      }),
    )
  })

  test('§18.3: the parser ends a message where the framing of a stream does', () => {
    holds(
      fc.property(fc.array(messageText, { minLength: 1, maxLength: 3 }), fc.integer(), (texts, seed) => {
        checkStream(Buffer.from(texts.join(''), 'latin1'), new Random(seed))
      }),
    )
  })

  test('parse never throws, and what it accepts can be written, edited and read: mutants of the torture messages', () => {
    holds(fc.property(fc.integer(), (seed) => void checkMessage(mutant(new Random(seed)))))
  })

  test('parse never throws on arbitrary bytes', () => {
    holds(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void checkMessage(Buffer.from(bytes))))
  })

  test('a message cut short anywhere is refused or means less; never does it throw', () => {
    holds(fc.property(messageText, fc.nat(), (text, at) => void checkMessage(Buffer.from(text.slice(0, at % (text.length + 1)), 'latin1'))))
  })

  test('limits hold: an accepted message is within all of them', () => {
    const limits = { startLine: 40, headers: 4, head: 200, body: 20 }
    holds(
      fc.property(messageText, (text) => {
        const message = parse(Buffer.from(text, 'latin1'), limits)
        if (message.kind === 'problem') return
        expect(message.startLine.length).toBeLessThanOrEqual(40)
        expect(message.headers.length).toBeLessThanOrEqual(4)
        expect(text.indexOf('\r\n\r\n') + 4).toBeLessThanOrEqual(200)
        expect(message.body.length).toBeLessThanOrEqual(20)
      }),
    )
  })
})

/** An edit, and what it does to the list of raw lines. */
interface Edit {
  apply(message: SipMessage): SipMessage
  expected(lines: readonly string[]): readonly string[]
}

const canonicalOf = (raw: string): string => canonicalName(raw.slice(0, raw.indexOf(':')).trimEnd())!
const newLine = fc.tuple(name, textOf(/[^\r\n\0]/, { maxLength: 20 })).map(([written, text]) => line(written, text))

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.array(newLine, { minLength: 1, maxLength: 2 }).map((made) => ({
    apply: (message: SipMessage) => prepend(message, ...made),
    expected: (lines: readonly string[]) => [...made.map((one) => one.raw), ...lines],
  })),
  newLine.map((made) => ({
    apply: (message: SipMessage) => append(message, made),
    expected: (lines: readonly string[]) => [...lines, made.raw],
  })),
  fc.tuple(fc.nat(), fc.array(newLine, { maxLength: 2 })).map(([at, made]) => ({
    apply: (message: SipMessage) => (message.headers.length === 0 ? message : replaceLine(message, at % message.headers.length, ...made)),
    expected: (lines: readonly string[]) =>
      lines.length === 0 ? lines : lines.toSpliced(at % lines.length, 1, ...made.map((one) => one.raw)),
  })),
  newLine.map((made) => ({
    apply: (message: SipMessage) =>
      setHeader(message, made.name, made.raw.slice(made.raw.indexOf(':') + 2, -2), made.raw.slice(0, made.raw.indexOf(':'))),
    expected: (lines: readonly string[]) => {
      const first = lines.findIndex((one) => canonicalOf(one) === made.name)
      if (first < 0) return [...lines, made.raw]
      return lines.flatMap((one, i) => (i === first ? [made.raw] : canonicalOf(one) === made.name ? [] : [one]))
    },
  })),
  name.map((written) => ({
    apply: (message: SipMessage) => withoutHeader(message, canonicalName(written)!),
    expected: (lines: readonly string[]) => lines.filter((one) => canonicalOf(one) !== canonicalName(written)),
  })),
)

describe('edits', () => {
  test('any row of edits leaves every line that it did not touch byte for byte, and the body', () => {
    holds(
      fc.property(messageText, fc.array(edit, { minLength: 1, maxLength: 6 }), (text, edits) => {
        const message = parsed(text)
        const lines = message.headers.map((one) => one.raw)
        const edited = edits.reduce((one, each) => each.apply(one), message)
        const expected = edits.reduce<readonly string[]>((one, each) => each.expected(one), lines)
        expect(latin1(edited)).toBe(`${message.startLine}${expected.join('')}\r\n${message.body.latin1Slice()}`)
        // The one it was made from is what it was
        expect(latin1(message)).toBe(text)
      }),
    )
  })

  test('new text stays in its line, whatever it is: it is refused, or found again as the one header that was added', () => {
    holds(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 40 }), (written, text) => {
        const message = parsed('OPTIONS sip:a SIP/2.0\r\nX-1: 1\r\n\r\n')
        let edited: SipMessage
        try {
          edited = prepend(message, line(written, text))
        } catch (error) {
          expect(error).toBeInstanceOf(InvariantError)
          return
        }
        const again = parsed(serialise(edited))
        expect(again.headers).toHaveLength(2)
        expect(again.headers[0]!.value).toBe(edited.headers[0]!.value)
      }),
    )
  })

  test('a new Request-URI stays in its place, whatever it is', () => {
    holds(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (uri) => {
        const request = parsedRequest('OPTIONS sip:a SIP/2.0\r\nX-1: 1\r\n\r\n')
        try {
          expect(parsedRequest(serialise(withRequestUri(request, uri))).requestUri).toBe(uri)
        } catch (error) {
          expect(error).toBeInstanceOf(InvariantError)
        }
      }),
    )
  })

  test('a new body comes with its true length', () => {
    holds(
      fc.property(messageText, body, (text, other) => {
        const again = parsed(serialise(withBody(parsed(text), Buffer.from(other, 'latin1'))))
        expect(again.body.latin1Slice()).toBe(other)
        expect(headerValue(again, 'content-length')).toBe(String(other.length))
      }),
    )
  })
})

describe('parameters', () => {
  const quoted = textOf(/[^\r\n"\\]/, { maxLength: 8 }).map((text) => `"${text.replaceAll(';', '\\";')}"`)
  const one = fc
    .tuple(blanks, token, blanks, fc.option(fc.tuple(blanks, fc.oneof(token, quoted), blanks)))
    .map(([a, written, b, given]) => `;${a}${written}${b}${given === null ? '' : `=${given.join('')}`}`)
  const list = fc.array(one, { maxLength: 5 }).map((parts) => parts.join(''))
  const key = token.map((text) => text.toLowerCase())

  test('what was set is read, and nothing else changed', () => {
    holds(
      fc.property(list, key, token, key, (text, set, given, other) => {
        expect(quotesBalance(text)).toBe(true)
        const changed = withParameter(text, set, given)
        expect(parameter(changed, set)).toBe(given)
        if (other !== set) expect(parameter(changed, other)).toBe(parameter(text, other))
        expect(withParameter(changed, set, given)).toBe(changed)
      }),
    )
  })

  test('what was taken off is gone, and nothing else changed', () => {
    holds(
      fc.property(list, key, key, (text, off, other) => {
        const changed = withoutParameter(text, off)
        expect(parameter(changed, off)).toBeUndefined()
        if (other !== off) expect(parameter(changed, other)).toBe(parameter(text, other))
        expect(withoutParameter(withParameter(text, off, 'x'), off)).toBe(changed)
      }),
    )
  })

  test('a parameter that is there is found whatever its case and white space', () => {
    holds(
      fc.property(list, one, (before, written) => {
        const set = written.slice(1).split('=')[0]!.replace(/[ \t]/g, '').toLowerCase()
        const equals = written.indexOf('=')
        fc.pre(parameter(before, set) === undefined)
        expect(parameter(before + written, set)).toBe(equals < 0 ? '' : written.slice(equals + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
      }),
    )
  })
})

describe('URIs', () => {
  const label = textOf(/[A-Za-z0-9]/, { minLength: 1, maxLength: 8 }).map((text) => `h${text}`)
  const octet = fc.integer({ min: 0, max: 255 })
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16))
  const host = fc.oneof(
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
    fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.')),
    fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => `[${groups.join(':')}]`),
    fc
      .tuple(fc.array(group, { maxLength: 3 }), fc.array(group, { maxLength: 3 }))
      .map(([left, right]) => `[${left.join(':')}::${right.join(':')}]`),
  )
  const escaped = fc.integer({ min: 0, max: 255 }).map((code) => `%${code.toString(16).padStart(2, '0')}`)
  const user = fc
    .array(fc.oneof(textOf(/[A-Za-z0-9\-_.!~*'()&=+$,;?/]/, { minLength: 1, maxLength: 6 }), escaped), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join(''))
  const uriParameters = fc
    .array(fc.tuple(token, fc.option(textOf(/[A-Za-z0-9[\]/:&+$\-_.!~*'()]/, { minLength: 1, maxLength: 6 }))), { maxLength: 3 })
    .map((all) => all.map(([key, given]) => `;${key.replaceAll('%', '')}x${given === null ? '' : `=${given}`}`).join(''))
  const headers = fc.option(
    user.map((text) => `?${text.replaceAll('?', '')}=1`),
    { nil: '' },
  )
  const sip = fc
    .tuple(fc.constantFrom('sip', 'sips'), fc.option(user), host, fc.option(fc.integer({ min: 1, max: 65535 })), uriParameters, headers)
    .map(
      ([scheme, userinfo, where, port, all, asked]) =>
        `${scheme}:${userinfo === null ? '' : `${userinfo}@`}${where}${port === null ? '' : `:${port}`}${all}${asked}`,
    )

  test('formatUri(parseUri(x)) is x', () => {
    holds(
      fc.property(sip, (text) => {
        expect(formatUri(parseUri(text)!)).toBe(text)
        checkUri(text)
      }),
    )
  })

  test('RFC 3966: formatUri(parseUri(x)) is x for tel', () => {
    holds(
      fc.property(textOf(/[0-9A-Fa-f*#()\-.+]/, { minLength: 1, maxLength: 20 }), uriParameters, (number, all) => {
        expect(formatUri(parseUri(`tel:${number}${all}`)!)).toBe(`tel:${number}${all}`)
      }),
    )
  })

  test('a URI of any characters throws nothing, and is written as it was read', () => {
    holds(fc.property(fc.string({ unit: 'binary' }), (text) => checkUri(text)))
    holds(fc.property(textOf(/[a:;?@[\].%0-9=&-]/, { maxLength: 20 }), (text) => checkUri(`sip:${text}`)))
  })
})

describe('Via and addresses', () => {
  test('a Via with white space wherever it may stand reads like the one without', () => {
    holds(
      fc.property(
        fc.constantFrom('UDP', 'TCP', 'WSS', 'TLS-SCTP'),
        fc.constantFrom('a.example', '10.0.0.1', '[2001:db8::1]'),
        fc.option(fc.integer({ min: 1, max: 65535 })),
        token,
        fc.array(blanks, { minLength: 5, maxLength: 5 }),
        (transport, host, port, branch, b) => {
          const plain = parseVia(`SIP/2.0/${transport} ${host}${port === null ? '' : `:${port}`};branch=${branch}`)
          const spaced = parseVia(
            `sip${b[0]}/${b[1]}2.0${b[2]}/${b[3]}${transport.toLowerCase()} ${b[4]}${host}${b[0]}${port === null ? '' : `:${b[1]}${port}`}${b[2]};${b[3]}branch${b[4]}=${b[0]}${branch}`,
          )
          expect({ ...spaced, text: '', parameters: '' }).toEqual({ ...plain, text: '', parameters: '' })
          expect(plain).toMatchObject({ transport, host, port: port ?? undefined, branch })
        },
      ),
    )
  })

  test('whatever Via is accepted can be answered', () => {
    holds(fc.property(textOf(/[^\r\n]/, { maxLength: 40 }), (text) => checkVia(`SIP/2.0/UDP a${text}`)))
    holds(
      fc.property(textOf(/[;="\\a ,\0-]/, { maxLength: 20 }), (text) => {
        const via = parseVia(`SIP/2.0/UDP a;${text}`)
        if (via !== undefined)
          expect(parameter(parseVia(withReceived(via, '192.0.2.1', 1, true))!.parameters, 'received')).toBe('192.0.2.1')
      }),
    )
  })

  const address = fc.oneof(
    textOf(/[^\r\n"\\\0]/, { maxLength: 10 }).map((display) => `"${display}" <sip:a@b.example>;tag=1`),
    fc.tuple(token, token).map(([display, tag]) => `${display} <sip:a,b@c.example;lr>;tag=${tag}`),
    token.map((user) => `sip:${user.replaceAll('%', '')}x@b.example;x="1,2"`),
  )

  test('§7.3.1: a list of addresses reads as its members do alone, however it is separated', () => {
    holds(
      fc.property(fc.array(address, { minLength: 1, maxLength: 4 }), blanks, blanks, (all, before, after) => {
        expect(parseNameAddrs(all.join(`${before},${after}`))).toEqual(all.map((one) => parseNameAddr(one)))
        expect(splitList(all.join(`${before},${after}`))).toEqual(all)
      }),
    )
  })

  test('an address of any characters throws nothing, and its text is what was given', () => {
    holds(
      fc.property(textOf(/["<>;,=:@?\\a \t*\0\xa0]/, { maxLength: 24 }), (text) => {
        const one = parseNameAddr(text)
        if (one !== undefined) expect(one.text).toBe(text)
        for (const each of parseNameAddrs(text) ?? []) expect(text).toContain(each.text)
      }),
    )
  })
})

test('§7.3.1: a folded value reads like the same words with single spaces', () => {
  const word = textOf(/[^\r\n \t]/, { minLength: 1, maxLength: 8 })
  holds(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), textOf(/[ \t]/, { minLength: 1, maxLength: 3 }), (words, blank) => {
      expect(unfold(words.join(`${blank}\r\n${blank}`))).toBe(words.join(' '))
      const message = parsed(`OPTIONS sip:a SIP/2.0\r\nX-1:${blank}${words.join(`\r\n${blank}`)}\r\n\r\n`, LIMITS)
      expect(headerValue(message, 'x-1')).toBe(words.join(' '))
    }),
  )
})
