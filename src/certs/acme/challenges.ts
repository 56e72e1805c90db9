import type { Client } from 'acme-client'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../observability/log.ts'
import type { AcmeSettings, ChallengeKind, ChallengeSockets, OrderStep } from '../types.ts'
import type { DnsLookup } from './dns/lookup.ts'
import { openProvider } from './dns/providers.ts'
import type { DnsProvider, TxtRecord } from './dns/types.ts'
import { recordName, untilVisible } from './dns/visible.ts'
import { AcmeError } from './errors.ts'
import type { Pause } from './pause.ts'

/** One name that the CA wants proof of. */
export interface Proof {
  readonly host: string
  readonly token: string
  /** As the challenge wants it: of dns-01 already the digest (RFC 8555 §8.1, §8.4). */
  readonly keyAuthorization: string
}

export interface ChallengeDeps {
  readonly settings: AcmeSettings
  readonly sockets: ChallengeSockets
  readonly lookup: DnsLookup
  readonly clock: Clock
  readonly pause: Pause
  readonly log: Log
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly userAgent: string
  readonly tell: (at: OrderStep['at'], text: string, host?: string) => void
}

/** Tidying up has its own time: it also happens after an abort. */
const CLEAN_UP_MS = 60_000

/**
 * Puts the answers to challenges in place, runs `during` while they are there, and takes them away again, whatever happens.
 * What cannot be taken away is logged: the certificate does not fail for it.
 */
export const withAnswers = async <T>(
  kind: ChallengeKind,
  proofs: readonly Proof[],
  deps: ChallengeDeps,
  signal: AbortSignal,
  during: () => Promise<T>,
): Promise<T> => {
  const undo: Undo = []
  try {
    if (kind === 'http-01') await answerHttp(proofs, deps, undo, signal)
    else if (kind === 'tls-alpn-01') await answerAlpn(proofs, deps, undo, signal)
    else await answerDns(proofs, deps, undo, signal)
    return await during()
  } finally {
    const late = AbortSignal.timeout(CLEAN_UP_MS)
    for (const step of undo.reverse()) {
      try {
        await step(late)
      } catch (err) {
        deps.log.warn({ err }, 'What answered a challenge could not be taken away')
      }
    }
  }
}

type Undo = ((signal: AbortSignal) => Promise<void>)[]

const answerHttp = async (proofs: readonly Proof[], { settings, sockets, tell }: ChallengeDeps, undo: Undo, signal: AbortSignal) => {
  for (const { host, token, keyAuthorization } of proofs) {
    signal.throwIfAborted()
    undo.push(await sockets.http(settings.httpPort, token, keyAuthorization))
    tell('challenge', `Port ${settings.httpPort} answers for ${host}`, host)
  }
}

const answerAlpn = async (proofs: readonly Proof[], { sockets, tell }: ChallengeDeps, undo: Undo, signal: AbortSignal) => {
  const { crypto } = (await import('acme-client')).default
  for (const { host, keyAuthorization } of proofs) {
    signal.throwIfAborted()
    const made = await crypto.createAlpnCertificate(
      { identifier: { type: 'dns', value: host } } as Parameters<Client['verifyChallenge']>[0],
      keyAuthorization,
      await crypto.createPrivateEcdsaKey(),
    )
    const [key, chain] = made.map((pem) => pem.toString())
    undo.push(await sockets.alpn(host, { chain: chain!, key: key! }))
    tell('challenge', `The TLS listeners answer for ${host}`, host)
  }
}

const answerDns = async (proofs: readonly Proof[], deps: ChallengeDeps, undo: Undo, signal: AbortSignal) => {
  const { settings, lookup, clock, environment, userAgent, tell } = deps
  if (settings.dns === undefined)
    throw new AcmeError('SBC_CERTIFICATE_DNS', 'The challenge dns-01 needs a provider that writes the records; name one under dns')
  const { provider: providerName, servers, propagationMs } = settings.dns
  const provider = await openProvider(settings.dns, { clock, environment, userAgent })
  undo.push(async () => provider.close())
  const records: TxtRecord[] = []
  for (const { host, keyAuthorization } of proofs) {
    const record = { name: await recordName(lookup, host, servers, signal), value: keyAuthorization }
    records.push(record)
    // Before the attempt: one that fails half-way may have left something
    undo.push((late) => provider.remove(record, late))
    await added(provider, record, signal)
    const place = record.name === `_acme-challenge.${host}` ? '' : `, where its alias leads`
    tell('challenge', `TXT record ${record.name} written by ${providerName}${place}`, host)
  }
  for (const [name, group] of Map.groupBy(records, (record) => record.name)) {
    tell('propagation', `Waiting until ${servers.length > 0 ? servers.join(', ') : 'the name servers of the zone'} show ${name}`)
    const values = group.map(({ value }) => value)
    const seen = await untilVisible(name, values, { lookup, clock, pause: deps.pause, servers, longest: propagationMs }, signal)
    tell('propagation', seen ? `${name} is visible` : `No DNS server could be asked for ${name}; the CA is to look itself`)
  }
}

const added = async (provider: DnsProvider, record: TxtRecord, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted()
  await provider.add(record, signal)
}
