import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import forge from 'node-forge'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Authority, createAuthority, type Issued } from '../../support/authority.ts'
import { type ChallengeDns, type Pebble, startChallengeDns, startPebble } from '../../support/pebble.ts'
import { temporaryFolder } from '../../support/places.ts'
import { openTab, type Place, picture, setUp, startPlace, type Tab } from './place.ts'

/** Certificates on their pages: brought by people, and ordered from a real CA for tests. What holds is asked in handshakes. */

const DAY_MS = 86_400_000

let dns: ChallengeDns
let pebble: Pebble
let authority: Authority
let place: Place
let tab: Tab

beforeAll(async () => {
  const folder = temporaryFolder('web-admin')
  authority = createAuthority(folder.path)
  dns = await startChallengeDns()
  pebble = await startPebble({ folder: folder.path, authority, dns: dns.address })
  const hook = join(folder.path, 'hook')
  writeFileSync(hook, hookSource(dns.management), { mode: 0o755 })
  const order = `email: ops@example.test, directory: '${pebble.directory}', trust: ${pebble.trustFile}`
  place = await startPlace({
    folder,
    change: (config, ports) =>
      config.replace(`tls: 127.0.0.1:${ports.tls}`, `tls: 127.0.0.1:${ports.tls}\n    certificate: [bought, public, wild]`).replace(
        'local: development',
        `local: development
  bought: stored
  public: { names: [sbc.example.test], acme: { ${order}, challenge: http-01, http-port: ${pebble.httpPort} } }
  wild:
    names: ['*.wild.example.test']
    acme: { ${order}, challenge: dns-01, dns: { provider: hook, program-file: ${hook} }, dns-servers: ['${dns.address}'] }`,
      ),
  })
  tab = await openTab(place)
  await setUp(place, tab, 'anna')
})

afterAll(async () => {
  await pebble?.stop()
  await dns?.stop()
  await place?.stop()
})

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

const hookSource = (management: string): string => `#!${process.execPath}
const [what, name, value] = process.argv.slice(2)
const body = what === 'add' ? { host: name + '.', value } : { host: name + '.' }
fetch(${JSON.stringify(management)} + (what === 'add' ? '/set-txt' : '/clear-txt'), { method: 'POST', body: JSON.stringify(body) })
  .then((answer) => process.exit(answer.ok ? 0 : 1))
`

/** What a new handshake shows. */
const shown = async (servername: string): Promise<{ readonly serial: string; readonly issuer: string; readonly names: string }> => {
  const socket = connect({ host: '127.0.0.1', port: place.ports.tls, servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { serialNumber, issuer, subjectAltName = '' } = socket.getPeerX509Certificate()!
  socket.destroy()
  return { serial: serialNumber, issuer, names: subjectAltName }
}

const serialOf = (chain: string): string => forge.pki.certificateFromPem(chain).serialNumber.toUpperCase()

/** A PKCS#12 file, as an office gets it from its CA. */
const bundle = ({ chain }: Pick<Issued, 'chain'>, { key }: Pick<Issued, 'key'>, password: string): Buffer => {
  const certificates = [chain, authority.certificate].map((pem) => forge.pki.certificateFromPem(pem))
  const made = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(key), certificates, password, { algorithm: '3des' })
  return Buffer.from(forge.asn1.toDer(made).getBytes(), 'latin1')
}

/** The same with the same key, and over since yesterday. */
const expired = ({ chain, key }: Issued): Pick<Issued, 'chain'> => {
  const certificate = forge.pki.certificateFromPem(chain)
  certificate.validity.notBefore = new Date(Date.now() - 10 * DAY_MS)
  certificate.validity.notAfter = new Date(Date.now() - DAY_MS)
  // By itself: that it is over is found whoever has signed it
  certificate.setIssuer(certificate.subject.attributes)
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create())
  return { chain: forge.pki.certificateToPem(certificate) }
}

const bring = async (buffer: Buffer, password: string): Promise<void> => {
  await tab.goTo('/certificates/bought')
  await tab.button('Replace…').click()
  await tab.field('Files').setInputFiles([{ name: 'sbc.p12', mimeType: 'application/x-pkcs12', buffer }])
  await tab.field('Password of the key').fill(password)
  await tab.button('Check and put in force').click()
}

test('a PKCS#12 file is uploaded, and another one takes its place: new handshakes show it', async () => {
  const first = authority.issue('first', ['localhost'])
  const second = authority.issue('second', ['localhost'])
  await bring(bundle(first, first, 'open sesame'), 'open sesame')
  await tab.seen('The new certificate is in force')
  expect((await shown('localhost')).serial).toBe(serialOf(first.chain))
  await bring(bundle(second, second, 'other words'), 'other words')
  await tab.page.getByRole('dialog').waitFor({ state: 'detached' })
  await tab.page.getByRole('heading', { name: 'Earlier versions' }).waitFor()
  expect((await shown('localhost')).serial).toBe(serialOf(second.chain))
})

test('bad ones are refused in a sentence each, and the old one stays', async () => {
  const before = await shown('localhost')
  const good = authority.issue('good', ['localhost'])
  const other = authority.issue('other', ['localhost'])
  const dialog = tab.page.getByRole('dialog')
  await bring(bundle(good, good, 'open sesame'), 'wrong words')
  await dialog.getByText('Wrong password: it does not open the PKCS#12 file').waitFor()
  await tab.field('Files').setInputFiles([
    { name: 'good.pem', mimeType: 'text/plain', buffer: Buffer.from(good.chain) },
    { name: 'other.key', mimeType: 'text/plain', buffer: Buffer.from(other.key) },
  ])
  await tab.field('Password of the key').fill('')
  await tab.button('Check and put in force').click()
  await dialog.getByText(/^The key (?:does not belong to CN=localhost|belongs to another certificate)/).waitFor()
  await tab
    .field('Files')
    .setInputFiles([{ name: 'old.p12', mimeType: 'application/x-pkcs12', buffer: bundle(expired(good), good, 'old') }])
  await tab.field('Password of the key').fill('old')
  await tab.button('Check and put in force').click()
  await dialog.getByText(/CN=localhost ended on \d{4}-\d\d-\d\dT/).waitFor()
  await tab.page.keyboard.press('Escape')
  expect(await shown('localhost')).toEqual(before)
})

/** "Renew now" on its page, until it is done and new handshakes show it. */
const renew = async (name: string, host: string): Promise<void> => {
  // The order of the start comes first
  await expect.poll(async () => (await shown(host)).issuer, { timeout: 20_000 }).toContain('Pebble')
  const before = await shown(host)
  await tab.goTo(`/certificates/${name}`)
  await tab.button('Renew now').click()
  await tab.seen(/^Certificate \w+ is being ordered$/)
  await expect.poll(async () => (await shown(host)).serial, { timeout: 20_000 }).not.toBe(before.serial)
  await tab.page.getByRole('heading', { name: 'Earlier versions' }).waitFor()
  await tab.page
    .locator('.stage')
    .last()
    .getByText(/^In force until/)
    .waitFor()
  expect(await tab.page.locator('.stage-failed, .stage-running, .stage-waiting').count()).toBe(0)
}

test('an order by HTTP-01, by a click: every step is told, and it is in force', async () => {
  await renew('public', 'sbc.example.test')
  await tab.seen('sbc.example.test is proved')
  expect(await shown('sbc.example.test')).toMatchObject({ names: 'DNS:sbc.example.test' })
  // Live: nobody reads the page anew
  await tab.page.getByRole('heading', { name: 'The last order' }).waitFor()
  await picture(tab.page, 'admin-certificate')
})

test('a wildcard by DNS-01, by a click', async () => {
  await renew('wild', 'other.wild.example.test')
  expect(await shown('one.wild.example.test')).toMatchObject({
    names: 'DNS:*.wild.example.test',
    issuer: expect.stringContaining('Pebble'),
  })
  await tab.seen('*.wild.example.test is proved')
})

test('the list says of each which names, until when, and what comes next', async () => {
  await tab.goTo('/certificates')
  for (const name of ['local', 'bought', 'public', 'wild']) await tab.page.getByRole('link', { name, exact: true }).waitFor()
  await picture(tab.page, 'admin-certificates')
})
