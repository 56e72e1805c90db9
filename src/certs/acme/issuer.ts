import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Clock } from '../../base/clock.ts'
import { CertificateError } from '../../base/errors.ts'
import type { Log } from '../../observability/log.ts'
import type { AcmeSettings, CertificateRequest, ChallengeSockets, Issuer, OrderStep } from '../types.ts'
import { accountFile, openAccount } from './account.ts'
import { createLookup, type DnsLookup } from './dns/lookup.ts'
import { AcmeError } from './errors.ts'
import { listed, runOrder } from './order.ts'
import { type Pause, pause as realPause } from './pause.ts'
import type { ProblemContext } from './problem.ts'
import { askRenewal } from './renewal.ts'
import { explained, openSession, Refusal, type Session } from './session.ts'

export interface AcmeDeps {
  /** The data folder: the account is kept in `acme/` below it. */
  readonly folder: string
  readonly clock: Clock
  readonly sockets: ChallengeSockets
  readonly log: Log
  /** Secrets of providers, and proxies. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Default: the DNS of the system, and what it leads to. */
  readonly lookup?: DnsLookup
  /** Of the User-Agent header (RFC 8555 §6.1). */
  readonly version?: string
  /** For tests. */
  readonly pause?: Pause
}

/** Twice is one time more than a CA that lost its memory in mid-order needs. */
const ATTEMPTS = 2

/**
 * Orders certificates from a CA with ACME (RFC 8555), each with one order. Configuring it is agreeing to the CA's terms of service.
 * All waits end with the signal, and end by themselves.
 */
export const createAcmeIssuer = (settings: AcmeSettings, deps: AcmeDeps): Issuer => {
  const { clock, log, environment, pause = realPause, lookup = createLookup() } = deps
  const userAgent = `edgeways/${deps.version ?? '0'} acme-client/5`

  /** Runs `task` with a talk of its own, and makes every fault a CertificateError. */
  const talk = async <T>(what: string, signal: AbortSignal, task: (session: Session) => Promise<T>): Promise<T> => {
    let session: Session | undefined
    try {
      signal.throwIfAborted()
      const trust = settings.trustFile === undefined ? undefined : await readTrust(settings.trustFile)
      session = openSession({ directory: settings.directory, trust, environment, userAgent, clock, pause, signal })
      return await task(session)
    } catch (fault) {
      if (signal.aborted) throw new AcmeError('SBC_CERTIFICATE_STOPPED', `${what} was stopped`, { cause: fault })
      if (fault instanceof CertificateError) throw fault
      const said = fault instanceof Error ? fault.message : String(fault)
      throw new AcmeError('SBC_CERTIFICATE_ORDER', `${what} failed: ${said}`, { cause: fault })
    } finally {
      session?.close()
    }
  }

  const contextOf = async (session: Session, during: ProblemContext['during']): Promise<ProblemContext> => {
    const { caaIdentities, profiles } = await session.directory()
    return { during, ca: session.ca, caaIdentities, profiles, httpPort: settings.httpPort, accountFile: accountFile(deps.folder, settings) }
  }

  return {
    issue(request, csr, progress, signal) {
      const tell = (at: OrderStep['at'], text: string, host?: string): void => {
        progress({ at, text, ...(host !== undefined && { host }), time: clock.wall() })
        log.info({ certificate: request.name, at, ...(host !== undefined && { host }) }, text)
      }
      return talk(`The order of certificate ${request.name}`, signal, async (session) => {
        const hosts = hostsOf(request, settings)
        tell('start', `Ordering a certificate for ${listed(hosts)} from ${session.ca}`)
        const context = await contextOf(session, 'order')
        for (let attempt = 1; ; attempt++) {
          try {
            const account = await openAccount(session, deps.folder, settings, context, attempt > 1)
            const terms = (await session.directory()).termsOfService
            if (account.fresh) tell('account', `Registered with ${session.ca}${terms === undefined ? '' : `, whose terms are at ${terms}`}`)
            const rest = { settings, sockets: deps.sockets, lookup, clock, pause, log, environment, userAgent }
            return await runOrder(request, hosts, csr, { ...rest, tell, session, client: account.client, context }, signal)
          } catch (fault) {
            // A CA that was set up anew, or lost its memory: the key is still ours
            if (attempt >= ATTEMPTS || !(fault instanceof AcmeError) || fault.problem !== 'accountDoesNotExist') throw fault
            tell('account', `${session.ca} does not know our account any more; it is registered again`)
          }
        }
      })
    },

    renewal: (chain, signal) =>
      talk('The question when to renew', signal, async (session) =>
        explained(await contextOf(session, 'renewal'), () => askRenewal(session, chain)),
      ),

    revoke: (chain, key, reason, signal) =>
      talk('The revocation', signal, async (session) => {
        const context = await contextOf(session, 'revocation')
        await explained(context, async () => {
          const { revokeCert } = await session.directory()
          const leaf = leafOf(chain)
          const payload = { certificate: leaf.body, reason }
          // RFC 8555 §7.6: who has the key may revoke, and only that proves that the key is known to others
          if (reason === KEY_COMPROMISE) return session.signedByKey(key, revokeCert, payload)
          try {
            const { client } = await openAccount(session, deps.folder, settings, context, false)
            await client.revokeCertificate(leaf.pem, { reason })
          } catch (fault) {
            if (!(fault instanceof Refusal) || fault.problem.type !== 'unauthorized') throw fault
            await session.signedByKey(key, revokeCert, payload)
          }
        })
      }),
  }
}

const KEY_COMPROMISE = 1

/** The first certificate: as it is, and as RFC 8555 §7.6 sends it. */
const leafOf = (chain: string): { readonly pem: string; readonly body: string } => {
  const [pem, body] = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(chain) ?? []
  if (pem === undefined || body === undefined)
    throw new CertificateError('SBC_CERTIFICATE_CHAIN', 'There is no certificate in PEM to revoke')
  return { pem, body: Buffer.from(body, 'base64').toString('base64url') }
}

const readTrust = async (path: string): Promise<string> => {
  try {
    const text = await readFile(path, 'latin1')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  } catch (cause) {
    throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot read the roots of the CA in ${path}: ${(cause as Error).message}`, cause)
  }
  throw new CertificateError('SBC_CERTIFICATE_FILE', `${path} has no PEM certificate`)
}

/** The names as a CA wants them; what no CA can sign is said before it is asked. */
const hostsOf = ({ name, hosts }: CertificateRequest, { challenge }: AcmeSettings): string[] => {
  const found = [...new Set(hosts.map(ascii))]
  if (found.length === 0) throw new AcmeError('SBC_CERTIFICATE_ORDER', `Certificate ${name} has no names to order; set names`)
  const bad = found.find((host) => isIP(host) !== 0 || !NAME.test(host))
  if (bad !== undefined)
    throw new AcmeError('SBC_CERTIFICATE_ORDER', `${bad} is no DNS name that a CA can sign; give the names that others look up`)
  const wildcard = found.find((host) => host.startsWith('*.'))
  if (wildcard !== undefined && challenge !== 'dns-01') {
    throw new AcmeError(
      'SBC_CERTIFICATE_CHALLENGE',
      `${wildcard} is a wildcard, which is proved by dns-01 only, not by ${challenge}; set challenge to dns-01 with a provider, or write the names out`,
    )
  }
  return found
}

const NAME = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** `Bücher.Example.` as the DNS has it; what is no name stays as it is. */
const ascii = (host: string): string => {
  const [, star = '', rest = ''] = /^(\*\.)?(.*?)\.?$/.exec(host.trim()) ?? []
  return star + (domainToASCII(rest) || rest).toLowerCase()
}
