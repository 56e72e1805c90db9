import { describe, expect, it } from 'vitest'
import { createNegotiation, type Negotiation, type NegotiationOptions, namesAttribute } from '../../support/media/negotiation.ts'
import { attributesOf, audioOf, codecsOf, cryptosOf, directionOf, readSdp, rtcpPortOf } from '../../support/media/sdp.ts'

const KEY = Buffer.alloc(30, 7)
const OTHER_KEY = Buffer.alloc(30, 9)

const party = (options: Partial<NegotiationOptions> = {}, key = KEY): Negotiation =>
  createNegotiation(
    {
      ...{ profile: 'plain', codecs: ['PCMU', 'PCMA', 'telephone-event'], payloadTypes: {}, ownNumbersInAnswers: false, rtcpMux: false },
      ...{ address: '192.0.2.1', cryptoTag: 1, cryptoParameters: '', moreLines: [], moreSections: [] },
      ...options,
    },
    42,
    key,
  )

const sdp = (...media: readonly string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', ...media].map((line) => `${line}\r\n`).join('')

const crypto = (tag: number, suite = 'AES_CM_128_HMAC_SHA1_80', more = ''): string =>
  `a=crypto:${tag} ${suite} inline:${OTHER_KEY.toString('base64')}${more}`

describe('reading SDP', () => {
  const text = sdp(
    'a=sendonly',
    'm=audio 4000 RTP/AVP 0 96',
    'a=rtpmap:96 telephone-event/8000',
    'a=rtcp:4711 IN IP4 192.0.2.9',
    'm=video 5000 RTP/AVP 97',
    'c=IN IP4 192.0.2.10',
    'a=inactive',
  )

  it('finds what belongs to a section and what the session gives to all', () => {
    const read = readSdp(text)
    const [audio, video] = read.sections
    expect(audio).toMatchObject({ media: 'audio', port: 4000, address: '192.0.2.9', formats: ['0', '96'] })
    expect(video?.address).toBe('192.0.2.10')
    expect([directionOf(read, audio!), directionOf(read, video!)]).toEqual(['sendonly', 'inactive'])
    expect([rtcpPortOf(audio!), rtcpPortOf(video!)]).toEqual([4711, 5001])
    expect(codecsOf(audio!)).toEqual([
      { name: 'PCMU', payloadType: 0, clockRate: 8000 },
      { name: 'TELEPHONE-EVENT', payloadType: 96, clockRate: 8000 },
    ])
    expect(attributesOf(read, audio!, 'sendonly')).toEqual([''])
    expect(namesAttribute(text, ['rtcp', 'crypto', 'sendonly'])).toEqual(['rtcp', 'sendonly'])
  })

  it.each([
    ['nothing', '', 'no session description'],
    ['bare LF', text.replaceAll('\r\n', '\n'), 'no session description'],
    ['no end of the last line', text.slice(0, -2), 'has no end'],
    ['an empty line', text.replace('a=sendonly', ''), 'no line of SDP: ""'],
    ['no payload type', text.replace('RTP/AVP 0 96', 'RTP/AVP '), 'no media section'],
    ['no connection', text.replace('c=IN IP4 192.0.2.9\r\n', ''), 'audio has no connection'],
    ['a wrong connection', text.replace('c=IN IP4 192.0.2.9', 'c=IN IP4'), 'no connection'],
  ])('refuses %s', (_what, wrong, why) => {
    expect(() => readSdp(wrong)).toThrow(why)
  })

  it('refuses payload types without a meaning, and crypto lines that are none', () => {
    const section = audioOf(readSdp(sdp('m=audio 1 RTP/SAVP 97', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 nothing')))
    expect(() => codecsOf(section)).toThrow('97 has no rtpmap')
    expect(() => cryptosOf(section)).toThrow('no crypto attribute')
    expect(() => audioOf(readSdp(sdp('m=audio 0 RTP/AVP 0')))).toThrow('no audio section')
  })
})

describe('RFC 3264: offers and answers', () => {
  it('agree on codecs in the offerer’s order and with its numbers', () => {
    const [a, b] = [party({ codecs: ['PCMA', 'PCMU', 'telephone-event'], payloadTypes: { 'telephone-event': 96 } }), party()]
    a.accept(b.answer(a.offer(4000), 5000))
    expect(a.agreement()).toEqual({
      ...{ address: '192.0.2.1', port: 5000, rtcpPort: 5001, sends: true, receives: true, key: undefined },
      codecs: {
        audio: { name: 'PCMA', payloadType: 8, clockRate: 8000 },
        events: { name: 'TELEPHONE-EVENT', payloadType: 96, clockRate: 8000 },
      },
    })
    expect(b.agreement()?.codecs).toEqual(a.agreement()?.codecs)
    expect([b.codecOf(96)?.name, b.codecOf(101), a.codecOf(96)?.name]).toEqual(['TELEPHONE-EVENT', undefined, 'TELEPHONE-EVENT'])
  })

  it('§6.1: an answer with numbers of its own is sent to with those', () => {
    const [a, b] = [party({ payloadTypes: { 'telephone-event': 96 } }), party({ ownNumbersInAnswers: true })]
    a.accept(b.answer(a.offer(4000), 5000))
    expect([a.agreement()?.codecs.events?.payloadType, b.agreement()?.codecs.events?.payloadType]).toEqual([101, 96])
    expect([a.codecOf(96)?.name, b.codecOf(101)?.name]).toEqual(['TELEPHONE-EVENT', 'TELEPHONE-EVENT'])
  })

  it.each([
    ['sendrecv', 'sendrecv', [true, true], [true, true]],
    ['sendonly', 'recvonly', [true, false], [false, true]],
    ['recvonly', 'sendonly', [false, true], [true, false]],
    ['inactive', 'inactive', [false, false], [false, false]],
  ] as const)('§6.1: %s is answered with %s', (offered, answered, atOfferer, atAnswerer) => {
    const [a, b] = [party(), party()]
    const answer = b.answer(a.offer(4000, offered), 5000)
    a.accept(answer)
    expect(answer).toContain(`a=${answered}\r\n`)
    expect([a.agreement()?.sends, a.agreement()?.receives]).toEqual(atOfferer)
    expect([b.agreement()?.sends, b.agreement()?.receives]).toEqual(atAnswerer)
  })

  it('one that holds goes on holding when the other side offers, and nothing is sent to 0.0.0.0', () => {
    const [a, b] = [party(), party()]
    a.accept(b.answer(a.offer(4000, 'sendonly'), 5000))
    expect(a.answer(b.offer(5000), 4000)).toContain('a=sendonly\r\n')
    b.answer(a.offer(4000).replace('c=IN IP4 192.0.2.1', 'c=IN IP4 0.0.0.0'), 5000)
    expect(b.agreement()?.sends).toBe(false)
  })

  it('what was agreed stays when an offer is refused', () => {
    const [a, b] = [party(), party()]
    a.accept(b.answer(a.offer(4000), 5000))
    a.offer(4000, 'inactive')
    a.refused()
    expect(a.agreement()?.sends).toBe(true)
    expect(() => a.accept(b.offer(5000))).toThrow('without an offer')
  })

  it('sections that it does not know are refused in their place, and counted in answers', () => {
    const offer = sdp('m=video 5000 RTP/AVP 97', 'm=audio 4000 RTP/AVP 0', 'm=image 4002 udptl t38')
    expect(readSdp(party().answer(offer, 5000)).sections.map(({ media, port }) => [media, port])).toEqual([
      ['video', 0],
      ['audio', 5000],
      ['image', 0],
    ])
    const a = party({ moreSections: ['m=video 0 RTP/AVP 97'] })
    a.offer(4000)
    expect(() => a.accept(sdp('m=audio 5000 RTP/AVP 0'))).toThrow('1 sections to an offer with 2')
  })

  it('does not take what it cannot speak, and what the answer should not say', () => {
    expect(() => party().answer(sdp('m=audio 4000 RTP/AVP 18'), 5000)).toThrow('no codec in common')
    expect(() => party({ codecs: ['G729'] }).answer(sdp('m=audio 4000 RTP/AVP 18'), 5000)).toThrow('agreed on G729')
    const a = party()
    a.offer(4000, 'sendonly')
    expect(() => a.accept(sdp('m=audio 5000 RTP/AVP 0'))).toThrow('sendrecv is no answer to sendonly')
    expect(() => a.accept(sdp('m=audio 5000 RTP/AVP 0', 'a=recvonly', 'a=rtcp-mux'))).toThrow('rtcp-mux')
    expect(() => a.accept(sdp('m=audio 0 RTP/AVP 0'))).toThrow('no audio section')
  })
})

describe('RFC 4568: keys in the SDP', () => {
  const sdes = { profile: 'sdes' } as const

  it('each side learns the other’s key, under the tag of the offer', () => {
    const [a, b] = [party({ ...sdes, cryptoTag: 3 }), party({ ...sdes, cryptoParameters: '|2^31' }, OTHER_KEY)]
    const answer = b.answer(a.offer(4000), 5000)
    a.accept(answer)
    expect(answer).toContain(`a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${OTHER_KEY.toString('base64')}|2^31\r\n`)
    expect([a.agreement()?.key, b.agreement()?.key]).toEqual([OTHER_KEY, KEY])
  })

  it('the first line of the suite without MKI is the one', () => {
    const offer = sdp(
      'm=audio 4000 RTP/SAVP 0',
      crypto(1, 'AES_256_CM_HMAC_SHA1_80'),
      crypto(2, 'AES_CM_128_HMAC_SHA1_80', '|2^31|1:1'),
      crypto(3),
    )
    expect(party(sdes).answer(offer, 5000)).toContain('a=crypto:3 ')
  })

  it.each([
    ['another profile', [], 'RTP/AVP', /RTP\/AVP to an endpoint that speaks RTP\/SAVP/],
    ['no line', [], 'RTP/SAVP', /0 crypto lines/],
    ['two lines', [crypto(1), crypto(2)], 'RTP/SAVP', /2 crypto lines/],
    ['another tag', [crypto(2)], 'RTP/SAVP', /crypto 2 .* answers 1/],
    ['another suite', [crypto(1, 'AES_CM_128_HMAC_SHA1_32')], 'RTP/SAVP', /SHA1_32 answers 1/],
  ])('an answer with %s is refused', (_what, lines, protocol, why) => {
    const a = party(sdes)
    a.offer(4000)
    expect(() => a.accept(sdp(`m=audio 5000 ${protocol} 0`, ...lines))).toThrow(why)
  })

  it('offers of the wrong kind are refused', () => {
    expect(() => party().answer(sdp('m=audio 4000 RTP/SAVP 0', crypto(1)), 5000)).toThrow('RTP/SAVP to an endpoint that speaks RTP/AVP')
    expect(() => party(sdes).answer(sdp('m=audio 4000 RTP/SAVP 0', crypto(1, 'NULL_HMAC_SHA1_80')), 5000)).toThrow('without MKI')
  })
})
