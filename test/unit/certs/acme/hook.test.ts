import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openProvider } from '../../../../src/certs/acme/dns/providers.ts'
import { until } from '../../../support/processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-hook-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const signal = new AbortController().signal
const record = { name: '_acme-challenge.example.test', value: 'a value; $(touch /nowhere) "quoted"' }
let count = 0
const hook = async (script: string, settings: Record<string, string> = {}, mode = 0o755) => {
  const path = join(folder, `hook-${count++}`)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode })
  const provider = await openProvider(
    { provider: 'hook', settings: { 'program-file': path, ...settings }, servers: [], propagationMs: 0 },
    { environment: { PATH: process.env.PATH, SECRET: 'for the program' }, clock: { now: () => 0, wall: () => 0 }, userAgent: 'test' },
  )
  return { path, provider }
}
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // One that waits to be collected by its parent has ended
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('the program gets what, name and value as three arguments, and our environment', async () => {
  const { path, provider } = await hook('printf "%s\\n" "$#" "$@" "$SECRET" > "$0.out"')
  await provider.add(record, signal)
  expect(readFileSync(`${path}.out`, 'utf8').split('\n')).toEqual(['3', 'add', record.name, record.value, 'for the program', ''])
  await provider.remove(record, signal)
  expect(readFileSync(`${path}.out`, 'utf8')).toContain('remove')
})

test('an exit code, with the end of what it said', async () => {
  const { path, provider } = await hook('head -c 5000 /dev/zero | tr "\\0" x; echo; echo "zone is locked" >&2; exit 4')
  const fault = await provider.add(record, signal).catch((found: Error) => found as never)
  expect(fault).toMatchObject({ code: 'SBC_CERTIFICATE_DNS' })
  const { message } = fault as unknown as Error
  expect(message.startsWith(`${path} add _acme-challenge.example.test failed with exit code 4: `)).toBe(true)
  expect(message).toContain('zone is locked')
  expect(message.length).toBeLessThan(1100)
  const silent = await hook('exit 1')
  await expect(silent.provider.add(record, signal)).rejects.toThrow(/failed with exit code 1, and said nothing$/)
  const killed = await hook('kill -TERM $$')
  await expect(killed.provider.add(record, signal)).rejects.toThrow(/was ended by SIGTERM/)
})

test('a program that is not there, or may not be run', async () => {
  const { provider } = await hook('', { 'program-file': join(folder, 'none') })
  await expect(provider.add(record, signal)).rejects.toThrow(`${join(folder, 'none')} add _acme-challenge.example.test is not there`)
  const locked = await hook('exit 0', {}, 0o644)
  await expect(locked.provider.add(record, signal)).rejects.toThrow(/may not be executed; set its mode with chmod \+x/)
})

test('one that takes too long ends, with what it started', async () => {
  const { path, provider } = await hook('sleep 60 & echo $! > "$0.pid"; wait', { timeout: '1' })
  await expect(provider.add(record, signal)).rejects.toThrow(`${path} add _acme-challenge.example.test did not end within 1 s`)
  const pid = Number(readFileSync(`${path}.pid`, 'utf8'))
  await until(() => (alive(pid) ? undefined : true), 'end of what the program started')
})

test('an abort ends it, with what it started', async () => {
  const { path, provider } = await hook('sleep 60 & echo $! > "$0.part"; mv "$0.part" "$0.pid"; wait')
  const abort = new AbortController()
  const adding = provider.add(record, abort.signal)
  const pid = await until(() => {
    try {
      return Number(readFileSync(`${path}.pid`, 'utf8'))
    } catch {
      return undefined
    }
  }, 'start of the program')
  abort.abort(new Error('enough'))
  await expect(adding).rejects.toThrow('enough')
  await until(() => (alive(pid) ? undefined : true), 'end of what the program started')
  await expect(provider.add(record, abort.signal)).rejects.toThrow('enough')
})
