import { beforeEach, describe, expect, it } from 'vitest'
import type { MediaNodeEntry } from '../../../src/config/snapshot.ts'
import type { NgDictionary } from '../../../src/media/types.ts'
import { RtpengineNode } from '../../../src/rtpengine/node.ts'
import type { NgReply, NodeState } from '../../../src/rtpengine/types.ts'
import { entry, type FakeDaemon, NgWorld, settled } from './ng-world.ts'

const OFFER: NgDictionary = { 'call-id': 'c1~ours', 'from-tag': 'a', 'to-tag': 'b1', sdp: 'v=0\r\n' }

let world: NgWorld
let daemon: FakeDaemon
let node: RtpengineNode
/** States as the pool was told them. */
let states: NodeState[]

const make = (more: Partial<MediaNodeEntry> = {}, interfaces: readonly string[] = ['wan']): void => {
  const deps = { clock: world.time, ...world, log: world.log, ours: (callId: string) => callId.endsWith('~ours') }
  states = []
  node = new RtpengineNode(deps, { entry: entry('m1', more), interfaces, commandMs: 2500 }, () => states.push(node.state))
  world.time.every(250, () => node.tick())
}

beforeEach(() => {
  world = new NgWorld()
  daemon = world.daemon('10.0.0.1:2223')
  make()
})

const up = async (): Promise<void> => {
  node.tick()
  await settled()
  expect(node.state).toBe('up')
  daemon.said()
  world.logged()
  states.length = 0
}

const offer = (): Promise<NgReply | Error> => node.request('offer', OFFER).catch((error: Error) => error)

describe('media §11: before anything is known of a node', () => {
  it('it is suspect, and can be asked', async () => {
    expect(node.state).toBe('suspect')
    expect(node.view()).toEqual({
      name: 'm1',
      set: 'default',
      address: '10.0.0.1:2223',
      state: 'suspect',
      weight: 1,
      reason: 'It was not asked yet',
    })
    expect(await offer()).toEqual({ result: 'ok' })
  })

  it('one ping and the check of its interfaces bring it up at once', async () => {
    node.tick()
    await settled()
    expect(node.state).toBe('up')
    expect(daemon.said()).toEqual(['ping', 'statistics'])
    expect(states).toEqual(['up'])
    expect(world.logged()).toEqual(['info Media node is up'])
    expect(node.view()).toEqual({
      name: 'm1',
      set: 'default',
      address: '10.0.0.1:2223',
      state: 'up',
      weight: 1,
      sessions: 0,
      pingSeconds: 0,
      interfaces: ['wan', 'lan'],
    })
  })

  it('it is down when three pings in a row are not answered, a second each', async () => {
    daemon.mood = 'silent'
    const begin = world.time.now()
    node.tick()
    await world.time.passes(2999)
    expect(node.state).toBe('suspect')
    await world.time.passes(1)
    expect(node.state).toBe('down')
    expect(daemon.times('ping', begin)).toEqual([0, 1000, 2000, 3000])
    expect(daemon.asked[0]!.deadlineMs).toBe(1000)
    expect(world.logged()).toEqual(['warn Media node is down: It did not answer ping in 1000 ms'])
  })
})

describe('media §11: from up', () => {
  it('it is pinged every 5 seconds, and its statistics are read every 10', async () => {
    await up()
    const begin = world.time.now()
    await world.time.passes(30_000)
    expect(daemon.times('ping', begin)).toEqual([5000, 10_000, 15_000, 20_000, 25_000, 30_000])
    expect(daemon.times('statistics', begin)).toEqual([10_000, 20_000, 30_000])
    expect(world.logged()).toEqual([])
  })

  it('to suspect after one failed ping; back after two that were answered, and the check', async () => {
    await up()
    const begin = world.time.now()
    daemon.mood = 'silent'
    await world.time.passes(6000)
    expect(node.state).toBe('suspect')
    daemon.mood = 'well'
    // The ping that was on its way already fails, too
    await world.time.passes(1999)
    expect(node.state).toBe('suspect')
    await world.time.passes(251)
    expect(node.state).toBe('up')
    expect(daemon.times('ping', begin)).toEqual([5000, 6000, 7000, 8000])
    expect(states).toEqual(['suspect', 'up'])
    expect(world.logged()).toEqual(['warn Media node is suspect: It did not answer ping in 1000 ms', 'info Media node is up'])
  })

  it('to down after three failed pings: 8 seconds after the last good one', async () => {
    await up()
    daemon.mood = 'silent'
    await world.time.passes(7999)
    expect(node.state).toBe('suspect')
    await world.time.passes(1)
    expect(node.state).toBe('down')
    expect(states).toEqual(['suspect', 'down'])
  })

  it('to suspect after a command that nobody answered, and down with the ping that fails then', async () => {
    await up()
    await world.time.passes(1000)
    daemon.mood = 'silent'
    const asked = offer()
    await world.time.passes(2499)
    expect(node.state).toBe('up')
    await world.time.passes(1)
    expect(await asked).toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    expect(node.state).toBe('suspect')
    expect(world.logged()).toEqual(['warn Media node is suspect: It did not answer offer in 2500 ms'])
    await world.time.passes(999)
    expect(node.state).toBe('suspect')
    await world.time.passes(1)
    expect(node.state).toBe('down')
    expect(world.logged()).toEqual(['warn Media node is down: It did not answer ping in 1000 ms'])
  })

  it('commands that fail together are no more than one: only a ping says that it is gone', async () => {
    await up()
    daemon.replies.set('offer', () => 'silent')
    const asked = [offer(), offer(), offer(), offer()]
    await world.time.passes(2500)
    await Promise.all(asked)
    expect(states).toEqual(['suspect'])
    await world.time.passes(2500)
    expect(states).toEqual(['suspect', 'up'])
  })

  it('a command that is answered takes back what was held against it', async () => {
    await up()
    daemon.replies.set('ping', () => 'silent')
    await world.time.passes(7500)
    expect(node.state).toBe('suspect')
    await offer()
    await world.time.passes(2400)
    expect(node.state).toBe('suspect')
    await world.time.passes(1000)
    expect(node.state).toBe('down')
  })

  it.each([
    ['an error', { result: 'error', 'error-reason': 'Ran out of ports' }],
    ['the load limit', { result: 'load limit', message: 'session limit' }],
  ] as const)('%s is an answer, and changes nothing', async (_, reply) => {
    await up()
    daemon.replies.set('offer', () => reply)
    expect(await offer()).toEqual(reply)
    await world.time.passes(2000)
    expect(states).toEqual([])
  })

  it.each(['unsendable', 'nonsense'] as const)('a command that is %s is held against nobody, but it is looked at once', async (outcome) => {
    await up()
    await world.time.passes(1000)
    daemon.replies.set('offer', () => outcome)
    await offer()
    expect(daemon.said()).toEqual(['offer', 'ping'])
    expect(states).toEqual([])
  })

  it('pings that cannot be sent, or are answered with something else, fail as well', async () => {
    await up()
    daemon.replies.set('ping', () => ({ result: 'error', 'error-reason': 'Unrecognized command' }))
    await world.time.passes(7000)
    expect(node.state).toBe('down')
    expect(node.view().reason).toBe('It answered ping with "error", not with "pong"')
    daemon.replies.set('ping', () => 'unsendable')
    await world.time.passes(1000)
    expect(node.view().reason).toBe('no route to 10.0.0.1:2223')
  })

  it('statistics that do not come, or are none, fail like a ping', async () => {
    await up()
    daemon.replies.set('statistics', () => 'silent')
    await world.time.passes(11_000)
    expect(node.state).toBe('suspect')
    expect(node.view().reason).toBe('It did not answer statistics in 1000 ms')
    daemon.replies.set('statistics', () => ({ result: 'ok' }))
    await world.time.passes(10_000)
    expect(node.view().reason).toBe('It answers ping, but its statistics are not those of rtpengine')
    daemon.replies.delete('statistics')
    await world.time.passes(2000)
    expect(node.state).toBe('up')
  })
})

describe('media §11: from down', () => {
  const down = async (): Promise<void> => {
    await up()
    daemon.mood = 'silent'
    await world.time.passes(8000)
    expect(node.state).toBe('down')
    states.length = 0
    world.logged()
  }

  it('it is pinged every second, and up after two answers and the check', async () => {
    await down()
    await world.time.passes(10_000)
    daemon.said()
    daemon.mood = 'well'
    await world.time.passes(1250)
    expect(node.state).toBe('down')
    expect(daemon.said()).toEqual(['ping'])
    await world.time.passes(1000)
    expect(node.state).toBe('up')
    expect(daemon.said()).toEqual(['ping', 'statistics'])
    expect(states).toEqual(['up'])
    expect(world.logged()).toEqual(['info Media node is up'])
  })

  it('an answer between failures does not count', async () => {
    await down()
    let count = 0
    daemon.replies.set('ping', () => (count++ % 2 === 0 ? { result: 'pong' } : 'silent'))
    await world.time.passes(20_000)
    expect(node.state).toBe('down')
    expect(count).toBeGreaterThan(8)
  })

  it('a dialog may still ask it', async () => {
    await down()
    daemon.mood = 'well'
    expect(await offer()).toEqual({ result: 'ok' })
    expect(node.state).toBe('down')
  })

  it('is said once, not with each ping', async () => {
    await down()
    await world.time.passes(60_000)
    expect(world.logged()).toEqual([])
  })
})

describe('media §1.8: interfaces that zones use', () => {
  const LACKS =
    'It has no interface teams, only wan, lan: start it with interface=teams/ADDRESS, or correct "interface" in the media of the zone'

  it('a node that lacks one is down, with the name and the remedy', async () => {
    make({}, ['wan', 'teams'])
    node.tick()
    await settled()
    expect(node.state).toBe('down')
    expect(node.view()).toMatchObject({ reason: LACKS, interfaces: ['wan', 'lan'] })
    expect(world.logged()).toEqual([`warn Media node is down: ${LACKS}`])
  })

  it('it is looked at again every 5 seconds, and up when it has them all', async () => {
    make({}, ['wan', 'teams'])
    node.tick()
    await settled()
    const begin = world.time.now()
    daemon.said()
    await world.time.passes(16_000)
    expect(daemon.times('statistics', begin)).toEqual([5000, 10_000, 15_000])
    daemon.interfaces = ['wan', 'lan', 'teams']
    await world.time.passes(4000)
    expect(node.state).toBe('up')
  })

  it('a daemon that came back without one is found when it comes up', async () => {
    await up()
    daemon.mood = 'silent'
    await world.time.passes(8000)
    daemon.mood = 'well'
    daemon.interfaces = ['lan']
    await world.time.passes(2500)
    expect(node.state).toBe('down')
    expect(node.view().reason).toContain('It has no interface wan, only lan')
  })

  it('one that was replaced between two pings is found by its statistics', async () => {
    await up()
    daemon.interfaces = []
    await world.time.passes(10_000)
    expect(node.state).toBe('down')
    expect(node.view().reason).toContain('It has no interface wan, only none')
  })

  it('a reload that needs another one is checked within a second, and one that needs it no more, too', async () => {
    await up()
    await world.time.passes(1000)
    node.configure({ entry: entry('m1'), interfaces: ['wan', 'teams'], commandMs: 2500 })
    await world.time.passes(250)
    expect(node.state).toBe('down')
    node.configure({ entry: entry('m1'), interfaces: ['wan'], commandMs: 2500 })
    await world.time.passes(2000)
    expect(node.state).toBe('up')
  })

  it('a version that does not tell them is up, and the log says so once', async () => {
    daemon.interfaces = undefined
    node.tick()
    await settled()
    expect(node.state).toBe('up')
    await world.time.passes(30_000)
    expect(world.lines.filter(({ text }) => text.includes('does not tell its interfaces'))).toHaveLength(1)
  })
})

describe('media §11: restarts', () => {
  it('an uptime that goes back is another process', async () => {
    await world.time.passes(60_000)
    await up()
    await world.time.passes(20_000)
    expect(node.epoch).toBe(0)
    daemon.restarts()
    await world.time.passes(10_000)
    expect(node.epoch).toBe(1)
    expect(world.restarted).toEqual(['m1 1'])
    await world.time.passes(60_000)
    expect(node.epoch).toBe(1)
  })

  it('so is one that is as old as the other was when it was asked', async () => {
    await world.time.passes(5000)
    await up()
    await world.time.passes(3900)
    daemon.restarts()
    // 6.1 s old at the next look, 10 s after the last one, when the other was 5 s old
    await world.time.passes(6100)
    expect(node.epoch).toBe(1)
  })

  it('a reply that was lost and said again is no restart', async () => {
    await up()
    daemon.replies.set('statistics', () => ({
      result: 'ok',
      statistics: { currentstatistics: { sessionstotal: 0 }, totalstatistics: { uptime: '8' }, interfaces: [{ name: 'wan' }] },
    }))
    await world.time.passes(10_000)
    expect(daemon.said()).toContain('statistics')
    expect(node.epoch).toBe(0)
  })

  it('one that was gone for a while is told before it is up', async () => {
    await up()
    daemon.mood = 'silent'
    await world.time.passes(30_000)
    daemon.restarts()
    daemon.mood = 'well'
    expect(node.epoch).toBe(0)
    await world.time.passes(2500)
    expect(node.state).toBe('up')
    expect(world.restarted).toEqual(['m1 1'])
  })

  it.each(['answer', 'query'] as const)('%s: "Unknown call-id" lets it be looked at within a second', async (command) => {
    await world.time.passes(60_000)
    await up()
    await world.time.passes(6000)
    daemon.restarts()
    daemon.replies.set(command, () => ({ result: 'error', 'error-reason': 'Unknown call-ID' }))
    await node.request(command, OFFER)
    await world.time.passes(250)
    expect(node.epoch).toBe(1)
  })

  it('what is done about it cannot harm the node', async () => {
    const { events } = world
    Object.assign(events, {
      restarted: () => {
        throw new Error('oops')
      },
    })
    await world.time.passes(60_000)
    await up()
    daemon.restarts()
    await world.time.passes(10_000)
    expect(node.state).toBe('up')
    expect(world.logged()).toEqual(['error What follows an event of a media node failed'])
  })
})

describe('media §9: deletes of a node', () => {
  it('wait for the node, and go out as soon as it answers again', async () => {
    await up()
    daemon.mood = 'silent'
    const deleted: unknown[] = []
    node.delete({ 'call-id': 'c1', 'from-tag': 'a' }, (reply) => deleted.push(reply))
    await world.time.passes(120_000)
    expect(node.state).toBe('down')
    expect(node.deletes).toBe(1)
    daemon.mood = 'well'
    await world.time.passes(2500)
    expect(deleted).toEqual([{ result: 'ok' }])
    expect(node.deletes).toBe(0)
  })

  it('go out at once after a restart, which has nothing to delete', async () => {
    await world.time.passes(60_000)
    await up()
    daemon.replies.set('delete', () => 'silent')
    const deleted: unknown[] = []
    node.delete({ 'call-id': 'c1', 'from-tag': 'a' }, (reply) => deleted.push(reply))
    await world.time.passes(8000)
    daemon.restarts()
    daemon.replies.set('delete', () => ({ result: 'ok', warning: "Call-ID not found or tags didn't match" }))
    expect(deleted).toEqual([])
    await world.time.passes(4000)
    expect(deleted).toEqual([undefined])
  })

  it('an offer takes back the delete of its call', async () => {
    await up()
    daemon.replies.set('delete', () => 'silent')
    node.delete({ 'call-id': OFFER['call-id'], 'from-tag': 'a' }, () => {})
    await offer()
    expect(node.deletes).toBe(0)
  })

  it('that are given up are told, not more than once a minute', async () => {
    await up()
    daemon.mood = 'silent'
    for (let i = 0; i < 5; i++) node.delete({ 'call-id': `c${i}` }, () => {})
    await world.time.passes(602_500 + 30_000)
    expect(node.deletes).toBe(0)
    const told = world.lines.filter(({ text }) => text.startsWith('A delete of media is given up'))
    expect(told.map(({ fields }) => fields)).toEqual([
      { node: 'm1', session: 'c0', why: 'it was not acknowledged in ten minutes', sinceStart: 1 },
    ])
  })
})

describe('media §9: the sweep', () => {
  it('tells once a minute what the daemon has of ours', async () => {
    await up()
    daemon.calls = ['c1~ours', 'c2~others', 'c3~ours']
    await world.time.passes(59_000)
    expect(world.listed).toEqual([])
    await world.time.passes(1000)
    expect(world.listed).toEqual([{ node: 'm1', callIds: ['c1~ours', 'c3~ours'] }])
    expect(daemon.asked.find(({ command }) => command === 'list')!.dictionary).toEqual({ limit: 500 })
    daemon.calls = []
    await world.time.passes(60_000)
    expect(world.listed[1]).toEqual({ node: 'm1', callIds: [] })
  })

  it('tells nothing of half a list, for what is missing there has not ended; and says so once', async () => {
    await up()
    daemon.calls = Array.from({ length: 501 }, (_, i) => `c${i}~ours`)
    await world.time.passes(180_000)
    expect(world.listed).toEqual([])
    const lines = world.lines.splice(0)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level: 'warn', fields: { node: 'm1', sessions: 501, why: 'more than 500' } })
    expect(lines[0]!.text).toContain('/cli/list+sessions+all')
    daemon.calls = ['c1~ours']
    await world.time.passes(60_000)
    expect(world.listed).toHaveLength(1)
    daemon.calls = Array.from({ length: 501 }, (_, i) => `c${i}~ours`)
    await world.time.passes(60_000)
    expect(world.lines).toHaveLength(1)
  })

  it('a reply that fits no datagram does not come: that is no failure of the node', async () => {
    await up()
    daemon.replies.set('list', () => 'silent')
    await world.time.passes(130_000)
    expect(world.listed).toEqual([])
    expect(states).toEqual([])
    expect(world.lines.map(({ fields }) => fields.why)).toEqual(['it did not answer list, though it answers ping'])
  })

  it.each<readonly [string, NgReply]>([
    ['an error', { result: 'error', 'error-reason': 'x' }],
    ['no list', { result: 'ok' }],
  ])('%s tells nothing: it is not an empty list', async (_, reply) => {
    await up()
    daemon.replies.set('list', () => reply)
    await world.time.passes(130_000)
    expect(world.listed).toEqual([])
  })

  it('nobody asks a daemon that is down', async () => {
    await up()
    daemon.mood = 'silent'
    await world.time.passes(130_000)
    expect(daemon.said()).not.toContain('list')
  })
})

describe('drain', () => {
  it('takes no new calls, and serves those it has', async () => {
    make({ drain: true })
    node.tick()
    await settled()
    expect(node.state).toBe('drain')
    expect(node.view().reason).toBe('It is to be emptied')
    expect(await offer()).toEqual({ result: 'ok' })
  })

  it('is down when it does not answer, so that its dialogs go elsewhere, and drains again when it does', async () => {
    make({ drain: true })
    node.tick()
    await settled()
    daemon.mood = 'silent'
    await world.time.passes(8000)
    expect(node.state).toBe('down')
    daemon.mood = 'well'
    await world.time.passes(2500)
    expect(node.state).toBe('drain')
  })

  it('begins and ends with a reload, and the node stays what it was', async () => {
    await up()
    node.configure({ entry: entry('m1', { drain: true }), interfaces: ['wan'], commandMs: 2500 })
    expect(states).toEqual(['drain'])
    node.configure({ entry: entry('m1', { weight: 7, set: 'west' }), interfaces: ['wan'], commandMs: 2500 })
    expect(states).toEqual(['drain', 'up'])
    expect(node.view()).toMatchObject({ weight: 7, set: 'west', state: 'up' })
    expect(world.logged()).toEqual(['info Media node takes no new calls', 'info Media node is up'])
  })
})

describe('a node with a name', () => {
  const NAME = 'media.example.com'

  beforeEach(() => {
    world.names.set(NAME, '10.0.0.1')
    make({ host: NAME })
  })

  it('is resolved once, before the first command, which waits for it', async () => {
    expect(await offer()).toEqual({ result: 'ok' })
    await world.time.passes(60_000)
    expect(world.resolved).toBe(1)
    expect(node.view().address).toBe(`${NAME}:2223`)
  })

  it('that does not resolve is down, with the remedy; and up when it does', async () => {
    world.names.set(NAME, new Error('NXDOMAIN'))
    expect(await offer()).toMatchObject({ code: 'SBC_MEDIA_SEND' })
    await world.time.passes(4000)
    expect(node.state).toBe('down')
    expect(node.view().reason).toBe(
      `The name ${NAME} of rtpengine m1 has no IPv4 address: NXDOMAIN; correct it, or write the address itself`,
    )
    world.names.set(NAME, '10.0.0.1')
    await world.time.passes(2500)
    expect(node.state).toBe('up')
  })

  it.each(['2001:db8::1', 'other.example.com'])('resolved to %s has no address for us', async (found) => {
    world.names.set(NAME, found)
    expect(await offer()).toMatchObject({ code: 'SBC_MEDIA_SEND' })
    expect(world.open).toEqual([])
  })

  it('a name server that says nothing holds no call', async () => {
    world.names.set(NAME, '')
    const asked = offer()
    await world.time.passes(2250)
    expect(await asked).toMatchObject({ code: 'SBC_MEDIA_SEND' })
  })

  it('is resolved again while it is down, and followed', async () => {
    await up()
    daemon.mood = 'silent'
    world.names.set(NAME, '10.0.0.2')
    await world.time.passes(8000)
    expect(node.state).toBe('down')
    await world.time.passes(3000)
    expect(node.state).toBe('up')
    expect(world.open).toEqual(['10.0.0.2:2223'])
  })

  it('not more often than every 5 seconds, and the old address counts while there is no new one', async () => {
    await up()
    daemon.mood = 'silent'
    world.names.set(NAME, new Error('SERVFAIL'))
    await world.time.passes(8000)
    const before = world.resolved
    await world.time.passes(20_000)
    expect(world.resolved - before).toBeGreaterThanOrEqual(3)
    expect(world.resolved - before).toBeLessThanOrEqual(4)
    daemon.mood = 'well'
    await world.time.passes(2500)
    expect(node.state).toBe('up')
  })
})

describe('our own daemon', () => {
  it('that ended is down at once, fails what waits for it, and is not asked', async () => {
    await up()
    daemon.mood = 'silent'
    const asked = offer()
    await settled()
    node.absent('rtpengine ended with code 1; see its last line')
    expect(node.state).toBe('down')
    expect(await asked).toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
    expect(await offer()).toMatchObject({ code: 'SBC_MEDIA_DAEMON', message: 'rtpengine ended with code 1; see its last line' })
    daemon.said()
    await world.time.passes(60_000)
    expect(daemon.said()).toEqual([])
    expect(world.logged()).toEqual(['warn Media node is down: rtpengine ended with code 1; see its last line'])
  })

  it('that runs again, with another port, is suspect, then up with one ping; its calls are gone', async () => {
    await up()
    const deleted: unknown[] = []
    daemon.mood = 'silent'
    node.delete({ 'call-id': 'c1' }, (reply) => deleted.push(reply))
    node.absent('it ended')
    await world.time.passes(5000)
    world.daemon('10.0.0.1:9999')
    node.moved('10.0.0.1', 9999)
    expect(node.state).toBe('suspect')
    expect(node.epoch).toBe(1)
    expect(world.restarted).toEqual(['m1 1'])
    await settled()
    expect(node.state).toBe('up')
    expect(deleted).toEqual([{ result: 'ok' }])
    expect(world.open).toEqual(['10.0.0.1:9999'])
    expect(world.logged()).toEqual(['warn Media node is down: it ended', 'info Media node is up'])
    await world.time.passes(60_000)
    expect(node.epoch).toBe(1)
  })

  it('a ping that was on its way to the one before says nothing of this one', async () => {
    daemon.mood = 'silent'
    node.tick()
    await world.time.passes(500)
    node.moved('10.0.0.1', 9999)
    await world.time.passes(250)
    expect(node.state).toBe('up')
    await world.time.passes(3000)
    expect(states).not.toContain('down')
  })
})

it('a node that was closed asks nobody', async () => {
  await up()
  node.close()
  node.moved('10.0.0.1', 9999)
  daemon.said()
  expect(await offer()).toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
  await world.time.passes(120_000)
  expect(daemon.said()).toEqual([])
  expect(world.open).toEqual([])
  expect(states).toEqual([])
})
