import type { EngineView, ZoneView } from './contract.ts'
import type { Health } from './schemas.ts'

type Check = Health['checks'][number]

/**
 * Readiness needs the phase, every listener and the engine's own checks. A zone without a target that is up makes us
 * degraded, not unready: the other zones go on, and no other node could reach those targets either.
 */
export const healthOf = (view: EngineView): Health => {
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
  ]
  const ready = checks.every(({ ok, required }) => ok || !required)
  const whole = checks.every(({ ok }) => ok)
  const status = ready ? (whole ? 'ok' : 'degraded') : phase === 'running' ? 'unavailable' : phase
  return { status, live: true, ready, listeners: listeners.map((listener) => ({ ...listener })), checks }
}

const zoneCheck = ({ name, targets }: ZoneView): Check[] => {
  if (targets.length === 0) return []
  const down = targets.filter(({ health }) => health === 'down')
  const detail = `${targets.length - down.length} of ${targets.length} targets up`
  return [{ name: `zone ${name}`, ok: down.length < targets.length, required: false, detail }]
}
