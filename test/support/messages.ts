import { expect } from 'vitest'
import type { SipMessage, SipRequest, SipResponse } from '../../src/sip/message.ts'
import { type ParseLimits, type ParseProblem, parse } from '../../src/sip/parse.ts'

export const LIMITS: ParseLimits = { startLine: 4096, headers: 200, head: 65_536, body: 1_048_576 }

/** Bytes of a text in which one character is one byte. */
export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A message from its lines: CRLF behind each, then the empty line and the body. */
export const messageText = (startLine: string, headers: readonly string[], body = ''): string =>
  `${[startLine, ...headers].map((line) => `${line}\r\n`).join('')}\r\n${body}`

const MANDATORY = [
  'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKsample;rport',
  'Max-Forwards: 70',
  'To: <sip:bob@example.com>',
  'From: <sip:alice@example.com>;tag=a1',
  'Call-ID: sample@127.0.0.1',
  'CSeq: 1 OPTIONS',
]

/** A good OPTIONS with further header lines. */
export const optionsWith = (...headers: readonly string[]): string =>
  messageText('OPTIONS sip:bob@example.com SIP/2.0', [...MANDATORY, ...headers])

export const parsed = (text: string | Buffer, limits = LIMITS): SipMessage => {
  const message = parse(typeof text === 'string' ? bytesOf(text) : text, limits)
  if (message.kind === 'problem') expect.unreachable(`refused: ${message.status} ${message.reason}`)
  return message as SipMessage
}

export const parsedRequest = (text: string | Buffer, limits = LIMITS): SipRequest => {
  const message = parsed(text, limits)
  if (message.kind !== 'request') expect.unreachable('a response')
  return message as SipRequest
}

export const parsedResponse = (text: string | Buffer, limits = LIMITS): SipResponse => {
  const message = parsed(text, limits)
  if (message.kind !== 'response') expect.unreachable('a request')
  return message as SipResponse
}

export const refused = (text: string | Buffer, limits = LIMITS): ParseProblem => {
  const problem = parse(typeof text === 'string' ? bytesOf(text) : text, limits)
  if (problem.kind !== 'problem') expect.unreachable('accepted')
  return problem as ParseProblem
}
