import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bindingResponse, isStun } from '../../../src/transport/stun.ts'
import { makeListener, options, start } from './support.ts'

const TRANSACTION = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex')

const message = (type: number, attributes: Buffer = Buffer.alloc(0), length = attributes.length): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(length, 2)
  head.writeUInt32BE(0x2112a442, 4)
  return Buffer.concat([head, TRANSACTION, attributes])
}

const attribute = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

const withFingerprint = (plain: Buffer, wrong = 0): Buffer => {
  const before = Buffer.from(plain)
  before.writeUInt16BE(plain.length - 20 + 8, 2)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE((crc32(before) ^ 0x5354554e ^ wrong) >>> 0)
  return Buffer.concat([before, attribute(0x8028, crc)])
}

const SOFTWARE = attribute(0x8022, Buffer.from('phone'))

describe('STUN', () => {
  test('RFC 5769 §2.2: the sample address is written as there', () => {
    const response = bindingResponse(message(1), '192.0.2.1', 32853)
    expect(response?.toString('hex')).toBe(`0101000c2112a442${TRANSACTION.toString('hex')}002000080001a147e112a643`)
  })

  test('RFC 5769 §2.3: so is the sample IPv6 address', () => {
    const response = bindingResponse(message(1), '2001:db8:1234:5678:11:2233:4455:6677', 32853)
    expect(response?.subarray(20).toString('hex')).toBe('002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9')
  })

  test('RFC 8489 §14.7: a fingerprint is answered with one', () => {
    const response = bindingResponse(withFingerprint(message(1, SOFTWARE)), '192.0.2.1', 32853)!
    expect(response.readUInt16BE(2)).toBe(response.length - 20)
    expect(withFingerprint(response.subarray(0, -8))).toEqual(response)
  })

  test.each([
    ['with a wrong fingerprint', withFingerprint(message(1), 1)],
    [
      'with a fingerprint that is not its end',
      Buffer.concat([message(1, Buffer.concat([withFingerprint(message(1)).subarray(20), SOFTWARE]))]),
    ],
    ['with an attribute that must be understood', message(1, attribute(0x0003, Buffer.alloc(4)))],
    ['that is an indication', message(0x0011)],
    ['that is a response', message(0x0101)],
    ['of TURN', message(0x0003)],
    ['shorter than it says', message(1, SOFTWARE, SOFTWARE.length + 4)],
    ['longer than it says', message(1, SOFTWARE, 0)],
    ['whose attribute ends outside of it', message(1, Buffer.from('80220040aabbccdd', 'hex'))],
    ['of an odd length', message(1, Buffer.from('8022', 'hex'))],
  ])('RFC 5626 §8: a message %s is not answered', (_what, bytes) => {
    expect(isStun(bytes)).toBe(true)
    expect(bindingResponse(bytes, '192.0.2.1', 32853)).toBeUndefined()
  })

  test('whatever a stranger sends behind a good head is answered in bounds, or not at all', () => {
    const near = fc.tuple(
      fc.constantFrom(0x0001, 0x0001, 0x0011, 0x0101),
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: -4, max: 4 }),
    )
    fc.assert(
      fc.property(near, ([type, attributes, off]) => {
        const bytes = message(type, Buffer.from(attributes), Math.max(0, attributes.length + off))
        const response = bindingResponse(bytes, '2001:db8::1', 5060)
        expect(response === undefined || response.length <= bytes.length + 24).toBe(true)
      }),
    )
  })

  test('RFC 5626 §4.4: what phones send besides is no STUN', () => {
    for (const other of [Buffer.from('\r\n\r\n'), Buffer.alloc(4), Buffer.alloc(32), Buffer.from('REGISTER sip:example.com SIP/2.0\r\n')])
      expect(isStun(other)).toBe(false)
  })
})

describe('on a UDP listener', () => {
  let world: ReturnType<typeof start>
  let peers: Socket[]
  beforeEach(() => {
    world = start()
    peers = []
  })
  afterEach(async () => {
    await world.transports.closeAll('test over')
    for (const peer of peers) peer.close()
  })

  const peer = async (address: string): Promise<Socket> => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    peers.push(socket)
    socket.bind(0, address)
    await once(socket, 'listening')
    return socket
  }

  test.each(['127.0.0.1', '::1'])(
    'RFC 5626 §8: a Binding request from %s is answered with its source, and is a sign of life',
    async (address) => {
      const listener = await makeListener('udp', address)
      await world.transports.open(listener, options())
      const phone = await peer(address)
      const answered = once(phone, 'message')
      phone.send(message(1, SOFTWARE), listener.bindPort, address)
      const [response] = (await answered) as [Buffer]
      expect(response).toEqual(bindingResponse(message(1), address, phone.address().port))
      expect((await world.events.wait('keptAlive')).flow.remotePort).toBe(phone.address().port)
      expect(world.events.of('received')).toEqual([])
    },
  )

  test('other STUN is dropped, counted, and not answered; SIP goes on', async () => {
    const listener = await makeListener('udp', '127.0.0.1')
    await world.transports.open(listener, options())
    const phone = await peer('127.0.0.1')
    let answers = 0
    phone.on('message', () => answers++)
    phone.send(message(0x0003, attribute(0x0019, Buffer.from('11000000', 'hex'))), listener.bindPort, '127.0.0.1')
    expect(await world.events.wait('dropped')).toMatchObject({ reason: 'stun' })
    phone.send(message(1), listener.bindPort, '127.0.0.1')
    await world.events.wait('keptAlive')
    expect(answers).toBeLessThanOrEqual(1)
  })

  test('a flood of requests is answered up to a bound, until the next sweep', async () => {
    const listener = await makeListener('udp', '127.0.0.1')
    await world.transports.open(listener, options())
    const phone = await peer('127.0.0.1')
    for (let sent = 0; sent < 1000; sent += 50) {
      for (let i = 0; i < 50; i++) phone.send(message(1), listener.bindPort, '127.0.0.1')
      await world.events.wait('keptAlive', sent + 50)
    }
    phone.send(message(1), listener.bindPort, '127.0.0.1')
    expect(await world.events.wait('dropped')).toMatchObject({ reason: 'stun' })
    world.pass(250)
    phone.send(message(1), listener.bindPort, '127.0.0.1')
    await world.events.wait('keptAlive', 1001)
  })

  test.skipIf(!existsSync('/usr/bin/turnutils_stunclient'))('coturn’s client reads the answer', async () => {
    const listener = await makeListener('udp', '127.0.0.1')
    await world.transports.open(listener, options())
    const { stdout } = await promisify(execFile)('turnutils_stunclient', ['-p', String(listener.bindPort), '127.0.0.1'], {
      timeout: 10_000,
    })
    const { flow } = await world.events.wait('keptAlive')
    expect(stdout).toContain(`UDP reflexive addr: 127.0.0.1:${flow.remotePort}`)
  })
})
