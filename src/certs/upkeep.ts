/** When a certificate is ordered, asked about, and tried again. Pure: times in, times out, all milliseconds since 1970. */

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000

/** What is known when the next step is looked for. */
export interface UpkeepFacts {
  readonly now: number
  /** A listener, or something else of ours, shows it. */
  readonly inUse: boolean
  /** The certificate of a CA that is there; undefined: none. */
  readonly current: { readonly validFrom: number; readonly validTo: number } | undefined
  /** From 0 to 1, always the same for one certificate: spreads what would happen at once everywhere. */
  readonly share: number
  /** Why the certificate is not the one that is configured, as a part of a sentence; undefined: it is. */
  readonly stale: string | undefined
  /** undefined: as the CA says, else by its life. */
  readonly renewBeforeMs: number | undefined
  /** RFC 9773. */
  readonly window: { readonly start: number; readonly end: number } | undefined
  readonly failure: { readonly time: number; readonly retryAt: number } | undefined
  /** When an order began that a restart has cut off. */
  readonly interrupted: number | undefined
  /** Somebody wants the certificate that is there to stay so long. */
  readonly heldUntil: number | undefined
  readonly revoked: boolean
}

export type Reason = 'first' | 'stale' | 'revoked' | 'window' | 'renew-before' | 'life' | 'retry' | 'interrupted'

/** The next order: due when `at` has come. */
export interface Plan {
  readonly at: number
  readonly why: Reason
}

/** undefined: it is not ordered, because nobody uses it. */
export const planOf = (facts: UpkeepFacts): Plan | undefined => {
  const { now, inUse, failure, interrupted } = facts
  if (!inUse) return undefined
  const wanted = wantedOf(facts)
  // A clock that went back behind the last attempt leaves no reason to wait
  const retryAt = failure === undefined || now < failure.time ? undefined : Math.min(failure.retryAt, now + LONGEST_WAIT)
  if (retryAt !== undefined && retryAt > wanted.at) return { at: retryAt, why: 'retry' }
  // Not at once: what ended the process may do so again
  if (interrupted !== undefined && now >= interrupted) return { at: interrupted + MINUTE, why: 'interrupted' }
  return wanted
}

const wantedOf = ({ now, current, share, stale, renewBeforeMs, window, heldUntil, revoked }: UpkeepFacts): Plan => {
  if (current === undefined) return { at: now, why: 'first' }
  if (revoked) return { at: now, why: 'revoked' }
  if (stale !== undefined) return { at: now, why: 'stale' }
  const renewal = renewalOf(current, share, renewBeforeMs, window)
  return heldUntil === undefined || heldUntil < renewal.at ? renewal : { ...renewal, at: heldUntil }
}

/**
 * The renewal of a certificate: as the operator says, but not in the first half of its life; else as the CA says (RFC 9773 §4.2: a moment
 * in its window, at once when that has passed), but never in the last tenth; else a little before two thirds of its life.
 */
const renewalOf = (
  { validFrom, validTo }: NonNullable<UpkeepFacts['current']>,
  share: number,
  renewBeforeMs: number | undefined,
  window: UpkeepFacts['window'],
): Plan => {
  const life = validTo - validFrom
  if (renewBeforeMs !== undefined) return { at: Math.max(validTo - renewBeforeMs, validFrom + life / 2), why: 'renew-before' }
  if (window !== undefined) {
    const chosen = window.start + share * (window.end - window.start)
    return { at: Math.min(chosen, validTo - life / 10), why: 'window' }
  }
  return { at: validFrom + life * (2 / 3 - share / 30), why: 'life' }
}

/** The CA may ask for more than our own longest pause, but not for ever: LE's limits are of a week. */
const LONGEST_WAIT = 8 * DAY

const PAUSES = [MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR] as const

/**
 * When an order that failed is tried again: from a minute to twelve hours later, each pause longer by and by, a fifth more or less; at
 * least hourly in the last two days of the certificate; never before the CA said.
 * @param failures in a row, this one included
 * @param random from 0 to 1
 */
export const retryAfterFailure = (question: {
  readonly now: number
  readonly failures: number
  readonly validTo: number | undefined
  readonly notBefore: number | undefined
  readonly random: number
}): number => {
  const { now, failures, validTo, notBefore, random } = question
  const pause = PAUSES[Math.min(failures, PAUSES.length) - 1] ?? MINUTE
  const urgent = validTo !== undefined && validTo - now < 2 * DAY
  const wait = (urgent ? Math.min(pause, HOUR) : pause) * (0.8 + 0.4 * random)
  return Math.max(now + wait, notBefore ?? 0)
}

/** After a question that was not answered. */
const ASK_AGAIN = 6 * HOUR

/** When the CA is asked next for its renewal window. @param retryAfterMs as it said; undefined: it did not answer */
export const askAgainAt = (now: number, retryAfterMs: number | undefined, random: number): number =>
  now + (retryAfterMs ?? ASK_AGAIN * (0.8 + 0.4 * random))

/** Whether it is time to ask. A moment that lies too far ahead is of a clock that was wrong. */
export const mayAsk = (now: number, askAgain: number | undefined): boolean =>
  askAgain === undefined || askAgain <= now || askAgain > now + 2 * DAY

/** How long a version stays that somebody has put in force again: a day, or half of what it has left. */
export const holdUntil = (now: number, validTo: number): number => now + Math.max(0, Math.min(DAY, (validTo - now) / 2))

/** The share of a certificate, from its fingerprint (hexadecimal with colons). */
export const shareOf = (sha256: string): number => Number.parseInt(sha256.replaceAll(':', '').slice(0, 8), 16) / 2 ** 32

/** A development certificate is made anew in the last tenth of its life: nobody has to do anything for it. */
export const remakeAt = (validFrom: number, validTo: number): number => validTo - (validTo - validFrom) / 10
