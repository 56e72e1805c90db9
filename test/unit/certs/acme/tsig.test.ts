import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sign, type TsigKey, verify } from '../../../../src/certs/acme/dns/tsig.ts'
import { decodeMessage, encodeMessage, encodeRecord, encodeText, OPCODE, TYPE, uint16 } from '../../../../src/certs/acme/dns/wire.ts'

const SECRET = Buffer.from('c2VjcmV0IG9mIHRoZSB6b25l', 'base64')
const TIME = 0x6b01ac7c

/** Updates as nsupdate of BIND 9.18 sent them: key update.key, zone example.test, one TXT record. */
const BY_NSUPDATE = {
  'hmac-sha256':
    '2e1a28000001000000010001076578616d706c65047465737400000600010f5f61636d652d6368616c6c656e6765c00c001000010000003c000908766c6175655f2d3106757064617465036b65790000fa00ff00000000003d0b686d61632d7368613235360000006b01ac7c012c0020a50cf2101f3ae1e97ab64bb3e3b1e3571b247848d3de8eb8fca893b9abc41cd42e1a00000000',
  'hmac-sha512':
    '89ef28000001000000010001076578616d706c65047465737400000600010f5f61636d652d6368616c6c656e6765c00c001000010000003c000908766c6175655f2d3106757064617465036b65790000fa00ff00000000005d0b686d61632d7368613531320000006b01ac7c012c0040feccbbc79f38dc0cdf7a9404be08c2838405bca738a2b89a5252ce0c156ba8aece6db476d5e9b583bb7cfa5b8794b238a360d56ce11296f8bcb25d28416ca9fa89ef00000000',
} as const

const unsigned = (bytes: Buffer): Buffer => {
  const message = Buffer.from(bytes.subarray(0, decodeMessage(bytes).lastRecordAt))
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10)
  return message
}

test.each(['hmac-sha256', 'hmac-sha512'] as const)('RFC 8945 §5.1: %s signs to the byte as nsupdate does', (algorithm) => {
  const theirs = Buffer.from(BY_NSUPDATE[algorithm], 'hex')
  expect(sign(unsigned(theirs), { name: 'update.key', algorithm, secret: SECRET }, TIME).bytes.toString('hex')).toBe(theirs.toString('hex'))
})

test('RFC 2136 §2: an update is read as it was written, also with compressed names', () => {
  const theirs = decodeMessage(Buffer.from(BY_NSUPDATE['hmac-sha256'], 'hex'))
  expect(theirs).toMatchObject({
    id: 0x2e1a,
    response: false,
    opcode: OPCODE.UPDATE,
    question: [{ name: 'example.test', type: TYPE.SOA, class: 1 }],
    answer: [],
    authority: [{ name: '_acme-challenge.example.test', type: TYPE.TXT, class: 1, ttl: 60, data: encodeText('vlaue_-1') }],
    additional: [{ name: 'update.key', type: TYPE.TSIG, class: 255, ttl: 0 }],
  })
  // Ours has no compression, and says the same
  const ours = decodeMessage(encodeMessage({ ...theirs, additional: [] }))
  expect({ ...ours, lastRecordAt: 0 }).toEqual({ ...theirs, additional: [], lastRecordAt: 0 })
})

describe('RFC 8945 §5.3: the answer', () => {
  const key: TsigKey = { name: 'Update.Key', algorithm: 'hmac-sha256', secret: SECRET }
  const requestMac = Buffer.alloc(32, 7)

  /** An answer as a server signs it: over the signature of the request, the message, and the variables (§5.3.1). */
  const answer = (signer: TsigKey, mac: Buffer, time = TIME): Buffer => {
    const message = uint16(0x2e1a, 0xa800, 0, 0, 0, 0)
    const stamp = Buffer.alloc(6)
    stamp.writeUIntBE(time, 0, 6)
    const owner = Buffer.concat([encodeName(signer.name.toLowerCase()), Buffer.from('00ff00000000', 'hex'), encodeName(signer.algorithm)])
    const digest = createHmac('sha256', signer.secret)
      .update(Buffer.concat([uint16(mac.length), mac, message, owner, stamp, uint16(300, 0, 0)]))
      .digest()
    // As a request it has everything but that signature, which stands before original ID, error and other length
    const { bytes } = sign(message, signer, time)
    return Buffer.concat([bytes.subarray(0, -38), digest, bytes.subarray(-6)])
  }
  const encodeName = (name: string): Buffer =>
    Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])), Buffer.of(0)])

  test('is taken with the right key, for this request, in time', () => {
    expect(verify(answer(key, requestMac), key, requestMac, TIME)).toBeUndefined()
    expect(verify(answer(key, requestMac), key, requestMac, TIME + 300)).toBeUndefined()
  })

  test.each([
    ['unsigned', uint16(0x2e1a, 0xa800, 0, 0, 0, 0), 'the answer is not signed'],
    ['for another request', answer(key, Buffer.alloc(32, 8)), 'the signature of the answer is wrong'],
    ['with another secret', answer({ ...key, secret: Buffer.from('x') }, requestMac), 'the signature of the answer is wrong'],
    ['with another key', answer({ ...key, name: 'other' }, requestMac), 'the answer is signed with another key'],
    ['of an hour ago', answer(key, requestMac, TIME - 3600), 'the answer is too old'],
  ])('%s is not', (_what, bytes, words) => {
    expect(verify(bytes, key, requestMac, TIME)).toBe(words)
  })

  test('changed on its way is not', () => {
    const bytes = answer(key, requestMac)
    bytes[3] = 5
    expect(verify(bytes, key, requestMac, TIME)).toBe('the signature of the answer is wrong')
  })
})

describe('RFC 1035 §4.1.4: what is no message', () => {
  test.each([
    ['nothing', ''],
    ['half a header', '2e1a2800'],
    ['a name that points to itself', '000080000001000000000000c00c00010001'],
    ['a label that is longer than the message', '0000800000010000000000003f61'],
    ['a record that ends early', '00008000000000010000000000001000010000003c00ff41'],
    ['more records than there are', '0000800000000009000000000000100001000000010000'],
  ])('%s is a RangeError', (_what, hex) => {
    expect(() => decodeMessage(Buffer.from(hex, 'hex'))).toThrow(RangeError)
  })

  test('names and texts that do not fit are not written', () => {
    const record = { type: TYPE.TXT, class: 1, ttl: 1, data: Buffer.alloc(0) }
    for (const name of ['a..b', `${'a'.repeat(64)}.test`, `${'a.'.repeat(130)}test`])
      expect(() => encodeRecord({ ...record, name })).toThrow(RangeError)
    expect(() => encodeText('x'.repeat(256))).toThrow(RangeError)
    expect(encodeRecord({ ...record, name: '.' })[0]).toBe(0)
  })
})
