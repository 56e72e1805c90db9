import { createHash, generateKeyPair, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from 'acme-client'
import { CertificateError } from '../../base/errors.ts'
import type { AcmeSettings } from '../types.ts'
import { AcmeError } from './errors.ts'
import type { ProblemContext } from './problem.ts'
import { explained, type Session } from './session.ts'

/** `acme/<digest>/account.json` in the data folder, 0600: who we are to one CA. */
interface AccountFile {
  readonly directory: string
  /** PKCS#8, PEM. */
  readonly key: string
  /** The account's URL; without: not registered yet. */
  readonly url?: string
  readonly contact: readonly string[]
}

export interface Account {
  readonly client: Client
  readonly path: string
  /** True when this call registered it. */
  readonly fresh: boolean
}

/**
 * Where the account for a directory is kept: by its URL, and by the external account that it is bound to, because another binding is
 * another account.
 */
export const accountFile = (folder: string, { directory, eab }: Pick<AcmeSettings, 'directory' | 'eab'>): string => {
  const digest = createHash('sha256').update(eab === undefined ? directory : `${directory}\n${eab.kid}`)
  return join(folder, 'acme', digest.digest('hex').slice(0, 16), 'account.json')
}

/**
 * Who is registering now, by the account's file: orders that begin together share one registration. Between processes it is the key that
 * is shared: it is stored before it is used, and a CA gives the account it knows for a key that it knows (RFC 8555 §7.3).
 */
const registering = new Map<string, Promise<unknown>>()

/**
 * The account at the CA of the settings, registered now if there is none yet; its contact is kept as the settings say.
 * @param forget register again: the CA says that it does not know the account
 */
export const openAccount = async (
  session: Session,
  folder: string,
  settings: AcmeSettings,
  context: ProblemContext,
  forget: boolean,
): Promise<Account> => {
  const path = accountFile(folder, settings)
  const before = registering.get(path) ?? Promise.resolve()
  const mine = before.then(() => registered(session, path, settings, { ...context, during: 'account', accountFile: path }, forget))
  const settled = mine.catch(() => undefined)
  registering.set(path, settled)
  try {
    return await mine
  } finally {
    if (registering.get(path) === settled) registering.delete(path)
  }
}

const registered = async (
  session: Session,
  path: string,
  settings: AcmeSettings,
  context: ProblemContext,
  forget: boolean,
): Promise<Account> => {
  const contact = settings.email === '' ? [] : [`mailto:${settings.email}`]
  const kept = (await readAccount(path)) ?? (await keepNewKey(path, settings.directory))
  const known = forget ? undefined : kept.url
  if (known !== undefined && kept.contact.join() === contact.join())
    return { client: await session.client({ key: kept.key, account: known }), path, fresh: false }
  const directory = await session.directory()
  if (known === undefined && directory.externalAccountRequired && settings.eab === undefined) {
    throw new AcmeError(
      'SBC_CERTIFICATE_ACCOUNT',
      `${session.ca} takes accounts with an external account binding only; copy kid and HMAC key from its account page to eab.kid and eab.key-file`,
      { problem: 'externalAccountRequired' },
    )
  }
  const binding = settings.eab === undefined || known !== undefined ? undefined : await bindingOf(settings.eab)
  const client = await session.client({ key: kept.key, account: known, binding })
  const bound = settings.eab === undefined ? context : { ...context, boundByKid: settings.eab.kid }
  await explained(bound, () => client.createAccount({ termsOfServiceAgreed: true, contact }))
  await writeAccount(path, { ...kept, url: client.getAccountUrl(), contact })
  return { client, path, fresh: known === undefined }
}

const bindingOf = async ({ kid, keyFile }: { readonly kid: string; readonly keyFile: string }) => {
  const hmacKey = await readSecret(keyFile, 'the HMAC key of the external account binding')
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(hmacKey))
    throw new AcmeError('SBC_CERTIFICATE_ACCOUNT', `${keyFile} is no HMAC key: it is to hold base64 as the CA shows it, and nothing else`)
  return { kid, hmacKey }
}

/** A secret in a file, without the line break at its end. @throws CertificateError SBC_CERTIFICATE_FILE */
export const readSecret = async (path: string, what: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot read ${what} in ${path}: ${(cause as Error).message}`, cause)
  }
}

const readAccount = async (path: string): Promise<AccountFile | undefined> => {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CertificateError('SBC_CERTIFICATE_FILE', `Cannot read the account in ${path}: ${(cause as Error).message}`, cause)
  }
  try {
    const { directory, key, url, contact } = JSON.parse(text) as Partial<AccountFile>
    if (typeof directory === 'string' && typeof key === 'string')
      return { directory, key, contact: contact ?? [], ...(typeof url === 'string' && { url }) }
  } catch {
    // The sentence below says it
  }
  throw new CertificateError('SBC_CERTIFICATE_FILE', `${path} is no account; remove it to have a new one registered`)
}

/** Of two that begin together, also in two processes, one writes the file and both use it. */
const keepNewKey = async (path: string, directory: string): Promise<AccountFile> => {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const fresh: AccountFile = { directory, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, contact: [] }
  const part = await writePart(path, fresh)
  try {
    await link(part, path)
    await syncFolder(dirname(path))
    return fresh
  } catch (fault) {
    const other = (fault as NodeJS.ErrnoException).code === 'EEXIST' ? await readAccount(path) : undefined
    if (other === undefined) throw cannotStore(path, fault)
    return other
  } finally {
    await rm(part, { force: true })
  }
}

const writeAccount = async (path: string, account: AccountFile): Promise<void> => {
  const part = await writePart(path, account)
  try {
    await rename(part, path)
    await syncFolder(dirname(path))
  } catch (fault) {
    throw cannotStore(path, fault)
  }
}

/** Written and synced beside its place. */
const writePart = async (path: string, account: AccountFile): Promise<string> => {
  const part = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(part, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(account, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    return part
  } catch (fault) {
    throw cannotStore(path, fault)
  }
}

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const cannotStore = (path: string, cause: unknown): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_FILE', `Cannot store the account in ${path}: ${(cause as Error).message}`, cause)
