/**
 * Two private networks with a router each, and the Internet between the routers, in network namespaces of Linux:
 *
 *     LAN 10.77.0.0/24                        Internet 203.0.113.0/24                       home 192.168.1.0/24
 *     edge .5 ─┬─ .1 [corner: 1:1, .5] ──────────────────────────────── [.77: symmetric, router] .1 ─┬─ .10 phone
 *     PBX .20 ─┘                                                                                   └─ .11 browser
 *
 * The corner maps its public address to the edge and back, ports and all, also for those inside (hairpin). The router gives each connection
 * a random port of its own (`masquerade fully-random`), lets in what answers alone, and forgets datagrams after `FORGETS_SECONDS`.
 */
import { spawnSync } from 'node:child_process'

export const PUBLIC = '203.0.113.5'
export const EDGE = '10.77.0.5'
export const PBX = '10.77.0.20'
export const PHONE = '192.168.1.10'
export const BROWSER = '192.168.1.11'
export const ROUTER = '203.0.113.77'
export const FORGETS_SECONDS = 8

export const PLACES = ['edge', 'pbx', 'corner', 'router', 'phone', 'browser'] as const
export type Where = (typeof PLACES)[number]

export interface Network {
  /** Name of the namespace. */
  readonly name: (where: Where) => string
  /** Runs a program there and waits; its standard output. @throws Error when it fails */
  run(where: Where, ...command: readonly string[]): string
  /** The router's mappings for datagrams of an inner address and port: where they seem to come from. */
  mappings(address: string, port: number): readonly { readonly to: string; readonly publicPort: number }[]
  remove(): void
}

const ran = (command: readonly string[], input?: string): string => {
  const done = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8', ...(input === undefined ? {} : { input }) })
  if (done.status !== 0) throw new Error(`${command.join(' ')}: ${done.error?.message ?? done.stderr}`)
  return done.stdout
}

const CORNER = `
table ip nat {
  chain in { type nat hook prerouting priority dstnat; ip daddr ${PUBLIC} dnat to ${EDGE}; }
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr ${EDGE} snat to ${PUBLIC}
    oifname "net" ct status dnat iifname "net" masquerade
  }
}`

const HOME = `
table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade fully-random; }
}
table ip filter {
  chain in { type filter hook input priority filter; iifname "wan" ct state new drop; }
  chain across { type filter hook forward priority filter; iifname "wan" ct state new drop; }
}`

/** @returns why it cannot be made on this machine; undefined: it can */
export const whyNot = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  const name = `ewtry${process.pid}`
  const inside = ['ip', 'netns', 'exec', name]
  try {
    ran(['ip', 'netns', 'add', name])
    ran([...inside, 'ip', 'link', 'add', 'name', 'one', 'type', 'veth', 'peer', 'name', 'other'])
    ran([...inside, 'ip', 'link', 'add', 'net', 'type', 'bridge'])
    ran([...inside, 'nft', '-f', '-'], CORNER)
    ran([...inside, 'nft', '-f', '-'], HOME.replaceAll('table ip nat', 'table ip nat2'))
    ran([...inside, 'sysctl', '-q', '-w', `net.netfilter.nf_conntrack_udp_timeout=${FORGETS_SECONDS}`])
    ran([...inside, 'cat', '/proc/net/nf_conntrack'])
    return undefined
  } catch (error) {
    return `ip netns, veth, bridges, nftables with NAT, and /proc/net/nf_conntrack are needed: ${(error as Error).message.trim()}`
  } finally {
    spawnSync('ip', ['netns', 'del', name])
  }
}

/** @throws Error; then nothing of it is left */
export const layNetwork = (): Network => {
  const name = (where: Where): string => `ew${process.pid}${where}`
  const run = (where: Where, ...command: readonly string[]): string => ran(['ip', 'netns', 'exec', name(where), ...command])
  const remove = (): void => {
    process.off('exit', remove)
    for (const where of PLACES) spawnSync('ip', ['netns', 'del', name(where)])
  }
  process.once('exit', remove)
  /** A cable from an interface to one elsewhere. */
  const cable = (one: Where, its: string, other: Where, theirs: string): void => {
    ran(['ip', 'link', 'add', its, 'netns', name(one), 'type', 'veth', 'peer', 'name', theirs, 'netns', name(other)])
    run(one, 'ip', 'link', 'set', its, 'up')
    run(other, 'ip', 'link', 'set', theirs, 'up')
  }
  const host = (where: Where, address: string, gateway: string, box: Where): void => {
    cable(box, `to-${where}`, where, 'eth0')
    run(box, 'ip', 'link', 'set', `to-${where}`, 'master', 'net')
    run(where, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
    run(where, 'ip', 'route', 'add', 'default', 'via', gateway)
  }
  const box = (where: Where, inside: string, outside: string, rules: string): void => {
    run(where, 'ip', 'link', 'add', 'net', 'type', 'bridge')
    run(where, 'ip', 'link', 'set', 'net', 'up')
    run(where, 'ip', 'address', 'add', `${inside}/24`, 'dev', 'net')
    run(where, 'ip', 'address', 'add', `${outside}/24`, 'dev', 'wan')
    run(where, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    ran(['ip', 'netns', 'exec', name(where), 'nft', '-f', '-'], rules)
  }
  try {
    for (const where of PLACES) {
      ran(['ip', 'netns', 'add', name(where)])
      run(where, 'ip', 'link', 'set', 'lo', 'up')
    }
    cable('corner', 'wan', 'router', 'wan')
    box('corner', '10.77.0.1', PUBLIC, CORNER)
    box('router', '192.168.1.1', ROUTER, HOME)
    for (const timer of ['udp_timeout', 'udp_timeout_stream'])
      run('router', 'sysctl', '-q', '-w', `net.netfilter.nf_conntrack_${timer}=${FORGETS_SECONDS}`)
    host('edge', EDGE, '10.77.0.1', 'corner')
    host('pbx', PBX, '10.77.0.1', 'corner')
    host('phone', PHONE, '192.168.1.1', 'router')
    host('browser', BROWSER, '192.168.1.1', 'router')
  } catch (error) {
    remove()
    throw error
  }
  return {
    name,
    run,
    remove,
    mappings: (address, port) =>
      run('router', 'cat', '/proc/net/nf_conntrack')
        .split('\n')
        .flatMap((text) => {
          // The first pair is what the client sends, the second what comes back
          const match = /\budp\b.*? src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) .*?src=\S+ dst=\S+ sport=\d+ dport=(\d+)/.exec(text)
          if (match === null || match[1] !== address || Number(match[3]) !== port) return []
          return [{ to: `${match[2]}:${match[4]}`, publicPort: Number(match[5]) }]
        }),
  }
}
