import { describe, expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { headerOf, type Wire } from '../support/wire.ts'
import { mediaOf, sdp } from './media-place.ts'
import { startTeams, type TeamsOptions, type TeamsPlace, toNumber } from './teams-place.ts'

const ROUTES = '  - { from: pbx, number: "+1*", to: second }\n  - { from: second, number: "+1*", to: pbx }\n'
const start = (options: TeamsOptions = {}): Promise<TeamsPlace> =>
  startTeams({ routes: ROUTES, ...options, touches: ['diversion', 'content-type'] })

/** A Teams user calls the PBX, which sends the call elsewhere. */
const moved = async ({ edge, hub, pbx }: TeamsPlace, contact: string, body?: string): Promise<Wire> => {
  hub.sends('INVITE', toNumber('+442079460111', body === undefined ? {} : { body }))
  await edge.settles()
  const invite = pbx.gets('INVITE')
  pbx.sends(302, { headers: [`Contact: ${contact}`] })
  await edge.settles()
  pbx.gets('ACK')
  hub.gets(100)
  return invite
}

describe('§16.7 item 4, T §3.11: a 3xx for the hub, which follows none', () => {
  test('the call goes where it leads, by the routes of the PBX, and says who sent it', async () => {
    const place = await start()
    const { edge, hub, second } = place
    await moved(place, '<sip:+13125550123@10.0.0.20:5060;transport=udp>')
    const invite = second.gets('INVITE')
    expect(invite.uri).toBe('sip:+13125550123@10.0.0.30:5060;transport=tcp')
    expect(headerOf(invite, 'diversion')).toBe('<sip:+442079460111@sbc.example.com:5061;user=phone>;reason=unconditional;counter=1')
    second.sends(180)
    await edge.settles()
    hub.gets(180)
    second.sends(200)
    await edge.settles()
    hub.gets(200)
    hub.sends('ACK')
    await edge.settles()
    second.gets('ACK')
    second.sends('BYE')
    await edge.settles()
    hub.gets('BYE')
    hub.sends(200)
    await edge.settles()
    second.gets(200)
  })

  test('media of the way that was left ends, that of the new one begins', async () => {
    const media = new FakeMedia()
    const place = await start({ media, mediaText: '{ rtpengine: [ 127.0.0.1:2223 ] }' })
    const { edge, hub, second } = place
    const key = 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/|2^31'
    await moved(place, '<sip:+13125550123@10.0.0.20>', sdp(hub, 1, key).replace('RTP/AVP', 'RTP/SAVP'))
    await edge.settles()
    expect(mediaOf(second.gets('INVITE'))).toMatch(/^10\.9\.9\./)
    expect(media.said().map((one) => one.replace(/^\S+ /, ''))).toEqual(['offer a>b1', 'delete a', 'offer a>b1'])
    second.sends(486)
    await edge.settles()
    second.gets('ACK')
    hub.gets(486)
    hub.sends('ACK')
    await edge.settles()
  })

  test('CANCEL reaches whoever is called now', async () => {
    const place = await start()
    const { edge, hub, second } = place
    await moved(place, '<sip:+13125550123@10.0.0.20>')
    second.gets('INVITE')
    second.sends(180)
    await edge.settles()
    hub.gets(180)
    hub.sends('CANCEL')
    await edge.settles()
    hub.gets(200)
    second.gets('CANCEL')
    second.sends(200)
    second.sends(487, { of: second.invite! })
    await edge.settles()
    second.gets('ACK')
    hub.gets(487)
    hub.sends('ACK')
    await edge.settles()
  })

  test('who has hung up is not called further', async () => {
    const { edge, hub, pbx } = await start()
    hub.sends('INVITE', toNumber('+442079460111'))
    await edge.settles()
    pbx.gets('INVITE')
    pbx.sends(180)
    await edge.settles()
    hub.gets(100, 180)
    hub.sends('CANCEL')
    await edge.settles()
    pbx.gets('CANCEL')
    pbx.sends(200)
    pbx.sends(302, { of: pbx.invite!, headers: ['Contact: <sip:+13125550123@10.0.0.20>'] })
    await edge.settles()
    pbx.gets('ACK')
    hub.gets(200, 480)
    hub.sends('ACK')
    await edge.settles()
  })

  test('a circle ends, and the hub reads 480 with the reason', async () => {
    const place = await start()
    const { edge, hub, pbx, second } = place
    await moved(place, '<sip:+10@a>')
    for (let i = 1; i <= 5; i++) {
      const here = i % 2 === 1 ? second : pbx
      expect(here.gets('INVITE').uri).toContain(`sip:+1${i - 1}@`)
      here.sends(302, { headers: [`Contact: <sip:+1${i}@a>`] })
      await edge.settles()
      here.gets('ACK')
    }
    expect(headerOf(hub.gets(480), 'reason')).toBe('SIP;cause=302;text="Moved"')
    hub.sends('ACK')
    await edge.settles()
  })

  test.each([
    ['nowhere', {}, '<mailto:a@example.com>'],
    ['to where it was', {}, '<sip:+44-20-79460111@10.0.0.31>'],
    ['where no route leads', { routes: '  - { from: pbx, number: "+9*", respond: "403 No" }\n' }, '<sip:+900@a>'],
    ['somewhere, but comes from somebody we do not trust', { pbx: ', trusted: false' }, '<sip:+13125550123@a>'],
  ] as const)('one that leads %s is a 480', async (_what, options, contact) => {
    const place = await start(options)
    await moved(place, contact)
    expect(headerOf(place.hub.gets(480), 'reason')).toBe('SIP;cause=302;text="Moved"')
    place.hub.sends('ACK')
    await place.edge.settles()
  })

  test('with `moved: pass` it is the caller’s', async () => {
    const place = await start({ teams: ', dialect: { moved: pass }' })
    await moved(place, '<sip:+13125550123@a>')
    place.hub.gets(302)
    place.hub.sends('ACK')
    await place.edge.settles()
  })
})
