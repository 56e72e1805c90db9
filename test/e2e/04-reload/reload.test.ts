import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Ground, layGround } from '../../support/crossing.ts'
import { callWithHolds, crossingCall, expectPassed } from '../../support/crossing-call.ts'
import { type Edge, metricReaches, startEdge } from '../../support/edge.ts'
import { freePort } from '../../support/places.ts'
import { openPlainConnection, type PlainConnection } from '../../support/plain-connection.ts'
import { crossingConfig } from '../../support/subject.ts'

let ground: Ground
let edge: Edge
let config: string
let unchanged: PlainConnection

beforeAll(async () => {
  ground = await layGround(64)
  config = crossingConfig(ground, ground.authority.issue('edge', [ground.name]))
  edge = await startEdge({ config, adminPort: ground.adminPort, folder: ground.folder })
  unchanged = await openPlainConnection({ address: ground.inside, port: ground.callersPort }, ground.caller)
})

afterAll(async () => {
  unchanged?.close()
  await edge?.stop()
  ground?.remove()
})

afterEach(async () => {
  // Whatever was loaded or refused: listeners that did not change were not touched.
  expect(await unchanged.ping()).toBe(200)
})

/** SIGHUP with this file; resolves when the edge has counted its decision. */
const reload = async (file: string, result: 'applied' | 'refused'): Promise<void> => {
  const before = await edge.metric('edgeways_reloads_total', { result })
  edge.configure(file)
  edge.reload()
  await metricReaches(edge, 'edgeways_reloads_total', { result }, before + 1)
}

/** The configuration with one listener and one zone more. */
const larger = (port: number): string =>
  config
    .replace('listeners:\n', `listeners:\n  extra: { tcp: '${ground.inside}:${port}' }\n`)
    .replace('zones:\n', `zones:\n  extra: { kind: phones, on: extra, admit: { networks: ['${ground.caller}'] } }\n`)

describe('SIGHUP', () => {
  it('with a listener and a zone more: both work at once, and a call that is up goes on', async () => {
    const port = await freePort(ground.inside)
    const call = await crossingCall(ground, 'udp', 'tcp', {
      ...callWithHolds('caller'),
      whileUp: async () => {
        await reload(larger(port), 'applied')
        const added = await openPlainConnection({ address: ground.inside, port }, ground.caller)
        expect(await added.ping()).toBe(200)
        added.close()
      },
    })
    expectPassed(call)
  })

  it('with a route less and then again: the call that is up outlives its route, the next one is refused until it is back', async () => {
    const call = await crossingCall(ground, 'udp', 'tcp', {
      ...callWithHolds('caller'),
      whileUp: () => reload(config.replace(/.*user: to-tcp.*\n/, ''), 'applied'),
    })
    expectPassed(call)
    const refused = await crossingCall(ground, 'udp', 'tcp', callWithHolds('caller'))
    expect(refused.caller.errors).toMatch(/SIP\/2\.0 404 /)
    await reload(config, 'applied')
    expectPassed(await crossingCall(ground, 'udp', 'tcp', callWithHolds('caller')))
  })

  it.each([
    ['that is no YAML', 'zones: [\n'],
    ['with a zone on a listener that is not there', 'ZONE'],
  ])('with a file %s: it is refused with the reason, and calls go on', async (_, text) => {
    const bad = text === 'ZONE' ? config.replace('on: inside-tcp', 'on: nowhere') : text
    const call = await crossingCall(ground, 'udp', 'tcp', { ...callWithHolds('caller'), whileUp: () => reload(bad, 'refused') })
    expectPassed(call)
    const event = await edge.logged(
      (line) => JSON.stringify(line).includes(text === 'ZONE' ? 'nowhere' : 'refused'),
      'reason for the refusal',
    )
    expect(event.msg).toMatch(/refused/i)
    expect((await edge.health()).status).toBe(200)
    expectPassed(await crossingCall(ground, 'tcp', 'udp', callWithHolds('called')))
  })
})
