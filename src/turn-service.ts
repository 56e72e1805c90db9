/** TURN credentials for those who have shown who they are: scripts of pages, by HTTP, and users of the web admin. Beside main.ts: it joins edges. */
import { readFile } from 'node:fs/promises'
import { type TurnCredentials, turnCredentials } from './authentication/turn.ts'
import type { Clock } from './base/clock.ts'
import { TransportError } from './base/errors.ts'
import type { Snapshot } from './config/snapshot.ts'
import type { WebVerdict } from './engine/gate.ts'
import type { Log } from './observability/log.ts'
import type { WebAnswer, WebAnswers, WebRequest } from './transport/types.ts'

export interface TurnServiceDeps {
  readonly clock: Clock
  readonly log: Log
  readonly running: () => Snapshot
  /** Who asks? */
  readonly judge: (request: WebRequest) => WebVerdict | Promise<WebVerdict>
}

export interface TurnService {
  /** For the listeners: `GET /turn`. */
  readonly web: WebAnswers
  /** @param until the proof is worth nothing from then on @returns undefined: no servers are configured @throws TransportError SBC_TURN_SECRET */
  credentials(user: string, until?: number): Promise<TurnCredentials | undefined>
}

export const TURN_PATH = '/turn'
/** The TURN server's clock may be another one. */
const LEAST_SECONDS = 60
const METHODS: readonly string[] = ['GET']
const JSON_TYPE = { 'Content-Type': 'application/json' }

export const createTurnService = ({ clock, log, running, judge }: TurnServiceDeps): TurnService => {
  const credentials = async (user: string, until?: number): Promise<TurnCredentials | undefined> => {
    const { turn } = running()
    if (turn === undefined) return undefined
    const now = clock.wall()
    // What follows from a proof ends with it; coturn lets a relay that is in use go on
    const left = until === undefined ? turn.lifetimeSeconds : Math.max(LEAST_SECONDS, Math.floor((until - now) / 1000))
    return turnCredentials(turn.servers, await secretOf(turn.secretFile), user, Math.min(turn.lifetimeSeconds, left), now)
  }

  const answer = async (request: WebRequest): Promise<WebAnswer> => {
    try {
      const verdict = await judge(request)
      if (verdict.kind === 'answer') return refusal(verdict)
      const made = await credentials(verdict.proven.user, verdict.proven.until)
      return made === undefined
        ? problem(404, 'There are no TURN servers')
        : { status: 200, headers: JSON_TYPE, body: JSON.stringify(made) }
    } catch (err) {
      log.error({ err }, 'No TURN credentials could be made')
      return problem(503, 'There are no TURN credentials now', { 'Retry-After': '30' })
    }
  }

  return { web: { methods: (path) => (path === TURN_PATH && running().turn !== undefined ? METHODS : []), answer }, credentials }
}

/** Read anew each time: another secret counts at once, and nobody keeps the old one. */
const secretOf = async (file: string): Promise<Buffer> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new TransportError(
      'SBC_TURN_SECRET',
      `The secret of the TURN servers cannot be read from ${file}: ${(cause as Error).message}`,
      cause,
    )
  }
  const secret = text.trim()
  if (secret === '')
    throw new TransportError('SBC_TURN_SECRET', `The file ${file} should have the secret of the TURN servers, and is empty`)
  return Buffer.from(secret, 'utf8')
}

const refusal = ({ status, reason, headers }: Extract<WebVerdict, { readonly kind: 'answer' }>): WebAnswer => {
  const all: Record<string, string[]> = {}
  for (const { name, value } of headers) {
    all[name] ??= []
    all[name].push(value)
  }
  return problem(status, reason, all)
}

const problem = (status: number, message: string, headers: WebAnswer['headers'] = {}): WebAnswer => ({
  status,
  headers: { ...headers, ...JSON_TYPE },
  body: JSON.stringify({ message }),
})
