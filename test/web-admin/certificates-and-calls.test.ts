import { describe, expect, test } from 'vitest'
import { asked, button, edge, enter, field, page, seen, tab } from './ground.ts'

/** Certificates are ordered, brought, restored; calls are read message by message. */

describe('certificates', { timeout: 30_000 }, () => {
  test('one is ordered: the wizard asks for what is missing, and one sees the order run', async () => {
    await enter('/certificates')
    await page.getByRole('link', { name: 'Add a certificate' }).click()
    await button('Add it and place the order').click()
    await seen('Something is missing or wrong')
    expect(await page.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true')
    await field('Name in the configuration').fill('tenants')
    await field('Host names').fill('*.example.com')
    await field('Mail address').fill('ops@example.com')
    await seen('is a wildcard, which needs a DNS record')
    await page.getByText('By a DNS record (DNS-01)').click()
    await field('Who keeps the DNS zone').selectOption('hetzner')
    await field('File with an API token').fill('/run/secrets/dns')
    expect(await page.locator('.text-box').textContent()).toContain('names: [ "*.example.com" ]')
    await button('Add it and place the order').click()
    expect((await asked('POST', '/certificates')).body).toEqual({
      name: 'tenants',
      source: 'acme',
      acme: { email: 'ops@example.com', challenge: 'dns-01', dns: { provider: 'hetzner', 'token-file': '/run/secrets/dns' } },
      names: ['*.example.com'],
    })
    await page.getByRole('heading', { name: 'tenants' }).waitFor()
    await seen('Waiting for the CA to look at it')
  })

  test('a configuration that refuses it says why', async () => {
    await enter('/certificates/+')
    await page.getByText('From the development CA').click()
    await field('Name in the configuration').fill('refused')
    await button('Add it').click()
    await seen('No listener may have it')
    await seen('Choose another name')
  })

  test('a request is made, shown and downloaded', async () => {
    await enter('/certificates/+')
    await page.getByText('Make a request for a CA (CSR)').click()
    await field('Name in the configuration').fill('bought2')
    await field('Host names').fill('voice.example.org')
    await button('Add it and make the request').click()
    expect((await asked('POST', '/certificates/bought2/request')).body).toEqual({ hosts: ['voice.example.org'], keyType: 'rsa2048' })
    await seen('BEGIN CERTIFICATE REQUEST')
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).click()
    expect((await download).suggestedFilename()).toBe('bought2.csr')
  })

  test('an upload: files are sorted, a bad one is refused with the reason, a good one is in force', async () => {
    edge.world.certificates = edge.world.certificates.map((one) => ({
      ...one,
      next: { what: 'replace' as const, text: 'Upload another one' },
    }))
    await enter('/certificates/bought')
    await button('Upload…').click()
    const pem = (label: string, body: string): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
    expect(await button('Check and put in force').isDisabled()).toBe(true)
    await field('Files').setInputFiles([
      { name: 'key.pem', mimeType: 'text/plain', buffer: Buffer.from(pem('ENCRYPTED PRIVATE KEY', 'bad0')) },
      { name: 'sbc.crt', mimeType: 'text/plain', buffer: Buffer.from(pem('CERTIFICATE', 'QQ==')) },
    ])
    await seen('key.pem: an encrypted key')
    await field('Password of the key').fill('secret')
    await button('Check and put in force').click()
    await page.getByRole('dialog').getByText('The key belongs to another certificate').waitFor()
    await field('Files').setInputFiles([{ name: 'sbc.p12', mimeType: 'application/x-pkcs12', buffer: Buffer.from([0x30, 1, 2]) }])
    await button('Check and put in force').click()
    await seen('The new certificate is in force')
    expect(edge.asked.at(-1)).toEqual({ method: 'POST', path: '/certificates/bought/upload', body: { pkcs12: 'MAEC', password: 'secret' } })
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  test('revoking wants the name to be typed', async () => {
    await enter('/certificates/public')
    await button('Revoke…').click()
    await field('Reason').selectOption('1')
    expect(await button('Revoke').isDisabled()).toBe(true)
    await field('Type public to confirm').fill('public')
    await button('Revoke').click()
    expect((await asked('POST', '/certificates/public/revoke')).body).toEqual({ reason: 1 })
  })

  test('an earlier version comes back', async () => {
    await enter('/certificates/public')
    await button('Restore…').nth(1).click()
    await button('Restore').click()
    expect((await asked('POST', '/certificates/public/restore')).body).toEqual({ id: 'h1' })
  })

  test('the chain is shown and can be downloaded', async () => {
    await enter('/certificates/public')
    await seen('signed by ISRG Root X1')
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Chain' }).click()
    expect((await download).suggestedFilename()).toBe('public.pem')
  })
})

describe('calls', { timeout: 30_000 }, () => {
  test('a ladder: rewritten headers are marked, a message stands beside its origin, the next one is a key away', async () => {
    await enter('/calls')
    await page.getByRole('link', { name: '7c1fa03e5d' }).click()
    await page.locator('.ladder-row').first().waitFor()
    expect(await page.locator('.ladder-row').count()).toBe(11)
    expect(await page.locator('.ladder-row').nth(2).textContent()).toContain('5 headers rewritten')
    await page.locator('.ladder-row').nth(2).focus()
    await page.keyboard.press('Enter')
    await seen('Rewritten:')
    expect(await page.locator('dialog del').allTextContents()).toContain('INVITE sip:100@sbc.example.com SIP/2.0')
    expect(await page.locator('dialog ins').allTextContents()).toContain('Record-Route: <sip:10.0.0.5:5060;lr;r2=on;k=a81>')
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('heading', { name: '100 Trying' }).waitFor()
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(await page.evaluate('document.activeElement.className')).toBe('ladder-row')
  })

  test('names and numbers can be masked; text and capture can be had', async () => {
    await enter('/calls/c1')
    await page.locator('.ladder-row').first().waitFor()
    expect(await page.getByRole('link', { name: 'Capture (pcap)' }).getAttribute('href')).toBe('api/calls/c1/ladder.pcap')
    await page.getByText('Mask names and numbers').click()
    expect(await page.getByRole('link', { name: 'Text' }).getAttribute('href')).toBe('api/calls/c1/ladder.txt?redact=true')
    await page.locator('.ladder-row').first().click()
    await expect.poll(() => page.getByRole('dialog').textContent()).toContain('***')
    expect(await page.getByRole('dialog').textContent()).not.toContain('anna')
  })

  test('a past call tells of its media; one that nobody knows says so', async () => {
    await enter('/calls/past')
    await page.getByRole('link', { name: /^p3-/ }).click()
    await seen('Sound went one way only')
    await tab.goTo('/calls/none')
    await seen('This call is not known any more')
  })
})
