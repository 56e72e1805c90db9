import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DNS_PROVIDERS } from '../../../src/certs/acme/dns/providers.ts'
import { EXPIRY_STEPS } from '../../../src/certs/intake/rules.ts'

const text = readFileSync('docs/certificates.md', 'utf8')

test.each(Object.entries(DNS_PROVIDERS))('docs/certificates.md has every setting of the DNS provider %s', (name, { settings }) => {
  const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\``))
  expect(row).toBeDefined()
  expect(Object.keys(settings).filter((setting) => !row!.includes(`\`${setting}\``))).toEqual([])
})

test('docs/certificates.md names the days of alarms', () => {
  const [last, ...rest] = [...EXPIRY_STEPS].reverse()
  expect(text).toContain(`**${rest.reverse().join(', ')} and ${last} days**`)
})
