import { expect } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import type { Party } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'
import { hasNoSdp, textOf } from './media-place.ts'
import { FROM_HUB, startTeams, type TeamsOptions, type TeamsPlace, toNumber } from './teams-place.ts'

const KEY = 'n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/'

export interface Written {
  readonly direction?: string
  /** Of `o=`; another one has another port, too. */
  readonly version?: number
  readonly lines?: readonly string[]
}

const sdpOf = (address: string, protocol: string, { direction = 'sendrecv', version = 1, lines = [] }: Written): string =>
  [
    ...['v=0', `o=- 104231 ${version} IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0'],
    ...[`m=audio ${4000 + 2 * version} ${protocol} 8 0 101`, 'a=rtpmap:101 telephone-event/8000', ...lines, `a=${direction}`, ''],
  ].join('\r\n')

/** Of Teams' media processor. */
export const ofTeams = (written: Written = {}): string =>
  sdpOf('52.113.17.20', 'RTP/SAVP', {
    ...written,
    lines: [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^31`, ...(written.lines ?? [])],
  })
export const ofPbx = (written: Written = {}): string => sdpOf('10.0.0.20', 'RTP/AVP', written)

export interface Place extends TeamsPlace {
  readonly media: FakeMedia
  says(party: Party, what: string | number, options?: Parameters<Party['sends']>[1]): Promise<Wire>
}

export const start = async (options: TeamsOptions = {}): Promise<Place> => {
  const media = new FakeMedia()
  const place = await startTeams({ touches: ['content-type'], ...options, media, mediaText: '{ rtpengine: [ 127.0.0.1:2223 ] }' })
  const says: Place['says'] = async (party, what, more) => {
    const wire = party.sends(what, more)
    await place.edge.settles()
    return wire
  }
  return { ...place, media, says }
}

export const CALLERS = ['pbx', 'teams'] as const

/** A call that is up. @returns the SDP that Teams got */
export const call = async (place: Place, who: (typeof CALLERS)[number], more: readonly string[] = []): Promise<string> => {
  const { says, pbx, hub, media } = place
  if (who === 'pbx') {
    await says(pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: ofPbx(), headers: more })
    const invite = hub.gets('INVITE')
    await says(hub, 200, { ...FROM_HUB, body: ofTeams() })
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    hub.gets('ACK')
    media.said()
    return textOf(invite)
  }
  await says(hub, 'INVITE', toNumber('+442079460111', { body: ofTeams(), headers: more }))
  pbx.gets('INVITE')
  await says(pbx, 200, { body: ofPbx() })
  const ok = hub.gets(100, 200)
  await says(hub, 'ACK')
  pbx.gets('ACK')
  media.said()
  return textOf(ok)
}

/** A re-INVITE of one side; what both were shown. */
export const reinvite = async (
  { says, media }: Place,
  [one, offer]: readonly [Party, string],
  [other, answer]: readonly [Party, string],
): Promise<{ readonly offered: string; readonly answered: string; readonly ok: Wire }> => {
  await says(one, 'INVITE', { body: offer })
  const offered = other.gets('INVITE')
  await says(other, 200, { body: answer })
  const ok = one.gets(100, 200)
  await says(one, 'ACK')
  hasNoSdp(other.gets('ACK'))
  media.said()
  return { offered: textOf(offered), answered: textOf(ok), ok }
}

export const directionOf = (sdp: string): string => /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp)?.[1] ?? ''

/** Ended by the PBX, and nothing is left. */
export const hangUp = async ({ says, pbx, hub, media }: Place): Promise<void> => {
  await says(pbx, 'BYE')
  hub.gets('BYE')
  await says(hub, 200)
  pbx.gets(200)
  expect(media.left()).toEqual([])
}
