import { createHash, createHmac, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { TokenVerdict } from '../../src/authentication/types.ts'
import type { DigestAlgorithm, Subscriber, Subscribers } from '../../src/registrar/types.ts'
import { authorization, type DigestOptions } from '../support/digest-client.ts'
import { type EdgeOptions, type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import { headerOf, type Wire } from '../support/wire.ts'

const PLACE = `
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060 }
  public: { udp: 10.0.0.5:5080 }
  web: { wss: 10.0.0.5:443 }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  phones:   { kind: phones, on: public, registration: here, nat: off }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], registration: here }
routes:
  - { from: [ phones, browsers ], to: pbx }
registrar: { domains: [ example.com ] }
authentication: { failures: 3, failure-time: 1m, nonce: 1m }
media: off
certificates: { main: development }
`
const REALM = 'example.com'
const IDENTITIES = ['p-asserted-identity', 'remote-party-id', 'p-preferred-identity']
const TOUCHES = ['authorization', 'proxy-authorization', 'contact', 'user-agent', 'server', ...IDENTITIES]
const ALICE = { user: 'alice', password: 'correct horse' }
const SECRET = Buffer.from('a secret of the application')

interface Account extends Subscriber {
  readonly password: string
}

const users = (...accounts: readonly (Partial<Account> & { readonly user: string })[]): Subscribers => {
  const all = accounts.map((one): Account => ({ aliases: [], displayName: '', enabled: true, password: 'correct horse', ...one }))
  const hash = (algorithm: DigestAlgorithm, text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex')
  return {
    find: (part) => all.find(({ user, aliases }) => user === part || aliases.includes(part)),
    ha1: (user, algorithm) => {
      const found = all.find((one) => one.user === user)
      return found === undefined ? undefined : hash(algorithm, `${user}:${REALM}:${found.password}`)
    },
  }
}

const place = async (options: Partial<EdgeOptions> = {}, configuration = PLACE) => {
  const subscribers = users({ user: 'alice', aliases: ['100'] }, { user: 'bob' }, { user: 'locked', enabled: false })
  const proofs = { timedSecrets: [SECRET], tokens: undefined }
  const edge = await startEdge(configuration, { subscribers, proofs, touches: TOUCHES, ...options })
  return {
    edge,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    alice: edge.party('alice', 'public/udp', '198.51.100.7:5060'),
  }
}

const URI = { INVITE: 'sip:100@example.com', REGISTER: 'sip:example.com' } as const
type Method = keyof typeof URI
const TO: Readonly<Record<Method, (party: Party) => Partial<SendOptions>>> = {
  INVITE: () => ({}),
  REGISTER: (party) => ({ to: `sip:${party.name}@example.com` }),
}

/** Sends it, with what answers the challenge. */
const asks = (party: Party, method: Method, headers: readonly string[] = [], more: Partial<SendOptions> = {}): Wire =>
  party.sends(method, { uri: URI[method], fresh: true, headers, ...TO[method](party), ...more })

/** The challenge that it gets, for what it asks for without credentials. */
const challenged = (party: Party, method: Method, more: Partial<SendOptions> = {}): Wire => {
  asks(party, method, [], more)
  return refusedWith(party, method, method === 'REGISTER' ? 401 : 407)
}

const refusedWith = (party: Party, method: Method, status: number): Wire => {
  if (method === 'REGISTER') return party.gets(status)
  const answer = party.gets(status)
  party.sends('ACK')
  return answer
}

const challengesOf = ({ headers }: Wire, scheme = 'Digest'): readonly string[] =>
  headers.filter(({ name, value }) => /^(www|proxy)-authenticate$/.test(name) && value.startsWith(scheme)).map(({ value }) => value)
const md5Of = (wire: Wire): string => challengesOf(wire).find((one) => one.includes('algorithm=MD5'))!

const shows = (
  party: Party,
  method: Method,
  challenge: string,
  login = ALICE,
  options: DigestOptions = {},
  more: Partial<SendOptions> = {},
) => asks(party, method, [authorization(challenge, method, URI[method], login, options)], more)

/** The call goes on to the PBX, and is over. */
const goesThrough = (party: Party, pbx: Party): Wire => {
  const invite = pbx.gets('INVITE')
  pbx.sends(486)
  pbx.gets('ACK')
  party.gets(100, 486)
  party.sends('ACK')
  return invite
}

describe('RFC 3261 §22: digest', () => {
  test.each<DigestAlgorithm>(['MD5', 'SHA-256'])('§22.2: REGISTER gets 401, and is taken with %s', async (algorithm) => {
    const { edge, alice } = await place()
    const refused = challenged(alice, 'REGISTER')
    const challenge = challengesOf(refused).find((one) => one.includes(`algorithm=${algorithm}`))!
    expect(challenge).toMatch(/^Digest realm="example.com", nonce="[^"]+", opaque="[^"]+", qop="auth", algorithm=\S+$/)
    shows(alice, 'REGISTER', challenge)
    alice.gets(200)
    expect([edge.count('auth challenged'), edge.count('auth password')]).toEqual([1, 1])
  })

  test('§22.3: a call gets 407, and goes on without our credentials, those of another realm stay', async () => {
    const { pbx, alice } = await place()
    const refused = challenged(alice, 'INVITE')
    const other =
      'Proxy-Authorization: Digest username="alice", realm="pbx.example.com", nonce="n", uri="sip:100@example.com", response="0"'
    asks(alice, 'INVITE', [other, authorization(md5Of(refused), 'INVITE', URI.INVITE, ALICE)])
    const invite = goesThrough(alice, pbx)
    expect(invite.headers.filter(({ name }) => name === 'proxy-authorization').map(({ raw }) => raw)).toEqual([other])
  })

  test('§22.1: ACK and requests inside the dialog are not asked, and what they repeat goes no further', async () => {
    const { pbx, alice } = await place()
    const shown = authorization(md5Of(challenged(alice, 'INVITE')), 'INVITE', URI.INVITE, ALICE)
    asks(alice, 'INVITE', [shown])
    pbx.gets('INVITE')
    pbx.sends(200)
    alice.gets(100, 200)
    alice.sends('ACK', { headers: [shown] })
    expect(headerOf(pbx.gets('ACK'), 'proxy-authorization')).toBe('')
    alice.sends('BYE', { headers: [shown] })
    expect(headerOf(pbx.gets('BYE'), 'proxy-authorization')).toBe('')
    pbx.sends(200)
    alice.gets(200)
  })

  test('RFC 3325 §5: nobody asks inside a dialog, so nobody is said to be anybody there; and nobody registers there', async () => {
    const { edge, pbx, alice } = await place()
    asks(alice, 'INVITE', [authorization(md5Of(challenged(alice, 'INVITE')), 'INVITE', URI.INVITE, ALICE)])
    pbx.gets('INVITE')
    pbx.sends(200)
    alice.gets(100, 200)
    alice.sends('ACK')
    pbx.gets('ACK')
    const claims = [
      'P-Asserted-Identity: <sip:bob@example.com>',
      'Remote-Party-ID: <sip:bob@example.com>',
      'P-Preferred-Identity: <sip:bob@example.com>',
    ]
    alice.sends('UPDATE', { headers: claims })
    const update = pbx.gets('UPDATE')
    for (const name of IDENTITIES) expect(headerOf(update, name)).toBe('')
    pbx.sends(200)
    alice.gets(200)
    alice.sends('REGISTER', { to: 'sip:bob@example.com' })
    alice.gets(481)
    pbx.getsNothing()
    expect(edge.count('auth password')).toBe(1)
    alice.sends('BYE')
    pbx.gets('BYE')
    pbx.sends(200)
    alice.gets(200)
  })

  test('RFC 8760 §2.6: one header for each algorithm, in the order of the configuration; with WebSocket MD5 last, whatever that is', async () => {
    const { edge, alice } = await place({}, PLACE.replace('failures: 3', 'failures: 3, algorithms: [ MD5, SHA-256 ]'))
    const order = (wire: Wire) => challengesOf(wire).map((one) => /algorithm=(\S+)$/.exec(one)?.[1])
    expect(order(challenged(alice, 'REGISTER'))).toEqual(['MD5', 'SHA-256'])
    const browser = edge.browser('bob', 'web/wss', '198.51.100.9:50000')
    expect(order(challenged(browser, 'REGISTER'))).toEqual(['SHA-256', 'MD5'])
  })

  test('a zone that does not ask lets everybody in, credentials included', async () => {
    const { pbx, alice } = await place({}, PLACE.replace('registration: here, nat', 'registration: pass, nat'))
    const shown = 'Proxy-Authorization: Digest username="a", realm="example.com", nonce="n", uri="sip:100@example.com", response="0"'
    asks(alice, 'INVITE', [shown])
    expect(headerOf(goesThrough(alice, pbx), 'proxy-authorization')).not.toBe('')
  })

  test('a wrong password, an unknown user and a user without a password get the same answer', async () => {
    const { edge, alice } = await place({}, PLACE.replace('failures: 3', 'failures: 30'))
    const challenge = md5Of(challenged(alice, 'REGISTER'))
    const answers = ['alice', 'nobody', '100'].map((user) => {
      shows(alice, 'REGISTER', challenge, { user, password: 'guess' })
      return alice.gets(401)
    })
    for (const one of answers) {
      expect(one.start).toBe('SIP/2.0 401 Unauthorized')
      expect(md5Of(one)).not.toMatch(/stale/)
    }
    expect(edge.count('auth wrong')).toBe(3)
    shows(alice, 'REGISTER', challenge)
    alice.gets(200)
  })

  test('RFC 7616 §3.3: an old nonce is stale with the right password, wrong with another; one of another life or made up is stale', async () => {
    const { edge, alice } = await place({}, PLACE.replace('failures: 3', 'failures: 30'))
    const challenge = md5Of(challenged(alice, 'REGISTER'))
    const nonce = /nonce="([^"]+)"/.exec(challenge)![1]!
    edge.passes(60_010)
    shows(alice, 'REGISTER', challenge)
    const stale = md5Of(alice.gets(401))
    expect(stale).toMatch(/, stale=true$/)
    shows(alice, 'REGISTER', challenge, { ...ALICE, password: 'guess' })
    expect(md5Of(alice.gets(401))).not.toMatch(/stale/)
    for (const forged of [nonce.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')), 'made-up', '']) {
      shows(alice, 'REGISTER', challenge, ALICE, { nonce: forged })
      expect(md5Of(alice.gets(401)), forged).toMatch(/stale=true/)
    }
    await edge.restarts()
    shows(alice, 'REGISTER', stale)
    const fresh = md5Of(alice.gets(401))
    expect(fresh).toMatch(/stale=true/)
    shows(alice, 'REGISTER', fresh)
    alice.gets(200)
  })

  test('RFC 7616 §3.4: what was used is stale; the next count is good', async () => {
    const { alice, edge } = await place()
    const challenge = md5Of(challenged(alice, 'REGISTER'))
    shows(alice, 'REGISTER', challenge)
    alice.gets(200)
    shows(alice, 'REGISTER', challenge)
    expect(md5Of(alice.gets(401))).toMatch(/stale=true/)
    shows(alice, 'REGISTER', challenge, ALICE, { nc: 2 })
    alice.gets(200)
    expect([edge.count('auth stale'), edge.count('auth wrong')]).toEqual([1, 0])
  })

  test('RFC 2069: MD5 without qop is taken, once for each nonce; SHA-256 is not', async () => {
    const { alice } = await place()
    const refused = challenged(alice, 'REGISTER')
    shows(alice, 'REGISTER', md5Of(refused), ALICE, { withoutQop: true })
    alice.gets(200)
    shows(alice, 'REGISTER', md5Of(refused), ALICE, { withoutQop: true })
    const again = alice.gets(401)
    expect(md5Of(again)).toMatch(/stale=true/)
    shows(alice, 'REGISTER', md5Of(again), ALICE, { withoutQop: true, algorithm: 'SHA-256' })
    alice.gets(401)
  })

  test('auth-int, which was not offered, and an algorithm that is not, are asked again and are no guess', async () => {
    const { alice, edge } = await place({}, PLACE.replace('failures: 3', 'failures: 3, algorithms: MD5'))
    const challenge = md5Of(challenged(alice, 'REGISTER'))
    for (const options of [{ qop: 'auth-int' }, { algorithm: 'SHA-256' }, { nc: 2 ** 36 }] as const) {
      shows(alice, 'REGISTER', challenge, ALICE, options)
      alice.gets(401)
    }
    expect([edge.count('auth challenged'), edge.count('auth wrong')]).toEqual([4, 0])
  })

  test('RFC 7616 §3.4.6: credentials for another request, and those that cannot be read, are told so', async () => {
    const { alice } = await place()
    const challenge = md5Of(challenged(alice, 'INVITE'))
    shows(alice, 'INVITE', challenge, ALICE, { uri: 'sip:900@example.com' })
    refusedWith(alice, 'INVITE', 400)
    asks(alice, 'INVITE', ['Proxy-Authorization: Digest username="a", username="b"'])
    refusedWith(alice, 'INVITE', 400)
  })

  test('either header does, as some send it', async () => {
    const { alice, pbx } = await place()
    shows(alice, 'INVITE', md5Of(challenged(alice, 'INVITE')), ALICE, { header: 'Authorization' })
    expect(headerOf(goesThrough(alice, pbx), 'authorization')).toBe('')
  })
})

describe('why credentials are refused', () => {
  test.each([
    ['alice', 'The password is wrong'],
    ['carol', 'There is no user of that name'],
    ['100', 'That is an alias of alice, and no name to log in with'],
    ['1790009999:alice', 'The password of the time-limited name is of another secret'],
    ['1789999400:alice', 'The time-limited name is over'],
  ])('of %s is in the log alone', async (user, reason) => {
    const { edge, alice } = await place()
    shows(alice, 'INVITE', md5Of(challenged(alice, 'INVITE')), { user, password: 'wrong' })
    const refused = refusedWith(alice, 'INVITE', 407)
    expect(refused.start).toBe('SIP/2.0 407 Proxy Authentication Required')
    expect(edge.logged('Credentials are refused')).toMatchObject([{ remote: '198.51.100.7', reason }])
  })
})

describe('RFC 3261 §10.3, §22.1: who somebody may be', () => {
  const asked = async (login: { user: string; password: string }, method: Method, more: Partial<SendOptions>) => {
    const there = await place()
    shows(there.alice, method, md5Of(challenged(there.alice, method, more)), login, {}, more)
    return there
  }

  test('a call in another one’s name is refused', async () => {
    const { alice, edge } = await asked({ ...ALICE, user: 'bob' }, 'INVITE', {})
    expect(refusedWith(alice, 'INVITE', 403).start).toBe('SIP/2.0 403 From is not yours')
    expect(edge.count('auth identity')).toBe(1)
    expect(edge.engine.refusals().map(({ why }) => why)).toContain('From or To is not the user’s own')
  })

  test('nobody registers another one', async () => {
    const { alice } = await asked(ALICE, 'REGISTER', { to: 'sip:bob@example.com' })
    expect(alice.gets(403).start).toBe('SIP/2.0 403 To is not yours')
  })

  test.each([
    ['an alias', '<sip:100@example.com>;tag=1', undefined],
    ['our name', '<sip:alice@sbc.example.com>;tag=1', undefined],
    ['an address of ours', '<sip:alice@10.0.0.5:5080>;tag=1', undefined],
    ['a number that is an alias', '<tel:100>;tag=1', undefined],
    ['anonymous (RFC 3323 §4.1.1.3)', '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1', undefined],
    ['anonymous at a domain of its own', '<sip:Anonymous@example.net>;tag=1', undefined],
    ['another user, said to be anonymous', '<sip:bob@anonymous.invalid>;tag=1', 'From is not yours'],
    ['another domain', '<sip:alice@example.net>;tag=1', 'From is in no domain of ours'],
    ['another number', '<tel:101>;tag=1', 'From is not yours'],
    ['no user', '<sip:example.com>;tag=1', 'From is not yours'],
  ])('From with %s', async (_what, from, reason) => {
    const { alice, pbx } = await place()
    const own = { without: ['from'], headers: [`f: ${from}`] }
    alice.sends('INVITE', { uri: URI.INVITE, ...own })
    const shown = authorization(md5Of(refusedWith(alice, 'INVITE', 407)), 'INVITE', URI.INVITE, ALICE)
    alice.sends('INVITE', { uri: URI.INVITE, fresh: true, ...own, headers: [...own.headers, shown] })
    if (reason === undefined) goesThrough(alice, pbx)
    else expect(refusedWith(alice, 'INVITE', 403).start).toBe(`SIP/2.0 403 ${reason}`)
  })

  test('a disabled user is told so, once the password is right', async () => {
    const { edge } = await place()
    const locked = edge.party('locked', 'public/udp', '198.51.100.8:5060')
    const challenge = md5Of(challenged(locked, 'REGISTER'))
    shows(locked, 'REGISTER', challenge, { user: 'locked', password: 'guess' })
    locked.gets(401)
    shows(locked, 'REGISTER', challenge, { ...ALICE, user: 'locked' })
    expect(locked.gets(403).start).toBe('SIP/2.0 403 This user is disabled')
  })
})

describe('floods of wrong passwords', () => {
  const guesses = (party: Party, user: string, times: number) => {
    const challenge = md5Of(challenged(party, 'REGISTER'))
    for (let i = 0; i < times; i++) {
      shows(party, 'REGISTER', challenge, { user, password: `guess ${i}` })
      party.gets(401)
    }
    return challenge
  }

  test('who guesses is refused without a look until the time is over, and it is logged once', async () => {
    const { edge } = await place()
    const mallory = edge.party('mallory', 'public/udp', '203.0.113.66:5060')
    const challenge = guesses(mallory, 'alice', 3)
    shows(mallory, 'REGISTER', challenge)
    expect(headerOf(mallory.gets(403), 'retry-after')).toBe('60')
    edge.passes(30_000)
    asks(mallory, 'REGISTER')
    expect(headerOf(mallory.gets(403), 'retry-after')).toBe('30')
    expect(edge.count('auth flood')).toBe(2)
    expect(edge.warnings.filter(({ text }) => text.startsWith('Too many wrong credentials'))).toHaveLength(1)
    expect(edge.engine.refusals()[0]).toMatchObject({ source: '203.0.113.66', why: 'Too many wrong credentials', count: 2 })
    edge.passes(30_010)
    challenged(mallory, 'REGISTER')
  })

  test('who was never asked there guesses nothing: a forged source locks out neither its owner nor a user', async () => {
    const { edge, alice } = await place()
    const mallory = edge.party('mallory', 'public/udp', '203.0.113.66:5060')
    const heard = md5Of(challenged(mallory, 'REGISTER'))
    for (let i = 0; i < 6; i++) {
      // As if it came from there
      shows(alice, 'REGISTER', heard, { ...ALICE, password: `guess ${i}` }, i % 2 === 0 ? {} : { nonce: 'made-up' })
      expect(md5Of(alice.gets(401))).toMatch(/stale=true/)
    }
    expect(edge.count('auth wrong')).toBe(0)
    shows(alice, 'REGISTER', heard)
    const fresh = md5Of(alice.gets(401))
    shows(alice, 'REGISTER', fresh)
    alice.gets(200)
  })

  test('guesses from everywhere fill no log', async () => {
    const { edge } = await place()
    for (let i = 1; i <= 20; i++) guesses(edge.party(`m${i}`, 'public/udp', `203.0.113.${i}:5060`), `m${i}`, 3)
    const told = () => edge.warnings.filter(({ text }) => text.startsWith('Too many wrong credentials'))
    expect(told()).toHaveLength(10)
    edge.passes(60_000)
    guesses(edge.party('m99', 'public/udp', '203.0.113.99:5060'), 'm99', 3)
    expect(told().at(-1)?.fields).toMatchObject({ remote: '203.0.113.99', user: 'm99', leftOut: 10 })
  })

  test('a stranger’s guesses do not lock out a user who has shown who he is, and do elsewhere', async () => {
    const { edge, alice } = await place()
    shows(alice, 'REGISTER', md5Of(challenged(alice, 'REGISTER')))
    alice.gets(200)
    for (let i = 1; i <= 3; i++) guesses(edge.party(`m${i}`, 'public/udp', `203.0.113.${i}:5060`), 'alice', 1)
    const elsewhere = edge.party('alice', 'public/udp', '192.0.2.77:5060')
    shows(elsewhere, 'REGISTER', md5Of(challenged(elsewhere, 'REGISTER')))
    elsewhere.gets(403)
    shows(alice, 'REGISTER', md5Of(challenged(alice, 'REGISTER')))
    alice.gets(200)
  })
})

describe('time-limited user names', () => {
  const named = (edge: EdgeUnderTest, seconds: number, secret = SECRET) => {
    const user = `${Math.floor(edge.wall / 1000) + seconds}:alice`
    return { user, password: createHmac('sha1', secret).update(user).digest('base64') }
  }

  test('are as good as a password until their time', async () => {
    const { edge, alice, pbx } = await place()
    const login = named(edge, 30)
    shows(alice, 'INVITE', md5Of(challenged(alice, 'INVITE')), login)
    goesThrough(alice, pbx)
    expect(edge.count('auth timed')).toBe(1)
    edge.passes(31_000)
    shows(alice, 'INVITE', md5Of(challenged(alice, 'INVITE')), login)
    refusedWith(alice, 'INVITE', 407)
  })

  test('of another secret, or for another user, are worth nothing', async () => {
    const { edge, alice } = await place()
    shows(alice, 'REGISTER', md5Of(challenged(alice, 'REGISTER')), named(edge, 30, randomBytes(20)))
    alice.gets(401)
    const { user, password } = named(edge, 30)
    shows(alice, 'REGISTER', md5Of(challenged(alice, 'REGISTER')), { user: user.replace('alice', 'bob'), password })
    alice.gets(401)
  })
})

describe('RFC 8898: tokens', () => {
  const withTokens = async (verdicts: Readonly<Record<string, TokenVerdict | Promise<TokenVerdict>>>) =>
    place({
      proofs: {
        timedSecrets: [],
        tokens: {
          server: 'https://login.example.com',
          remembers: (token) => token === 'remembered',
          judge: (token) => verdicts[token] ?? { kind: 'bad', why: 'unknown' },
        },
      },
    })
  const good: TokenVerdict = { kind: 'good', user: 'alice', domain: undefined, until: Number.MAX_SAFE_INTEGER }

  test('are asked for beside digest, taken in Authorization, and go no further', async () => {
    const { edge, alice, pbx } = await withTokens({ abc: good })
    const refused = challenged(alice, 'INVITE')
    expect(challengesOf(refused, 'Bearer')).toEqual(['Bearer realm="example.com", authz_server="https://login.example.com"'])
    asks(alice, 'INVITE', ['Authorization: Bearer abc'])
    expect(headerOf(goesThrough(alice, pbx), 'authorization')).toBe('')
    expect(edge.count('auth token')).toBe(1)
  })

  test('one that is not good is a guess, and is told as RFC 6750 §3.1 has it', async () => {
    const { alice, edge } = await withTokens({})
    for (let i = 0; i < 3; i++) {
      asks(alice, 'REGISTER', ['Authorization: Bearer forged'])
      expect(challengesOf(alice.gets(401), 'Bearer')[0]).toMatch(/, error="invalid_token"$/)
    }
    asks(alice, 'REGISTER', ['Authorization: Bearer forged'])
    alice.gets(403)
    expect(edge.count('auth wrong')).toBe(3)
  })

  test('where somebody guesses, tokens that were good before are, and others are not looked at', async () => {
    let looked = 0
    const counted: TokenVerdict = { kind: 'bad', why: 'counted' }
    const { edge, alice } = await withTokens({
      remembered: good,
      get guess() {
        looked++
        return counted
      },
    })
    asks(alice, 'REGISTER', ['Authorization: Bearer remembered'])
    alice.gets(200)
    const neighbour = edge.party('mallory', 'public/udp', '198.51.100.7:5090')
    for (let i = 0; i < 5; i++) {
      asks(neighbour, 'REGISTER', ['Authorization: Bearer guess'])
      neighbour.gets(i < 3 ? 401 : 403)
    }
    expect(looked).toBe(3)
    asks(alice, 'REGISTER', ['Authorization: Bearer remembered'])
    alice.gets(200)
  })

  test('the user and the domain of a token count as with a password; who is disabled stays so', async () => {
    const { edge, alice } = await withTokens({
      bob: { ...good, user: 'bob' },
      far: { ...good, domain: 'example.net' },
      locked: { ...good, user: 'locked' },
      new: { ...good, user: 'newcomer', domain: 'example.com' },
      alias: { ...good, user: '100' },
    })
    asks(alice, 'REGISTER', ['Authorization: Bearer alias'])
    alice.gets(200)
    asks(alice, 'REGISTER', ['Authorization: Bearer bob'])
    alice.gets(403)
    asks(alice, 'REGISTER', ['Authorization: Bearer far'])
    alice.gets(401)
    const locked = edge.party('locked', 'public/udp', '198.51.100.8:5060')
    asks(locked, 'REGISTER', ['Authorization: Bearer locked'])
    locked.gets(403)
    const newcomer = edge.party('newcomer', 'public/udp', '198.51.100.9:5060')
    asks(newcomer, 'REGISTER', ['Authorization: Bearer new'])
    newcomer.gets(200)
  })

  test('a judgement takes its time: the call waits, in its order, and 503 is the answer where there is none', async () => {
    let decide: (verdict: TokenVerdict) => void = () => {}
    const { edge, alice, pbx } = await withTokens({
      slow: new Promise((resolve) => {
        decide = resolve
      }),
      unsure: Promise.resolve({ kind: 'unsure', why: 'no keys' }),
    })
    asks(alice, 'INVITE', ['Authorization: Bearer slow'])
    pbx.getsNothing()
    decide(good)
    await edge.settles()
    goesThrough(alice, pbx)
    asks(alice, 'REGISTER', ['Authorization: Bearer unsure'])
    await edge.settles()
    expect(headerOf(alice.gets(503), 'retry-after')).toBe('10')
    expect(edge.count('auth unsure')).toBe(1)
  })

  test('a CANCEL that comes while the token is judged ends the call', async () => {
    let decide: (verdict: TokenVerdict) => void = () => {}
    const { edge, alice, pbx } = await withTokens({
      slow: new Promise((resolve) => {
        decide = resolve
      }),
    })
    asks(alice, 'INVITE', ['Authorization: Bearer slow'])
    alice.sends('CANCEL')
    alice.gets(200, 487)
    alice.sends('ACK')
    decide(good)
    await edge.settles()
    pbx.getsNothing()
  })
})

describe('users that are disabled or removed', () => {
  test('are unregistered soon after; who shows tokens need not be in the store', async () => {
    let all = users({ user: 'alice' }, { user: 'bob' })
    let version = 1
    const subscribers: Subscribers = {
      find: (part) => all.find(part),
      ha1: (user, algorithm) => all.ha1(user, algorithm),
      version: () => version,
    }
    const tokens = {
      server: undefined,
      remembers: () => true,
      judge: (): TokenVerdict => ({ kind: 'good', user: 'guest', domain: undefined, until: Number.MAX_SAFE_INTEGER }),
    }
    const { edge, alice } = await place({ subscribers, proofs: { timedSecrets: [], tokens } })
    const bob = edge.party('bob', 'public/udp', '198.51.100.8:5060')
    for (const one of [alice, bob]) {
      shows(one, 'REGISTER', md5Of(challenged(one, 'REGISTER')), { ...ALICE, user: one.name })
      one.gets(200)
    }
    const guest = edge.party('guest', 'public/udp', '198.51.100.9:5060')
    asks(guest, 'REGISTER', ['Authorization: Bearer x'])
    guest.gets(200)
    const registered = () =>
      edge.engine
        .registrations({ search: '', skip: 0, limit: 10 })
        .registrations.map(({ aor }) => aor)
        .sort()
    edge.passes(6000)
    expect(registered()).toEqual(['alice@example.com', 'bob@example.com', 'guest@example.com'])
    all = users({ user: 'alice', enabled: false })
    version++
    edge.passes(6000)
    expect(registered()).toEqual(['guest@example.com'])
  })
})
