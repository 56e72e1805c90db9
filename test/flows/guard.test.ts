import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, uriOf, valuesOf } from '../support/wire.ts'
import { callUp, hangUp, PLACE, startPlace } from './place.ts'

describe('D8: no open relay', () => {
  test('a source that no zone admits gets 403 and is counted', async () => {
    const { edge, pbx } = await startPlace()
    const stranger = edge.party('stranger', 'lan/udp', '10.0.9.9:5060')
    stranger.sends('INVITE')
    stranger.gets(403)
    stranger.sends('ACK')
    stranger.sends('REGISTER', { fresh: true })
    stranger.gets(403)
    pbx.getsNothing()
    expect(edge.count('unadmitted reject')).toBe(3)
  })

  test('or silence, where the zone says so', async () => {
    const edge = await startEdge(PLACE.replace('{ networks: [ 10.0.0.0/24 ] }', '{ networks: [ 10.0.0.0/24 ], otherwise: silence }'))
    const stranger = edge.party('stranger', 'lan/udp', '10.0.9.9:5060')
    stranger.sends('INVITE')
    stranger.sends('OPTIONS', { fresh: true, uri: 'sip:10.0.0.5:5060' })
    stranger.raw('INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.9\r\n\r\n')
    stranger.getsNothing()
    expect(edge.count('unadmitted silence')).toBe(2)
  })

  test('§16.4: a Route to somebody else is no way through us', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('INVITE', { routes: ['<sip:192.0.2.66;lr>'] })
    browser.gets(403)
    browser.sends('ACK')
    browser.sends('INVITE', { fresh: true, routes: ['<sip:sbc.example.com:443;transport=ws;lr>', '<sip:192.0.2.66;lr>'] })
    browser.gets(403)
    browser.sends('ACK')
    pbx.getsNothing()
    expect(edge.count('refused missing')).toBe(2)
  })

  test('our own name in Route without state (an outbound proxy setting) is taken off, and the routes decide', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('INVITE', { routes: ['<sip:sbc.example.com:443;transport=ws;lr>'] })
    expect(valuesOf(pbx.gets('INVITE'), 'route')).toEqual([])
    pbx.sends(486)
    pbx.gets('ACK')
    browser.gets(100, 486)
    browser.sends('ACK')
  })

  test('what no route names gets 404, and has told nobody', async () => {
    const edge = await startEdge(PLACE.replace('  - { from: pbx, to: browsers }\n', ''))
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    pbx.sends('INVITE', { uri: 'sip:anybody@192.0.2.66' })
    pbx.gets(404)
    pbx.sends('ACK')
  })

  test('a To tag without state of ours gets 481', async () => {
    const { browser, pbx } = await startPlace()
    callUp(browser, pbx)
    browser.sends('BYE', { routes: [] })
    browser.gets(481)
    pbx.getsNothing()
    hangUp(browser, pbx)
  })
})

describe('D1: the signed state', () => {
  const startCall = async () => {
    const place = await startPlace()
    callUp(place.browser, place.pbx)
    const info = place.browser.sends('INFO')
    place.pbx.gets('INFO')
    place.pbx.sends(200)
    place.browser.gets(200)
    return { ...place, routes: valuesOf(info, 'route') }
  }

  test.each([
    ['forged', (routes: readonly string[]) => routes.map((route) => route.replace(/\.[\w-]{11}/, '.AAAAAAAAAAA'))],
    ['unpaired', (routes: readonly string[]) => [routes[0]!, routes[1]!.replace(/ew=./, 'ew=b')]],
    ['unpaired', (routes: readonly string[]) => [routes[0]!]],
    ['missing', (routes: readonly string[]) => routes.map((route) => route.replace(/;r2=on;ew=[^;>]+/, ''))],
    ['expired-key', (routes: readonly string[]) => routes.map((route) => route.replace(/ew=a/, 'ew=z'))],
    ['malformed', (routes: readonly string[]) => routes.map((route) => route.replace(/ew=[^;>]+/, 'ew=x'))],
  ] as const)('a Route whose state is %s gets 403 and is counted', async (fault, change) => {
    const { edge, browser, pbx, routes } = await startCall()
    browser.sends('BYE', { routes: change(routes) })
    browser.gets(403)
    pbx.getsNothing()
    expect([...edge.counts].filter(([what]) => what.startsWith('refused'))).toEqual([[`refused ${fault}`, 1]])
    browser.sends('ACK', { routes: change(routes) })
    pbx.getsNothing()
    browser.getsNothing()
    hangUp(browser, pbx)
  })

  test.each([
    ['Request-URI', { uri: 'sip:admin@192.0.2.66:5060' }],
    ['maddr', { uri: 'sip:100@10.0.0.20:5060;maddr=192.0.2.66' }],
  ] as const)('design D8: a dialog goes nowhere that its zone does not know, named by %s', async (_, where) => {
    const { edge, browser, pbx } = await startCall()
    browser.sends('INFO', where)
    browser.gets(403)
    pbx.getsNothing()
    expect(edge.count('refused destination')).toBe(1)
    browser.sends('ACK', where)
    browser.getsNothing()
    hangUp(browser, pbx)
  })

  test('design D8: a dialog goes nowhere that its zone does not know, named by a Route below ours', async () => {
    const { edge, browser, pbx, routes } = await startCall()
    browser.sends('INFO', { routes: [...routes, '<sip:192.0.2.66;lr>'] })
    browser.gets(403)
    pbx.getsNothing()
    expect(edge.count('refused destination')).toBe(1)
    hangUp(browser, pbx)
  })

  test('state of one call is worth nothing in another', async () => {
    const { edge, browser, pbx, routes } = await startCall()
    browser.sends('INFO', { routes, fresh: true, headers: [], to: 'sip:x@example.com;tag=1' })
    browser.forgets()
    pbx.forgets()
    browser.raw(
      [
        'BYE sip:x@10.0.0.20 SIP/2.0',
        'Via: SIP/2.0/WSS a.invalid;branch=z9hG4bKx',
        ...routes.map((route) => `Route: ${route}`),
        'From: <sip:a@b>;tag=1',
        'To: <sip:c@d>;tag=2',
        'Call-ID: another',
        'CSeq: 1 BYE',
        'Max-Forwards: 70',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    )
    browser.gets(403)
    pbx.getsNothing()
    expect(edge.count('refused forged')).toBeGreaterThan(0)
    hangUp(browser, pbx)
  })

  test('with other keys (another edge) everything is forged', async () => {
    const { edge, browser, pbx } = await startCall()
    edge.losesItsKeys()
    browser.sends('BYE')
    browser.gets(403)
    pbx.getsNothing()
  })
})

describe('§16.3: what a request has to be', () => {
  test('Max-Forwards 0 gets 483; an OPTIONS with it is answered here', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('INVITE', { maxForwards: 0 })
    browser.gets(483)
    browser.sends('ACK')
    browser.sends('OPTIONS', { maxForwards: 0, fresh: true })
    browser.gets(200)
    pbx.getsNothing()
  })

  test('without Max-Forwards it gets 70', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('OPTIONS', { without: ['max-forwards'] })
    expect(headerOf(pbx.gets('OPTIONS'), 'max-forwards')).toBe('70')
    pbx.sends(200)
    browser.gets(200)
  })

  test('item 4: what comes back unchanged is a loop: 482', async () => {
    const { pbx, teams } = await startPlace()
    teams.sends('INVITE', { uri: 'sip:100@10.0.0.20:5060' })
    const invite = pbx.gets('INVITE')
    // A PBX that sends everything back to us
    const back = invite.bytes.toString('latin1').replace(/^INVITE \S+/, 'INVITE sip:100@10.0.0.20:5060')
    pbx.raw(back.replace('Via: ', 'Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKpbx;rport\r\nVia: '))
    pbx.gets(482)
    pbx.raw(
      `${
        back
          .replace('Via: ', 'Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKpbx;rport\r\nVia: ')
          .replace(/INVITE/g, 'ACK')
          .replace(/Content-Length: \d+/, 'Content-Length: 0')
          .split('\r\n\r\n')[0]
      }\r\n\r\n`,
    )
    pbx.sends(486, { of: invite })
    pbx.gets('ACK')
    teams.gets(100, 486)
    teams.sends('ACK')
  })

  test('item 4: what comes back to another number is a spiral, and passes', async () => {
    const { pbx, teams } = await startPlace()
    teams.sends('INVITE', { uri: 'sip:100@10.0.0.20:5060' })
    const invite = pbx.gets('INVITE')
    // Call forwarding by a proxy: same Call-ID, another target
    const forwarded = invite.bytes
      .toString('latin1')
      .replace(/^INVITE \S+/, 'INVITE sip:+442079460155@10.0.0.5:5060')
      .replace('Via: ', 'Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKspiral;rport\r\nVia: ')
    pbx.raw(forwarded)
    const again = teams.gets(100, 'INVITE')
    expect(valuesOf(again, 'via')).toHaveLength(4)
    expect(valuesOf(again, 'record-route')).toHaveLength(4)
    teams.sends(486)
    teams.gets('ACK')
    pbx.gets(100, 486)
    pbx.raw(
      `${forwarded
        .replace(/INVITE/g, 'ACK')
        .split('\r\n\r\n')[0]!
        .replace(/Content-Length: \d+/, 'Content-Length: 0')}\r\n\r\n`,
    )
    pbx.sends(486, { of: invite })
    pbx.gets('ACK')
    teams.gets(486)
    teams.sends('ACK', { branch: '' })
  })

  test('item 5: Proxy-Require gets 420 with what is not supported', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('INVITE', { headers: ['Proxy-Require: foo, bar'] })
    expect(headerOf(browser.gets(420), 'unsupported')).toBe('foo, bar')
    browser.sends('ACK')
    pbx.getsNothing()
  })

  test('item 1, 2: a scheme that nobody knows gets 416, a malformed request 400', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('INVITE', { uri: 'mailto:a@b' })
    browser.gets(416)
    browser.sends('ACK')
    browser.sends('MESSAGE', { fresh: true, without: ['cseq'] })
    browser.forgets()
    browser.sends('MESSAGE', { fresh: true, headers: ['Via: nonsense'] })
    browser.gets(400)
    pbx.getsNothing()
  })

  test('§8.2.1: OPTIONS to us is answered with 200 and Allow, in every form of our address; other requests take the routes', async () => {
    const { browser, pbx } = await startPlace()
    for (const uri of [
      'sip:sbc.example.com:443;transport=ws',
      'sip:sbc.example.com',
      'sip:SBC.example.com:5061;transport=TLS',
      'sip:10.0.0.5:5060',
    ]) {
      browser.sends('OPTIONS', { uri, fresh: true })
      expect(headerOf(browser.gets(200), 'allow')).toContain('INVITE, ACK')
    }
    pbx.getsNothing()
    browser.sends('MESSAGE', { uri: 'sip:sbc.example.com', fresh: true })
    pbx.gets('MESSAGE')
    pbx.sends(200)
    browser.gets(200)
  })
})

describe('overload and stopping', () => {
  test('§21.5.4: stopping, new requests get 503 with Retry-After, and what is under way is finished', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('INVITE')
    pbx.gets('INVITE')
    browser.gets(100)
    const stopped = edge.engine.stop()
    browser.sends('MESSAGE', { fresh: true })
    expect(headerOf(browser.gets(503), 'retry-after')).toBe('10')
    pbx.sends(486)
    pbx.gets('ACK')
    browser.gets(486)
    browser.sends('ACK')
    edge.passes(100)
    await stopped
    expect(edge.count('drop stopping')).toBe(1)
    edge.isStopped()
  })

  test('a stop waits no longer than it may', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('INVITE')
    pbx.gets('INVITE')
    browser.gets(100)
    const stopped = edge.engine.stop()
    let done = false
    void stopped.then(() => {
      done = true
    })
    edge.passes(9000)
    await edge.settles()
    expect(done).toBe(false)
    pbx.isDeaf()
    pbx.forgets()
    edge.passes(1100)
    await stopped
    edge.isStopped()
  })

  test('beyond the limit of transactions new requests get 503 until there is room; nobody’s silence after a MESSAGE takes the target out of service', async () => {
    const edge = await startEdge(`${PLACE}limits: { transactions: 100 }\n`)
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const browser = edge.browser('browser', 'web/wss', '198.51.100.7:50000')
    pbx.isDeaf()
    for (let i = 0; i < 100; i++) browser.sends('MESSAGE', { fresh: true })
    browser.sends('MESSAGE', { fresh: true })
    expect(headerOf(browser.gets(503), 'retry-after')).toBe('2')
    expect(edge.count('drop transactions')).toBe(1)
    edge.passes(33_000)
    pbx.hearsAgain()
    browser.sends('MESSAGE', { fresh: true })
    pbx.gets('MESSAGE')
    pbx.sends(200)
    browser.gets(200)
  })

  test('§9.2: a CANCEL of nothing is answered, and nothing is kept of it', async () => {
    const edge = await startEdge(`${PLACE}limits: { transactions: 100 }\n`)
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const browser = edge.browser('browser', 'web/wss', '198.51.100.7:50000')
    for (let i = 0; i < 120; i++) {
      pbx.sends('CANCEL', { fresh: true, branch: `z9hG4bKnothing${i}` })
      pbx.gets(481)
    }
    browser.sends('MESSAGE', { fresh: true })
    pbx.gets('MESSAGE')
    pbx.sends(200)
    browser.gets(200)
  })
})

describe('mistakes of ours cost one message', () => {
  /** A policy module that throws for one number. */
  const startWithPolicy = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeways-policy-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'policy.ts')
    writeFileSync(
      file,
      `export const decide = ({ uri }: { uri: { userinfo?: string } }) => {
         if (uri.userinfo === 'bug') throw new Error('a mistake')
         if (uri.userinfo === 'nowhere') return { kind: 'forward', groups: [[{ kind: 'request-uri', zone: undefined }]], rule: 'policy', numbers: [], headers: [] }
         return { kind: 'pass' }
       }`,
    )
    const edge = await startEdge(`${PLACE}policy: ${file}\n`, { dns: { 'A slow.test': ['10.0.0.20'] } })
    edge.tolerates(/500/)
    return { edge, pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'), browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000') }
  }

  test.each(['bug', 'nowhere'])(
    'a policy module that throws, or decides nonsense (%s): 500, and the next call is not touched',
    async (user) => {
      const { edge, pbx, browser } = await startWithPolicy()
      browser.sends('INVITE', { uri: `sip:${user}@example.com` })
      expect(browser.forgets().at(-1)).toBe(500)
      browser.sends('ACK', { branch: '' })
      browser.sends('MESSAGE', { uri: `sip:${user}@example.com`, fresh: true })
      browser.gets(500)
      expect(edge.count('500')).toBe(2)
      expect(edge.warnings[0]).toMatchObject({ level: 'error' })
      callUp(browser, pbx)
      hangUp(pbx, browser)
    },
  )
})

describe('routes that answer themselves', () => {
  const ANSWERS = PLACE.replace(
    'routes:',
    'routes:\n  - { user: closed, respond: "480 Closed on Sundays" }\n  - { user: gone, drop: true }',
  )

  test('respond and drop: a dropped INVITE gets nothing at all, not even 100', async () => {
    const edge = await startEdge(ANSWERS)
    const browser = edge.browser('browser', 'web/wss', '198.51.100.7:50000')
    browser.sends('INVITE', { uri: 'sip:closed@example.com' })
    expect(browser.gets(480).start).toBe('SIP/2.0 480 Closed on Sundays')
    browser.sends('ACK')
    browser.sends('INVITE', { uri: 'sip:gone@example.com', fresh: true })
    browser.sends('MESSAGE', { uri: 'sip:gone@example.com', fresh: true })
    browser.getsNothing()
    expect(edge.count('drop route')).toBe(2)
  })
})

describe('answers that are no good', () => {
  test('§8.2.6.2: a UAS that leaves out the Vias below ours: 502, and nothing stays', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('INVITE')
    const invite = pbx.gets('INVITE')
    const vias = valuesOf(invite, 'via')
    const answer = (status: number): string =>
      [
        `SIP/2.0 ${status} Well`,
        `Via: ${vias[0]}`,
        ...invite.headers.filter(({ name }) => ['from', 'call-id', 'cseq'].includes(name)).map(({ raw }) => raw),
        `To: ${headerOf(invite, 'to')};tag=x`,
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n')
    pbx.raw(answer(180))
    browser.gets(100)
    browser.getsNothing()
    pbx.raw(answer(486))
    pbx.gets('ACK')
    browser.gets(502)
    browser.sends('ACK')
    expect(edge.count('drop response-malformed')).toBe(2)
  })

  test('a response without To or with two Call-IDs is dropped, and the good one still counts', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('INVITE')
    const invite = pbx.gets('INVITE')
    pbx.sends(486, { of: invite, without: ['to'] })
    pbx.sends(486, { of: invite, headers: ['i: another'] })
    browser.gets(100)
    browser.getsNothing()
    expect(edge.count('drop response-malformed')).toBe(2)
    pbx.sends(486, { of: invite })
    pbx.gets('ACK')
    browser.gets(486)
    browser.sends('ACK')
  })

  test('A2: nobody sees the address that a NATed listener is bound to', async () => {
    const { browser, pbx, edge } = await startPlace()
    browser.sends('OPTIONS', { uri: 'sip:sbc.example.com', fresh: true })
    expect(browser.gets(200).bytes.toString()).not.toContain('10.0.0.5')
    browser.sends('INVITE', { fresh: true })
    const invite = pbx.gets('INVITE')
    expect(uriOf(valuesOf(invite, 'record-route')[1]!)).toContain('sip:sbc.example.com:443;transport=ws;lr')
    expect(invite.bytes.toString()).not.toContain('10.0.0.5:443')
    expect(edge.listener('web/wss').bindAddress).toBe('10.0.0.5')
    pbx.sends(486)
    pbx.gets('ACK')
    browser.gets(100, 486)
    browser.sends('ACK')
  })
})
