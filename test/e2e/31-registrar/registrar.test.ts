import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { metricReaches } from '../../support/edge.ts'
import { passed, type Site, startSite } from './place.ts'

describe('the edge is the registrar', () => {
  let site: Site

  beforeAll(async () => {
    site = await startSite(['alice', 'carol'])
  })

  afterAll(async () => {
    await site?.stop()
  })

  test('§10.3, §22: SIPp registers over UDP with its password, is called by its Contact, also after kill -9 and a restart', async () => {
    const port = await site.port()
    passed(await site.registers('alice', port))
    for (const again of [false, true]) {
      if (again) {
        await site.edge.kill9()
        await site.edge.restart()
      }
      const phone = await site.isCalled('alice', port)
      passed(await site.calls('alice'))
      passed(await phone.result)
    }
    expect(await site.edge.metric('edgeways_registrations_active', { zone: 'phones', registrar: 'here' })).toBe(1)
  })

  test('§22.1: a wrong password registers nobody', async () => {
    passed(await site.registers('carol', await site.port(), { password: 'wrong', status: 401 }))
    passed(await site.isRefused('carol', 480))
  })

  test('§21.4.5: nobody of that name', async () => {
    passed(await site.isRefused('nobody', 404))
  })

  test('§18.3, N5: SIPp registers over TCP; when its connection is gone its user is away', async () => {
    passed(await site.registers('carol', await site.port(), { transport: 'tcp' }))
    passed(await site.isRefused('carol', 480))
  })
})

describe('baresip is a user', () => {
  let site: Site

  beforeAll(async () => {
    // INTEROP(baresip 1): of several challenges it takes the last one, and gives up when that is SHA-256
    site = await startSite(['bob'], 'authentication: { algorithms: MD5 }\n')
  })

  afterAll(async () => {
    await site?.stop()
  })

  test.each(['tcp', 'tls'] as const)(
    'RFC 5626: baresip registers over %s, is called through its connection, and again after kill -9 when it is back',
    async (transport) => {
      const before = await site.edge.metric('edgeways_registrations_total', { result: 'registered' })
      const phone = await site.baresip('bob', transport)
      await metricReaches(site.edge, 'edgeways_registrations_total', { result: 'registered' }, before + 1)
      passed(await site.calls('bob'))
      await site.edge.kill9()
      await site.edge.restart()
      // Its binding is known; the way to it is not, until it connects again
      passed(await site.isRefused('bob', 480))
      await phone.stop('SIGKILL')
      const back = await site.baresip('bob', transport)
      await metricReaches(site.edge, 'edgeways_registrations_total', { zone: 'phones' }, 1)
      passed(await site.calls('bob'))
      await back.stop('SIGTERM')
    },
  )
})
