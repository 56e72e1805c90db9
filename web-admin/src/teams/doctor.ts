/** Examinations by the doctor: those that run are followed, and the last one is there again after the page was left or loaded anew. */
import { useEffect } from 'preact/hooks'
import { ApiFailure, call } from '../api/client.ts'
import { onTopic } from '../api/live.ts'
import type { DoctorReport } from '../api/types.ts'
import { createStore, type Store, useStore } from '../store.ts'
import { isOver, laterOf } from '../words/teams.ts'

export interface Examination {
  readonly report: DoctorReport | undefined
  /** Why the last attempt to begin or follow one failed. */
  readonly failure: unknown
  /** The edge knows nothing of the report any more: it will not go on. */
  readonly lost: boolean
}

const stores = new Map<string, Store<Examination>>()

const storeOf = (zone: string): Store<Examination> => {
  const there = stores.get(zone) ?? createStore<Examination>({ report: undefined, failure: undefined, lost: false })
  stores.set(zone, there)
  return there
}

const keyOf = (zone: string): string => `edgeways-doctor-${zone}`

const take = (zone: string, next: DoctorReport): void => {
  const store = storeOf(zone)
  const report = laterOf(store.get().report, next)
  store.set({ report, failure: undefined, lost: false })
  try {
    sessionStorage.setItem(keyOf(zone), report.id)
  } catch {
    // A browser that keeps nothing: the report is there until the page is loaded anew
  }
}

const keptId = (zone: string): string | undefined => {
  try {
    return sessionStorage.getItem(keyOf(zone)) ?? undefined
  } catch {
    return undefined
  }
}

export const reportPath = (id: string): string => `/teams/doctor/${encodeURIComponent(id)}`

const isReport = (event: unknown): event is DoctorReport =>
  typeof event === 'object' && event !== null && Array.isArray((event as DoctorReport).steps)

/** Where events do not come through, the report is asked for. */
const POLL_MS = 1500

const LOST = 'The edge knows nothing of this examination any more, perhaps because it was started anew; examine again'

/** What is known of a zone's last examination, kept up while it runs. */
export const useDoctor = (zone: string): Examination => {
  const store = storeOf(zone)
  const examination = useStore(store)
  const { report, lost } = examination
  const running = report !== undefined && !isOver(report) && !lost ? report.id : undefined
  useEffect(() => {
    const id = keptId(zone)
    if (storeOf(zone).get().report !== undefined || id === undefined) return
    call<DoctorReport>('GET', reportPath(id)).then(
      (kept) => take(zone, kept),
      // The edge keeps a few reports only, and none over a restart
      () => undefined,
    )
  }, [zone])
  useEffect(() => onTopic('doctor', (event) => isReport(event) && event.zone === zone && take(zone, event)), [zone])
  useEffect(() => {
    if (running === undefined) return undefined
    const timer = setInterval(async () => {
      try {
        take(zone, await call<DoctorReport>('GET', reportPath(running)))
      } catch (failure) {
        const lost = failure instanceof ApiFailure && failure.status === 404
        store.set({ ...store.get(), failure: lost ? new Error(LOST) : failure, lost })
      }
    }, POLL_MS)
    return () => clearInterval(timer)
  }, [zone, running])
  return examination
}

/** The report from before stays until the new one begins. Never rejects. */
export const examine = async (zone: string): Promise<void> => {
  const store = storeOf(zone)
  try {
    take(zone, await call<DoctorReport>('POST', '/teams/doctor', { zone }))
  } catch (failure) {
    store.set({ ...store.get(), failure })
  }
}

export const reportText = (id: string): Promise<string> => call<string>('GET', `${reportPath(id)}/text`)
