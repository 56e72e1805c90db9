/**
 * A call that a test takes through rtpengine itself, without the program under test: dictionaries by hand, and the one repair of SDP
 * that browsers cannot do without.
 */
import type { Rtpengine } from '../rtpengine.ts'
import { readSdp } from './sdp.ts'

export interface NgParty {
  readonly kind: 'plain' | 'sdes' | 'browser'
  /** rtpengine's interface toward it. */
  readonly interface: string
}

export interface NgCall {
  readonly callId: string
  /** The SDP for the other side of an offer that the caller or the called party makes. */
  offer(by: 'caller' | 'called', sdp: string): Promise<string>
  /** The SDP for whoever made the last offer. */
  answer(sdp: string): Promise<string>
  /** Ends it; the statistics. */
  delete(): Promise<Record<string, unknown>>
}

const OTHER_SUITES = [
  ...['AEAD_AES_256_GCM', 'AEAD_AES_128_GCM', 'AES_256_CM_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_32', 'AES_192_CM_HMAC_SHA1_80'],
  ...[
    'AES_192_CM_HMAC_SHA1_32',
    'AES_CM_128_HMAC_SHA1_32',
    'F8_128_HMAC_SHA1_80',
    'F8_128_HMAC_SHA1_32',
    'NULL_HMAC_SHA1_80',
    'NULL_HMAC_SHA1_32',
  ],
].map((suite) => `no-${suite}`)

const TOWARD: Readonly<Record<NgParty['kind'], object>> = {
  plain: { ICE: 'remove', 'transport-protocol': 'RTP/AVP', 'rtcp-mux': ['demux'] },
  sdes: { ICE: 'remove', 'transport-protocol': 'RTP/SAVP', DTLS: 'off', SDES: OTHER_SUITES, 'rtcp-mux': ['demux'] },
  browser: { ICE: 'force', 'transport-protocol': 'UDP/TLS/RTP/SAVPF', SDES: ['off'], 'rtcp-mux': ['require'] },
}
const BACK: Readonly<Record<NgParty['kind'], object>> = {
  plain: { ICE: 'remove' },
  sdes: { ICE: 'remove' },
  browser: { ICE: 'force', DTLS: 'passive' },
}

/** rtpengine takes the group away; Chromium wants the one section that there is in one. */
const grouped = (sdp: string): string => {
  const { attributes, sections } = readSdp(sdp)
  const mid = sections[0]?.attributes.find(({ name }) => name === 'mid')?.value
  if (mid === undefined || attributes.some(({ name }) => name === 'group')) return sdp
  return sdp.replace(/\r\nt=.*\r\n/, (time) => `${time}a=group:BUNDLE ${mid}\r\n`)
}

let calls = 0

export const ngCall = (rtpengine: Rtpengine, caller: NgParty, called: NgParty): NgCall => {
  const callId = `by-hand-${process.pid}-${++calls}`
  const parties = { caller: { ...caller, tag: 'a' }, called: { ...called, tag: 'b1' } }
  let [from, to] = [parties.caller, parties.called]
  let established = false
  const ask = async (command: 'offer' | 'answer', sender: typeof from, receiver: typeof to, sdp: string, more: object): Promise<string> => {
    const flags = [
      ...(sender.kind === 'browser' ? [] : ['strict-source']),
      ...(established ? ['port-latching'] : []),
      ...(sender.kind === 'browser' && receiver.kind !== 'browser' ? ['strip-extmap'] : []),
      ...(command === 'offer' && receiver.kind === 'browser' ? ['generate-mid'] : []),
    ]
    const reply = await rtpengine.request(command, {
      ...{ 'call-id': callId, 'from-tag': from.tag, 'to-tag': to.tag, sdp, flags, supports: ['load limit'] },
      replace: ['origin', 'session-connection', 'zero-address', 'SDP-version'],
      ...more,
    })
    if (reply.result !== 'ok' || typeof reply.sdp !== 'string') throw new Error(`${command}: ${JSON.stringify(reply)}`)
    return receiver.kind === 'browser' ? grouped(reply.sdp) : reply.sdp
  }
  return {
    callId,
    offer: (by, sdp) => {
      ;[from, to] = by === 'caller' ? [parties.caller, parties.called] : [parties.called, parties.caller]
      // Said with the offer, not with the answer: connectivity is there before the answer, and an rtpengine that has begun a handshake
      // as the active side by then leaves Chromium waiting for ever
      const passive = from.kind === 'browser' ? { 'DTLS-reverse': 'passive' } : {}
      return ask('offer', from, to, sdp, { ...TOWARD[to.kind], ...passive, direction: [from.interface, to.interface] })
    },
    answer: async (sdp) => {
      const made = await ask('answer', to, from, sdp, BACK[from.kind])
      established = true
      return made
    },
    delete: () => rtpengine.request('delete', { 'call-id': callId, 'from-tag': parties.caller.tag }),
  }
}
