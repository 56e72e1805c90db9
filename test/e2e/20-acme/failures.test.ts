import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { accountFile } from '../../../src/certs/acme/account.ts'
import type { AcmeSettings } from '../../../src/certs/types.ts'
import { freePort } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { certificatesOf, order } from './order.ts'
import { startWorld, type World } from './world.ts'

const HMAC = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
let world: World
let bound: World

beforeAll(async () => {
  world = await startWorld({ blocked: ['blocked.example.test'] })
  bound = await startWorld({ bindings: { 'kid-1': HMAC } })
})

afterEach(() => {
  expect(world.sockets.open() + bound.sockets.open(), 'answers that are still in place').toBe(0)
})

afterAll(async () => {
  await world?.stop()
  await bound?.stop()
})

/** How an order failed. */
const failure = async (
  settings: AcmeSettings,
  hosts: readonly string[],
  options: { readonly in?: World; readonly signal?: AbortSignal } = {},
): Promise<{ code: string; message: string; problem?: string; notBefore?: number }> => {
  const { chain } = await order(settings, (options.in ?? world).deps(), hosts, options)
  return chain.then(
    () => Promise.reject(new Error('It did not fail')),
    (fault) => fault as never,
  )
}

test('HTTP-01: nobody listens where the name leads: port, address and remedy are named', async () => {
  await world.dns.point('elsewhere.example.test', '127.0.0.9')
  const fault = await failure(world.settings(), ['elsewhere.example.test'])
  expect(fault.code).toBe('SBC_CERTIFICATE_CHALLENGE')
  expect(fault.message).toMatch(
    /^elsewhere\.example\.test: 127\.0\.0\.1:\d+ could not connect: ".*127\.0\.0\.9.*"; let TCP port 80 of 127\.0\.0\.9 lead to port \d+ of this machine/,
  )
})

test('HTTP-01: another server answers: the DNS leads elsewhere', async () => {
  const stranger = createServer((_request, response) => response.end('welcome'))
  await new Promise<void>((resolve) => stranger.listen(world.pebble.httpPort, '127.0.0.7', resolve))
  try {
    await world.dns.point('stranger.example.test', '127.0.0.7')
    const fault = await failure(world.settings(), ['stranger.example.test'])
    expect(fault.code).toBe('SBC_CERTIFICATE_CHALLENGE')
    expect(fault.message).toMatch(
      /^stranger\.example\.test: \S+ was answered by another server: ".+"; stranger\.example\.test leads to .+ there: if that is not this machine, correct its A and AAAA records$/,
    )
  } finally {
    await new Promise((resolve) => stranger.close(resolve))
  }
})

test('of several names, each that failed is told, and the others are not', async () => {
  await world.dns.point('wrong-1.example.test', '127.0.0.9')
  await world.dns.point('wrong-2.example.test', '127.0.0.9')
  const fault = await failure(world.settings(), ['wrong-1.example.test', 'right.example.test', 'wrong-2.example.test'])
  expect(fault.message).toContain('wrong-1.example.test: ')
  expect(fault.message).toContain('. wrong-2.example.test: ')
  expect(fault.message).not.toContain('right.example.test:')
})

test('TLS-ALPN-01: nothing answers with the certificate', async () => {
  await world.dns.point('notls.example.test', '127.0.0.9')
  const fault = await failure(world.settings({ challenge: 'tls-alpn-01' }), ['notls.example.test'])
  expect(fault.code).toBe('SBC_CERTIFICATE_CHALLENGE')
  expect(fault.message).toMatch(/let TCP port 443 of 127\.0\.0\.9 lead to a TLS listener/)
})

test('DNS-01: the program writes elsewhere, so the record is never seen: the CA is not asked, the record is taken away', async () => {
  const { dns, calls } = world.hook()
  const elsewhere = await startWorld()
  try {
    const fault = await failure(
      world.settings({ challenge: 'dns-01', dns: { ...dns, servers: [elsewhere.dns.address], propagationMs: 1200 } }),
      ['*.unseen.example.test'],
    )
    expect(fault.code).toBe('SBC_CERTIFICATE_DNS')
    expect(fault.message).toBe(
      `The TXT record _acme-challenge.unseen.example.test was written, but ${elsewhere.dns.address} has no TXT record there after 1 s; raise propagation, or name servers that see the zone from outside under dns-servers`,
    )
    expect(calls().map((line) => line.split(' ')[0])).toEqual(['add', 'remove'])
    expect(world.pebble.lines.some((line) => line.includes('unseen') && line.includes('validation'))).toBe(false)
  } finally {
    await elsewhere.stop()
  }
})

test('DNS-01: the CA sees another record than we wrote', async () => {
  const program = join(world.path, 'wrong-hook')
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$1" = remove ] && exit 0\nexec ${process.execPath} -e 'fetch(process.argv[1] + "/set-txt", { method: "POST", body: JSON.stringify({ host: process.argv[2] + ".", value: "something else" }) })' ${world.dns.management} "$2"\n`,
    { mode: 0o755 },
  )
  const silent = await freePort('127.0.0.1')
  const dns = { provider: 'hook', settings: { 'program-file': program }, servers: [`127.0.0.1:${silent}`], propagationMs: 100 }
  const fault = await failure(world.settings({ challenge: 'dns-01', dns }), ['*.other.example.test'])
  expect(fault.code).toBe('SBC_CERTIFICATE_CHALLENGE')
  expect(fault.message).toMatch(
    /^\*\.other\.example\.test: \S+ found another TXT record: ".+"; remove what else stands at _acme-challenge\./,
  )
})

test('DNS-01: a program that fails: its exit code and its words are in the sentence, and remove is called', async () => {
  const program = join(world.path, 'failing-hook')
  writeFileSync(program, `#!/bin/sh\necho "$1" >> ${world.path}/failing-calls\necho "no such zone" >&2\nexit 3\n`, { mode: 0o755 })
  const dns = { provider: 'hook', settings: { 'program-file': program }, servers: [world.dns.address], propagationMs: 1000 }
  const fault = await failure(world.settings({ challenge: 'dns-01', dns }), ['failing.example.test'])
  expect(fault.code).toBe('SBC_CERTIFICATE_DNS')
  expect(fault.message).toBe(`${program} add _acme-challenge.failing.example.test failed with exit code 3: no such zone`)
  expect(readFileSync(`${world.path}/failing-calls`, 'utf8')).toBe('add\nremove\n')
})

test('a wildcard without dns-01 is refused before anybody is asked', async () => {
  const before = world.pebble.lines.length
  const fault = await failure(world.settings(), ['*.example.test'])
  expect(fault.code).toBe('SBC_CERTIFICATE_CHALLENGE')
  expect(fault.message).toBe(
    '*.example.test is a wildcard, which is proved by dns-01 only, not by http-01; set challenge to dns-01 with a provider, or write the names out',
  )
  expect(world.pebble.lines.length).toBe(before)
})

test('a name that the CA does not sign for', async () => {
  const fault = await failure(world.settings(), ['blocked.example.test', 'free.example.test'])
  expect(fault).toMatchObject({ code: 'SBC_CERTIFICATE_ORDER', problem: 'rejectedIdentifier' })
  expect(fault.message).toContain('does not sign for such a name: "')
  expect(fault.message).toContain('blocked.example.test')
})

test('the port of HTTP-01 is taken', async () => {
  const port = await freePort('127.0.0.1')
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
  try {
    const fault = await failure(world.settings({ httpPort: port }), ['taken.example.test'])
    expect(fault.code).toBe('SBC_CERTIFICATE_PORT')
    expect(fault.message).toMatch(new RegExp(`^TCP port ${port} of 127.0.0.1 is in use by another program`))
  } finally {
    await new Promise((resolve) => taken.close(resolve))
  }
})

test('the CA is down: said at once', async () => {
  const port = await freePort('127.0.0.1')
  const from = performance.now()
  const fault = await failure(world.settings({ directory: `https://127.0.0.1:${port}/dir` }), ['down.example.test'])
  expect(fault).toMatchObject({ code: 'SBC_CERTIFICATE_CA', message: `127.0.0.1:${port} refuses connections` })
  expect(performance.now() - from).toBeLessThan(2000)
})

test('the CA cannot be looked up, has another root, or is no ACME server', async () => {
  const nowhere = await failure(world.settings({ directory: 'https://acme.nowhere.invalid/dir' }), ['a.example.test'])
  expect(nowhere.code).toBe('SBC_CERTIFICATE_CA')
  expect(nowhere.message).toMatch(/^acme\.nowhere\.invalid (has no address in the DNS|cannot be looked up)/)
  const untrusted = await failure(world.settings({ trustFile: undefined }), ['a.example.test'])
  expect(untrusted.message).toMatch(
    /has a certificate that is not trusted here; for a private CA name the PEM file with its root under trust$/,
  )
  const otherRoot = await failure(world.settings({ trustFile: bound.pebble.trustFile }), ['a.example.test'])
  expect(otherRoot.message).toMatch(/the file under trust has another root than the one that signed its certificate$/)
  const noDirectory = await failure(world.settings({ directory: world.pebble.directory.replace(/dir$/, 'index') }), ['a.example.test'])
  expect(noDirectory.message).toMatch(/\/index is no ACME directory: it answers 404; correct the directory$/)
})

test('RFC 8555 §7.3.4: a CA that wants a binding: right, missing, wrong', async () => {
  const keyFile = join(bound.path, 'eab.key')
  writeFileSync(keyFile, `${HMAC}\n`)
  const { chain } = await order(bound.settings({ eab: { kid: 'kid-1', keyFile } }), bound.deps(), ['bound.example.test'])
  expect(certificatesOf(await chain)).not.toHaveLength(0)

  const without = await failure(bound.settings(), ['bound.example.test'], { in: bound })
  expect(without).toMatchObject({ code: 'SBC_CERTIFICATE_ACCOUNT', problem: 'externalAccountRequired' })
  expect(without.message).toMatch(/copy kid and HMAC key from its account page to eab\.kid and eab\.key-file$/)

  const wrongKid = await failure(bound.settings({ eab: { kid: 'kid-7', keyFile } }), ['bound.example.test'], { in: bound })
  expect(wrongKid.code).toBe('SBC_CERTIFICATE_ACCOUNT')
  expect(wrongKid.message).toMatch(/does not accept the external account binding kid-7: ".+"; copy kid and HMAC key/)

  const wrongFile = join(bound.path, 'wrong.key')
  writeFileSync(wrongFile, Buffer.from('another secret of some bytes').toString('base64url'))
  const wrongKey = await failure(bound.settings({ eab: { kid: 'kid-1', keyFile: wrongFile } }), ['bound.example.test'], { in: bound })
  expect(wrongKey.message).toMatch(/does not accept the external account binding kid-1/)

  writeFileSync(wrongFile, 'no key at all')
  const noKey = await failure(bound.settings({ eab: { kid: 'kid-1', keyFile: wrongFile } }), ['bound.example.test'], { in: bound })
  expect(noKey.message).toBe(`${wrongFile} is no HMAC key: it is to hold base64 as the CA shows it, and nothing else`)
})

test('an account that the CA has deactivated: remove its file', async () => {
  const deps = world.deps()
  await (await order(world.settings(), deps, ['gone.example.test'])).chain
  const path = accountFile(deps.folder, world.settings())
  const { key, url } = JSON.parse(readFileSync(path, 'utf8')) as { key: string; url: string }
  const { default: acme } = await import('acme-client')
  acme.axios.defaults.httpsAgent = new (await import('node:https')).Agent({ ca: world.authority.certificate })
  await new acme.Client({ directoryUrl: world.pebble.directory, accountKey: key, accountUrl: url }).updateAccount({ status: 'deactivated' })
  const { chain } = await order(world.settings(), deps, ['gone.example.test'])
  await expect(chain).rejects.toMatchObject({
    code: 'SBC_CERTIFICATE_ACCOUNT',
    message: expect.stringMatching(new RegExp(`does not serve this account: ".+"; remove ${path} to register a new one$`)),
  })
})

test.each(['http-01', 'dns-01'] as const)(
  'an abort in the middle of %s: ends soon, takes the answers away, and says so',
  async (challenge) => {
    const slow = await startWorld({ environment: { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '15' } })
    try {
      const { dns, calls } = slow.hook()
      const abort = new AbortController()
      const { chain, steps } = await order(slow.settings({ challenge, dns }), slow.deps(), ['abort.example.test'], { signal: abort.signal })
      await until(() => steps.find(({ at }) => at === 'validation'), 'validation')
      expect(slow.sockets.open()).toBe(challenge === 'http-01' ? 1 : 0)
      const from = performance.now()
      abort.abort(new Error('The edge stops'))
      await expect(chain).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_STOPPED', message: 'The order of certificate public was stopped' })
      expect(performance.now() - from).toBeLessThan(3000)
      expect(slow.sockets.open()).toBe(0)
      if (challenge === 'dns-01') expect(calls().map((line) => line.split(' ')[0])).toEqual(['add', 'remove'])
    } finally {
      await slow.stop()
    }
  },
)

test('a signal that is aborted already: nobody is asked, no account is made', async () => {
  const deps = world.deps()
  const { chain } = await order(world.settings(), deps, ['never.example.test'], { signal: AbortSignal.abort() })
  await expect(chain).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_STOPPED' })
  expect(existsSync(accountFile(deps.folder, world.settings()))).toBe(false)
})
