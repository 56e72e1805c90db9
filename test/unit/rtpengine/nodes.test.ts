import { beforeEach, describe, expect, it } from 'vitest'
import type { MediaSettings } from '../../../src/config/snapshot.ts'
import { NodePool } from '../../../src/rtpengine/nodes.ts'
import type { MediaNode } from '../../../src/rtpengine/types.ts'
import { entry, type FakeDaemon, NgWorld, settings, settled } from './ng-world.ts'

const ADDRESSES = { a: '10.0.0.1:2223', b: '10.0.0.2:2223', c: '10.0.0.3:2223' } as const
const A = entry('a', { host: '10.0.0.1' })
const B = entry('b', { host: '10.0.0.2' })
const C = entry('c', { host: '10.0.0.3', set: 'west' })
const KEYS = Array.from({ length: 400 }, (_, i) => `call-${i}@example.com~xyz`)

let world: NgWorld
let pool: NodePool

const daemon = (name: keyof typeof ADDRESSES): FakeDaemon => world.daemon(ADDRESSES[name])

const make = (configuration: MediaSettings): void => {
  const ours = (callId: string): boolean => callId.endsWith('~ours')
  pool = new NodePool({ ...world, clock: world.time, every: world.time.every, log: world.log, ours, settings: configuration })
}

/** A pool that has looked at all its nodes. */
const started = async (configuration: MediaSettings): Promise<void> => {
  make(configuration)
  pool.start()
  await settled()
  world.logged()
}

const names = (nodes: readonly MediaNode[]): string => nodes.map(({ name }) => name).join(' ')

/** Who comes first for each key. */
const firsts = (set = 'default'): readonly string[] => KEYS.map((key) => pool.candidates(set, key)[0]?.name ?? '-')

const down = async (name: keyof typeof ADDRESSES): Promise<void> => {
  daemon(name).mood = 'silent'
  await world.time.passes(9000)
}

beforeEach(() => {
  world = new NgWorld()
})

describe('media §11: where a new call may go', () => {
  it('every node of the set, each for its share of the calls; no node of another set', async () => {
    await started(settings([A, B, C]))
    const counts = Object.groupBy(firsts(), (name) => name)
    expect(Object.keys(counts).toSorted()).toEqual(['a', 'b'])
    expect(counts.a!.length).toBeGreaterThan(150)
    expect(counts.b!.length).toBeGreaterThan(150)
    expect(names(pool.candidates('west', 'key'))).toBe('c')
    expect(KEYS.every((key) => pool.candidates('default', key).length === 2)).toBe(true)
  })

  it('by weight', async () => {
    await started(settings([A, { ...B, weight: 3 }]))
    const { a = [] } = Object.groupBy(firsts(), (name) => name)
    expect(a.length).toBeGreaterThan(60)
    expect(a.length).toBeLessThan(140)
  })

  it('before anything is known they are tried, so that the first call need not fail', () => {
    make(settings([A, B]))
    expect(pool.candidates('default', 'key')).toHaveLength(2)
    pool.start()
    expect(pool.candidates('default', 'key')).toHaveLength(2)
  })

  it('a suspect one only after those that are up', async () => {
    await started(settings([A, B]))
    daemon('a').mood = 'silent'
    await world.time.passes(6000)
    expect(pool.node('a')!.state).toBe('suspect')
    expect(KEYS.every((key) => names(pool.candidates('default', key)) === 'b a')).toBe(true)
  })

  it('when all are suspect, each for its share', async () => {
    await started(settings([A, B]))
    daemon('a').mood = 'silent'
    daemon('b').mood = 'silent'
    await world.time.passes(6000)
    expect(new Set(firsts())).toEqual(new Set(['a', 'b']))
  })

  it('not one that is down: only its own calls move, and they come back with it', async () => {
    await started(settings([A, B, { ...C, set: 'default' }]))
    const before = firsts()
    await down('b')
    const without = firsts()
    expect(without).not.toContain('b')
    expect(without.filter((name, i) => before[i] !== 'b' && name !== before[i])).toEqual([])
    daemon('b').mood = 'well'
    await world.time.passes(2500)
    expect(firsts()).toEqual(before)
  })

  it('not one that drains, which is still there for its dialogs', async () => {
    await started(settings([A, { ...B, drain: true }]))
    expect(new Set(firsts())).toEqual(new Set(['a']))
    expect(pool.node('b')!.state).toBe('drain')
    expect(await pool.node('b')!.request('answer', { 'call-id': 'x' })).toEqual({ result: 'ok' })
  })

  it('not one that was taken out by hand, until it is put back or the configuration is read again', async () => {
    await started(settings([A, B]))
    expect(pool.drain('b', true)).toBe(true)
    expect(new Set(firsts())).toEqual(new Set(['a']))
    pool.drain('b', false)
    expect(firsts()).toContain('b')
    pool.drain('b', true)
    pool.reconfigure(settings([A, B]))
    expect(firsts()).toContain('b')
    expect(pool.drain('nobody', true)).toBe(false)
  })

  it('a set that nobody belongs to has nobody', async () => {
    await started(settings([A]))
    expect(pool.candidates('east', 'key')).toEqual([])
    expect(pool.node('nobody')).toBeUndefined()
  })

  it('one node costs no list of its own', async () => {
    await started(settings([A]))
    expect(pool.candidates('default', 'one')).toBe(pool.candidates('default', 'two'))
  })
})

describe('a reload', () => {
  it('leaves nodes that stay what they are', async () => {
    await started(settings([A, B]))
    await world.time.passes(60_000)
    daemon('a').restarts()
    await world.time.passes(20_000)
    const a = pool.node('a')
    expect(a!.epoch).toBe(1)
    daemon('a').said()
    pool.reconfigure(settings([{ ...A, weight: 5 }, B], { commandMs: 700 }))
    await settled()
    expect(pool.node('a')).toBe(a)
    expect(a).toMatchObject({ epoch: 1, state: 'up' })
    expect(daemon('a').said()).toEqual([])
    expect(pool.views()[0]).toMatchObject({ name: 'a', weight: 5 })
    await a!.request('offer', { 'call-id': 'x' })
    expect(daemon('a').asked.at(-1)!.deadlineMs).toBe(700)
  })

  it('brings new nodes, which are looked at without a delay', async () => {
    await started(settings([A]))
    pool.reconfigure(settings([A, B]))
    await settled()
    expect(pool.node('b')!.state).toBe('up')
    expect(names(pool.candidates('default', 'key').toSorted((x, y) => (x.name < y.name ? -1 : 1)))).toBe('a b')
  })

  it('keeps a node that left it for its dialogs, for an hour: no new calls, and shown as such', async () => {
    await started(settings([A, B]))
    pool.reconfigure(settings([A]))
    const b = pool.node('b')!
    expect(b.state).toBe('drain')
    expect(new Set(firsts())).toEqual(new Set(['a']))
    expect(pool.views().map(({ name, state, reason }) => [name, state, reason])).toEqual([
      ['a', 'up', undefined],
      ['b', 'drain', 'It left the configuration'],
    ])
    expect(await b.request('answer', { 'call-id': 'x' })).toEqual({ result: 'ok' })
    await world.time.passes(3_590_000)
    expect(pool.node('b')).toBe(b)
    await world.time.passes(20_000)
    expect(pool.node('b')).toBeUndefined()
    expect(world.open).toEqual([ADDRESSES.a])
    await expect(b.request('answer', { 'call-id': 'x' })).rejects.toMatchObject({ code: 'SBC_MEDIA_CLOSED' })
  })

  it('does not end before its deletes are done', async () => {
    await started(settings([A, B]))
    pool.reconfigure(settings([A]))
    const b = pool.node('b')!
    daemon('b').replies.set('delete', () => 'silent')
    await world.time.passes(3_500_000)
    b.delete({ 'call-id': 'x' }, () => {})
    await world.time.passes(200_000)
    expect(pool.node('b')).toBe(b)
    daemon('b').replies.delete('delete')
    await world.time.passes(40_000)
    expect(pool.node('b')).toBeUndefined()
  })

  it('that takes it back finds it as it was', async () => {
    await started(settings([A, B]))
    const b = pool.node('b')
    pool.reconfigure(settings([A]))
    pool.reconfigure(settings([A, B]))
    expect(pool.node('b')).toBe(b)
    expect(b!.state).toBe('up')
    await world.time.passes(3_700_000)
    expect(pool.node('b')).toBe(b)
  })

  it('with another address for a name is another node; dialogs go on at the old one', async () => {
    await started(settings([A]))
    const old = pool.node('a')!
    pool.reconfigure(settings([{ ...A, host: '10.0.0.9' }]))
    await settled()
    const now = pool.node('a')!
    expect(now).not.toBe(old)
    expect(old.state).toBe('drain')
    expect(pool.views()).toHaveLength(1)
    expect(pool.views()[0]!.address).toBe('10.0.0.9:2223')
    await old.request('answer', { 'call-id': 'x' })
    expect(daemon('a').said()).toContain('answer')
    pool.reconfigure(settings([A]))
    expect(pool.node('a')).toBe(old)
  })

  it('with another interface is checked on every node', async () => {
    await started(settings([A, B]))
    daemon('b').interfaces = ['wan', 'lan', 'tel']
    await world.time.passes(3000)
    pool.reconfigure(settings([A, B], { interfaces: ['wan', 'tel'] }))
    await settled()
    expect(pool.node('a')!.state).toBe('down')
    expect(new Set(firsts())).toEqual(new Set(['b']))
  })
})

describe('when nobody takes a call: a sentence for a reason phrase and the log', () => {
  it('nobody belongs to the set', async () => {
    await started(settings([A]))
    expect(pool.unavailable('east')).toBe(
      'No rtpengine belongs to set east; name one under media.rtpengine, or correct the set of the zone',
    )
  })

  it('all are down, or drain', async () => {
    await started(settings([A, { ...B, drain: true }]))
    await down('a')
    expect(pool.candidates('default', 'key')).toEqual([])
    expect(pool.unavailable('default')).toBe(
      'No rtpengine of set default takes calls (1 down, 1 draining); the log and /api/state say why, start or add one',
    )
  })

  it('our own does not run, or not yet', () => {
    make(settings([], { mode: 'local' }))
    const sentence = 'Our own rtpengine does not run; the log says why, and it is started again'
    expect(pool.unavailable('default')).toBe(sentence)
    pool.ownStarted({ host: '127.0.0.1', port: 4000 })
    pool.ownStopped('it ended')
    expect(pool.candidates('default', 'key')).toEqual([])
    expect(pool.unavailable('default')).toBe(sentence)
  })

  it('§25.1: has no character that a reason phrase may not have, and names no address', async () => {
    await started(settings([entry('10.0.0.1:2223', { drain: true })]))
    for (const sentence of [pool.unavailable('default'), pool.unavailable('east')]) {
      expect(sentence).toMatch(/^[A-Za-z0-9 ;/?:@&=+$,\-_.!~*'()]+$/)
      expect(sentence).not.toContain('10.0.0.1')
    }
  })
})

describe('our own rtpengine', () => {
  const local = settings([], { mode: 'local', interfaces: ['wan'] })

  it('takes calls of the default set from its start on', async () => {
    await started(local)
    expect(pool.candidates('default', 'key')).toEqual([])
    pool.ownStarted({ host: '127.0.0.1', port: 4000 })
    expect(names(pool.candidates('default', 'key'))).toBe('local')
    await settled()
    expect(pool.views()).toMatchObject([{ name: 'local', state: 'up', address: '127.0.0.1:4000' }])
  })

  it('is the same node with another port after it was started again, and told as restarted', async () => {
    await started(local)
    pool.ownStarted({ host: '127.0.0.1', port: 4000 })
    await settled()
    const own = pool.node('local')
    pool.ownStopped('it ended with code 1')
    expect(pool.candidates('default', 'key')).toEqual([])
    expect(pool.views()).toMatchObject([{ state: 'down', reason: 'it ended with code 1' }])
    await world.time.passes(10_000)
    pool.ownStarted({ host: '127.0.0.1', port: 5000 })
    await settled()
    expect(pool.node('local')).toBe(own)
    expect(own).toMatchObject({ state: 'up', epoch: 1 })
    expect(world.restarted).toEqual(['local 1'])
    expect(pool.candidates('default', 'key')).toEqual([own])
  })

  it('stays over a reload', async () => {
    await started(local)
    pool.ownStarted({ host: '127.0.0.1', port: 4000 })
    await settled()
    const own = pool.node('local')
    pool.reconfigure({ ...local, interfaces: ['wan', 'lan'] })
    await world.time.passes(2000)
    expect(pool.node('local')).toBe(own)
    expect(own!.state).toBe('up')
    expect(names(pool.candidates('default', 'key'))).toBe('local')
  })
})

describe('the end', () => {
  it('waits for deletes, and asks nobody after it', async () => {
    await started(settings([A]))
    daemon('a').replies.set('delete', () => 'silent')
    const deleted: unknown[] = []
    pool.node('a')!.delete({ 'call-id': 'x' }, (reply) => deleted.push(reply))
    await settled()
    let over = false
    const end = pool.stop().then(() => {
      over = true
    })
    await world.time.passes(1000)
    expect(over).toBe(false)
    expect(pool.deletes).toBe(1)
    await world.time.passes(1250)
    await end
    expect(deleted).toEqual([undefined])
    expect(world.open).toEqual([])
    daemon('a').said()
    await world.time.passes(60_000)
    expect(daemon('a').said()).toEqual([])
  })

  it('is there as soon as they are done', async () => {
    await started(settings([A]))
    pool.node('a')!.delete({ 'call-id': 'x' }, () => {})
    const end = pool.stop()
    await world.time.passes(250)
    await end
    expect(pool.deletes).toBe(0)
  })

  it('does not wait for a node that is down', async () => {
    await started(settings([A]))
    await down('a')
    const deleted: unknown[] = []
    pool.node('a')!.delete({ 'call-id': 'x' }, (reply) => deleted.push(reply))
    await pool.stop()
    expect(deleted).toEqual([undefined])
  })

  it('of a pool that never started is there at once', async () => {
    make(settings([A]))
    await pool.stop()
    expect(world.open).toEqual([])
  })
})
