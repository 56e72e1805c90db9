import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { refreshListeners } from '../../../src/engine/options.ts'
import type { ListenerOptions, Transports } from '../../../src/transport/types.ts'

const CONFIG = `
name: sbc.example.com
listeners:
  lan:    { udp: 10.0.0.5:5060 }
  secure: { tls: 10.0.0.5:5061 }
  web:    { wss: 10.0.0.5:443 }
zones:
  phones: { kind: phones, on: [ lan, secure, web ] }
routes:
  - { from: phones, respond: 503 Closed }
certificates: { main: development }
media: off
`

const snapshot = () => {
  const loaded = loadConfig(CONFIG, { file: '/edge.yaml', dataDir: '/nowhere' })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}
const material = { name: 'main', chain: 'C', key: 'K', hosts: ['sbc.example.com'] }

test('a refresh asks for what is in force, and gives it to every listener', async () => {
  const asked: string[] = []
  const given = new Map<string, ListenerOptions>()
  const update = (name: string, options: ListenerOptions): boolean => given.set(name, options).has(name) && name !== 'lan/udp'
  const transports = { update } as unknown as Transports
  const others = await refreshListeners(
    snapshot(),
    ({ name }, from) => {
      asked.push(`${name} ${from}`)
      return material
    },
    transports,
  )
  expect(asked).toEqual(['main kept'])
  expect([...others], 'those that show another certificate').toEqual(['secure/tls', 'web/wss'])
  expect([...given].map(([name, { tls }]) => [name, tls?.certificates])).toEqual([
    ['lan/udp', undefined],
    ['secure/tls', [material]],
    ['web/wss', [material]],
  ])
})

test('a listener that cannot use it keeps what it has, the others get it, and it is said', async () => {
  const given: string[] = []
  const update = (name: string): void => {
    if (name === 'secure/tls') throw new Error('no shared cipher')
    given.push(name)
  }
  await expect(refreshListeners(snapshot(), () => material, { update } as unknown as Transports)).rejects.toThrow('no shared cipher')
  expect(given).toEqual(['lan/udp', 'web/wss'])
})
