// Reads Vitest's JSON report and prints `<passed> <failed>`: `node deploy/ci-count.mjs REPORT EXIT_STATUS`.
import { readFileSync } from 'node:fs'

/**
 * A run that ended badly has at least one failure, also when no test was counted as failed (a file that did not load,
 * an error outside the tests, no report at all).
 * @param {string | undefined} report
 * @param {number} status
 * @returns {{ passed: number, failed: number }}
 */
export const countTests = (report, status) => {
  let passed = 0
  let failed = 0
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(report ?? '')
    passed = numPassedTests
    /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
    const files = testResults
    const broken = files.filter((file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'))
    failed = numFailedTests + broken.length
  } catch {
    return { passed: 0, failed: 1 }
  }
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed }
}

const [, script, file, status] = process.argv
if (script?.endsWith('ci-count.mjs') && file !== undefined) {
  let report
  try {
    report = readFileSync(file, 'utf8')
  } catch {
    process.stderr.write(`There is no test report at ${file}\n`)
  }
  const { passed, failed } = countTests(report, Number(status))
  process.stdout.write(`${passed} ${failed}\n`)
}
