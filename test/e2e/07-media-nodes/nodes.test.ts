import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NgReply } from '../../../src/rtpengine/types.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { entryFor, identity, nodeOf, offerOf, settingsFor, watchedPool } from './watched-pool.ts'

let a: Rtpengine
let b: Rtpengine

beforeAll(async () => {
  const interfaces = { wan: '127.0.67.1', lan: '127.0.67.2' }
  ;[a, b] = await Promise.all([startRtpengine({ interfaces }), startRtpengine({ interfaces })])
})

afterAll(async () => {
  await a?.stop()
  await b?.stop()
})

afterEach(async () => {
  for (const daemon of [a, b]) for (const callId of await daemon.list()) await daemon.request('delete', { 'call-id': callId })
})

const NOTHING = "Call-ID not found or tags didn't match"

describe('media §1.8: interfaces', () => {
  it('rtpengine says nothing about a name that it does not know; the node is down with name and remedy, and the other one takes the calls', async () => {
    const silent = await a.request('offer', { ...offerOf('x~ours'), direction: ['wan', 'tel'] })
    expect(silent.result).toBe('ok')
    const more = await startRtpengine({ interfaces: { wan: '127.0.67.1', lan: '127.0.67.2', tel: '127.0.67.3' } })
    try {
      const watched = watchedPool(settingsFor([entryFor('a', a), entryFor('more', more)], { interfaces: ['wan', 'tel'] }))
      watched.pool.start()
      await Promise.all([watched.becomes('a', 'down'), watched.becomes('more', 'up')])
      expect(nodeOf(watched.pool, 'a').state).toBe('down')
      expect(watched.pool.views()).toMatchObject([
        {
          name: 'a',
          interfaces: ['wan', 'lan'],
          reason:
            'It has no interface tel, only wan, lan: start it with interface=tel/ADDRESS, or correct "interface" in the media of the zone',
        },
        { name: 'more', state: 'up', interfaces: ['wan', 'lan', 'tel'] },
      ])
      for (const key of ['k1', 'k2', 'k3', 'k4']) expect(watched.pool.candidates('default', key).map(({ name }) => name)).toEqual(['more'])
    } finally {
      await more.stop()
    }
  })
})

describe('media §11: a daemon that is killed', () => {
  it('down within 10 s though nobody calls; its calls go to the other one; up again within 4 s of its return, and told as restarted', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a), entryFor('b', b)]))
    const { pool } = watched
    pool.start()
    await Promise.all([watched.becomes('a', 'up'), watched.becomes('b', 'up')])
    const keys = Array.from({ length: 50 }, (_, i) => `call-${i}~ours`)
    const first = (key: string): string => pool.candidates('default', key)[0]!.name
    const before = keys.map(first)
    expect(new Set(before)).toEqual(new Set(['a', 'b']))

    await a.kill9()
    const killed = watched.now()
    const down = (await watched.becomes('a', 'down', 12_000)) - killed
    expect(down).toBeLessThan(10_000)
    expect(new Set(keys.map(first))).toEqual(new Set(['b']))

    watched.forget()
    await a.restart()
    const there = watched.now()
    expect((await watched.becomes('a', 'up')) - there).toBeLessThan(4000)
    await watched.tells(({ what, text }) => what === 'restarted' && text === 'a', 'restart')
    expect(nodeOf(pool, 'a').epoch).toBe(1)
    expect(nodeOf(pool, 'b').epoch).toBe(0)
    expect(keys.map(first)).toEqual(before)
  })

  it('down with the first ping after a command that nobody answered: within 5 s of the offer', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.pool.start()
    await watched.becomes('a', 'up')
    a.signal('SIGSTOP')
    const asked = watched.now()
    await expect(nodeOf(watched.pool, 'a').request('offer', offerOf('x~ours'))).rejects.toMatchObject({ code: 'SBC_MEDIA_TIMEOUT' })
    expect(watched.now() - asked).toBeLessThan(2700)
    expect((await watched.becomes('a', 'down')) - asked).toBeLessThan(5000)
    a.signal('SIGCONT')
    await watched.becomes('a', 'up')
    // It was only stopped: its clock went on, and so did its calls
    expect(nodeOf(watched.pool, 'a').epoch).toBe(0)
  })

  it('and back before a ping could miss it: "Unknown call-id" is looked into at once', async () => {
    const uptime = async (): Promise<number> => {
      const { statistics } = (await b.request('statistics')) as { statistics: { totalstatistics: { uptime: string } } }
      return Number(statistics.totalstatistics.uptime)
    }
    await until(async () => ((await uptime()) >= 4 ? true : undefined), 'daemon that is 4 s old')
    const watched = watchedPool(settingsFor([entryFor('b', b)]))
    watched.pool.start()
    await watched.becomes('b', 'up')
    const node = nodeOf(watched.pool, 'b')
    expect((await node.request('offer', offerOf('x~ours'))).result).toBe('ok')
    await b.restart()
    const there = watched.now()
    const reply = await node.request('answer', offerOf('x~ours'))
    expect(reply).toMatchObject({ result: 'error', 'error-reason': 'Unknown call-id' })
    expect((await watched.tells(({ what }) => what === 'restarted', 'restart')).at - there).toBeLessThan(2500)
    expect(node).toMatchObject({ epoch: 1, state: 'up' })
    expect(watched.told.map(({ text }) => text)).toEqual(['Media node is up', 'b'])
  })
})

describe('drain', () => {
  it('a reload: no new calls, those it has go on, and back', async () => {
    const nodes = [entryFor('a', a), entryFor('b', b)]
    const watched = watchedPool(settingsFor(nodes))
    const { pool } = watched
    pool.start()
    await Promise.all([watched.becomes('a', 'up'), watched.becomes('b', 'up')])
    const node = nodeOf(pool, 'a')
    await node.request('offer', offerOf('x~ours'))
    pool.reconfigure(settingsFor(nodes.map((entry) => (entry.name === 'a' ? { ...entry, drain: true } : entry))))
    expect(pool.candidates('default', 'key').map(({ name }) => name)).toEqual(['b'])
    expect(pool.node('a')).toBe(node)
    expect((await node.request('answer', offerOf('x~ours'))).result).toBe('ok')
    pool.reconfigure(settingsFor(nodes))
    expect(pool.candidates('default', 'key')).toHaveLength(2)
  })

  it('a node that left the configuration ends its call, and nothing is left in it', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a), entryFor('b', b)]))
    watched.pool.start()
    await watched.becomes('a', 'up')
    const node = nodeOf(watched.pool, 'a')
    await node.request('offer', offerOf('x~ours'))
    watched.pool.reconfigure(settingsFor([entryFor('b', b)]))
    expect(node.state).toBe('drain')
    const reply = await new Promise<NgReply | undefined>((resolve) => node.delete({ 'call-id': 'x~ours', 'from-tag': 'a' }, resolve))
    expect(reply).toMatchObject({ result: 'ok', totals: {} })
    expect(await a.list()).toEqual([])
  })
})

describe('media §9, §4: deletes', () => {
  it('of a daemon that hears nothing happens when it does, once, with statistics', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a)], { commandMs: 600 }))
    watched.pool.start()
    await watched.becomes('a', 'up')
    const node = nodeOf(watched.pool, 'a')
    await node.request('offer', offerOf('x~ours'))
    a.signal('SIGSTOP')
    const replies: (NgReply | undefined)[] = []
    const deleted = new Promise<void>((resolve) =>
      node.delete({ 'call-id': 'x~ours', 'from-tag': 'a', 'delete-delay': 0 }, (reply) => {
        replies.push(reply)
        resolve()
      }),
    )
    await watched.becomes('a', 'down')
    expect(watched.pool.deletes).toBe(1)
    a.signal('SIGCONT')
    await deleted
    expect(watched.pool.deletes).toBe(0)
    expect(await a.list()).toEqual([])
    // What was sent while it was stopped may be executed first, and the last one then finds nothing
    expect(replies).toHaveLength(1)
  })

  it('of a daemon that was killed end with its return', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.pool.start()
    await watched.becomes('a', 'up')
    const node = nodeOf(watched.pool, 'a')
    await node.request('offer', offerOf('x~ours'))
    await a.kill9()
    const deleted = new Promise<NgReply | undefined>((resolve) => node.delete({ 'call-id': 'x~ours', 'from-tag': 'a' }, resolve))
    await watched.becomes('a', 'down')
    await a.restart()
    expect(await deleted).toBeUndefined()
  })

  it('a branch that the daemon does not know takes no other branch along', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.pool.start()
    await watched.becomes('a', 'up')
    const node = nodeOf(watched.pool, 'a')
    await node.request('offer', offerOf('x~ours', 'b1'))
    expect(await a.request('delete', { ...identity('x~ours', 'b9'), 'delete-delay': 0 })).toEqual({ result: 'ok', warning: NOTHING })
    await new Promise((resolve) => node.delete({ ...identity('x~ours', 'b9'), 'delete-delay': 0 }, resolve))
    expect(await a.list()).toEqual(['x~ours'])
  })

  it('a call whose caller the daemon does not know is deleted by its call-id', async () => {
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.pool.start()
    await watched.becomes('a', 'up')
    await a.request('offer', { ...offerOf('x~ours'), 'from-tag': 'somebody' })
    const node = nodeOf(watched.pool, 'a')
    await new Promise((resolve) => node.delete({ 'call-id': 'x~ours', 'from-tag': 'a', 'delete-delay': 0 }, resolve))
    expect(await a.list()).toEqual([])
  })
})

describe('media §9: the sweep', () => {
  it('finds a session that somebody made with our name, and leaves those of others out', async () => {
    await a.request('offer', offerOf('stray~ours'))
    await a.request('offer', offerOf('foreign~theirs'))
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.leaps(60_000)
    watched.pool.start()
    const { fields } = await watched.tells(({ what }) => what === 'listed', 'list')
    expect(fields.callIds).toEqual(['stray~ours'])
    await new Promise((resolve) => nodeOf(watched.pool, 'a').delete({ 'call-id': 'stray~ours', 'delete-delay': 0 }, resolve))
    expect(await a.list()).toEqual(['foreign~theirs'])
  })

  it.each([
    ['more than 500', ''],
    ['it did not answer list, though it answers ping', 'x'.repeat(140)],
  ])('a list that cannot be whole (%s) is told in the log, and to nobody else', async (why, padding) => {
    // Without a media line there is an error, but also a call, which needs no ports
    const { sdp = '', ...rest } = offerOf('')
    for (let i = 0; i < 500; i++) await a.request('offer', { ...rest, 'call-id': `${i}${padding}~ours`, sdp: sdp.replace(/m=.*\r\n/, '') })
    await a.request('offer', { ...rest, 'call-id': `500${padding}~ours`, sdp: sdp.replace(/m=.*\r\n/, '') })
    const watched = watchedPool(settingsFor([entryFor('a', a)]))
    watched.leaps(60_000)
    watched.pool.start()
    const { fields } = await watched.tells(({ text }) => text.startsWith('Media node has more sessions than its list can show'), 'warning')
    expect(fields).toEqual({ node: 'a', sessions: 501, why })
    expect(watched.told.filter(({ what }) => what === 'listed')).toEqual([])
    expect(nodeOf(watched.pool, 'a').state).toBe('up')
    // With a list of 500 of these the daemon could not even say what is to be cleaned up
    for (let i = 0; i <= 500; i++) await a.request('delete', { 'call-id': `${i}${padding}~ours` })
  })
})
