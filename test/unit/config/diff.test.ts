import { describe, expect, test } from 'vitest'
import { diffSnapshots, mediaAfterReload, reloadChanges, restartSettings } from '../../../src/config/diff.ts'
import { file, snapshotOf } from './support.ts'

const names = (text: string, after: string) => {
  const before = snapshotOf(text)
  const { listeners, media, restart } = diffSnapshots(before, snapshotOf(after, { previous: before }))
  const of = (entries: readonly { readonly listener: { readonly name: string } }[]) => entries.map(({ listener }) => listener.name)
  return {
    unchanged: of(listeners.unchanged),
    changed: of(listeners.changed),
    added: of(listeners.added),
    removed: of(listeners.removed),
    media,
    restart,
  }
}
const ALL = ['lan/udp', 'lan/tcp', 'web/tls', 'web/wss']

describe('what a reload has to do', () => {
  test('a comment or another route touches no listener', () => {
    const after = `# hello\n${file({ routes: '[ { from: phones, to: pbx } ]' })}`
    expect(names(file(), after)).toEqual({ unchanged: ALL, changed: [], added: [], removed: [], media: [], restart: [] })
  })

  test('other options change a listener that stays open', () => {
    const result = names(file(), file({ web: '{ tls: 10.0.0.5:5061, wss: 10.0.0.5:443, idle: 5m, tls-settings: { min-version: 1.3 } }' }))
    expect(result).toMatchObject({ unchanged: ['lan/udp', 'lan/tcp'], changed: ['web/tls', 'web/wss'], added: [], removed: [] })
  })

  test('another zone on it can change a listener: origins', () => {
    const before = file({ phones: '{ kind: webrtc, on: web, origins: [ "https://a.example" ] }' })
    expect(names(before, before.replace('a.example', 'b.example')).changed).toEqual(['web/tls', 'web/wss'])
  })

  test('T §5: further names leave the sockets as they are', () => {
    const web = (more: string): string => file({ web: `{ tls: 10.0.0.5:5061, wss: 10.0.0.5:443${more} }` })
    expect(names(web(', names: [ a.example.com ]'), web(', names: [ a.example.com, b.example.com ]'))).toMatchObject({
      changed: ['web/tls', 'web/wss'],
      added: [],
      removed: [],
    })
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
    const top =
      'admin: { listen: 127.0.0.1:8080, certificate: main }\npolicy: a.ts\ndemo: true\nlimits: { datagram-buffer: 1m }\nmedia: { ports: 30000-31999, sessions: 500, interfaces: { lan: 10.0.0.5 } }'
    const after =
      'admin: { listen: 127.0.0.1:8081, plain: true, websocket: phones }\npolicy: b.ts\ndemo: false\nlimits: { datagram-buffer: 2m }\ntimers: { key-rotation: 2d }\nmedia: { ports: 30000-31997, sessions: 400, interfaces: { lan: 10.0.0.6 } }'
    const { restart } = names(
      file({ top, lan: '{ udp: 10.0.0.5, tcp: 10.0.0.5 }' }),
      file({ top: after, lan: '{ udp: 10.0.0.5, tcp: 10.0.0.5, ipv6-only: false }' }),
    )
    const { restart: mode } = names(file(), file({ top: 'media: off' }))
    const marked = restartSettings()
    expect(marked.length).toBeGreaterThan(3)
    expect([...restart, ...mode].map((path) => path.replace('listeners.lan.', 'listeners.NAME.')).sort()).toEqual([...marked].sort())
  })
})

describe('what a reload says that it did', () => {
  const changes = (after: string): readonly string[] => reloadChanges(snapshotOf(file()), snapshotOf(after))
  const top = (line: string): string => file({ top: `name: sbc.example.com\n${line}` })
  const PHONES = '{ kind: phones, on: web, '

  test.each([
    ['nothing', file(), []],
    ['another route', file({ routes: '[ { from: phones, number: "+44*", to: pbx } ]' }), ['routes changed']],
    ['another pattern', file({ routes: '[ { from: phones, to: pbx, host: a.example }, { from: pbx, to: phones } ]' }), ['routes changed']],
    ['a registrar of our own', top('registrar: {}'), ['zone changed: phones', 'registrar changed']],
    ['a realm', top('authentication: { realm: a.example }'), ['authentication changed']],
    ['memory for messages', top('trace: 1m'), ['trace changed']],
    ['a time', top('timers: { t1: 400ms, stop: 5s }'), ['timers changed', 'timers.stop changed']],
    ['NAT', file({ phones: `${PHONES} nat: { local: [ 10.0.0.0/8 ] } }` }), ['zone changed: phones']],
    ['who is admitted', file({ phones: `${PHONES} admit: { networks: [ 10.0.0.0/8 ] } }` }), ['zone changed: phones']],
    ['a target', file({ pbx: '{ kind: trunk, on: lan, targets: [ sip:10.0.0.21 ] }' }), ['zone changed: pbx']],
    ['media alone', file({ phones: `${PHONES} media: { dtmf: audio } }` }), ['media of zone changed: phones']],
  ])('%s', (_what, after, expected) => {
    expect(changes(after)).toEqual(expected)
  })
})

describe('media', () => {
  const media = (text: string): string => file({ top: `name: sbc.example.com\nmedia: ${text}` })

  test('nodes, times and policies change with a reload', () => {
    const before = media('{ rtpengine: [ 10.0.0.1:2223, { address: 10.0.0.2:2223, name: b }, { address: 10.0.0.3:2223, name: c } ] }')
    const after = media(
      '{ rtpengine: [ { address: 10.0.0.2:2223, name: b, drain: true }, { address: 10.0.0.3:2223, name: c, weight: 2 }, 10.0.0.4:2223 ], command-time: 1s, media-timeout: report }',
    ).replace('kind: phones', 'kind: phones, media: { codecs: { strip: [ G729 ] } }')
    expect(names(before, after)).toMatchObject({
      media: [
        'rtpengine changed: b (drains)',
        'rtpengine changed: c',
        'rtpengine added: 10.0.0.4:2223',
        'rtpengine removed: 10.0.0.1:2223',
        'media changed: media-timeout',
        'media changed: command-time',
        'media of zone changed: phones',
      ],
      restart: [],
    })
  })

  test("a target's own policy counts as its zone's, and a target more does not", () => {
    const before = file({ pbx: '{ kind: trunk, on: lan, targets: [ { uri: sip:10.0.0.20, name: a } ] }' })
    expect(names(before, before.replace('name: a', 'name: a, media: { record: true }')).media).toEqual(['media of zone changed: pbx'])
    expect(names(before, before.replace('name: a }', 'name: a }, sip:10.0.0.21')).media).toEqual([])
  })

  test.each([
    ['off', '{ ports: 20000-20999 }'],
    ['{ sessions: 100 }', '{ rtpengine: [ 10.0.0.1:2223 ] }'],
    ['{ rtpengine: [ 10.0.0.1:2223 ] }', 'off'],
  ])('from %s to %s needs a new start, and nothing else is said', (before, after) => {
    const { restart, media: changes } = names(media(before), media(after))
    expect({ restart, nodes: changes.filter((change) => change.startsWith('rtpengine')) }).toEqual({ restart: ['media'], nodes: [] })
  })

  test('interfaces in another order are the same; a pair of addresses keeps its name over a reload', () => {
    const lan = '{ interfaces: { lan: 10.0.0.5, web: { address: 10.0.0.5, advertise: 203.0.113.5 } } }'
    const turned = '{ interfaces: { web: { address: 10.0.0.5, advertise: 203.0.113.5 }, lan: 10.0.0.5 } }'
    expect(names(media(lan), media(turned)).restart).toEqual([])
    const first = file().replace('listeners:\n', 'listeners:\n  extra: { tcp: 10.0.0.5:5099 }\n').replace('on: lan', 'on: [ extra, lan ]')
    expect(snapshotOf(first).media.local.interfaces.map(({ name }) => name)).toEqual(['extra'])
    expect(names(file(), first)).toMatchObject({ added: ['extra/tcp'], restart: [] })
    expect(names(file(), file({ lan: '{ udp: 10.0.0.6 }' })).restart).toEqual(['media.interfaces'])
  })

  test('what is in force after a reload is what runs, with everything that a reload can change', () => {
    const [off, local, nodes] = ['off', '{}', '{ rtpengine: [ 10.0.0.1:2223 ], command-time: 1s }'].map(
      (text) => snapshotOf(media(text)).media,
    )
    expect(mediaAfterReload(off!, local!)).toMatchObject({ mode: 'off', nodes: [] })
    expect(mediaAfterReload(local!, nodes!)).toEqual({ ...local, commandMs: 1000 })
    expect(mediaAfterReload(nodes!, local!)).toMatchObject({ mode: 'nodes', nodes: nodes!.nodes, commandMs: 2500 })
    const moved = file({ top: 'media: { ports: 20000-20999 }', lan: '{ udp: 10.0.0.6 }' })
    const other = snapshotOf(moved, { previous: snapshotOf(file()) }).media
    expect(other.interfaces).toEqual(['lan-udp', 'lan'])
    expect(mediaAfterReload(local!, other)).toEqual({ ...local, interfaces: ['lan'] })
    const more = { ...nodes!, nodes: [] }
    expect(mediaAfterReload(nodes!, more)).toBe(more)
  })
})
