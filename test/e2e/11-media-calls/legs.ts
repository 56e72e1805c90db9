/** What an SDP on a leg must look like, whoever is on the other leg, and what of one side may never be seen on the other. */
import { expect } from 'vitest'
import { namesAttribute, SUITE } from '../../support/media/negotiation.ts'
import { attributesOf, audioOf, codecsOf, cryptosOf, directionOf, readSdp } from '../../support/media/sdp.ts'

export type LegKind = 'plain' | 'sdes' | 'teams' | 'bypass' | 'browser'

/** What crossed between a party and the edge. */
export interface Leg {
  readonly kind: LegKind
  /** Of rtpengine on that side: no other may be in what the party is told. */
  readonly address: string
  /** SDPs of the party. */
  readonly said: readonly string[]
  /** SDPs to the party. */
  readonly told: readonly string[]
}

const ICE = ['candidate', 'ice-ufrag', 'ice-pwd', 'ice-options', 'ice-lite', 'end-of-candidates', 'remote-candidates']
const DTLS = ['fingerprint', 'setup', 'tls-id']
const BROWSERS = ['group', 'msid', 'msid-semantic', 'ssrc', 'ssrc-group', 'extmap', 'extmap-allow-mixed', 'rtcp-fb', 'rtcp-rsize']
const NOT_FOR: Readonly<Record<LegKind, readonly string[]>> = {
  plain: [...ICE, ...DTLS, ...BROWSERS, 'rtcp-mux', 'mid', 'crypto'],
  sdes: [...ICE, ...DTLS, ...BROWSERS, 'rtcp-mux', 'mid'],
  teams: [...ICE, ...DTLS, ...BROWSERS, 'rtcp-mux', 'mid'],
  bypass: [...DTLS, ...BROWSERS, 'mid', 'remote-candidates', 'end-of-candidates'],
  browser: ['crypto'],
}
const PROTOCOL: Readonly<Record<LegKind, string>> = {
  plain: 'RTP/AVP',
  sdes: 'RTP/SAVP',
  teams: 'RTP/SAVP',
  bypass: 'RTP/SAVP',
  browser: 'UDP/TLS/RTP/SAVPF',
}

const ADDRESSES = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g

/** RFC 8839 §5.2: once ICE is up, who controls it says to the other which of its own addresses it reached. */
const OWN = /^a=remote-candidates:.*\r\n/gm

const expectLeg = (sdps: readonly string[], kind: LegKind, address: string): void => {
  for (const text of sdps) {
    const sdp = readSdp(text)
    const audio = audioOf(sdp)
    expect(audio.protocol).toBe(PROTOCOL[kind])
    expect([...new Set(text.replace(OWN, '').match(ADDRESSES))], text).toEqual([address])
    expect(namesAttribute(text, NOT_FOR[kind])).toEqual([])
    expect(codecsOf(audio).length).toBeGreaterThan(0)
    if (kind === 'sdes' || kind === 'teams' || kind === 'bypass') expectKeys(text, kind)
    if (kind === 'bypass') expectLite(text)
    if (kind === 'teams' || kind === 'bypass') expect(directionOf(sdp, audio)).toMatch(/^(?:sendrecv|inactive)$/)
    if (kind === 'browser') expectBrowser(text)
  }
}

/** A lite agent (RFC 8445 §2.5) with one host candidate for RTP and RTCP. */
const expectLite = (text: string): void => {
  const sdp = readSdp(text)
  const audio = audioOf(sdp)
  expect(attributesOf(sdp, audio, 'ice-lite')).toHaveLength(1)
  expect(attributesOf(sdp, audio, 'rtcp-mux')).toHaveLength(1)
  const [candidate, ...more] = attributesOf(sdp, audio, 'candidate')
  expect(candidate).toMatch(new RegExp(`^\\S+ 1 UDP \\d+ ${audio.address.replaceAll('.', '\\.')} ${audio.port} typ host$`, 'i'))
  expect(more).toEqual([])
}

const expectKeys = (text: string, kind: 'sdes' | 'teams' | 'bypass'): void => {
  const cryptos = cryptosOf(audioOf(readSdp(text)))
  expect(cryptos.map(({ suite }) => suite)).toEqual([SUITE])
  expect(cryptos.map(({ parameters }) => parameters)).toEqual([kind === 'sdes' ? '' : '|2^31'])
}

const expectBrowser = (text: string): void => {
  const sdp = readSdp(text)
  const audio = audioOf(sdp)
  const one = (name: string): string => {
    const values = attributesOf(sdp, audio, name)
    expect(values).toHaveLength(1)
    return values[0]!
  }
  expect(one('fingerprint')).toMatch(/^sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  expect(one('setup')).toMatch(/^(?:actpass|passive)$/)
  expect(one('ice-ufrag')).not.toBe('')
  expect(one('ice-pwd')).not.toBe('')
  expect(one('group')).toBe(`BUNDLE ${one('mid')}`)
  expect(attributesOf(sdp, audio, 'rtcp-mux')).toHaveLength(1)
  const candidates = attributesOf(sdp, audio, 'candidate')
  expect(candidates.length).toBeGreaterThan(0)
  for (const candidate of candidates) expect(candidate).toMatch(new RegExp(` 1 UDP \\d+ \\S+ ${audio.port} typ host`, 'i'))
}

/** What only the side that wrote an SDP and rtpengine may know of it. */
const secretsOf = (text: string): readonly string[] => {
  const values = [...text.matchAll(/^a=(?:crypto:\d+ \w+ inline:|ice-ufrag:|ice-pwd:|fingerprint:\S+ )([^|\s]+)/gm)].map(
    ([, value]) => value!,
  )
  const addresses = (text.match(ADDRESSES) ?? []).filter((address) => !address.startsWith('0.'))
  const names = [...text.matchAll(/[0-9a-f-]{36}\.local/g)].map(([name]) => name)
  return [...new Set([...values, ...addresses, ...names])]
}

/** Short enough to stand in another value by chance. */
const SHORT = 16

/**
 * Both legs of all calls of two parties, each as its profile has it, and neither with anything of the other side.
 * @param keys `shared`: rtpengine passes SRTP on as it is where both legs have keys in the SDP, and with it these keys (media §5)
 */
export const expectLegs = (one: Leg, other: Leg, keys: 'shared' | 'hidden' = 'hidden'): void => {
  expect([...one.told, ...other.told].length).toBeGreaterThan(0)
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    expectLeg(here.told, here.kind, here.address)
    expectHidden(keys === 'shared' ? here.said.map((sdp) => sdp.replace(/^a=crypto.*\r\n/gm, '')) : here.said, there.told)
  }
}

/** Neither address nor key, candidate nor fingerprint. @param said by one side @param told to the other */
const expectHidden = (said: readonly string[], told: readonly string[]): void => {
  const secrets = [...new Set(said.flatMap(secretsOf))]
  for (const text of told) {
    const seen = new Set(secretsOf(text))
    expect(secrets.filter((secret) => seen.has(secret) || (secret.length >= SHORT && text.includes(secret)))).toEqual([])
  }
}
