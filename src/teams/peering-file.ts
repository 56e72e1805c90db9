/** What the running edge knows of Microsoft, in a small file of the data folder: for the doctor of the command line. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeeringView, RefusalView } from '../admin/contract.ts'
import { writeWhole } from '../certs/store.ts'

export interface PeeringState {
  /** ISO 8601. */
  readonly writtenAt: string
  readonly zones: Readonly<Record<string, PeeringView>>
  readonly refusals: readonly RefusalView[]
}

export const PEERING_FILE = 'peering.json'
/** The edge writes it so often. */
export const WRITE_MS = 10_000
const OLD_MS = 6 * WRITE_MS
const MOST_REFUSALS = 50

/** @throws CertificateError when it cannot be written */
export const writePeering = (dataDir: string, { writtenAt, zones, refusals }: PeeringState): Promise<void> => {
  const text = JSON.stringify({ writtenAt, zones, refusals: refusals.slice(0, MOST_REFUSALS) })
  // The file is written byte by byte; JSON may escape what is beyond
  return writeWhole(join(dataDir, PEERING_FILE), `${text.replaceAll(/[^\x00-\x7f]/g, escaped)}\n`)
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

export const removePeering = (dataDir: string): Promise<void> => rm(join(dataDir, PEERING_FILE), { force: true })

/** @param now milliseconds since 1970 @returns a sentence: why nothing is known */
export const readPeering = async (dataDir: string, now: number): Promise<PeeringState | string> => {
  let text: string
  try {
    text = await readFile(join(dataDir, PEERING_FILE), 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'The edge is not running with this data folder, or began less than ten seconds ago, so nothing is known of what it sees'
      : `What the running edge knows cannot be read: ${(error as Error).message}`
  }
  try {
    const state = JSON.parse(text) as PeeringState
    const age = now - Date.parse(state.writtenAt)
    if (typeof state.zones !== 'object' || !Array.isArray(state.refusals) || Number.isNaN(age)) return `${PEERING_FILE} cannot be read`
    if (age > OLD_MS) return `The edge is not running: what it knew is from ${state.writtenAt}`
    return state
  } catch {
    return `${PEERING_FILE} cannot be read`
  }
}
