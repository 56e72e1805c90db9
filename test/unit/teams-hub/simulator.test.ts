import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { loadConfigText } from '../../../src/config/commands.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { configText } from '../../teams-hub/edge-config.ts'

const project = join(import.meta.dirname, '..', '..', '..')

it('the simulator says how to configure the edge, obeys, and writes a configuration that the edge takes', async () => {
  const folder = temporaryFolder('simulator')
  onTestFinished(() => folder.remove())
  const net = `127.45.${process.pid % 250}`
  const dns = await freePort('127.0.0.1')
  const args = ['--folder', folder.path, '--addresses', `${net}.1,${net}.2,${net}.3`, '--dns', `127.0.0.1:${dns}`, '--trap', '0']
  const simulator = spawn(process.execPath, [join(project, 'test/teams-hub/simulator.ts'), ...args])
  let said = ''
  simulator.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  simulator.stdin.end('hubs\ncall +13125550123\nnonsense\nkill sip4\nkill sip2\nreport\nquit\n')
  expect(await new Promise((resolve) => simulator.on('close', resolve))).toBe(0)
  expect(said).toContain(`sip2.pstnhub.microsoft.com is ${net}.2:5061`)
  expect(said).toContain(`EDGEWAYS_DNS_SERVERS=127.0.0.1:${dns} npm start`)
  expect(said).toContain(`sip (${net}.1): the SBC is never seen`)
  expect(said).toContain('There is no command "nonsense"; help shows all')
  expect(said).toContain('Which hub? One of sip, sip2, sip3')
  expect(said).toContain('sip2 is gone')
  expect(said).toContain('| 51 | B |')
  const loaded = loadConfigText(readFileSync(join(folder.path, 'edgeways.yaml'), 'utf8'), join(folder.path, 'edgeways.yaml'), {
    dataDir: folder.path,
    environment: {},
  })
  expect(loaded.ok ? [] : loaded.problems).toEqual([])
})

it.each([
  [{ networks: ['127.0.0.61'] }, 'targets: [ "sip:sip.pstnhub.microsoft.com:5061;transport=tls" ]'],
  [{ scale: 60 }, 'probe: { interval: 1s }'],
  [{ bypass: true }, 'media: { profile: teams-bypass }'],
])('a configuration with %j has its line', (changes, line) => {
  const usual = {
    name: 'sbc1.example.org',
    sbc: { address: '127.0.0.1', port: 5061 },
    files: { chainFile: '/a', keyFile: '/b' },
    roots: '/c',
  }
  expect(configText({ ...usual, networks: ['127.0.0.61', '127.0.0.62', '127.0.0.63'], bypass: false, scale: 1, ...changes })).toContain(
    line,
  )
})
