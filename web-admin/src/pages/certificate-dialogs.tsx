import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh } from '../api/resource.ts'
import { told } from '../notices.ts'
import { Button, CopyButton } from '../parts/button.tsx'
import { Dialog, FormDialog } from '../parts/dialog.tsx'
import { AreaField, Field, SelectField, TextField } from '../parts/field.tsx'
import { type Brought, type BroughtFile, sortBrought } from '../words/brought.ts'
import { REVOCATION_REASONS } from '../words/certificate.ts'
import { hostsOf } from '../words/new-certificate.ts'

interface Asked {
  /** `/certificates/main` */
  readonly path: string
  readonly onClose: () => void
}

export const KEY_CHOICES = [
  ['', 'Chosen by use: RSA 2048 for Teams, else ECDSA P-256'],
  ['rsa2048', 'RSA 2048 bit'],
  ['rsa3072', 'RSA 3072 bit'],
  ['ecdsa256', 'ECDSA P-256'],
  ['ecdsa384', 'ECDSA P-384'],
] as const

/** What somebody brings: files of any kind, or pasted text. */
export const useBrought = () => {
  const [files, setFiles] = useState<readonly BroughtFile[]>([])
  const [pasted, setPasted] = useState('')
  const [password, setPassword] = useState('')
  const brought = sortBrought(files, pasted)
  return { brought, setFiles, pasted, setPasted, password, setPassword }
}

export const BroughtFields = ({ brought, setFiles, pasted, setPasted, password, setPassword }: ReturnType<typeof useBrought>) => {
  const choose = async (list: FileList | null): Promise<void> => {
    setFiles(
      await Promise.all([...(list ?? [])].map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }))),
    )
  }
  return (
    <>
      <Field label="Files" hint="The certificate, its intermediates and the key in PEM, in any order; or one PKCS#12 file (.p12, .pfx)">
        {(tied) => <input class="input" type="file" multiple {...tied} onChange={(event) => void choose(event.currentTarget.files)} />}
      </Field>
      <AreaField label="Or paste PEM" spellcheck={false} placeholder="-----BEGIN CERTIFICATE-----" value={pasted} onValue={setPasted} />
      <Found brought={brought} />
      <TextField
        label="Password of the key"
        type="password"
        autocomplete="off"
        hint={brought.locked ? undefined : 'Only when the key or the PKCS#12 file has one'}
        value={password}
        onValue={setPassword}
      />
      <p class="muted small">The key goes to the edge and stays there: no page and no answer of the API ever shows it again.</p>
    </>
  )
}

const Found = ({ brought: { found } }: { readonly brought: Brought }) => (
  <ul class="small" aria-live="polite">
    {found.map((sentence) => (
      <li key={sentence}>{sentence}</li>
    ))}
  </ul>
)

export const isWhole = ({ chain, key, pkcs12 }: Brought): boolean => pkcs12 !== undefined || (chain !== undefined && key !== undefined)

export const uploadBody = ({ chain, key, pkcs12 }: Brought, password: string): Readonly<Record<string, string>> => ({
  ...(chain !== undefined && { chain }),
  ...(key !== undefined && { key }),
  ...(pkcs12 !== undefined && { pkcs12 }),
  ...(password !== '' && { password }),
})

export const UploadDialog = ({ path, onClose }: Asked) => {
  const bring = useBrought()
  return (
    <FormDialog
      title="Upload a certificate"
      action="Check and put in force"
      disabled={!isWhole(bring.brought)}
      onClose={onClose}
      onSubmit={async () => {
        await call('POST', `${path}/upload`, uploadBody(bring.brought, bring.password))
        told('The new certificate is in force')
        refresh('/certificates')
      }}
    >
      <p>It is checked first. If anything is wrong with it, it is refused with the reason, and the one in use stays.</p>
      <BroughtFields {...bring} />
    </FormDialog>
  )
}

/** A request that was made, to be given to a CA. */
export const RequestText = ({ csr, name }: { readonly csr: string; readonly name: string }) => (
  <div class="stack-small">
    <div class="row row-apart">
      <strong>The request</strong>
      <div class="row">
        <CopyButton text={csr} what="Request" />
        <a class="button button-plain" href={`data:application/pkcs10,${encodeURIComponent(csr)}`} download={`${name}.csr`}>
          Download
        </a>
      </div>
    </div>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys */}
    <pre class="text-box" tabIndex={0}>
      {csr}
    </pre>
  </div>
)

export const RequestDialog = ({ path, hosts, onClose }: Asked & { readonly hosts: readonly string[] }) => {
  const [names, setNames] = useState(hosts.join('\n'))
  const [keyType, setKeyType] = useState<string>('rsa2048')
  const [organisation, setOrganisation] = useState('')
  const [csr, setCsr] = useState<string>()
  if (csr !== undefined) {
    return (
      <Dialog title="Give this request to your CA" onClose={onClose}>
        <div class="stack">
          <RequestText csr={csr} name={path.split('/').at(-1)!} />
          <p>Its key was made here and stays here. When the CA has signed the request, upload its answer on this page.</p>
          <div class="dialog-actions">
            <Button kind="primary" onClick={onClose}>
              Done
            </Button>
          </div>
        </div>
      </Dialog>
    )
  }
  return (
    <FormDialog
      title="Make a request (CSR)"
      action="Make the request"
      onClose={onClose}
      onSubmit={async () => {
        const made = await call<{ readonly csr: string }>('POST', `${path}/request`, {
          hosts: hostsOf(names),
          keyType,
          ...(organisation !== '' && { subject: { organization: organisation } }),
        })
        setCsr(made.csr)
        refresh('/certificates')
        return false
      }}
    >
      <AreaField
        label="Names"
        hint="One in each line; wildcards are allowed. Empty: what the listeners that use it advertise"
        spellcheck={false}
        value={names}
        onValue={setNames}
      />
      <SelectField
        label="Key"
        value={keyType}
        options={KEY_CHOICES.filter(([value]) => value !== '')}
        hint="Microsoft Teams wants RSA"
        onValue={setKeyType}
      />
      <TextField label="Organisation" hint="Only when the CA asks for it" value={organisation} onValue={setOrganisation} />
    </FormDialog>
  )
}

export const AnswerDialog = ({ path, onClose }: Asked) => {
  const [pasted, setPasted] = useState('')
  const [files, setFiles] = useState<readonly BroughtFile[]>([])
  const brought = sortBrought(files, pasted)
  return (
    <FormDialog
      title="The CA’s answer"
      action="Check and put in force"
      disabled={brought.chain === undefined}
      onClose={onClose}
      onSubmit={async () => {
        await call('POST', `${path}/answer`, { chain: brought.chain })
        told('The new certificate is in force')
        refresh('/certificates')
      }}
    >
      <Field label="Files" hint="The certificate and its intermediates, in any order">
        {(tied) => (
          <input
            class="input"
            type="file"
            multiple
            {...tied}
            onChange={async (event) => {
              const list = [...(event.currentTarget.files ?? [])]
              setFiles(await Promise.all(list.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }))))
            }}
          />
        )}
      </Field>
      <AreaField label="Or paste PEM" spellcheck={false} placeholder="-----BEGIN CERTIFICATE-----" value={pasted} onValue={setPasted} />
      <Found brought={brought} />
    </FormDialog>
  )
}

export const RevokeDialog = ({ path, name, onClose }: Asked & { readonly name: string }) => {
  const [reason, setReason] = useState('0')
  const [typed, setTyped] = useState('')
  return (
    <FormDialog
      title={`Revoke ${name}?`}
      action="Revoke"
      danger
      disabled={typed !== name}
      onClose={onClose}
      onSubmit={async () => {
        await call('POST', `${path}/revoke`, { reason: Number(reason) })
        told(`Certificate ${name} is revoked`)
        refresh('/certificates')
      }}
    >
      <p>
        The CA declares the certificate invalid, for everybody and for good. It stays in use here until another one is there, which is
        ordered at once; until then those who check revocation refuse us.
      </p>
      <SelectField
        label="Reason"
        value={reason}
        options={REVOCATION_REASONS.map(([code, text]) => [String(code), text] as const)}
        onValue={setReason}
      />
      <TextField label={`Type ${name} to confirm`} spellcheck={false} autocomplete="off" value={typed} onValue={setTyped} />
    </FormDialog>
  )
}
