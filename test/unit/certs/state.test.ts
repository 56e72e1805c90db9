import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { StateFile } from '../../../src/certs/state.ts'
import { type LogFields, SILENT_LOG } from '../../../src/observability/log.ts'
import { makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let said: string[]
const log = {
  ...SILENT_LOG,
  warn: (_fields: LogFields, text: string) => void said.push(text),
  error: (_fields: LogFields, text: string) => void said.push(text),
}
const open = () => StateFile.open(disk.store, 'main', log)
const path = () => join(disk.folder, 'main', 'state.json')
beforeEach(async () => {
  disk = await makeStore()
  said = []
})
afterEach(() => disk.remove())

test('what is changed is there after a restart, as JSON for its owner alone', async () => {
  const state = await open()
  expect(state.value).toEqual({ format: 1, failures: 0 })
  const failure = { time: 1, code: 'SBC_CERTIFICATE_CA', text: 'Fällt aus', retryAt: 2 }
  state.change({ failures: 3, failure })
  state.change({ order: { running: true, steps: [{ at: 'start', text: 'Beginn', time: 5 }] } })
  await state.settled()
  expect((await open()).value).toEqual({
    format: 1,
    failures: 3,
    failure,
    order: { running: true, steps: [{ at: 'start', text: 'Beginn', time: 5 }] },
  })
  expect((await stat(path())).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(path(), 'utf8'))).toMatchObject({ format: 1 })
})

test('what is undefined is taken out', async () => {
  const state = await open()
  state.change({ failures: 1, heldUntil: 5 })
  state.change({ heldUntil: undefined })
  expect(state.value).toEqual({ format: 1, failures: 1 })
})

test('many changes at once end with the last', async () => {
  const state = await open()
  for (let failures = 1; failures <= 50; failures++) {
    state.change({ failures })
    if (failures % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await state.settled()
  expect((await open()).value.failures).toBe(50)
})

test.each([
  '',
  '{',
  '[]',
  '{"format":2,"failures":0}',
  '{"format":1}',
  '{"format":1,"failures":"many"}',
  '{"format":1,"failures":0,"order":{}}',
])('a file that cannot be understood (%s) is as good as none, and the log has it', async (text) => {
  await mkdir(join(disk.folder, 'main'))
  await writeFile(path(), text)
  expect((await open()).value).toEqual({ format: 1, failures: 0 })
  expect(said).toHaveLength(1)
})

test('properties of a later version do no harm', async () => {
  await mkdir(join(disk.folder, 'main'))
  await writeFile(path(), '{"format":1,"failures":2,"later":true}')
  expect((await open()).value.failures).toBe(2)
  expect(said).toEqual([])
})

test('what cannot be written is in the log, and goes on in memory', async () => {
  const state = await open()
  await writeFile(join(disk.folder, 'main'), 'a file in the way')
  await chmod(disk.folder, 0o700)
  state.change({ failures: 1 })
  await state.settled()
  expect(state.value.failures).toBe(1)
  expect(said).toEqual(['The state of a certificate cannot be kept'])
})
