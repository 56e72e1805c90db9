import { describe, expect, test } from 'vitest'
import { asked, button, edge, enter, field, page, seen, tab } from './ground.ts'
import { runningOrder } from './world-certificates.ts'
import { iso } from './world-times.ts'

/** What happens at the edge is on the page as it happens. */

describe('what happens at the edge is on the page', { timeout: 30_000 }, () => {
  test('a new state, as it comes', async () => {
    await enter('/')
    await seen('Everything is well')
    const { state } = edge.world
    edge.publish('state', { ...state, listeners: state.listeners.map((listener) => ({ ...listener, open: listener.name !== 'web/wss' })) })
    await seen('Listener web/wss is not open on 10.0.0.5:443')
    edge.publish('state', state)
    await seen('Everything is well')
  })

  test('rates, once there are two readings', async () => {
    await enter('/', { clock: true })
    expect(await page.getByText('Messages received').count()).toBe(0)
    await page.clock.fastForward(5000)
    const { state } = edge.world
    edge.publish('state', { ...state, counters: { ...state.counters!, messages: state.counters!.messages + 5000 } })
    await seen('Messages received')
    expect(await page.locator('.figure:has-text("Messages received") .figure-value').textContent()).toMatch(/^\d[\d\u2009]*\/s$/)
  })

  test('an order, step by step', async () => {
    await enter('/certificates/public')
    const running = runningOrder()
    edge.publish('certificates', { certificates: [running, ...edge.world.certificates.slice(1)] })
    await seen('Waiting for the CA to look at it')
    expect(await page.locator('.stage-running').textContent()).toContain('Prove control of the names')
    expect(await page.locator('.stage-waiting').count()).toBe(2)
    expect(await button('Renew now').isDisabled()).toBe(true)
    const steps = [...running.order!.steps, { at: 'failed' as const, text: 'The CA could not connect to port 80', time: Date.now() }]
    edge.publish('certificates', { ...running, order: { running: false, steps } })
    await seen('The last order failed')
    expect(await page.locator('.stage-failed').textContent()).toContain('The CA could not connect to port 80')
  })

  test('calls come and go', async () => {
    await enter('/calls')
    expect(await page.locator('tbody tr').count()).toBe(3)
    edge.publish('calls', { calls: edge.world.calls.slice(0, 1), total: 1 })
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
    edge.publish('calls', { calls: [], total: 0 })
    await seen('No calls at the moment')
  })

  test('what only changes with the rest is read again when the rest changes, and not for nobody', async () => {
    await enter('/calls/past', { clock: true })
    const reads = (): number => edge.reads.filter((path) => path === '/calls/past').length
    const { calls, certificates } = edge.world
    let problems = 0
    /** Publishes calls, waits until the page has seen it, and gives it the time to read. */
    const publish = async (...events: readonly object[]): Promise<void> => {
      for (const event of events) edge.publish('calls', event)
      // Events keep their order, and this one can be seen
      problems++
      const own = Array.from({ length: problems }, (_, index) => ({ severity: 'warning' as const, text: `Odd ${index}`, remedy: '' }))
      edge.publish('certificates', { certificates: [{ ...certificates[0]!, problems: own }] })
      await page.locator('.nav a', { hasText: `Certificates${problems}` }).waitFor()
      await page.clock.fastForward(1500)
    }
    await publish({ calls, total: 3 })
    await expect.poll(reads).toBe(2)
    await publish({ calls, total: 3 }, { calls, total: 3 })
    expect(reads()).toBe(2)
    await publish({ calls: calls.slice(1), total: 2 })
    await expect.poll(reads).toBe(3)
    // Nobody has touched anything for a long time: the session may end
    await page.clock.fastForward(6 * 60_000)
    await publish({ calls: [], total: 0 })
    await publish({ calls, total: 3 })
    expect(reads()).toBe(3)
    await page.keyboard.press('Shift')
    await expect.poll(reads).toBe(4)
  })

  test('the log comes while somebody reads it, and waits while it is paused', async () => {
    await enter('/log', { clock: true })
    await expect.poll(() => edge.streams()).toEqual(['state,certificates,calls,registrations,config,audit,log'])
    edge.publish('log', { time: iso(0), level: 'warn', msg: 'Something odd', zone: 'pbx' })
    await seen('Something odd')
    edge.publish('log', { time: iso(0), level: 'debug', msg: 'Too small to see' })
    await button('Pause').click()
    edge.publish('log', { lines: [{ time: iso(0), level: 'error', msg: 'While paused' }] })
    await page.clock.fastForward(1000)
    expect(await page.getByText('While paused').count()).toBe(0)
    await button('Go on').click()
    await seen('While paused')
    expect(await page.getByText('Too small to see').count()).toBe(0)
    await field('Show').selectOption('trace')
    await seen('Too small to see')
    await field('Search the log').fill('odd zone=pbx')
    await expect.poll(() => page.locator('.log-line').count()).toBe(1)
    await field('The edge writes').selectOption('debug')
    expect((await asked('PUT', '/log-level')).body).toEqual({ level: 'debug' })
    await tab.goTo('/')
    await expect.poll(() => edge.streams()).toEqual(['state,certificates,calls,registrations,config,audit'])
  })

  test('when the connection breaks it is said, and made up for afterwards', async () => {
    await enter('/zones')
    edge.interrupt()
    await seen('No connection to the edge')
    edge.world.state = { ...edge.world.state, zones: edge.world.state.zones.slice(0, 1) }
    edge.resume()
    await button('Try now').click()
    await expect.poll(() => page.getByText('No connection to the edge').count()).toBe(0)
    await expect.poll(() => page.getByRole('heading', { name: 'teams' }).count()).toBe(0)
  })

  test('an answer that fails says why, and can be asked for again', async () => {
    edge.fails.set('GET /registrations', {
      status: 500,
      body: { code: 'internal', message: 'Something went wrong inside; the log has it' },
    })
    await enter('/registrations')
    await seen('Something went wrong inside; the log has it')
    edge.fails.clear()
    await button('Try again').click()
    await seen('sip:anna@7d8f3k2.invalid')
  })

  test('a command that fails says why, and the button can be pressed again', async () => {
    edge.fails.set('POST /media/nodes/local/drain', {
      status: 404,
      body: { code: 'unknown-node', message: 'There is no rtpengine of that name' },
    })
    await enter('/zones')
    await button('Drain').last().click()
    await seen('There is no rtpengine of that name')
    expect(await button('Drain').last().isEnabled()).toBe(true)
  })
})
