import { isIP } from 'node:net'
import type { ChallengeKind } from '../types.ts'
import { type AcmeCode, AcmeError } from './errors.ts'

/** A problem document of a CA (RFC 7807, RFC 8555 §6.7), with what it says of single names. */
export interface CaProblem {
  /** Without `urn:ietf:params:acme:error:`; a type of another family stays whole. */
  readonly type: string
  readonly detail: string
  /** The name that this part is about. */
  readonly host: string | undefined
  readonly parts: readonly CaProblem[]
  /** A page for people, such as new terms of service. */
  readonly instance: string | undefined
}

/** What was going on, for the remedy. */
export interface ProblemContext {
  readonly during: 'account' | 'order' | 'challenge' | 'renewal' | 'revocation'
  /** The CA's host. */
  readonly ca: string
  readonly host?: string | undefined
  readonly challenge?: ChallengeKind | undefined
  readonly httpPort?: number | undefined
  /** Addresses that the CA tried. */
  readonly addresses?: readonly string[] | undefined
  readonly caaIdentities?: readonly string[] | undefined
  readonly accountFile?: string | undefined
  readonly boundByKid?: string | undefined
  readonly profile?: string | undefined
  readonly profiles?: readonly string[] | undefined
  readonly notBefore?: number | undefined
}

const PREFIX = /^urn:ietf:params:acme:error:/

/** @returns undefined when it is none */
export const readProblem = (document: unknown): CaProblem | undefined => {
  if (typeof document !== 'object' || document === null) return undefined
  const { type, detail, title, identifier, subproblems, instance } = document as Record<string, unknown>
  if (typeof type !== 'string' && typeof detail !== 'string') return undefined
  const { value } = (typeof identifier === 'object' && identifier !== null ? identifier : {}) as { readonly value?: unknown }
  return {
    type: typeof type === 'string' ? type.replace(PREFIX, '') : 'about:blank',
    detail: oneLine(typeof detail === 'string' ? detail : typeof title === 'string' ? title : ''),
    host: typeof value === 'string' ? value : undefined,
    parts: (Array.isArray(subproblems) ? subproblems : []).flatMap((part) => readProblem(part) ?? []),
    instance: typeof instance === 'string' ? instance : undefined,
  }
}

/** What strangers say goes into a log line: no line breaks, and an end. */
const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
  return line.length > 600 ? `${line.slice(0, 600)}…` : line
}

/** One sentence: what failed, the CA's own words, what to do. */
export const problemError = (problem: CaProblem, context: ProblemContext): AcmeError => {
  const { code, words, remedy } = adviceFor(problem, context)
  const subject = context.host ?? problem.host
  const parts = problem.parts.slice(0, 5).map((part) => `${part.host ?? 'one part'}: ${part.detail} (${part.type})`)
  const more = problem.parts.length > 5 ? [`and ${problem.parts.length - 5} more`] : []
  const said = [problem.detail || problem.type, ...parts, ...more].join(', ')
  return new AcmeError(
    code,
    `${subject === undefined ? '' : `${subject}: `}${context.ca} ${words}: "${said}"${remedy === undefined ? '' : `; ${remedy}`}`,
    { problem: problem.type, notBefore: context.notBefore },
  )
}

const NO_CONNECTION = /failed to connect|connection refused|timed? ?out/i

interface Advice {
  readonly code: AcmeCode
  /** Goes on from the CA's name. */
  readonly words: string
  readonly remedy: string | undefined
}

const adviceFor = (problem: CaProblem, context: ProblemContext): Advice => {
  // An order that failed because of its names carries the reason in its parts
  const type = problem.type === 'compound' || problem.type === 'malformed' ? (problem.parts[0]?.type ?? problem.type) : problem.type
  const known = ANYWHERE[type]
  if (known !== undefined) return known(problem, context)
  // INTEROP(Pebble): of TLS-ALPN-01 it calls everything "unauthorized"
  if (context.during === 'challenge') return challengeAdvice(NO_CONNECTION.test(problem.detail) ? 'connection' : type, context)
  if (type === 'accountDoesNotExist' || context.during === 'account' || /\baccount\b/i.test(problem.detail))
    return accountAdvice(problem, context)
  return { code: 'SBC_CERTIFICATE_ORDER', words: 'refused', remedy: undefined }
}

const order = (words: string, remedy?: string): Advice => ({ code: 'SBC_CERTIFICATE_ORDER', words, remedy })
const account = (words: string, remedy?: string): Advice => ({ code: 'SBC_CERTIFICATE_ACCOUNT', words, remedy })
const challenge = (words: string, remedy?: string): Advice => ({ code: 'SBC_CERTIFICATE_CHALLENGE', words, remedy })

const ANYWHERE: Readonly<Record<string, (problem: CaProblem, context: ProblemContext) => Advice>> = {
  rateLimited: (_problem, { notBefore }) => ({
    code: 'SBC_CERTIFICATE_RATE_LIMIT',
    words: 'takes no more orders for now',
    remedy:
      notBefore === undefined
        ? 'wait, and try against its staging directory what is still uncertain'
        : `it may be asked again after ${new Date(notBefore).toISOString()}`,
  }),
  caa: (_problem, { caaIdentities }) =>
    challenge(
      'is not among the CAs that the CAA record allows',
      `add a CAA record for it${caaIdentities?.[0] === undefined ? '' : ` (0 issue "${caaIdentities[0]}")`}, or use a CA that is named there`,
    ),
  externalAccountRequired: () =>
    account(
      'takes accounts with an external account binding only',
      'copy kid and HMAC key from its account page to eab.kid and eab.key-file',
    ),
  userActionRequired: ({ instance }) =>
    account('wants a person to act first', instance === undefined ? 'see the page of your account there' : `open ${instance}`),
  invalidContact: () => account('does not accept the e-mail address', 'correct email'),
  unsupportedContact: () => account('does not accept the e-mail address', 'correct email'),
  rejectedIdentifier: () => order('does not sign for such a name', 'is the name public and spelled right? Else use another CA'),
  unsupportedIdentifier: () => order('does not sign for names of this kind', 'take the name out, or use another CA'),
  badCSR: () => order('does not accept the certificate request', 'try another key, such as ecdsa256 or rsa2048'),
  badPublicKey: () => order('does not accept the key', 'try another key, such as ecdsa256 or rsa2048'),
  invalidProfile: (_problem, { profile, profiles }) =>
    order(
      `has no profile ${profile ?? ''}`.trimEnd(),
      profiles === undefined || profiles.length === 0 ? 'remove profile' : `its profiles are ${profiles.join(', ')}`,
    ),
  serverInternal: () => order('has a fault of its own', 'it will be tried again'),
  badNonce: () => order('refused every nonce that it gave', 'is there a cache or a load balancer in between?'),
  alreadyRevoked: () => order('has revoked it already'),
  badRevocationReason: () => order('does not accept this reason of revocation'),
}

/** The account, as far as it is not plain from the type. */
const accountAdvice = (problem: CaProblem, { boundByKid, accountFile }: ProblemContext): Advice => {
  if (/deactivated|revoked|not valid|has status/i.test(problem.detail) || problem.type === 'accountDoesNotExist')
    return account('does not serve this account', `remove ${accountFile ?? 'the account file'} to register a new one`)
  if (boundByKid !== undefined)
    return account(
      `does not accept the external account binding ${boundByKid}`,
      'copy kid and HMAC key from its account page again; some are good for one account only',
    )
  return account('refused the account', 'is email right?')
}

const challengeAdvice = (type: string, { host = 'the name', challenge: kind, httpPort = 80, addresses = [] }: ProblemContext): Advice => {
  const there = addresses.length === 0 ? `the addresses of ${host}` : addresses.join(' and ')
  const leads = `${host} leads to ${addresses.length === 0 ? 'another server' : there} there: if that is not this machine, correct its A and AAAA records`
  const port = kind === 'tls-alpn-01' ? 443 : 80
  const ours = kind === 'tls-alpn-01' ? 'a TLS listener' : `port ${httpPort} of this machine`
  switch (type) {
    case 'connection':
      return challenge('could not connect', `let TCP port ${port} of ${there} lead to ${ours}, through every firewall and NAT`)
    case 'dns':
      return kind === 'dns-01'
        ? challenge(
            'found no TXT record',
            `does everybody see _acme-challenge.${host}? Raise propagation when the servers of the zone are slow`,
          )
        : challenge('could not look the name up', `give ${host} an A or AAAA record that leads to this machine`)
    case 'tls':
      return challenge(
        'had no TLS handshake',
        `let TCP port 443 of ${there} lead to a TLS listener, with no proxy that ends TLS in between`,
      )
    case 'unauthorized':
    case 'incorrectResponse':
      if (kind === 'dns-01')
        return challenge(
          'found another TXT record',
          `remove what else stands at _acme-challenge.${host}; raise propagation when the servers of the zone are slow`,
        )
      return challenge('was answered by another server', leads)
    default:
      return challenge('did not accept the answer', kind === 'dns-01' ? undefined : leads)
  }
}

/** What could be an address; those of IPv4 may have a port behind them. */
const ADDRESS = /(?:\d{1,3}\.){3}\d{1,3}|[\da-f]*:[\da-f:.]*[\da-f:]/gi

/** The addresses that a CA says it used: in the challenge's validation records, or in the words of its problem. */
export const addressesIn = (challengeObject: unknown, detail: string): readonly string[] => {
  const records = (challengeObject as { readonly validationRecord?: unknown })?.validationRecord
  const used = (Array.isArray(records) ? records : []).flatMap((record: unknown) => {
    const { addressUsed } = (record ?? {}) as { readonly addressUsed?: unknown }
    return typeof addressUsed === 'string' && addressUsed !== '' ? [addressUsed] : []
  })
  return [...new Set(used.length > 0 ? used : addressesOf(detail))].slice(0, 4)
}

const addressesOf = (text: string): string[] =>
  [...text.matchAll(ADDRESS)].map(([found]) => found.replace(/(?<=[^:]):$/, '')).filter((found) => isIP(found) !== 0)

/** Seconds or an HTTP date (RFC 9110 §10.2.3), or the words that Let's Encrypt uses in the detail. @returns milliseconds since 1970 */
export const retryTime = (header: string | undefined, detail: string, wall: number): number | undefined => {
  if (header !== undefined && /^\d{1,9}$/.test(header.trim())) return wall + Number(header) * 1000
  const date = header === undefined ? Number.NaN : Date.parse(header)
  if (Number.isFinite(date)) return date
  const [, day, time] = /retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/i.exec(detail) ?? []
  return day === undefined ? undefined : Date.parse(`${day}T${time}Z`)
}
