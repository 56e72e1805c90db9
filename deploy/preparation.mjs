// What a start, a test run or a benchmark needs on the machine, as functions from values to values. Plain JavaScript for
// Node 20: it runs under the newcomer's own Node, before anything is installed.

/** @typedef {'start' | 'test' | 'bench'} Purpose */
/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, link?: boolean }} LockedPackage */
/** @typedef {{ packages: Record<string, LockedPackage> }} Lock */
/**
 * `services`: what the package would run in the background, and nobody asked for. `without`: what a start is like without the tool, which it
 * survives; tests and benchmarks need every tool of theirs.
 * @typedef {{ name: string, programs: readonly string[], apt: readonly string[], purposes: readonly Purpose[],
 *   services?: readonly string[], without?: string }} Tool
 */
/**
 * `text` is for the person in front of the terminal. `stops`: there is no going on without the tools.
 * @typedef {{ do: 'nothing' } | { do: 'install', tools: readonly Tool[], stops: boolean, text: string }
 *   | { do: 'tell', stops: boolean, text: string }} ToolDecision
 */

export const OLDEST_NODE = 24

/**
 * Programs from the distribution. The first of `programs` that exists will do.
 * @type {readonly Tool[]}
 */
export const TOOLS = [
  {
    name: 'rtpengine',
    programs: ['rtpengine'],
    apt: ['rtpengine-daemon'],
    purposes: ['start', 'test', 'bench'],
    // We run the program ourselves, with settings and ports of our own. The package's service would be a second one, with Debian's default
    // configuration: on every interface, with its own firewall rules. It would not disturb ours, and is of no use to anybody.
    services: ['rtpengine-daemon.service'],
    without: 'Without it calls have no media, unless the configuration names an rtpengine elsewhere (media.rtpengine).',
  },
  { name: 'OpenSSL', programs: ['openssl'], apt: ['openssl'], purposes: ['test', 'bench'] },
  { name: 'SIPp', programs: ['sipp'], apt: ['sip-tester'], purposes: ['test', 'bench'] },
  { name: 'tshark', programs: ['tshark'], apt: ['tshark'], purposes: ['test'] },
  { name: 'Chromium', programs: ['chromium', 'chromium-browser', 'google-chrome'], apt: ['chromium'], purposes: ['test'] },
  { name: 'Pebble', programs: ['pebble'], apt: ['pebble'], purposes: ['test'] },
  {
    name: 'BIND',
    programs: ['named'],
    apt: ['bind9', 'bind9-dnsutils'],
    purposes: ['test'],
    // Tests start one of their own on loopback; the package's service would take port 53
    services: ['named.service'],
  },
  // Tests start their own on loopback
  { name: 'HAProxy', programs: ['haproxy'], apt: ['haproxy'], purposes: ['test'], services: ['haproxy.service'] },
  { name: 'coturn', programs: ['turnserver'], apt: ['coturn'], purposes: ['test'], services: ['coturn.service'] },
  { name: 'the NSS tools', programs: ['certutil'], apt: ['libnss3-tools'], purposes: ['test'] },
  { name: 'a C compiler', programs: ['cc'], apt: ['gcc', 'libc6-dev', 'libssl-dev'], purposes: ['bench'] },
  {
    name: 'Kamailio',
    programs: ['kamailio'],
    apt: ['kamailio', 'kamailio-tls-modules', 'kamailio-websocket-modules'],
    purposes: ['bench'],
  },
]

/**
 * The first package that is not as package-lock.json wants it, or undefined when all are.
 * npm writes `installed` (node_modules/.package-lock.json) as the last thing it does, so an installation that was broken off counts as none.
 * Optional packages may be absent: they are for other platforms.
 * @param {Lock} wanted
 * @param {Lock | undefined} installed
 * @param {boolean} withDevelopment
 * @returns {string | undefined}
 */
export const outdatedPackage = (wanted, installed, withDevelopment) => {
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.link === true) continue
    const present = installed?.packages[path]
    if (present !== undefined) {
      if (present.version !== entry.version) return path
      continue
    }
    if (entry.optional === true || entry.devOptional === true) continue
    if (entry.dev === true && !withDevelopment) continue
    return path
  }
  return undefined
}

/**
 * @param {Purpose} purpose
 * @param {(program: string) => boolean} exists
 * @returns {readonly Tool[]}
 */
export const missingTools = (purpose, exists) =>
  TOOLS.filter(({ purposes, programs }) => purposes.includes(purpose) && !programs.some((program) => exists(program)))

/**
 * The one command for those who are not root. Debian starts and enables services at their installation: they are told to stay away again.
 * @param {readonly Tool[]} tools
 */
export const installCommand = (tools) => {
  const install = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${tools.flatMap(({ apt }) => apt).join(' ')}`
  const services = servicesOf(tools)
  return services.length === 0 ? install : `${install} && sudo systemctl disable --now ${services.join(' ')}`
}

/** @param {readonly Tool[]} tools */
export const servicesOf = (tools) => tools.flatMap(({ services = [] }) => services)

/** @param {readonly Tool[]} tools */
const namesOf = (tools) => tools.map(({ name }) => name).join(', ')

/**
 * What the start goes on without; empty for what cannot be done without.
 * @param {readonly Tool[]} tools
 */
const consequences = (tools) => tools.map(({ without = '' }) => without).join(' ')

/**
 * @param {Purpose} purpose
 * @param {{ exists: (program: string) => boolean, mayInstall: boolean }} machine `mayInstall`: we are root, and there is apt-get
 * @returns {ToolDecision}
 */
export const decideTools = (purpose, { exists, mayInstall }) => {
  const tools = missingTools(purpose, exists)
  if (tools.length === 0) return { do: 'nothing' }
  const stops = purpose !== 'start' || tools.some(({ without }) => without === undefined)
  if (mayInstall) return { do: 'install', tools, stops, text: `Installing ${namesOf(tools)} with apt-get (once) …` }
  return { do: 'tell', stops, text: missingText(tools, stops) }
}

/**
 * @param {readonly Tool[]} tools
 * @param {boolean} stops
 */
export const missingText = (tools, stops) =>
  stops
    ? `Missing for this: ${namesOf(tools)}. On Debian or Ubuntu run once:\n  ${installCommand(tools)}`
    : `${namesOf(tools)} is not on this machine. ${consequences(tools)} On Debian or Ubuntu run once:\n  ${installCommand(tools)}`

/**
 * The major number of `v24.21.0` or `24.21.0`; 0 when it is no version.
 * @param {string} version
 */
export const majorOf = (version) => Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0)

/**
 * PATH without this project's packages: a Node that `npm ci` is about to delete must not run it.
 * @param {string} path
 */
export const withoutPackages = (path) =>
  path
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':')
