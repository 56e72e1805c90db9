import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { notBefore } from '../../../src/certs/acme/errors.ts'
import { createAcmeIssuer } from '../../../src/certs/acme/issuer.ts'
import { certificateId } from '../../../src/certs/acme/renewal.ts'
import type { AcmeSettings } from '../../../src/certs/types.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { type Between, json, problem, startBetween } from './between.ts'
import { certificatesOf, order, realClock } from './order.ts'
import { startWorld, type World } from './world.ts'

let world: World
let between: Between

beforeAll(async () => {
  world = await startWorld()
  between = await startBetween(world.pebble.directory, world.authority)
})

afterEach(() => {
  between.meddle(undefined)
  expect(world.sockets.open(), 'answers that are still in place').toBe(0)
})

afterAll(async () => {
  await between?.stop()
  await world?.stop()
})

const ACME = 'urn:ietf:params:acme:error:'
const settings = (more: Partial<AcmeSettings> = {}) => world.settings({ directory: between.directory, ...more })
const place = (hosts: readonly string[], options: Parameters<typeof order>[3] = {}, more: Partial<AcmeSettings> = {}) =>
  order(settings(more), world.deps(), hosts, options)
const fault = async (hosts: readonly string[], more: Partial<AcmeSettings> = {}): Promise<Error & { code: string; problem?: string }> => {
  const { chain } = await place(hosts, {}, more)
  return chain.then(
    () => Promise.reject(new Error('It did not fail')),
    (found) => found as never,
  )
}
const newOrders = () => between.seen.filter(({ path }) => path === '/order-plz').map(({ payload }) => payload)

test('RFC 8555 §6.6: too many orders: when to ask again is in the error and in the sentence; nobody waits for it', async () => {
  between.meddle((seen, _real, response) =>
    seen.path === '/order-plz'
      ? problem(
          response,
          429,
          { type: `${ACME}rateLimited`, detail: 'too many certificates already issued for "example.test"' },
          { 'Retry-After': '86400' },
        )
      : false,
  )
  const from = Date.now()
  const found = await fault(['limited.example.test'])
  expect(Date.now() - from).toBeLessThan(3000)
  expect(found.code).toBe('SBC_CERTIFICATE_RATE_LIMIT')
  expect(notBefore(found)).toBeGreaterThanOrEqual(from + 86_400_000)
  expect(notBefore(found)).toBeLessThan(from + 86_403_000)
  expect(found.message).toMatch(
    /^127\.0\.0\.1:\d+ takes no more orders for now: "too many certificates already issued for "example\.test""; it may be asked again after \d{4}-\d\d-\d\dT/,
  )
})

test('the same with the date in the words alone, as an HTTP date, and without a problem document', async () => {
  const cases: [object | undefined, Record<string, string>, number | undefined][] = [
    [
      { type: `${ACME}rateLimited`, detail: 'too many failed authorizations (5), retry after 2031-05-04 03:02:01 UTC: see https' },
      {},
      Date.UTC(2031, 4, 4, 3, 2, 1),
    ],
    [
      { type: `${ACME}rateLimited`, detail: 'slow down' },
      { 'Retry-After': 'Sun, 04 May 2031 03:02:01 GMT' },
      Date.UTC(2031, 4, 4, 3, 2, 1),
    ],
    [undefined, { 'Retry-After': '3600' }, 3_600_000],
  ]
  for (const [document, headers, expected] of cases) {
    const from = Date.now()
    between.meddle((seen, _real, response) => {
      if (seen.path !== '/order-plz') return false
      if (document !== undefined) return problem(response, 403, document, headers)
      response.writeHead(429, headers).end('slow')
      return true
    })
    const found = await fault(['limited.example.test'])
    expect(found.code).toBe('SBC_CERTIFICATE_RATE_LIMIT')
    if (expected! < 1e9) expect(notBefore(found)! - from).toBeGreaterThanOrEqual(expected!)
    else expect(notBefore(found)).toBe(expected)
  }
})

test('a CA that is busy for a moment, and a connection that is lost, are waited out in mid-order', async () => {
  const done = new Set<string>()
  between.meddle(async (seen, real, response) => {
    if (done.has(seen.path)) return false
    done.add(seen.path)
    if (seen.path === '/order-plz')
      return problem(response, 503, { type: `${ACME}rateLimited`, detail: 'Service busy; retry later.' }, { 'Retry-After': '1' })
    if (seen.path.startsWith('/finalize-order') || seen.path.startsWith('/chalZ')) {
      // It was heard, but the answer is lost
      await real()
      response.destroy()
      return true
    }
    return false
  })
  const { chain } = await place(['shaky.example.test'])
  expect(certificatesOf(await chain)).not.toHaveLength(0)
  expect([...done].some((path) => path.startsWith('/finalize-order'))).toBe(true)
})

test('a directory that answers 503 is told at once', async () => {
  between.meddle((_seen, _real, response) => {
    response.writeHead(503, { 'Retry-After': '600' }).end()
    return true
  })
  const from = Date.now()
  const found = await fault(['busy.example.test'])
  expect(found).toMatchObject({
    code: 'SBC_CERTIFICATE_CA',
    message: expect.stringMatching(/does not serve now: its directory answers 503; it will be tried again$/),
  })
  expect(notBefore(found)).toBeGreaterThanOrEqual(from + 600_000)
})

test('RFC 8555 §6.7.1: what the CA says of single names of an order is told with the names', async () => {
  between.meddle((seen, _real, response) =>
    seen.path === '/order-plz'
      ? problem(response, 400, {
          type: `${ACME}malformed`,
          detail: 'Some of the identifiers requested were rejected',
          subproblems: [
            {
              type: `${ACME}rejectedIdentifier`,
              detail: 'The CA will not issue for "_bad.example.test".',
              identifier: { type: 'dns', value: 'bad.example.test' },
            },
            { type: `${ACME}caa`, detail: 'CAA forbids it', identifier: { type: 'dns', value: 'caa.example.test' } },
          ],
        })
      : false,
  )
  const found = await fault(['bad.example.test', 'caa.example.test'])
  expect(found.code).toBe('SBC_CERTIFICATE_ORDER')
  expect(found.message).toContain(
    '"Some of the identifiers requested were rejected, bad.example.test: The CA will not issue for "_bad.example.test" (rejectedIdentifier), caa.example.test: CAA forbids it (caa)"',
  )
})

test('User-Agent, profile and replaced certificate are in the requests', async () => {
  between.meddle(async (seen, real, response) => {
    if (seen.path !== '/dir') return false
    const directory = JSON.parse((await real()).body) as { meta: object }
    return json(response, {
      ...directory,
      renewalInfo: `${new URL(between.directory).origin}/renewal-info`,
      meta: { ...directory.meta, profiles: { shortlived: '…' } },
    })
  })
  const first = await (await place(['profile.example.test'], {}, { profile: 'shortlived' })).chain
  const before = newOrders().length
  await (await place(['profile.example.test'], { replaces: first })).chain
  expect(newOrders()[before - 1]).toMatchObject({ profile: 'shortlived' })
  expect(newOrders()[before]).toEqual({
    identifiers: [{ type: 'dns', value: 'profile.example.test' }],
    replaces: await certificateId(first),
  })
  expect(new Set(between.seen.map(({ agent }) => agent))).toEqual(new Set(['edgeways/0 acme-client/5']))
})

test('RFC 9773 §7.4: a certificate that was replaced already does not stop the order', async () => {
  const first = await (await place(['twice.example.test'])).chain
  between.meddle(async (seen, real, response) => {
    if (seen.path === '/dir')
      return json(response, { ...(JSON.parse((await real()).body) as object), renewalInfo: 'https://127.0.0.1/renewal-info' })
    if (seen.path === '/order-plz' && seen.payload?.replaces !== undefined)
      return problem(response, 409, { type: `${ACME}alreadyReplaced`, detail: 'replaced by another order' })
    return false
  })
  const before = newOrders().length
  await (await place(['twice.example.test'], { replaces: first })).chain
  expect(newOrders().slice(before)).toHaveLength(2)
})

test('a profile that the CA does not have', async () => {
  between.meddle(async (seen, real, response) => {
    if (seen.path === '/dir')
      return json(response, { ...(JSON.parse((await real()).body) as object), meta: { profiles: { classic: '…', tlsserver: '…' } } })
    if (seen.path === '/order-plz')
      return problem(response, 400, { type: `${ACME}invalidProfile`, detail: 'profile "short" is not recognized' })
    return false
  })
  expect((await fault(['profile.example.test'], { profile: 'short' })).message).toMatch(
    /has no profile short: "profile "short" is not recognized"; its profiles are classic, tlsserver$/,
  )
})

test('CAA: the record to add is in the remedy', async () => {
  between.meddle(async (seen, real, response) => {
    if (seen.path === '/dir')
      return json(response, { ...(JSON.parse((await real()).body) as object), meta: { caaIdentities: ['ca.example'] } })
    if (!seen.path.startsWith('/authZ')) return false
    const answer = await real()
    const authorization = JSON.parse(answer.body) as { status: string; challenges: { type: string }[] }
    if (between.seen.every(({ path }) => !path.startsWith('/chalZ'))) return json(response, authorization)
    const error = { type: `${ACME}caa`, detail: 'CAA record for caa.example.test prevents issuance' }
    return json(response, {
      ...authorization,
      status: 'invalid',
      challenges: authorization.challenges.map((one) => ({ ...one, status: 'invalid', error })),
    })
  })
  const found = await fault(['caa.example.test'])
  expect(found.code).toBe('SBC_CERTIFICATE_CHALLENGE')
  expect(found.message).toMatch(
    /^caa\.example\.test: \S+ is not among the CAs that the CAA record allows: ".+"; add a CAA record for it \(0 issue "ca\.example"\), or use a CA that is named there$/,
  )
})

test('a challenge that the CA does not offer: which it does', async () => {
  between.meddle(async (seen, real, response) => {
    if (!seen.path.startsWith('/authZ')) return false
    const authorization = JSON.parse((await real()).body) as { challenges: { type: string }[] }
    return json(response, { ...authorization, challenges: authorization.challenges.filter(({ type }) => type === 'dns-01') })
  })
  expect((await fault(['only.example.test'])).message).toMatch(
    /^only\.example\.test: \S+ does not offer http-01 for it, only dns-01; set challenge$/,
  )
})

test('terms that have changed: the page to open', async () => {
  between.meddle((seen, _real, response) =>
    seen.path === '/order-plz'
      ? problem(response, 403, {
          type: `${ACME}userActionRequired`,
          detail: 'Terms of service have changed',
          instance: 'https://ca.example/agreement',
        })
      : false,
  )
  expect(await fault(['terms.example.test'])).toMatchObject({
    code: 'SBC_CERTIFICATE_ACCOUNT',
    message: expect.stringMatching(/wants a person to act first: "Terms of service have changed"; open https:\/\/ca\.example\/agreement$/),
  })
})

const renewal = async (chain: string) => {
  const issuer = createAcmeIssuer(settings(), { ...world.deps(), clock: realClock, log: SILENT_LOG, environment: {} })
  return issuer.renewal!(chain, new AbortController().signal)
}

test('RFC 9773 §4.2: when to renew, as the CA says; without such a resource nothing', async () => {
  const chain = await (await place(['ari.example.test'])).chain
  expect(await renewal(chain)).toBeUndefined()
  const id = await certificateId(chain)
  const [leaf] = certificatesOf(chain)
  expect(Buffer.from(id!.split('.')[1]!, 'base64url').toString('hex').replace(/^00/, '').toUpperCase()).toBe(leaf!.serialNumber)

  const answer = {
    suggestedWindow: { start: '2031-01-02T04:00:00Z', end: '2031-01-03T04:00:00.5Z' },
    explanationURL: 'https://ca.example/why',
  }
  let headers: Record<string, string> = { 'Retry-After': '21600' }
  let document: object = answer
  between.meddle(async (seen, real, response) => {
    const base = `${new URL(between.directory).origin}/renewal-info/`
    if (seen.path === '/dir') return json(response, { ...(JSON.parse((await real()).body) as object), renewalInfo: base })
    if (seen.path === `/renewal-info/${id}` && seen.method === 'GET') return json(response, document, headers)
    return false
  })
  expect(await renewal(chain)).toEqual({
    start: Date.UTC(2031, 0, 2, 4),
    end: Date.UTC(2031, 0, 3, 4, 0, 0, 500),
    explanation: 'https://ca.example/why',
    retryAfterMs: expect.closeTo(21_600_000, -3),
  })
  // RFC 9773 §4.3.2: not more often than once a minute, and once a day at least
  for (const [sent, expected] of [
    ['1', 60_000],
    ['9999999', 86_400_000],
    [undefined, 21_600_000],
  ] as const) {
    headers = sent === undefined ? {} : { 'Retry-After': sent }
    expect((await renewal(chain))!.retryAfterMs).toBe(expected)
  }
  document = { suggestedWindow: { start: answer.suggestedWindow.end, end: answer.suggestedWindow.start } }
  await expect(renewal(chain)).rejects.toThrow(/suggests no time to renew/)
  between.meddle(async (seen, real, response) => {
    if (seen.path === '/dir')
      return json(response, {
        ...(JSON.parse((await real()).body) as object),
        renewalInfo: `${new URL(between.directory).origin}/renewal-info`,
      })
    return seen.path.startsWith('/renewal-info/')
      ? problem(response, 404, { type: `${ACME}malformed`, detail: 'no such certificate' })
      : false
  })
  await expect(renewal(chain)).rejects.toMatchObject({
    code: 'SBC_CERTIFICATE_ORDER',
    message: expect.stringContaining('no such certificate'),
  })
})
