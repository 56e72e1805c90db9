/** Keeps what admission knows of targets that have names: their addresses may send to us, and are where dialogs may go. */
import type { Zone } from '../zones/zone.ts'
import type { Edge } from './edge.ts'
import { type Way, wayToTarget } from './next-hop.ts'

/** An address that no lookup has come to for this long is a stranger's again. */
const FORGET_MS = 3_600_000

/** Looks up every target of every zone, without waiting for the answers. */
export const learnTargets = (edge: Edge): void => {
  const { admission, snapshot } = edge.running
  admission.forget(edge.clock.now() - FORGET_MS)
  for (const zone of snapshot.zones.values()) {
    for (const target of zone.targets) {
      try {
        const way = wayToTarget(edge, zone, target)
        if (way instanceof Promise)
          way.then(
            (found) => learn(edge, zone, found),
            (error) => unresolved(edge, zone, target.name, error),
          )
        else learn(edge, zone, way)
      } catch (error) {
        unresolved(edge, zone, target.name, error)
      }
    }
  }
}

const learn = (edge: Edge, zone: Zone, way: Way): void => {
  if (way.kind !== 'destinations') return
  for (const { address } of way.list) edge.running.admission.learn(zone, address, edge.clock.now())
}

const unresolved = ({ log }: Edge, zone: Zone, target: string, err: unknown): void => {
  log.warn({ zone: zone.name, target, step: 'resolve', err }, 'Target cannot be looked up; its address is not admitted')
}
