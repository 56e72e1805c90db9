import type { Authorization, Client, Order } from 'acme-client'
import type { CertificateRequest, ChallengeKind } from '../types.ts'
import { type ChallengeDeps, type Proof, withAnswers } from './challenges.ts'
import { AcmeError } from './errors.ts'
import { type ProblemContext, problemError, readProblem } from './problem.ts'
import { certificateId } from './renewal.ts'
import { challengeError, explained, Refusal, type Session } from './session.ts'

export interface OrderDeps extends ChallengeDeps {
  readonly session: Session
  readonly client: Client
  readonly context: ProblemContext
}

/** A CA asks from several places of the world, and may take its time. */
const VALIDATION_MS = 5 * 60_000
const SIGNATURE_MS = 10 * 60_000
const SHORTEST_POLL = 250
const LONGEST_POLL = 15_000

/**
 * One order from its beginning to the chain (RFC 8555 §7.4).
 * @param hosts DNS names in lower case, each once
 * @param csr PEM
 */
export const runOrder = async (
  request: CertificateRequest,
  hosts: readonly string[],
  csr: string,
  deps: OrderDeps,
  signal: AbortSignal,
): Promise<string> => {
  const { session, client, context, tell, settings } = deps
  const placed = await explained({ ...context, during: 'order', profile: settings.profile }, () => place(request, hosts, deps))
  tell('order', `${session.ca} took the order for ${listed(hosts)}`)
  const authorizations = await explained({ ...context, during: 'order' }, () => client.getAuthorizations(placed))
  // As they were wished for: a CA has an order of its own
  authorizations.sort((one, other) => hosts.indexOf(nameOf(one)) - hosts.indexOf(nameOf(other)))
  const open = authorizations.filter(({ status }) => status !== 'valid')
  for (const one of authorizations) {
    if (one.status === 'valid') tell('validation', `${nameOf(one)} was proved before`, nameOf(one))
  }
  if (open.length > 0) await prove(open, deps, signal)
  return finish(placed, csr, deps, signal)
}

/** @throws Refusal */
const place = async (
  { replaces }: CertificateRequest,
  hosts: readonly string[],
  { session, client, settings }: OrderDeps,
): Promise<Order> => {
  const directory = await session.directory()
  const id = replaces === undefined || directory.renewalInfo === undefined ? undefined : await certificateId(replaces)
  const wanted = {
    identifiers: hosts.map((value) => ({ type: 'dns', value })),
    ...(settings.profile !== undefined && { profile: settings.profile }),
  }
  if (id === undefined) return client.createOrder(wanted)
  try {
    // RFC 9773 §5; the package hands on what it does not know
    return await client.createOrder({ ...wanted, replaces: id } as typeof wanted)
  } catch (fault) {
    // It was replaced before, or is of another account: no reason to have no certificate
    if (fault instanceof Refusal && fault.status !== 429 && fault.status < 500 && fault.problem.type !== 'accountDoesNotExist')
      return client.createOrder(wanted)
    throw fault
  }
}

const nameOf = ({ identifier, wildcard }: Authorization): string => (wildcard === true ? `*.${identifier.value}` : identifier.value)

/** Answers one challenge of each authorization, and waits for what the CA thinks of it. */
const prove = async (authorizations: readonly Authorization[], deps: OrderDeps, signal: AbortSignal): Promise<void> => {
  const { session, client, context, tell, settings } = deps
  const kind = settings.challenge
  const chosen = await Promise.all(
    authorizations.map(async (authorization) => {
      const challenge = authorization.challenges.find(({ type }) => (type as ChallengeKind) === kind)
      const host = nameOf(authorization)
      if (challenge === undefined) {
        const offered = authorization.challenges.map(({ type }) => type).join(', ')
        throw new AcmeError(
          'SBC_CERTIFICATE_CHALLENGE',
          `${host}: ${session.ca} does not offer ${kind} for it, only ${offered}; set challenge`,
        )
      }
      const proof: Proof = {
        host: authorization.identifier.value,
        token: challenge.token,
        keyAuthorization: await client.getChallengeKeyAuthorization(challenge),
      }
      return { authorization, challenge, host, proof }
    }),
  )
  const proofs = chosen.map(({ proof }) => proof)
  await withAnswers(kind, proofs, deps, signal, async () => {
    for (const { authorization, challenge, host } of chosen) {
      signal.throwIfAborted()
      await explained({ ...context, during: 'challenge', host, challenge: kind }, () => ready(authorization, challenge, deps))
      tell('validation', `${session.ca} looks at ${host}`, host)
    }
    const failures: AcmeError[] = []
    for (const { authorization, host } of chosen) {
      const result = await settled(authorization, deps, signal)
      if (result.status === 'valid') {
        tell('validation', `${host} is proved`, host)
        continue
      }
      const failed = result.challenges.find(({ status }) => status === 'invalid') ?? {}
      failures.push(challengeError(failed, { ...context, during: 'challenge', host, challenge: kind, httpPort: settings.httpPort }))
    }
    const [first, ...others] = failures
    if (first === undefined) return
    if (others.length === 0) throw first
    throw new AcmeError(first.code as 'SBC_CERTIFICATE_CHALLENGE', failures.map(({ message }) => message).join('. '), {
      problem: first.problem,
      notBefore: failures.reduce<number | undefined>(
        (latest, { notBefore: at }) => (at === undefined || (latest ?? 0) > at ? latest : at),
        undefined,
      ),
    })
  })
}

/** Tells the CA to look. Told twice, because the first answer was lost, it may refuse, and look all the same. */
const ready = async (
  authorization: Authorization,
  challenge: Authorization['challenges'][number],
  { client }: OrderDeps,
): Promise<void> => {
  try {
    await client.completeChallenge(challenge)
  } catch (fault) {
    if (!(fault instanceof Refusal) || fault.problem.type !== 'malformed') throw fault
    const [now] = await client.getAuthorizations({ authorizations: [authorization.url] } as unknown as Order)
    if (now?.challenges.find(({ url }) => url === challenge.url)?.status === 'pending') throw fault
  }
}

const settled = async (authorization: Authorization, { session, client, context, clock, pause }: OrderDeps, signal: AbortSignal) => {
  const end = clock.now() + VALIDATION_MS
  const host = nameOf(authorization)
  for (let wait = SHORTEST_POLL; ; wait = Math.min(wait * 2, 5000)) {
    const [now] = await explained({ ...context, during: 'order', host }, () =>
      client.getAuthorizations({ authorizations: [authorization.url] } as unknown as Order),
    )
    if (now !== undefined && now.status !== 'pending') return now
    if (clock.now() > end) {
      throw new AcmeError(
        'SBC_CERTIFICATE_CHALLENGE',
        `${host}: ${session.ca} came to no conclusion within ${VALIDATION_MS / 60_000} minutes; it will be tried again`,
      )
    }
    await pause(pollAfter(session, authorization.url, wait), signal)
  }
}

const pollAfter = (session: Session, url: string, wait: number): number =>
  Math.min(Math.max(session.retryAfterMs(url) ?? wait, SHORTEST_POLL), LONGEST_POLL)

const finish = async (placed: Order, csr: string, deps: OrderDeps, signal: AbortSignal): Promise<string> => {
  const { session, client, context, clock, pause, tell } = deps
  const part = <T>(task: () => Promise<T>): Promise<T> => explained({ ...context, during: 'order' }, task)
  const end = clock.now() + SIGNATURE_MS
  let order = placed
  let sent = false
  for (let wait = SHORTEST_POLL; ; wait = Math.min(wait * 2, 5000)) {
    if (order.status === 'invalid') {
      const problem = readProblem(order.error) ?? readProblem({ detail: 'the order has become invalid' })!
      throw problemError(problem, { ...context, during: 'order' })
    }
    if (order.status === 'valid') break
    if (order.status === 'ready' && !sent) {
      sent = true
      tell('finalize', `${session.ca} signs the certificate`)
      order = await part(() => finalized(placed, csr, client))
      continue
    }
    if (clock.now() > end)
      throw new AcmeError(
        'SBC_CERTIFICATE_ORDER',
        `${session.ca} did not sign within ${SIGNATURE_MS / 60_000} minutes; it will be tried again`,
      )
    // Right after the proofs it is often still "pending"
    if (order !== placed) await pause(pollAfter(session, placed.url, wait), signal)
    order = await part(() => client.getOrder(placed))
  }
  const chain = await part(() => client.getCertificate(order))
  if (typeof chain !== 'string' || !chain.includes('-----BEGIN CERTIFICATE-----'))
    throw new AcmeError('SBC_CERTIFICATE_ORDER', `${session.ca} sent something that is no certificate in PEM`)
  tell('download', `${session.ca} sent the certificate`)
  return chain
}

/** The same as in `ready`: asked twice, the CA may say that there is nothing to ask for. */
const finalized = async (placed: Order, csr: string, client: Client): Promise<Order> => {
  try {
    return await client.finalizeOrder(placed, csr)
  } catch (fault) {
    if (!(fault instanceof Refusal) || fault.problem.type !== 'orderNotReady') throw fault
    return client.getOrder(placed)
  }
}

/** Names for a sentence. */
export const listed = (hosts: readonly string[]): string =>
  hosts.length <= 3 ? hosts.join(', ') : `${hosts.slice(0, 2).join(', ')} and ${hosts.length - 2} more`
