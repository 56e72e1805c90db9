import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MediaPhone, openMediaPhone, startMediaBrowser } from '../../support/media/browser-media.ts'
import { FORGETS_SECONDS, ROUTER, whyNot } from '../../support/netns/network.ts'
import { until } from '../../support/processes.ts'
import { EDGE, HZ, layPlace, NAME, PHONE, type Place, PORTS, PUBLIC } from './place.ts'

const reason = whyNot()
if (reason !== undefined) console.warn(`34-nat is skipped: ${reason}`)

// RFC 5658: the other half of the pair of Record-Routes names the side where it is used, and so does the Path that a registrar repeats (RFC 3327)
const others = (address: string) =>
  new RegExp(`^(?:Record-Route|Path): <sip:${address}:\\d+(?:;transport=\\w+)?;lr(?:;r2=on|;ob;ewp);.*\r\n`, 'gm')
const shows = (texts: readonly string[], address: string): readonly string[] =>
  texts.map((text) => text.replace(others(address), '')).filter((text) => new RegExp(`${address.replaceAll('.', '\\.')}(?!\\d)`).test(text))

interface Registered {
  readonly contact: string
  readonly path: readonly string[]
}

describe.skipIf(reason !== undefined)('behind 1:1 NAT, with a phone and a browser behind a symmetric NAT', () => {
  let place: Place
  /** What the PBX has of each. */
  const bindings = new Map<string, Registered>()

  beforeAll(async () => {
    place = await layPlace()
  })
  afterAll(async () => {
    await place?.stop()
  })

  /** Until the PBX has it; the edge ends registrations of tabs that were closed, too. */
  const learn = async (name: string): Promise<void> => {
    let binding: Awaited<ReturnType<typeof place.at.pbx.registered>>
    do binding = await place.at.pbx.registered('pbx')
    while (!binding.addressOfRecord.startsWith(`sip:${name}@`))
    bindings.set(name, binding)
  }
  const registers = async (name: 'phone' | 'secure'): Promise<void> => {
    expect(await place.at.phone.register(name)).toBe(200)
    await learn(name)
  }
  /** The PBX's call to what registered; the numbers of both sides of it. */
  const calls = async (name: 'phone' | 'secure'): Promise<{ readonly pbx: number; readonly phone: number }> => {
    const { contact, path } = bindings.get(name)!
    const pbx = await place.at.pbx.call('pbx', contact, path)
    const phone = await place.at.phone.incoming(name)
    await Promise.all([place.at.phone.answer(phone), place.at.pbx.established(pbx)])
    return { pbx, phone }
  }
  const called = async (name: 'phone' | 'secure'): Promise<{ readonly pbx: number; readonly phone: number }> => {
    const phone = await place.at.phone.call(name, `sip:echo@${NAME}`, [])
    const pbx = await place.at.pbx.incoming('pbx')
    await Promise.all([place.at.pbx.answer(pbx), place.at.phone.established(phone)])
    return { pbx, phone }
  }
  const hearEachOther = (call: { readonly pbx: number; readonly phone: number }, hz: number): Promise<unknown> =>
    Promise.all([place.at.pbx.hears(call.pbx, hz, [HZ.pbx]), place.at.phone.hears(call.phone, HZ.pbx, [hz])])

  describe.each(['phone', 'secure'] as const)('%s', (name) => {
    it('N1, N3: registers with the PBX through both NATs', async () => {
      await registers(name)
    })

    it('N2, N6: calls, is heard and hears; holds, resumes, and hangs up', async () => {
      const call = await called(name)
      await hearEachOther(call, HZ[name])
      await place.at.phone.hold(call.phone)
      await place.at.phone.hearsSilence(call.phone)
      await place.at.phone.resume(call.phone)
      await hearEachOther(call, HZ[name])
      expect(await place.at.phone.bye(call.phone)).toBe(200)
      await place.at.pbx.ended(call.pbx)
    })

    it('N2, N6: is called, is heard and hears; INFO, re-INVITE and BYE of the PBX reach it', async () => {
      const call = await calls(name)
      await hearEachOther(call, HZ[name])
      expect(await place.at.pbx.info(call.pbx)).toBe(200)
      expect(await place.at.pbx.reinvite(call.pbx)).toBe(200)
      await hearEachOther(call, HZ[name])
      expect(await place.at.pbx.bye(call.pbx)).toBe(200)
      await place.at.phone.ended(call.phone)
    })
  })

  it('N2: the router is symmetric, and the edge answers where requests came from', async () => {
    const [mapping] = place.network.mappings(PHONE, PORTS.phone)
    expect(mapping).toMatchObject({ to: `${PUBLIC}:${PORTS.udp}` })
    expect(mapping?.publicPort).not.toBe(PORTS.phone)
    const answers = (await place.at.phone.got('phone')).filter((text) => text.startsWith('SIP/2.0 200'))
    expect(
      answers.some((text) => text.includes(`;rport=${mapping?.publicPort};received=${ROUTER}`) || text.includes(`;received=${ROUTER}`)),
    ).toBe(true)
  })

  it('N4: keep-alives hold the mapping open, longer than the router remembers, and the PBX’s call arrives', async () => {
    await registers('phone')
    const [before] = place.network.mappings(PHONE, PORTS.phone)
    const since = performance.now()
    const answered = await place.metric('edgeways_nat_keep_alives_total', { zone: 'phones', outcome: 'answered' })
    await until(
      async () => {
        const now = await place.metric('edgeways_nat_keep_alives_total', { zone: 'phones', outcome: 'answered' })
        return (now >= answered + 3 && performance.now() - since > 2 * FORGETS_SECONDS * 1000) || undefined
      },
      'keep-alives',
      40_000,
    )
    expect(place.network.mappings(PHONE, PORTS.phone)).toEqual([before])
    expect(await place.metric('edgeways_nat_keep_alives_total', { zone: 'secure', outcome: 'answered' })).toBeGreaterThan(2)
    expect(await place.metric('edgeways_nat_keep_alives_total', { outcome: 'lost' })).toBe(0)
    const call = await calls('phone')
    expect(await place.at.phone.bye(call.phone)).toBe(200)
    await place.at.pbx.ended(call.pbx)
  })

  describe('Chromium', () => {
    let browser: Browser
    let page: MediaPhone

    beforeAll(async () => {
      const wrapper = join(place.folder, 'chromium')
      writeFileSync(
        wrapper,
        `#!/bin/sh\nexec ip netns exec ${place.network.name('browser')} ${process.env.CHROMIUM ?? '/usr/bin/chromium'} "$@"\n`,
      )
      chmodSync(wrapper, 0o755)
      const before = process.env.CHROMIUM
      process.env.CHROMIUM = wrapper
      try {
        browser = await startMediaBrowser({ folder: place.folder, root: place.root, name: NAME, address: PUBLIC }, HZ.browser)
      } finally {
        if (before === undefined) delete process.env.CHROMIUM
        else process.env.CHROMIUM = before
      }
      const origin = await place.at.browser.servePages(place.folder)
      page = await openMediaPhone(browser, origin, { url: `wss://${NAME}:${PORTS.wss}`, uri: `sip:browser@${NAME}`, register: true })
      await page.phone.event('registered')
      await learn('browser')
    })
    afterAll(async () => {
      await page?.close()
      await browser?.close()
    })

    const hearEachOther = (pbx: number): Promise<unknown> =>
      Promise.all([place.at.pbx.hears(pbx, HZ.browser, [HZ.pbx]), page.sound.hears(HZ.pbx, 8000, [HZ.browser])])

    it('N6: the browser calls the PBX; both hear each other; the browser hangs up', async () => {
      await page.phone.do('call', `sip:echo@${NAME}`)
      const pbx = await place.at.pbx.incoming('pbx')
      await Promise.all([place.at.pbx.answer(pbx), page.phone.event('confirmed')])
      await hearEachOther(pbx)
      await page.phone.do('hangUp')
      await place.at.pbx.ended(pbx)
    })

    it('N2: the PBX calls the browser; re-INVITE and BYE of the PBX reach its .invalid Contact', async () => {
      const { contact, path } = bindings.get('browser')!
      expect(contact).toContain('.invalid')
      const pbx = await place.at.pbx.call('pbx', contact, path)
      await Promise.all([place.at.pbx.established(pbx), page.phone.event('confirmed')])
      await hearEachOther(pbx)
      expect(await place.at.pbx.reinvite(pbx)).toBe(200)
      await hearEachOther(pbx)
      expect(await place.at.pbx.bye(pbx)).toBe(200)
      await page.phone.event('ended')
    })

    it('A2, A5: nothing that crossed its socket names a private address of the edge, nor a candidate of rtpengine', () => {
      const received = page.phone.frames.filter(({ direction }) => direction === 'received').map(({ text }) => text)
      expect(received.length).toBeGreaterThan(5)
      expect(shows(received, EDGE)).toEqual([])
      expect(received.some((text) => new RegExp(`a=candidate:.* ${PUBLIC.replaceAll('.', '\\.')} \\d+ typ host`).test(text))).toBe(true)
    })
  })

  it('A1, A2, A5: outside nobody sees an inner address of the edge, inside nobody its public one', async () => {
    for (const name of ['phone', 'secure']) {
      const got = await place.at.phone.got(name)
      expect(got.length).toBeGreaterThan(10)
      expect(shows(got, EDGE)).toEqual([])
      expect(
        got.some((text) => text.includes(`c=IN IP4 ${PUBLIC}`)),
        'SDP',
      ).toBe(true)
    }
    const inside = await place.at.pbx.got('pbx')
    expect(shows(inside, PUBLIC)).toEqual([])
    expect(inside.filter((text) => /^Via: SIP\/2\.0\/UDP 10\.77\.0\.5:5060;/m.test(text)).length).toBeGreaterThan(10)
  })

  it('A4: what the edge advertises outside it recognises from inside, through the NAT’s hairpin and past it', async () => {
    expect(await place.at.pbx.send('pbx', 'OPTIONS', `sip:${PUBLIC}:${PORTS.udp}`, [])).toBe(200)
    expect(await place.at.pbx.send('pbx', 'OPTIONS', `sip:${PUBLIC}:${PORTS.udp}`, [`<sip:${EDGE}:${PORTS.sip};lr>`])).toBe(200)
    expect((await place.at.pbx.got('pbx')).filter((text) => text.startsWith('OPTIONS'))).toEqual([])
  })

  it('N4: without keep-alives the router forgets the phone, and the PBX’s call does not arrive', async () => {
    await place.reconfigures('off')
    await until(() => place.network.mappings(PHONE, PORTS.phone).length === 0 || undefined, 'end of the mapping', 30_000)
    const before = (await place.at.phone.got('phone')).length
    const again = (): Promise<number> => place.metric('edgeways_retransmissions_total', { direction: 'out' })
    const first = await again()
    const { contact, path } = bindings.get('phone')!
    const lost = await place.at.pbx.call('pbx', contact, path)
    await until(async () => (await again()) >= first + 2 || undefined, 'two more INVITEs to nobody', 10_000)
    expect(await place.at.phone.got('phone')).toHaveLength(before)
    await place.at.pbx.cancel(lost)
    // It was the mapping alone: with another one all is as before
    await registers('phone')
    const call = await calls('phone')
    expect(await place.at.phone.bye(call.phone)).toBe(200)
    await place.at.pbx.ended(call.pbx)
  })

  it('nobody saw anything that should not have been', async () => {
    expect(await place.at.phone.problems('secure')).toEqual([])
    expect(await place.metric('edgeways_leg_transport_violations_total')).toBe(0)
    expect(await place.metric('edgeways_internal_errors_total')).toBe(0)
    expect(await place.metric('edgeways_route_state_refused_total')).toBe(0)
  })
})
