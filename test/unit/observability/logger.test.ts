import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { TransportError } from '../../../src/base/errors.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { createLogger, type LoggerOptions } from '../../../src/observability/logger.ts'

const collecting = (level: LoggerOptions['level']) => {
  const written: string[] = []
  const log = createLogger({ level, to: { write: (text: string) => void written.push(text) } })
  return { log, written, lines: () => written.map((text) => JSON.parse(text) as Record<string, unknown>) }
}

test('an event is one JSON line with level, time, fields and text', () => {
  const { log, written, lines } = collecting('info')
  log.info({ callId: 'a@b', zone: 'pbx', listener: 'lan/udp', step: 'route', rule: 'routes[1]' }, 'Forwarded')
  expect(written[0]?.match(/\n/g)).toHaveLength(1)
  expect(lines()).toEqual([
    {
      ...{ level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), msg: 'Forwarded' },
      ...{ callId: 'a@b', zone: 'pbx', listener: 'lan/udp', step: 'route', rule: 'routes[1]' },
    },
  ])
})

test('what is below the level is not written, and `enabled` says so before anything is built', () => {
  const { log, lines } = collecting('warn')
  expect([log.enabled('trace'), log.enabled('info'), log.enabled('warn'), log.enabled('error')]).toEqual([false, false, true, true])
  log.trace({}, 'no')
  log.debug({}, 'no')
  log.info({}, 'no')
  log.warn({}, 'yes')
  log.error({}, 'yes')
  expect(lines().map(({ msg }) => msg)).toEqual(['yes', 'yes'])
})

test('the level changes while running, also for logs made before', () => {
  const { log, lines } = collecting('info')
  const part = log.with({ listener: 'lan/udp' })
  part.debug({}, 'before')
  log.setLevel('debug')
  part.debug({}, 'after')
  expect(log.level).toBe('debug')
  expect(part.enabled('debug')).toBe(true)
  expect(lines()).toMatchObject([{ msg: 'after', listener: 'lan/udp', level: 'debug' }])
})

test('a body is written at debug and trace only', () => {
  const { log, lines } = collecting('trace')
  log.trace({ body: 'v=0' }, 'x')
  log.debug({ body: 'v=0' }, 'x')
  log.info({ body: 'v=0' }, 'x')
  log.warn({ body: 'v=0' }, 'x')
  log.error({ body: 'v=0' }, 'x')
  log.with({ body: 'v=0' }).error({}, 'x')
  expect(lines().map((line) => line.body)).toEqual(['v=0', 'v=0', undefined, undefined, undefined, undefined])
})

test('secrets are masked at every depth, and bytes are only counted', () => {
  const { log, written } = collecting('info')
  log.info(
    {
      password: 'geheim-1',
      Authorization: 'Digest geheim-2',
      'proxy-authorization': 'geheim-3',
      nested: { privateKey: 'geheim-4', list: [{ token: 'geheim-5' }], name: 'pbx' },
      text: '-----BEGIN EC PRIVATE KEY-----\ngeheim-6',
      bytes: Buffer.from('geheim-7'),
    },
    'Loaded',
  )
  expect(written.join('')).not.toContain('geheim')
  expect(written.join('')).toContain('"name":"pbx"')
  expect(written.join('')).toContain('"bytes":"8 bytes"')
})

test('masking does not change the object that was passed', () => {
  const { log } = collecting('info')
  const fields = { nested: { token: 'x' } }
  log.info(fields, 'x')
  expect(fields).toEqual({ nested: { token: 'x' } })
})

test('an error is written with its type, code and cause', () => {
  const { log, lines } = collecting('info')
  log.error({ err: new TransportError('SBC_CONNECT', 'Connection to 127.0.0.1:1 refused', new Error('ECONNREFUSED')) }, 'Failed')
  const { err } = lines()[0] as { err: { type: string; code: string; stack: string } }
  expect(err).toMatchObject({ type: 'TransportError', code: 'SBC_CONNECT' })
  expect(err.stack).toContain('ECONNREFUSED')
})

test('in a terminal lines are for people', async () => {
  const written = new Promise<string>((resolve) => {
    const to = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk.toString())
        done()
      },
    })
    createLogger({ level: 'info', pretty: true, to }).info({ zone: 'pbx' }, 'Ready')
  })
  expect(await written).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] INFO: Ready \{"zone":"pbx"\}\n$/)
})

test('what was logged before the process ends is written', () => {
  const logger = join(import.meta.dirname, '../../../src/observability/logger.ts')
  const script = `import { createLogger } from ${JSON.stringify(logger)}
const log = createLogger({ level: 'info' })
for (let i = 0; i < 100; i++) log.info({ i }, 'line')
process.exit(0)`
  const node = join(import.meta.dirname, '../../../node_modules/.bin/node')
  const out = execFileSync(node, ['--input-type=module-typescript', '-e', script], { encoding: 'utf8' })
  expect(out.trim().split('\n')).toHaveLength(100)
})

test('the silent log says nothing', () => {
  expect(SILENT_LOG.enabled('error')).toBe(false)
  SILENT_LOG.with({}).error({}, 'x')
})
