import { describe, expect, test } from 'vitest'
import { headerOf, valuesOf } from '../support/wire.ts'
import { callWithMedia, endWithMedia, mediaOf, RELIABLE, sdp, startMedia, whereIs } from './media-place.ts'

const MINUTE = 60_000

const startCall = async (options: Parameters<typeof startMedia>[0] = {}) => {
  const place = await startMedia(options)
  await callWithMedia(place, place.carrier, place.pbx)
  /** As once a minute. */
  const listed = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      place.edge.passes(MINUTE)
      place.media.lists()
      await place.edge.settles()
    }
  }
  return { ...place, place, listed }
}

const cseqOf = (wire: Parameters<typeof headerOf>[0]): number => Number.parseInt(headerOf(wire, 'cseq'), 10)

describe('media §9: a call that rtpengine has given up', () => {
  test('media §9: is ended when two lists in a row miss it: a BYE to both, as the other side would say it', async () => {
    const { carrier, pbx, media, node, edge, listed } = await startCall()
    const info = carrier.sends('INFO')
    pbx.gets('INFO')
    pbx.sends(200)
    carrier.gets(200)
    await listed(3)
    carrier.getsNothing()
    node.calls.clear()
    await listed(1)
    carrier.getsNothing()
    await listed(1)
    const [toCaller, toCallee] = [carrier.gets('BYE'), pbx.gets('BYE')]
    expect(headerOf(toCaller, 'reason')).toBe('SIP;cause=408;text="Media timeout"')
    expect(headerOf(toCallee, 'call-id')).toBe(headerOf(info, 'call-id'))
    expect([headerOf(toCallee, 'from'), headerOf(toCallee, 'to')]).toEqual([headerOf(info, 'from'), headerOf(info, 'to')])
    expect([headerOf(toCaller, 'from'), headerOf(toCaller, 'to')]).toEqual([headerOf(info, 'to'), headerOf(info, 'from')])
    expect(cseqOf(toCallee)).toBe(cseqOf(info) + 1)
    expect(toCaller.uri).toBe(/<(.*)>/.exec(carrier.contact)?.[1])
    expect(toCallee.uri).toBe(/<(.*)>/.exec(pbx.contact)?.[1])
    expect([...valuesOf(toCaller, 'route'), ...valuesOf(toCallee, 'route')]).toEqual([])
    carrier.sends(200)
    pbx.sends(200)
    expect(media.said()).toEqual(['m1 delete a'])
    expect(edge.logged('Call has no media any more')).toMatchObject([{ node: 'm1' }])
    expect(edge.logged('Call ended')).toMatchObject([{ how: 'media-timeout', by: undefined }])
    expect(edge.count('media timeout')).toBe(1)
  })

  test('§12.2.2: the BYEs have higher CSeqs than all that went before them, also in the early dialog', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node, edge } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    carrier.gets(100, 183)
    await says(carrier, 'PRACK')
    const prack = pbx.gets('PRACK')
    pbx.sends(200)
    carrier.gets(200)
    await says(pbx, 'UPDATE', { body: sdp(pbx, 2) })
    const update = carrier.gets('UPDATE')
    await says(carrier, 200, { body: sdp(carrier, 2) })
    pbx.gets(200)
    await says(pbx, 200, { of: invite, body: '' })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    node.restarts()
    for (let i = 0; i < 2; i++) {
      edge.passes(MINUTE)
      media.lists()
      await edge.settles()
    }
    expect(cseqOf(carrier.gets('BYE'))).toBe(cseqOf(update) + 1)
    expect(cseqOf(pbx.gets('BYE'))).toBe(cseqOf(prack) + 1)
    carrier.sends(200)
    pbx.sends(200)
  })

  test('§16.4: further proxies on either side, and a moved target: the BYEs take the way of the dialog', async () => {
    const { edge, carrier, pbx, media, says, node } = await startMedia({ carrier: ', admit: { networks: [ 192.0.2.0/24 ] }' })
    const inner = edge.party('inner', 'lan/udp', '10.0.0.30:5060')
    const outer = edge.party('outer', 'out/tcp', '192.0.2.98:5060')
    await says(carrier, 'INVITE', {
      body: sdp(carrier),
      headers: ['Record-Route: <sip:192.0.2.98:5060;transport=tcp;lr>, <sip:192.0.2.97;lr>'],
    })
    const invite = pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx), above: ['Record-Route: <sip:10.0.0.31;lr>', 'Record-Route: <sip:10.0.0.30:5060;lr>'] })
    const answer = carrier.gets(100, 200)
    expect(valuesOf(answer, 'record-route')).toHaveLength(6)
    const ours = valuesOf(invite, 'record-route').slice(0, 2)
    carrier.sends('ACK', { routes: ours.toReversed() })
    pbx.gets('ACK')
    await says(carrier, 'UPDATE', { body: '', routes: ours.toReversed(), contact: '<sip:elsewhere@192.0.2.50:5060;transport=tcp>' })
    pbx.gets('UPDATE')
    await says(pbx, 200, { contact: '<sip:desk@10.0.0.77:5060>' })
    carrier.gets(200)
    node.calls.clear()
    for (let i = 0; i < 2; i++) {
      edge.passes(MINUTE)
      media.lists()
      await edge.settles()
    }
    const toCaller = outer.gets('BYE')
    expect(toCaller.uri).toBe('sip:elsewhere@192.0.2.50:5060;transport=tcp')
    expect(valuesOf(toCaller, 'route')).toEqual(['<sip:192.0.2.98:5060;transport=tcp;lr>', '<sip:192.0.2.97;lr>'])
    const toCallee = inner.gets('BYE')
    expect(valuesOf(toCallee, 'route')).toEqual(['<sip:10.0.0.30:5060;lr>', '<sip:10.0.0.31;lr>'])
    outer.sends(200)
    inner.sends(200)
  })

  test('media §9: a command within the last half minute: the list may be older than that, so it counts for nothing', async () => {
    const { place, carrier, pbx, media, says, node, edge, listed } = await startCall()
    node.calls.clear()
    await listed(1)
    edge.passes(MINUTE)
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.events!.listed(node, [])
    edge.passes(MINUTE)
    media.events!.listed(node, [])
    carrier.getsNothing()
    await listed(2)
    carrier.getsNothing()
    media.said()
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: `media-timeout: report`: the log and nothing else; an offer brings it back, and BYE ends it with its true length', async () => {
    const { place, carrier, pbx, media, says, node, edge, listed } = await startCall({
      media: '{ rtpengine: [ 127.0.0.1:2223 ], media-timeout: report }',
    })
    node.calls.clear()
    await listed(6)
    carrier.getsNothing()
    pbx.getsNothing()
    expect(edge.logged('Call has no media any more')).toHaveLength(1)
    expect(edge.logged('Call ended')).toEqual([])
    await says(pbx, 'INVITE', { body: sdp(pbx, 2) })
    expect(mediaOf(carrier.gets('INVITE'))).toMatch(/^10\.9\.9\.1:/)
    await says(carrier, 200, { body: sdp(carrier, 2) })
    pbx.gets(100, 200)
    pbx.sends('ACK')
    carrier.gets('ACK')
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 2)} ${whereIs(pbx, 2)}`)
    await listed(3)
    media.said()
    await endWithMedia(place, carrier, pbx)
    expect(edge.logged('Call ended')).toMatchObject([{ how: 'bye', seconds: 540 }])
  })

  test('media §9: `media-timeout: report`: a call of which nothing is heard for a day is forgotten', async () => {
    const { node, edge, listed } = await startCall({ media: '{ rtpengine: [ 127.0.0.1:2223 ], media-timeout: report }' })
    node.calls.clear()
    await listed(2)
    edge.passes(3_000_000)
    await listed(2)
    expect(edge.engine.media().sessions).toBe(1)
    // As long as a day, in a few steps
    edge.leaps(86_400_000)
    await listed(2)
    expect(edge.engine.media().sessions).toBe(0)
  })

  test('media §9: a dialog in which nobody has described media has none to lose', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, edge, media } = place
    await says(carrier, 'INVITE', { body: '' })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: '' })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    for (let i = 0; i < 4; i++) {
      edge.passes(MINUTE)
      media.lists()
    }
    carrier.getsNothing()
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: both have gone already: what they answer to the BYE is nobody’s business', async () => {
    const { carrier, pbx, node, listed, media } = await startCall()
    node.calls.clear()
    await listed(2)
    carrier.gets('BYE')
    carrier.sends(481)
    pbx.gets('BYE')
    pbx.isDeaf()
    expect(media.said()).toEqual(['m1 delete a'])
  })
})

describe('media §9: strays', () => {
  test('media §9: what rtpengine has of this life and nobody knows is deleted after two minutes', async () => {
    const { place, carrier, pbx, media, node, edge, listed } = await startCall()
    const [id, call] = [...node.calls.entries()][0]!
    const stray = `${id.slice(0, -3)}zzz`
    node.calls.set(stray, call)
    await listed(2)
    expect(node.calls.has(stray)).toBe(true)
    await listed(1)
    expect([...node.calls.keys()]).toEqual([id])
    expect(edge.logged('A stray media session is deleted')).toMatchObject([{ node: 'm1', session: stray }])
    expect(edge.count('stray')).toBe(1)
    expect(media.said()).toEqual(['m1 delete undefined'])
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: what is of an earlier life is left alone: its dialog may go on', async () => {
    const { place, carrier, pbx, edge, listed, node, media } = await startCall()
    await edge.restarts()
    await listed(5)
    expect(node.calls.size).toBe(1)
    expect(media.said()).toEqual([])
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: a session that moved is a stray on the node where it was, when its delete is late', async () => {
    const place = await startMedia({ nodes: ['m1', 'm2'], media: '{ rtpengine: [ 127.0.0.1:2223, 127.0.0.1:2224 ] }' })
    const { carrier, pbx, media, says, edge } = place
    await callWithMedia(place, carrier, pbx)
    const [first] = media.nodes
    const [id, call] = [...first!.calls.entries()][0]!
    first!.state = 'down'
    await says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx, 2) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    first!.calls.set(id, call)
    for (let i = 0; i < 3; i++) {
      edge.passes(MINUTE)
      media.lists()
    }
    expect(first!.calls.size).toBe(0)
    expect(media.nodes[1]!.calls.size).toBe(1)
    media.said()
    await endWithMedia(place, carrier, pbx)
  })
})
