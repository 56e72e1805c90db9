import { describe, expect, test } from 'vitest'
import type { Mood } from '../support/fake-media.ts'
import { headerOf, tagOf } from '../support/wire.ts'
import { endWithMedia, hasNoSdp, mediaOf, RELIABLE, sdp, startMedia, whereIs } from './media-place.ts'

const TWO_TARGETS = {
  targets: '{ uri: "sip:10.0.0.20:5060;transport=udp", priority: 1 }, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }',
}
const TWO_NODES = { nodes: ['m1', 'm2'] }

describe('media §11: an offer that fails', () => {
  test.each(['silent', 'full'] as const)(
    'media §11: the first node is %s: the call goes to the next one, and what the first may have is deleted',
    async (mood) => {
      const place = await startMedia(TWO_NODES)
      const { carrier, pbx, media, says, edge } = place
      const [first, next] = media.nodes as [(typeof media.nodes)[0], (typeof media.nodes)[0]]
      first.mood = mood
      await says(carrier, 'INVITE', { body: sdp(carrier) })
      expect(mediaOf(pbx.gets('INVITE'))).toMatch(/^10\.9\.9\.2:/)
      expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a', 'm2 offer a>b1'])
      expect(media.deletes).toBe(mood === 'silent' ? 1 : 0)
      expect(edge.logged('Call goes to another media node')).toMatchObject([{ node: 'm1', to: 'm2' }])
      first.mood = 'well'
      await says(pbx, 200, { body: sdp(pbx) })
      expect(mediaOf(carrier.gets(100, 200))).toMatch(/^10\.9\.9\.2:/)
      carrier.sends('ACK')
      pbx.gets('ACK')
      expect(next.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
      expect(media.said()).toEqual(['m2 answer a>b1'])
      await endWithMedia(place, carrier, pbx)
    },
  )

  test('media §11: the reply of the first node is lost: what it did is deleted there', async () => {
    const place = await startMedia(TWO_NODES)
    const { carrier, pbx, media, says } = place
    media.nodes[0]!.loses = 1
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    expect(media.left().map((one) => one.slice(0, 2))).toEqual(['m2'])
    await says(pbx, 486)
    pbx.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test.each([
    ['silent', 'Media node does not answer'],
    ['full', 'Media node has no room'],
  ] as const)('media §11: all are %s: 503 that says so, after 100, and two were asked', async (mood, reason) => {
    const { carrier, pbx, media, says } = await startMedia({ nodes: ['m1', 'm2', 'm3'] })
    for (const node of media.nodes) node.mood = mood
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(carrier.gets(100, 503).start).toBe(`SIP/2.0 503 ${reason}`)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a', 'm2 offer a>b1', 'm2 delete a'])
    for (const node of media.nodes) node.mood = 'well'
  })

  test('media §11: no node takes calls: 503 with the reason of the nodes, which the log has, too', async () => {
    const { carrier, pbx, media, says, edge } = await startMedia(TWO_NODES)
    edge.tolerates(/500/)
    for (const node of media.nodes) node.state = 'down'
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(carrier.gets(100, 503).start).toBe('SIP/2.0 503 No media node of set default takes calls')
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(edge.logged('No media node of set default takes calls')).toHaveLength(1)
    expect(edge.count('call refused')).toBe(1)
    expect(media.said()).toEqual([])
  })

  test('media §3: a node that cannot parse the SDP: 488, no other is asked, nothing is left', async () => {
    const { carrier, pbx, media, says, node } = await startMedia(TWO_NODES)
    node.mood = 'deaf'
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    carrier.gets(100, 488)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test.each([
    ['hello', 400],
    ['v=0\r\no=- 1 1 IN IP4 192.0.2.99\r\ns=-\r\nt=0 0\r\n', 488],
    [`v=0\r\n${'a=x\r\n'.repeat(20_000)}`, 413],
  ])('media §6: what nobody can describe a session with (case %#) is refused with %s', async (body, status) => {
    const { carrier, pbx, media, says } = await startMedia()
    await says(carrier, 'INVITE', { body, headers: ['Content-Type: application/sdp'] })
    carrier.gets(100, status)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §9: of two forks one can have no media: the other one rings', async () => {
    const { carrier, pbx, second, media, says, edge, node } = await startMedia({ ...TWO_TARGETS, fork: 'parallel' })
    media.holds()
    carrier.sends('INVITE', { body: sdp(carrier) })
    node.loses = 1
    media.releases()
    await edge.settles()
    const [one, other] = pbx.inbox.length > 0 ? [pbx, second] : [second, pbx]
    one.gets('INVITE')
    other.getsNothing()
    await says(one, 200, { body: sdp(one) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    one.gets('ACK')
    carrier.sends('BYE')
    one.gets('BYE')
    await says(one, 200)
    carrier.gets(200)
  })

  test('media §9: a mistake of ours behind an offer ends that call, and only that', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, edge } = place
    edge.tolerates(/500/)
    media.holds()
    carrier.sends('INVITE', { body: sdp(carrier) })
    edge.breaksOnce()
    media.releases()
    await edge.settles()
    carrier.gets(100, 500)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
    await says(carrier, 'INVITE', { body: sdp(carrier), fresh: true })
    pbx.gets('INVITE')
    await says(pbx, 486)
    pbx.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })
})

describe('media §9: an answer that cannot be used', () => {
  test.each([
    ['deaf', 502],
    ['silent', 503],
    ['restarted', 503],
  ] as const)(
    'media §9: rtpengine is %s: the caller gets %s, the callee’s dialog is ended: ACK for each 200, one BYE',
    async (what, status) => {
      const { carrier, pbx, media, says, node, edge } = await startMedia()
      await says(carrier, 'INVITE', { body: sdp(carrier) })
      const invite = pbx.gets('INVITE')
      if (what === 'restarted') node.restarts()
      else node.mood = what as Mood
      const answer = await says(pbx, 200, { body: sdp(pbx) })
      const ack = pbx.gets('ACK')
      const bye = pbx.gets('BYE')
      expect(headerOf(bye, 'reason')).toContain('cause=503')
      for (const made of [ack, bye]) {
        expect([headerOf(made, 'from'), headerOf(made, 'to'), headerOf(made, 'call-id')]).toEqual([
          headerOf(invite, 'from'),
          headerOf(answer, 'to'),
          headerOf(invite, 'call-id'),
        ])
        expect(made.uri).toBe(/<(.*)>/.exec(pbx.contact)?.[1])
      }
      expect([ack, bye].map((made) => Number.parseInt(headerOf(made, 'cseq'), 10) - Number.parseInt(headerOf(invite, 'cseq'), 10))).toEqual(
        [0, 1],
      )
      pbx.sends(200, { of: bye })
      carrier.gets(100, status)
      carrier.sends('ACK')
      pbx.repeats(answer)
      pbx.repeats(answer)
      await edge.settles()
      pbx.gets('ACK', 'ACK')
      pbx.getsNothing()
      node.mood = 'well'
      expect(media.said()).toContain('m1 delete a')
      expect(edge.count('call failed')).toBe(1)
    },
  )

  test('media §9: the BYE has a higher CSeq than the PRACKs before it (§12.2.2)', async () => {
    const { carrier, pbx, says, node } = await startMedia()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    carrier.gets(100, 183)
    await says(carrier, 'PRACK')
    const prack = pbx.gets('PRACK')
    pbx.sends(200)
    carrier.gets(200)
    node.mood = 'deaf'
    await says(pbx, 200, { of: invite, body: sdp(pbx, 2) })
    pbx.gets('ACK')
    const bye = pbx.gets('BYE')
    expect(Number.parseInt(headerOf(bye, 'cseq'), 10)).toBe(Number.parseInt(headerOf(prack, 'cseq'), 10) + 1)
    pbx.sends(200)
    carrier.gets(502)
    carrier.sends('ACK')
  })

  test('media §9: behind further proxies ACK and BYE take the way that the callee’s Record-Route names', async () => {
    const { carrier, pbx, says, node, edge } = await startMedia()
    const proxy = edge.party('proxy', 'lan/udp', '10.0.0.30:5060')
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    node.mood = 'deaf'
    await says(pbx, 200, { body: sdp(pbx), above: ['Record-Route: <sip:10.0.0.31;lr>, <sip:10.0.0.30:5060;lr>'] })
    expect(headerOf(proxy.gets('ACK'), 'route')).toBe('<sip:10.0.0.30:5060;lr>')
    const bye = proxy.gets('BYE')
    expect(bye.headers.filter(({ name }) => name === 'route').map(({ value }) => value)).toEqual([
      '<sip:10.0.0.30:5060;lr>',
      '<sip:10.0.0.31;lr>',
    ])
    proxy.sends(200)
    carrier.gets(100, 502)
    carrier.sends('ACK')
  })

  test('media §9: of a 183: the callee is cancelled, the caller gets 502; a 200 that crosses is acknowledged and ended', async () => {
    const { carrier, pbx, says, node } = await startMedia()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    node.mood = 'deaf'
    await says(pbx, 183, { body: sdp(pbx) })
    pbx.gets('CANCEL')
    pbx.sends(200)
    carrier.gets(100, 502)
    carrier.sends('ACK')
    // T4: the leg is UDP, whatever the Contact says
    await says(pbx, 200, { body: sdp(pbx), of: invite, contact: '<sip:pbx20@10.0.0.20:5060;transport=tcp>' })
    pbx.gets('ACK', 'BYE')
    pbx.sends(200)
    carrier.getsNothing()
  })

  test.each([183, 200])('media §9: of a %s of one target: the next one is tried, on the rtpengine that has restarted', async (status) => {
    const place = await startMedia(TWO_TARGETS)
    const { carrier, pbx, second, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    node.restarts()
    await says(pbx, status, { body: sdp(pbx) })
    if (status === 200) pbx.gets('ACK', 'BYE')
    else pbx.gets('CANCEL')
    pbx.sends(200)
    if (status === 183) {
      pbx.sends(487, { of: invite })
      pbx.gets('ACK')
    }
    second.gets('INVITE')
    await says(second, 200, { body: sdp(second) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    expect(node.talk).toBe(`a>b2 ${whereIs(carrier)} ${whereIs(second)}`)
    media.said()
    await endWithMedia(place, second, carrier)
  })

  test('media §9: each fork behind the callee that answers is ended, not only the first', async () => {
    const { carrier, pbx, says, node, edge } = await startMedia()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    node.mood = 'deaf'
    const answers = []
    for (const tag of ['x', 'y']) {
      answers.push(await says(pbx, 200, { body: sdp(pbx), tag, of: invite }))
      pbx.gets('ACK')
      expect(tagOf(pbx.gets('BYE'), 'to')).toBe(tag)
      pbx.sends(200)
    }
    for (const answer of answers) pbx.repeats(answer)
    await edge.settles()
    pbx.gets('ACK', 'ACK')
    pbx.getsNothing()
    carrier.gets(100, 502)
    carrier.sends('ACK')
  })

  test('media §11: rtpengine has died since the offer: the next target is tried, on another node', async () => {
    const place = await startMedia({ ...TWO_TARGETS, ...TWO_NODES })
    const { carrier, pbx, second, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    node.mood = 'silent'
    await says(pbx, 200, { body: sdp(pbx) })
    pbx.gets('ACK', 'BYE')
    pbx.sends(200)
    expect(mediaOf(second.gets('INVITE'))).toMatch(/^10\.9\.9\.2:/)
    await says(second, 200, { body: sdp(second) })
    expect(mediaOf(carrier.gets(100, 200))).toMatch(/^10\.9\.9\.2:/)
    carrier.sends('ACK')
    second.gets('ACK')
    node.mood = 'well'
    expect(media.nodes[1]!.talk).toBe(`a>b2 ${whereIs(carrier)} ${whereIs(second)}`)
    media.said()
    await endWithMedia(place, second, carrier)
  })

  test('media §9: of the second of two 2xx: that one is ended, the call goes on', async () => {
    const place = await startMedia({
      ...TWO_TARGETS,
      targets: TWO_TARGETS.targets.replaceAll('priority: 2', 'priority: 1'),
      fork: 'parallel',
    })
    const { carrier, pbx, second, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    second.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    node.mood = 'deaf'
    await says(second, 200, { body: sdp(second) })
    second.gets('ACK', 'BYE')
    second.sends(200)
    node.mood = 'well'
    carrier.getsNothing()
    expect(media.said().at(-1)).toMatch(/^m1 delete a>b/)
    expect(node.talk).toContain(`${whereIs(carrier)} ${whereIs(pbx)}`)
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: an answer with other m-lines than its offer ends the same way (RFC 3264 §6)', async () => {
    const { carrier, pbx, says } = await startMedia()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx, 1, 'm=video 5000 RTP/AVP 31') })
    pbx.gets('ACK', 'BYE')
    pbx.sends(200)
    carrier.gets(100, 502)
    carrier.sends('ACK')
  })

  test('media §9: an offer in a 200 that cannot be used ends the same way', async () => {
    const { carrier, pbx, says, node } = await startMedia()
    await says(carrier, 'INVITE', { body: '' })
    pbx.gets('INVITE')
    node.mood = 'deaf'
    await says(pbx, 200, { body: sdp(pbx) })
    pbx.gets('ACK', 'BYE')
    pbx.sends(200)
    carrier.gets(100, 502)
    carrier.sends('ACK')
  })

  test('media §9: an answer in an ACK that cannot be used stays behind; the ACK passes, and who misses the answer ends the call', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, node, media } = place
    await says(carrier, 'INVITE', { body: '' })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    node.mood = 'deaf'
    await says(carrier, 'ACK', { body: sdp(carrier) })
    hasNoSdp(pbx.gets('ACK'))
    node.mood = 'well'
    media.said()
    await endWithMedia(place, pbx, carrier)
  })
})
