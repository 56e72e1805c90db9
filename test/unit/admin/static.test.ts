import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { HEADERS } from '../../../src/admin/headers.ts'
import { newFolder, serverWith } from './support.ts'

const INDEX = '<!doctype html><title>Edgeways</title><script type="module" src="./assets/index-BoeFlva4.js"></script>'
const SCRIPT = 'console.log("edgeways")'
const PAGE_CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' wss:; object-src 'none'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

const pagesIn = (folder = newFolder()): string => {
  const pages = join(folder, 'dist')
  mkdirSync(join(pages, 'assets'), { recursive: true })
  writeFileSync(join(pages, 'index.html'), INDEX)
  writeFileSync(join(pages, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  writeFileSync(join(pages, '.hidden'), 'hidden')
  writeFileSync(join(pages, 'assets', 'index-BoeFlva4.js'), SCRIPT)
  writeFileSync(join(pages, 'assets', 'plain.js'), SCRIPT)
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  return pages
}
const HTML = { accept: 'text/html,application/xhtml+xml' }

test.each(['/', '/index.html', '/?x=1', '/calls', '/zones/pbx'])('%s is the page, with headers that allow nothing foreign', async (url) => {
  const { app } = serverWith({ pages: pagesIn(), address: '192.0.2.1' })
  const answer = await app.inject({ url, headers: HTML })
  expect([answer.statusCode, answer.body]).toEqual([200, INDEX])
  const { date: _date, etag: _etag, 'last-modified': _modified, connection: _connection, ...headers } = answer.headers
  expect(headers).toEqual({
    ...HEADERS,
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
    'content-length': String(INDEX.length),
    'content-security-policy': PAGE_CSP,
    'content-type': 'text/html; charset=utf-8',
    vary: 'accept-encoding',
  })
})

test('files with a hash in their name are kept for ever, others are asked for again', async () => {
  const { app } = serverWith({ pages: pagesIn() })
  const hashed = await app.inject('/assets/index-BoeFlva4.js')
  expect([hashed.statusCode, hashed.body]).toEqual([200, SCRIPT])
  expect(hashed.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'application/javascript; charset=utf-8',
    'content-security-policy': PAGE_CSP,
    'x-content-type-options': 'nosniff',
  })
  const plain = await app.inject('/assets/plain.js')
  expect(plain.headers['cache-control']).toBe('no-cache')
  expect((await app.inject({ url: '/assets/plain.js', headers: { 'if-none-match': String(plain.headers.etag) } })).statusCode).toBe(304)
  expect((await app.inject('/favicon.svg')).headers['content-type']).toBe('image/svg+xml')
})

test('a compressed file beside one is taken when the browser can', async () => {
  const pages = pagesIn()
  writeFileSync(join(pages, 'assets', 'plain.js.gz'), gzipSync(SCRIPT))
  const { app } = serverWith({ pages })
  const answer = await app.inject({ url: '/assets/plain.js', headers: { 'accept-encoding': 'gzip' } })
  expect(answer.headers).toMatchObject({
    'content-encoding': 'gzip',
    'content-type': 'application/javascript; charset=utf-8',
    vary: 'accept-encoding',
  })
  expect((await app.inject('/assets/plain.js')).body).toBe(SCRIPT)
})

test.each([
  ['/assets/index-XXXXXXXX.js', HTML],
  ['/assets/none.css', HTML],
  ['/.hidden', HTML],
  ['/../secret.txt', HTML],
  ['/..%2fsecret.txt', HTML],
  ['/%2e%2e/secret.txt', HTML],
  ['/assets/..%2f..%2f..%2fsecret.txt', HTML],
  ['/secret.txt%00', { accept: '*/*' }],
  ['//etc/passwd.txt', HTML],
  ['/api', HTML],
  ['/api/none', HTML],
  ['/api/state/', HTML],
  ['/metrics/none', HTML],
  ['/calls', { accept: 'application/json' }],
])('%s is nothing: the uniform error, which no cache keeps', async (url, headers) => {
  const { app } = serverWith({ pages: pagesIn() })
  const answer = await app.inject({ url, headers })
  expect([400, 403, 404]).toContain(answer.statusCode)
  expect(answer.json()).toEqual({ code: expect.any(String), message: expect.any(String) })
  expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'content-security-policy': HEADERS['content-security-policy'] })
  expect(answer.body).not.toContain('secret"')
})

test('folders have no list', async () => {
  const { app } = serverWith({ pages: pagesIn() })
  for (const url of ['/assets', '/assets/']) expect([403, 404]).toContain((await app.inject(url)).statusCode)
})

test('nothing is posted to pages', async () => {
  const { app } = serverWith({ pages: pagesIn() })
  for (const url of ['/', '/index.html', '/calls']) expect((await app.inject({ method: 'POST', url })).statusCode).toBe(404)
})

test('where the pages are not built, a plain page says what to run, until they are', async () => {
  const folder = newFolder()
  const { app } = serverWith({ pages: join(folder, 'dist') })
  for (const url of ['/', '/calls']) {
    const answer = await app.inject({ url, headers: HTML })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([503, 'text/html; charset=utf-8'])
    expect(answer.body).toContain('npx vite build web-admin')
    expect(answer.body).not.toMatch(/<script|<style|style=|onclick/)
    expect(answer.headers['content-security-policy']).toBe(PAGE_CSP)
  }
  expect((await app.inject('/api/health')).statusCode).toBe(200)
  pagesIn(folder)
  expect((await app.inject('/')).body).toBe(INDEX)
})

test('pages need no credentials, the API does', async () => {
  const { app } = serverWith({ pages: pagesIn(), address: '192.0.2.1' })
  expect((await app.inject('/assets/plain.js')).statusCode).toBe(200)
  expect((await app.inject('/api/state')).statusCode).toBe(401)
})

test('without a folder there are no pages', async () => {
  const answer = await serverWith().app.inject({ url: '/', headers: HTML })
  expect([answer.statusCode, answer.json().code]).toEqual([404, 'not-found'])
})
