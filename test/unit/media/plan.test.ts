import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { planAnswer, planDelete, planOffer } from '../../../src/media/plan.ts'
import type { NgDictionary, Passage } from '../../../src/media/types.ts'
import { MEDIA_KINDS, MEDIA_PROFILES, type MediaKind, type MediaLeg, type MediaPolicy, mediaLeg } from '../../../src/zones/media.ts'

interface Recorded {
  readonly steps: readonly {
    readonly command: string
    readonly sdpFrom: string
    readonly request: NgDictionary & { readonly sdp: string }
  }[]
}

/** Made before it was seen that by its own rule rtpengine believes whoever sent last. */
const recorded = (name: string): Recorded =>
  JSON.parse(
    readFileSync(`test/fixtures/ng/${name}.json`, 'utf8').replaceAll('"strict-source"', '$&, "endpoint-learning-heuristic"'),
  ) as Recorded
const sdpOf = (name: string): string => readFileSync(`test/fixtures/sdp/${name}.sdp`, 'latin1')

const POLICY: MediaPolicy = {
  anchored: true,
  kind: undefined,
  interface: undefined,
  set: 'default',
  codecs: { order: undefined, strip: [], transcode: [] },
  dtmf: 'pass',
  ice: undefined,
  maxBundle: true,
  record: false,
}

/** The recordings were made with one interface for browsers, one for the inside, one behind a 1:1 NAT. */
const INTERFACES: Readonly<Record<MediaKind, string>> = { plain: 'lan', sdes: 'lan', teams: 'nat', 'teams-bypass': 'nat', webrtc: 'wan' }
const SHORT: Readonly<Record<MediaKind, string>> = {
  plain: 'plain',
  sdes: 'sdes',
  teams: 'teams',
  'teams-bypass': 'bypass',
  webrtc: 'webrtc',
}

const leg = (kind: MediaKind, policy: Partial<MediaPolicy> = {}): MediaLeg => ({
  zone: SHORT[kind],
  profile: MEDIA_PROFILES[kind],
  policy: { ...POLICY, interface: INTERFACES[kind], ...policy },
})

const passage = (sender: MediaLeg, receiver: MediaLeg, more: Partial<Passage> = {}): Passage => ({
  identity: { callId: 'K', fromTag: 'a', toTag: 'b1' },
  sender,
  receiver,
  senderIsCaller: true,
  inDialog: false,
  received: undefined,
  sdp: sdpOf('pbx-offer-g711'),
  ...more,
})

const identityOf = (request: NgDictionary) => ({
  callId: request['call-id'],
  fromTag: request['from-tag']!,
  toTag: request['to-tag']!,
})

/**
 * What the recordings do not have: they were made before labels and load limits came into use, and before rtpengine's DTLS role toward a browser
 * was said in the offer (said in the answer alone it comes too late for a browser that is quick).
 */
const added = (sender: MediaLeg, isCaller: boolean, command: string) => ({
  label: `${isCaller ? 'caller' : 'callee'}:${sender.zone}`,
  supports: ['load limit'],
  ...(command === 'offer' && sender.profile.keys === 'dtls' && { 'DTLS-reverse': 'passive' }),
})

const M_LINE = /^m=\S+ \S+ \S+ (.*)\r$/gm
const formats = (sdp: string): readonly string[] => [...sdp.matchAll(M_LINE)].map((found) => found[1]!)

/** A browser's list as others get it: by the table here, line by line, so that nothing else may differ. */
const withoutFormats = (sdp: string, numbers: readonly string[]): string =>
  sdp
    .split('\r\n')
    .filter((line) => !numbers.some((number) => new RegExp(`^a=(?:rtpmap|fmtp|rtcp-fb):${number} `).test(line)))
    .map((line) =>
      line.startsWith('m=')
        ? line
            .split(' ')
            .filter((word, i) => i < 3 || !numbers.includes(word))
            .join(' ')
        : line,
    )
    .join('\r\n')

/** The same for each pair: what of the offerer's list its answerer does not get, and the order that it has then; undefined: as it was. */
const TRIMMED: Readonly<Partial<Record<string, readonly [gone: readonly string[], order?: string]>>> = {
  // §8: red, comfort noise and events at 48 kHz leave a browser's list, and Opus toward Teams
  ...{ 'webrtc plain': [['63', '13', '110']], 'webrtc sdes': [['63', '13', '110']] },
  ...{ 'webrtc teams': [['111', '63', '13', '110']], 'webrtc teams-bypass': [['111', '63', '13', '110']] },
  // T §4.2: SILK, SIREN, RED and noise at 16 kHz leave that of Teams, and G.711 stands first for who speaks plain RTP
  ...{ 'teams plain': [['104', '103', '111', '97', '118'], '0 8 9 18 101 13'], 'teams sdes': [['104', '103', '111', '97', '118']] },
  ...{
    'teams webrtc': [['104', '103', '111', '97', '118']],
    'teams teams': [['111', '97', '118']],
    'teams teams-bypass': [['111', '97', '118']],
  },
}

const trimmedAs = (offerer: MediaKind, answerer: MediaKind, sdp: string): string => {
  const found = TRIMMED[`${offerer === 'teams-bypass' ? 'teams' : offerer} ${answerer}`]
  if (found === undefined) return sdp
  const made = withoutFormats(sdp, found[0])
  return found[1] === undefined ? made : made.replace(/^(m=audio \S+ \S+) .*(?=\r$)/m, `$1 ${found[1]}`)
}

const PAIRS = MEDIA_KINDS.flatMap((offerer) => MEDIA_KINDS.map((answerer) => [offerer, answerer] as const))

describe('media §5: the 25 pairs', () => {
  test('each of them was recorded', () => {
    const names = readdirSync('test/fixtures/ng').map((name) => name.replace('.json', ''))
    for (const [offerer, answerer] of PAIRS) expect(names).toContain(`${SHORT[offerer]}--${SHORT[answerer]}`)
  })

  test.each(PAIRS)('%s to %s: the dictionaries are those that rtpengine was seen to do the right thing with', (offerer, answerer) => {
    const { steps } = recorded(`${SHORT[offerer]}--${SHORT[answerer]}`)
    expect(steps.map(({ command }) => command)).toEqual(['offer', 'answer'])
    const [offer, answer] = [steps[0]!.request, steps[1]!.request]
    const [caller, callee] = [leg(offerer), leg(answerer)]
    const sdp = trimmedAs(offerer, answerer, offer.sdp)
    expect(planOffer(passage(caller, callee, { identity: identityOf(offer), sdp: offer.sdp }))).toEqual({
      ...offer,
      ...added(caller, true, 'offer'),
      sdp,
    })
    expect(planAnswer(passage(callee, caller, { identity: identityOf(answer), sdp: answer.sdp, senderIsCaller: false }))).toEqual({
      ...answer,
      ...added(callee, false, 'answer'),
    })
  })
})

describe('media §5: the recorded scenarios', () => {
  const checked = (
    name: string,
    legs: readonly [caller: MediaLeg, callee: MediaLeg],
    changed: (request: NgDictionary & { readonly sdp: string }, step: number) => Partial<NgDictionary> = () => ({}),
    inDialogFrom = 2,
  ) => {
    const { steps } = recorded(name)
    steps.forEach(({ command, request }, i) => {
      const identity = identityOf(request)
      const fromCaller = (identity.fromTag === 'a') === (command === 'offer')
      const [sender, receiver] = fromCaller ? legs : [legs[1], legs[0]]
      const planned = passage(sender, receiver, { identity, sdp: request.sdp, senderIsCaller: fromCaller, inDialog: i >= inDialogFrom })
      expect(command === 'offer' ? planOffer(planned) : planAnswer(planned), `step ${i}`).toEqual({
        ...request,
        ...added(sender, fromCaller, command),
        ...changed(request, i),
      })
    })
    return steps.length
  }
  const trimming =
    (...numbers: readonly string[]) =>
    (request: NgDictionary & { readonly sdp: string }, step: number): Partial<NgDictionary> =>
      step % 2 === 0 ? { sdp: withoutFormats(request.sdp, numbers) } : {}

  test('hold and resume, in the dialog', () => {
    expect(checked('hold-resume-plain--teams', [leg('plain'), leg('teams')])).toBe(10)
  })

  test('a browser restarts ICE', () => {
    expect(checked('ice-restart-webrtc--plain', [leg('webrtc'), leg('plain')], trimming('63', '13', '110'))).toBe(4)
  })

  test('an INVITE without SDP: the browser that is called offers', () => {
    expect(checked('offerless-webrtc-callee--teams-caller', [leg('teams'), leg('webrtc')], trimming('111', '63', '13', '110'))).toBe(2)
  })

  test('several answers of forks downstream, all to one tag', () => {
    const answers = (request: NgDictionary & { readonly sdp: string }, step: number) =>
      step === 0 ? { sdp: withoutFormats(request.sdp, ['63', '13', '110']) } : {}
    expect(checked('downstream-fork-webrtc--plain', [leg('webrtc'), leg('plain')], answers, 99)).toBe(4)
  })

  test('audio to fax in the dialog; the recording was made without port-latching', () => {
    const latched = (request: NgDictionary, step: number) => (step < 2 ? {} : { flags: [...request.flags!, 'port-latching'] })
    expect(checked('t38-plain--plain', [leg('plain'), leg('plain')], latched)).toBe(4)
  })

  test('audio and video', () => {
    const video = ['97', '103', '107', '109', '115', '117', '40', '46', '99', '101', '118', '119', '120']
    const legs = [leg('webrtc'), leg('plain')] as const
    expect(checked('av-video-rejected-webrtc--plain', legs, trimming('63', '13', '110', ...video))).toBe(2)
  })

  test('a browser with nothing but opus, and a trunk that has it converted', () => {
    const transcode = { codecs: { order: undefined, strip: [], transcode: ['PCMU', 'PCMA', 'telephone-event'] } }
    expect(checked('opus-only-transcoded-webrtc--plain', [leg('webrtc'), leg('plain', transcode)], trimming('63'))).toBe(2)
  })
})

describe('media §5, §7: what a leg says of itself', () => {
  test.each([
    ['neither', 'plain', 'webrtc', undefined],
    ['the offerer', 'teams-bypass', 'webrtc', 'backward'],
    ['the answerer', 'webrtc', 'teams-bypass', 'forward'],
    ['both', 'teams-bypass', 'teams-bypass', 'both'],
  ] as const)('rtpengine is the lite agent toward %s', (_who, sender, receiver, said) => {
    for (const senderIsCaller of [true, false]) {
      expect(planOffer(passage(leg(sender), leg(receiver), { senderIsCaller }))['ICE-lite']).toBe(said)
      expect(planAnswer(passage(leg(receiver), leg(sender), { senderIsCaller }))).not.toHaveProperty('ICE-lite')
    }
  })

  test('interfaces: toward the sender, then toward the receiver; never in answers', () => {
    const direction = (sender: string | undefined, receiver: string | undefined) =>
      planOffer(passage(leg('plain', { interface: sender }), leg('sdes', { interface: receiver }))).direction
    expect(direction('lan', 'wan')).toEqual(['lan', 'wan'])
    expect(direction('wan', 'lan')).toEqual(['wan', 'lan'])
    expect(direction('lan', undefined)).toEqual(['lan', ''])
    expect(direction(undefined, 'wan')).toEqual(['', 'wan'])
    expect(direction(undefined, undefined)).toBeUndefined()
    expect(planAnswer(passage(leg('plain'), leg('sdes')))).not.toHaveProperty('direction')
  })

  test('media §3: an answer names no protocol', () => {
    for (const [sender, receiver] of PAIRS) {
      const answer = planAnswer(passage(leg(sender), leg(receiver)))
      expect(answer).not.toHaveProperty('transport-protocol')
      expect(answer).not.toHaveProperty('rtcp-mux')
      expect(answer).not.toHaveProperty('codec')
    }
  })

  test.each([
    ['192.0.2.7', 'IP4'],
    ['2001:db8::7', 'IP6'],
  ])('a peer behind a NAT is where its signalling came from: %s', (received, family) => {
    for (const plan of [planOffer, planAnswer]) {
      const dictionary = plan(passage(leg('plain'), leg('webrtc'), { received }))
      expect(dictionary.flags).toContain('SIP-source-address')
      expect(dictionary['received-from']).toEqual([family, received])
    }
  })

  test('with ICE the address of the signalling is nothing', () => {
    for (const kind of ['webrtc', 'teams-bypass'] as const) {
      const dictionary = planOffer(passage(leg(kind), leg('plain'), { received: '192.0.2.7' }))
      expect(dictionary.flags).not.toContain('SIP-source-address')
      expect(dictionary).not.toHaveProperty('received-from')
    }
  })

  test('strict-source is for whoever has no ICE, also when an operator says so', () => {
    const strict = (one: MediaLeg) => planOffer(passage(one, leg('plain'))).flags!.includes('strict-source')
    const ice = (kind: MediaKind, said: 'remove' | 'force') => mediaLeg('z', { ...POLICY, kind, ice: said }, 'udp')
    expect([leg('plain'), leg('sdes'), leg('teams'), leg('teams-bypass'), leg('webrtc')].map(strict)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
    expect([ice('plain', 'force'), ice('teams-bypass', 'remove')].map(strict)).toEqual([false, true])
  })

  test('media §7: and with it goes that the address of the SDP counts before any other', () => {
    for (const kind of MEDIA_KINDS)
      for (const plan of [planOffer, planAnswer]) {
        const flags = plan(passage(leg(kind), leg('plain'))).flags!
        expect(flags.includes('endpoint-learning-heuristic')).toBe(flags.includes('strict-source'))
      }
  })

  test('an operator’s word about ICE changes offer and answer', () => {
    const forced = mediaLeg('z', { ...POLICY, kind: 'plain', ice: 'force' }, 'udp')
    const removed = mediaLeg('z', { ...POLICY, kind: 'teams-bypass', ice: 'remove' }, 'udp')
    expect(planOffer(passage(leg('plain'), forced)).ICE).toBe('force')
    expect(planAnswer(passage(leg('plain'), forced)).ICE).toBe('force')
    expect(planOffer(passage(leg('plain'), removed))).toMatchObject({ ICE: 'remove' })
    expect(planOffer(passage(leg('plain'), removed))).not.toHaveProperty('ICE-lite')
  })

  test('one suite is left, and none without encryption', () => {
    const sdes = planOffer(passage(leg('plain'), leg('sdes'))).SDES!
    expect(sdes).toHaveLength(11)
    expect(sdes).not.toContain('no-AES_CM_128_HMAC_SHA1_80')
    expect(sdes).toEqual(expect.arrayContaining(['no-NULL_HMAC_SHA1_80', 'no-NULL_HMAC_SHA1_32', 'no-AES_CM_128_HMAC_SHA1_32']))
  })

  test('labels tell who called, whoever offers', () => {
    const label = (senderIsCaller: boolean) => planOffer(passage(leg('teams'), leg('plain'), { senderIsCaller })).label
    expect([label(true), label(false)]).toEqual(['caller:teams', 'callee:teams'])
  })

  test('in a dialog both keep the ports where they are', () => {
    for (const plan of [planOffer, planAnswer]) {
      expect(plan(passage(leg('plain'), leg('webrtc'), { inDialog: true })).flags).toContain('port-latching')
      expect(plan(passage(leg('plain'), leg('webrtc'))).flags).not.toContain('port-latching')
    }
  })

  test('media §8: either side’s word records the call', () => {
    const record = { record: true }
    const both = [
      planOffer(passage(leg('plain', record), leg('webrtc'))),
      planOffer(passage(leg('plain'), leg('webrtc', record))),
      planOffer(passage(leg('webrtc'), leg('plain', record), { senderIsCaller: false })),
    ]
    for (const dictionary of both) {
      expect(dictionary['record-call']).toBe('on')
      expect(dictionary.metadata).toBe('caller:plain|callee:webrtc')
    }
    expect(planOffer(passage(leg('plain'), leg('webrtc')))).not.toHaveProperty('record-call')
  })
})

test.each([
  ['branch', { 'call-id': 'K', 'from-tag': 'a', 'to-tag': 'b1', 'delete-delay': 0 }],
  ['call', { 'call-id': 'K', 'from-tag': 'a', 'delete-delay': 0 }],
  ['everything', { 'call-id': 'K', 'delete-delay': 0 }],
] as const)('media §4: delete, extent %s', (extent, dictionary) => {
  expect(planDelete({ callId: 'K', fromTag: 'a', toTag: 'b1' }, extent)).toEqual(dictionary)
})

test('media §1: the same passage gives the same dictionary, and is left as it was', () => {
  const one = Object.freeze(passage(leg('webrtc'), leg('teams'), { sdp: sdpOf('chrome-offer-av-bundle') }))
  const before = structuredClone(one)
  expect(planOffer(one)).toEqual(planOffer(one))
  expect(one).toEqual(before)
  expect(formats(one.sdp)).toEqual(formats(before.sdp))
})
