// Runs before `npm start`, `npm test` and the like, and from `npx edgeways`: `node deploy/prepare.mjs start|test|bench`.
// On a fresh clone it installs what is missing and says so; with nothing to do it reads two files and is silent.
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  decideTools,
  majorOf,
  missingText,
  missingTools,
  OLDEST_NODE,
  outdatedPackage,
  servicesOf,
  withoutPackages,
} from './preparation.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BIN = join(ROOT, 'node_modules/.bin')
/** Debian asks this file before it starts the service of a package that it installs. */
const POLICY = '/usr/sbin/policy-rc.d'

/** What went wrong, in a sentence for the person in front of the terminal. */
export class PreparationError extends Error {}

/** @param {string} sentence */
const say = (sentence) => process.stderr.write(`${sentence}\n`)

/** @param {string} file */
const json = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** @param {string} program */
const exists = (program) =>
  // Servers stand in sbin, which Debian leaves out of the PATH of those who are not root.
  [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/**
 * Output goes to stderr: what `npx edgeways config` prints must stay clean.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
const run = (command, args, env) => {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, env, stdio: ['ignore', 2, 2] })
  if (error !== undefined) throw new PreparationError(`${command} could not be started: ${error.message}`)
  return status ?? 1
}

/** @param {boolean} withDevelopment */
const preparePackages = (withDevelopment) => {
  const lockFile = join(ROOT, 'node_modules/.package-lock.json')
  const installed = existsSync(lockFile) ? json(lockFile) : undefined
  const outdated = outdatedPackage(json(join(ROOT, 'package-lock.json')), installed, withDevelopment)
  if (outdated !== undefined) {
    say(
      installed === undefined
        ? 'Installing packages, Node 24 among them (once, about a minute) …'
        : `Updating packages (${outdated} is not as wanted) …`,
    )
    const args = [
      'ci',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      withDevelopment ? '--include=dev' : '--omit=dev',
      '--include=optional',
    ]
    const status = run('npm', args, { ...process.env, PATH: withoutPackages(process.env.PATH ?? '') })
    if (status !== 0) throw new PreparationError(`Packages could not be installed: npm ci ended with ${status}; its reason stands above`)
  }
  checkNode(outdated !== undefined)
  // So that `npx edgeways` finds the project's own command at once.
  const link = join(BIN, 'edgeways')
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync('../../deploy/edgeways.mjs', link)
}

/**
 * The scripts of package.json see node_modules/.bin first, so the Node there is the one that runs; without it, the newcomer's own.
 * @param {boolean} fresh
 */
const checkNode = (fresh) => {
  const node = join(BIN, 'node')
  const remedy = `install Node ${OLDEST_NODE} or newer, or let npm install optional packages on Linux x64 or arm64`
  if (!existsSync(node)) {
    if (majorOf(process.version) < OLDEST_NODE)
      throw new PreparationError(`Edgeways needs Node ${OLDEST_NODE}, and this is ${process.version}: ${remedy}`)
    return
  }
  const { version } = json(join(dirname(dirname(realpathSync(node))), 'package.json'))
  if (majorOf(version) < OLDEST_NODE)
    throw new PreparationError(`Edgeways needs Node ${OLDEST_NODE}, and node_modules has ${version}: run npm ci`)
  if (!fresh) return
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  if (majorOf(stdout ?? '') < OLDEST_NODE) throw new PreparationError(`The installed Node does not run on this machine: ${remedy}`)
}

/** The pages of the web admin, when they are not built, or what they are built from is newer. */
const preparePages = () => {
  const source = join(ROOT, 'web-admin')
  const built = join(source, 'dist', 'index.html')
  // Packages become part of them, too
  const since = Math.max(newest(source), statSync(join(ROOT, 'package-lock.json')).mtimeMs)
  if (existsSync(built) && statSync(built).mtimeMs >= since) return
  say('Building the pages of the web admin …')
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
  const node = join(BIN, 'node')
  const status = run(existsSync(node) ? node : process.execPath, [vite, 'build', 'web-admin', '--logLevel', 'error'], process.env)
  // Calls do not need pages
  if (status !== 0) say('The pages could not be built; the edge goes on without them')
}

/**
 * Of the files under a folder, what is built left out: milliseconds since 1970.
 * @param {string} folder
 * @returns {number}
 */
const newest = (folder) => {
  let time = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'dist' || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return time
}

/** @param {import('./preparation.mjs').Purpose} purpose */
const prepareTools = (purpose) => {
  const decision = decideTools(purpose, { exists, mayInstall: process.getuid?.() === 0 && exists('apt-get') })
  if (decision.do === 'nothing') return
  if (decision.do === 'tell') {
    if (decision.stops) throw new PreparationError(decision.text)
    say(`${decision.text}\n`)
    return
  }
  say(decision.text)
  const failure = installTools(purpose, decision.tools)
  if (failure === undefined) return
  if (decision.stops) throw new PreparationError(failure)
  say(`\n${failure}\n${missingText(decision.tools, decision.stops)}\n`)
}

/**
 * What went wrong, or undefined.
 * @param {import('./preparation.mjs').Purpose} purpose
 * @param {readonly import('./preparation.mjs').Tool[]} tools
 */
const installTools = (purpose, tools) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // A start does not wait long for servers that it cannot reach; a new machine may be busy with its own updates
  const patience =
    purpose === 'start' ? ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::https::Timeout=10'] : []
  const lock = ['-o', 'DPkg::Lock::Timeout=60']
  // Where no service can start (a container) the installation would fail, and elsewhere nobody asked for a running service.
  const ours = !existsSync(POLICY)
  // With a listener Ctrl-C ends apt-get, not us, and the file is taken away again.
  const stay = () => {}
  process.on('SIGINT', stay).on('SIGTERM', stay)
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    if (run('apt-get', ['update', '-q', ...patience], env) !== 0) say('apt-get update failed; trying with the package lists that are there')
    const packages = tools.flatMap(({ apt }) => apt)
    const status = run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...patience, ...lock, ...packages], env)
    if (status !== 0) return `apt-get could not install ${packages.join(' ')} (it ended with ${status}); its reason stands above`
    leaveServicesOff(tools)
  } finally {
    if (ours) rmSync(POLICY, { force: true })
    process.off('SIGINT', stay).off('SIGTERM', stay)
  }
  const still = missingTools(purpose, exists)
  return still.length === 0 ? undefined : `Still missing after the installation: ${still.map(({ name }) => name).join(', ')}`
}

/**
 * The file above kept the services from being started now; without this they would be at the next boot. Disabled is what an administrator
 * would make of them: `systemctl enable --now` brings one back, and updates of the package keep to it. A service that was there before is
 * never touched: then its program would not have been missing. Where there is no systemctl nothing starts them.
 * @param {readonly import('./preparation.mjs').Tool[]} tools
 */
const leaveServicesOff = (tools) => {
  const services = servicesOf(tools)
  if (services.length > 0) spawnSync('systemctl', ['disable', ...services], { stdio: 'ignore' })
}

/**
 * @param {import('./preparation.mjs').Purpose} purpose
 * @throws {PreparationError}
 */
export const prepare = (purpose) => {
  preparePackages(purpose !== 'start')
  preparePages()
  prepareTools(purpose)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const purpose = process.argv[2]
  try {
    if (purpose !== 'start' && purpose !== 'test' && purpose !== 'bench')
      throw new PreparationError('Usage: node deploy/prepare.mjs start|test|bench')
    prepare(purpose)
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error
    say(`\n${error.message}`)
    process.exitCode = 1
  }
}
