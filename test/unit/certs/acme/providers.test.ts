import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { DNS_PROVIDERS, openProvider } from '../../../../src/certs/acme/dns/providers.ts'
import type { DnsProvider } from '../../../../src/certs/acme/dns/types.ts'
import { type ApiCall, type ApiReply, startApi } from './api-fake.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-providers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const signal = new AbortController().signal
const NAME = '_acme-challenge.sbc.example.test'
const deps = (environment: Record<string, string> = {}) => ({
  environment,
  clock: { now: () => performance.now(), wall: () => Date.UTC(2031, 0, 2, 3, 4, 5) },
  userAgent: 'edgeways/test',
})
const open: (DnsProvider | { stop(): Promise<void> })[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await ('close' in one ? one.close() : one.stop())
})

/** A provider in front of an API that behaves so. */
const started = async (
  provider: string,
  answer: (call: ApiCall) => ApiReply,
  settings: Record<string, string> = {},
  environment: Record<string, string> = { TOKEN: 'tok-1\n' },
) => {
  const api = await startApi(answer)
  const made = await openProvider({ provider, settings: { url: api.url, ...settings }, servers: [], propagationMs: 0 }, deps(environment))
  open.push(made, api)
  return { api, provider: made }
}

describe('settings of a provider', () => {
  const cannot = (provider: string, settings: Record<string, string>, environment: Record<string, string> = {}) =>
    expect(openProvider({ provider, settings, servers: [], propagationMs: 0 }, deps(environment))).rejects

  test('mistakes are told in words', async () => {
    await cannot('godaddy', {}).toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message: 'There is no DNS provider "godaddy"; there are rfc2136, hook, cloudflare, hetzner, route53',
    })
    await cannot('toString', {}).toThrow('There is no DNS provider "toString"')
    await cannot('cloudflare', { token: 'abc' }).toThrow(
      'The DNS provider cloudflare has no setting token; it has token-file, token-env, zone-id, url',
    )
    await cannot('cloudflare', {}).toThrow('The DNS provider cloudflare needs token-file or token-env')
    await cannot('cloudflare', { 'token-env': 'CF' }).toThrow(
      'The DNS provider cloudflare wants its token in the variable CF, which is not set; set it where this process is started',
    )
    await cannot('hetzner', { 'token-file': join(folder, 'none') }).toMatchObject({
      code: 'SBC_CERTIFICATE_FILE',
      message: expect.stringContaining('Cannot read token of the DNS provider hetzner in '),
    })
    await cannot('hook', {}).toThrow('The DNS provider hook needs program-file')
    await cannot('hook', { 'program-file': 'relative' }).toThrow('program-file of the DNS provider hook is no absolute path: relative')
    await cannot('hook', { 'program-file': '/x', timeout: '1m' }).toThrow('timeout of the DNS provider hook is no whole number: "1m"')
    await cannot('route53', { 'access-key-id': 'AK' }).toThrow('The DNS provider route53 needs access-key-id and secret-access-key-file')
    await cannot('rfc2136', { server: 'a', 'key-env': 'K' }, { K: 'c2VjcmV0' }).toThrow('The DNS provider rfc2136 needs key-name')
    await cannot('rfc2136', { server: 'a', 'key-name': 'k', 'key-env': 'K', 'key-algorithm': 'hmac-md5' }, { K: 'c2VjcmV0' }).toThrow(
      'is hmac-sha256 or hmac-sha512, not "hmac-md5"',
    )
    await cannot('rfc2136', { server: 'a', 'key-name': 'k', 'key-env': 'K' }, { K: 'no base64!' }).toThrow(
      'The secret of the TSIG key k is no base64',
    )
    await cannot('rfc2136', { server: 'a', 'key-name': 'k', 'key-env': 'K', transport: 'tls' }, { K: 'c2VjcmV0' }).toThrow(
      'transport of the DNS provider rfc2136 is udp or tcp, not "tls"',
    )
  })

  test('each has a description', () => {
    for (const { settings } of Object.values(DNS_PROVIDERS))
      for (const text of Object.values(settings)) expect(text.length).toBeGreaterThan(10)
  })
})

describe('Cloudflare (API v4)', () => {
  const cloudflare = (
    more: Partial<Record<'zone' | 'create', ApiReply>> = {},
    records: { id: string; name: string; content: string }[] = [],
  ) => {
    const good = (result: unknown): ApiReply => ({ body: { success: true, errors: [], messages: [], result } })
    return started(
      'cloudflare',
      ({ method, path, query, headers, body }) => {
        if (headers.authorization !== 'Bearer tok-1')
          return { status: 403, body: { success: false, errors: [{ code: 9109, message: 'Invalid access token' }], result: null } }
        if (path === '/zones') return more.zone ?? good(query.get('name') === 'example.test' ? [{ id: 'z1', name: 'example.test' }] : [])
        if (method === 'POST' && path === '/zones/z1/dns_records') {
          const { type, name, content } = JSON.parse(body) as { type: string; name: string; content: string }
          if (more.create !== undefined) return more.create
          expect([type, headers['content-type']]).toEqual(['TXT', 'application/json'])
          records.push({ id: `r${records.length}`, name, content })
          return good({ id: 'r' })
        }
        if (method === 'GET' && path === '/zones/z1/dns_records')
          return good(records.filter(({ name }) => query.get('type') === 'TXT' && name === query.get('name.exact')))
        const id = /^\/zones\/z1\/dns_records\/(\w+)$/.exec(path)?.[1]
        if (method !== 'DELETE' || id === undefined) return { status: 404, body: { success: false, errors: [] } }
        records.splice(
          records.findIndex((one) => one.id === id),
          1,
        )
        return good({ id })
      },
      { 'token-env': 'TOKEN' },
    )
  }

  test('the zone is found by its name, two values stand beside each other, only ours goes', async () => {
    const records = [{ id: 'other', name: NAME, content: '"of somebody else"' }]
    const { api, provider } = await cloudflare({}, records)
    await provider.add({ name: NAME, value: 'one' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    expect(records.map(({ name, content }) => [name, content])).toEqual([
      [NAME, '"of somebody else"'],
      [NAME, '"one"'],
      [NAME, '"two"'],
    ])
    expect(api.calls.slice(0, 3).map(({ query }) => query.get('name'))).toEqual([NAME, 'sbc.example.test', 'example.test'])
    await provider.remove({ name: NAME, value: 'one' }, signal)
    await provider.remove({ name: NAME, value: 'one' }, signal)
    expect(records.map(({ content }) => content)).toEqual(['"of somebody else"', '"two"'])
    expect(api.calls[0]!.headers['user-agent']).toBe('edgeways/test')
  })

  test('a record that is there already is what was wanted', async () => {
    const { provider } = await cloudflare({
      create: {
        status: 400,
        body: { success: false, errors: [{ code: 81058, message: 'An identical record already exists.' }], result: null },
      },
    })
    await provider.add({ name: NAME, value: 'one' }, signal)
  })

  test('what it refuses is told with its words', async () => {
    const { provider } = await cloudflare({
      create: { status: 403, body: { success: false, errors: [{ code: 10000, message: 'Authentication error' }], result: null } },
    })
    await expect(provider.add({ name: NAME, value: 'one' }, signal)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message: `Cloudflare did not add ${NAME}: Authentication error (10000) (HTTP status 403); may the token read zones and edit the DNS of this one?`,
    })
    const page = await cloudflare({ zone: { status: 502, body: '<html>Bad gateway</html>' } })
    await expect(page.provider.add({ name: NAME, value: 'one' }, signal)).rejects.toThrow(
      `Cloudflare did not look up the zone ${NAME}: HTTP status 502`,
    )
    const none = await cloudflare()
    await expect(none.provider.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
      'Cloudflare has no zone for _acme-challenge.example.net',
    )
  })
})

describe('Hetzner (Cloud API v1)', () => {
  const hetzner = (
    sets: Map<string, Set<string>>,
    action: object = { id: 7, status: 'success', error: null },
    settings: Record<string, string> = {},
  ) => {
    let polls = 0
    return started(
      'hetzner',
      ({ method, path, headers, body }) => {
        if (headers.authorization !== 'Bearer tok-2')
          return { status: 401, body: { error: { code: 'unauthorized', message: 'the token is not valid' } } }
        if (path === '/zones/example.test') return { body: { zone: { id: 1, name: 'example.test' } } }
        if (path === '/actions/7')
          return {
            body: {
              action: {
                ...action,
                status: ++polls < 2 ? 'running' : ((action as { result?: string }).result ?? 'success'),
                error: { message: 'zone is locked' },
              },
            },
          }
        const [, zone, name, what] = /^\/zones\/([^/]+)\/rrsets\/([^/]+)\/TXT\/actions\/(add|remove)_records$/.exec(path) ?? []
        if (zone !== 'example.test' || method !== 'POST')
          return { status: 404, body: { error: { code: 'not_found', message: 'zone not found' } } }
        const { records } = JSON.parse(body) as { records: { value: string }[] }
        const set = sets.get(name!) ?? new Set()
        if (what === 'remove' && set.size === 0) return { status: 404, body: { error: { code: 'not_found', message: 'rrset not found' } } }
        for (const { value } of records) {
          expect(value).toMatch(/^".*"$/)
          if (what === 'add') set.add(value)
          else set.delete(value)
        }
        sets.set(name!, set)
        return { status: 201, body: { action } }
      },
      { 'token-file': join(folder, 'hetzner-token'), ...settings },
    )
  }
  writeFileSync(join(folder, 'hetzner-token'), 'tok-2\n')

  test('values are added to a set and taken out of it, by the name within the zone', async () => {
    const sets = new Map<string, Set<string>>()
    const { api, provider } = await hetzner(sets)
    await provider.add({ name: NAME, value: 'one' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    expect([...sets.get('_acme-challenge.sbc')!]).toEqual(['"one"', '"two"'])
    expect(JSON.parse(api.calls.find(({ method }) => method === 'POST')!.body)).toEqual({ ttl: 60, records: [{ value: '"one"' }] })
    for (const value of ['one', 'two', 'two']) await provider.remove({ name: NAME, value }, signal)
    expect([...sets.get('_acme-challenge.sbc')!]).toEqual([])
    await provider.add({ name: 'example.test', value: 'apex' }, signal)
    expect(sets.has('@')).toBe(true)
  })

  test('an action that goes on is waited for; one that fails is told', async () => {
    const { api, provider } = await hetzner(new Map(), { id: 7, status: 'running', error: null })
    await provider.add({ name: NAME, value: 'one' }, signal)
    expect(api.calls.filter(({ path }) => path === '/actions/7')).toHaveLength(2)
    const failing = await hetzner(new Map(), { id: 7, status: 'running', error: null, result: 'error' })
    await expect(failing.provider.add({ name: NAME, value: 'one' }, signal)).rejects.toThrow(`Hetzner did not add ${NAME}: zone is locked`)
  })

  test('another project, a wrong zone', async () => {
    writeFileSync(join(folder, 'wrong-token'), 'tok-3')
    const wrong = await hetzner(new Map(), undefined, { 'token-file': join(folder, 'wrong-token') })
    await expect(wrong.provider.add({ name: NAME, value: 'one' }, signal)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message: `Hetzner did not look up the zone ${NAME}: the token is not valid (unauthorized) (HTTP status 401); may the token read and write in the project of the zone?`,
    })
    const none = await hetzner(new Map())
    await expect(none.provider.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
      /^Hetzner has no zone for _acme-challenge\.example\.net/,
    )
    const other = await hetzner(new Map(), undefined, { zone: 'example.org' })
    await expect(other.provider.add({ name: '_acme-challenge.example.org', value: 'x' }, signal)).rejects.toThrow(
      /^Hetzner did not add _acme-challenge\.example\.org: no such zone/,
    )
  })
})

describe('Route 53 (API 2013-04-01)', () => {
  const zones = `<?xml version="1.0"?><ListHostedZonesByNameResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones><HostedZone><Id>/hostedzone/PRIVATE</Id><Name>example.test.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone><HostedZone><Id>/hostedzone/Z123</Id><Name>example.test.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone><HostedZone><Id>/hostedzone/ZNEXT</Id><Name>example.uk.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>false</IsTruncated></ListHostedZonesByNameResponse>`
  const failure = (code: string, message: string) =>
    `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`

  /** Change batches are all or nothing, and a set is deleted with all its values only. */
  const route53 = (
    state: { values: string[]; ttl: string; race?: (() => void) | undefined },
    environment: Record<string, string> = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' },
    settings = {},
  ) =>
    started(
      'route53',
      ({ method, path, query, headers, body }) => {
        if (
          !/^AWS4-HMAC-SHA256 Credential=AKID\/20310102\/us-east-1\/route53\/aws4_request, SignedHeaders=(content-type;)?host;x-amz-date(;x-amz-security-token)?, Signature=[0-9a-f]{64}$/.test(
            headers.authorization ?? '',
          )
        )
          return { status: 403, body: failure('InvalidClientTokenId', 'The security token included in the request is invalid.') }
        if (path === '/2013-04-01/hostedzonesbyname') return { body: zones }
        if (method === 'GET' && path === '/2013-04-01/hostedzone/Z123/rrset') {
          expect([query.get('name'), query.get('type')]).toEqual([NAME, 'TXT'])
          const values = state.values
            .map((value) => `<ResourceRecord><Value>${value.replaceAll('"', '&quot;')}</Value></ResourceRecord>`)
            .join('')
          // It lists from that name on: without a set there comes the next one
          const [name, type] = state.values.length === 0 ? ['sbc.example.test.', 'A'] : [`${NAME}.`, 'TXT']
          return {
            body: `<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet><Name>${name}</Name><Type>${type}</Type><TTL>${state.ttl}</TTL><ResourceRecords>${values}</ResourceRecords></ResourceRecordSet></ResourceRecordSets></ListResourceRecordSetsResponse>`,
          }
        }
        if (method !== 'POST' || path !== '/2013-04-01/hostedzone/Z123/rrset/')
          return { status: 404, body: failure('NoSuchHostedZone', path) }
        expect(headers['content-type']).toBe('application/xml')
        state.race?.()
        state.race = undefined
        const changes = [...body.matchAll(/<Change>(.*?)<\/Change>/g)].map(([, change]) => ({
          action: /<Action>(\w+)</.exec(change!)?.[1],
          name: /<Name>([^<]+)</.exec(change!)?.[1],
          values: [...change!.matchAll(/<Value>([^<]*)</g)].map(([, value]) => value!.replaceAll('&quot;', '"')),
        }))
        let values = state.values
        for (const change of changes) {
          expect(change.name).toBe(`${NAME}.`)
          if (change.action === 'DELETE' && change.values.join() !== values.join())
            return { status: 400, body: failure('InvalidChangeBatch', 'values provided do not match the current values') }
          if (change.action === 'CREATE' && values.length > 0)
            return { status: 400, body: failure('InvalidChangeBatch', 'it already exists') }
          values = change.action === 'DELETE' ? [] : change.values
        }
        state.values = values
        return {
          body: '<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>',
        }
      },
      settings,
      environment,
    )

  test('values are added to the set of the public zone, and taken out; those of others stay', async () => {
    const state = { values: ['"v=spf1 + x"'], ttl: '300' }
    const { api, provider } = await route53(state)
    await provider.add({ name: NAME, value: 'one' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    expect(state.values).toEqual(['"v=spf1 + x"', '"one"', '"two"'])
    expect(api.calls.filter(({ method }) => method === 'POST')).toHaveLength(2)
    expect(api.calls.find(({ method }) => method === 'POST')!.body).toContain('<TTL>300</TTL>')
    for (const value of ['one', 'two', 'two']) await provider.remove({ name: NAME, value }, signal)
    expect(state.values).toEqual(['"v=spf1 + x"'])
    state.values = []
    await provider.add({ name: NAME, value: 'alone' }, signal)
    await provider.remove({ name: NAME, value: 'alone' }, signal)
    expect(state.values).toEqual([])
  })

  test('a set that somebody else changes meanwhile is read again, and nothing of it is lost', async () => {
    const state: { values: string[]; ttl: string; race: () => void } = { values: ['"a"'], ttl: '60', race: () => state.values.push('"b"') }
    const { provider } = await route53(state)
    await provider.add({ name: NAME, value: 'ours' }, signal)
    expect(state.values).toEqual(['"a"', '"b"', '"ours"'])
  })

  test('temporary credentials, and keys in files', async () => {
    const state = { values: [], ttl: '60' }
    const session = await route53(state, { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 'session' })
    await session.provider.add({ name: NAME, value: 'one' }, signal)
    expect(session.api.calls[0]!.headers['x-amz-security-token']).toBe('session')
    writeFileSync(join(folder, 'aws'), 'secret\n')
    const file = await route53(
      state,
      { AWS_SESSION_TOKEN: 'of another key' },
      { 'access-key-id': 'AKID', 'secret-access-key-file': join(folder, 'aws'), 'zone-id': '/hostedzone/Z123' },
    )
    await file.provider.add({ name: NAME, value: 'two' }, signal)
    expect(file.api.calls.map(({ headers }) => headers['x-amz-security-token'])).not.toContain('of another key')
    expect(file.api.calls.some(({ path }) => path.endsWith('hostedzonesbyname'))).toBe(false)
  })

  test('what it refuses is told with its words', async () => {
    const { provider } = await route53({ values: [], ttl: '60' }, { AWS_ACCESS_KEY_ID: 'OTHER', AWS_SECRET_ACCESS_KEY: 's' })
    await expect(provider.add({ name: NAME, value: 'one' }, signal)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message: `Route 53 did not list the zone ${NAME}: The security token included in the request is invalid. (InvalidClientTokenId) (HTTP status 403); are the credentials right, the clock too, and may they change record sets of this zone?`,
    })
    const none = await route53({ values: [], ttl: '60' })
    await expect(none.provider.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
      'Route 53 has no public zone for _acme-challenge.example.net',
    )
  })
})

test('an API that is not there', async () => {
  const { api, provider } = await started('cloudflare', () => ({ body: {} }), { 'token-env': 'TOKEN' })
  await api.stop()
  await expect(provider.add({ name: NAME, value: 'x' }, signal)).rejects.toMatchObject({
    code: 'SBC_CERTIFICATE_DNS',
    message: `${new URL(api.url).host} refuses connections`,
  })
})
