import { certificateFrom } from './intake/facts.ts'
import type { CertificateStore, StoredCertificate } from './store.ts'
import type { CertificateVersion } from './types.ts'

/** Earlier versions of a certificate that are kept. */
export const MOST_VERSIONS = 10

const placeOf = (name: string): string => `${name}/history`
/** `20260131T235959Z-04AB…`: when it was replaced, and its serial number. */
const ID = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9A-Fa-f]{1,64}$/

/**
 * Copies a pair that is about to be replaced into `<name>/history/<UTC time>-<serial>/`, and forgets the oldest. A pair that is there
 * already, because the power went between this and the replacing, is not kept twice. `now`: milliseconds since 1970.
 * @throws CertificateError SBC_CERTIFICATE_FILE
 */
export const keepVersion = async (store: CertificateStore, name: string, pair: StoredCertificate, now: number): Promise<void> => {
  const leaf = certificateFrom(pair.chain)
  // Nobody could put it in force again
  if (leaf === undefined) return
  const ids = await versionIds(store, name)
  const [newest] = ids
  if (newest !== undefined && (await store.read(`${placeOf(name)}/${newest}`))?.chain === pair.chain) return
  const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  await store.write(`${placeOf(name)}/${time}-${leaf.serialNumber.slice(0, 64)}`, pair)
  for (const id of ids.slice(MOST_VERSIONS - 1)) await store.remove(`${placeOf(name)}/${id}`)
}

/** What can be put in force again, the newest first; `current`: the chain in force, which is left out. */
export const listVersions = async (store: CertificateStore, name: string, current?: string): Promise<readonly CertificateVersion[]> => {
  const versions: CertificateVersion[] = []
  for (const id of await versionIds(store, name)) {
    const pair = await store.read(`${placeOf(name)}/${id}`)
    const leaf = pair === undefined ? undefined : certificateFrom(pair.chain)
    if (pair === undefined || leaf === undefined || pair.chain === current) continue
    versions.push({ id, serial: leaf.serialNumber, validTo: leaf.validToDate.toISOString(), replacedAt: replacedAt(id) })
  }
  return versions
}

/** undefined: there is none of that id. @throws CertificateError SBC_CERTIFICATE_FILE */
export const readVersion = async (store: CertificateStore, name: string, id: string): Promise<StoredCertificate | undefined> =>
  ID.test(id) ? store.read(`${placeOf(name)}/${id}`) : undefined

/** It is in force again, or never to be again. */
export const dropVersion = async (store: CertificateStore, name: string, id: string): Promise<void> => {
  if (ID.test(id)) await store.remove(`${placeOf(name)}/${id}`)
}

const versionIds = async (store: CertificateStore, name: string): Promise<readonly string[]> =>
  (await store.names(placeOf(name))).filter((id) => ID.test(id)).reverse()

const replacedAt = (id: string): string => {
  const [, year, month, day, hour, minute, second] = ID.exec(id)!
  return `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
}
