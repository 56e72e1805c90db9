import { describe, expect, test } from 'vitest'
import { diffSnapshots, restartSettings } from '../../../src/config/diff.ts'
import { file, snapshotOf } from './support.ts'

const names = (text: string, after: string) => {
  const before = snapshotOf(text)
  const { listeners, restart } = diffSnapshots(before, snapshotOf(after, { previous: before }))
  const of = (entries: readonly { readonly listener: { readonly name: string } }[]) => entries.map(({ listener }) => listener.name)
  return {
    unchanged: of(listeners.unchanged),
    changed: of(listeners.changed),
    added: of(listeners.added),
    removed: of(listeners.removed),
    restart,
  }
}
const ALL = ['lan/udp', 'lan/tcp', 'web/tls', 'web/wss']

describe('what a reload has to do', () => {
  test('a comment or another route touches no listener', () => {
    const after = `# hello\n${file({ routes: '[ { from: phones, to: pbx } ]' })}`
    expect(names(file(), after)).toEqual({ unchanged: ALL, changed: [], added: [], removed: [], restart: [] })
  })

  test('other options change a listener that stays open', () => {
    const result = names(file(), file({ web: '{ tls: 10.0.0.5:5061, wss: 10.0.0.5:443, idle: 5m, tls-settings: { min-version: 1.3 } }' }))
    expect(result).toMatchObject({ unchanged: ['lan/udp', 'lan/tcp'], changed: ['web/tls', 'web/wss'], added: [], removed: [] })
  })

  test('another zone on it can change a listener: origins', () => {
    const before = file({ phones: '{ kind: webrtc, on: web, origins: [ "https://a.example" ] }' })
    expect(names(before, before.replace('a.example', 'b.example')).changed).toEqual(['web/tls', 'web/wss'])
  })

  test('another address or advertised name is another listener', () => {
    expect(names(file(), file({ lan: '{ udp: 10.0.0.5:5070, tcp: 10.0.0.5:5060 }' }))).toMatchObject({
      added: ['lan/udp'],
      removed: ['lan/udp'],
      unchanged: ['lan/tcp', 'web/tls', 'web/wss'],
    })
    expect(names(file(), file({ top: 'name: other.example.com' }))).toMatchObject({
      added: ['web/tls', 'web/wss'],
      removed: ['web/tls', 'web/wss'],
    })
    expect(names(file(), file({ lan: '{ udp: 10.0.0.5:5060, tcp: [ 10.0.0.5:5060, 10.0.0.6:5060 ] }' }))).toMatchObject({
      added: ['lan/tcp#2'],
      removed: [],
      unchanged: ALL,
    })
  })

  test('listeners that did not change are the same objects, so that flows stay theirs', () => {
    const before = snapshotOf(file())
    const after = snapshotOf(file({ lan: '{ udp: 10.0.0.5:5060, tcp: 10.0.0.5:5070 }' }), { previous: before })
    expect(after.listeners.map(({ listener }, index) => listener === before.listeners[index]?.listener)).toEqual([true, false, true, true])
    expect(after.zones.get('pbx')?.listeners[0]).toBe(before.listeners[0]?.listener)
  })

  test('each setting that the schema marks so asks for a restart', () => {
    const top = 'admin: { listen: 127.0.0.1:8080 }\npolicy: a.ts\ndemo: true\nlimits: { datagram-buffer: 1m }'
    const after =
      'admin: { listen: 127.0.0.1:8081 }\npolicy: b.ts\ndemo: false\nlimits: { datagram-buffer: 2m }\ntimers: { key-rotation: 2d }'
    const { restart } = names(
      file({ top, lan: '{ udp: 10.0.0.5, tcp: 10.0.0.5 }' }),
      file({ top: after, lan: '{ udp: 10.0.0.5, tcp: 10.0.0.5, ipv6-only: false }' }),
    )
    const marked = restartSettings()
    expect(marked.length).toBeGreaterThan(3)
    expect(restart.map((path) => path.replace('listeners.lan.', 'listeners.NAME.')).sort()).toEqual([...marked].sort())
  })
})
