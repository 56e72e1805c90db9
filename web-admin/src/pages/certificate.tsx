import { useState } from 'preact/hooks'
import { apiUrl, call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { Certificates, CertificateVersion, CertificateView } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, ButtonLink, CopyButton } from '../parts/button.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Facts, Page } from '../parts/page.tsx'
import { Note, Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Moment, useNow } from '../parts/time.tsx'
import { keyText, levelOf, SOURCES, stagesOf, standing } from '../words/certificate.ts'
import { readChain } from '../words/chain.ts'
import { dateText, instant, timeText } from '../words/time.ts'
import { AnswerDialog, RequestDialog, RevokeDialog, UploadDialog } from './certificate-dialogs.tsx'
import { ThreeAnswers } from './certificates.tsx'

const BACK = { href: '#/certificates', text: 'Certificates' }

export const CertificatePage = ({ name }: { readonly name: string }) => {
  const certificates = useResource<Certificates>('/certificates', 'certificates')
  const certificate = certificates.data?.certificates.find((one) => one.name === name)
  if (certificate !== undefined) return <Shown certificate={certificate} />
  return (
    <Page title={name} back={BACK}>
      <Loaded from={certificates}>
        {() => <Empty title={`There is no certificate ${name}`}>It may have been taken out of the configuration.</Empty>}
      </Loaded>
    </Page>
  )
}

type Asked = 'upload' | 'request' | 'answer' | 'revoke'

const Shown = ({ certificate }: { readonly certificate: CertificateView }) => {
  const { name, source, problems, order, history, usedBy } = certificate
  const now = useNow(60_000)
  const administers = useMay('admin')
  const operates = useMay('operator')
  const [asked, setAsked] = useState<Asked>()
  const close = (): void => setAsked(undefined)
  const path = `/certificates/${encodeURIComponent(name)}`
  const there = certificate.validTo !== undefined

  const renew = async (): Promise<void> => {
    await call('POST', `${path}/renew`)
    told(`Certificate ${name} is being ordered`)
    refresh('/certificates')
  }

  return (
    <Page
      title={name}
      back={BACK}
      lead={
        <div class="row">
          <Tag>{SOURCES[source]}</Tag>
          <Status level={levelOf(certificate, now)}>{standing(certificate, now)}</Status>
        </div>
      }
      actions={
        <>
          {there && (
            <ButtonLink href={apiUrl(`${path}/chain.pem`)} icon="download" download={`${name}.pem`}>
              Chain
            </ButtonLink>
          )}
          {administers && source === 'acme' && there && (
            <Button kind="danger" onClick={() => setAsked('revoke')}>
              Revoke…
            </Button>
          )}
          {administers && source === 'stored' && <Button onClick={() => setAsked('request')}>New request…</Button>}
          {source === 'stored' && certificate.next.what === 'answer' && (
            <ButtonLink href={apiUrl(`${path}/request.csr`)} icon="download" download={`${name}.csr`}>
              Request
            </ButtonLink>
          )}
          {administers && source === 'stored' && certificate.next.what === 'answer' && (
            <Button kind="primary" onClick={() => setAsked('answer')}>
              Upload the answer…
            </Button>
          )}
          {administers && source === 'stored' && certificate.next.what !== 'answer' && (
            <Button kind="primary" onClick={() => setAsked('upload')}>
              {there ? 'Replace…' : 'Upload…'}
            </Button>
          )}
          {operates && source === 'acme' && (
            <Button kind="primary" icon="again" disabled={order?.running === true} onClick={renew}>
              Renew now
            </Button>
          )}
        </>
      }
    >
      {problems.map(({ severity, text, remedy }) => (
        <Note key={text} level={severity === 'error' ? 'error' : 'warn'} title={text}>
          <p>{remedy}</p>
        </Note>
      ))}
      <section class="card">
        <ThreeAnswers certificate={certificate} />
      </section>
      <div class="columns">
        {order !== undefined && order.steps.length > 0 && <Order order={order} />}
        <div class="stack">
          <Card title="Details">
            <Facts
              of={[
                ['Used by', usedBy.length === 0 ? 'no listener' : usedBy.join(', ')],
                ['Key', certificate.keyType === undefined ? '–' : keyText(certificate.keyType)],
                ['Signed by', certificate.issuer ?? '–'],
                certificate.validFrom !== undefined && ['Valid from', <Moment key="from" at={certificate.validFrom} />],
                certificate.validTo !== undefined && ['Valid until', <Moment key="to" at={certificate.validTo} />],
                certificate.serial !== undefined && [
                  'Serial number',
                  <span key="serial" class="mono">
                    {certificate.serial}
                  </span>,
                ],
                certificate.sha256 !== undefined && [
                  'SHA-256',
                  <span key="sha256" class="fingerprint">
                    <span class="mono">{certificate.sha256.replaceAll(':', ':\u200b')}</span>
                    <CopyButton text={certificate.sha256} what="Fingerprint" />
                  </span>,
                ],
              ]}
            />
          </Card>
          {there && <Chain key={certificate.sha256} path={path} />}
        </div>
      </div>
      <History path={path} history={history} restorable={administers && source !== 'files' && source !== 'development'} />
      {asked === 'upload' && <UploadDialog path={path} onClose={close} />}
      {asked === 'request' && <RequestDialog path={path} hosts={certificate.hosts} onClose={close} />}
      {asked === 'answer' && <AnswerDialog path={path} onClose={close} />}
      {asked === 'revoke' && <RevokeDialog path={path} name={name} onClose={close} />}
    </Page>
  )
}

const STANDINGS = {
  done: { level: 'ok', word: 'Done' },
  running: { level: 'busy', word: 'Under way' },
  failed: { level: 'error', word: 'Failed' },
  waiting: { level: 'off', word: 'To come' },
} as const

/** An order, step by step. */
const Order = ({ order }: { readonly order: NonNullable<CertificateView['order']> }) => {
  const last = order.steps.at(-1)
  return (
    <Card title={order.running ? 'Being ordered' : last?.at === 'failed' ? 'The last order failed' : 'The last order'}>
      <ol class="stages" aria-live="polite">
        {stagesOf(order).map(({ name, standing: how, steps }) => (
          <li key={name} class={`stage stage-${how}`}>
            <Status level={STANDINGS[how].level}>{name}</Status>
            <span class="hidden">: {STANDINGS[how].word}</span>
            {steps.length > 0 && (
              <ul>
                {steps.map(({ time, text, host, at }) => (
                  <li key={`${time} ${at} ${text}`}>
                    <time class="muted mono" dateTime={new Date(time).toISOString()}>
                      {timeText(time)}
                    </time>
                    <span>
                      {host !== undefined && !text.includes(host) && <strong>{host}: </strong>}
                      {text}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ol>
    </Card>
  )
}

const Chain = ({ path }: { readonly path: string }) => {
  const chain = useResource<string>(`${path}/chain.pem`)
  return (
    <Card title="Chain">
      <Loaded from={chain}>
        {(pem) => {
          const links = readChain(pem)
          if (links.length === 0) return <Empty title="The chain cannot be shown">Download it to look at it.</Empty>
          return (
            <ol class="chain">
              {links.map(({ subject, issuer, validTo, selfSigned }) => (
                <li key={`${subject} ${validTo}`}>
                  <strong>{subject}</strong>
                  <p class="muted small">
                    {selfSigned ? 'signed by itself' : `signed by ${issuer}`}, until {dateText(validTo)}
                  </p>
                </li>
              ))}
            </ol>
          )
        }}
      </Loaded>
    </Card>
  )
}

const History = ({
  path,
  history,
  restorable,
}: {
  readonly path: string
  readonly history: readonly CertificateVersion[]
  readonly restorable: boolean
}) => {
  const [asked, setAsked] = useState<CertificateVersion>()
  if (history.length === 0) return null
  return (
    <Card title="Earlier versions" flush>
      <Table
        caption="Earlier versions"
        rows={history}
        keyOf={({ id }) => id}
        columns={[
          { head: 'Serial number', kind: 'mono', cell: ({ serial }) => serial },
          { head: 'Valid until', cell: ({ validTo }) => <Moment at={validTo} />, sort: ({ validTo }) => instant(validTo) },
          { head: 'Replaced', cell: ({ replacedAt }) => <Moment at={replacedAt} />, sort: ({ replacedAt }) => instant(replacedAt) },
          ...(restorable
            ? [
                {
                  head: 'Actions',
                  kind: 'actions' as const,
                  cell: (version: CertificateVersion) => <Button onClick={() => setAsked(version)}>Restore…</Button>,
                },
              ]
            : []),
        ]}
      />
      {asked !== undefined && (
        <FormDialog
          title="Put this version in force again?"
          action="Restore"
          onClose={() => setAsked(undefined)}
          onSubmit={async () => {
            await call('POST', `${path}/restore`, { id: asked.id })
            told('The earlier version is in force again')
            refresh('/certificates')
          }}
        >
          <p>
            The version with serial number <code>{asked.serial}</code>, valid until <Moment at={asked.validTo} />, takes the place of the
            one in use. New connections get it at once; those that are open stay as they are.
          </p>
        </FormDialog>
      )}
    </Card>
  )
}
