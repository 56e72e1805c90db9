import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateStore } from '../../../src/certs/store.ts'

export const DAY = 86_400_000

/** A store in a folder of its own. */
export const makeStore = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeways-certs-'))
  return { folder, store: new CertificateStore(folder), remove: () => rm(folder, { recursive: true, force: true }) }
}
