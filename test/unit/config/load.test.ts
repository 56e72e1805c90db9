import { describe, expect, test } from 'vitest'
import { FIRST_EXAMPLE, firstRunConfig } from '../../../src/config/examples.ts'
import type { ListenerEntry, Snapshot } from '../../../src/config/snapshot.ts'
import { errorsOf, file, snapshotOf, warningsOf } from './support.ts'

const listener = (snapshot: Snapshot, name: string): ListenerEntry => snapshot.listeners.find((entry) => entry.listener.name === name)!
const sentBy = (snapshot: Snapshot): Record<string, string> =>
  Object.fromEntries(snapshot.listeners.map((entry) => [entry.listener.name, entry.listener.sentBy]))

describe('whole files', () => {
  test('the production file of the design loads, with everything that follows from it', () => {
    const snapshot = snapshotOf(FIRST_EXAMPLE)
    expect(warningsOf(FIRST_EXAMPLE)).toEqual([])
    expect(sentBy(snapshot)).toEqual({
      'lan/udp': '10.0.0.5:5060',
      'lan/tcp': '10.0.0.5:5060',
      'teams/tls': 'sbc.example.com:5061',
      'web/wss': 'sbc.example.com:443',
    })
    expect(snapshot.name).toBe('sbc.example.com')
    expect([...snapshot.zones.keys()]).toEqual(['pbx', 'teams', 'browsers'])
    expect(snapshot.zones.get('pbx')).toMatchObject({
      path: false,
      admission: { anyone: false, targets: true, otherwise: 'reject' },
      probing: { enabled: true, intervalSeconds: 30 },
    })
    expect(snapshot.zones.get('browsers')).toMatchObject({
      path: true,
      admission: { anyone: true, targets: false },
      probing: { enabled: false },
    })
    expect(snapshot.zones.get('pbx')?.targets).toEqual([
      {
        provisional: 'pass',
        name: 'sip:10.0.0.20:5060;transport=udp',
        user: undefined,
        host: '10.0.0.20',
        port: 5060,
        transport: 'udp',
        secure: false,
        priority: 1,
        weight: 1,
        drain: false,
        requestUri: 'target',
        media: snapshot.zones.get('pbx')?.media,
      },
    ])
    expect(snapshot.routes.map(({ name, from, action }) => [name, from, action.kind === 'zone' && action.zones])).toEqual([
      ['routes[0]', ['teams', 'browsers'], ['pbx']],
      ['routes[1]', ['pbx'], ['teams']],
      ['routes[2]', ['pbx'], ['browsers']],
    ])
    expect(snapshot.routes[1]?.number?.test('+442079460142')).toBe(true)
    expect(snapshot.certificates).toEqual([
      { name: 'main', source: { kind: 'files', chain: '/etc/edgeways/certs/sbc.pem', key: '/etc/edgeways/certs/sbc.key' }, hosts: [] },
    ])
    expect(snapshot.admin).toEqual({
      address: '10.0.0.5',
      port: 8443,
      plain: false,
      certificate: undefined,
      hosts: ['sbc.example.com', '10.0.0.5'],
    })
    expect(listener(snapshot, 'teams/tls').options.tls).toMatchObject({
      clientCertificate: 'request',
      certificates: ['main'],
      minVersion: 'TLSv1.2',
      verifyServer: true,
    })
    expect(listener(snapshot, 'web/wss').options).toMatchObject({ origins: ['https://app.example.com'], originRequired: true })
  })

  test('alarms go to a webhook, with the file of their secret', () => {
    const written = (text: string) => snapshotOf(`${firstRunConfig()}\n${text}`).alarms
    expect(written('')).toBeUndefined()
    expect(written('alarms: { webhook: "http://127.0.0.1:9/a?b" }')).toEqual({ webhook: 'http://127.0.0.1:9/a?b', secretFile: undefined })
    expect(written('alarms: { webhook: "https://alerts.example.com/", secret-file: secrets/alarms }')).toEqual({
      webhook: 'https://alerts.example.com/',
      secretFile: '/etc/edgeways/secrets/alarms',
    })
  })

  test('the file of a first start loads without a warning and stays on loopback', () => {
    const snapshot = snapshotOf(firstRunConfig())
    expect(warningsOf(firstRunConfig())).toEqual([])
    for (const entry of snapshot.listeners) expect(entry.listener.bindAddress).toBe('127.0.0.1')
    expect(sentBy(snapshot)).toEqual({
      'lan/udp': '127.0.0.1:5060',
      'lan/tcp': '127.0.0.1:5060',
      'secure/tls': 'localhost:5061',
      'web/ws': '127.0.0.1:8088',
      'web/wss': 'localhost:8443',
    })
    expect(snapshot.demo).toEqual({ address: '127.0.0.1', port: 5090 })
    expect(snapshot.certificates).toEqual([{ name: 'local', source: { kind: 'development' }, hosts: ['localhost', '127.0.0.1'] }])
    const moved = snapshotOf(firstRunConfig({ ports: { sip: 15060, tls: 15061, ws: 18088, wss: 18443, admin: 18080, demo: 15090 } }))
    expect([...moved.listeners.map((entry) => entry.listener.bindPort), moved.admin?.port, moved.demo?.port]).toEqual([
      15060, 15060, 15061, 18088, 18443, 18080, 15090,
    ])
  })

  test('a snapshot is frozen', () => {
    const snapshot = snapshotOf(file())
    for (const part of [
      snapshot,
      snapshot.listeners,
      snapshot.listeners[0]?.options,
      snapshot.routes[0],
      snapshot.zones.get('pbx'),
      snapshot.zones.get('pbx')?.targets[0],
    ]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('numbers need no quotes: YAML would take +44 and 007 for numbers', () => {
    const snapshot = snapshotOf(
      file({
        pbx: '{ kind: trunk, on: lan, targets: [ sip:10.0.0.20 ], numbers: { out: [ { prefix: +44 }, { prefix: 007 } ] } }',
        routes: '[ { from: phones, number: 0042, to: pbx }, { from: pbx, to: phones } ]',
      }),
    )
    expect(snapshot.zones.get('pbx')?.numbersOut).toEqual([
      { kind: 'prefix', fields: ['request-uri'], text: '+44' },
      { kind: 'prefix', fields: ['request-uri'], text: '007' },
    ])
    expect(snapshot.routes[0]?.number?.test('0042')).toBe(true)
  })

  test('anchors and aliases work', () => {
    const snapshot = snapshotOf(file({ lan: '{ udp: &a 10.0.0.5:5060, tcp: *a }' }))
    expect(sentBy(snapshot)).toMatchObject({ 'lan/udp': '10.0.0.5:5060', 'lan/tcp': '10.0.0.5:5060' })
  })
})

describe('listeners', () => {
  test('T1: each address is one listener with the default port of its transport, IPv4 and IPv6', () => {
    const snapshot = snapshotOf(
      file({
        lan: '{ udp: [ 10.0.0.5, 10.0.0.6:5070, "[2001:DB8:0::5]" ], tcp: 10.0.0.5 }',
        web: '{ tls: "[2001:db8::5]:5061", ws: 10.0.0.5, wss: 10.0.0.5 }',
      }),
    )
    expect(snapshot.listeners.map((entry) => [entry.listener.name, entry.listener.bindAddress, entry.listener.bindPort])).toEqual([
      ['lan/udp', '10.0.0.5', 5060],
      ['lan/udp#2', '10.0.0.6', 5070],
      ['lan/udp#3', '2001:db8::5', 5060],
      ['lan/tcp', '10.0.0.5', 5060],
      ['web/tls', '2001:db8::5', 5061],
      ['web/ws', '10.0.0.5', 80],
      ['web/wss', '10.0.0.5', 443],
    ])
    expect(listener(snapshot, 'lan/udp#3').listener.sentBy).toBe('[2001:db8::5]:5060')
  })

  test('A1, A3: encrypted listeners advertise our name, else the public address, else their own; plain ones their own', () => {
    expect(sentBy(snapshotOf(file()))).toMatchObject({
      'lan/udp': '10.0.0.5:5060',
      'web/tls': 'sbc.example.com:5061',
      'web/wss': 'sbc.example.com:443',
    })
    expect(sentBy(snapshotOf(file({ top: 'public-address: 203.0.113.5' })))).toMatchObject({
      'lan/udp': '10.0.0.5:5060',
      'web/tls': '203.0.113.5:5061',
    })
    expect(sentBy(snapshotOf(file({ top: 'server-header: ""' })))).toMatchObject({ 'lan/udp': '10.0.0.5:5060', 'web/tls': '10.0.0.5:5061' })
    const six = sentBy(snapshotOf(file({ top: 'public-address: 203.0.113.5', web: '{ tls: "[2001:db8::5]" }' })))
    expect(six['web/tls']).toBe('[2001:db8::5]:5061')
  })

  test("A1: the listener's own word wins over the global one, per group or per transport", () => {
    const top = 'name: sbc.example.com\npublic-address: 203.0.113.5'
    expect(sentBy(snapshotOf(file({ top, lan: '{ udp: 10.0.0.5, advertise: public-address }' })))['lan/udp']).toBe('203.0.113.5:5060')
    expect(sentBy(snapshotOf(file({ top, lan: '{ udp: 0.0.0.0, advertise: Edge.example.com:5080 }' })))['lan/udp']).toBe(
      'edge.example.com:5080',
    )
    expect(sentBy(snapshotOf(file({ top, lan: '{ udp: 10.0.0.5, tcp: 10.0.0.5, advertise: { tcp: name } }' })))).toMatchObject({
      'lan/udp': '10.0.0.5:5060',
      'lan/tcp': 'sbc.example.com:5060',
    })
    expect(sentBy(snapshotOf(file({ top, web: '{ tls: 10.0.0.5, advertise: bind }' })))['web/tls']).toBe('10.0.0.5:5061')
    expect(sentBy(snapshotOf(file({ top, lan: '{ udp: 10.0.0.5, advertise: "[2001:db8::1]:5070" }' })))['lan/udp']).toBe(
      '[2001:db8::1]:5070',
    )
  })

  test('A2: a wildcard needs an advertised address, which tls and wss have in our name', () => {
    expect(sentBy(snapshotOf(file({ web: '{ tls: 0.0.0.0, wss: "[::]:443" }' })))).toMatchObject({
      'web/tls': 'sbc.example.com:5061',
      'web/wss': 'sbc.example.com:443',
    })
    expect(errorsOf(file({ lan: '{ udp: 0.0.0.0, tcp: 10.0.0.5 }' }))).toMatchObject([
      { path: 'listeners.lan.udp', line: 3, remedy: expect.stringContaining('advertise:') },
    ])
  })

  test('T2, A1: tenants are names of the listener, for zones and routes on it', () => {
    const snapshot = snapshotOf(
      file({
        web: '{ tls: 10.0.0.5, names: [ T1.example.com, t2.example.com. ] }',
        phones: '{ kind: phones, on: web, advertise: t1.example.com }',
        routes: '[ { from: phones, tenant: T2.example.com, to: pbx }, { from: pbx, to: phones, advertise: t2.example.com } ]',
      }),
    )
    expect(listener(snapshot, 'web/tls').listener.names).toEqual(['t1.example.com', 't2.example.com'])
    expect(snapshot.zones.get('phones')?.advertise).toBe('t1.example.com')
    expect(snapshot.routes[0]?.tenant).toBe('t2.example.com')
    expect(snapshot.routes[1]?.action).toMatchObject({ advertise: 't2.example.com' })
    expect(snapshot.certificates[0]?.hosts).toEqual(['sbc.example.com', 't1.example.com', 't2.example.com', '10.0.0.5'])
  })

  test('T2: two listeners with one advertised host, port and URI transport are refused; ws and wss share a transport', () => {
    expect(errorsOf(file({ web: '{ wss: [ 10.0.0.5:443, 10.0.0.6:443 ] }' }))).toMatchObject([
      { path: 'listeners.web.wss[1]', message: expect.stringContaining('sbc.example.com:443;transport=ws') },
    ])
    expect(errorsOf(file({ web: '{ ws: 10.0.0.5:443, wss: 10.0.0.6:443, advertise: name }' }))).toMatchObject([
      { path: 'listeners.web.wss' },
    ])
    expect(errorsOf(file({ lan: '{ udp: [ 10.0.0.5, 10.0.0.6 ], names: [ t.example.com ] }' }))).toMatchObject([
      { path: 'listeners.lan.udp[1]', message: expect.stringContaining('t.example.com:5060;transport=udp') },
    ])
    // One advertises what the other is bound to
    expect(
      errorsOf(file({ lan: '{ udp: [ 10.0.0.5, 10.0.0.6:5060 ], tcp: 10.0.0.5 }', web: '{ udp: 127.0.0.1, advertise: 10.0.0.6 }' })),
    ).toMatchObject([{ path: 'listeners.web.udp' }])
  })

  test('T13: certificates, versions, ciphers and client certificates per listener group', () => {
    const certificates = 'certificates:\n  a: { chain: a.pem, key: /k/a.key }\n  b: { chain: b.pem, key: b.key }\n'
    const text = file({
      web: '{ tls: 10.0.0.5, certificate: [ b, a ], tls-settings: { min-version: 1.0, allow-legacy: true, ciphers: AES256-SHA, client-certificate: require, trust: [ r1.pem, /r2.pem ], verify-server: false } }',
    }).replace(/certificates:.*\n$/, certificates)
    const snapshot = snapshotOf(text)
    expect(listener(snapshot, 'web/tls').options.tls).toEqual({
      certificates: ['b', 'a'],
      ordered: true,
      minVersion: 'TLSv1',
      ciphers: 'AES256-SHA',
      clientCertificate: 'require',
      trustFiles: ['/etc/edgeways/r1.pem', '/r2.pem'],
      verifyServer: false,
    })
    expect(snapshot.certificates[0]?.source).toEqual({ kind: 'files', chain: '/etc/edgeways/a.pem', key: '/k/a.key' })
    const bySni = snapshotOf(text.replace('certificate: [ b, a ], ', ''))
    expect(listener(bySni, 'web/tls').options.tls).toMatchObject({ certificates: ['a', 'b'], ordered: false })
  })

  test('T13: without any certificate a development one stands in, with a warning', () => {
    const text = file().replace(/certificates:.*\n$/, '')
    expect(snapshotOf(text).certificates).toEqual([
      { name: 'development', source: { kind: 'development' }, hosts: ['sbc.example.com', '10.0.0.5'] },
    ])
    expect(warningsOf(text)).toMatchObject([{ path: 'listeners.web', message: expect.stringContaining('development certificate') }])
    expect(snapshotOf(file({ web: '{ tcp: 10.0.0.6 }' }).replace(/certificates:.*\n$/, '')).certificates).toEqual([])
  })

  test('T13: a zone that checks certificate names makes its listener ask for one', () => {
    const snapshot = snapshotOf(file({ phones: '{ kind: phones, on: web, admit: { certificates: [ "*.Example.com" ] } }' }))
    expect(listener(snapshot, 'web/tls').options.tls?.clientCertificate).toBe('request')
    expect(snapshot.zones.get('phones')?.admission).toMatchObject({ anyone: true, certificateNames: ['*.example.com'] })
  })

  test('limits of a group win over the global ones', () => {
    const snapshot = snapshotOf(
      file({ top: 'limits: { idle: 15m, body: 512k, message-time: 2s }', web: '{ wss: 10.0.0.5, idle: off, ping: 5s }' }),
    )
    expect(listener(snapshot, 'web/wss').options.limits).toMatchObject({ idleMs: 0, pingMs: 5000, maxBody: 524_288, messageMs: 2000 })
    expect(listener(snapshot, 'lan/tcp').options.limits).toMatchObject({ idleMs: 900_000, pingMs: 30_000 })
    expect(snapshot.limits.message).toEqual({ startLine: 4096, headers: 256, head: 65_536, body: 524_288 })
  })

  test('T12: a telephone over WebSocket needs no Origin, a browser does', () => {
    const both = file({
      phones:
        '{ kind: phones, on: web }\n  browsers: { kind: webrtc, on: web, origins: [ "HTTPS://App.example.com:443/", "http://localhost:5173" ] }',
    })
    expect(listener(snapshotOf(both), 'web/wss').options).toMatchObject({
      origins: ['https://app.example.com', 'http://localhost:5173'],
      originRequired: false,
    })
    const browsers = file({ phones: '{ kind: webrtc, on: web, origins: [ "https://app.example.com" ] }' })
    expect(listener(snapshotOf(browsers), 'web/wss').options.originRequired).toBe(true)
  })
})

describe('zones', () => {
  const pbx = (rest: string): string => file({ pbx: `{ kind: trunk, on: lan, ${rest} }` })

  test('T3: targets with transport, priority, weight, drain and name', () => {
    const zone = snapshotOf(
      pbx(
        'targets: [ { uri: "sip:gw@PBX.example.com;transport=TCP", name: a, priority: 2, weight: 5, drain: true, request-uri: keep }, sip:10.0.0.20 ]',
      ),
    ).zones.get('pbx')
    expect(zone?.targets).toMatchObject([
      {
        name: 'a',
        user: 'gw',
        host: 'pbx.example.com',
        port: undefined,
        transport: 'tcp',
        secure: false,
        priority: 2,
        weight: 5,
        drain: true,
        requestUri: 'keep',
      },
      { name: 'sip:10.0.0.20', host: '10.0.0.20', transport: undefined, requestUri: 'target' },
    ])
  })

  test('T2: transport=ws reaches a wss listener, sips with tcp is tls', () => {
    const zone = snapshotOf(
      file({
        phones:
          '{ kind: trunk, on: web, targets: [ "sip:ws.example.com;transport=ws", "sip:ws2.example.com;transport=wss", "sips:10.0.0.9;transport=tcp", "sips:t.example.com" ] }',
      }),
    ).zones.get('phones')
    expect(zone?.targets.map(({ transport, secure }) => [transport, secure])).toEqual([
      ['wss', false],
      ['wss', false],
      ['tls', true],
      [undefined, true],
    ])
  })

  test('IPv6: targets and networks', () => {
    const zone = snapshotOf(
      file({
        lan: '{ udp: [ 10.0.0.5, "[2001:db8::5]" ], tcp: 10.0.0.5 }',
        pbx: '{ kind: trunk, on: lan, targets: [ "sip:[2001:DB8::20]:5060" ], admit: { networks: [ "2001:db8::/32" ] } }',
      }),
    ).zones.get('pbx')
    expect(zone?.targets[0]).toMatchObject({ host: '2001:db8::20', port: 5060 })
    expect(zone?.admission.networks[0]?.contains('2001:db8::99')).toBe(true)
  })

  test("admission: networks add to a trunk's targets and replace anyone at phones", () => {
    const snapshot = snapshotOf(
      file({
        pbx: '{ kind: trunk, on: lan, targets: [ sip:10.0.0.20 ], admit: { networks: [ 10.1.0.0/16 ] } }',
        phones: '{ kind: phones, on: web, admit: { networks: [ 10.2.0.0/16 ], otherwise: silence } }',
      }),
    )
    expect(snapshot.zones.get('pbx')?.admission).toMatchObject({ anyone: false, targets: true })
    expect(snapshot.zones.get('phones')?.admission).toMatchObject({ anyone: false, targets: false, otherwise: 'silence' })
  })

  test('probing: off, on, and with its own numbers', () => {
    const probing = (text: string) => snapshotOf(pbx(`targets: [ sip:10.0.0.20 ], probe: ${text}`)).zones.get('pbx')!.probing
    expect(probing('false').enabled).toBe(false)
    const own = probing('{ interval: 10s, timeout: 500ms, down-after: 3, up-after: 2, alive: [ 2xx, 404 ] }')
    expect(own).toMatchObject({ enabled: true, intervalSeconds: 10, timeoutSeconds: 0.5, downAfter: 3, upAfter: 2 })
    expect([200, 299, 404, 403, 486].map(own.alive)).toEqual([true, true, true, false, false])
    expect([100, 200, 404, 408, 486, 502, 503, 504, 600].map(probing('true').alive)).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
      false,
      false,
      true,
    ])
  })

  test('number rules of each kind', () => {
    const zone = snapshotOf(
      pbx(
        'targets: [ sip:10.0.0.20 ], numbers: { in: [ { strip: 1, when: "9\\\\d+", on: [ from, to ] }, { e164: { country: 44 } }, { match: "^0(\\\\d+)", replace: "+44$1", on: p-asserted-identity } ] }',
      ).replaceAll('\\\\', '\\\\'),
    ).zones.get('pbx')!
    expect(zone.numbersIn).toMatchObject([
      { kind: 'strip', fields: ['from', 'to'], digits: 1 },
      { kind: 'e164', fields: ['request-uri'], country: '44', trunkPrefix: '0', shortest: 6 },
      { kind: 'regex', fields: ['p-asserted-identity'], replace: '+44$1' },
    ])
    const [strip, , regex] = zone.numbersIn
    expect(strip?.kind === 'strip' && ['9123', '91x', '8123'].map((text) => strip.when?.test(text))).toEqual([true, false, false])
    expect(regex?.kind === 'regex' && '0207'.replace(regex.match, regex.replace)).toBe('+44207')
  })

  test('header rules of each kind; compact names are known, values are the bytes of their UTF-8 form', () => {
    const zone = snapshotOf(
      pbx(
        'targets: [ sip:10.0.0.20 ], headers: { out: [ { add: "x-Side:  Zürich " }, { set: "s: hello" }, { remove: X-Foo }, { keep: [ User-Agent, i ] } ] }',
      ),
    ).zones.get('pbx')
    expect(zone?.headersOut).toEqual([
      { kind: 'add', name: 'x-side', display: 'x-Side', value: 'ZÃ¼rich' },
      { kind: 'set', name: 'subject', display: 's', value: 'hello' },
      { kind: 'remove', name: 'x-foo' },
      { kind: 'keep', names: ['user-agent', 'call-id'] },
    ])
  })
})

describe('routes', () => {
  test('every condition and action', () => {
    const [one, two, three] = snapshotOf(
      file({
        routes:
          '[ { name: ua, from: phones, method: [ invite, MESSAGE ], host: "*.Example.com", user: "/[a-z]+/", header: { user-agent: "^Poly" }, to: [ pbx ], fork: parallel, request-uri: keep, numbers: [ { strip: 1 } ], headers: [ { remove: X-A } ] }, { from: pbx, number: [ 100, "+44 20 79x!" ], respond: 603 Not today }, { from: pbx, drop: true } ]',
      }),
    ).routes
    expect(one).toMatchObject({
      name: 'ua',
      from: ['phones'],
      methods: ['INVITE', 'MESSAGE'],
      action: { kind: 'zone', zones: ['pbx'], fork: 'parallel', requestUri: 'keep', advertise: undefined },
      numbers: [{ kind: 'strip' }],
      headerRules: [{ kind: 'remove', name: 'x-a' }],
    })
    expect(['pbx.example.com', 'EXAMPLE.com', 'pbx.example.com.evil.org'].map((host) => one?.host?.test(host))).toEqual([
      true,
      false,
      false,
    ])
    expect(['alice', 'alice1'].map((user) => one?.user?.test(user))).toEqual([true, false])
    expect(one?.headers[0]?.name).toBe('user-agent')
    expect(['Polycom/5', 'X Poly'].map((value) => one?.headers[0]?.match.test(value))).toEqual([true, false])
    expect(two?.action).toEqual({ kind: 'respond', status: 603, reason: 'Not today' })
    expect(['100', '1000', '+442079', '+4420790', '+44207901234'].map((number) => two?.number?.test(number))).toEqual([
      true,
      false,
      false,
      true,
      true,
    ])
    expect(three?.action).toEqual({ kind: 'drop' })
  })

  test('a route without "from" is for everybody', () => {
    expect(snapshotOf(file({ routes: '[ { to: pbx } ]' })).routes[0]?.from).toEqual([])
  })
})

describe('settings', () => {
  test('defaults', () => {
    const snapshot = snapshotOf(file())
    expect(snapshot).toMatchObject({
      publicAddress: undefined,
      log: { level: 'info' },
      admin: undefined,
      demo: undefined,
      policyModule: undefined,
      serverHeader: 'Edgeways',
      timers: { t1: 500, t2: 4000, t4: 5000, c: 190_000 },
      keyRotationSeconds: 86_400,
      stopMs: 10_000,
    })
    expect(snapshot.listeners[0]?.options).toMatchObject({ datagramBuffer: 4_194_304, ipv6Only: true })
  })

  test('own values; paths start at the folder of the file', () => {
    const snapshot = snapshotOf(
      file({
        top: 'timers: { t1: 100ms, c: 4m, stop: 1s }\nlog: { level: debug }\nadmin: { listen: "[::1]" }\npolicy: p/policy.ts\nserver-header: ""\ndemo: 127.0.0.2:5099',
      }),
    )
    expect(snapshot).toMatchObject({
      timers: { t1: 100, t2: 4000, c: 240_000 },
      stopMs: 1000,
      log: { level: 'debug' },
      admin: { address: '::1', port: 8080, plain: false, hosts: ['localhost', '::1'] },
      policyModule: '/etc/edgeways/p/policy.ts',
      serverHeader: '',
      demo: { address: '127.0.0.2', port: 5099 },
    })
  })

  test('the environment overrides some settings, also in a section that the file does not have', () => {
    const environment = {
      EDGEWAYS_LOG_LEVEL: 'warn',
      EDGEWAYS_ADMIN_LISTEN: '127.0.0.1:9',
      EDGEWAYS_NAME: 'other.example.com',
      EDGEWAYS_PUBLIC_ADDRESS: '',
    }
    expect(snapshotOf(file(), { environment })).toMatchObject({
      log: { level: 'warn' },
      admin: { port: 9 },
      name: 'other.example.com',
      publicAddress: undefined,
    })
    expect(errorsOf(file(), { environment: { EDGEWAYS_LOG_LEVEL: 'loud' } })).toMatchObject([
      { path: 'log.level', message: expect.stringContaining('"loud" (from EDGEWAYS_LOG_LEVEL)') },
    ])
  })

  test('the admin listener: HTTPS with a certificate of the file or of the development CA; plain on loopback alone', () => {
    const admin = (text: string, top = '') => snapshotOf(file({ top: `${top}\nadmin: ${text}` })).admin
    expect(admin('{ listen: 127.0.0.1:8080, plain: true }')).toEqual({
      address: '127.0.0.1',
      port: 8080,
      plain: true,
      certificate: undefined,
      hosts: ['localhost', '127.0.0.1'],
    })
    expect(admin('{ listen: 10.0.0.5:8443, certificate: main }')).toMatchObject({ plain: false, certificate: 'main' })
    expect(admin('{ listen: 0.0.0.0 }', 'name: SBC.example.com\npublic-address: 203.0.113.5')?.hosts).toEqual([
      ...['sbc.example.com', 'localhost', '127.0.0.1', '::1', '203.0.113.5'],
    ])
    expect(warningsOf(file({ top: 'admin: { listen: 127.0.0.1, plain: true, certificate: main }' }))).toMatchObject([
      { path: 'admin.certificate', message: 'With "plain: true" there is no TLS, so "certificate" means nothing' },
    ])
  })
})
