import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addCertificateRoutes } from '../../../src/admin/certificate-routes.ts'
import type { ConfigDesk } from '../../../src/admin/contract.ts'
import { CertificateError } from '../../../src/base/errors.ts'
import type { CertificateDesk, CertificateView } from '../../../src/certs/types.ts'
import { serverWith, TOKEN } from './support.ts'

const VIEW: CertificateView = {
  name: 'main',
  source: 'acme',
  hosts: ['sbc.example.com'],
  issuer: 'CN=CA',
  serial: '0A',
  keyType: 'ECDSA P-256',
  sha256: 'AA:BB',
  validFrom: '2026-01-01T00:00:00.000Z',
  validTo: '2026-04-01T00:00:00.000Z',
  daysLeft: 60,
  usedBy: ['web/wss'],
  next: { what: 'renew', at: '2026-03-01T00:00:00.000Z', text: 'It is renewed by itself' },
  problems: [{ severity: 'warning', text: 'Something', remedy: 'Do something' }],
  order: { running: true, steps: [{ at: 'challenge', text: 'Port 80 answers', host: 'sbc.example.com', time: 5 }] },
  history: [{ id: '1', serial: '09', validTo: '2026-02-01T00:00:00.000Z', replacedAt: '2026-01-01T00:00:00.000Z' }],
}

let calls: unknown[][]
let fault: Error | undefined
let saved: string[]
const call =
  <R>(name: string, result?: R) =>
  async (...given: unknown[]): Promise<R> => {
    calls.push([name, ...given])
    if (fault !== undefined) throw fault
    return result as R
  }
const desk: CertificateDesk = {
  views: () => [VIEW],
  renew: call('renew'),
  upload: call('upload'),
  request: call('request', 'CSR'),
  pending: call('pending', '-----BEGIN CERTIFICATE REQUEST-----\n'),
  answer: call('answer'),
  restore: call('restore'),
  revoke: call('revoke'),
  chain: call('chain', '-----BEGIN CERTIFICATE-----\n'),
  developmentRoot: call('developmentRoot', 'ROOT'),
}
const config = {
  read: async () => ({ text: 'certificates:\n  main: stored\n', version: 'v1', file: '/edge.yaml' }),
  save: async (text: string, version: string, by: string) => {
    saved.push(text, version, by)
    return { result: 'applied', at: '2026-01-01T00:00:00.000Z', changes: ['certificate added: x'], problems: [], version: 'v2' }
  },
} as unknown as ConfigDesk

let app: ReturnType<typeof serverWith>['app']
beforeEach(() => {
  ;[calls, fault, saved] = [[], undefined, []]
  app = serverWith({ more: [(one) => addCertificateRoutes(one, desk, config)] }).app
})
afterEach(() => app.close())

const headers = { authorization: `Bearer ${TOKEN}` }
const get = (url: string) => app.inject({ url, headers })
const post = (url: string, payload: object = {}) => app.inject({ method: 'POST', url, payload, headers })

test('the views are answered whole', async () => {
  expect((await get('/api/certificates')).json()).toEqual({ certificates: [VIEW] })
})

describe('what people do', () => {
  test.each([
    ['renew', {}, 202, ['renew', 'main']],
    ['upload', { chain: 'C', key: 'K', password: 'P' }, 200, ['upload', 'main', { chain: 'C', key: 'K', password: 'P' }]],
    ['upload', { pkcs12: 'AQID' }, 200, ['upload', 'main', { pkcs12: Buffer.from([1, 2, 3]) }]],
    ['answer', { chain: 'C' }, 200, ['answer', 'main', 'C']],
    ['restore', { id: '1' }, 200, ['restore', 'main', '1']],
    ['revoke', { reason: 4 }, 200, ['revoke', 'main', 4]],
  ])('%s %j comes to the desk, and the view comes back', async (what, body, status, expected) => {
    const answer = await post(`/api/certificates/main/${what}`, body)
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual(VIEW)
    expect(calls).toEqual([expected])
  })

  test('a request comes back as text for the CA', async () => {
    const wishes = { hosts: ['a.example.com'], keyType: 'rsa2048', subject: { organization: 'Example' } }
    expect((await post('/api/certificates/main/request', wishes)).json()).toEqual({ csr: 'CSR' })
    expect(calls).toEqual([['request', 'main', wishes]])
  })

  test.each([
    ['SBC_CERTIFICATE_UNKNOWN', 404],
    ['SBC_CERTIFICATE_BUSY', 409],
    ['SBC_CERTIFICATE_SOURCE', 409],
    ['SBC_CERTIFICATE_NAMES', 422],
  ])('a refusal with %s is answered %i, in words', async (code, status) => {
    fault = new CertificateError(code, 'Certificate main is not to be had')
    for (const [what, body] of [
      ['renew', {}],
      ['upload', {}],
      ['request', { hosts: [], keyType: 'rsa2048' }],
      ['restore', { id: '1' }],
    ] as const) {
      const answer = await post(`/api/certificates/main/${what}`, body)
      expect(answer.statusCode).toBe(status)
      expect(answer.json()).toEqual({ code, message: 'Certificate main is not to be had' })
    }
  })

  test.each([
    ['upload', { pkcs12: 'not base64!' }],
    ['upload', { chain: 5 }],
    ['upload', { chian: 'C' }],
    ['upload', { chain: 'x'.repeat(300_000) }],
    ['request', { hosts: ['a'] }],
    ['request', { hosts: ['a'], keyType: 'dsa' }],
    ['answer', {}],
    ['restore', {}],
    ['revoke', { reason: 'because' }],
  ])('%s with a wrong body is refused before anything happens', async (what, body) => {
    expect((await post(`/api/certificates/main/${what}`, body)).statusCode).toBe(400)
    expect(calls).toEqual([])
  })
})

test('the public parts can be downloaded; keys have no route', async () => {
  const request = await get('/api/certificates/main/request.csr')
  expect([request.statusCode, request.headers['content-type'], request.headers['content-disposition'], request.body]).toEqual([
    ...[200, 'application/x-pem-file', 'attachment; filename="main.csr"', '-----BEGIN CERTIFICATE REQUEST-----\n'],
  ])
  const chain = await get('/api/certificates/main/chain.pem')
  expect([chain.statusCode, chain.headers['content-type'], chain.headers['content-disposition'], chain.body]).toEqual([
    200,
    'application/x-pem-file',
    'attachment; filename="main.pem"',
    '-----BEGIN CERTIFICATE-----\n',
  ])
  expect((await get('/api/development-ca.pem')).body).toBe('ROOT')
  expect((await get('/api/certificates/main/key.pem')).statusCode).toBe(404)
})

describe('a certificate more', () => {
  test('comes into the configuration file, as little as possible is changed there, and it is taken over', async () => {
    const settings = { acme: { email: 'ops@example.com' }, names: ['a.example.com'], key: 'ecdsa256' }
    const answer = await post('/api/certificates', { name: 'public', source: 'acme', ...settings })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ result: 'applied', version: 'v2' })
    expect(saved).toEqual([
      'certificates:\n  main: stored\n  public:\n    acme:\n      email: ops@example.com\n    names:\n      - a.example.com\n    key: ecdsa256\n',
      'v1',
      'admin-token',
    ])
  })

  test.each(['stored', 'development'] as const)('with the source %s is one word', async (source) => {
    await post('/api/certificates', { name: 'x', source })
    expect(saved[0]).toBe(`certificates:\n  main: stored\n  x: ${source}\n`)
    expect((await post('/api/certificates', { name: 'y', source, names: ['a'] })).statusCode).toBe(400)
  })

  test('with a name that is there already is refused', async () => {
    const answer = await post('/api/certificates', { name: 'main', source: 'stored' })
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'exists'])
    expect(saved).toEqual([])
  })
})

test('to change something needs more than to look', async () => {
  const open = serverWith({ more: [(one) => addCertificateRoutes(one, desk, config)] }).app
  // This machine itself, without an account, is an operator
  const asLocal = (method: 'GET' | 'POST', url: string, payload: object = {}) =>
    open.inject({ method, url, ...(method === 'POST' && { payload }), headers: { host: '127.0.0.1' } })
  expect((await asLocal('GET', '/api/certificates')).statusCode).toBe(200)
  expect((await asLocal('POST', '/api/certificates/main/renew')).statusCode).toBe(202)
  for (const [what, body] of [
    ['upload', {}],
    ['answer', { chain: 'C' }],
    ['restore', { id: '1' }],
    ['revoke', { reason: 0 }],
  ] as const)
    expect((await asLocal('POST', `/api/certificates/main/${what}`, body)).statusCode).toBe(403)
  expect((await asLocal('POST', '/api/certificates', { name: 'x', source: 'stored' })).statusCode).toBe(403)
  expect(calls.map(([name]) => name)).toEqual(['renew'])
})
