import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derOf, derOid, oidOf, partsOf, readDer, TAG } from '../../../src/base/der.ts'
import { file, openssl } from '../certs/intake/pki.ts'

test('what is written is read again, whatever its length', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
    const content = Buffer.alloc(length, 7)
    const der = derOf(TAG.OCTET_STRING, content)
    const read = readDer(Buffer.concat([der, Buffer.from('more')]))!
    expect([read.tag, read.whole.equals(der), read.content.equals(content)]).toEqual([TAG.OCTET_STRING, true, true])
    expect(readDer(der.subarray(0, -1))).toBeUndefined()
  }
})

test.each(['', '30', '3080', '3081', '308201', '3085000000000a', '1f8101', '30ff'])('%s is no whole element', (hex) => {
  expect(readDer(Buffer.from(hex, 'hex'))).toBeUndefined()
})

test('object identifiers, as OpenSSL writes them', () => {
  for (const oid of ['1.2.840.113549.1.9.14', '2.5.29.17', '1.3.6.1.4.1.11591.4.11', '2.16.840.1.101.3.4.2.1', '2.999.4294967295']) {
    const path = file('')
    openssl(['asn1parse', '-genstr', `OID:${oid}`, '-noout', '-out', path])
    const der = readFileSync(path)
    expect(derOid(oid)).toEqual(der)
    expect(oidOf(readDer(der))).toBe(oid)
  }
  expect(oidOf(readDer(Buffer.from('0500', 'hex')))).toBe('')
})

test('the parts of any bytes are read without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const part of partsOf(readDer(Buffer.from(bytes)))) oidOf(part)
    }),
  )
})
