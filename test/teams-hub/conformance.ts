// `node test/teams-hub/conformance.ts` writes docs/teams-conformance.md from the last run of test/e2e/41-teams.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conformanceDocument } from './document.ts'
import type { Result } from './findings.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const run = join(ROOT, '.vitest', 'teams-conformance.json')
if (existsSync(run)) {
  writeFileSync(join(ROOT, 'docs/teams-conformance.md'), conformanceDocument(JSON.parse(readFileSync(run, 'utf8')) as readonly Result[]))
  process.stdout.write('Wrote docs/teams-conformance.md\n')
} else {
  process.stderr.write('There is no run yet: npx vitest run test/e2e/41-teams\n')
  process.exitCode = 1
}
