import { describe, expect, test } from 'vitest'
import { startEdge, T1 } from '../support/flow-harness.ts'
import { branchIn, headerOf, tagOf, valuesOf } from '../support/wire.ts'
import { hangUp } from './place.ts'

const FORK = `
media: off
listeners:
  lan: { udp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060 }
zones:
  desks:   { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp", "sip:10.0.0.21:5060;transport=udp", "sip:10.0.0.22:5060;transport=udp" ] }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ] }
routes:
  - { from: carrier, to: desks, fork: parallel }
  - { from: desks, to: carrier }
`

/** The carrier calls; all three desks have the INVITE. */
const startFork = async () => {
  const edge = await startEdge(FORK)
  const carrier = edge.party('carrier', 'out/tcp', '192.0.2.99:5060')
  const desks = [20, 21, 22].map((host) => edge.party(`desk${host}`, 'lan/udp', `10.0.0.${host}:5060`))
  carrier.sends('INVITE')
  carrier.gets(100)
  const invites = desks.map((desk) => desk.gets('INVITE'))
  const [a, b, c] = desks as [(typeof desks)[0], (typeof desks)[0], (typeof desks)[0]]
  return { edge, carrier, a, b, c, desks, invites }
}

type Fork = Awaited<ReturnType<typeof startFork>>

const rejects = (desk: Fork['a'], status: number, headers: readonly string[] = []): void => {
  desk.sends(status, { headers })
  desk.gets('ACK')
}

const isCancelled = (desk: Fork['a']): void => {
  const invite = desk.invite!
  desk.gets('CANCEL')
  desk.sends(200)
  desk.sends(487, { of: invite })
  desk.gets('ACK')
}

describe('§16.7: parallel forking', () => {
  test('§16.6 item 8: each branch has a branch parameter of its own, and each provisional response passes', async () => {
    const { carrier, a, b, c, invites } = await startFork()
    expect(new Set(invites.map(branchIn)).size).toBe(3)
    a.sends(180)
    b.sends(183)
    expect(tagOf(carrier.gets(180), 'to')).not.toBe(tagOf(carrier.gets(183), 'to'))
    for (const desk of [a, b, c]) rejects(desk, 480)
    carrier.gets(480)
    carrier.sends('ACK')
  })

  test('item 10: the first 2xx wins, and the others are cancelled, those without a provisional response when it comes', async () => {
    const { carrier, a, b, c, invites } = await startFork()
    a.sends(180)
    b.sends(180)
    carrier.gets(180, 180)
    a.sends(200)
    carrier.gets(200)
    carrier.sends('ACK')
    a.gets('ACK')
    isCancelled(b)
    c.getsNothing()
    c.sends(180, { of: invites[2]! })
    isCancelled(c)
    carrier.getsNothing()
    hangUp(carrier, a)
  })

  test('item 5: two that answer at the same time: both 2xx pass, each is acknowledged and ended', async () => {
    const { carrier, a, b, c } = await startFork()
    a.sends(200)
    b.sends(200)
    rejects(c, 486)
    const answers = [carrier.gets(200), carrier.gets(200)]
    for (const [i, desk] of [a, b].entries()) {
      carrier.sends('ACK', { of: answers[i]! })
      desk.gets('ACK')
      carrier.sends('BYE', { of: answers[i]! })
      desk.gets('BYE')
      desk.sends(200)
      carrier.gets(200)
    }
  })

  test.each([
    [[404, 486, 302], 302],
    [[503, 404, 500], 404],
    [[500, 408, 503], 408],
    [[486, 415, 404], 415],
    [[503, 500, 503], 500],
  ] as const)('item 6: of %s the best is %s, and it waits for the last', async (statuses, best) => {
    const { carrier, desks } = await startFork()
    for (const [i, desk] of desks.entries()) {
      carrier.getsNothing()
      rejects(desk, statuses[i]!)
    }
    carrier.gets(best)
    carrier.sends('ACK')
  })

  test('item 5: a 6xx ends the search: the others are cancelled, and it goes back when they have ended', async () => {
    const { carrier, a, b, c } = await startFork()
    a.sends(180)
    c.sends(180)
    carrier.gets(180, 180)
    rejects(b, 603)
    carrier.getsNothing()
    isCancelled(a)
    isCancelled(c)
    carrier.gets(603)
    carrier.sends('ACK')
  })

  test('item 5: a 2xx overtakes a 6xx that waits', async () => {
    const { carrier, a, b, c } = await startFork()
    a.sends(180)
    carrier.gets(180)
    rejects(b, 603)
    const invite = a.invite!
    a.gets('CANCEL')
    a.sends(200)
    a.sends(200, { of: invite })
    carrier.gets(200)
    carrier.sends('ACK')
    a.gets('ACK')
    c.sends(486)
    c.gets('ACK')
    hangUp(carrier, a)
  })

  test('item 7: the challenges of all branches go with the best one', async () => {
    const { edge, carrier, a, b, c } = await startFork()
    edge.tolerates(/became "Proxy-Authenticate/)
    rejects(a, 401, ['WWW-Authenticate: Digest realm="a", nonce="1"'])
    rejects(b, 407, ['Proxy-Authenticate: Digest realm="b", nonce="2"'])
    rejects(c, 486)
    const answer = carrier.gets(401)
    expect(valuesOf(answer, 'www-authenticate')[0]).toContain('realm="a"')
    expect(headerOf(answer, 'proxy-authenticate')).toContain('realm="b"')
    carrier.sends('ACK')
  })

  test('§16.10: CANCEL goes to each branch that rings, and 487 comes back', async () => {
    const { carrier, a, b, c, invites } = await startFork()
    a.sends(180)
    b.sends(180)
    carrier.gets(180, 180)
    carrier.sends('CANCEL')
    carrier.gets(200)
    isCancelled(a)
    isCancelled(b)
    c.sends(180, { of: invites[2]! })
    carrier.gets(180)
    isCancelled(c)
    carrier.gets(487)
    carrier.sends('ACK')
  })

  test('§16.9: a branch that cannot be reached is a 503 among the others', async () => {
    const { carrier, a, b, c } = await startFork()
    a.bounces()
    rejects(b, 503)
    rejects(c, 486)
    carrier.gets(486)
    carrier.sends('ACK')
  })

  test('§16.7: branches that nobody answers count as 408 at Timer B', async () => {
    const { edge, carrier, a, b, c } = await startFork()
    for (const desk of [a, b]) desk.isDeaf()
    rejects(c, 480)
    carrier.getsNothing()
    edge.passes(64 * T1 + 100)
    carrier.gets(480)
    carrier.sends('ACK')
  })

  test('§16.8: Timer C runs for each branch by itself', async () => {
    const { edge, carrier, a, b, c } = await startFork()
    a.sends(180)
    carrier.gets(180)
    rejects(b, 486)
    rejects(c, 486)
    edge.passes(190_100)
    isCancelled(a)
    carrier.gets(486)
    carrier.sends('ACK')
  })
})
