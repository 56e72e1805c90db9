import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Clients } from '../../../src/engine/clients.ts'
import type { FlowToken } from '../../../src/routing/route-state.ts'
import type { SipRequest } from '../../../src/sip/message.ts'
import { parseUri, type SipUri } from '../../../src/sip/uri.ts'
import { messageText, parsedRequest, parsedResponse } from '../../support/messages.ts'
import { browsers, lanUdp, listener, web, zone } from '../routing/support.ts'
import { TestFlow } from './support.ts'

type ConnectionToken = Extract<FlowToken, { kind: 'connection' }>

const digest = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 12)

const ALICE = '<sip:alice@r4nd0m.invalid;transport=ws>;+sip.instance="<urn:uuid:alice>";reg-id=1'
const BROWSER = '<sip:x7f3@abc123.invalid;transport=ws>'

const message = (method: string, contact: string | undefined, who: string, ...lines: readonly string[]): SipRequest =>
  parsedRequest(
    messageText(`${method} sip:example.com SIP/2.0`, [
      `From: <sip:${who}>;tag=1`,
      method === 'REGISTER' ? `To: <sip:${who}>` : 'To: <sip:bob@example.com>',
      ...(contact === undefined ? [] : [`Contact: ${contact}`]),
      ...lines,
    ]),
  )
const register = (contact: string, who = 'alice@example.com', ...lines: readonly string[]) => message('REGISTER', contact, who, ...lines)
const invite = (contact: string, who = 'alice@example.com') => message('INVITE', contact, who)

/** The clients of one process, with its open connections. */
const world = (boot = 'boot1') => {
  const clients = new Clients(boot, digest)
  const flows = new Map<string, TestFlow>()
  let count = 0
  return {
    clients,
    connects: (by = web): TestFlow => {
      const flow = new TestFlow(`${boot}-${++count}`, by)
      flows.set(flow.id, flow)
      return flow
    },
    leaves: (flow: TestFlow): void => {
      flow.close()
      flows.delete(flow.id)
      clients.closed(flow)
    },
    finds: (token: FlowToken) => clients.find(token as ConnectionToken, (id) => flows.get(id)),
    byContact: (text: string) => clients.byContact(parseUri(text) as SipUri, browsers),
  }
}

describe('the token of a peer', () => {
  test('over UDP it is the address and port that it sends from', () => {
    expect(world().clients.token(new TestFlow('u', lanUdp), browsers, invite(ALICE))).toEqual({
      kind: 'datagram',
      address: '192.0.2.7',
      port: 40_000,
    })
  })

  test('over a connection it is the connection, and who the client is', () => {
    const { clients, connects } = world()
    const flow = connects()
    const token = clients.token(flow, browsers, invite(ALICE)) as ConnectionToken
    expect(token).toMatchObject({ kind: 'connection', boot: 'boot1', id: flow.id })
    expect(token.identity).toMatch(/^[A-Za-z0-9_-]{8,}$/)
    expect(clients.token(flow, browsers, invite(ALICE))).toEqual(token)
    expect(JSON.stringify(token)).not.toMatch(/alice|r4nd0m/)
  })

  test('without a Contact it is what the connection is known by', () => {
    const { clients, connects } = world()
    const flow = connects()
    expect(clients.token(flow, browsers, message('INVITE', undefined, 'a@b'))).toMatchObject({ identity: '' })
    expect(clients.token(flow, browsers, undefined)).toMatchObject({ identity: '' })
    clients.seen(flow, browsers, invite(BROWSER))
    expect(clients.token(flow, browsers, undefined)).toEqual(clients.token(flow, browsers, invite(BROWSER)))
  })

  test.each(['*', 'nonsense <', '<tel:+44>'])('Contact %s names nobody', (contact) => {
    const { clients, connects } = world()
    expect(clients.token(connects(), browsers, invite(contact))).toMatchObject({ identity: '' })
  })
})

describe('a client that connects again', () => {
  test.each([
    ['with +sip.instance', ALICE],
    ['with a random Contact', BROWSER],
    ['with an address of its own network', '<sip:alice@192.168.1.5:5061;transport=tls>'],
  ])('RFC 5626 §5: %s: after its REGISTER was accepted its dialogs find the new connection', (_what, contact) => {
    const { clients, connects, leaves, finds } = world()
    const first = connects()
    clients.registered(first, browsers, register(contact))
    const token = clients.token(first, browsers, invite(contact))
    expect(finds(token)).toBe(first)
    leaves(first)
    expect(finds(token)).toBeUndefined()
    const second = connects()
    clients.registered(second, browsers, register(contact))
    expect(finds(token)).toBe(second)
  })

  test('N5: while it is away nobody is it', () => {
    const { clients, connects, leaves, byContact } = world()
    const flow = connects()
    clients.registered(flow, browsers, register(BROWSER))
    expect(byContact('sip:x7f3@abc123.invalid;transport=ws')).toBe(flow)
    leaves(flow)
    expect(byContact('sip:x7f3@abc123.invalid')).toBeUndefined()
  })

  test('before the old connection is noticed to be dead, an accepted REGISTER moves it', () => {
    const { clients, connects, leaves, finds, byContact } = world()
    const [old, fresh] = [connects(), connects()]
    clients.registered(old, browsers, register(ALICE))
    clients.registered(fresh, browsers, register(ALICE))
    expect(byContact('sip:alice@r4nd0m.invalid')).toBe(fresh)
    leaves(old)
    expect(byContact('sip:alice@r4nd0m.invalid')).toBe(fresh)
    expect(finds(clients.token(fresh, browsers, invite(ALICE)))).toBe(fresh)
  })

  test('with +sip.instance it is the same one also under another Contact; another reg-id is another connection of it', () => {
    const { clients, connects, leaves, finds } = world()
    const first = connects()
    clients.registered(first, browsers, register(ALICE))
    const token = clients.token(first, browsers, invite(ALICE))
    leaves(first)
    const [second, third] = [connects(), connects()]
    clients.registered(third, browsers, register(ALICE.replace('r4nd0m', 'third').replace('reg-id=1', 'reg-id=2')))
    expect(finds(token)).toBeUndefined()
    clients.registered(second, browsers, register(ALICE.replace('r4nd0m', 'new')))
    expect(finds(token)).toBe(second)
  })

  test('after a restart of ours: the id of a connection means nothing, the identity does', () => {
    const before = world('boot1')
    const old = before.connects()
    before.clients.registered(old, browsers, register(ALICE))
    const token = before.clients.token(old, browsers, invite(ALICE))
    const after = world('boot2')
    const stranger = after.connects()
    expect(after.clients.find({ ...(token as ConnectionToken), boot: 'boot1', id: stranger.id }, () => stranger)).toBeUndefined()
    const again = after.connects()
    after.clients.registered(again, browsers, register(ALICE))
    expect(after.finds(token)).toBe(again)
  })

  test('a token made on its way back, before the registrar accepted, still tells who it is', () => {
    const { clients, connects, leaves, finds } = world()
    const first = connects()
    clients.registered(first, browsers, register(ALICE))
    leaves(first)
    const second = connects()
    const path = clients.token(second, browsers, register(ALICE))
    clients.registered(second, browsers, register(ALICE))
    leaves(second)
    const third = connects()
    clients.registered(third, browsers, register(ALICE))
    expect(finds(path)).toBe(third)
  })
})

describe('somebody copies a Contact', () => {
  test('a call with it changes nothing as long as the client is connected', () => {
    const { clients, connects, finds, byContact } = world()
    const [alice, thief] = [connects(), connects()]
    clients.seen(alice, browsers, invite(BROWSER))
    const token = clients.token(alice, browsers, invite(BROWSER))
    clients.seen(thief, browsers, invite(BROWSER, 'thief@example.com'))
    expect(finds(token)).toBe(alice)
    expect(byContact('sip:x7f3@abc123.invalid')).toBe(alice)
  })

  test('nor with the word of another registrar that knows somebody by the same address', () => {
    const { clients, connects, finds } = world()
    const [one, two] = [zone('one', [lanUdp]), zone('two', [lanUdp])]
    const [alice, thief] = [connects(), connects()]
    clients.registered(alice, browsers, register(ALICE), one)
    const token = clients.token(alice, browsers, invite(ALICE))
    clients.registered(thief, browsers, register(ALICE), two)
    expect(finds(token)).toBe(alice)
    clients.registered(alice, browsers, register(ALICE), one)
    expect(finds(token)).toBe(alice)
  })

  test('nor when it is away, once a registrar has accepted it', () => {
    const { clients, connects, leaves, finds, byContact } = world()
    const alice = connects()
    clients.registered(alice, browsers, register(ALICE))
    const token = clients.token(alice, browsers, invite(ALICE))
    leaves(alice)
    clients.seen(connects(), browsers, invite(ALICE, 'alice@example.com'))
    expect(finds(token)).toBeUndefined()
    expect(byContact('sip:alice@r4nd0m.invalid')).toBeUndefined()
  })

  test.each([
    ['connected', false],
    ['away', true],
  ])('an accepted REGISTER of another account moves neither its Contact nor its instance, while it is %s', (_what, away) => {
    const { clients, connects, leaves, finds, byContact } = world()
    const [alice, thief] = [connects(), connects()]
    clients.registered(alice, browsers, register(ALICE))
    const token = clients.token(alice, browsers, invite(ALICE))
    if (away) leaves(alice)
    clients.registered(thief, browsers, register(ALICE, 'thief@example.com'))
    expect(finds(token)).toBe(away ? undefined : alice)
    expect(byContact('sip:alice@r4nd0m.invalid')).toBe(away ? undefined : alice)
    const back = connects()
    clients.registered(back, browsers, register(ALICE))
    expect(byContact('sip:alice@r4nd0m.invalid')).toBe(back)
  })

  test('the identity of somebody else does not get into the thief’s own cookies', () => {
    const { clients, connects, leaves, finds } = world()
    const [alice, thief] = [connects(), connects()]
    clients.registered(alice, browsers, register(ALICE))
    const token = clients.token(thief, browsers, invite(ALICE, 'thief@example.com'))
    expect(token).toMatchObject({ id: thief.id, identity: '' })
    leaves(thief)
    expect(finds(token)).toBeUndefined()
  })

  test('an address that repeats in many networks goes to another account when its last one is gone, not before', () => {
    const { clients, connects, leaves, byContact } = world()
    const contact = '<sip:100@192.168.1.5:5060;transport=tls>'
    const [one, other] = [connects(), connects()]
    clients.registered(one, browsers, register(contact, '100@one.example'))
    clients.registered(other, browsers, register(contact, '100@other.example'))
    expect(byContact('sip:100@192.168.1.5:5060')).toBe(one)
    leaves(one)
    clients.registered(other, browsers, register(contact, '100@other.example'))
    expect(byContact('sip:100@192.168.1.5:5060')).toBe(other)
  })

  test('another zone is another world', () => {
    const { clients, connects, byContact } = world()
    clients.registered(connects(), zone('other', [web]), register(BROWSER))
    expect(byContact('sip:x7f3@abc123.invalid')).toBeUndefined()
  })

  test('a From that is no sip address makes nobody an owner', () => {
    const { clients, connects } = world()
    clients.registered(connects(), browsers, register(ALICE))
    const thief = connects()
    const odd = parsedRequest(messageText('INVITE sip:a@b SIP/2.0', ['From: <im:x>;tag=1', 'To: <im:y>', `Contact: ${ALICE}`]))
    expect(clients.token(thief, browsers, odd)).toMatchObject({ identity: '' })
  })
})

describe('several accounts', () => {
  test('on one device: whichever registers first after it came back brings it back', () => {
    const { clients, connects, leaves, finds } = world()
    const first = connects()
    const accounts = ['home@example.com', 'work@example.com', 'third@example.com']
    for (const who of accounts) clients.registered(first, browsers, register(ALICE, who))
    const token = clients.token(first, browsers, invite(ALICE, 'home@example.com'))
    leaves(first)
    const second = connects()
    clients.registered(second, browsers, register(ALICE, 'work@example.com'))
    expect(finds(token)).toBe(second)
  })

  test('§10.2.2: what an account takes back is free for another one', () => {
    const { clients, connects, leaves, byContact } = world()
    for (const gone of [register(`${ALICE};expires=0`), register(ALICE, 'alice@example.com', 'Expires: 0')]) {
      const first = connects()
      clients.registered(first, browsers, register(ALICE))
      clients.registered(first, browsers, gone)
      leaves(first)
      const second = connects()
      clients.registered(second, browsers, register(ALICE, 'night-shift@example.com'))
      expect(byContact('sip:alice@r4nd0m.invalid')).toBe(second)
      clients.registered(second, browsers, register(ALICE, 'night-shift@example.com', 'Expires: 0'))
      leaves(second)
    }
  })
})

describe('bounds', () => {
  test('one connection is known by 64 names at most, and leaves none behind', () => {
    const { clients, connects, leaves, byContact } = world()
    const flow = connects()
    for (let i = 0; i < 1000; i++) clients.seen(flow, browsers, invite(`<sip:u${i}@192.0.2.1:5060>`))
    const known = () =>
      Array.from({ length: 1000 }, (_, i) => byContact(`sip:u${i}@192.0.2.1:5060`)).filter((one) => one !== undefined).length
    expect(known()).toBe(64)
    expect(byContact('sip:u999@192.0.2.1:5060')).toBe(flow)
    flow.open = true
    leaves(flow)
    flow.open = true
    expect(known()).toBe(0)
  })

  test('the callee is known by its answer', () => {
    const { clients, connects, byContact } = world()
    const tls = listener('p/tls', 'tls', '10.0.0.5', 5061)
    const flow = connects(tls)
    clients.seen(flow, browsers, parsedResponse(messageText('SIP/2.0 200 OK', ['To: <sip:bob@example.com>;tag=2', `m: ${BROWSER}`])))
    expect(byContact('sip:x7f3@ABC123.invalid')).toBe(flow)
  })
})
