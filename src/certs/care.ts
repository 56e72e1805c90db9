import type { Clock } from '../base/clock.ts'
import { CertificateError } from '../base/errors.ts'
import type { Log } from '../observability/log.ts'
import type { CertificateAlarm } from './alarms.ts'
import { keepVersion } from './history.ts'
import type { IssuerFetch } from './intake/complete.ts'
import type { CertificateUse, Finding } from './intake/finding.ts'
import { admitPair } from './pair.ts'
import type { Shelf } from './shelf.ts'
import type { StateChange } from './state.ts'
import type { StoredCertificate } from './store.ts'
import type { AcmeSettings, Issuer } from './types.ts'
import type { Ward } from './ward.ts'

/** What the parts of the keeper share. */
export interface Care {
  readonly shelf: Shelf
  readonly clock: Clock
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
  readonly issuer: (settings: AcmeSettings) => Issuer
  readonly fetchIssuer: IssuerFetch
  /** The process is about to end. */
  readonly stopping: AbortSignal
  /** Reads again what the disk has of a certificate. */
  readonly look: (ward: Ward) => Promise<void>
  /** New handshakes get what the certificates are now. Rejects when a listener cannot use one. */
  readonly refresh: () => Promise<void>
  /** What is shown of it has changed. */
  readonly told: (name: string) => void
  readonly alarm: (alarm: CertificateAlarm) => void
  readonly counted: (name: string, result: 'ok' | 'failed') => void
}

/**
 * Puts a pair in force: it is judged, the one before goes into the history, the new one is written, and the listeners get it. When one of
 * them cannot use it, everything is as it was.
 * @param use what it is measured by
 * @param change of the state, beside what a new certificate makes void
 * @returns warnings
 * @throws CertificateError, and then the old one is in force
 */
export const install = (
  care: Care,
  ward: Ward,
  fresh: StoredCertificate,
  use: readonly CertificateUse[],
  change: StateChange,
): Promise<readonly Finding[]> =>
  ward.inOrder(async () => {
    const { shelf, clock, log } = care
    const { name, state } = ward
    shelf.assertOurs()
    const warnings = admitPair(name, fresh, use, clock.wall())
    const [before, stateBefore] = [await shelf.store.read(name), state.value]
    if (before !== undefined) await keepVersion(shelf.store, name, before, clock.wall())
    await shelf.store.write(name, fresh)
    state.change({ ...VOID, ...change })
    await care.look(ward)
    try {
      await care.refresh()
    } catch (cause) {
      if (before === undefined) await shelf.store.clear(name)
      else await shelf.store.write(name, before)
      state.change({ ...VOID, ...stateBefore })
      await care.look(ward)
      await care
        .refresh()
        .catch((err: unknown) => log.error({ err, certificate: name }, 'The listeners do not take the certificate of before'))
      const message = `Certificate ${name} cannot be put in force, the one before goes on: ${(cause as Error).message}`
      throw new CertificateError('SBC_CERTIFICATE_USE', message, cause)
    }
    care.told(name)
    const { hosts, serial, validTo } = ward.pair?.facts ?? { hosts: [], serial: '', validTo: '' }
    log.info({ certificate: name, hosts, serial, validTo }, 'Certificate in force')
    for (const { text, remedy } of warnings) log.warn({ certificate: name, remedy }, text)
    return warnings
  })

/** What was remembered of the certificate before. */
const VOID: StateChange = {
  ...{ ordered: undefined, failures: 0, failure: undefined, toldFailure: undefined },
  ...{ window: undefined, heldUntil: undefined, revoked: undefined },
}
