// `npm run docs` writes the generated documents; `npm run docs -- --check` fails when a committed one is old.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addCallRoutes } from '../src/admin/call-routes.ts'
import { addCertificateRoutes } from '../src/admin/certificate-routes.ts'
import { addConfigRoutes } from '../src/admin/config-routes.ts'
import { apiDocument } from '../src/admin/openapi.ts'
import { addPhoneRoutes } from '../src/admin/phone-routes.ts'
import { addRegistrationRoutes } from '../src/admin/registration-routes.ts'
import { apiDescription } from '../src/admin/server.ts'
import { addSubscriberRoutes } from '../src/admin/subscriber-routes.ts'
import { addTurnRoute } from '../src/admin/turn-routes.ts'
import { addWatchRoutes } from '../src/admin/watch-routes.ts'
import { configurationDocument } from '../src/config/document.ts'
import { metricsDocument } from '../src/observability/metric-table.ts'
import { teamsCodesDocument } from '../src/teams/codes-document.ts'
import { addTeamsRoutes } from '../src/teams/routes.ts'
import { firstDifference } from './documents/difference.ts'
import { errorsDocumentFaults } from './documents/errors.ts'
import { rfcSupportDocument, type SourceFile } from './documents/rfc-support.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const filesUnder = (folder: string, ending: string): readonly SourceFile[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .sort()
    .map((path) => ({ path: `${folder}/${path}`, text: read(`${folder}/${path}`) }))

const CARDBOARD = {} as never

const sources = filesUnder('src', '.ts')

/** The tests of these very documents have invented names in them. */
const ofTheProduct = ({ path }: SourceFile): boolean => !/^test\/(?:unit\/deploy|architecture)\//.test(path)

/** Routes that nobody calls: what they would use is made of cardboard. */
const description = await apiDescription((JSON.parse(read('package.json')) as { version: string }).version, [
  (app) => addConfigRoutes(app, CARDBOARD),
  (app) => addCallRoutes(app, CARDBOARD),
  (app) => addPhoneRoutes(app, CARDBOARD),
  (app) => addRegistrationRoutes(app, CARDBOARD, CARDBOARD),
  (app) => addWatchRoutes(app, CARDBOARD, CARDBOARD, () => []),
  (app) => addCertificateRoutes(app, CARDBOARD, CARDBOARD),
  (app) => addTurnRoute(app, CARDBOARD),
  (app) => addSubscriberRoutes(app, CARDBOARD),
  (app) => addTeamsRoutes(app, CARDBOARD),
])

const documents: Readonly<Record<string, string>> = {
  'docs/api.md': apiDocument(description),
  'docs/configuration.md': configurationDocument(),
  'docs/metrics.md': metricsDocument(),
  'docs/teams-codes.md': teamsCodesDocument(),
  'docs/rfc-support.md': rfcSupportDocument(
    read('deploy/documents/rfc-support.md'),
    sources,
    filesUnder('test', '.test.ts').filter(ofTheProduct),
  ),
}
const check = process.argv.includes('--check')
const faults = [...errorsDocumentFaults(existsSync(join(ROOT, 'docs/errors.md')) ? read('docs/errors.md') : '', sources)]
for (const [path, wanted] of Object.entries(documents)) {
  const committed = existsSync(join(ROOT, path)) ? read(path) : undefined
  if (committed === wanted) continue
  if (!check) {
    writeFileSync(join(ROOT, path), wanted)
    process.stdout.write(`Wrote ${path}\n`)
    continue
  }
  const hint = committed === undefined ? 'there is no such file' : firstDifference(committed, wanted)
  faults.push(`${path} is old: run npm run docs and commit it; ${hint}`)
}
for (const fault of faults) process.stderr.write(`${fault}\n`)
if (faults.length > 0) process.exitCode = 1
else if (check) process.stdout.write(`${Object.keys(documents).length} generated documents are current\n`)
