import { describe, expect, test } from 'vitest'
import { addPhoneRoutes } from '../../../src/admin/phone-routes.ts'
import { phoneView } from '../../../src/admin/phone-view.ts'
import { firstRunConfig } from '../../../src/config/examples.ts'
import { snapshotOf } from '../config/support.ts'
import { serverWith, TOKEN } from './support.ts'

const FIRST = firstRunConfig()

describe('what the test phone has to know', () => {
  test('of a first start: one zone, its sockets with the secure one first, and whom to call', () => {
    const { demo, ...view } = phoneView(snapshotOf(FIRST))
    expect(view).toEqual({
      zones: [
        {
          name: 'browsers',
          registration: 'pass',
          authenticate: false,
          domain: 'localhost',
          listeners: [
            { name: 'web/wss', url: 'wss://localhost:8443' },
            { name: 'web/ws', url: 'ws://127.0.0.1:8088' },
          ],
        },
      ],
      path: '/phone/sip',
      turn: false,
    })
    expect([demo?.echo, demo?.callBack, demo?.extensions.map(({ number }) => number)]).toEqual([
      ...['echo', 'callback'],
      ['100', '1234', '486', '408'],
    ])
  })

  test('with a registrar of ours addresses are of its domain, and users show who they are', () => {
    const own = `registrar: { domains: [ example.com, example.org ] }\n${FIRST}`
    expect(phoneView(snapshotOf(own)).zones).toMatchObject([{ registration: 'here', domain: 'example.com' }])
  })

  test('without a demonstration PBX there is nobody to echo, and without WebSockets no zone', () => {
    const text = FIRST.replace('demo: true', 'demo: false')
      .replace(/ {4}wss?: .*\n/g, '')
      .replace('  web:                              # WebSocket, for browsers\n', '')
      .replace(/ {2}browsers:\n(?: {4}.*\n)+/, '')
      .replaceAll(', browsers ]', ' ]')
    expect(phoneView(snapshotOf(text))).toEqual({ zones: [], path: '/phone/sip', turn: false })
  })

  test('the API tells it to operators, whole', async () => {
    const view = phoneView(snapshotOf(FIRST))
    const { app } = serverWith({ more: [(one) => addPhoneRoutes(one, () => view)] })
    const answer = await app.inject({ url: '/api/phone', headers: { authorization: `Bearer ${TOKEN}` } })
    expect([answer.statusCode, answer.json()]).toEqual([200, view])
    expect(app.hasRoute({ method: 'GET', url: '/api/phone' })).toBe(true)
  })
})
