/**
 * Tests the test: runs the crossing scenarios against a known proxy (Kamailio), where all must pass, and then against
 * the same proxy with one fault at a time, where some check must fail. Not part of `npm test`; needs kamailio with its
 * TLS and WebSocket modules: `node test/e2e/reference.ts`.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { FAULTS } from '../support/kamailio.ts'

const project = join(import.meta.dirname, '..', '..')

interface Outcome {
  readonly passed: number
  readonly failed: number
}

const run = (only: string, fault: string): Outcome => {
  const ran = spawnSync(
    join(project, 'node_modules', '.bin', 'vitest'),
    ['run', '--reporter=json', '--project', 'e2e', join('test', 'e2e', '01-transports'), ...(only === '' ? [] : ['-t', only])],
    { cwd: project, env: { ...process.env, E2E_SUBJECT: 'kamailio', E2E_FAULT: fault }, encoding: 'utf8', maxBuffer: 64 << 20 },
  )
  const report = JSON.parse(ran.stdout.slice(ran.stdout.indexOf('{'))) as {
    readonly numPassedTests: number
    readonly numFailedTests: number
  }
  return { passed: report.numPassedTests, failed: report.numFailedTests }
}

const healthy = run('', '')
console.log(`kamailio: ${healthy.passed} passed, ${healthy.failed} failed`)
let good = healthy.failed === 0 && healthy.passed > 0
for (const [fault, check] of Object.entries(FAULTS)) {
  const { passed, failed } = run('(udp to tls|tcp to udp|udp to udp) T', fault)
  console.log(`${failed > 0 ? 'caught' : 'MISSED'}: ${fault} (${check}): ${failed} of ${passed + failed} failed`)
  good &&= failed > 0
}
process.exitCode = good ? 0 : 1
