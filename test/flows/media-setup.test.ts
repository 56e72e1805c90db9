import { describe, expect, test } from 'vitest'
import { tagOf } from '../support/wire.ts'
import { endWithMedia, hasNoSdp, mediaOf, RELIABLE, sdp, startMedia, textOf, whereIs } from './media-place.ts'

describe('media §9: an INVITE with SDP', () => {
  test('media §9: is an offer before it leaves, its 200 an answer; each side hears of rtpengine only', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(mediaOf(pbx.gets('INVITE'))).toBe('10.9.9.1:30002')
    expect(media.said()).toEqual(['m1 offer a>b1'])
    await says(pbx, 200, { body: sdp(pbx) })
    expect(mediaOf(carrier.gets(100, 200))).toBe('10.9.9.1:30004')
    expect(media.said()).toEqual(['m1 answer a>b1'])
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual([])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: an unreliable 180 without SDP passes at once, whatever rtpengine does', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    media.holds()
    pbx.sends(180)
    carrier.gets(100, 180)
    media.releases()
    expect(media.said()).toEqual(['m1 offer a>b1'])
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: 183 and 200 with the same SDP are one answer, and the caller gets the same SDP twice', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx) })
    const early = carrier.gets(100, 183)
    // Nothing has to be asked any more, so it goes on at once
    pbx.sends(200, { body: sdp(pbx) })
    expect(textOf(carrier.gets(200))).toBe(textOf(early))
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: a 200 with another SDP than its 183 is taken over; the caller’s port stays (media §4)', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx) })
    const early = mediaOf(carrier.gets(100, 183))
    await says(pbx, 200, { body: sdp(pbx, 2) })
    expect(mediaOf(carrier.gets(200))).toBe(early)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx, 2)}`)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('media §4: forks behind the next hop share one tag in rtpengine, and the caller’s port stays over all their answers', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), tag: 'x' })
    const early = carrier.gets(100, 183)
    await says(pbx, 183, { body: sdp(pbx, 2), tag: 'y' })
    const other = carrier.gets(183)
    expect(tagOf(other, 'to')).not.toBe(tagOf(early, 'to'))
    await says(pbx, 183, { body: sdp(pbx, 3), tag: 'z' })
    carrier.gets(183)
    await says(pbx, 200, { body: sdp(pbx), tag: 'x', of: invite })
    expect([mediaOf(carrier.gets(200)), mediaOf(other)]).toEqual([mediaOf(early), mediaOf(early)])
    expect(media.said()).toEqual(['m1 offer a>b1', ...Array(4).fill('m1 answer a>b1')])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: a reliable 183 answers; UPDATE from either side in the early dialog; the 200 without SDP', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    const early = mediaOf(carrier.gets(100, 183))
    await says(carrier, 'PRACK')
    pbx.gets('PRACK')
    pbx.sends(200)
    carrier.gets(200)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])

    await says(carrier, 'UPDATE', { body: sdp(carrier, 2) })
    expect(mediaOf(pbx.gets('UPDATE'))).toBe(mediaOf(invite))
    await says(pbx, 200, { body: sdp(pbx, 2) })
    expect(mediaOf(carrier.gets(200))).toBe(early)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])

    await says(pbx, 'UPDATE', { body: sdp(pbx, 3) })
    expect(mediaOf(carrier.gets('UPDATE'))).toBe(early)
    await says(carrier, 200, { body: sdp(carrier, 3) })
    expect(mediaOf(pbx.gets(200))).toBe(mediaOf(invite))
    expect(media.said()).toEqual(['m1 offer b1>a', 'm1 answer b1>a'])

    pbx.sends(200, { of: invite, body: '' })
    hasNoSdp(carrier.gets(200))
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 3)} ${whereIs(pbx, 3)}`)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: a 200 that repeats the old SDP after UPDATE changes nothing', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    const early = carrier.gets(100, 183)
    await says(carrier, 'PRACK')
    pbx.gets('PRACK')
    pbx.sends(200)
    carrier.gets(200)
    await says(pbx, 'UPDATE', { body: sdp(pbx, 2) })
    carrier.gets('UPDATE')
    await says(carrier, 200, { body: sdp(carrier, 2) })
    pbx.gets(200)
    media.said()
    pbx.sends(200, { of: invite, body: sdp(pbx) })
    expect(textOf(carrier.gets(200))).toBe(textOf(early))
    expect(media.said()).toEqual([])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 2)} ${whereIs(pbx, 2)}`)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: an UPDATE refused in the early dialog is rolled back', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    carrier.gets(100, 183)
    await says(carrier, 'UPDATE', { body: sdp(carrier, 2) })
    pbx.gets('UPDATE')
    media.said()
    await says(pbx, 491)
    carrier.gets(491)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await says(pbx, 200, { of: invite, body: sdp(pbx) })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: a PRACK with a new offer, its 200 answers', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    carrier.gets(100, 183)
    media.said()
    await says(carrier, 'PRACK', { body: sdp(carrier, 2) })
    expect(mediaOf(pbx.gets('PRACK'))).toBe(mediaOf(invite))
    await says(pbx, 200, { body: sdp(pbx, 2) })
    carrier.gets(200)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    await says(pbx, 200, { of: invite, body: '' })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 2)} ${whereIs(pbx, 2)}`)
    await endWithMedia(place, carrier, pbx)
  })
})

describe('media §9: an INVITE without SDP', () => {
  test('media §9: the 200 offers, the ACK answers; an ACK that comes again is passed with the same SDP and asks nothing', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: '' })
    hasNoSdp(pbx.gets('INVITE'))
    expect(media.said()).toEqual([])
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    expect(media.said()).toEqual(['m1 offer b1>a'])
    const sent = await says(carrier, 'ACK', { body: sdp(carrier) })
    const ack = pbx.gets('ACK')
    expect(media.said()).toEqual(['m1 answer b1>a'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    carrier.repeats(sent)
    await place.edge.settles()
    expect(textOf(pbx.gets('ACK'))).toBe(textOf(ack))
    expect(media.said()).toEqual([])
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: offer in a reliable 183, answer in PRACK, the 200 repeats the offer', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: '' })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    const early = carrier.gets(100, 183)
    await says(carrier, 'PRACK', { body: sdp(carrier) })
    pbx.gets('PRACK')
    pbx.sends(200)
    carrier.gets(200)
    expect(media.said()).toEqual(['m1 offer b1>a', 'm1 answer b1>a'])
    pbx.sends(200, { of: invite, body: sdp(pbx) })
    expect(textOf(carrier.gets(200))).toBe(textOf(early))
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual([])
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: an unreliable 183 that shows the offer of the 200 already: the ACK answers', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: '' })
    pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx) })
    const early = carrier.gets(100, 183)
    await says(pbx, 200, { body: sdp(pbx) })
    expect(textOf(carrier.gets(200))).toBe(textOf(early))
    await says(carrier, 'ACK', { body: sdp(carrier) })
    expect(mediaOf(pbx.gets('ACK'))).toMatch(/^10\.9\.9\.1:/)
    expect(media.said()).toEqual(['m1 offer b1>a', 'm1 answer b1>a'])
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: an SDP in an ACK that nobody asked for stays behind', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    media.said()
    await says(carrier, 'ACK', { body: sdp(carrier, 7) })
    hasNoSdp(pbx.gets('ACK'))
    expect(media.said()).toEqual([])
    await endWithMedia(place, pbx, carrier)
  })
})

describe('media §9: bodies', () => {
  const mixed = (...parts: readonly (readonly [string, string])[]): string =>
    `${parts.map(([type, text]) => `--border\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`).join('')}--border--\r\n`
  const MIXED = ['Content-Type: multipart/mixed; boundary=border']

  test('media §9: of a multipart body only the SDP changes', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, media } = place
    const other = '\0\x01ISUP\xff c=IN IP4 no line of an SDP'
    await says(carrier, 'INVITE', { body: mixed(['application/isup', other], ['application/sdp', sdp(carrier)]), headers: MIXED })
    const got = pbx.gets('INVITE')
    expect(mediaOf(got)).toBe('10.9.9.1:30002')
    expect(textOf(got)).toBe(
      mixed(['application/isup', other], ['application/sdp', sdp(carrier).replaceAll('192.0.2.99', '10.9.9.1').replace('4002', '30002')]),
    )
    await says(pbx, 200, { body: mixed(['application/sdp', sdp(pbx)], ['text/plain', 'hello']), headers: MIXED })
    expect(textOf(carrier.gets(100, 200))).toContain('hello')
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: what is no SDP passes as it is, and asks nothing', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, media } = place
    await says(carrier, 'INVITE', { body: '<pidf/>', headers: ['Content-Type: application/pidf+xml'] })
    expect(textOf(pbx.gets('INVITE'))).toBe('<pidf/>')
    expect(media.said()).toEqual([])
    await says(pbx, 486, { body: 'busy', headers: ['Content-Type: text/plain'] })
    pbx.gets('ACK')
    expect(textOf(carrier.gets(100, 486))).toBe('busy')
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test.each([
    [488, 300],
    [606, 302],
  ])('§21.4.26: an SDP in a %s or %s says what could be accepted; it shows addresses, so it stays behind', async (...statuses) => {
    const { carrier, pbx, says } = await startMedia()
    for (const status of statuses) {
      await says(carrier, 'INVITE', { body: sdp(carrier), fresh: true })
      pbx.gets('INVITE')
      await says(pbx, status, { body: sdp(pbx) })
      pbx.gets('ACK')
      hasNoSdp(carrier.gets(100, status))
      carrier.sends('ACK')
    }
  })

  test.each(['INFO', 'OPTIONS', 'MESSAGE', 'REFER', 'NOTIFY'])(
    'RFC 6337 §2.2: an SDP in %s of a dialog is neither offer nor answer: it stays behind, on both ways',
    async (method) => {
      const place = await startMedia()
      const { carrier, pbx, says, media, node } = place
      await says(carrier, 'INVITE', { body: sdp(carrier) })
      pbx.gets('INVITE')
      await says(pbx, 200, { body: sdp(pbx) })
      carrier.gets(100, 200)
      carrier.sends('ACK')
      pbx.gets('ACK')
      media.said()
      await says(carrier, method, { body: sdp(carrier, 5) })
      hasNoSdp(pbx.gets(method))
      await says(pbx, 200, { body: sdp(pbx, 5) })
      hasNoSdp(carrier.gets(200))
      expect(media.said()).toEqual([])
      expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
      await endWithMedia(place, pbx, carrier)
    },
  )
})
