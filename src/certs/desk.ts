/** What people do with a certificate. Everything is judged first; what is refused leaves the old one in force. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CertificateError } from '../base/errors.ts'
import { type Care, install } from './care.ts'
import { dropVersion, readVersion } from './history.ts'
import { matchAnswer } from './intake/answer.ts'
import { completeChain } from './intake/complete.ts'
import { describeCertificate } from './intake/describe.ts'
import { type MadeRequest, makeRequest, type RequestWishes } from './intake/request.ts'
import { readUpload, type Upload } from './intake/upload.ts'
import type { StateChange } from './state.ts'
import { readIfThere, writeWhole } from './store.ts'
import type { UploadedFiles } from './types.ts'
import { holdUntil } from './upkeep.ts'
import { measureOf } from './usage.ts'
import type { Ward } from './ward.ts'

/** The hosts that another certificate shows. */
type Shown = (certificate: string) => readonly string[]

const SOURCES = {
  files: 'is read from its files; replace these, or write "stored" in the configuration to bring it here',
  development: 'is made by the development CA; write "stored" in the configuration to bring your own',
  acme: 'is ordered by ourselves; write "stored" in the configuration to bring your own',
  stored: 'is brought by people; upload another one, or make a request',
} as const

/** @throws CertificateError SBC_CERTIFICATE_SOURCE */
export const assertSource = ({ name, entry }: Ward, ...kinds: readonly (keyof typeof SOURCES)[]): void => {
  if (kinds.includes(entry.source.kind)) return
  throw new CertificateError('SBC_CERTIFICATE_SOURCE', `Certificate ${name} ${SOURCES[entry.source.kind]}`)
}

export const upload = async (care: Care, ward: Ward, files: UploadedFiles, shown: Shown): Promise<void> => {
  assertSource(ward, 'stored')
  care.shelf.assertOurs()
  await bring(care, ward, await readUpload(files), shown, {})
}

export const request = async (care: Care, ward: Ward, wishes: RequestWishes): Promise<string> => {
  assertSource(ward, 'stored')
  care.shelf.assertOurs()
  const made = await makeRequest(wishes.hosts.length > 0 ? wishes : { ...wishes, hosts: ward.entry.hosts })
  await ward.inOrder(async () => {
    const { csr, key } = placesOf(care, ward)
    // Without the request nobody asks for the key
    await rm(csr, { force: true })
    await writeWhole(key, made.key)
    await writeWhole(csr, made.csr)
    ward.state.change({ requested: { time: care.clock.wall(), hosts: [...wishes.hosts] } })
  })
  care.log.info({ certificate: ward.name, hosts: wishes.hosts }, 'Certificate requested; the CA’s answer is awaited')
  care.told(ward.name)
  return made.csr
}

export const answer = async (care: Care, ward: Ward, chain: string, shown: Shown): Promise<void> => {
  assertSource(ward, 'stored')
  care.shelf.assertOurs()
  const made = await awaited(care, ward)
  const { findings, ...brought } = await matchAnswer(made, chain)
  await bring(care, ward, brought, shown, { requested: undefined })
  for (const { text, remedy } of findings) care.log.warn({ certificate: ward.name, remedy }, text)
  await rm(join(care.shelf.store.folderOf(ward.name), 'request'), { recursive: true, force: true })
}

/** The same as `pendingRequest`, for those who want it. @throws CertificateError when none waits */
export const awaited = async (care: Pick<Care, 'shelf'>, ward: Ward): Promise<MadeRequest> => {
  const made = await pendingRequest(care, ward)
  if (made !== undefined) return made
  const message = `No request for certificate ${ward.name} waits for an answer; make one, or upload the certificate with its key`
  throw new CertificateError('SBC_CERTIFICATE_REQUEST', message)
}

/** The request that was made here last, with its key; undefined: none waits. */
export const pendingRequest = async (care: Pick<Care, 'shelf'>, ward: Ward): Promise<MadeRequest | undefined> => {
  const places = placesOf(care, ward)
  const [csr, key] = await Promise.all([readIfThere(places.csr), readIfThere(places.key)])
  return csr === undefined || key === undefined ? undefined : { csr, key }
}

const placesOf = ({ shelf }: Pick<Care, 'shelf'>, { name }: Ward) => {
  const folder = join(shelf.store.folderOf(name), 'request')
  return { csr: join(folder, 'request.csr'), key: join(folder, 'key.pem') }
}

/** A pair from outside: missing intermediates are fetched, then it is judged and put in force. */
const bring = async (care: Care, ward: Ward, brought: Upload, shown: Shown, change: StateChange): Promise<void> => {
  const anchors = brought.root === undefined ? [] : [brought.root]
  const completed = await completeChain(brought.chain, care.fetchIssuer, { anchors, signal: care.stopping })
  for (const note of [...brought.notes, ...completed.notes]) care.log.info({ certificate: ward.name }, note)
  const roots = completed.root === undefined ? anchors : [...anchors, completed.root]
  const pair = { chain: completed.chain, key: brought.key }
  await install(care, ward, pair, [{ hosts: [], anchors: roots }, ...required(ward, pair.chain, shown)], change)
}

const required = (ward: Ward, chain: string, shown: Shown) => measureOf(ward.usage, describeCertificate(chain).hosts, shown).required

export const restore = async (care: Care, ward: Ward, id: string, shown: Shown): Promise<void> => {
  assertSource(ward, 'stored', 'acme')
  care.shelf.assertOurs()
  const { store } = care.shelf
  const pair = await readVersion(store, ward.name, id)
  if (pair === undefined) {
    const message = `Certificate ${ward.name} has no earlier version ${JSON.stringify(id.slice(0, 100))}; the newest ${ward.versions.length} are kept`
    throw new CertificateError('SBC_CERTIFICATE_UNKNOWN', message)
  }
  const { ordered } = ward.state.value
  await install(care, ward, pair, required(ward, pair.chain, shown), ordered === undefined ? {} : { ordered })
  await dropVersion(store, ward.name, id)
  if (ward.pair !== undefined) ward.state.change({ heldUntil: holdUntil(care.clock.wall(), ward.pair.validTo) })
  await care.look(ward)
  care.told(ward.name)
}

/** RFC 5280 §5.3.1: what a subscriber can say. */
const REASONS = { 0: 'unspecified', 1: 'key compromise', 3: 'affiliation changed', 4: 'superseded', 5: 'cessation of operation' } as const
const REVOKE_MS = 60_000

export const revoke = async (care: Care, ward: Ward, reason: number): Promise<void> => {
  if (!Object.hasOwn(REASONS, reason)) {
    const known = Object.entries(REASONS).map(([number, word]) => `${number} (${word})`)
    throw new CertificateError('SBC_CERTIFICATE_REVOCATION', `${reason} is no reason that can be given; take one of ${known.join(', ')}`)
  }
  const { name, pair, entry, state } = ward
  if (entry.source.kind !== 'acme')
    throw new CertificateError('SBC_CERTIFICATE_SOURCE', `Certificate ${name} was not ordered by us; have its CA revoke it`)
  if (pair === undefined)
    throw new CertificateError('SBC_CERTIFICATE_REVOCATION', `Certificate ${name} is not there yet, so there is nothing to revoke`)
  care.shelf.assertOurs()
  const issuer = care.issuer(entry.source.settings)
  if (issuer.revoke === undefined)
    throw new CertificateError('SBC_CERTIFICATE_REVOCATION', `The CA of certificate ${name} cannot be asked to revoke it`)
  await issuer.revoke(pair.chain, pair.key, reason, AbortSignal.any([care.stopping, AbortSignal.timeout(REVOKE_MS)]))
  care.log.warn({ certificate: name, serial: pair.facts.serial, reason }, 'Certificate revoked; it stays in use until another one is there')
  state.change({ revoked: pair.facts.serial })
  care.told(name)
  await state.settled()
}
