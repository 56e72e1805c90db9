import { expect, test } from 'vitest'
import { Negotiation, otherParty } from '../../../src/media/negotiation.ts'

test('RFC 6337 §2.2: an SDP in INVITE or UPDATE is an offer, whatever was said before', () => {
  const negotiation = new Negotiation()
  expect(negotiation.inRequest('INVITE', 'caller')).toBe('offer')
  negotiation.offered('caller', 'o1', 'O1')
  expect(negotiation.inRequest('UPDATE', 'callee')).toBe('offer')
  expect(negotiation.inRequest('INVITE', 'caller')).toBe('offer')
})

test('RFC 6337 §2.2: an SDP in ACK answers the offer of the 2xx, also when the ACK comes again', () => {
  const negotiation = new Negotiation()
  const exchange = negotiation.offered('callee', 'o1', 'O1')
  expect(negotiation.inRequest('ACK', 'caller')).toBe(exchange)
  negotiation.answered(exchange, 'a1', 'A1')
  expect(negotiation.inRequest('ACK', 'caller')).toBe(exchange)
})

test('RFC 6337 §2.2: an SDP in ACK that nobody asked for is a stray one', () => {
  const negotiation = new Negotiation()
  expect(negotiation.inRequest('ACK', 'caller')).toBe('stray')
  negotiation.offered('caller', 'o1', 'O1')
  expect(negotiation.inRequest('ACK', 'caller')).toBe('stray')
})

test('RFC 3262 §5: PRACK answers an offer that waits, and offers when none does', () => {
  const negotiation = new Negotiation()
  const exchange = negotiation.offered('callee', 'o1', 'O1')
  expect(negotiation.inRequest('PRACK', 'caller')).toBe(exchange)
  negotiation.answered(exchange, 'a1', 'A1')
  expect(negotiation.inRequest('PRACK', 'caller')).toBe('offer')
})

test('media §9: what holds is the last exchange with an answer', () => {
  const negotiation = new Negotiation()
  expect(negotiation.agreed).toBeUndefined()
  const first = negotiation.offered('caller', 'o1', 'O1')
  expect(negotiation.agreed).toBeUndefined()
  negotiation.answered(first, 'a1', 'A1')
  expect(negotiation.agreed).toBe(first)
  negotiation.offered('callee', 'o2', 'O2')
  expect(negotiation.agreed).toBe(first)
})

test('media §9: a refused offer goes back to the exchange before it, once', () => {
  const negotiation = new Negotiation()
  const first = negotiation.offered('caller', 'o1', 'O1')
  negotiation.answered(first, 'a1', 'A1')
  negotiation.confirmed(first)
  const second = negotiation.offered('callee', 'o2', 'O2')
  expect(negotiation.refused(second)).toEqual([first])
  expect(negotiation.latest).toBe(first)
  expect(negotiation.refused(second)).toEqual([])
})

test('media §9: the first offer of all, refused, leaves nothing to say again', () => {
  const negotiation = new Negotiation()
  expect(negotiation.refused(negotiation.offered('caller', 'o1', 'O1'))).toEqual([])
  expect(negotiation.latest).toBeUndefined()
})

test('media §9: an offer that was refused while another waits goes back to that one, and to what held before both', () => {
  const negotiation = new Negotiation()
  const first = negotiation.offered('caller', 'o1', 'O1')
  negotiation.answered(first, 'a1', 'A1')
  negotiation.confirmed(first)
  const waiting = negotiation.offered('caller', 'o2', 'O2')
  expect(negotiation.refused(negotiation.offered('callee', 'o3', 'O3'))).toEqual([first, waiting])
  expect(negotiation.latest).toBe(waiting)

  const late = negotiation.offered('callee', 'o4', 'O4')
  negotiation.answered(waiting, 'a2', 'A2')
  expect(negotiation.refused(late)).toEqual([waiting])
})

test('media §9: two offers that crossed and were both refused go back to what held before them', () => {
  const negotiation = new Negotiation()
  const first = negotiation.offered('caller', 'o1', 'O1')
  negotiation.answered(first, 'a1', 'A1')
  const one = negotiation.offered('caller', 'o2', 'O2')
  const other = negotiation.offered('callee', 'o3', 'O3')
  expect(negotiation.refused(one)).toEqual([])
  expect(negotiation.refused(other)).toEqual([first])
})

test('offers that nobody answers keep nothing but one before them', () => {
  const negotiation = new Negotiation()
  for (let i = 0; i < 5; i++) negotiation.offered('caller', `o${i}`, `O${i}`)
  expect(negotiation.latest?.under?.under).toBeUndefined()
})

test('media §9: the refusal of an offer that a later one has replaced changes nothing', () => {
  const negotiation = new Negotiation()
  const first = negotiation.offered('caller', 'o1', 'O1')
  const second = negotiation.offered('caller', 'o2', 'O2')
  expect(negotiation.refused(first)).toEqual([])
  expect(negotiation.latest).toBe(second)
})

test('a confirmed exchange keeps nothing of those before it', () => {
  const negotiation = new Negotiation()
  for (let i = 0; i < 3; i++) {
    const exchange = negotiation.offered('caller', `o${i}`, `O${i}`)
    negotiation.answered(exchange, `a${i}`, `A${i}`)
    negotiation.confirmed(exchange)
    expect(exchange.before).toBeUndefined()
  }
})

test('the other party', () => {
  expect([otherParty('caller'), otherParty('callee')]).toEqual(['callee', 'caller'])
})
