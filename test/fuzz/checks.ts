/**
 * What must be true of any bytes at all. Each check throws an Error that says what is wrong; nothing here knows what the bytes were made from.
 */
import { validateRequest, wellFormed } from '../../src/routing/validate.ts'
import { StreamFramer } from '../../src/sip/framing.ts'
import {
  firstHeader,
  indexOfHeader,
  line,
  prepend,
  replaceLine,
  type SipMessage,
  serialise,
  setHeader,
  withBody,
  withRequestUri,
} from '../../src/sip/message.ts'
import { parseNameAddrs } from '../../src/sip/name-addr.ts'
import { parse } from '../../src/sip/parse.ts'
import { address, addresses, cseq, fromTag, splitList, tokens, topVia, toTag, vias } from '../../src/sip/read.ts'
import { formatUri, isSip, numberOf, parseUri, uriParameter, userOf, withUriParameter } from '../../src/sip/uri.ts'
import { parseVia, withReceived } from '../../src/sip/via.ts'
import { LIMITS } from '../support/messages.ts'
import type { Random } from './random.ts'

const ensure: (condition: boolean, what: string) => asserts condition = (condition, what) => {
  if (!condition) throw new Error(what)
}

const view = { printed: () => true, looped: () => false, proxyRequire: new Set<string>() }

/** Everything that reads typed values. */
const readAll = (message: SipMessage): void => {
  topVia(message)
  fromTag(message)
  toTag(message)
  cseq(message)
  tokens(message, 'supported')
  for (const one of message.headers) {
    const { value } = one
    ensure(!/[\r\n]/.test(value), `value with a line end in ${JSON.stringify(one.raw)}`)
    if (one.name === 'via') for (const via of vias(one) ?? []) checkVia(via.text)
    else if (one.name === 'from' || one.name === 'to') checkUri(address(one)?.uri ?? value)
    else if (one.name === 'contact' || one.name.includes('route')) for (const each of addresses(one) ?? []) checkUri(each.uri)
    else splitList(value)
  }
}

/** A URI that is accepted is written as it came, but for its three normal forms, and what is written is accepted as the same. */
export const checkUri = (text: string): void => {
  const uri = parseUri(text)
  if (uri === undefined) return
  const written = formatUri(uri)
  ensure(
    JSON.stringify(parseUri(written)) === JSON.stringify(uri),
    `URI ${JSON.stringify(text)} is written as ${JSON.stringify(written)}, which is another`,
  )
  const scheme = text.slice(0, text.indexOf(':')).toLowerCase()
  const usual = scheme + text.slice(scheme.length)
  ensure(
    written === usual ||
      written === usual.replace(/(\[[0-9A-Fa-f:]*):::(?=[0-9.]+[%\]])/, '$1::') ||
      written === usual.replace(/:0+(?=[1-9]\d*(?:[;?]|$))/, ':'),
    `URI ${JSON.stringify(text)} is written as ${JSON.stringify(written)}`,
  )
  numberOf(uri)
  uriParameter(uri, 'lr')
  if (isSip(uri)) {
    userOf(uri)
    ensure(uri.port === undefined || (uri.port > 0 && uri.port < 65536), `port ${uri.port}`)
    ensure(uriParameter(withUriParameter(uri, 'lr', 'x'), 'lr') === 'x', `parameter does not stay in ${JSON.stringify(text)}`)
  }
}

/** A Via that is accepted can be answered: received and rport are found again, the rest is as it was. */
export const checkVia = (text: string): void => {
  const via = parseVia(text)
  if (via === undefined) return
  ensure(text.endsWith(via.parameters), `parameters ${JSON.stringify(via.parameters)} do not end ${JSON.stringify(text)}`)
  const marked = withReceived(via, '192.0.2.9', 4711, true)
  const again = parseVia(marked)
  ensure(again !== undefined, `Via ${JSON.stringify(marked)} of ours is malformed`)
  ensure(
    again.host === via.host && again.port === via.port && again.transport === via.transport && again.branch === via.branch,
    `Via ${JSON.stringify(marked)} is another`,
  )
  ensure(
    /;received=192\.0\.2\.9/.test(again.parameters) && /;rport=4711/.test(again.parameters),
    `no received in ${JSON.stringify(marked)}`,
  )
}

/** Edits as a proxy makes them: what comes out is accepted, says what was put in, and has all other lines byte for byte. */
const checkEdits = (message: SipMessage): void => {
  const own = line('Via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKown')
  const body = Buffer.from('new body')
  let edited: SipMessage = withBody(prepend(message, own), body)
  if (edited.kind === 'request') edited = withRequestUri(edited, 'sip:new@example.com')
  edited = setHeader(edited, 'Max-Forwards', '7')
  const out = serialise(edited)
  const again = parse(out, { ...LIMITS, headers: LIMITS.headers + 10, head: LIMITS.head + 1000 })
  ensure(again.kind !== 'problem', `edited message is refused: ${again.kind === 'problem' ? again.reason : ''}`)
  ensure(topVia(again)?.branch === 'z9hG4bKown', 'our Via is not on top')
  ensure(again.body.equals(body), 'another body')
  const untouched = (one: SipMessage): string =>
    one.headers.flatMap((each) => (each.name === 'content-length' || each.name === 'max-forwards' ? [] : [each.raw])).join('')
  ensure(untouched(again) === own.raw + untouched(message), 'a line that nobody touched was changed')
}

/** One datagram or WebSocket message. Returns whether it was accepted. */
export const checkMessage = (bytes: Buffer): boolean => {
  const message = parse(bytes, LIMITS)
  if (message.kind === 'problem') {
    ensure(message.status >= 400 && message.status < 600, `status ${message.status}`)
    if (message.message === undefined) return false
    readAll(message.message)
    // What an answer copies must not smuggle line ends
    for (const one of message.message.headers) ensure(!/\r(?!\n)|(?<!\r)\n/.test(one.raw), `bare line end in ${JSON.stringify(one.raw)}`)
    return false
  }
  const out = serialise(message)
  let begin = 0
  while (bytes[begin] === 13 && bytes[begin + 1] === 10) begin += 2
  ensure(bytes.subarray(begin, begin + out.length).equals(out), 'written bytes differ from those that came')
  ensure(serialise(parse(out, LIMITS) as SipMessage).equals(out), 'what was written is not accepted')
  readAll(message)
  checkEdits(message)
  if (wellFormed(message) === undefined) {
    ensure(
      topVia(message) !== undefined && cseq(message) !== undefined && firstHeader(message, 'from') !== undefined,
      'well-formed without what that means',
    )
    checkVia(topVia(message)!.text)
    if (message.kind === 'request') validateRequest(message, view)
    const at = indexOfHeader(message, 'via')
    const received = replaceLine(message, at, line('Via', withReceived(topVia(message)!, '2001:db8::1', 5060, true)))
    ensure(topVia(received)?.branch === topVia(message)?.branch, 'another branch')
  }
  return true
}

/** A stream: however it is cut, the same messages come out; and none of them is longer or shorter to the parser than it was to the framing. */
export const checkStream = (bytes: Buffer, random: Random): number => {
  const limits = { maxHead: LIMITS.head, maxBody: LIMITS.body }
  const run = (chunks: readonly Buffer[]): { readonly messages: readonly string[]; readonly fault: string | undefined } => {
    const framer = new StreamFramer()
    const messages: string[] = []
    const sink = {
      message: (one: Buffer) => {
        messages.push(one.latin1Slice())
        return true
      },
      keepAlive: () => {},
    }
    for (const chunk of chunks) {
      const fault = framer.push(chunk, 0, limits, sink)
      if (fault !== undefined) return { messages, fault: `${fault.status} ${fault.reason}` }
    }
    return { messages, fault: undefined }
  }
  const whole = run([bytes])
  const cuts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const to = at + 1 + random.size(bytes.length - at)
    cuts.push(Buffer.from(bytes.subarray(at, to)))
    at = to
  }
  const cut = run(cuts)
  ensure(
    JSON.stringify(cut) === JSON.stringify(whole),
    `cut in ${cuts.length} the stream is another: ${cut.messages.length} messages ${cut.fault}, whole ${whole.messages.length} ${whole.fault}`,
  )
  for (const [index, text] of whole.messages.entries()) {
    if (whole.fault !== undefined && index === whole.messages.length - 1) continue
    const message = parse(Buffer.from(text, 'latin1'), LIMITS)
    if (message.kind === 'problem') continue
    ensure(serialise(message).latin1Slice() === text, `framing and parser disagree where ${JSON.stringify(text.slice(0, 80))} ends`)
  }
  return whole.messages.length
}

/** Values alone: what stands in one header. */
export const checkValue = (text: string): void => {
  checkUri(text)
  checkVia(text)
  const list = parseNameAddrs(text)
  if (list === undefined) return
  const again = parseNameAddrs(list.map((one) => one.text).join(', '))
  ensure(JSON.stringify(again) === JSON.stringify(list), `address list ${JSON.stringify(text)} reads differently when written again`)
}
