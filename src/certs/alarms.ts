/** What people are told of certificates without having asked. Pure. */
import { type ExpiryStep, expiryStep } from './intake/rules.ts'

/** One thing that somebody should know now. */
export interface CertificateAlarm {
  /** `recovered`: a renewal that had failed came about. */
  readonly kind: 'expiring' | 'expired' | 'renewal-failed' | 'recovered'
  readonly severity: 'info' | 'warning' | 'error'
  readonly certificate: string
  /** A sentence, with the CA's own reason when it is about an order. */
  readonly text: string
  readonly remedy?: string
  /** ISO 8601. */
  readonly time: string
  readonly validTo?: string
  readonly daysLeft?: number
}

/** A step on the way to the end; 0: it has come. */
export type ToldStep = ExpiryStep | 0

export interface ExpiryFacts {
  readonly name: string
  /** Milliseconds since 1970, as `now`. */
  readonly validFrom: number
  readonly validTo: number
  readonly sha256: string
  /** What was told before, of which fingerprint. */
  readonly told: { readonly of: string; readonly step: number } | undefined
  /** What somebody has to do; undefined: it renews itself. */
  readonly byHand: string | undefined
  readonly now: number
}

const DAY = 86_400_000

/** Whole days until the end, negative after it. */
export const daysLeft = (validTo: number, now: number): number => Math.floor((validTo - now) / DAY)

/**
 * 30, 14, 7 and 1 days before the end of a certificate, and when it has ended: each once for each version of it. Of steps that were passed
 * while nobody looked, the last one counts.
 */
export const expiryAlarm = (facts: ExpiryFacts): { readonly alarm: CertificateAlarm; readonly step: ToldStep } | undefined => {
  const { name, validFrom, validTo, sha256, told, byHand, now } = facts
  const step = validTo <= now ? 0 : expiryStep(validFrom, validTo, now)
  if (step === undefined || (told?.of === sha256 && told.step <= step)) return undefined
  const end = new Date(validTo).toISOString()
  const left = validTo - now
  const span = left < 2 * DAY ? `${Math.floor(left / 3_600_000)} hours` : `${daysLeft(validTo, now)} days`
  const alarm: CertificateAlarm = {
    kind: step === 0 ? 'expired' : 'expiring',
    severity: step <= 7 ? 'error' : 'warning',
    certificate: name,
    text: step === 0 ? `Certificate ${name} ended on ${end}: connections are refused` : `Certificate ${name} ends in ${span}, on ${end}`,
    remedy: byHand ?? 'It should have been renewed by itself: see why that fails',
    time: new Date(now).toISOString(),
    validTo: end,
    daysLeft: daysLeft(validTo, now),
  }
  return { alarm, step }
}

/** A failure for the same reason is told again after a day. */
const REPEAT = DAY

/** Whether people are told of a failed order. `told`: the last one that they were told of; times in milliseconds since 1970. */
export const tellsFailure = (now: number, code: string, told: { readonly time: number; readonly code: string } | undefined): boolean =>
  told === undefined || told.code !== code || now - told.time >= REPEAT || now < told.time
