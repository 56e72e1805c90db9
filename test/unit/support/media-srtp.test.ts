import { describe, expect, it } from 'vitest'
import { writeRtp } from '../../support/media/rtp.ts'
import { aesCounterMode, createSrtpReceiver, createSrtpSender, deriveKey } from '../../support/media/srtp.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

const MASTER_KEY = hex('e1f97a0d3e018be0d64fa32c06de4139')
const MASTER_SALT = hex('0ec675ad498afeebb6960b3aabe6')
const MASTER = Buffer.concat([MASTER_KEY, MASTER_SALT])

const packet = (sequence: number, payload = 'sound'): Buffer =>
  writeRtp({ marker: false, payloadType: 0, sequence, timestamp: 1, ssrc: 0xcafebabe, payload: Buffer.from(payload) })

it('RFC 3711 §B.2: the key stream of AES in counter mode', () => {
  const key = hex('2b7e151628aed2a6abf7158809cf4f3c')
  const stream = aesCounterMode(key, hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd0000'), Buffer.alloc(0xff02 * 16))
  const block = (index: number): string => stream.toString('hex', index * 16, index * 16 + 16)
  expect([0, 1, 2, 0xfeff, 0xff00, 0xff01].map(block)).toEqual([
    'e03ead0935c95e80e166b16dd92b4eb4',
    'd23513162b02d0f72a43a2fe4a5f97ab',
    '41e95b3bb0a2e8dd477901e4fca894c0',
    'ec8cdf7398607cb0f2d21675ea9ea1e4',
    '362b7c3c6773516318a077d7fc5073ae',
    '6a2cc3787889374fbeb4c81b17ba6c44',
  ])
})

it('RFC 3711 §B.3: the session keys of a master key', () => {
  const derived = (label: number, length: number): string => deriveKey(MASTER_KEY, MASTER_SALT, label, length).toString('hex')
  expect(derived(0, 16)).toBe('c61e7a93744f39ee10734afe3ff7a087')
  expect(derived(2, 14)).toBe('30cbbc08863d8c85d49db34a9ae1')
  expect(derived(1, 94)).toBe(
    'cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2',
  )
})

describe('packets that another implementation made with the master key of §B.3', () => {
  const rtp = hex('800f1234decafbadcafebabeabababababababababababababababab')
  const srtp = hex('800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb')
  const rtcp = hex('81c8000bcafebabeabababababababababababababababab')
  const srtcp = hex('81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798')

  it('are read', () => {
    const receiver = createSrtpReceiver(MASTER)
    expect(receiver.rtp(srtp)).toEqual(rtp)
    expect(receiver.rtcp(srtcp)).toEqual(rtcp)
  })

  it('are made the same', () => {
    const sender = createSrtpSender(MASTER)
    expect(sender.rtp(rtp)).toEqual(srtp)
    sender.rtcp(rtcp)
    expect(sender.rtcp(rtcp)).toEqual(srtcp)
  })
})

describe('what is sent', () => {
  it('is read over the turn of the sequence number, with packets out of order and lost', () => {
    const sender = createSrtpSender(MASTER)
    const receiver = createSrtpReceiver(MASTER)
    const sequences = [65_533, 65_534, 65_535, 0, 1, 2, 3, 4]
    const sent = sequences.map((sequence) => sender.rtp(packet(sequence)))
    for (const index of [0, 1, 3, 2, 4, 7]) expect(receiver.rtp(sent[index]!)).toEqual(packet(sequences[index]!))
  })

  it('is not in clear, nor the same in two packets', () => {
    const sender = createSrtpSender(MASTER)
    const [one, two] = [sender.rtp(packet(1)), sender.rtp(packet(2))]
    expect(one.includes('sound')).toBe(false)
    expect(one.subarray(12, 17)).not.toEqual(two.subarray(12, 17))
  })

  it.each(['rtp', 'rtcp'] as const)('is refused with another key, changed, or cut: %s', (kind) => {
    const clear = kind === 'rtp' ? packet(1) : hex('81c8000bcafebabeabababababababababababababababab')
    const secret = createSrtpSender(MASTER)[kind](clear)
    const receiver = createSrtpReceiver(MASTER)
    for (let at = 1; at < secret.length; at++) {
      const changed = Buffer.from(secret)
      changed[at]! ^= 1
      expect(() => receiver[kind](changed), `octet ${at}`).toThrow()
    }
    expect(() => receiver[kind](secret.subarray(0, secret.length - 1))).toThrow()
    expect(() => receiver[kind](clear)).toThrow()
    expect(() => createSrtpReceiver(Buffer.alloc(30))[kind](secret)).toThrow('authentication')
    expect(receiver[kind](secret)).toEqual(clear)
  })
})
