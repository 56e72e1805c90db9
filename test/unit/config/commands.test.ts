import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkCommand, configCommand, loadConfigFile } from '../../../src/config/commands.ts'
import { ConfigError } from '../../../src/config/errors.ts'
import { firstRunConfig } from '../../../src/config/examples.ts'
import { file } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const written = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const run = (
  command: typeof checkCommand,
  path: string,
  environment = {},
): { readonly code: number; readonly out: string; readonly err: string } => {
  let out = ''
  let err = ''
  const code = command(path, { stdout: { write: (text) => (out += text) }, stderr: { write: (text) => (err += text) }, environment })
  return { code, out: out.replaceAll(folder, ''), err: err.replaceAll(folder, '') }
}

describe('edgeways check', () => {
  test('a valid file: one line, exit code 0', () => {
    expect(run(checkCommand, written('ok.yaml', firstRunConfig()))).toEqual({
      code: 0,
      out: '/ok.yaml: valid (5 listeners, 3 zones, 2 routes)\n',
      err: '',
    })
  })

  test('warnings are told and do not fail', () => {
    const result = run(checkCommand, written('warn.yaml', file({ routes: '[]' })))
    expect(result.code).toBe(0)
    expect(result.out).toBe('/warn.yaml: valid (4 listeners, 2 zones; 1 warning)\n')
    expect(result.err).toContain('/warn.yaml:8:1  warning  routes\n')
  })

  test('a bad file: each problem with place, path and remedy, exit code 1', () => {
    const result = run(checkCommand, written('bad.yaml', file({ top: 'policy: none.ts\nnam: x' })))
    expect(result).toEqual({
      code: 1,
      out: '',
      err:
        '/bad.yaml:1:9  error  policy\n  File "none.ts" cannot be read (/none.ts)\n' +
        '  → Check the path and the permissions; relative paths start at the folder of the configuration file\n\n' +
        '/bad.yaml:2:1  error  nam\n  Unknown key "nam"\n  → Did you mean "name"?\n\n/bad.yaml: 2 errors\n',
    })
  })

  test('a file that cannot be read: exit code 2', () => {
    mkdirSync(join(folder, 'folder'))
    expect(run(checkCommand, join(folder, 'none.yaml'))).toEqual({
      code: 2,
      out: '',
      err: 'Configuration file "/none.yaml" cannot be read: there is no such file\n',
    })
    expect(run(checkCommand, join(folder, 'folder')).err).toBe('Configuration file "/folder" cannot be read: it is a folder\n')
    expect(() => loadConfigFile(join(folder, 'none.yaml'), { dataDir: folder })).toThrow(ConfigError)
  })

  test('a byte order mark and CRLF do no harm', () => {
    expect(run(checkCommand, written('bom.yaml', `\ufeff${firstRunConfig().replaceAll('\n', '\r\n')}`)).code).toBe(0)
  })
})

describe('edgeways config', () => {
  test('prints what is in force', () => {
    const result = run(configCommand, written('ok.yaml', firstRunConfig()), { EDGEWAYS_LOG_LEVEL: 'trace' })
    expect(result).toMatchObject({ code: 0, err: '' })
    expect(result.out).toContain('level: trace  # EDGEWAYS_LOG_LEVEL')
  })

  test('tells what is wrong instead', () => {
    expect(run(configCommand, written('bad.yaml', 'nam: x'))).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('Unknown key "nam"'),
    })
    expect(run(configCommand, join(folder, 'none.yaml')).code).toBe(2)
  })
})
