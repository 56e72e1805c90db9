import { describe, expect, test } from 'vitest'
import { until } from '../../support/processes.ts'
import { addressesOf, type Ground, hearEachOther, layGround } from './ground.ts'

/** pid of each rtpengine that the edge has started so far. */
const daemonsOf = ({ edge }: Ground): readonly number[] =>
  edge.log().flatMap(({ msg, pid }) => (msg === 'rtpengine is ready' ? [Number(pid)] : []))

const reasonOf = async (ground: Ground): Promise<string> => {
  const caller = await ground.dial()
  return (await caller.final()).start
}

describe('the rtpengine that the edge runs itself', () => {
  test('is killed in mid-call: it is there again, the next offer heals the call, new calls work, and the edge has not even blinked', async () => {
    const ground = await layGround(98, { media: '{ ports: 21000-21199, command-time: 1s }' })
    await ground.becomes('local', 'up')
    const pair = await ground.connect()
    const edge = ground.edge.program().pid
    const [first] = daemonsOf(ground)
    process.kill(first!, 'SIGKILL')
    await until(() => daemonsOf(ground)[1], 'second rtpengine')
    await ground.becomes('local', 'up')
    await Promise.all([pair.caller.media().receivesNothingWithin(200), pair.called.media().receivesNothingWithin(200)])
    await pair.caller.reinvite()
    await hearEachOther(pair)
    expect(pair.caller.media().agreement()?.address).toBe(addressesOf(98).edge)
    const more = await ground.connect()
    await Promise.all([pair.caller.bye(), more.called.bye()])
    await ground.empty()
    expect([ground.edge.program().pid, ground.edge.program().running()]).toEqual([edge, true])
    expect((await ground.state()).nodes).toMatchObject([{ name: 'local', state: 'up' }])
  })

  test('cannot be started: calls get 503, the log has the reason, and the rest of the edge works', async () => {
    const ground = await layGround(98, {
      media: '{ ports: 21000-21199 }',
      environment: { EDGEWAYS_RTPENGINE: '/nonexistent/rtpengine' },
    })
    const told = await ground.edge.logged(({ msg }) => msg?.startsWith('rtpengine does not start') === true, 'reason')
    expect(told.msg).toBe('rtpengine does not start: /nonexistent/rtpengine is not there any more; install the package rtpengine-daemon')
    expect(await reasonOf(ground)).toMatch(/^SIP\/2\.0 503 Our own rtpengine does not run; the log says why/)
    expect(await ground.optionsTime()).toBeLessThan(2000)
  })
})

describe('no rtpengine on this machine', () => {
  const environment = { EDGEWAYS_RTPENGINE: 'none' }

  test('refuse: calls get 503, and the reason names the remedy', async () => {
    const ground = await layGround(99, { media: '{ without-rtpengine: refuse }', environment })
    expect(await reasonOf(ground)).toBe('SIP/2.0 503 rtpengine is not installed: install rtpengine-daemon, or configure media: off')
    expect((await ground.edge.logged(({ level }) => level === 'error', 'error')).msg).toContain('install rtpengine-daemon')
    expect(ground.called.requests).toEqual([])
    expect(await ground.state()).toMatchObject({ nodes: [], unavailable: expect.stringContaining('install rtpengine-daemon') })
  })

  test('relay: SDP crosses as it is, and the parties hear each other without us', async () => {
    const ground = await layGround(99, { media: '{ without-rtpengine: relay }', environment })
    const pair = await ground.connect()
    const at = addressesOf(99)
    expect([pair.caller.media().agreement()?.address, pair.called.media().agreement()?.address]).toEqual([at.called, at.caller])
    await pair.caller.bye()
    await ground.empty()
    expect((await ground.edge.logged(({ level }) => level === 'warn', 'warning')).msg).toContain('SDP crosses untouched')
  })
})
