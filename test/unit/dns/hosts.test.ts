import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { localAddresses, parseHosts } from '../../../src/dns/hosts.ts'
import { SystemFile } from '../../../src/dns/system-file.ts'

const HOSTS = parseHosts(`
# comment
127.0.0.1   localhost
10.0.0.20\tpbx PBX.Example.com. # the voice server
10.0.0.21 pbx
2001:db8::20 pbx
not-an-address nobody
fe80::1%eth0 linklocal
`)

test.each([
  ['a name and its aliases, lines adding up', 'pbx', 4, ['10.0.0.20', '10.0.0.21']],
  ['families apart', 'pbx', 6, ['2001:db8::20']],
  ['without case and final dot', 'pbx.example.com', 4, ['10.0.0.20']],
  ['undefined for a family that the file does not have', 'pbx.example.com', 6, undefined],
  ['undefined for a name that the file does not have', 'nobody', 4, undefined],
  ['RFC 6761 §6.3: localhost in a family that the file does not have', 'localhost', 6, ['::1']],
  ['RFC 6761 §6.3: names below localhost', 'a.localhost', 4, ['127.0.0.1']],
  ['no prototype names', 'constructor', 4, undefined],
] as const)('hosts(5): %s', (_name, name, family, expected) => {
  expect(localAddresses(HOSTS, name, family)).toEqual(expected)
})

test('the hosts file is read again when its time changes, and is empty when it is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeways-hosts-'))
  const path = join(folder, 'hosts')
  try {
    await writeFile(path, '10.0.0.1 a')
    const file = new SystemFile(path)
    expect(file.readNow()).toBe('10.0.0.1 a')
    expect(await file.changed()).toBe(false)
    await writeFile(path, '10.0.0.2 a')
    await utimes(path, 1, 1)
    expect(await file.changed()).toBe(true)
    expect(file.text).toBe('10.0.0.2 a')
    expect(await file.changed()).toBe(false)
    await utimes(path, 2, 2)
    expect(await file.changed(), 'touched, but the same').toBe(false)
    await rm(path)
    expect(await file.changed()).toBe(true)
    expect(file.text).toBe('')
    expect(await file.changed()).toBe(false)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a hosts file that does not exist is an empty one', () => {
  expect(new SystemFile('/nonexistent/hosts').readNow()).toBe('')
})
