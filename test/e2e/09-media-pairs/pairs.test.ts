import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planAnswer, planDelete, planOffer } from '../../../src/media/plan.ts'
import type { NgDictionary, Passage } from '../../../src/media/types.ts'
import { MEDIA_KINDS, type MediaKind } from '../../../src/zones/media.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { iceAt, iceOf, type Seen, sdpOf, see } from './endpoint.ts'
import { INTERFACE, INTERFACES, leg } from './legs.ts'

const OFFERS: Readonly<Record<MediaKind, string>> = {
  ...{ plain: 'pbx-offer-g711', sdes: 'tlsphone-offer-sdes', teams: 'teams-offer-nonbypass', 'teams-bypass': 'teams-offer-bypass-ice' },
  ...{ webrtc: 'chrome-offer-audio' },
}
const PAIRS = MEDIA_KINDS.flatMap((offerer) => MEDIA_KINDS.map((answerer) => [offerer, answerer] as const))

const fixture = (name: string): string => readFileSync(`test/fixtures/sdp/${name}.sdp`, 'latin1')

/** Crypto lines with a master key identifier go before rtpengine sees them (media §6). */
const offerOf = (kind: MediaKind): string => fixture(OFFERS[kind]).replace(/a=crypto:.*\|\d+:\d+\r\n/g, '')

let rtpengine: Rtpengine

beforeAll(async () => {
  rtpengine = await startRtpengine({ interfaces: INTERFACES })
})

afterAll(async () => {
  await rtpengine.stop()
})

/** The SDP that rtpengine makes of it; asked again it must say the very same. */
const rewritten = async (command: 'offer' | 'answer', dictionary: NgDictionary): Promise<string> => {
  const replies = [await rtpengine.request(command, dictionary), await rtpengine.request(command, dictionary)]
  for (const reply of replies) expect(reply).toMatchObject({ result: 'ok', sdp: expect.any(String) })
  expect(replies[1]!.sdp, 'a repetition changes nothing').toBe(replies[0]!.sdp)
  return replies[0]!.sdp as string
}

/** What the daemon complains of: it does not refuse what it does not know. */
const complaints = (callId: string): readonly string[] =>
  rtpengine.lines.filter((line) => line.includes(`[${callId}]`) && /\b(?:ERR|WARNING|CRIT)\b/.test(line))

/**
 * Media §5, second table: what a leg of that kind is shown.
 * @param offeredMux its own first offer had rtcp-mux: that is accepted, and stays (RFC 5761 §5.1.1)
 */
const judge = (kind: MediaKind, said: 'offer' | 'answer', sdp: string, offeredMux = false): Seen => {
  const seen = see(sdp)
  const has = (name: string) => seen.names.includes(name)
  const { profile } = leg(kind)
  expect(seen.protocol).toBe(profile.protocol)
  expect([seen.connection, seen.origin]).toEqual([INTERFACES[INTERFACE[kind]], INTERFACES[INTERFACE[kind]]])
  expect(seen.formats.length).toBeGreaterThan(0)
  expect(has('group')).toBe(false)

  const crypto = seen.all('crypto')
  if (kind === 'plain' || kind === 'webrtc') expect(crypto).toEqual([])
  else {
    expect(crypto).toHaveLength(1)
    const lifetime = kind === 'sdes' ? '' : '\\|2\\^31'
    expect(crypto[0]).toMatch(new RegExp(`^\\d+ AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}${lifetime}$`))
  }

  const withIce = kind === 'teams-bypass' || kind === 'webrtc'
  const mux = withIce || offeredMux
  expect(has('rtcp-mux')).toBe(mux)
  expect(Number(seen.all('rtcp')[0]?.split(' ')[0])).toBe(seen.port + (mux ? 0 : 1))
  const candidates = seen.all('candidate').map((value) => value.split(' '))
  if (withIce) {
    expect([has('ice-ufrag'), has('ice-pwd')]).toEqual([true, true])
    expect(candidates).toHaveLength(1)
    expect([candidates[0]![1], candidates[0]![4], Number(candidates[0]![5])]).toEqual(['1', seen.connection, seen.port])
  } else expect(seen.names.filter((name) => /^(?:ice-.*|candidate|end-of-candidates)$/.test(name))).toEqual([])
  expect(has('ice-lite')).toBe(kind === 'teams-bypass')

  if (kind === 'webrtc') {
    expect(seen.all('fingerprint')).toEqual([expect.stringMatching(/^sha-256 /)])
    expect(seen.all('setup')).toEqual([said === 'offer' ? 'actpass' : 'passive'])
    expect(seen.all('mid')).toHaveLength(1)
  } else expect(seen.names.filter((name) => /^(?:fingerprint|setup|tls-id|extmap)$/.test(name))).toEqual([])
  return seen
}

describe('media §5: a call of each pair, and holding by the one who was called', () => {
  test.each(PAIRS)('%s to %s', async (calling, called) => {
    const [caller, callee] = [leg(calling), leg(called)]
    const callId = `pair-${calling}--${called}~t`
    const forth = { identity: { callId, fromTag: 'a', toTag: 'b1' }, sender: caller, receiver: callee, received: undefined }
    const back = { ...forth, sender: callee, receiver: caller }
    const reversed = { callId, fromTag: 'b1', toTag: 'a' }

    const offeredMux = see(offerOf(calling)).names.includes('rtcp-mux')
    const first = { ...forth, senderIsCaller: true, inDialog: false }
    const offered = judge(called, 'offer', await rewritten('offer', planOffer({ ...first, sdp: offerOf(calling) })))
    const events = offered.codecs.get('telephone-event/8000')
    expect(events).toBeDefined()
    const theirs = {
      ...{ kind: called, address: '127.0.0.32', direction: 'sendrecv', version: 1, setup: 'active' },
      cryptoTag: offered.all('crypto')[0]?.split(' ')[0] ?? '1',
      formats: ['0', events!] as const,
      mid: offered.all('mid')[0] ?? '0',
      ice: called === 'teams-bypass' || called === 'webrtc' ? iceAt('127.0.0.32') : [],
      mux: offered.names.includes('rtcp-mux'),
    }
    const answer = planAnswer({ ...back, senderIsCaller: false, inDialog: false, sdp: sdpOf(theirs) })
    const answered = judge(calling, 'answer', await rewritten('answer', answer), offeredMux)
    expect(answered.formats).toEqual(['0', events])

    let ports: readonly number[] = [answered.port, offered.port]
    const exchanges = [
      ['sendonly', 'recvonly'],
      ['inactive', 'inactive'],
      ['sendrecv', 'sendrecv'],
    ] as const
    for (const [i, [holds, held]] of exchanges.entries()) {
      const theirOffer = sdpOf({ ...theirs, setup: 'actpass', direction: holds, version: i + 2 })
      const reoffer: Passage = { ...back, identity: reversed, senderIsCaller: false, inDialog: true, sdp: theirOffer }
      const reoffered = judge(calling, 'offer', await rewritten('offer', planOffer(reoffer)), offeredMux)
      expect(reoffered.direction).toBe(holds)
      const ours = sdpOf({
        ...{ kind: calling, address: '127.0.0.31', direction: held, version: i + 9, setup: 'active', formats: ['0', events!] },
        ...{ cryptoTag: reoffered.all('crypto')[0]?.split(' ')[0] ?? '1', mid: reoffered.all('mid')[0] ?? '0' },
        ...{ ice: iceOf(offerOf(calling)), mux: reoffered.names.includes('rtcp-mux') },
      })
      const reanswer: Passage = { ...forth, identity: reversed, senderIsCaller: true, inDialog: true, sdp: ours }
      const reanswered = judge(called, 'answer', await rewritten('answer', planAnswer(reanswer)))
      expect(reanswered.direction).toBe(held)
      expect([reoffered.port, reanswered.port], 'ports stay').toEqual(ports)
      ports = [reoffered.port, reanswered.port]
    }

    const tags = (await rtpengine.request('query', { 'call-id': callId })).tags as Readonly<Record<string, { readonly label: string }>>
    expect([tags.a?.label, tags.b1?.label]).toEqual([`caller:${calling}`, `callee:${called}`])
    expect(await rtpengine.request('delete', planDelete(forth.identity, 'call'))).toMatchObject({ result: 'ok', totals: expect.anything() })
    expect(await rtpengine.list()).not.toContain(callId)
    expect(complaints(callId)).toEqual([])
  })

  test('media §4: nothing is left', async () => {
    expect(await rtpengine.list()).toEqual([])
  })
})
