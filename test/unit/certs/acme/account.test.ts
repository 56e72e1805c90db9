import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { accountFile, openAccount } from '../../../../src/certs/acme/account.ts'
import type { Session, Signer } from '../../../../src/certs/acme/session.ts'
import type { AcmeSettings } from '../../../../src/certs/types.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-account-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const settings: AcmeSettings = {
  email: 'ops@example.test',
  directory: 'https://ca.test/dir',
  challenge: 'http-01',
  httpPort: 80,
  eab: undefined,
  profile: undefined,
  trustFile: undefined,
  renewBeforeMs: undefined,
  dns: undefined,
}
const context = { during: 'order', ca: 'ca.test' } as const

/** A CA that gives each key one account, as RFC 8555 §7.3 wants it. */
const startCa = (more: { readonly bound?: boolean; readonly fails?: boolean } = {}) => {
  const accounts = new Map<string, string>()
  const registrations: (Signer & { readonly contact: readonly string[] })[] = []
  const session = {
    ca: 'ca.test',
    directory: async () => ({ externalAccountRequired: more.bound ?? false, profiles: [], caaIdentities: [] }),
    client: async (signer: Signer) => {
      let url = signer.account
      return {
        async createAccount({ contact }: { readonly contact: readonly string[] }) {
          registrations.push({ ...signer, contact })
          await new Promise((resolve) => setImmediate(resolve))
          if (more.fails) throw new Error('The CA is down')
          url ??= accounts.get(signer.key) ?? `https://ca.test/account/${accounts.size + 1}`
          accounts.set(signer.key, url)
        },
        getAccountUrl: () => url,
      }
    },
  } as unknown as Session
  return { session, accounts, registrations }
}

describe('RFC 8555 §7.3: the account', () => {
  test('is registered once for orders that begin together, and then known', async () => {
    const { session, registrations } = startCa()
    const made = await Promise.all([1, 2, 3, 4].map(() => openAccount(session, folder, settings, context, false)))
    expect(registrations).toHaveLength(1)
    expect(made.map(({ fresh }) => fresh)).toEqual([true, false, false, false])
    expect((await openAccount(session, folder, settings, context, false)).fresh).toBe(false)
    expect(registrations).toHaveLength(1)
    const path = accountFile(folder, settings)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(path))).toEqual(['account.json'])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      directory: 'https://ca.test/dir',
      key: expect.stringContaining('-----BEGIN PRIVATE KEY-----'),
      url: 'https://ca.test/account/1',
      contact: ['mailto:ops@example.test'],
    })
  })

  test('is one account for two processes that begin together: the key is shared before it is used', async () => {
    const { session, accounts } = startCa()
    // What the module remembers is of one process
    const modules: typeof import('../../../../src/certs/acme/account.ts')[] = []
    for (let i = 0; i < 3; i++) {
      vi.resetModules()
      modules.push(await import('../../../../src/certs/acme/account.ts'))
    }
    expect(new Set(modules.map((one) => one.openAccount)).size).toBe(3)
    const made = await Promise.all(modules.map((one) => one.openAccount(session, folder, settings, context, false)))
    expect(accounts.size).toBe(1)
    expect(new Set(made.map(({ client }) => client.getAccountUrl()))).toEqual(new Set(['https://ca.test/account/1']))
    expect(readdirSync(dirname(accountFile(folder, settings)))).toEqual(['account.json'])
  })

  test('keeps its key when the registration fails, and uses it the next time', async () => {
    const broken = startCa({ fails: true })
    await expect(openAccount(broken.session, folder, settings, context, false)).rejects.toThrow('The CA is down')
    const good = startCa()
    await openAccount(good.session, folder, settings, context, false)
    expect(good.registrations[0]!.key).toBe(broken.registrations[0]!.key)
  })

  test('is registered again with the same key when the CA does not know it', async () => {
    const { session, registrations } = startCa()
    await openAccount(session, folder, settings, context, false)
    const again = await openAccount(session, folder, settings, context, true)
    expect(again.fresh).toBe(true)
    expect(registrations.map(({ key }) => key)).toEqual([registrations[0]!.key, registrations[0]!.key])
    expect(registrations[1]!.account).toBeUndefined()
  })

  test('is another one at another CA, and for another binding', () => {
    const files = [
      settings,
      { ...settings, directory: 'https://other.test/dir' },
      { ...settings, eab: { kid: 'a', keyFile: '/x' } },
      { ...settings, eab: { kid: 'b', keyFile: '/x' } },
    ].map((one) => accountFile(folder, one))
    expect(new Set(files).size).toBe(4)
    expect(files[0]).toMatch(/\/acme\/[0-9a-f]{16}\/account\.json$/)
  })

  test('is bound with kid and key when it is new only', async () => {
    const { session, registrations } = startCa({ bound: true })
    const keyFile = join(folder, 'hmac')
    writeFileSync(keyFile, 'c2VjcmV0\n')
    const bound = { ...settings, eab: { kid: 'kid-1', keyFile } }
    await openAccount(session, folder, bound, context, false)
    expect(registrations[0]!.binding).toEqual({ kid: 'kid-1', hmacKey: 'c2VjcmV0' })
    rmSync(keyFile)
    await openAccount(session, folder, { ...bound, email: 'new@example.test' }, context, false)
    expect(registrations[1]).toMatchObject({ contact: ['mailto:new@example.test'], account: 'https://ca.test/account/1' })
    expect(registrations[1]!.binding).toBeUndefined()
    await expect(openAccount(session, folder, { ...bound, eab: { kid: 'kid-2', keyFile } }, context, false)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_FILE',
      message: expect.stringContaining(`Cannot read the HMAC key of the external account binding in ${keyFile}`),
    })
    await expect(openAccount(session, folder, settings, context, false)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_ACCOUNT',
      problem: 'externalAccountRequired',
    })
  })

  test('a file that is none is told, and left alone', async () => {
    const path = accountFile(folder, settings)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '{"key": 5}')
    const { session, registrations } = startCa()
    await expect(openAccount(session, folder, settings, context, false)).rejects.toThrow(
      `${path} is no account; remove it to have a new one registered`,
    )
    expect(registrations).toHaveLength(0)
    expect(readFileSync(path, 'utf8')).toBe('{"key": 5}')
  })

  test('a folder that cannot be written', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, '')
    await expect(openAccount(startCa().session, path, settings, context, false)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_FILE',
      message: expect.stringMatching(/^Cannot (store|read) the account in /),
    })
  })
})
