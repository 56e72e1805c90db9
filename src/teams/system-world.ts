/** The world as it is. */
import { Resolver } from 'node:dns/promises'
import { createLookup } from '../certs/acme/dns/lookup.ts'
import { localAddresses, parseHosts } from '../dns/hosts.ts'
import { SystemFile } from '../dns/system-file.ts'
import { askTime } from './ntp.ts'
import { HOSTS_FILE } from './steps/hub.ts'
import { tcpProbe, tlsProbe } from './tls-probe.ts'
import { type NameAnswer, ProbeError, type World } from './world.ts'

export interface SystemWorldOptions {
  /** DNS servers, `address` or `address:port`; undefined: those of the system. */
  readonly servers?: readonly string[] | undefined
  readonly hostsFile?: string
  /** Microsoft's own, which Windows asks. */
  readonly timeServer?: { readonly host: string; readonly port?: number }
}

const TRY_MS = 2000
const NOTHING_THERE = ['ENOTFOUND', 'ENODATA', 'ENONAME', 'EBADNAME']
/** A longer way from name to name is a mistake. */
const MOST_ALIASES = 8

export const systemWorld = (options: SystemWorldOptions = {}): World => {
  const { servers = [], hostsFile = '/etc/hosts', timeServer = { host: 'time.windows.com' } } = options
  const now = (): number => performance.now()
  const wall = (): number => Date.now()
  const lookup = createLookup(servers)
  const ours = (name: string, signal: AbortSignal): Promise<NameAnswer> => ask(name, servers, 'the DNS of this machine', signal)
  return {
    now,
    wall,
    name: async (name, signal) => {
      const hosts = parseHosts(new SystemFile(hostsFile).readNow())
      const [four, six] = [localAddresses(hosts, name, 4) ?? [], localAddresses(hosts, name, 6) ?? []]
      if (four.length + six.length > 0)
        return { ipv4: four.map((address) => ({ address, ttl: 0 })), ipv6: six, aliases: [], from: HOSTS_FILE }
      return ours(name, signal)
    },
    publicName: async (name, signal) => {
      const authorities = await lookup.authorities(name, signal).catch(() => [])
      if (authorities.length > 0) {
        // They may be out of reach behind a firewall; and an alias into another domain is not theirs to follow
        const answer = await ask(name, authorities.slice(0, 4), 'the name servers of its domain', signal).catch(() => undefined)
        if (answer !== undefined && answer.ipv4.length + answer.ipv6.length > 0) return answer
      }
      return ours(name, signal)
    },
    tcp: (address, port, localAddress, signal) => tcpProbe(address, port, localAddress, now, signal),
    tls: (question, signal) => tlsProbe(question, now, signal),
    clockAhead: async (signal) => ({ server: timeServer.host, milliseconds: await askTime(timeServer, wall, signal) }),
  }
}

const ask = async (name: string, servers: readonly string[], from: string, signal: AbortSignal): Promise<NameAnswer> => {
  if (signal.aborted) throw new ProbeError('dns', 'ETIMEDOUT', 'there was no answer in time')
  const resolver = new Resolver({ timeout: TRY_MS, tries: 2 })
  if (servers.length > 0) resolver.setServers(servers)
  const stop = (): void => resolver.cancel()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [ipv4, ipv6, aliases] = await Promise.all([
      there(resolver.resolve4(name, { ttl: true })),
      there(resolver.resolve6(name)),
      aliasesOf(name, resolver),
    ])
    return { ipv4: ipv4 ?? [], ipv6: ipv6 ?? [], aliases, from }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** undefined: there is nothing. @throws ProbeError */
const there = async <T>(asked: Promise<T>): Promise<T | undefined> => {
  try {
    return await asked
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (NOTHING_THERE.includes(code)) return undefined
    throw new ProbeError(
      'dns',
      code,
      code === 'ETIMEOUT' || code === 'ECANCELLED' ? 'there was no answer in time' : `the DNS server says ${code}`,
    )
  }
}

const aliasesOf = async (name: string, resolver: Resolver): Promise<readonly string[]> => {
  const found: string[] = []
  for (let at = name; found.length < MOST_ALIASES; ) {
    const [next] = (await resolver.resolveCname(at).catch(() => [])) as string[]
    if (next === undefined) break
    at = next.replace(/\.$/, '').toLowerCase()
    if (found.includes(at) || at === name) break
    found.push(at)
  }
  return found
}
