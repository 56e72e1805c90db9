import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf } from '../support/wire.ts'
import { hangUp } from './place.ts'

const NAMED = `
media: off
listeners:
  lan: { udp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060 }
zones:
  pbx:     { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ { uri: "sip:pbx.test:5060;transport=udp", priority: 1 }, { uri: "sip:second.test:5060;transport=udp", priority: 2 } ] }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ] }
routes:
  - { from: carrier, to: pbx }
  - { from: pbx, to: carrier }
`
const DNS = { 'A pbx.test': ['10.0.0.20'], 'A second.test': ['10.0.0.21'], 'A contact.test': ['10.0.0.20'] }

/** Longer than the resolver remembers that a name is not there. */
const NEGATIVE_MS = 11_000

/** The DNS knew nothing when the edge looked its targets up at start, and does not answer now until it is let go. */
const startHeld = async () => {
  const edge = await startEdge(NAMED, { dns: {} })
  await edge.settles()
  edge.passes(NEGATIVE_MS)
  edge.lookup.zone = DNS
  edge.lookup.held = []
  return {
    edge,
    carrier: edge.party('carrier', 'out/tcp', '192.0.2.99:5060'),
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    second: edge.party('second', 'lan/udp', '10.0.0.21:5060'),
    release: async () => {
      edge.lookup.release()
      await edge.settles()
    },
  }
}

describe('while the DNS is asked', () => {
  test('§17.2.1: 100 Trying does not wait, nor does the answer to a retransmission', async () => {
    const { carrier, pbx, release } = await startHeld()
    const invite = carrier.sends('INVITE')
    carrier.gets(100)
    carrier.repeats(invite)
    carrier.getsNothing()
    pbx.getsNothing()
    await release()
    pbx.gets('INVITE')
    pbx.sends(486)
    pbx.gets('ACK')
    carrier.gets(486)
    carrier.sends('ACK')
  })

  test('§16.10: CANCEL does not wait: 487 at once, and the INVITE is never sent', async () => {
    const { carrier, pbx, release } = await startHeld()
    carrier.sends('INVITE')
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200, 487)
    carrier.sends('ACK')
    await release()
    pbx.getsNothing()
  })

  test('§16.10: CANCEL of an INVITE that waits for its turn: 487, and it is never sent', async () => {
    const { carrier, pbx, release } = await startHeld()
    const info = carrier.sends('MESSAGE', { callId: 'one' })
    carrier.sends('INVITE', { callId: 'one', fresh: true })
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200, 487)
    carrier.sends('ACK')
    await release()
    expect(headerOf(pbx.gets('MESSAGE'), 'call-id')).toBe(headerOf(info, 'call-id'))
    pbx.sends(200)
    carrier.gets(200)
    pbx.getsNothing()
  })

  test('§17.2.4: the caller is gone before the DNS answered: nobody is called', async () => {
    const { edge, carrier, pbx, release } = await startHeld()
    carrier.sends('MESSAGE', { callId: 'one' })
    carrier.sends('INVITE', { callId: 'one', fresh: true })
    const other = edge.party('other', 'out/tcp', '192.0.2.99:5060')
    other.getsNothing()
    carrier.disconnects()
    await release()
    pbx.gets('MESSAGE')
    pbx.sends(200)
    carrier.forgets()
    pbx.getsNothing()
  })

  test('what belongs to one call keeps its order, other calls do not wait for it', async () => {
    const { edge, carrier, pbx, release } = await startHeld()
    edge.lookup.release()
    carrier.sends('INVITE')
    await edge.settles()
    pbx.gets('INVITE')
    edge.lookup.held = []
    pbx.sends(200, { contact: '<sip:pbx@contact.test:5060>' })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    carrier.sends('INFO')
    carrier.sends('BYE')
    pbx.getsNothing()
    const other = edge.party('other', 'out/tcp', '192.0.2.99:6060')
    other.sends('MESSAGE')
    pbx.gets('MESSAGE')
    pbx.sends(200)
    other.gets(200)
    await release()
    const ack = pbx.gets('ACK')
    expect(ack.uri).toBe('sip:pbx@contact.test:5060')
    const info = pbx.gets('INFO')
    const bye = pbx.gets('BYE')
    pbx.sends(200, { of: info })
    pbx.sends(200, { of: bye })
    carrier.gets(200, 200)
  })

  test('the next target’s name has to be looked up: what comes meanwhile for the call waits', async () => {
    const { edge, carrier, pbx, second, release } = await startHeld()
    edge.lookup.release()
    carrier.sends('INVITE')
    await edge.settles()
    pbx.gets('INVITE')
    edge.lookup.held = []
    pbx.sends(503)
    pbx.gets('ACK')
    carrier.gets(100)
    second.getsNothing()
    await release()
    second.gets('INVITE')
    second.sends(200)
    carrier.gets(200)
    carrier.sends('ACK')
    second.gets('ACK')
    hangUp(second, carrier)
  })

  test('§16.6 item 7: the name is not there: the next target; an ACK or BYE to such a name costs only itself', async () => {
    const { edge, carrier, second, release } = await startHeld()
    edge.lookup.zone = { 'A second.test': ['10.0.0.21'] }
    carrier.sends('INVITE')
    await release()
    second.gets('INVITE')
    second.sends(200, { contact: '<sip:nobody@nowhere.test>' })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    carrier.sends('BYE')
    await edge.settles()
    expect(edge.count('drop ack-unreachable')).toBe(1)
    carrier.gets(503)
    second.getsNothing()
  })

  test('parallel branches start as their names are known', async () => {
    const edge = await startEdge(NAMED.replace('{ from: carrier, to: pbx }', '{ from: carrier, to: pbx, fork: parallel }'), { dns: DNS })
    const carrier = edge.party('carrier', 'out/tcp', '192.0.2.99:5060')
    const desks = [edge.party('a', 'lan/udp', '10.0.0.20:5060'), edge.party('b', 'lan/udp', '10.0.0.21:5060')] as const
    carrier.sends('INVITE')
    await edge.settles()
    for (const desk of desks) {
      desk.gets('INVITE')
      desk.sends(486)
      desk.gets('ACK')
    }
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('a mistake of ours after the wait costs that call only: 500', async () => {
    const { edge, carrier, pbx, release } = await startHeld()
    edge.tolerates(/500/)
    carrier.sends('INVITE')
    carrier.gets(100)
    edge.breaksOnce()
    await release()
    carrier.gets(500)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(edge.count('500')).toBe(1)
    carrier.sends('MESSAGE', { fresh: true })
    pbx.gets('MESSAGE')
    pbx.sends(200)
    carrier.gets(200)
  })
})
