/** One hub: from its name to its answer, each over connections of the doctor's own. */

import type { Ids } from '../../base/ids.ts'
import { issuerOf, subjectOf } from '../../certs/intake/facts.ts'
import { certificatesOf } from '../../peers/certificate.ts'
import { judge } from '../../peers/judge.ts'
import { headerValue } from '../../sip/message.ts'
import { HUB_PORT } from '../../zones/microsoft.ts'
import { ipFamily } from '../../zones/networks.ts'
import type { Target } from '../../zones/zone.ts'
import { shownToHubs } from '../certificate.ts'
import { type Check, type Checks, type Outcome, once, settled, skipped } from '../checks.ts'
import { explainAnswer, explainText, reasonsOf } from '../codes.ts'
import { optionsOf, readAnswer } from '../options.ts'
import type { Patient } from '../patient.ts'
import { type NameAnswer, ProbeError, type TlsQuestion, type TlsSession, type World } from '../world.ts'

const DNS_MS = 8000
const CONNECT_MS = 6000
const ANSWER_MS = 6000
/** Addresses of one name that are tried. */
const MOST_ADDRESSES = 4
/** TLS 1.2 suites that hubs take (T §1.3), as OpenSSL names them; TLS 1.3 has its own. */
const SUITES =
  /^(?:TLS_ECDHE_RSA_WITH_AES_(?:128|256)_(?:GCM|CBC)_SHA(?:256|384)|ECDHE-RSA-AES(?:128|256)-(?:GCM-)?SHA(?:256|384)|TLS_(?:AES|CHACHA20)\w+)$/

export const hubChecks = (patient: Patient, target: Target, world: World, ids: Ids, stop: AbortSignal): Checks => {
  const { host } = target
  const port = target.port ?? HUB_PORT
  const literal = ipFamily(host) !== undefined
  const within = (ms: number): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(ms)])

  const answer = once(
    (): Promise<NameAnswer> =>
      literal
        ? Promise.resolve({ ipv4: [{ address: host, ttl: 0 }], ipv6: [], aliases: [], from: 'the configuration' })
        : world.name(host, within(DNS_MS)),
  )
  const addresses = once(async () => {
    const { ipv4, ipv6 } = await answer()
    const [four, six] = [ipv4.map(({ address }) => address), ipv6]
    const family = patient.localAddress === undefined ? undefined : ipFamily(patient.localAddress)
    const found = family === 6 || (family === undefined && four.length === 0) ? six : four
    if (found.length === 0) throw new Error(`${host} has no address`)
    return found.slice(0, MOST_ADDRESSES)
  })
  const reached = once(async () =>
    Promise.all(
      (await addresses()).map(async (address) => ({
        address,
        result: await settled(world.tcp(address, port, patient.localAddress, within(CONNECT_MS))),
      })),
    ),
  )
  const shown = once(() => shownToHubs(patient))
  const question = async (maxVersion: TlsQuestion['maxVersion']): Promise<TlsQuestion> => {
    const open = (await reached()).find(({ result }) => 'value' in result)
    if (open === undefined) throw new Error('there is no TCP connection')
    const certificate = await settled(shown())
    return {
      ...{ address: open.address, port, localAddress: patient.localAddress, serverName: host, maxVersion },
      certificate: 'value' in certificate ? certificate.value : undefined,
      minVersion: patient.tls.minVersion,
      ciphers: patient.tls.ciphers,
    }
  }
  const session = once(async () => world.tls(await question(undefined), within(CONNECT_MS)))

  const look = (name: string, title: string, run: () => Promise<Outcome>): Check => ({
    ...{ id: `${host}/${name}`, group: 'hub' as const, hub: host, title },
    look: run,
  })
  return {
    checks: [
      look('dns', 'Name of the hub', async () => dnsOutcome(host, literal, await settled(answer()))),
      look('ranges', "In Microsoft's networks", async () => rangesOutcome(patient, await settled(addresses()))),
      look('tcp', `TCP to port ${port}`, async () => tcpOutcome(host, port, await settled(reached()))),
      look('tls', 'TLS', async () => tlsOutcome(host, await settled(reached()), session)),
      look('certificate', 'Certificate of the hub', async () => certificateOutcome(patient, host, world.wall(), session)),
      look('asked', 'Asked for our certificate', async () =>
        askedOutcome(session, async () => world.tls(await question('TLSv1.2'), within(CONNECT_MS))),
      ),
      look('options-out', 'OPTIONS to the hub', async () =>
        optionsOutcome(patient, target, world, ids, session, within(CONNECT_MS + ANSWER_MS)),
      ),
      look('health', 'What the edge sees', async () => healthOutcome(patient, target, world.wall())),
    ],
    end: () => {
      // Nobody waits for a handshake that is still under way
      session().then(
        (open) => open.close(),
        () => {},
      )
    },
  }
}

type Settled<T> = { readonly value: T } | { readonly error: Error }

const dnsOutcome = (host: string, literal: boolean, found: Settled<NameAnswer>): Outcome => {
  if (literal)
    return {
      verdict: 'warning',
      finding: `${host} is an address: when the hub gets another one, calls stop`,
      remedy: 'Leave "targets" out; the hubs follow from "cloud"',
    }
  if ('error' in found)
    return {
      verdict: 'bad',
      finding: `The DNS gives no answer for ${host}: ${found.error.message}`,
      remedy: 'Check the DNS servers of this machine (/etc/resolv.conf)',
    }
  const { ipv4, ipv6, aliases, from } = found.value
  const facts = [
    ['A', ipv4.map(({ address, ttl }) => `${address} (TTL ${ttl} s)`).join(', ') || 'none'] as const,
    ...(ipv6.length > 0 ? [['AAAA', ipv6.join(', ')] as const] : []),
    ...(aliases.length > 0 ? [['Alias of', aliases.join(', ')] as const] : []),
    ['Asked', from] as const,
  ]
  if (ipv4.length + ipv6.length === 0)
    return {
      verdict: 'bad',
      finding: `${host} has no address in the DNS`,
      remedy: 'Check the name, and the DNS servers of this machine',
      facts,
    }
  if (from === HOSTS_FILE)
    return {
      verdict: 'warning',
      finding: `${host} stands in the hosts file of this machine: when Microsoft moves the hub, calls stop`,
      remedy: 'Remove the line from /etc/hosts',
      facts,
    }
  const all = [...ipv4.map(({ address }) => address), ...ipv6]
  const ttl = Math.min(...ipv4.map((one) => one.ttl))
  return { verdict: 'good', finding: `${host} is ${all.join(', ')}${ipv4.length > 0 ? `, for ${ttl} s` : ''}`, facts }
}

/** As `World.name` says it of names that stand there. */
export const HOSTS_FILE = 'the hosts file'

const rangesOutcome = (patient: Patient, found: Settled<readonly string[]>): Outcome => {
  if ('error' in found) return skipped('There is no address to look at')
  const { networks } = patient.zone.admission
  const texts = networks.map(({ text }) => text).join(', ')
  const outside = found.value.filter((address) => !networks.some(({ contains }) => contains(address)))
  if (networks.length === 0) return skipped('The zone names no networks ("admit")')
  if (outside.length === 0) return { verdict: 'good', finding: `${found.value.join(', ')}: inside of ${texts}` }
  return {
    verdict: 'bad',
    finding: `${outside.join(', ')} is not in the networks that this zone admits (${texts}): requests from there get 403`,
    remedy:
      'Leave "admit" out, so that the networks follow from "cloud"; if they do already, the DNS here does not say the truth, or Microsoft has a new network',
  }
}

type Reached = readonly { readonly address: string; readonly result: Settled<number> }[]

const tcpOutcome = (host: string, port: number, found: Settled<Reached>): Outcome => {
  if ('error' in found) return skipped('There is no address to connect to')
  const good = found.value.flatMap(({ address, result }) => ('value' in result ? [`${address} in ${Math.round(result.value)} ms`] : []))
  const bad = found.value.flatMap(({ address, result }) => ('error' in result ? [`${address}: ${result.error.message}`] : []))
  const remedy = `Let the firewall pass TCP from this machine to port ${port} of Microsoft's networks`
  if (good.length === 0) return { verdict: 'bad', finding: `No connection to ${host}: ${bad.join('; ')}`, remedy }
  if (bad.length > 0) return { verdict: 'warning', finding: `Connected to ${good.join(', ')}; not to ${bad.join('; ')}`, remedy }
  return { verdict: 'good', finding: `Connected to ${good.join(', ')}` }
}

const tlsOutcome = async (host: string, found: Settled<Reached>, session: () => Promise<TlsSession>): Promise<Outcome> => {
  if ('error' in found || !found.value.some(({ result }) => 'value' in result)) return skipped('There is no TCP connection')
  const tried = await settled(session())
  if ('error' in tried) return { verdict: 'bad', ...handshakeFault(host, tried.error) }
  const { version, cipher, milliseconds } = tried.value
  const facts = [
    ['Version', version] as const,
    ['Cipher', cipher] as const,
    ['Handshake', `${Math.round(milliseconds.handshake)} ms`] as const,
  ]
  if (version !== 'TLSv1.2' && version !== 'TLSv1.3')
    return {
      verdict: 'warning',
      finding: `${version} was agreed, which hubs do not speak any more`,
      remedy: 'Is there something between us and Microsoft that opens TLS?',
      facts,
    }
  if (!SUITES.test(cipher))
    return {
      verdict: 'warning',
      finding: `${version} with ${cipher}, which is none of the suites that Microsoft names`,
      remedy: 'Is there something between us and Microsoft that opens TLS?',
      facts,
    }
  return { verdict: 'good', finding: `${version} with ${cipher}, in ${Math.round(milliseconds.handshake)} ms`, facts }
}

/** What an alert means for us: RFC 5246 §7.2, RFC 8446 §6. */
const ALERTS: readonly (readonly [pattern: RegExp, finding: string, remedy: string])[] = [
  [/certificate expired/i, 'it says that our certificate has expired', 'Renew the certificate'],
  [/unknown ca/i, 'it does not know the authority of our certificate', 'Use a public authority, and send all intermediates'],
  [
    /bad certificate|unsupported certificate/i,
    'it does not take our certificate',
    'Look at the checks of our certificate: names, chain and purposes',
  ],
  [
    /certificate unknown/i,
    'it does not take our certificate, or got none',
    'Look at the checks of our certificate: names, chain and purposes',
  ],
  [/certificate required/i, 'it demands a certificate and got none', 'Give the listener a certificate'],
  [
    /handshake failure|no shared cipher|no ciphers/i,
    'it has no cipher suite in common with us, or wants a certificate',
    'Leave "ciphers" of the listener group out, and use an RSA key',
  ],
  [/protocol version/i, 'it does not speak our version of TLS', 'Leave "min-version" of the listener group at 1.2'],
]

const handshakeFault = (host: string, error: Error): Pick<Outcome, 'finding' | 'remedy'> => {
  const alert = ALERTS.find(([pattern]) => pattern.test(error.message))
  if (alert !== undefined) return { finding: `${host} refuses the handshake: ${alert[1]} (${error.message})`, remedy: alert[2] }
  if (error instanceof ProbeError && error.code === 'ECONNRESET')
    return {
      finding: `${host} ends the handshake without a word, as hubs do with those whose certificate they do not take`,
      remedy: 'Look at the checks of our certificate; then whether a firewall opens TLS',
    }
  return {
    finding: `The handshake with ${host} failed: ${error.message}`,
    remedy: 'Look at the checks of our certificate; then whether a firewall opens TLS',
  }
}

const certificateOutcome = async (patient: Patient, host: string, now: number, session: () => Promise<TlsSession>): Promise<Outcome> => {
  const tried = await settled(session())
  if ('error' in tried) return skipped('There is no TLS connection')
  const { chain } = tried.value
  const facts = [
    ...chain.map(
      (one, index) =>
        [
          `Certificate ${index + 1}`,
          `${subjectOf(one)}; issued by ${issuerOf(one)}; until ${one.validToDate.toISOString().slice(0, 10)}`,
        ] as const,
    ),
    ...(chain[0] === undefined ? [] : [['Names', (chain[0].subjectAltName ?? '').slice(0, 300)] as const]),
  ]
  const { peers, admission } = patient.zone
  if (peers === undefined) return { ...skipped('The TLS library judges certificates here; "peers" of the zone is off'), facts }
  const roots = certificatesOf(await patient.roots())
  const names = admission.certificateNames.length > 0 ? admission.certificateNames : [host]
  const { verdict } = judge(
    chain.map((one) => one.raw),
    { roots, usage: peers.usage, names },
    now,
  )
  if (!verdict.ok)
    return {
      verdict: 'bad',
      finding: verdict.finding,
      remedy: `${verdict.remedy}. Is there something between us and Microsoft that opens TLS?`,
      facts,
    }
  return { verdict: 'good', finding: `The chain leads to ${verdict.path.labels.at(-1) ?? 'a trusted root'}, and names the hub`, facts }
}

const askedOutcome = async (session: () => Promise<TlsSession>, again: () => Promise<TlsSession>): Promise<Outcome> => {
  const first = await settled(session())
  if ('error' in first) return skipped('There is no TLS connection')
  let { asked } = first.value
  if (asked === undefined) {
    const second = await settled(again())
    if ('error' in second) return skipped('TLS 1.3 hides it, and TLS 1.2 is not spoken')
    asked = second.value.asked
    second.value.close()
  }
  if (asked === undefined) return skipped('That cannot be seen in this handshake')
  if (asked) return { verdict: 'good', finding: 'The hub asks for our certificate, and got it' }
  return {
    verdict: 'warning',
    finding: 'The hub did not ask for our certificate, though Microsoft does so; then it cannot know who we are',
    remedy:
      'Is there something between us and Microsoft that opens TLS, such as a firewall with inspection? Let these connections pass untouched',
  }
}

const optionsOutcome = async (
  patient: Patient,
  target: Target,
  world: World,
  ids: Ids,
  session: () => Promise<TlsSession>,
  signal: AbortSignal,
): Promise<Outcome> => {
  const tried = await settled(session())
  if ('error' in tried) return skipped('There is no TLS connection')
  const { listener, name, serverHeader } = patient
  const began = world.now()
  const got = await settled(tried.value.exchange(optionsOf({ listener, name, target, serverHeader, ids }), signal))
  const took = Math.round(world.now() - began)
  if ('error' in got) return { verdict: 'bad', ...unanswered(target.host, got.error) }
  const response = readAnswer(got.value)
  if (typeof response === 'string')
    return { verdict: 'bad', finding: `${target.host}: ${response}`, remedy: 'Is it a hub that answers there?' }
  const { status, reason } = response
  const said = explainAnswer(status, reason, reasonsOf(response))
  const server = headerValue(response, 'server')
  const facts = [
    ['Answer', `${status} ${reason}`.slice(0, 200)] as const,
    ['Round trip', `${took} ms`] as const,
    ...(server === undefined ? [] : [['Server', server.slice(0, 200)] as const]),
    ...reasonsOf(response)
      .slice(0, 3)
      .map((value) => ['Reason', value.slice(0, 300)] as const),
    ...(said.guid === undefined ? [] : [['GUID for Microsoft', said.guid] as const]),
  ]
  if (status >= 200 && status < 300) return { verdict: 'good', finding: `${status} ${reason}, after ${took} ms`, facts }
  const words = said.words === '' ? '' : ` (${said.words.slice(0, 200)})`
  return {
    verdict: 'bad',
    finding: `The hub answered ${status} ${reason.slice(0, 100)}${words}${said.meaning === undefined ? '' : `: ${said.meaning}`}`,
    remedy: said.remedy ?? "Microsoft's support can look the answer up by its GUID",
    facts,
  }
}

const unanswered = (host: string, error: Error): Pick<Outcome, 'finding' | 'remedy'> => {
  // TLS 1.3: that our certificate is not taken comes after the handshake
  const alert = ALERTS.find(([pattern]) => pattern.test(error.message))
  if (alert !== undefined) return { finding: `${host} closed the connection: ${alert[1]} (${error.message})`, remedy: alert[2] }
  if (error instanceof ProbeError && error.code === 'ECONNRESET')
    return {
      finding: `${host} closed the connection instead of answering, as it does when it does not take our certificate`,
      remedy: 'Look at the checks of our certificate, and whether the domain of our name is verified in the tenant',
    }
  return {
    finding: `${host} did not answer OPTIONS: ${error.message}`,
    remedy: 'Hubs do not answer those whose name they do not know: is the trunk there (Get-CsOnlinePSTNGateway), under this very name?',
  }
}

/** What the running edge has learned of it: its own OPTIONS, and calls that failed. */
const healthOutcome = async (patient: Patient, target: Target, now: number): Promise<Outcome> => {
  const view = await patient.peering()
  if (typeof view === 'string') return skipped(view)
  const seen = view.targets.find(({ name }) => name === target.name)
  if (seen === undefined) return skipped('The running edge does not have this hub; was the configuration taken over?')
  const { health, drain, reason, status, sentAt, answeredAt, busyUntil, connections, optionsSeconds } = seen
  const facts = [
    ...(sentAt === undefined ? [] : [['Last OPTIONS sent', sentAt] as const]),
    ...(answeredAt === undefined ? [] : [['Last OPTIONS answered', answeredAt] as const]),
    ...(status === undefined ? [] : [['Answer', String(status)] as const]),
    ...(optionsSeconds === undefined ? [] : [['Round trip', `${Math.round(optionsSeconds * 1000)} ms`] as const]),
    ['Connections that we opened', String(connections)] as const,
  ]
  if (drain)
    return {
      verdict: 'warning',
      finding: 'The hub is taken out by hand: it gets no new calls',
      remedy: 'Take it in again on the page Zones',
      facts,
    }
  if (busyUntil !== undefined && Date.parse(busyUntil) > now)
    return {
      verdict: 'warning',
      finding: `The hub asked for a pause until ${busyUntil} (503 with Retry-After)`,
      remedy: 'Nothing: calls go to the next hub until then',
      facts,
    }
  if (health === 'down') {
    const known = reason === undefined ? undefined : explainText(reason)
    return {
      verdict: 'bad',
      finding: `The edge takes it as down${reason === undefined ? '' : `: ${reason}`}${known === undefined ? '' : ` (${known.meaning})`}`,
      remedy: known?.remedy ?? 'The checks above say why',
      facts,
    }
  }
  if (health === 'unknown') return { verdict: 'skipped', finding: 'The edge has heard nothing of this hub yet', facts }
  return {
    verdict: 'good',
    finding: `The edge takes it as up${answeredAt === undefined ? '' : `; its last OPTIONS was answered at ${answeredAt}`}`,
    facts,
  }
}
