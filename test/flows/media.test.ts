import { expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { startEdge } from '../support/flow-harness.ts'
import { PLACE } from './place.ts'

const OFFER = 'v=0\r\no=- 1 1 IN IP4 10.0.0.20\r\ns=-\r\nc=IN IP4 10.0.0.20\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n'

const startMedia = async (media = new FakeMedia()) => {
  const edge = await startEdge(PLACE.replace('media: off', 'media: { rtpengine: [ 127.0.0.1:2223 ] }'), { media })
  return {
    edge,
    media,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    teams: edge.party('teams', 'teams/tls', '52.112.0.1:5061'),
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
  }
}

test('media §9: an INVITE with SDP is an offer, its 200 an answer, BYE deletes', async () => {
  const { edge, media, pbx, teams } = await startMedia()
  pbx.sends('INVITE', { uri: 'sip:+442079460101@example.com', body: OFFER })
  await edge.settles()
  const invite = teams.gets('INVITE')
  expect(invite.body.toString('latin1')).toMatch(/m=audio \d+ RTP\/SAVP 8 0/)
  expect(media.said()).toEqual(['m1 offer a>b1'])
  teams.sends(200, { body: OFFER })
  await edge.settles()
  pbx.gets(100, 200)
  expect(media.said()).toEqual(['m1 answer a>b1'])
  pbx.sends('ACK')
  teams.gets('ACK')
  teams.sends('BYE')
  pbx.gets('BYE')
  pbx.sends(200)
  teams.gets(200)
  expect(media.said()).toEqual(['m1 delete a'])
})
