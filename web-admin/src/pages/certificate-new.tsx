import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import type { Certificates, ReloadView } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { AreaField, Choice, SelectField, TextField } from '../parts/field.tsx'
import { failureText } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { ProblemList, Refused, reloading } from '../parts/problems.tsx'
import { Note } from '../parts/status.tsx'
import { go, useHash } from '../place.ts'
import { certificatePath, queryOf } from '../routes.ts'
import {
  BLANK,
  bodyOf,
  DIRECTORIES,
  faultsOf,
  hostsOf,
  type NewCertificate,
  PROVIDERS,
  wantsAccount,
  yamlOf,
} from '../words/new-certificate.ts'
import { BroughtFields, isWhole, KEY_CHOICES, RequestText, uploadBody, useBrought } from './certificate-dialogs.tsx'

const SOURCES = [
  {
    value: 'acme',
    label: 'Order it, and renew it by itself (ACME)',
    text: 'From Let’s Encrypt or another CA that speaks ACME. Nothing more to do, ever. Recommended.',
  },
  { value: 'upload', label: 'Upload one that you have', text: 'PEM or PKCS#12, with its key. You upload the next one before it ends.' },
  {
    value: 'request',
    label: 'Make a request for a CA (CSR)',
    text: 'The key is made here and stays here; you give the request to your CA and upload its answer.',
  },
  { value: 'development', label: 'From the development CA', text: 'For trials: at once, but nobody trusts it who was not told to.' },
] as const

const CHALLENGES = [
  {
    value: 'http-01',
    label: 'By a web page (HTTP-01)',
    text: 'The CA asks for a page on port 80 of each name. Edgeways answers by itself while the order runs.',
  },
  {
    value: 'tls-alpn-01',
    label: 'By a TLS handshake (TLS-ALPN-01)',
    text: 'The CA connects to port 443 of each name, which must lead to a TLS listener here.',
  },
  {
    value: 'dns-01',
    label: 'By a DNS record (DNS-01)',
    text: 'Edgeways writes a record into your DNS zone. Needed for wildcards; nothing has to be reachable from outside.',
  },
] as const

const BACK = { href: '#/certificates', text: 'Certificates' }

/** Whoever comes from a wizard has said which names and which key it has to be, and goes back there afterwards. */
const useBegun = (
  taken: readonly string[],
): { readonly back?: { readonly href: string; readonly path: string; readonly text: string }; readonly begun: NewCertificate } => {
  const query = queryOf(useHash())
  const path = query.get('back') ?? ''
  const hosts = query.get('host') ?? ''
  return {
    ...(path.startsWith('/teams/') && { back: { href: `#${path}`, path, text: 'Connect Teams' } }),
    begun: { ...BLANK, hosts, key: query.get('key') ?? '', name: hosts === '' || taken.includes('teams') ? '' : 'teams' },
  }
}

export const NewCertificatePage = () => {
  const certificates = useResource<Certificates>('/certificates', 'certificates').data?.certificates ?? []
  const { back, begun } = useBegun(certificates.map((one) => one.name))
  const [typed, setForm] = useState<NewCertificate>()
  const form = typed ?? begun
  const [tried, setTried] = useState(false)
  const [running, setRunning] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const [csr, setCsr] = useState<string>()
  const bring = useBrought()
  const { source, name } = form
  const faults = faultsOf(form, csr === undefined ? certificates.map((one) => one.name) : [])
  const set = (change: Partial<NewCertificate>): void => setForm({ ...form, ...change })
  const fault = (field: keyof NewCertificate): string | undefined => (tried ? faults[field] : undefined)
  const path = `/certificates/${encodeURIComponent(name)}`

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setTried(true)
    const drawn = event.currentTarget as HTMLFormElement
    // Once it is drawn, what is wrong is where one goes on
    setTimeout(() => drawn.querySelector<HTMLElement>('[aria-invalid]')?.focus())
    if (running || Object.keys(faults).length > 0 || (source === 'upload' && !isWhole(bring.brought))) return
    setRunning(true)
    setFailure(undefined)
    try {
      await reloading(() => call<ReloadView>('POST', '/certificates', bodyOf(form)))
      refresh('/certificates', '/config')
      if (source === 'upload') await call('POST', `${path}/upload`, uploadBody(bring.brought, bring.password))
      if (source === 'request') {
        const made = await call<{ readonly csr: string }>('POST', `${path}/request`, {
          hosts: hostsOf(form.hosts),
          keyType: form.key || 'rsa2048',
        })
        setCsr(made.csr)
      } else {
        told(source === 'acme' ? `Certificate ${name} is being ordered` : `Certificate ${name} is there`)
        go(back?.path ?? certificatePath(name))
      }
    } catch (error) {
      setFailure(error)
    } finally {
      setRunning(false)
    }
  }

  if (csr !== undefined) {
    return (
      <Page title="Give this request to your CA" back={back ?? BACK}>
        <Card>
          <div class="stack">
            <RequestText csr={csr} name={name} />
            <p>
              Its key was made here and stays here. When the CA has signed the request, upload its answer on the page of the certificate.
            </p>
            <div class="row">
              <ButtonLink kind="primary" href={`#${certificatePath(name)}`}>
                To the certificate
              </ButtonLink>
            </div>
          </div>
        </Card>
      </Page>
    )
  }

  return (
    <Page title="Add a certificate" back={back ?? BACK}>
      <form class="wizard" onSubmit={submit} noValidate>
        <div class="stack">
          <Card>
            <Choice legend="Where does it come from?" value={source} options={SOURCES} onValue={(value) => set({ source: value })} />
          </Card>
          <Card>
            <div class="stack">
              <TextField
                label="Name in the configuration"
                hint="Listeners and this page call it so: main, public, tenant1"
                spellcheck={false}
                error={fault('name')}
                value={name}
                onValue={(value) => set({ name: value })}
              />
              {(source === 'acme' || source === 'request') && (
                <AreaField
                  label="Host names"
                  hint="One in each line. Empty: what the listeners that use it advertise"
                  spellcheck={false}
                  placeholder={'sbc.example.com\n*.sbc.example.com'}
                  error={fault('hosts')}
                  value={form.hosts}
                  onValue={(value) => set({ hosts: value })}
                />
              )}
              {(source === 'acme' || source === 'request') && (
                <SelectField
                  label="Key"
                  value={form.key}
                  options={source === 'request' ? KEY_CHOICES.filter(([value]) => value !== '') : KEY_CHOICES}
                  onValue={(value) => set({ key: value })}
                />
              )}
              {source === 'upload' && <BroughtFields {...bring} />}
              {source === 'upload' && tried && !isWhole(bring.brought) && (
                <Note level="error">
                  <p>Bring a certificate with its key: two PEM files, one with both, or a PKCS#12 file.</p>
                </Note>
              )}
            </div>
          </Card>
          {source === 'acme' && <Acme form={form} set={set} fault={fault} />}
        </div>
        <aside class="wizard-aside">
          <Card title="What comes into the configuration">
            <pre class="text-box">{yamlOf(form)}</pre>
            <p class="muted small">Everything else in the file stays as it is, comments included.</p>
          </Card>
          {failure !== undefined && (
            <Note
              level="error"
              title={failure instanceof Refused ? 'The configuration was refused; nothing has changed' : 'This did not work'}
            >
              {failure instanceof Refused ? <ProblemList problems={failure.problems} /> : <p>{failureText(failure)}</p>}
            </Note>
          )}
          {tried && Object.keys(faults).length > 0 && (
            <Note level="error">
              <p>Something is missing or wrong; it is marked.</p>
            </Note>
          )}
          <Button kind="primary" type="submit" busy={running}>
            {source === 'acme' ? 'Add it and place the order' : source === 'request' ? 'Add it and make the request' : 'Add it'}
          </Button>
        </aside>
      </form>
    </Page>
  )
}

const Acme = ({
  form,
  set,
  fault,
}: {
  readonly form: NewCertificate
  readonly set: (change: Partial<NewCertificate>) => void
  readonly fault: (field: keyof NewCertificate) => string | undefined
}) => (
  <>
    <Card title="The CA">
      <div class="stack">
        <SelectField label="CA" value={form.directory} options={DIRECTORIES} onValue={(value) => set({ directory: value })} />
        {form.directory === 'other' && (
          <TextField
            label="URL of its directory"
            type="url"
            placeholder="https://ca.example.com/directory"
            error={fault('url')}
            value={form.url}
            onValue={(value) => set({ url: value })}
          />
        )}
        <TextField
          label="Mail address"
          type="email"
          autocomplete="email"
          hint="The CA writes there when something is wrong"
          error={fault('email')}
          value={form.email}
          onValue={(value) => set({ email: value })}
        />
        {wantsAccount(form) && (
          <>
            <TextField
              label="Account (key identifier, EAB)"
              hint={form.directory === 'other' ? 'Only when the CA wants one' : 'From the CA’s web site'}
              spellcheck={false}
              error={fault('kid')}
              value={form.kid}
              onValue={(value) => set({ kid: value })}
            />
            <TextField
              label="File with the account’s HMAC key"
              hint="On the edge’s machine"
              spellcheck={false}
              error={fault('keyFile')}
              value={form.keyFile}
              onValue={(value) => set({ keyFile: value })}
            />
          </>
        )}
      </div>
    </Card>
    <Card>
      <div class="stack">
        <Choice
          legend="How is it proven that the names are yours?"
          value={form.challenge}
          options={CHALLENGES}
          onValue={(value) => set({ challenge: value })}
        />
        {fault('challenge') !== undefined && <p class="field-error">{fault('challenge')}</p>}
        {form.challenge === 'dns-01' && (
          <>
            <SelectField
              label="Who keeps the DNS zone"
              value={form.provider}
              options={Object.entries(PROVIDERS).map(([value, { label }]) => [value, label] as const)}
              onValue={(value) => set({ provider: value })}
            />
            {PROVIDERS[form.provider]!.settings.map(({ key, label, hint, required }) => (
              <TextField
                key={key}
                label={label}
                hint={hint}
                spellcheck={false}
                error={required && !form.dns[key] ? fault('dns') : undefined}
                value={form.dns[key] ?? ''}
                onValue={(value) => set({ dns: { ...form.dns, [key]: value } })}
              />
            ))}
          </>
        )}
      </div>
    </Card>
  </>
)
