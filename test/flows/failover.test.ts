import { describe, expect, test } from 'vitest'
import { type EdgeOptions, startEdge, T1 } from '../support/flow-harness.ts'
import { branchIn, headerOf, valuesOf } from '../support/wire.ts'
import { hangUp } from './place.ts'

/** A carrier in front, two PBXs behind: the second is tried when the first fails. */
const TWO = (
  more = '',
  targets = '{ uri: "sip:10.0.0.20:5060;transport=udp", priority: 1 }, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }',
): string => `
media: off
listeners:
  lan: { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060 }
zones:
  pbx:     { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ ${targets} ] }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ] }
routes:
  - { from: carrier, to: pbx ${more} }
  - { from: pbx, to: carrier }
`

const startTwo = async (configuration = TWO(), options: EdgeOptions = {}) => {
  const edge = await startEdge(configuration, options)
  return {
    edge,
    carrier: edge.party('carrier', 'out/tcp', '192.0.2.99:5060'),
    first: edge.party('first', 'lan/udp', '10.0.0.20:5060'),
    second: edge.party('second', 'lan/udp', '10.0.0.21:5060'),
  }
}

describe('from target to target', () => {
  test.each([503, 500, 502, 504, 408, 430])('§16.7: after a %s the next target is tried, with a branch of its own', async (status) => {
    const { carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    const one = first.gets('INVITE')
    first.sends(status)
    first.gets('ACK')
    const two = second.gets('INVITE')
    expect(branchIn(two)).not.toBe(branchIn(one))
    expect(two.uri).toContain('10.0.0.21')
    second.sends(200)
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    first.getsNothing()
    hangUp(second, carrier)
  })

  test.each([404, 486, 603, 302])('§16.7: a %s is the answer, nobody else is asked', async (status) => {
    const { carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(status)
    first.gets('ACK')
    carrier.gets(100, status)
    carrier.sends('ACK')
    second.getsNothing()
  })

  test('§16.7 item 6: when all fail the best answer goes back', async () => {
    const { carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(503, { headers: ['Retry-After: 3'] })
    first.gets('ACK')
    second.gets('INVITE')
    second.sends(500)
    second.gets('ACK')
    carrier.gets(100, 500)
    carrier.sends('ACK')
  })

  test('§16.7: without any answer for 8*T1 the next target is tried', async () => {
    const { edge, carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    first.isDeaf()
    first.forgets()
    edge.passes(8 * T1 - 50)
    second.getsNothing()
    edge.passes(100)
    second.gets('INVITE')
    second.sends(200)
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    hangUp(carrier, second)
  })

  test('a late 180 of a target that was given up is cancelled', async () => {
    const { edge, carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    const late = first.gets('INVITE')
    edge.passes(8 * T1 + 50)
    first.forgets()
    second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    first.sends(180, { of: late })
    first.gets('CANCEL')
    first.sends(200)
    first.sends(183, { of: late })
    first.getsNothing()
    first.sends(487, { of: late })
    first.gets('ACK')
    carrier.getsNothing()
    second.sends(200)
    carrier.gets(200)
    carrier.sends('ACK')
    second.gets('ACK')
    hangUp(carrier, second)
  })

  test('a late 200 of a target that was given up is a call: it passes, and the others are cancelled', async () => {
    const { edge, carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    const late = first.gets('INVITE')
    edge.passes(8 * T1 + 50)
    first.forgets()
    const invite = second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    first.sends(200, { of: late })
    carrier.gets(200)
    second.gets('CANCEL')
    second.sends(200)
    second.sends(487, { of: invite })
    second.gets('ACK')
    carrier.sends('ACK')
    first.gets('ACK')
    hangUp(carrier, first)
  })

  test('§16.10: CANCEL while the second target rings reaches it, and no third is tried', async () => {
    const { carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(503)
    first.gets('ACK')
    const invite = second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    carrier.sends('CANCEL')
    carrier.gets(200)
    second.gets('CANCEL')
    second.sends(200)
    second.sends(503, { of: invite })
    second.gets('ACK')
    carrier.gets(503)
    carrier.sends('ACK')
  })

  test('§16.10: CANCEL, then 503 of the first target: the second is not tried any more', async () => {
    const { carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    const invite = first.gets('INVITE')
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    first.sends(503, { of: invite })
    first.gets('ACK')
    second.getsNothing()
    carrier.gets(503)
    carrier.sends('ACK')
  })

  test('§21.5.4: a 503 with Retry-After keeps new calls away for that long', async () => {
    const { edge, carrier, first, second } = await startTwo()
    const ends = (who: typeof first): void => {
      who.gets('INVITE')
      who.sends(486)
      who.gets('ACK')
      carrier.gets(100, 486)
      carrier.sends('ACK')
    }
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(503, { headers: ['Retry-After: 10 (maintenance)'] })
    first.gets('ACK')
    ends(second)
    carrier.sends('INVITE', { fresh: true })
    ends(second)
    edge.passes(10_100)
    carrier.sends('INVITE', { fresh: true })
    ends(first)
  })

  test('a target that is drained gets no new calls, and those that are up go on', async () => {
    const { edge, carrier, first, second } = await startTwo()
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(200)
    carrier.gets(100, 200)
    const ack = carrier.sends('ACK')
    first.gets('ACK')
    await edge.reloads(
      TWO(
        '',
        '{ uri: "sip:10.0.0.20:5060;transport=udp", priority: 1, drain: true }, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }',
      ),
    )
    carrier.sends('BYE')
    first.gets('BYE')
    first.sends(200)
    carrier.gets(200)
    expect(ack.method).toBe('ACK')
    carrier.sends('INVITE', { fresh: true })
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })
})

describe('from destination to destination (RFC 3263 §4.3)', () => {
  const NAMED = TWO('', '"sip:pbx.test;transport=udp"')
  const DNS = {
    'SRV _sip._udp.pbx.test': [
      { priority: 1, weight: 0, port: 5060, target: 'a.pbx.test' },
      { priority: 2, weight: 0, port: 5060, target: 'b.pbx.test' },
    ],
    'A a.pbx.test': ['10.0.0.20'],
    'A b.pbx.test': ['10.0.0.21'],
  }
  const startNamed = async () => {
    const place = await startTwo(NAMED, { dns: DNS })
    place.carrier.sends('INVITE')
    await place.edge.settles()
    return place
  }

  test('§4.3: a 503 leads to the next destination, not upstream', async () => {
    const { carrier, first, second } = await startNamed()
    first.gets('INVITE')
    first.sends(503)
    first.gets('ACK')
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('§4.3: an ICMP error leads to the next destination at once', async () => {
    const { carrier, first, second } = await startNamed()
    first.gets('INVITE')
    first.bounces()
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('§4.3: no answer for 8*T1 leads to the next destination; a late 180 is cancelled, once', async () => {
    const { edge, carrier, first, second } = await startNamed()
    const late = first.gets('INVITE')
    edge.passes(8 * T1 + 50)
    first.forgets()
    second.gets('INVITE')
    first.sends(180, { of: late })
    first.gets('CANCEL')
    first.sends(180, { of: late })
    first.getsNothing()
    first.sends(200)
    first.sends(487, { of: late })
    first.gets('ACK')
    second.sends(200)
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    hangUp(carrier, second)
  })

  test('a late 200 of a destination that was given up is a call; the one that rings instead is cancelled', async () => {
    const { edge, carrier, first, second } = await startNamed()
    const late = first.gets('INVITE')
    edge.passes(8 * T1 + 50)
    first.forgets()
    const invite = second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    first.sends(200, { of: late })
    carrier.gets(200)
    second.gets('CANCEL')
    second.sends(200)
    second.sends(487, { of: invite })
    second.gets('ACK')
    carrier.sends('ACK')
    first.gets('ACK')
    hangUp(first, carrier)
  })

  test('a late 200 before the next destination has answered at all: its 180 is cancelled when it comes', async () => {
    const { edge, carrier, first, second } = await startNamed()
    const late = first.gets('INVITE')
    edge.passes(8 * T1 + 50)
    first.forgets()
    const invite = second.gets('INVITE')
    first.sends(200, { of: late })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    first.gets('ACK')
    second.sends(180, { of: invite })
    second.gets('CANCEL')
    second.sends(200)
    second.sends(487, { of: invite })
    second.gets('ACK')
    carrier.getsNothing()
    hangUp(first, carrier)
  })

  test('§16.10: CANCEL before the 503 of the first destination: the second is not tried, and the caller gets its answer', async () => {
    const { carrier, first, second } = await startNamed()
    const invite = first.gets('INVITE')
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    first.sends(503, { of: invite })
    first.gets('ACK')
    second.getsNothing()
    carrier.gets(503)
    carrier.sends('ACK')
  })

  test('§9.1: CANCEL, and the first destination never answers: the second is not tried, 487 when Timer B runs out', async () => {
    const { edge, carrier, first, second } = await startNamed()
    first.gets('INVITE')
    first.isDeaf()
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    edge.passes(64 * T1 + 100)
    second.getsNothing()
    carrier.gets(487)
    carrier.sends('ACK')
  })

  test('§9.1: CANCEL, then an ICMP error: 487', async () => {
    const { carrier, first, second } = await startNamed()
    first.gets('INVITE')
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    first.bounces()
    second.getsNothing()
    carrier.gets(487)
    carrier.sends('ACK')
  })

  test('a destination that failed goes to the end of the list for the next call', async () => {
    const { carrier, first, second } = await startNamed()
    for (const fresh of [false, true]) {
      if (fresh) carrier.sends('INVITE', { fresh })
      else {
        first.gets('INVITE')
        first.bounces()
      }
      second.gets('INVITE')
      second.sends(486)
      second.gets('ACK')
      carrier.gets(100, 486)
      carrier.sends('ACK')
    }
    first.getsNothing()
  })

  test('§16.9: a refused connection leads to the next destination; when there is none, 503 goes back', async () => {
    const { edge, carrier } = await startTwo(TWO('', '"sip:10.0.0.20:5060;transport=tcp"'))
    const refusing = edge.party('refusing', 'lan/tcp', '10.0.0.20:5060')
    refusing.refuses('tcp')
    carrier.sends('INVITE')
    edge.passes(10)
    carrier.gets(100, 503)
    carrier.sends('ACK')
  })

  test('§16.6 item 7: a name that is not there is as a 503', async () => {
    const { edge, carrier } = await startTwo(NAMED, { dns: {} })
    carrier.sends('INVITE')
    carrier.gets(100)
    await edge.settles()
    carrier.gets(503)
    carrier.sends('ACK')
    expect(edge.warnings.map(({ text }) => text).sort()).toEqual([
      'Next hop cannot be resolved',
      'Target cannot be looked up; its address is not admitted',
    ])
  })
})

describe('§18.1.1: requests too large for a datagram', () => {
  const OPEN = TWO('', '"sip:10.0.0.20:5060"')
  const LARGE = { headers: [`X-Large: ${'x'.repeat(1300)}`] }

  test('it goes by TCP where the target leaves the transport open, and the dialog stays there', async () => {
    const { edge, carrier, first } = await startTwo(OPEN)
    carrier.sends('INVITE', LARGE)
    const invite = first.gets('INVITE')
    expect(first.listenerOf(invite)).toBe('lan/tcp')
    expect(headerOf(invite, 'via')).toContain('SIP/2.0/TCP')
    expect(valuesOf(invite, 'record-route')[0]).toContain(';transport=tcp')
    expect(edge.count('oversize tcp')).toBe(1)
    first.sends(200)
    carrier.gets(100, 200)
    carrier.sends('ACK')
    expect(first.listenerOf(first.gets('ACK'))).toBe('lan/tcp')
    hangUp(carrier, first)
  })

  test('a refused connection: it goes by UDP after all', async () => {
    const { edge, carrier, first } = await startTwo(OPEN)
    first.refuses('tcp')
    carrier.sends('INVITE', LARGE)
    edge.passes(10)
    const invite = first.gets('INVITE')
    expect(first.listenerOf(invite)).toBe('lan/udp')
    expect(valuesOf(invite, 'record-route')[0]).not.toContain('transport')
    expect(edge.count('oversize sent')).toBe(1)
    first.sends(486)
    first.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('a target that says UDP gets UDP, and it is counted', async () => {
    const { edge, carrier, first } = await startTwo()
    carrier.sends('INVITE', LARGE)
    expect(first.listenerOf(first.gets('INVITE'))).toBe('lan/udp')
    expect(edge.count('oversize sent')).toBe(1)
    first.sends(486)
    first.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('T9: inside a dialog on UDP it stays on UDP', async () => {
    const { edge, carrier, first } = await startTwo(OPEN)
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(200)
    carrier.gets(100, 200)
    carrier.sends('ACK')
    first.gets('ACK')
    carrier.sends('INFO', LARGE)
    expect(first.listenerOf(first.gets('INFO'))).toBe('lan/udp')
    first.sends(200)
    carrier.gets(200)
    expect(edge.count('oversize sent')).toBe(1)
    hangUp(carrier, first)
  })
})

describe('OPTIONS to targets', () => {
  const PROBED = TWO().replace(
    'pbx:     { kind: trunk, on: lan, probe: false',
    'pbx:     { kind: trunk, on: lan, probe: { interval: 10s, timeout: 2s, down-after: 2, up-after: 2 }',
  )

  test('a target that does not answer is down after the threshold, gets no calls, and is up again after as many answers as it takes', async () => {
    const { edge, carrier, first, second } = await startTwo(PROBED)
    const health = (): readonly string[] => edge.engine.zones()[0]!.targets.map((target) => target.health)
    edge.passes(100)
    const options = first.gets('OPTIONS')
    expect(options.uri).toBe('sip:10.0.0.20:5060')
    expect(headerOf(options, 'contact')).toBe('<sip:10.0.0.5:5060>')
    first.sends(200)
    second.replies('OPTIONS', 200)
    edge.passes(1900)
    expect(health()).toEqual(['up', 'up'])

    first.isDeaf()
    second.isDeaf()
    edge.passes(13_000)
    expect(health()).toEqual(['up', 'up'])
    edge.passes(13_000)
    expect(health()).toEqual(['down', 'down'])
    expect(edge.warnings.map(({ text }) => text)).toEqual(['Target is down', 'Target is down'])
    carrier.sends('INVITE')
    carrier.gets(503)
    carrier.sends('ACK')

    second.hearsAgain()
    second.replies('OPTIONS', 404)
    edge.passes(10_000)
    expect(health()).toEqual(['down', 'down'])
    edge.passes(10_000)
    expect(health()).toEqual(['down', 'up'])
    carrier.sends('INVITE', { fresh: true })
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
    await edge.reloads(TWO())
  })

  test('503 to OPTIONS is a failure, 404 is none', async () => {
    const { edge, first, second } = await startTwo(PROBED)
    first.replies('OPTIONS', 503)
    second.replies('OPTIONS', 404)
    edge.passes(22_000)
    expect(edge.engine.zones()[0]!.targets.map((target) => target.health)).toEqual(['down', 'up'])
    await edge.reloads(TWO())
  })
})

describe('connections that are lost', () => {
  const STREAM = TWO(
    '',
    '{ uri: "sip:10.0.0.20:5060;transport=tcp", priority: 1 }, { uri: "sip:10.0.0.21:5060;transport=tcp", priority: 2 }',
  )

  test('§17.2.4: the caller’s connection is lost while it rings: the callee is cancelled', async () => {
    const { carrier, first } = await startTwo()
    carrier.sends('INVITE')
    const invite = first.gets('INVITE')
    first.sends(180)
    carrier.gets(100, 180)
    carrier.disconnects()
    first.gets('CANCEL')
    first.sends(200)
    first.sends(487, { of: invite })
    first.gets('ACK')
  })

  test('a connection of an earlier call that is gone says nothing of the callee: the request goes there by a new one, once', async () => {
    const { edge, carrier, first, second } = await startTwo(STREAM)
    carrier.sends('INVITE')
    const before = first.flowOf(first.gets('INVITE'))
    first.sends(486)
    first.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
    edge.passes(1000)
    carrier.sends('INVITE', { fresh: true })
    const lost = first.gets('INVITE')
    expect(first.flowOf(lost)).toBe(before)
    first.disconnects()
    const again = first.gets('INVITE')
    // §8.2.2.2: it may have arrived, and must not ring twice
    expect(branchIn(again)).toBe(branchIn(lost))
    first.disconnects()
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('the callee’s connection is lost before it answered: the next target is tried', async () => {
    const { carrier, first, second } = await startTwo(STREAM)
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.disconnects()
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('the callee’s connection is lost while it rings: the next target is tried, too', async () => {
    const { carrier, first, second } = await startTwo(STREAM)
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(180)
    carrier.gets(100, 180)
    first.disconnects()
    second.gets('INVITE')
    second.sends(200)
    carrier.gets(200)
    carrier.sends('ACK')
    second.gets('ACK')
    hangUp(carrier, second)
  })

  test('the last callee’s connection is lost: 503', async () => {
    const { carrier, first, second } = await startTwo(STREAM)
    carrier.sends('INVITE')
    first.gets('INVITE')
    first.sends(503)
    first.gets('ACK')
    second.gets('INVITE')
    second.sends(180)
    second.disconnects()
    carrier.gets(100, 180, 503)
    carrier.sends('ACK')
  })

  test('a connection to a target is opened once and used again', async () => {
    const { carrier, first } = await startTwo(STREAM)
    for (let i = 0; i < 2; i++) {
      carrier.sends('INVITE', { fresh: true })
      first.gets('INVITE')
      first.sends(486)
      first.gets('ACK')
      carrier.gets(100, 486)
      carrier.sends('ACK')
    }
  })
})
