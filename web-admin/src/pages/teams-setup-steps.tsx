import { useEffect, useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { useMay } from '../api/session.ts'
import type { NameCheck } from '../api/types.ts'
import { Button, ButtonLink, CopyButton } from '../parts/button.tsx'
import { AreaField, Check, Choice, SelectField, TextField, useSettled } from '../parts/field.tsx'
import { Empty, failureText } from '../parts/loaded.tsx'
import { Card } from '../parts/page.tsx'
import { Note, Shape, Status } from '../parts/status.tsx'
import { certificatePath } from '../routes.ts'
import { keep } from '../teams/setup.ts'
import { listText } from '../words/numbers.ts'
import { CLOUDS, verdictStanding } from '../words/teams.ts'
import {
  type CertificateFit,
  chosenFit,
  dnsRecord,
  faultsAt,
  groupsFor,
  nameFault,
  newCertificatePath,
  pbxZones,
  type SetupForm,
} from '../words/teams-setup.ts'
import { StepPage, type StepProps } from './teams-setup.tsx'

/** What the world sees of a name, a moment after the last key. */
const useNameCheck = (name: string) => {
  const settled = useSettled(name)
  const [check, setCheck] = useState<NameCheck>()
  const [failure, setFailure] = useState<unknown>()
  const [running, setRunning] = useState(false)
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    setFailure(undefined)
    if (nameFault(settled) !== undefined) {
      setCheck(undefined)
      return undefined
    }
    const stop = new AbortController()
    setRunning(true)
    call<NameCheck>('POST', '/teams/name', { name: settled }, stop.signal).then(
      (found) => {
        setCheck(found)
        keep({ checked: { name: found.name, verdict: found.verdict } })
        setRunning(false)
      },
      (error: unknown) => {
        if (stop.signal.aborted) return
        setCheck(undefined)
        setFailure(error)
        setRunning(false)
      },
    )
    return () => stop.abort()
  }, [settled, turn])
  return { check: check?.name.toLowerCase() === name.toLowerCase() ? check : undefined, failure, running, again: () => setTurn(turn + 1) }
}

/** Of a step: faults are told once somebody wanted to go on. */
const useTried = ({ faults }: Pick<StepProps, 'faults'>) => {
  const [tried, setTried] = useState(false)
  return { fault: (field: keyof SetupForm) => (tried ? faults[field] : undefined), onRefused: () => setTried(true) }
}

export const NameStep = ({ form, set, faults }: StepProps) => {
  const { fault, onRefused } = useTried({ faults })
  const { check, failure, running, again } = useNameCheck(form.name)
  const shown = form.name === '' ? undefined : nameFault(form.name)
  return (
    <StepPage
      step="name"
      ready={faultsAt('name', faults).length === 0}
      onRefused={onRefused}
      aside={
        <>
          <Card title="At your DNS provider">
            <dl class="teams-record">
              {dnsRecord(form.name === '' ? 'sbc.example.com' : form.name, check).map(([label, value]) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>
                    <span class="mono">{value}</span>
                    {(label !== 'Value' || check?.expected !== undefined) && <CopyButton text={value} what={label} />}
                  </dd>
                </div>
              ))}
            </dl>
            <p class="muted small">
              One record alone: Microsoft does not support several addresses behind one name. Some providers want only what stands before
              your domain.
            </p>
          </Card>
          <Card title="In your tenant">
            <p class="small">
              The domain of the name has to be verified in Microsoft 365, with at least one licensed user in it. For sbc.example.com that is
              example.com. A new domain takes up to a day.
            </p>
          </Card>
        </>
      }
    >
      <Card>
        <div class="stack">
          <TextField
            label="Public name of this edge"
            hint="Under this name the hubs find it, and it stands in its certificate"
            placeholder="sbc.example.com"
            spellcheck={false}
            autocapitalize="off"
            error={shown ?? fault('name')}
            value={form.name}
            onValue={(name) => set({ name: name.trim() })}
          />
          <div role="status" class="teams-check">
            {running && check === undefined && <Status level="busy">Asking name servers for {form.name}</Status>}
            {check !== undefined && (
              <Note
                level={verdictStanding(check.verdict).level}
                title={check.finding}
                actions={
                  <Button icon="again" busy={running} onClick={again}>
                    Check again
                  </Button>
                }
              >
                {check.remedy !== undefined && <p>{check.remedy}</p>}
                {check.addresses.some((address) => !check.finding.includes(address)) && check.verdict !== 'good' && (
                  <p class="muted">
                    It leads to <span class="mono">{check.addresses.join(', ')}</span>
                  </p>
                )}
              </Note>
            )}
          </div>
          {failure !== undefined && (
            <Note
              level="error"
              title="The name could not be looked at"
              actions={
                <Button icon="again" onClick={again}>
                  Try again
                </Button>
              }
            >
              <p>{failureText(failure)}</p>
            </Note>
          )}
        </div>
      </Card>
      <Card>
        <div class="stack">
          <SelectField
            label="Microsoft’s cloud"
            hint="Worldwide, unless yours is a tenant of the US government"
            value={form.cloud}
            options={CLOUDS}
            onValue={(cloud) => set({ cloud, ...(cloud !== 'worldwide' && { port: '5061' }) })}
          />
          <TextField
            label="Public port"
            hint={form.cloud === 'worldwide' ? 'The hubs connect there with TLS' : 'This cloud reaches port 5061 alone'}
            inputMode="numeric"
            error={fault('port')}
            value={form.port}
            onValue={(port) => set({ port: port.trim() })}
          />
          <TextField
            label="Local address"
            hint="Empty: that of another listener, or the first of this machine, whatever is not loopback"
            spellcheck={false}
            placeholder="10.0.0.5"
            value={form.bind}
            onValue={(bind) => set({ bind: bind.trim() })}
          />
        </div>
      </Card>
    </StepPage>
  )
}

export const CertificateStep = ({ form, set, faults, fits }: StepProps) => {
  const { fault, onRefused } = useTried({ faults })
  const missing = fault('certificate')
  const administers = useMay('admin')
  const chosen = chosenFit(form, fits)
  const named = nameFault(form.name) === undefined
  const covering = fits.filter(({ covers }) => covers)
  const others = fits.filter(({ covers }) => !covers)
  return (
    <StepPage
      step="certificate"
      ready={chosen !== undefined && chosen.level !== 'error'}
      onRefused={onRefused}
      aside={
        <Card title="What Microsoft wants of it">
          <ul class="bullets small">
            <li>From a public CA of Microsoft’s Trusted Root Program, such as Let’s Encrypt or DigiCert</li>
            <li>The name itself among its names, or a wildcard that stands for its first label</li>
            <li>An RSA key of 2048 bits or more: with ECDSA there is no common cipher</li>
            <li>All intermediates with it; orders and uploads here see to that</li>
            <li>In GCC High and DoD from DigiCert alone</li>
          </ul>
        </Card>
      }
    >
      <Card title={named ? `Certificates for ${form.name}` : 'Certificates'}>
        {!named ? (
          <p>
            Which certificate serves depends on <a href="#/teams/setup/name">the name</a>, which is not there yet.
          </p>
        ) : covering.length === 0 ? (
          <Empty title={`No certificate has the name ${form.name}`}>
            <p>
              {administers
                ? 'Order one here, upload one, or make a request for your CA.'
                : 'Somebody with the role admin can add one here.'}
            </p>
          </Empty>
        ) : (
          <fieldset class="choice">
            <legend class="hidden">Certificate</legend>
            {covering.map((fit) => (
              <FitOption
                key={fit.certificate.name}
                fit={fit}
                checked={fit === chosen}
                onChoose={() => set({ certificate: fit.certificate.name })}
              />
            ))}
          </fieldset>
        )}
        {missing !== undefined && (
          <div role="alert">
            <Note level="error" title={missing} />
          </div>
        )}
        {named && administers && (
          <p class="teams-new">
            <ButtonLink href={`#${newCertificatePath(form.name)}`} icon="plus">
              {`New certificate for ${form.name}`}
            </ButtonLink>
          </p>
        )}
        {named && others.length > 0 && (
          <details>
            <summary>Why not another one?</summary>
            <ul class="troubles">
              {others.map(({ certificate, text, remedy }) => (
                <li key={certificate.name}>
                  <Shape level="off" />
                  <div class="trouble-text">
                    <p>
                      <a href={`#${certificatePath(certificate.name)}`}>{certificate.name}</a>: {text}
                    </p>
                    {remedy !== undefined && <p class="muted">{remedy}</p>}
                  </div>
                </li>
              ))}
            </ul>
          </details>
        )}
      </Card>
    </StepPage>
  )
}

const FitOption = ({
  fit: { certificate, level, text, remedy },
  checked,
  onChoose,
}: {
  readonly fit: CertificateFit
  readonly checked: boolean
  readonly onChoose: () => void
}) => (
  <label class="choice-option">
    <input type="radio" name="teams-certificate" checked={checked} disabled={level === 'error'} onChange={onChoose} />
    <span class="teams-fit">
      <strong>{certificate.name}</strong>
      <Status level={level}>{text}</Status>
      {remedy !== undefined && <span class="choice-text">{remedy}</span>}
      <span class="choice-text small">
        {listText(certificate.hosts, 4)}
        {certificate.issuer !== undefined && `, by ${certificate.issuer}`} · <a href={`#${certificatePath(certificate.name)}`}>Look</a>
      </span>
    </span>
  </label>
)

const PBX = [
  { value: 'zone', label: 'A zone that is there', text: 'Its targets get the calls of Teams users.' },
  { value: 'new', label: 'A new one, by its address', text: 'A zone is made for it.' },
] as const

export const PbxStep = ({ form, set, faults, state }: StepProps) => {
  const { fault, onRefused } = useTried({ faults })
  const zones = state === undefined ? [] : pbxZones(state)
  const groups = state === undefined ? [] : groupsFor(state)
  return (
    <StepPage
      step="pbx"
      ready={faultsAt('pbx', faults).length === 0}
      onRefused={onRefused}
      aside={
        <Card title="Numbers">
          <p class="small">
            Calls of the PBX to these numbers go to Teams, everything that Teams calls goes to the PBX. Each number also has to be assigned
            to a user in Microsoft 365; the lines for that come two steps from here.
          </p>
          <dl class="teams-record small">
            <div>
              <dt class="mono">x</dt>
              <dd>one digit</dd>
            </div>
            <div>
              <dt class="mono">*</dt>
              <dd>at the end: any digits</dd>
            </div>
          </dl>
        </Card>
      }
    >
      <Card>
        <div class="stack">
          <Choice legend="Where is the PBX?" value={form.pbx} options={PBX} onValue={(pbx) => set({ pbx })} />
          {form.pbx === 'zone' ? (
            zones.length === 0 ? (
              <Note level="warn" title="There is no zone for a PBX yet">
                <p>Take its address instead.</p>
              </Note>
            ) : (
              <SelectField
                label="Zone"
                error={fault('zone')}
                value={form.zone}
                options={[
                  ...(form.zone === '' ? [['', 'Choose one'] as const] : []),
                  ...zones.map(
                    ({ name, targets }) =>
                      [name, targets.length === 0 ? name : `${name}: ${listText(targets.map((target) => target.name))}`] as const,
                  ),
                ]}
                onValue={(zone) => set({ zone })}
              />
            )
          ) : (
            <>
              <TextField
                label="SIP URI of the PBX"
                placeholder="sip:10.0.0.20:5060;transport=udp"
                spellcheck={false}
                error={fault('uri')}
                value={form.uri}
                onValue={(uri) => set({ uri: uri.trim() })}
              />
              <SelectField
                label="Reached by the listener"
                error={fault('listener')}
                value={form.listener}
                options={[
                  ...(form.listener === '' ? [['', 'Choose one'] as const] : []),
                  ...groups.map((group) => [group, group] as const),
                ]}
                onValue={(listener) => set({ listener })}
              />
            </>
          )}
        </div>
      </Card>
      <Card>
        <div class="stack">
          <AreaField
            label="Numbers of your Teams users"
            hint="One number or pattern in a line, with + and the country code"
            placeholder={'+4420794601xx\n+442079460200'}
            spellcheck={false}
            inputMode="tel"
            error={fault('numbers')}
            value={form.numbers}
            onValue={(numbers) => set({ numbers })}
          />
          <TextField
            label="Country code"
            hint="When the PBX sends national numbers such as 020…: they become +44… for Teams. Empty: it sends + itself"
            placeholder="44"
            inputMode="numeric"
            error={fault('country')}
            value={form.country}
            onValue={(country) => set({ country: country.trim().replace(/^(?:\+|00)/, '') })}
          />
        </div>
      </Card>
      <Card>
        <div class="stack">
          <Check label="Media bypass" checked={form.bypass} onValue={(bypass) => set({ bypass })} />
          <p class="muted small">
            Sound goes from the clients of Teams straight to this edge instead of through Microsoft. Shorter ways, but the media ports have
            to be open to everybody. Without it, calls work all the same: begin so.
          </p>
        </div>
      </Card>
    </StepPage>
  )
}
