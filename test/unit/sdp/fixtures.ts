import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { isProblem, type Problem } from '../../../src/base/problem.ts'
import { readSdp, type Sdp, text } from '../../../src/sdp/sdp.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')

/** Names of the SDP fixtures, without `.sdp`. */
export const SDP_NAMES: readonly string[] = readdirSync(join(folder, 'sdp')).map((file) => file.replace(/\.sdp$/, ''))

export const sdpFixture = (name: string): string => readFileSync(join(folder, 'sdp', `${name}.sdp`), 'latin1')

/** What rtpengine made, with the SDP it made it of. */
export interface Recorded {
  readonly file: string
  readonly command: string
  readonly sent: string
  readonly made: string
}

export const RECORDED: readonly Recorded[] = readdirSync(join(folder, 'ng'))
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => {
    const { steps } = JSON.parse(readFileSync(join(folder, 'ng', file), 'utf8')) as {
      steps: { command: string; request: { sdp?: string }; reply: { sdp?: string } }[]
    }
    return steps.flatMap(({ command, request, reply }) =>
      request.sdp === undefined || reply.sdp === undefined ? [] : [{ file, command, sent: request.sdp, made: reply.sdp }],
    )
  })

/** What rtpengine made in the nth step of a recording. */
export const recorded = (file: string, step: number): Recorded => RECORDED.filter((one) => one.file === `${file}.json`)[step]!

/** The SDP of a text that can be read. */
export const sdpOf = (written: string): Sdp => good(readSdp(written))

/** Fails when it is a problem. */
export const good = <T extends object>(value: T | Problem): T => {
  if (isProblem(value)) return expect.unreachable(`${value.status} ${value.reason}`)
  return value
}

/** Fails when it is none. */
export const bad = (value: object | undefined): Problem => {
  if (value === undefined || !isProblem(value)) return expect.unreachable('no problem')
  return value
}

/** The rule as text to text. */
export const onText =
  (rule: (sdp: Sdp) => Sdp) =>
  (written: string): string =>
    text(rule(sdpOf(written)))

/** Lines that are in the first text and not in the second, in order. */
export const linesOnlyIn = (one: string, other: string): readonly string[] => {
  const there = new Set(other.split('\r\n'))
  return one.split('\r\n').filter((line) => !there.has(line))
}

const LINES = [
  ...['v=0', 's=-', 't=0 0', 'c=IN IP4 192.0.2.1', 'c=IN IP4 0.0.0.0', 'b=CT:1', 'm=', 'm=audio', 'x', '', 'a=', 'a=:', 'a'],
  ...['m=audio 9 RTP/SAVP 0 8', 'm=audio 4000 RTP/AVP 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'm=video 0 RTP/AVP 96', 'm=image 4 udptl t38'],
  ...['m=audio 5/2  RTP/AVP  0', 'm=audio 99999 RTP/SAVPF', 'a=group:BUNDLE 0 1', 'a=group:BUNDLE', 'a=group:LS 1 2', 'a=mid:0', 'a=mid:1', 'a=mid:2', 'a=mid:'],
  ...['a=sendrecv', 'a=sendonly', 'a=recvonly  ', 'a=inactive', 'a=bundle-only', 'a=candidate:1 1 UDP 1 192.0.2.1 9 typ host', 'a=fingerprint:sha-256 00'],
  ...['a=msid:- x', 'a=msid-semantic: WMS', 'a=ssrc:1 cname:x', 'a=ssrc-group:FID 1 2', 'a=rtcp-rsize', 'a=rtcp-xr:x', 'a=rtcp-fb:0 nack', 'a=extmap-allow-mixed'],
  ...['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aaaa', 'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:bbbb|2^31|1:1', 'a=crypto:3 aes_cm_128_hmac_sha1_80 inline:cccc|2^31'],
  ...['a=crypto:4 AEAD_AES_256_GCM inline:dddd', 'a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:e UNENCRYPTED_SRTCP', 'a=crypto:x', 'a=rtpmap:0 PCMU/8000', 'a=\xe9\xff\0\r'],
] // biome-ignore format: a table

/** Texts that look like SDP here and there: of its lines in any order, with any line ends. */
export const anySdp: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...LINES), fc.constantFrom('\r\n', '\r\n', '\r\n', '\n')), { maxLength: 40 }),
    fc.constantFrom('', '', 'a=mid:0', 'm=audio 9 RTP/SAVP 0', '\r'),
  )
  .map(([lines, end]) => `v=0\r\n${lines.map(([line, lineEnd]) => line + lineEnd).join('')}${end}`)

/** Any bytes at all. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  anySdp,
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 400 }).map((rest) => `v=${rest}`),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 400 }),
)
