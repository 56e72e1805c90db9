import type { CertificateView } from '../certs/types.ts'
import type { EngineView, ZoneView } from './contract.ts'
import type { Health } from './schemas.ts'

type Check = Health['checks'][number]

/**
 * Readiness needs the phase, every listener and the engine's own checks. A zone without a target that is up makes us
 * degraded, not unready: the other zones go on, and no other node could reach those targets either. So does a certificate that is over.
 */
export const healthOf = (view: EngineView, certificates: readonly CertificateView[] = []): Health => {
  const listeners = view.listeners()
  const closed = listeners.filter(({ open }) => !open).map(({ name }) => name)
  const phase = view.phase()
  const checks: Check[] = [
    { name: 'phase', ok: phase === 'running', required: true, detail: phase },
    {
      name: 'listeners',
      ok: closed.length === 0,
      required: true,
      detail: closed.length === 0 ? `${listeners.length} open` : `Not open: ${closed.join(', ')}`,
    },
    ...view.checks().map(({ name, ok, detail }) => ({ name, ok, required: true, detail })),
    ...view.zones().flatMap(zoneCheck),
    ...certificateCheck(certificates),
  ]
  const ready = checks.every(({ ok, required }) => ok || !required)
  const whole = checks.every(({ ok }) => ok)
  const status = ready ? (whole ? 'ok' : 'degraded') : phase === 'running' ? 'unavailable' : phase
  return { status, live: true, ready, listeners: listeners.map((listener) => ({ ...listener })), checks }
}

/** Of those that a listener shows. */
const certificateCheck = (certificates: readonly CertificateView[]): Check[] => {
  const used = certificates.filter(({ usedBy }) => usedBy.length > 0)
  if (used.length === 0) return []
  const missing = used.filter(({ validTo }) => validTo === undefined).map(({ name }) => name)
  const over = used.filter(({ daysLeft = 0 }) => daysLeft < 0).map(({ name }) => name)
  const wrong = [
    ...(missing.length === 0 ? [] : [`Not there yet: ${missing.join(', ')}`]),
    ...(over.length === 0 ? [] : [`Expired: ${over.join(', ')}`]),
  ]
  const detail = wrong.length === 0 ? `${used.length} in use are valid` : wrong.join('; ')
  return [{ name: 'certificates', ok: wrong.length === 0, required: false, detail }]
}

const zoneCheck = ({ name, targets }: ZoneView): Check[] => {
  if (targets.length === 0) return []
  const down = targets.filter(({ health }) => health === 'down')
  const detail = `${targets.length - down.length} of ${targets.length} targets up`
  return [{ name: `zone ${name}`, ok: down.length < targets.length, required: false, detail }]
}
