import { createHmac, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { Log } from './log.ts'

export interface WebhookOptions {
  readonly url: string
  /** Absolute path of a file with the secret, read anew for each alarm; undefined: alarms are not signed. */
  readonly secretFile: string | undefined
  readonly userAgent: string
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly log: Log
  /** For tests: runs something later, until the function that it returns is called. */
  readonly later?: (ms: number, run: () => void) => () => void
}

/** Whom alarms are told by HTTP. */
export interface Webhook {
  /** Sends it in the background, again and again for some hours if need be. @param body becomes JSON, with an `id` that repeats keep */
  send(body: object): void
  /** What was not delivered is given up. */
  stop(): void
}

/** Milliseconds before each repeat, a fifth more or less: some seven hours. */
const PAUSES = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 14_400_000] as const
const ANSWER_MS = 10_000
/** Somebody whose server is away for a day does not want to hear of every single one. */
const MOST_WAITING = 50

/** The signature of a body: `t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA-256 of "<seconds>.<body>">`. */
export const signatureOf = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`

export const createWebhook = (options: WebhookOptions): Webhook => {
  const { url, secretFile, userAgent, clock, random, log, later = laterByTimer } = options
  /** Of the host alone: the path may be what keeps others out. */
  const host = new URL(url).host
  const stopping = new AbortController()
  /** By id, oldest first, with what takes the next attempt back. */
  const waiting = new Map<string, () => void>()

  const attempt = async (id: string, body: string, failures: number): Promise<void> => {
    let fault: string
    try {
      const status = await post(body)
      if (status >= 200 && status < 300) return finished(id)
      fault = `it answered ${status}`
      // Repeating changes nothing about these
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) return givenUp(id, fault)
    } catch (error) {
      fault = reasonOf(error)
    }
    if (!waiting.has(id)) return
    const pause = PAUSES[failures]
    if (pause === undefined) return givenUp(id, fault)
    log.warn({ webhook: host, alarm: id }, `An alarm was not delivered, and is sent again: ${fault}`)
    waiting.set(
      id,
      later(pause * (0.8 + 0.4 * random()), () => void attempt(id, body, failures + 1)),
    )
  }

  const post = async (body: string): Promise<number> => {
    const seconds = Math.floor(clock.wall() / 1000)
    const signature = secretFile === undefined ? undefined : signatureOf((await readFile(secretFile, 'utf8')).trim(), seconds, body)
    const headers = {
      'content-type': 'application/json',
      'user-agent': userAgent,
      ...(signature !== undefined && { 'x-edgeways-signature': signature }),
    }
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ANSWER_MS)])
    const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal })
    await answer.body?.cancel()
    return answer.status
  }

  const finished = (id: string): void => void waiting.delete(id)
  const givenUp = (id: string, fault: string): void => {
    waiting.delete(id)
    log.error({ webhook: host, alarm: id }, `An alarm was not delivered: ${fault}`)
  }

  return {
    send(body) {
      if (stopping.signal.aborted) return
      for (const [oldest, cancel] of waiting) {
        if (waiting.size < MOST_WAITING) break
        cancel()
        givenUp(oldest, 'too many are waiting')
      }
      const id = randomUUID()
      waiting.set(id, () => {})
      void attempt(id, JSON.stringify({ id, ...body }), 0)
    },
    stop() {
      stopping.abort()
      for (const cancel of waiting.values()) cancel()
      waiting.clear()
    },
  }
}

/** Of fetch's errors the cause is what helps. */
const reasonOf = (error: unknown): string => {
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} seconds`
  return cause instanceof Error ? cause.message : message
}

const laterByTimer = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms).unref()
  return () => clearTimeout(timer)
}
