import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpResponder } from '../../../../src/certs/acme/http-responder.ts'
import { SILENT_LOG } from '../../../../src/observability/log.ts'
import { bound, freePort } from '../../../support/places.ts'

const HOST = '127.0.0.1'
let responder = createHttpResponder({ log: SILENT_LOG, host: HOST })

afterEach(async () => {
  await responder.stop()
  responder = createHttpResponder({ log: SILENT_LOG, host: HOST })
})

const ask = (port: number, path: string, method = 'GET'): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: HOST, port, path, method, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    sent.once('error', reject).end()
  })
const place = '/.well-known/acme-challenge/'

describe('RFC 8555 §8.3: the port of HTTP-01', () => {
  test('answers known tokens, and nothing else', async () => {
    const port = await freePort(HOST)
    await responder.http(port, 'a-token_1', 'a-token_1.thumbprint')
    const { status, headers, body } = await ask(port, `${place}a-token_1`)
    expect([status, headers['content-type'], headers.connection, body]).toEqual([
      200,
      'application/octet-stream',
      'close',
      'a-token_1.thumbprint',
    ])
    expect(await ask(port, `${place}a-token_1`, 'HEAD')).toMatchObject({ status: 200, body: '' })
    for (const path of [
      '/',
      `${place}`,
      `${place}other`,
      `${place}a-token_1/`,
      `${place}a-token_1?x`,
      `${place}../acme-challenge/a-token_1`,
      `${place}__proto__`,
    ])
      expect((await ask(port, path)).status, path).toBe(404)
    expect(await ask(port, `${place}a-token_1`, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  test('is open while there is a token, also for several orders', async () => {
    const port = await freePort(HOST)
    const first = await responder.http(port, 'one', '1')
    const second = await responder.http(port, 'two', '2')
    await first()
    expect((await ask(port, `${place}one`)).status).toBe(404)
    expect((await ask(port, `${place}two`)).body).toBe('2')
    await second()
    await second()
    expect(bound('tcp', HOST, port)).toBe(false)
    // Closing and opening at the same moment
    const third = await responder.http(port, 'three', '3')
    const [, fourth] = await Promise.all([third(), responder.http(port, 'four', '4')])
    expect((await ask(port, `${place}four`)).body).toBe('4')
    await fourth()
    expect(bound('tcp', HOST, port)).toBe(false)
  })

  test('two ports at once; stop closes both, also with a client that hangs on', async () => {
    const [one, other] = [await freePort(HOST), await freePort(HOST)]
    await responder.http(one, 'one', '1')
    await responder.http(other, 'two', '2')
    const idle = connect(one, HOST)
    await new Promise((resolve) => idle.once('connect', resolve))
    const closed = new Promise((resolve) => idle.once('close', resolve))
    idle.on('error', () => {})
    await responder.stop()
    await closed
    expect([bound('tcp', HOST, one), bound('tcp', HOST, other)]).toEqual([false, false])
  })

  test('is taken: which port, and what to do; it works when the port is free', async () => {
    const port = await freePort(HOST)
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, HOST, resolve))
    await expect(responder.http(port, 'one', '1')).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_PORT',
      message: `TCP port ${port} of 127.0.0.1 is in use by another program, so HTTP-01 cannot be answered; stop that program, let it hand /.well-known/acme-challenge/ to another port and set http-port to that, or use another challenge`,
    })
    await new Promise((resolve) => other.close(resolve))
    await responder.http(port, 'one', '1')
    expect((await ask(port, `${place}one`)).status).toBe(200)
  })

  test('an address that is not ours', async () => {
    const away = createHttpResponder({ log: SILENT_LOG, host: '192.0.2.1' })
    await expect(away.http(await freePort(HOST), 'one', '1')).rejects.toThrow(/^TCP port \d+ of 192\.0\.2\.1 cannot be opened: /)
  })

  test('without an address it listens on all of them, IPv4 too', async () => {
    const everywhere = createHttpResponder({ log: SILENT_LOG })
    const port = await freePort(HOST)
    const undo = await everywhere.http(port, 'one', '1')
    expect((await ask(port, `${place}one`)).body).toBe('1')
    await undo()
  })
})
