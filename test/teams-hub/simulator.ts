#!/usr/bin/env node
/** `npm run teams-simulator`: Microsoft's hubs on this machine, to try a PBX, its NAT and an edge with before there is a tenant. */
import { getServers } from 'node:dns'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { helpText, obey } from './commands.ts'
import { configText, zoneText } from './edge-config.ts'
import { startHub } from './hub.ts'
import { hubName, SITES } from './names.ts'
import type { CalledScenario } from './types.ts'

const USAGE = `usage: npm run teams-simulator -- [options]

--name NAME          name of the SBC                                  (sbc1.example.org)
--sbc ADDRESS:PORT   where it listens with TLS, as seen from here     (127.0.0.1:5061)
--addresses A,B,C    of the three hubs, or one address for one hub    (127.0.0.61,127.0.0.62,127.0.0.63)
--port PORT          of the hubs; the edge expects 5061               (5061)
--media ADDRESS      of the media processor                           (the first hub's)
--dns ADDRESS:PORT   of the name server                               (127.0.0.1:5300)
--trap PORT          where nobody may connect; 0: not watched         (443)
--folder FOLDER      certificates and the configuration for the edge  (data/teams-simulator)
--scale NUMBER       60: the hubs' minute is a second                 (1)
--bypass             the trunk has media bypass
--strict             the SBC's certificate has to be good for clients, too
`

/** Who can be called at Teams, and what happens then. */
const USERS: readonly (readonly [number: string, what: string, scenario: CalledScenario])[] = [
  ['+442079460100', 'answers, with a tone', {}],
  ['+442079460101', 'answers, and gives back what it hears', { echo: true }],
  ['+442079460102', 'two phones ring for 5 s, early media, then an answer', { ring: 2, progress: true, answerAfterMs: 5000 }],
  ['+442079460103', 'answers without ringing', { ring: 0 }],
  ['+442079460104', 'rings for ever', { answerAfterMs: 'never' }],
  ['+442079460105', 'is busy (486)', { final: 486 }],
  ['+442079460106', 'declines (603)', { final: 603 }],
  ['+442079460107', 'cannot be reached (480)', { final: 480 }],
]

const placeOf = (text: string, what: string): { readonly address: string; readonly port: number } => {
  const colon = text.lastIndexOf(':')
  const [address, port] = [text.slice(0, colon), Number(text.slice(colon + 1))]
  if (colon < 0 || isIP(address) !== 4 || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--${what} wants an IPv4 address and a port, such as 127.0.0.1:5061, not "${text}"`)
  return { address, port }
}

/** The first IPv4 server of the system, `address:port`. */
const systemServer = (): string | undefined => {
  const found = getServers().find((server) => isIP(server.split(':')[0] ?? '') === 4)
  return found === undefined || found.includes(':') ? found : `${found}:53`
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: 'sbc1.example.org' },
      sbc: { type: 'string', default: '127.0.0.1:5061' },
      addresses: { type: 'string', default: '127.0.0.61,127.0.0.62,127.0.0.63' },
      port: { type: 'string', default: '5061' },
      media: { type: 'string' },
      dns: { type: 'string', default: '127.0.0.1:5300' },
      trap: { type: 'string', default: '443' },
      folder: { type: 'string', default: 'data/teams-simulator' },
      scale: { type: 'string', default: '1' },
      bypass: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const { name, bypass } = values
  const folder = resolve(values.folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const addresses = values.addresses.split(',').map((address) => address.trim())
  const [one = '', two, three] = addresses
  if (addresses.some((address) => isIP(address) !== 4) || (addresses.length !== 1 && addresses.length !== 3))
    throw new Error(`--addresses wants one IPv4 address or three, not "${values.addresses}"`)
  if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+){2,}$/.test(name))
    throw new Error(`--name wants a host name under a domain, such as sbc1.example.org, not "${name}"`)
  const sbc = placeOf(values.sbc, 'sbc')
  const told = (line: string): void => {
    process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  }
  const hub = await startHub({
    folder,
    kept: true,
    addresses: two === undefined || three === undefined ? [one] : [one, two, three],
    port: Number(values.port),
    trapPort: values.trap === '0' ? false : Number(values.trap),
    dns: { ...placeOf(values.dns, 'dns'), others: systemServer() },
    ...(values.media === undefined ? {} : { media: values.media }),
    sbcAddress: sbc.address,
    tenants: [
      {
        name: 'example',
        domains: [name.split('.').slice(1).join('.')],
        trunks: [{ fqdn: name, port: sbc.port, bypass, pidflo: true }],
        users: Object.fromEntries(USERS.map(([number, , scenario]) => [number, scenario])),
      },
    ],
    scale: Number(values.scale),
    purposes: values.strict ? 'strict' : '2026',
    told,
    violated: ({ shown, warning }) => {
      if (shown !== '' && !warning) process.stdout.write(`${shown.slice(0, 3000).trimEnd()}\n\n`)
    },
  })
  const issue = () => hub.issue('sbc', [name])
  const files = { chainFile: join(folder, 'sbc.pem'), keyFile: join(folder, 'sbc.key') }
  if (!existsSync(files.chainFile) || !existsSync(files.keyFile)) issue()
  const config = join(folder, 'edgeways.yaml')
  const given = { name, sbc, files, roots: hub.rootsFile, networks: addresses, bypass, scale: Number(values.scale) }
  if (!existsSync(config)) writeFileSync(config, configText(given))
  process.stdout.write(`${addresses.map((address, index) => `${hubName(SITES[index]!, 'worldwide')} is ${address}:${values.port}`).join('\n')}
DNS server: ${hub.dns} (these names and ${name}; others are asked of ${systemServer() ?? 'nobody'})
Roots of the hubs: ${hub.rootsFile}
Certificate of the SBC: ${files.chainFile}, ${files.keyFile}
A configuration to begin with: ${config}

zones:
${zoneText(given)}
Start the edge in another terminal:
  EDGEWAYS_DNS_SERVERS=${hub.dns} npm start -- --config ${config} --data ${join(folder, 'edge')}

Users of Teams:
${USERS.map(([number, what]) => `  ${number}  ${what}`).join('\n')}

Commands:
${helpText()}
`)
  const lines = createInterface({ input: process.stdin })
  for await (const line of lines) {
    const said = await obey(line, {
      hub,
      name,
      renewCertificate: () => {
        issue()
        return files.chainFile
      },
    })
    if (said === undefined) break
    if (said !== '') process.stdout.write(`${said}\n`)
  }
  await hub.stop()
}

main().then(
  // A named pipe that somebody else holds open would keep it for ever
  () => process.exit(),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  },
)
