/** A certificate's three answers: which names, until when, what happens next. */
import type { CertificateView, OrderStep } from '../api/types.ts'
import type { Level } from './status.ts'
import { DAY, instant } from './time.ts'

export const SOURCES: Readonly<Record<CertificateView['source'], string>> = {
  files: 'Files',
  development: 'Development CA',
  acme: 'ACME',
  stored: 'Uploaded',
}

export const levelOf = (certificate: CertificateView, now: number): Level => {
  if (certificate.problems.some(({ severity }) => severity === 'error')) return 'error'
  if (certificate.validTo !== undefined && instant(certificate.validTo) <= now) return 'error'
  if (certificate.order?.running === true) return 'busy'
  if (certificate.validTo === undefined) return certificate.usedBy.length === 0 ? 'off' : 'warn'
  return certificate.problems.length > 0 ? 'warn' : 'ok'
}

/** The word beside the shape. */
export const standing = (certificate: CertificateView, now: number): string => {
  const level = levelOf(certificate, now)
  if (certificate.validTo !== undefined && instant(certificate.validTo) <= now) return 'Expired'
  if (level === 'busy') return 'Being ordered'
  if (certificate.validTo === undefined) return 'No certificate yet'
  return level === 'error' ? 'Problem' : level === 'warn' ? 'Look at it' : 'Valid'
}

export interface Life {
  /** 0 to 1. */
  readonly elapsed: number
  /** Where on the way the next step is due, when that is known and lies within. */
  readonly next?: number
}

/** How much of its life is over; undefined without dates. */
export const lifeOf = ({ validFrom, validTo, next }: CertificateView, now: number): Life | undefined => {
  if (validFrom === undefined || validTo === undefined) return undefined
  const [from, to] = [instant(validFrom), instant(validTo)]
  if (!(to > from)) return undefined
  const share = (time: number): number => Math.min(1, Math.max(0, (time - from) / (to - from)))
  const at = next.at === undefined ? Number.NaN : instant(next.at)
  return { elapsed: share(now), ...(at >= from && at <= to && { next: share(at) }) }
}

/** `23 days left`, `expires today`, `expired 2 days ago`. */
export const leftText = (validTo: string, now: number): string => {
  const left = instant(validTo) - now
  const days = Math.floor(Math.abs(left) / DAY)
  if (left <= 0) return days === 0 ? 'expired today' : `expired ${days} ${days === 1 ? 'day' : 'days'} ago`
  if (days === 0) return 'expires within 24 h'
  return `${days} ${days === 1 ? 'day' : 'days'} left`
}

const KEYS: Readonly<Record<string, string>> = {
  rsa2048: 'RSA 2048 bit',
  rsa3072: 'RSA 3072 bit',
  rsa4096: 'RSA 4096 bit',
  ecdsa256: 'ECDSA P-256',
  ecdsa384: 'ECDSA P-384',
}
export const keyText = (keyType: string): string => KEYS[keyType] ?? keyType

export interface Stage {
  readonly name: string
  readonly standing: 'done' | 'running' | 'failed' | 'waiting'
  readonly steps: readonly OrderStep[]
}

const STAGES: readonly (readonly [name: string, steps: readonly OrderStep['at'][]])[] = [
  ['Prepare', ['start']],
  ['Account with the CA', ['account']],
  ['Place the order', ['order']],
  ['Prove control of the names', ['challenge', 'propagation', 'validation']],
  ['Have it signed', ['finalize', 'download']],
  ['Check and put in force', ['check', 'done']],
]

/** The steps of an order under the stages that every order has, so that one sees what is still to come. */
export const stagesOf = ({ running, steps }: NonNullable<CertificateView['order']>): readonly Stage[] => {
  const failed = steps.find(({ at }) => at === 'failed')
  const indexOf = (at: OrderStep['at']): number => STAGES.findIndex(([, members]) => members.includes(at))
  const reached = Math.max(0, ...steps.filter(({ at }) => at !== 'failed').map(({ at }) => indexOf(at)))
  const over = steps.some(({ at }) => at === 'done')
  return STAGES.map(([name, members], index) => {
    const own = steps.filter(({ at }) => members.includes(at))
    if (index < reached || over) return { name, standing: 'done', steps: own }
    if (index > reached) return { name, standing: 'waiting', steps: own }
    if (failed !== undefined) return { name, standing: 'failed', steps: [...own, failed] }
    return { name, standing: running ? 'running' : 'waiting', steps: own }
  })
}

/** Reasons of RFC 5280 §5.3.1 that an owner may give. */
export const REVOCATION_REASONS: readonly (readonly [code: number, text: string])[] = [
  [0, 'No particular reason'],
  [1, 'The private key may have become known to others'],
  [4, 'Replaced by another certificate'],
  [5, 'The names are not in use any more'],
  [3, 'The names belong to somebody else now'],
]
