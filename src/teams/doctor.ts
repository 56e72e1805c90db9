/** The doctor: everything between a zone and Microsoft, looked at step by step, with what to do about it. */
import type { Ids } from '../base/ids.ts'
import { examine } from './checks.ts'
import type { Patient } from './patient.ts'
import { certificateChecks } from './steps/certificate.ts'
import { clockChecks } from './steps/clock.ts'
import { hubChecks } from './steps/hub.ts'
import { incomingChecks } from './steps/incoming.ts'
import { nameChecks } from './steps/name.ts'
import type { DoctorReport } from './types.ts'
import type { World } from './world.ts'

/** More than any chain of waits inside of a step, ms. */
const STEP_MS = 30_000
/** Hubs of one zone that are looked at; there are three. */
const MOST_HUBS = 8

export interface DoctorOptions {
  readonly id: string
  readonly patient: Patient
  readonly world: World
  readonly ids: Ids
  /** Told after each change. */
  readonly changed: (report: DoctorReport) => void
  readonly signal?: AbortSignal
}

/** Never rejects. @returns the finished report */
export const runDoctor = async ({ id, patient, world, ids, changed, signal }: DoctorOptions): Promise<DoctorReport> => {
  const stop = signal ?? new AbortController().signal
  const parts = [
    nameChecks(patient, world),
    certificateChecks(patient, world.wall()),
    clockChecks(world),
    ...patient.zone.targets.slice(0, MOST_HUBS).map((target) => hubChecks(patient, target, world, ids, stop)),
    incomingChecks(patient, world),
  ]
  return examine(parts, {
    ...{ id, zone: patient.zone.name, name: patient.name, now: world.now, wall: world.wall, stepMs: STEP_MS, changed },
    ...(signal === undefined ? {} : { signal }),
  })
}
