import { createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { HmacKey } from '../../../src/engine/hmac.ts'

test('RFC 2104: the MAC is the one that OpenSSL makes, for keys and texts of any length', () => {
  for (const keyLength of [0, 1, 32, 64]) {
    const key = randomBytes(keyLength)
    const mac = new HmacKey(key)
    for (const length of [0, 1, 55, 64, 300, 448, 449, 5000, 3]) {
      const text = randomBytes(length).toString('latin1')
      expect(mac.mac(text)).toBe(createHmac('sha256', key).update(text, 'latin1').digest('base64url'))
    }
  }
})
