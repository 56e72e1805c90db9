import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DevelopmentAuthority } from '../../../src/certs/development.ts'
import { CertificateStore } from '../../../src/certs/store.ts'
import type { TlsOptions } from '../../../src/transport/types.ts'

/** An authority in a folder of its own, for the tests of one file. */
export const makeAuthority = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeways-certs-'))
  const authority = await DevelopmentAuthority.open(new CertificateStore(folder), Date.now)
  const issue = (name: string, ...hosts: string[]) => authority.certificate({ name, hosts })
  const tls = (certificates: TlsOptions['certificates'], more: Partial<TlsOptions> = {}): TlsOptions => ({
    certificates,
    minVersion: 'TLSv1.2',
    ciphers: '',
    clientCertificate: 'none',
    trust: [authority.root],
    verifyServer: true,
    ...more,
  })
  return { authority, issue, tls, remove: () => rm(folder, { recursive: true, force: true }) }
}
