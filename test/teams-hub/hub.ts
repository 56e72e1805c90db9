/**
 * A stand-in for Microsoft's three SIP hubs and a media processor: strict with the SBC where they are, odd where they are, and with a list of
 * what it saw. Written from what is published and seen of them; it shares no code with the program that it judges.
 */
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { a, aaaa, type DnsRecord, startDnsServerAt } from '../support/dns-server.ts'
import { createWatch } from '../support/media/watch.ts'
import { createAuthorities, writeCertificate } from './authorities.ts'
import type { Way } from './calling.ts'
import { createCalls } from './calls.ts'
import { createFindings } from './findings.ts'
import { judge } from './identity.ts'
import { refusedMethod } from './invite-rules.ts'
import { isAddress, type Message, valuesOf } from './message.ts'
import { apiName, hubName, regionalName, SITES } from './names.ts'
import { createPinging } from './pinging.ts'
import { type Connection, createSockets } from './sockets.ts'
import { createTransactions, newTag } from './transactions.ts'
import type { CertificateVariant, Hub, HubOptions, SiteMood, SiteName, Times, Trunk } from './types.ts'
import { answer, fail, type World } from './world.ts'

const TIMES: Times = {
  optionsLeast: 60_000,
  optionsMost: 180_000,
  unhealthy: 180_000,
  demoted: 300_000,
  pinging: 60_000,
  idle: 120_000,
  renew: 3_600_000,
  failover: 10_000,
  refresh: 1_800_000,
  acknowledged: 32_000,
  rtcpGap: 10_000,
}
/** A certificate that has changed is used this soon, ms. */
const GRACE = 2000
const KEPT = 5000
/** s; an SBC that asks only once does not follow. */
const TTL = 1

/** Those of transactions and media stay: nobody can make sound faster. */
const REAL: readonly string[] = ['failover', 'acknowledged', 'rtcpGap']

const scaled = (scale: number, times: Partial<Times>): Times => {
  const all = Object.entries(TIMES).map(([name, ms]) => [name, times[name as keyof Times] ?? (REAL.includes(name) ? ms : ms / scale)])
  return Object.fromEntries(all) as unknown as Times
}

/** Starts everything; whoever starts it stops it. */
export const startHub = async (options: HubOptions): Promise<Hub> => {
  const { cloud = 'worldwide', port = 5061, folder, told = () => undefined } = options
  const given = options.addresses ?? ['127.0.0.61', '127.0.0.62', '127.0.0.63']
  const [one, two = one, three = one] = given
  const addresses: Record<SiteName, string> = { sip: one, sip2: two, sip3: three }
  const machines = options.machines ?? given
  const sites = cloud === 'worldwide' ? SITES.slice(0, given.length) : SITES.slice(0, 1)
  const names = sites.map((site) => hubName(site, cloud))
  const authorities = createAuthorities(names, options.kept === true ? join(folder, 'authorities.json') : undefined)
  const rootsFile = join(folder, 'hub-roots.pem')
  writeFileSync(rootsFile, authorities.hubRoots)
  const watch = createWatch()
  const findings = createFindings((violation) => {
    const { point, rule, warning } = violation
    told(`${warning ? 'warning' : 'VIOLATION'} of point ${point}: ${rule}`)
    options.violated?.(violation)
    watch.happened()
  })
  const timers = new Set<() => void>()
  const usual: CertificateVariant = options.certificate ?? 'new-root'
  const variants: Record<SiteName, CertificateVariant> = { sip: usual, sip2: usual, sip3: usual }
  let rotation: { readonly fingerprint: string; readonly at: number } | undefined
  const received: Message[] = []
  /** SBC names, with port, that connections of the hub lead to; by the connection's number. */
  const opened = new Map<number, string>()

  const tenants = options.tenants
  const trunks = tenants.flatMap((tenant) => tenant.trunks)
  const sbcNames = [
    ...trunks.map(({ fqdn }) => fqdn),
    ...tenants.flatMap(({ domains }) => domains.filter((name) => trunkOver(trunks, name))),
  ]
  const records = new Map<string, string>()
  for (const site of SITES) {
    if (sites.includes(site)) records.set(hubName(site, cloud), addresses[site])
    records.set(regionalName(site, cloud), addresses[site])
    records.set(apiName(site, cloud), addresses[site])
  }
  for (const [name, address] of Object.entries(options.names ?? {})) records.set(name, address)
  for (const name of sbcNames) records.set(name.toLowerCase(), options.sbcAddress)
  const dns = await startDnsServerAt(options.dns ?? {}, ...[...records].map(([name, address]) => addressRecord(name, address)))

  /** Variants by the fingerprints of their certificates: a handshake may have begun before the last change. */
  const fingerprints = new Map<string, CertificateVariant>()
  const shows = (variant: CertificateVariant): void => {
    fingerprints.set(new X509Certificate(authorities.hub(variant).chain).fingerprint256, variant)
  }
  shows(usual)
  const refusedFor = (variant: CertificateVariant): void => {
    findings.seen(5, `The SBC refuses a hub whose certificate is ${variant === 'expired' ? 'expired' : 'for another name'}`)
  }
  const sockets = createSockets(
    { addresses, port, trapPort: options.trapPort ?? 443, certificate: (site) => authorities.hub(variants[site]) },
    {
      judge: (chain) => judge(chain, authorities.publicRoot, options.purposes ?? '2026'),
      refused: (site, { point, code, why }) => {
        told(`${site}: ${code}: ${why}`)
        findings.violated(point, why)
      },
      opened: (connection) => {
        findings.seen(1, 'TLS 1.2 with an ECDHE-RSA-AES suite')
        findings.seen(2, 'A client certificate of a known authority')
        findings.seen(4, 'Purpose, dates and intermediates of the certificate')
        told(`${connection.site}: connection of the ${connection.openedBy === 'hub' ? 'hub' : 'SBC'}, ${connection.remote}`)
        if (connection.openedBy === 'hub') return
        if (rotation !== undefined && connection.fingerprint === rotation.fingerprint)
          findings.seen(10, 'New connections show the new certificate')
        const before = sockets
          .connections()
          .find(
            (other) => other !== connection && other.openedBy === 'sbc' && other.site === connection.site && sameNames(other, connection),
          )
        if (before !== undefined && connection.openedAt - before.openedAt > world.times.renew / 2)
          findings.seen(10, 'A connection is renewed before it is an hour old')
        watch.happened()
      },
      closed: (connection) => {
        const shown = fingerprints.get(connection.shown)
        if (connection.openedBy === 'sbc' && connection.requests === 0 && shown !== undefined && isBad(shown)) refusedFor(shown)
        transactions.lost(connection)
        opened.delete(connection.number)
        watch.happened()
      },
      message: (connection, message) => take(connection, message),
      crlf: (connection) => {
        connection.activeAt = performance.now()
      },
      garbage: (connection, text) => {
        findings.violated(0, 'What came is no SIP message', text.slice(0, 500))
        connection.close()
      },
      failed: (site, code, why) => {
        told(`${site}: handshake: ${why}`)
        if (isBad(variants[site]) && /ALERT|ECONNRESET|CERTIFICATE/i.test(`${code} ${why}`)) refusedFor(variants[site])
        else if (
          /NO_SHARED_CIPHER|UNSUPPORTED_PROTOCOL|WRONG_VERSION|HTTP_REQUEST|NO_SUITABLE|UNKNOWN_PROTOCOL|VERSION_TOO_LOW/i.test(code)
        )
          findings.violated(1, `No TLS 1.2 with a known suite: ${code}`)
        else if (/CERTIFICATE/i.test(code)) findings.violated(2, `The handshake fails: ${code}`)
        watch.happened()
      },
      trapped: (site, remote) => {
        findings.violated(29, 'Somebody connects to the hub’s Contact on port 443', `${remote} to ${site}`)
      },
    },
  )
  const transactions = createTransactions(findings)
  let turn = 0
  const world: World = {
    options,
    times: scaled(options.scale ?? 1, options.times ?? {}),
    ...{ findings, sockets, transactions, watch, cloud, port, machines },
    mediaAddress: options.media ?? one,
    wins: options.wins ?? 'record-route',
    moods: new Map(),
    resolve: (name) => records.get(name.toLowerCase()),
    after: (ms, run) => {
      const timer = setTimeout(() => {
        timers.delete(takeBack)
        run()
      }, ms)
      const takeBack = (): void => {
        clearTimeout(timer)
        timers.delete(takeBack)
      }
      timers.add(takeBack)
      return takeBack
    },
    every: (ms, run) => {
      const timer = setInterval(run, Math.max(10, ms))
      const takeBack = (): void => {
        clearInterval(timer)
        timers.delete(takeBack)
      }
      timers.add(takeBack)
      return takeBack
    },
    tell: told,
    impostor: ({ shown }) => isBad(fingerprints.get(shown) ?? usual),
    reach: async (site, name, toPort, fresh, from) => {
      const address = records.get(name.toLowerCase())
      if (address === undefined) throw new Error(`DNS has no address of ${name}`)
      if (from !== undefined) return sockets.connect(site, from, { address, port: toPort, name })
      const there = sockets
        .connections()
        .filter((connection) => connection.openedBy === 'hub' && connection.site === site && connection.open())
        .filter((connection) => opened.get(connection.number) === `${name}:${toPort}`)
      const [any] = there
      if (!fresh && any !== undefined) {
        any.requests++
        return any
      }
      const machine = machines[turn++ % machines.length] ?? addresses[site]
      const own = there.filter((connection) => connection.machine === machine)
      const connection = own.length < 2 ? await sockets.connect(site, machine, { address, port: toPort, name }) : own[turn % 2]!
      opened.set(connection.number, `${name}:${toPort}`)
      connection.requests++
      return connection
    },
  }
  const pinging = createPinging(world)
  const users = new Map(tenants.flatMap((tenant) => Object.entries(tenant.users)))
  const calls = createCalls(world, (number) => users.get(number))

  const judgeConnection = (connection: Connection, message: Message): void => {
    const now = performance.now()
    if (world.impostor(connection)) findings.violated(5, 'The SBC goes on with a hub whose certificate is wrong', message.text)
    if (rotation !== undefined && connection.fingerprint !== rotation.fingerprint && now - rotation.at > GRACE)
      findings.violated(10, 'A request over a connection with the certificate from before the rotation', message.text)
    if (now - connection.openedAt > world.times.renew)
      findings.violated(10, 'A request over a connection that is older than an hour', message.text)
    const via = /^SIP\/2\.0\/(\S+)\s+(\[[^\]]+\]|[^\s:;]+)/.exec(valuesOf(message, 'via')[0] ?? '')
    if (via !== null && via[1] !== 'TLS') findings.violated(1, `The top Via says ${via[1]}`, message.text)
    if (via !== null && isAddress(via[2]!)) findings.warned(12, 'The top Via shows an address and not the SBC’s name', message.text)
    if (/^sips:/.test(message.uri) || valuesOf(message, 'contact').some((value) => value.includes('<sips:')))
      findings.violated(1, 'A sips URI', message.text)
  }
  const take = (connection: Connection, message: Message): void => {
    received.push(message)
    if (received.length > KEPT) received.shift()
    connection.activeAt = performance.now()
    for (const fault of message.faults) findings.violated(0, fault, message.text)
    if (message.faults.length === 0) findings.seen(0, 'All messages are well-formed')
    if (message.start === '' || message.method === '') return
    if (message.status > 0) transactions.response(connection, message)
    else if (connection.openedBy === 'hub') findings.violated(7, 'A request of the SBC on a connection that the hub opened', message.text)
    else request(connection, message)
    watch.happened()
  }
  const request = (connection: Connection, message: Message): void => {
    findings.seen(7, 'Requests of the SBC on its own connections, answers where the request came')
    judgeConnection(connection, message)
    connection.requests++
    if (message.method !== 'ACK' && transactions.repeated(message)) {
      findings.warned(0, `${message.method} is sent twice over TLS`, message.text)
      return
    }
    const mood = world.moods.get(connection.site) ?? 'well'
    const initial = message.method === 'INVITE' && !/;tag=/.test(message.headers.find(({ name }) => name === 'to')?.value ?? '')
    if (mood === 'silent') {
      if (initial) calls.refused(message, connection.site, undefined)
      findings.seen(17, 'A hub that says nothing')
      return
    }
    if (typeof mood === 'object' && message.method !== 'ACK' && (initial || (mood.only === undefined && message.method === 'OPTIONS'))) {
      if (initial) calls.refused(message, connection.site, 503)
      findings.seen(17, 'A hub that answers 503 with Retry-After')
      const headers = [['RETRY-AFTER', String(mood.retryAfter)]] as const
      fail(world, connection, message, newTag(), {
        status: 503,
        code: '500003',
        words: 'The service is not available.',
        cause: 41,
        headers,
      })
      return
    }
    const refused = refusedMethod(message.method)
    if (refused !== undefined) {
      findings.violated(22, `${message.method} goes to the hub`, message.text)
      answer(connection, message, refused.status, newTag())
      return
    }
    if (message.method === 'OPTIONS') pinging.request(connection, message)
    else calls.request(connection, message)
  }

  for (const site of sites) {
    await sockets.listen(site)
    const words = await sockets.trap(site)
    if (words !== undefined) told(words)
  }
  world.every(Math.max(20, world.times.idle / 20), () => {
    for (const connection of sockets.connections()) {
      if (transactions.pending(connection) > 0 || performance.now() - connection.activeAt < world.times.idle) continue
      findings.seen(8, 'Idle connections end')
      told(`${connection.site}: idle, ${connection.remote}`)
      connection.close()
    }
  })
  world.every(world.times.idle / 4, () => {
    for (const connection of sockets.connections()) if (connection.openedBy === 'hub') connection.keepAlive()
  })
  const waysTo = (fqdn: string | undefined): readonly Way[] => {
    const enabled = (trunk: Trunk): boolean => trunk.enabled !== false
    if (fqdn === undefined) return (tenants[0]?.trunks ?? []).filter(enabled).map((trunk) => ({ trunk, fqdn: trunk.fqdn }))
    const own = trunks.find((trunk) => trunk.fqdn === fqdn) ?? trunkOver(trunks, fqdn)
    return own === undefined || !enabled(own) ? [] : [{ trunk: own, fqdn }]
  }
  const until: Hub['until'] = (test, what, ms = 10_000) => watch.until(test, () => `no ${what} within ${ms} ms`, ms)
  return {
    ...{ dns: dns.address, addresses, port, rootsFile, findings, until },
    issue: (name, hosts, wanted) => writeCertificate(folder, name, authorities.sbc(name, hosts, wanted)),
    mood: async (site, mood: SiteMood) => {
      pinging.disturbed(site)
      const before = world.moods.get(site) ?? 'well'
      world.moods.set(site, mood)
      if (mood === 'refusing') await sockets.refuse(site)
      else if (before === 'refusing') await sockets.listen(site)
    },
    certificate: (next, only) => {
      shows(next)
      for (const site of only === undefined ? sites : [only]) {
        variants[site] = next
        pinging.disturbed(site)
      }
      sockets.renew()
    },
    wins: (mode) => {
      world.wins = mode
    },
    move: async (site, address) => {
      pinging.disturbed(site)
      await sockets.refuse(site)
      addresses[site] = address
      const moved = [hubName(site, cloud), regionalName(site, cloud), apiName(site, cloud)]
      for (const name of moved) records.set(name, address)
      dns.put(...moved.map((name) => addressRecord(name, address)))
      await sockets.listen(site)
    },
    rotated: (chain) => {
      for (const site of sites) pinging.disturbed(site)
      rotation = { fingerprint: new X509Certificate(chain).fingerprint256, at: performance.now() }
    },
    call: async (number, scenario = {}) => {
      const ways = waysTo(scenario.trunk)
      if (ways.length === 0) {
        findings.seen(47, 'No new calls to a trunk that is not enabled')
        throw new Error('No trunk of this name is enabled')
      }
      return calls.call(scenario.site ?? sites[0]!, number, scenario.otherTrunks === false ? ways.slice(0, 1) : ways, scenario)
    },
    incoming: (ms = 10_000) => calls.incoming(ms),
    user: (number, scenario) => {
      const tenant = tenants[0]
      if (tenant === undefined) return
      const all = tenant.users as Record<string, object>
      if (scenario === undefined) {
        users.delete(number)
        delete all[number]
      } else {
        users.set(number, scenario)
        all[number] = scenario
      }
    },
    trunk: (fqdn) => {
      const found = trunks.find((trunk) => trunk.fqdn === fqdn)
      if (found === undefined) throw new Error(`there is no trunk ${fqdn}`)
      return found
    },
    options: pinging.seen,
    health: pinging.health,
    connections: () =>
      sockets.connections().map(({ site, openedBy, remote, fingerprint, requests }) => ({ site, openedBy, remote, fingerprint, requests })),
    calls: calls.all,
    received: () => received,
    stop: async () => {
      for (const take of [...timers]) take()
      await calls.close()
      await sockets.close()
      await dns.stop()
    },
  }
}

const addressRecord = (name: string, address: string): DnsRecord => (address.includes(':') ? aaaa : a)(name, address, TTL)

const isBad = (variant: CertificateVariant): boolean => variant === 'wrong-name' || variant === 'expired'

const sameNames = (one: Connection, other: Connection): boolean => one.names.join() === other.names.join()

/** The carrier's trunk that a customer's name belongs to. */
const trunkOver = (trunks: readonly Trunk[], name: string): Trunk | undefined =>
  trunks.find(({ fqdn }) => fqdn === name.split('.').slice(1).join('.'))
