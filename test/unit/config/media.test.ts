import { describe, expect, test } from 'vitest'
import { effectiveConfig } from '../../../src/config/effective.ts'
import { FIRST_EXAMPLE, firstRunConfig } from '../../../src/config/examples.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { MediaSettings } from '../../../src/config/snapshot.ts'
import type { MediaPolicy } from '../../../src/zones/media.ts'
import { errorsOf, file, OPTIONS, pbx, snapshotOf, warningsOf } from './support.ts'

const NAME = 'name: sbc.example.com'
const PUBLIC = `${NAME}\npublic-address: 203.0.113.5`
const NODES = `${NAME}\nmedia: { rtpengine: [ { address: 10.0.0.1:2223, set: west }, { address: 10.0.0.2:2223, set: east } ] }`

/** A file with settings of media, and perhaps other parts. */
const media = (text: string, parts: Parameters<typeof file>[0] = {}): string => file({ top: `${NAME}\nmedia: ${text}`, ...parts })
const trunk = (rest: string): string => `{ kind: trunk, on: lan, targets: [ sip:10.0.0.20 ], ${rest} }`

const settings = (text: string, options = {}): MediaSettings => snapshotOf(text, options).media
const policy = (text: string, zone = 'pbx'): MediaPolicy => snapshotOf(text).zones.get(zone)!.media
const interfacesOf = (text: string, options = {}): readonly string[] =>
  settings(text, options).local.interfaces.map(
    ({ name, address, advertised }) => `${name} ${address}${advertised === undefined ? '' : `!${advertised}`}`,
  )
/** Each zone with its interface. */
const used = (text: string, options = {}): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries([...snapshotOf(text, options).zones].map(([name, zone]) => [name, zone.media.interface]))

describe('media of the edge', () => {
  test('without a word about it we run an rtpengine ourselves, and refuse calls when there is none', () => {
    expect(settings(file())).toEqual({
      mode: 'local',
      withoutRtpengine: 'refuse',
      nodes: [],
      local: {
        interfaces: [{ name: 'lan', address: '10.0.0.5', advertised: undefined }],
        portMin: 30_000,
        portMax: 31_999,
        maxSessions: 500,
      },
      interfaces: ['lan'],
      onMediaTimeout: 'end',
      commandMs: 2500,
    })
  })

  test('"off" leaves all SDP alone', () => {
    const snapshot = snapshotOf(media('off'))
    expect(snapshot.media).toMatchObject({ mode: 'off', nodes: [], interfaces: [], local: { interfaces: [] } })
    expect([...snapshot.zones.values()].map((zone) => zone.media.anchored)).toEqual([false, false])
    expect(warningsOf(media('off', { pbx: trunk('media: none') }))).toEqual([])
  })

  test('where no zone wants media nothing is run; a target that does is enough', () => {
    const none = (target: string): string =>
      file({ pbx: `{ kind: trunk, on: lan, targets: [ ${target} ], media: none }`, phones: '{ kind: phones, on: web, media: none }' })
    expect(settings(none('sip:10.0.0.20')).mode).toBe('off')
    expect(settings(none('{ uri: sip:10.0.0.20, media: none }')).mode).toBe('off')
    expect(settings(none('{ uri: sip:10.0.0.20, media: { record: true } }'))).toMatchObject({ mode: 'local', interfaces: ['lan'] })
  })

  test('everything of our own rtpengine can be written', () => {
    const text = media(
      '{ without-rtpengine: relay, ports: 20000-20999, sessions: 100, media-timeout: report, command-time: 1s, interfaces: { lan: 10.0.0.5, wan: { address: 10.0.0.5, advertise: 203.0.113.5 } } }',
      { phones: '{ kind: phones, on: web, media: { interface: wan } }' },
    )
    expect(settings(text)).toEqual({
      mode: 'local',
      withoutRtpengine: 'relay',
      nodes: [],
      local: {
        interfaces: [
          { name: 'lan', address: '10.0.0.5', advertised: undefined },
          { name: 'wan', address: '10.0.0.5', advertised: '203.0.113.5' },
        ],
        portMin: 20_000,
        portMax: 20_999,
        maxSessions: 100,
      },
      interfaces: ['lan', 'wan'],
      onMediaTimeout: 'report',
      commandMs: 1000,
    })
    expect(warningsOf(text)).toEqual([])
  })

  test('media §11: rtpengines of others, with name, set, weight and drain', () => {
    const text = media(
      '{ rtpengine: [ 10.0.0.1:2223, { address: Media2.Example.com:2224, name: b, weight: 2, drain: true }, { address: 127.0.0.1:22, set: west } ] }',
      { pbx: trunk('media: { set: west, interface: in }'), phones: '{ kind: phones, on: web, media: { interface: out } }' },
    )
    expect(settings(text)).toMatchObject({
      mode: 'nodes',
      nodes: [
        { name: '10.0.0.1:2223', host: '10.0.0.1', port: 2223, set: 'default', weight: 1, drain: false },
        { name: 'b', host: 'media2.example.com', port: 2224, set: 'default', weight: 2, drain: true },
        { name: '127.0.0.1:22', host: '127.0.0.1', port: 22, set: 'west', weight: 1, drain: false },
      ],
      local: { interfaces: [] },
      interfaces: ['in', 'out'],
    })
    expect(warningsOf(text)).toEqual([])
  })

  test('zones that name no set use "default", or the only one there is', () => {
    expect(policy(file()).set).toBe('default')
    expect(policy(media('{ rtpengine: [ { address: 10.0.0.1:2223, set: west } ] }')).set).toBe('west')
    expect(warningsOf(media('{ rtpengine: [ { address: 10.0.0.1:2223, set: west } ] }'))).toEqual([])
  })

  test('the file of a first start relays calls on a machine without rtpengine', () => {
    expect(settings(firstRunConfig())).toMatchObject({ mode: 'local', withoutRtpengine: 'relay', interfaces: ['lan'] })
    expect(interfacesOf(firstRunConfig())).toEqual(['lan 127.0.0.1'])
  })
})

describe('interfaces of our own rtpengine', () => {
  test('A3, A5: one for each pair of bound and advertised address, named after its first group', () => {
    expect(interfacesOf(FIRST_EXAMPLE)).toEqual(['lan 10.0.0.5', 'teams 10.0.0.5!203.0.113.5'])
    expect(used(FIRST_EXAMPLE)).toEqual({ pbx: 'lan', teams: 'teams', browsers: 'teams' })
  })

  test('A5: SDP shows the public address for a name, the address that is advertised, or its own', () => {
    const shown = (lan: string, top = PUBLIC): readonly string[] =>
      interfacesOf(file({ top, lan, phones: '{ kind: phones, on: web, media: none }' }))
    expect(shown('{ udp: 10.0.0.5 }')).toEqual(['lan 10.0.0.5'])
    expect(shown('{ udp: 10.0.0.5, advertise: public-address }')).toEqual(['lan 10.0.0.5!203.0.113.5'])
    expect(shown('{ udp: 10.0.0.5, advertise: edge.example.com }')).toEqual(['lan 10.0.0.5!203.0.113.5'])
    expect(shown('{ udp: 10.0.0.5, advertise: edge.example.com }', NAME)).toEqual(['lan 10.0.0.5'])
    expect(shown('{ udp: 10.0.0.5, advertise: 198.51.100.7:5080 }')).toEqual(['lan 10.0.0.5!198.51.100.7'])
    expect(shown('{ udp: 203.0.113.5, advertise: name }')).toEqual(['lan 203.0.113.5'])
    expect(shown('{ udp: 10.0.0.5, advertise: "[2001:db8::1]:5060" }')).toEqual(['lan 10.0.0.5'])
  })

  test('groups of zones that leave SDP alone have none', () => {
    expect(interfacesOf(file({ lan: '{ udp: 10.0.0.6 }', pbx: trunk('media: none') }))).toEqual(['web 10.0.0.5'])
  })

  test('A3: a group with several addresses has several; zones take that of the listener that their calls use', () => {
    const text = file({
      top: PUBLIC,
      lan: '{ udp: 10.0.0.5, tls: 10.0.0.5:5062, ws: 10.1.0.5:8088 }',
      web: '{ wss: 10.2.0.5 }',
      pbx: '{ kind: trunk, on: lan, targets: [ "sip:10.0.0.20;transport=udp" ] }',
      phones:
        '{ kind: trunk, on: lan, targets: [ "sip:10.9.0.20;transport=tls" ] }\n  browsers: { kind: webrtc, on: [ lan, web ], origins: [ "https://a.example" ], media: { interface: web } }\n  others: { kind: webrtc, on: lan, origins: [ "https://b.example" ] }',
      routes: '[ { to: pbx } ]',
    })
    expect(interfacesOf(text)).toEqual(['lan 10.0.0.5', 'lan-tls 10.0.0.5!203.0.113.5', 'lan-ws 10.1.0.5', 'web 10.2.0.5!203.0.113.5'])
    expect(used(text)).toEqual({ pbx: 'lan', phones: 'lan-tls', browsers: 'web', others: 'lan-ws' })
    expect(warningsOf(text)).toEqual([])
  })

  test('A3: who comes from anywhere is served at the address that encrypted listeners show', () => {
    const text = file({
      top: PUBLIC,
      lan: '{ udp: 10.0.0.5, tls: 10.0.0.5:5062 }',
      web: '{ ws: 10.0.0.5, wss: 10.0.0.5 }',
      pbx: '{ kind: webrtc, on: web, origins: [ "https://a.example" ] }',
      phones: '{ kind: phones, on: lan }',
    })
    expect(interfacesOf(text)).toEqual(['lan 10.0.0.5', 'lan-tls 10.0.0.5!203.0.113.5'])
    expect(used(text)).toEqual({ pbx: 'lan-tls', phones: 'lan-tls' })
    expect(warningsOf(text).map(({ path }) => path)).toEqual(['zones.pbx', 'zones.phones'])
  })

  test('names stay different whatever the groups are called', () => {
    const lan = '{ udp: [ 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8 ] }'
    expect(interfacesOf(file({ lan, pbx: trunk('media: { interface: lan }'), web: '{ tls: 10.0.0.5 }' }))).toEqual([
      'lan 10.0.0.5',
      'lan-udp 10.0.0.6',
      'lan-2 10.0.0.7',
      'lan-3 10.0.0.8',
    ])
  })

  test('IPv6: an interface of its own, unless the group has an IPv4 address', () => {
    expect(interfacesOf(file({ web: '{ tls: "[2001:db8::5]:5061" }' }))).toEqual(['lan 10.0.0.5', 'web 2001:db8::5'])
    expect(interfacesOf(file({ web: '{ tls: [ "[2001:db8::5]:5061", 10.1.0.5 ], advertise: bind }' }))).toEqual([
      'lan 10.0.0.5',
      'web 10.1.0.5',
    ])
    expect(used(file({ web: '{ tls: [ "[2001:db8::5]:5061", 10.1.0.5 ], advertise: bind }' }))).toEqual({ pbx: 'lan', phones: 'web' })
    const both = file({ lan: '{ udp: 10.0.0.5, tls: "[2001:db8::5]:5062" }', phones: '{ kind: phones, on: [ web, lan ] }' })
    expect(warningsOf(both)).toEqual([])
  })

  test('a listener on all addresses uses one of this machine, IPv4 and outside of the loopback when there is one', () => {
    const on = (web: string, localAddresses: readonly string[], top = PUBLIC): readonly string[] =>
      interfacesOf(file({ top, web, pbx: trunk('media: none') }), { localAddresses })
    const machine = ['127.0.0.1', '169.254.1.1', '10.0.0.7', '::1', 'fe80::7', '2001:db8::7']
    expect(on('{ tls: 0.0.0.0 }', machine)).toEqual(['web 10.0.0.7!203.0.113.5'])
    expect(on('{ tls: "[::]" }', machine)).toEqual(['web 2001:db8::7'])
    expect(on('{ tls: "[::]" }', ['127.0.0.1', '10.0.0.7', '::1', 'fe80::7'])).toEqual(['web 10.0.0.7!203.0.113.5'])
    expect(on('{ tls: 0.0.0.0 }', ['127.0.0.1', '::1'])).toEqual(['web 127.0.0.1!203.0.113.5'])
    expect(on('{ tls: "[::]" }', ['127.0.0.1', '::1'])).toEqual(['web ::1'])
  })

  test('on all addresses, the public one is taken where this machine has it', () => {
    const text = file({ top: PUBLIC, web: '{ tls: 0.0.0.0 }', pbx: trunk('media: none') })
    const options = { localAddresses: ['127.0.0.1', '10.0.0.7', '203.0.113.5'] }
    expect(interfacesOf(text, options)).toEqual(['web 203.0.113.5'])
    expect(warningsOf(text, options)).toEqual([])
    const own = file({ lan: '{ udp: 0.0.0.0, advertise: 10.0.0.8 }' })
    expect(interfacesOf(own, { localAddresses: ['10.0.0.7', '10.0.0.8'] })).toEqual(['lan 10.0.0.8', 'web 10.0.0.5'])
  })

  test('written ones serve the zones whose addresses they have, whose group they are named after, or all when there is one', () => {
    const zonesOf = (interfaces: string, parts: Parameters<typeof file>[0] = {}) =>
      used(file({ ...parts, top: `${PUBLIC}\nmedia: { interfaces: ${interfaces} }` }))
    expect(zonesOf('{ in: 10.0.0.5, out: { address: 10.0.0.5, advertise: 203.0.113.5 } }')).toEqual({ pbx: 'in', phones: 'out' })
    expect(zonesOf('{ in: 10.0.0.5, lan: 10.0.0.5, web: 10.3.0.5 }')).toEqual({ pbx: 'lan', phones: 'web' })
    expect(zonesOf('{ a: 10.0.0.5, b: 10.3.0.5 }')).toEqual({ pbx: 'a', phones: 'a' })
    expect(zonesOf('{ all: 10.3.0.5 }')).toEqual({ pbx: 'all', phones: 'all' })
    expect(zonesOf('{ web: 10.3.0.5, lan: 10.0.0.5 }', { web: '{ tls: 0.0.0.0 }' })).toEqual({ pbx: 'lan', phones: 'web' })
    expect(interfacesOf(media('{ interfaces: { a: { address: "2001:DB8:0::5", advertise: "2001:db8::5" } } }'))).toEqual(['a 2001:db8::5'])
  })
})

describe('media of zones and targets', () => {
  test('everything follows from kind and listeners', () => {
    const snapshot = snapshotOf(FIRST_EXAMPLE)
    expect([...snapshot.zones.values()].map((zone) => zone.media.kind)).toEqual([undefined, 'teams', 'webrtc'])
    expect(snapshot.zones.get('pbx')?.media).toEqual({
      anchored: true,
      kind: undefined,
      interface: 'lan',
      set: 'default',
      codecs: { order: undefined, strip: [], transcode: [] },
      dtmf: 'pass',
      ice: undefined,
      maxBundle: true,
      record: false,
    })
  })

  test('everything can be written', () => {
    const text = pbx(
      'media: { profile: plain, interface: lan, set: default, codecs: { order: [ PCMA, pcma, PCMU, opus/48000/2, telephone-event ], strip: [ G729 ], transcode: [ G722 ] }, dtmf: audio, ice: remove, max-bundle: false, record: true }',
    )
    expect(policy(text)).toEqual({
      anchored: true,
      kind: 'plain',
      interface: 'lan',
      set: 'default',
      codecs: { order: ['PCMA', 'PCMU', 'opus/48000/2', 'telephone-event'], strip: ['G729'], transcode: ['G722'] },
      dtmf: 'audio',
      ice: 'remove',
      maxBundle: false,
      record: true,
    })
    expect(warningsOf(text)).toEqual([])
    expect(policy(pbx('media: none')).anchored).toBe(false)
  })

  test("a target's settings lie over those of its zone, one by one", () => {
    const targets = (zone: string, target: string): MediaPolicy =>
      snapshotOf(
        file({ pbx: `{ kind: trunk, on: lan, media: ${zone}, targets: [ sip:10.0.0.20, { uri: sip:10.0.0.21, media: ${target} } ] }` }),
      ).zones.get('pbx')!.targets[1]!.media
    const zone = '{ profile: plain, dtmf: audio, codecs: { strip: [ G729 ], transcode: [ PCMA ] } }'
    expect(targets(zone, '{ profile: webrtc, codecs: { strip: [] } }')).toMatchObject({
      anchored: true,
      kind: 'webrtc',
      interface: 'lan',
      dtmf: 'audio',
      codecs: { order: undefined, strip: [], transcode: ['PCMA'] },
    })
    expect(targets(zone, 'none').anchored).toBe(false)
    expect(targets('none', '{ record: true }')).toMatchObject({ anchored: true, record: true, interface: 'lan' })
    const { media: own, targets: both } = snapshotOf(file()).zones.get('pbx')!
    expect(both[0]?.media).toEqual(own)
  })

  test('interfaces of targets are among those that rtpengine must have', () => {
    const text = media('{ rtpengine: [ 10.0.0.1:2223 ] }', {
      pbx: '{ kind: trunk, on: lan, media: { interface: in }, targets: [ { uri: sip:10.0.0.20, media: { interface: far } }, { uri: sip:10.0.0.21, media: none } ] }',
      phones: '{ kind: phones, on: web, media: none }',
    })
    expect(settings(text).interfaces).toEqual(['in', 'far'])
  })
})

describe('the effective configuration', () => {
  const effective = (text: string): string => {
    const result = loadConfig(text, OPTIONS)
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    return effectiveConfig(result.document)
  }

  test('tells where everything about media is from', () => {
    const text = effective(FIRST_EXAMPLE)
    for (const line of [
      '  without-rtpengine: refuse  # default: our own rtpengine',
      '  ports: 30000-31999  # file line 15',
      '  sessions: 500  # default: 4 ports for each call',
      '    lan: 10.0.0.5  # default: listener lan/udp',
      '      address: 10.0.0.5  # default: listener teams/tls',
      '      advertise: 203.0.113.5  # default: listener teams/tls',
      '  media-timeout: end  # default',
      '      profile: teams  # default: kind teams',
      '      interface: teams  # default: listener web/wss',
    ])
      expect(text).toContain(`${line}\n`)
    expect(effective(file())).toContain('  ports: 30000-31999  # default: our own rtpengine\n')
    expect(effective(media('{ rtpengine: [ { address: 10.0.0.1:2223, set: west } ] }'))).toContain(
      '      set: west  # default: the only set\n',
    )
  })

  test.each([
    ['off', media('off', { pbx: trunk('media: none') })],
    ['nodes', media('{ rtpengine: [ 10.0.0.1:2223, { address: 10.0.0.2:2223, drain: true } ] }', { pbx: trunk('media: { dtmf: audio }') })],
    ['a set', media('{ rtpengine: [ { address: 10.0.0.1:2223, set: west } ] }')],
    ['a wildcard', file({ top: PUBLIC, web: '{ tls: 0.0.0.0, wss: "[::]:443" }' })],
    ['several addresses', file({ top: PUBLIC, lan: '{ udp: 10.0.0.5, tls: 10.0.0.5:5062, ws: 10.1.0.5:8088 }' })],
    [
      'a target',
      file({ pbx: '{ kind: trunk, on: lan, media: none, targets: [ { uri: sip:10.0.0.20, media: { codecs: { strip: [ G729 ] } } } ] }' }),
    ],
  ])('%s says the same when it is loaded again', (_what, text) => {
    const seen = (yaml: string) => {
      const snapshot = snapshotOf(yaml)
      return [snapshot.media, [...snapshot.zones.values()].map((zone) => [zone.media, zone.targets])]
    }
    expect(seen(effective(text))).toEqual(seen(text))
  })
})

type Case = readonly [what: string, text: string, path: string, message: string, remedy: string]
const cases = (list: readonly Case[]) => list.map(([what, text, path, message, remedy]) => ({ what, text, path, message, remedy }))
const node = (text: string): string => media(`{ rtpengine: [ ${text} ] }`)
const interfaces = (text: string): string => media(`{ interfaces: ${text} }`)
const target = (text: string): string =>
  file({ pbx: `{ kind: trunk, on: lan, targets: [ { uri: sip:10.0.0.20, name: a, media: ${text} } ] }` })

describe('what is refused', () => {
  test.each(
    cases([
      ['another word', media('none'), 'media', 'Must be "off" or a mapping, but is "none"', 'Write "off"'],
      ['another word at a zone', pbx('media: off'), 'zones.pbx.media', 'Must be "none" or a mapping, but is "off"', 'Write "none"'],
      [
        'no list',
        media('{ rtpengine: 10.0.0.1:2223 }'),
        'media.rtpengine',
        'Must be a list, but is "10.0.0.1:2223"',
        'Write for example [ 10.0.0.5:2223 ]',
      ],
      [
        'no node',
        media('{ rtpengine: [] }'),
        'media.rtpengine',
        'The list is empty',
        'Write HOST:PORT of an ng socket, such as 10.0.0.5:2223',
      ],
      ['an unknown key', media('{ port: 1 }'), 'media.port', 'Unknown key "port"', 'Did you mean "ports"?'],
      [
        'no address',
        node('{ name: a }'),
        'media.rtpengine[0].address',
        '"address" is missing',
        'Add it, for example address: 10.0.0.5:2223',
      ],
      [
        'a node without a port',
        node('10.0.0.1'),
        'media.rtpengine[0]',
        '"10.0.0.1" has no port',
        'Write the port of "listen-ng", such as 10.0.0.1:2223',
      ],
      [
        'media §2: a node over IPv6',
        node('{ address: "[2001:db8::1]:2223" }'),
        'media.rtpengine[0].address',
        '"[2001:db8::1]:2223" is an IPv6 address, and rtpengine is asked over IPv4',
        'Write an IPv4 address that its "listen-ng" has too; media itself may be IPv6',
      ],
      [
        'a node everywhere',
        node('0.0.0.0:2223'),
        'media.rtpengine[0]',
        '0.0.0.0 is a wildcard and no address that peers can answer to',
        'Write the address',
      ],
      [
        'a node that is none',
        node('a b:1'),
        'media.rtpengine[0]',
        '"a b" is neither a host name nor an IP address',
        'Write a name such as',
      ],
      [
        'a port too high',
        node('10.0.0.1:99999'),
        'media.rtpengine[0]',
        'Port 99999 in "10.0.0.1:99999" is not between 1 and 65535',
        'Write a port',
      ],
      [
        'weight 0',
        node('{ address: 10.0.0.1:1, weight: 0 }'),
        'media.rtpengine[0].weight',
        'Must be a whole number from 1 to 65535, but is "0"',
        'Write',
      ],
      [
        'a node twice',
        node('10.0.0.1:2223, { address: 10.0.0.1:2223, name: b }'),
        'media.rtpengine[1]',
        'rtpengine 10.0.0.1:2223 is there twice, also as media.rtpengine[0]',
        'Remove one, or give each a name of its own',
      ],
      [
        'a name twice',
        node('{ address: 10.0.0.1:2223, name: b }, { address: 10.0.0.2:2223, name: b }'),
        'media.rtpengine[1]',
        'rtpengine "b" is there twice, also as media.rtpengine[0]',
        'Remove one, or give each a name of its own',
      ],
      [
        'no range',
        media('{ ports: 30000 }'),
        'media.ports',
        'Must be a range of ports such as 30000-31999, but is "30000"',
        'Write for example',
      ],
      [
        'ports too low',
        media('{ ports: 1000-2000 }'),
        'media.ports',
        'Ports 1000-2000 are not between 1024 and 65535',
        'Write a range such as 30000-31999',
      ],
      [
        'ports too high',
        media('{ ports: 60000-70000 }'),
        'media.ports',
        'Ports 60000-70000 are not between 1024 and 65535',
        'Write a range',
      ],
      [
        'too few ports',
        media('{ ports: 3000-2000 }'),
        'media.ports',
        'Ports 3000-2000 are not enough for one call, which takes 4',
        'Write a range',
      ],
      [
        'too short a time',
        media('{ command-time: 10ms }'),
        'media.command-time',
        '"10ms" is not between 500ms and 10s',
        'Write a duration from 500ms to 10s',
      ],
      [
        'no interface',
        interfaces('{}'),
        'media.interfaces',
        'There is no interface',
        'Add one, for example lan: 10.0.0.5, or remove "interfaces"',
      ],
      [
        'an interface name',
        interfaces('{ "a b": 10.0.0.5 }'),
        'media.interfaces.a b',
        '"a b" cannot be a key here',
        'Write a name of up to 64 letters',
      ],
      [
        'an interface everywhere',
        interfaces('{ a: 0.0.0.0 }'),
        'media.interfaces.a',
        '0.0.0.0 is a wildcard, and media needs one address',
        'Write one, such as 10.0.0.5',
      ],
      [
        'an interface with a port',
        interfaces('{ a: 10.0.0.5:1 }'),
        'media.interfaces.a',
        '"10.0.0.5:1" has a port',
        'Write the address alone; "ports" has the range for media',
      ],
      [
        'an interface by name',
        interfaces('{ a: { address: 10.0.0.5, advertise: sbc.example.com } }'),
        'media.interfaces.a.advertise',
        '"sbc.example.com" is a name, and media needs an IP address',
        'Write the IP address, such as 10.0.0.5',
      ],
      [
        'two IP versions',
        interfaces('{ a: { address: 10.0.0.5, advertise: "2001:db8::1" } }'),
        'media.interfaces.a.advertise',
        '2001:db8::1 is of another IP version than 10.0.0.5',
        'Write addresses of one version; each interface has one of each',
      ],
      [
        'interfaces of which none fits',
        interfaces('{ web: 10.0.0.5, b: 10.3.0.5, c: 10.4.0.5 }').replace('udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060', 'udp: 10.9.0.5'),
        'zones.pbx',
        'Zone "pbx" can use none of the interfaces web, b, c by its listeners\' addresses',
        'Write "media: { interface: web }" in the zone, with the one that its peers reach',
      ],
      [
        'an interface that is not there',
        pbx('media: { interface: lam }'),
        'zones.pbx.media.interface',
        'There is no interface "lam"',
        'Did you mean "lan"?',
      ],
      [
        'an interface of a target',
        target('{ interface: x }'),
        'zones.pbx.targets[0].media.interface',
        'There is no interface "x"',
        'Write "lan"',
      ],
      [
        'a set of our own',
        pbx('media: { set: west }'),
        'zones.pbx.media.set',
        'There is no set "west": the only rtpengine is our own',
        'Remove it, or name rtpengines under "media"',
      ],
      [
        'a set that is not there',
        file({ top: NODES, pbx: trunk('media: { set: wets }'), phones: '{ kind: phones, on: web, media: { set: east } }' }),
        'zones.pbx.media.set',
        'There is no rtpengine in set "wets"',
        'Did you mean "west"?',
      ],
      [
        'no set where there are several',
        file({ top: NODES, phones: '{ kind: phones, on: web, media: { set: east } }' }),
        'zones.pbx',
        'Zone "pbx" uses the rtpengines of set "default", and there are none',
        'Write "media: { set: … }" in the zone: one of west, east',
      ],
      [
        'no codec',
        pbx('media: { codecs: { order: [] } }'),
        'zones.pbx.media.codecs.order',
        'The list is empty',
        "Write a codec's name as in SDP",
      ],
      [
        'a bad codec',
        pbx('media: { codecs: { strip: [ "PC MA" ] } }'),
        'zones.pbx.media.codecs.strip[0]',
        'Must be a codec\'s name as in SDP, such as PCMA or opus/48000/2, but is "PC MA"',
        "Write a codec's name",
      ],
      [
        'an unknown profile',
        pbx('media: { profile: sds }'),
        'zones.pbx.media.profile',
        'Must be one of plain, sdes, teams, teams-bypass, webrtc, but is "sds"',
        'Did you mean "sdes"?',
      ],
    ]),
  )('$what', ({ text, path, message, remedy }) => {
    expect(errorsOf(text)).toMatchObject([{ path, message, remedy: expect.stringContaining(remedy), line: expect.any(Number) }])
  })

  test('a wildcard without addresses of this machine', () => {
    expect(errorsOf(file({ web: '{ tls: 0.0.0.0 }' }), { localAddresses: [] })).toMatchObject([
      {
        path: 'listeners.web.tls',
        line: 4,
        message: 'Listener web/tls is bound to all addresses, and which of them media uses cannot be told',
        remedy: 'Bind one address, or write "media: { interfaces: { web: 10.0.0.5 } }" with an address of this machine',
      },
    ])
  })
})

describe('warnings', () => {
  const browsers = (rest: string): string => file({ phones: `{ kind: webrtc, on: web, origins: [ "https://a.example" ], ${rest} }` })
  const teams = (rest: string, top = PUBLIC): string =>
    file({ top, phones: `{ kind: teams, on: web, targets: [ "sip:sip.pstnhub.microsoft.com;transport=tls" ], ${rest} }` })

  test.each(
    cases([
      [
        'media §12: a public node',
        node('192.0.2.1:2223'),
        'media.rtpengine[0]',
        '192.0.2.1 is a public address, and the ng protocol has no authentication: whoever reaches it can redirect calls',
        'Write an address of a network of your own, and let rtpengine listen there alone',
      ],
      [
        'what is for our own rtpengine alone',
        media('{ rtpengine: [ 10.0.0.1:1 ], ports: 30000-31999 }'),
        'media.ports',
        '"ports" is for the rtpengine that we run ourselves, and "rtpengine" names others',
        'Remove it',
      ],
      [
        'interfaces that others have',
        media('{ rtpengine: [ 10.0.0.1:1 ], interfaces: { a: 10.0.0.5 } }'),
        'media.interfaces',
        '"interfaces" is for the rtpengine that we run ourselves, and "rtpengine" names others',
        'Remove it; interfaces of others stand in their own configuration',
      ],
      [
        'more sessions than ports',
        media('{ sessions: 501 }'),
        'media.sessions',
        '501 calls need 2004 ports, and there are 2000',
        'Write fewer sessions, or more ports, such as 30000-32003',
      ],
      [
        'a listener among the ports',
        file({ lan: '{ udp: 10.0.0.5:30500 }' }),
        'media.ports',
        'Port 30500 of listener lan/udp is one of the ports of media',
        'Write another range, so that none of them can take it from the other',
      ],
      [
        'settings that mean nothing',
        media('off', { pbx: trunk('media: { record: true }') }),
        'zones.pbx.media',
        '"media: off" leaves all SDP alone, so these settings mean nothing',
        'Remove them, or "media: off"',
      ],
      [
        'a zone with several addresses',
        file({ top: PUBLIC, phones: '{ kind: phones, on: [ web, lan ] }' }),
        'zones.phones',
        'Zone "phones" has listeners with several addresses for media, and all of its calls use that of web/tls (interface web)',
        'Split the zone, or write "media: { interface: … }" in it: one of lan, web',
      ],
      [
        'interfaces here and none there',
        media('{ rtpengine: [ 10.0.0.1:1 ] }', { pbx: trunk('media: { interface: in }') }),
        'zones.phones',
        'Zone "phones" names no interface of rtpengine, and zone "pbx" does',
        'Write "media: { interface: NAME }" in every zone, or in none',
      ],
      [
        'an interface of a target alone',
        media('{ rtpengine: [ 10.0.0.1:1 ] }', {
          pbx: '{ kind: trunk, on: lan, targets: [ { uri: sip:10.0.0.20, media: { interface: in } } ] }',
          phones: '{ kind: phones, on: web, media: none }',
        }),
        'zones.pbx',
        'Zone "pbx" names no interface of rtpengine, and its targets do',
        'Write "media: { interface: NAME }" in every zone, or in none',
      ],
      [
        'all nodes drain',
        node('{ address: 10.0.0.1:1, drain: true }'),
        'media.rtpengine',
        'Every rtpengine of set "default" has "drain: true", so new calls are refused',
        'Remove one of them',
      ],
      [
        'a set that nobody uses',
        node('10.0.0.1:1, { address: 10.0.0.2:1, set: west }'),
        'media.rtpengine',
        'No zone uses the rtpengines of set "west"',
        'Write "media: { set: west }" in a zone',
      ],
      [
        'Teams without media of ours',
        teams('media: none'),
        'zones.phones.media',
        'Zone "phones" leaves SDP alone, and Teams refuses what is neither SRTP nor from an address of ours',
        'Remove "media: none"',
      ],
      [
        'Teams in our own network',
        teams('path: false', NAME),
        'zones.phones',
        'Zone "phones" gets media at 10.0.0.5, which Teams cannot reach',
        'Add "public-address: 203.0.113.5"',
      ],
      [
        'Teams at a written interface in our own network',
        teams('media: { interface: lan, profile: teams-bypass }'),
        'zones.phones',
        'Zone "phones" gets media at 10.0.0.5, which Teams cannot reach',
        'Add "public-address: 203.0.113.5"',
      ],
      [
        'plain RTP for browsers',
        browsers('media: { profile: plain }'),
        'zones.phones.media.profile',
        'Zone "phones" is of kind webrtc, and browsers refuse plain RTP',
        'Remove "profile": it is webrtc by itself',
      ],
      [
        'SDES for browsers',
        browsers('media: { profile: sdes }'),
        'zones.phones.media.profile',
        'Zone "phones" is of kind webrtc, and browsers refuse SRTP with keys in the SDP',
        'Remove "profile": it is webrtc by itself',
      ],
      [
        'plain RTP for Teams',
        teams('media: { profile: plain }'),
        'zones.phones.media.profile',
        'Zone "phones" is of kind teams, and Teams refuses plain RTP',
        'Remove "profile": it is teams by itself',
      ],
      [
        'DTLS for Teams',
        teams('media: { profile: webrtc }'),
        'zones.phones.media.profile',
        'Zone "phones" is of kind teams, and Teams refuses DTLS-SRTP',
        'Remove "profile": it is teams by itself',
      ],
      [
        'browsers without ICE',
        browsers('media: { ice: remove }'),
        'zones.phones.media.ice',
        'Nobody of profile webrtc can be reached without ICE',
        'Remove "ice", or write another profile',
      ],
      [
        'Teams bypass without ICE',
        teams('media: { profile: teams-bypass, ice: remove }'),
        'zones.phones.media.ice',
        'Nobody of profile teams-bypass can be reached without ICE',
        'Remove "ice", or write another profile',
      ],
      [
        'keys in the clear',
        pbx('media: { profile: sdes }'),
        'zones.pbx.media.profile',
        'Zone "pbx" has no tls or wss listener, so the keys of its SRTP cross unencrypted',
        'Put the zone on a group with tls, or write "profile: plain"',
      ],
      [
        'a target with keys in the clear',
        target('{ profile: sdes }'),
        'zones.pbx.targets[0].media.profile',
        'Target "a" has no tls or wss listener, so the keys of its SRTP cross unencrypted',
        'Put the zone on a group with tls, or write "profile: plain"',
      ],
      [
        'a codec in two lists',
        pbx('media: { codecs: { order: [ PCMA, telephone-event ], strip: [ pcma ] } }'),
        'zones.pbx.media.codecs.strip',
        'PCMA is both offered and in "strip"',
        'Remove it in one place; "order" alone leaves out all others',
      ],
      [
        'media §8: a codec that cannot be made',
        pbx('media: { codecs: { transcode: [ PCMA, SILK/16000 ] } }'),
        'zones.pbx.media.codecs.transcode',
        'rtpengine cannot make SILK/16000',
        'Write codecs such as PCMA, PCMU, G722, G729 or opus, and telephone-event',
      ],
      [
        'an order without keys',
        pbx('media: { codecs: { order: [ PCMA ] } }'),
        'zones.pbx.media.codecs.order',
        'Without telephone-event keys that are pressed do not cross',
        'Add telephone-event, or "dtmf: audio"',
      ],
    ]),
  )('$what', ({ text, path, message, remedy }) => {
    expect(warningsOf(text)).toMatchObject([{ path, message, remedy: expect.stringContaining(remedy), severity: 'warning' }])
  })

  test('a wildcard on a machine with several addresses', () => {
    expect(warningsOf(file({ web: '{ tls: 0.0.0.0 }' }), { localAddresses: ['127.0.0.1', '172.17.0.1', '10.0.0.7'] })).toMatchObject([
      {
        path: 'listeners.web.tls',
        message: 'Listener web/tls is bound to all addresses, and media uses 172.17.0.1, the first of 2',
        remedy: 'Bind one address, or write "media: { interfaces: { web: 172.17.0.1 } }"',
      },
    ])
  })

  test('two addresses have room for more calls than one', () => {
    expect(warningsOf(file({ top: `${NAME}\nmedia: { sessions: 501 }`, lan: '{ udp: 10.0.0.6 }' }))).toEqual([])
  })

  test('what is right is not warned about', () => {
    expect(warningsOf(teams('media: { profile: teams-bypass }'))).toEqual([])
    expect(warningsOf(pbx('media: { profile: webrtc }'))).toEqual([])
    expect(warningsOf(pbx('media: { codecs: { order: [ PCMA, Telephone-Event/8000 ] } }'))).toEqual([])
    expect(warningsOf(pbx('media: { codecs: { order: [ PCMA ] }, dtmf: audio }'))).toEqual([])
    expect(warningsOf(media('{ rtpengine: [ media.example.com:2223, 100.64.0.1:2223 ] }'))).toEqual([])
  })
})
