import { expect, test } from 'vitest'
import { instanceOf } from '../../../src/registrar/contact.ts'

test.each([
  ['"<urn:uuid:1>"', 'urn:uuid:1'],
  ['<urn:uuid:1>', 'urn:uuid:1'],
  ['"urn:uuid:1"', 'urn:uuid:1'],
  ['" <urn:uuid:1> "', 'urn:uuid:1'],
  [String.raw`"<urn:\x:1>"`, 'urn:x:1'],
  ['""', ''],
  ['"', ''],
  ['"<>"', ''],
  ['"<"', ''],
])('RFC 5626 §4.1: the instance in %s', (written, instance) => {
  expect(instanceOf(`;+sip.instance=${written}`)).toBe(instance)
})

test('white space without end costs no more than its length', () => {
  const before = performance.now()
  for (let i = 0; i < 20; i++) expect(instanceOf(`;+sip.instance="<${' '.repeat(16_000)}x>"`)).toHaveLength(16_001)
  // A pattern that begins anew at each of them took 300 ms for one
  expect(performance.now() - before).toBeLessThan(1000)
})
