import { type ComponentChildren, Fragment } from 'preact'
import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { AskerView, PeerTargetView, TeamsView } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page, Parts } from '../parts/page.tsx'
import { Shape, Status, Tag } from '../parts/status.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Ago, Moment, useNow } from '../parts/time.tsx'
import { usePlace } from '../place.ts'
import { certificatePath, doctorPath, type TeamsPart } from '../routes.ts'
import { countOf, countText, listText, tookText } from '../words/numbers.ts'
import { answerStanding, cloudText, hubStanding, standingOf } from '../words/teams.ts'
import { instant } from '../words/time.ts'
import { Figure } from './overview.tsx'
import { DoctorPage } from './teams-doctor.tsx'
import { SetupPage } from './teams-setup.tsx'
import { DrainButton } from './zones.tsx'
import '../style/teams.css'

/** Microsoft Teams: how things stand, the doctor, and the wizard that connects them. */
export const TeamsPages = () => {
  const place = usePlace()
  const operates = useMay('operator')
  if (place.page !== 'teams') return null
  const part = (name: TeamsPart, text: string) => ({
    href: name === 'status' ? '#/teams' : `#/teams/${name}`,
    text,
    current: place.part === name,
  })
  const parts = (
    <Parts
      label="Microsoft Teams"
      parts={[part('status', 'Status'), part('doctor', 'Doctor'), ...(operates ? [part('setup', 'Connect Teams')] : [])]}
    />
  )
  if (place.part === 'doctor') return <DoctorPage zone={place.of} parts={parts} />
  if (place.part === 'setup') return <SetupPage step={place.of} parts={parts} />
  return <StatusPage parts={parts} />
}

const StatusPage = ({ parts }: { readonly parts: ComponentChildren }) => {
  const teams = useResource<readonly TeamsView[]>('/teams', 'state')
  const [exact, setExact] = useState(false)
  const there = (teams.data?.length ?? 0) > 0
  return (
    <Page
      title="Microsoft Teams"
      lead="How the hubs of Direct Routing and this edge see each other"
      actions={
        there && (
          <Button pressed={exact} title="Times of day instead of how long ago" onClick={() => setExact(!exact)}>
            Exact times
          </Button>
        )
      }
    >
      {parts}
      <Loaded from={teams} lines={10}>
        {(views) => (views.length === 0 ? <Nothing /> : views.map((view) => <Zone key={view.peering.zone} view={view} exact={exact} />))}
      </Loaded>
    </Page>
  )
}

const Nothing = () => {
  const operates = useMay('operator')
  return (
    <div class="card">
      <Empty title="Teams is not connected">
        <p class="teams-invitation">
          With Direct Routing, Microsoft Teams makes and takes calls through this edge and your PBX. You need a public name with a
          certificate for it, and a Microsoft 365 tenant whose users are licensed for telephony. The wizard leads there step by step, checks
          each of them, and changes nothing before you say so.
        </p>
        {operates ? (
          <ButtonLink href="#/teams/setup" kind="primary" icon="right">
            Connect Teams
          </ButtonLink>
        ) : (
          <p>Connecting it needs the role operator, and admin to apply it.</p>
        )}
      </Empty>
    </div>
  )
}

interface Shown {
  readonly view: TeamsView
  /** Times of day instead of how long ago. */
  readonly exact: boolean
}

/** Long names break at their dots. */
const Host = ({ of }: { readonly of: string }) => (
  <span class="teams-host">
    {of.split('.').map((label, index) => (
      <Fragment key={index}>
        {index > 0 && <wbr />}
        {index > 0 && '.'}
        {label}
      </Fragment>
    ))}
  </span>
)

const When = ({ at, exact }: { readonly at: string; readonly exact: boolean }) => (exact ? <Moment at={at} /> : <Ago at={at} />)

const Zone = ({ view, exact }: Shown) => {
  const { zone } = view.peering
  return (
    <section class="teams-zone" aria-label={`Zone ${zone}`}>
      <Verdict view={view} />
      <Figures view={view} />
      <Hubs view={view} exact={exact} />
      <Regions view={view} exact={exact} />
    </section>
  )
}

const NEXT: Readonly<Record<NonNullable<TeamsView['next']>['page'], string>> = {
  certificates: 'To the certificate',
  doctor: 'To the doctor',
  setup: 'To the wizard',
  configuration: 'To the configuration',
  network: 'To the doctor',
}

const nextHref = (page: NonNullable<TeamsView['next']>['page'], { peering, certificate }: TeamsView): string => {
  switch (page) {
    case 'certificates':
      return certificate.name === '' ? '#/certificates' : `#${certificatePath(certificate.name)}`
    case 'setup':
    case 'configuration':
      return page === 'setup' ? '#/teams/setup' : '#/configuration'
    default:
      // What is wrong between us and them is what the doctor looks at
      return `#${doctorPath(peering.zone)}`
  }
}

const Verdict = ({ view }: Pick<Shown, 'view'>) => {
  const now = useNow(10_000)
  const { peering, cloud, next } = view
  const { level, text } = standingOf(view, now)
  return (
    <div class={`verdict verdict-${level}`}>
      <div class="verdict-head">
        <Shape level={level} named />
        <div>
          <h2>{text}</h2>
          <p class="muted">
            Zone {peering.zone} <Tag>{cloudText(cloud)}</Tag> as{' '}
            <span class="mono">
              {peering.name}:{peering.port}
            </span>
          </p>
        </div>
      </div>
      {next !== undefined && (
        <div class="teams-next">
          <p>
            <strong>Next:</strong> {next.text}
          </p>
          {/* Hubs are taken in again on this very page */}
          {!peering.targets.every(({ drain }) => drain) && (
            <ButtonLink href={nextHref(next.page, view)} kind="primary" icon="right">
              {NEXT[next.page]}
            </ButtonLink>
          )}
        </div>
      )}
    </div>
  )
}

const certificateLevel = ({ daysLeft, problems }: TeamsView['certificate']): 'ok' | 'warn' | 'error' =>
  daysLeft < 0 ? 'error' : problems.length > 0 || daysLeft < 30 ? 'warn' : 'ok'

const daysText = (daysLeft: number): string => (daysLeft < 0 ? `over for ${countOf(-daysLeft, 'day')}` : `${countOf(daysLeft, 'day')} left`)

const Figures = ({ view: { peering, certificate, roots } }: Pick<Shown, 'view'>) => (
  <div class="figures teams-figures">
    <Figure name="Calls up" value={countText(peering.calls)} />
    <Figure name="Connections in" value={countText(peering.connections.inbound)} />
    <Figure name="Connections out" value={countText(peering.connections.outbound)} />
    <div class="figure teams-wide">
      <p class="figure-name">Certificate</p>
      {certificate.name === '' ? (
        <Status level="error">None</Status>
      ) : (
        <p class="row">
          <a class="strong" href={`#${certificatePath(certificate.name)}`}>
            {certificate.name}
          </a>
          <Status level={certificateLevel(certificate)}>{daysText(certificate.daysLeft)}</Status>
        </p>
      )}
      <ul class="small">
        {certificate.problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </div>
    <div class="figure teams-wide">
      <p class="figure-name">Microsoft’s roots</p>
      {roots.missing.length === 0 ? (
        <Status level="ok">All are accepted</Status>
      ) : (
        <Status level="warn">{roots.missing.length} missing</Status>
      )}
      {roots.missing.length > 0 && <p class="small">Not accepted: {listText(roots.missing, 7)}</p>}
      {roots.expiring.length > 0 && <p class="small">Over in less than a year: {listText(roots.expiring, 7)}</p>}
    </div>
  </div>
)

const Hubs = ({ view: { peering }, exact }: Shown) => {
  const operates = useMay('operator')
  const now = useNow(10_000)
  const drain = async ({ name, drain: drains }: PeerTargetView): Promise<void> => {
    await call('POST', `/zones/${encodeURIComponent(peering.zone)}/targets/${encodeURIComponent(name)}/drain`, { drain: !drains })
    told(drains ? `${name} takes calls again` : `${name} gets no new calls; those it has go on`)
    refresh('/teams', '/state')
  }
  const columns: readonly (Column<PeerTargetView> | false)[] = [
    {
      head: 'Hub',
      kind: 'main',
      cell: ({ host, port, name }) => (
        <>
          <Host of={port === 5061 ? host : `${host}:${port}`} />
          {name !== host && !name.includes(host) && <p class="muted small">{name}</p>}
        </>
      ),
    },
    {
      head: 'State',
      cell: (hub) => {
        const { level, text } = hubStanding(hub, now)
        return (
          <>
            <Status level={level}>{text}</Status>
            {hub.reason !== undefined && <p class="muted small">{hub.reason}</p>}
            {hub.busyUntil !== undefined && instant(hub.busyUntil) > now && (
              <p class="muted small">
                gets no calls until <When at={hub.busyUntil} exact={exact} />, as it asked
              </p>
            )}
          </>
        )
      },
    },
    {
      head: 'Asked by us',
      cell: ({ sentAt, nextAt }) => (
        <>
          {sentAt === undefined ? <span class="muted">never</span> : <When at={sentAt} exact={exact} />}
          {nextAt !== undefined && (
            <p class="muted small">
              {instant(nextAt) <= Date.now() ? (
                'the next one is due'
              ) : (
                <>
                  next <When at={nextAt} exact={exact} />
                </>
              )}
            </p>
          )}
        </>
      ),
    },
    {
      head: 'Its answer',
      cell: (hub) => {
        const { level, text } = answerStanding(hub)
        return (
          <>
            <Status level={level}>{text}</Status>
            {hub.answeredAt !== undefined && (
              <p class="muted small">
                <When at={hub.answeredAt} exact={exact} />
              </p>
            )}
          </>
        )
      },
    },
    { head: 'Round trip', kind: 'number', cell: ({ optionsSeconds }) => (optionsSeconds === undefined ? '–' : tookText(optionsSeconds)) },
    {
      head: 'Connections',
      kind: 'number',
      cell: ({ connections, oldestConnection }) => (
        <>
          {countText(connections)}
          {oldestConnection !== undefined && (
            <p class="muted small">
              oldest <When at={oldestConnection} exact={exact} />
            </p>
          )}
        </>
      ),
    },
    operates && { head: 'Actions', kind: 'actions', cell: (hub) => <DrainButton drains={hub.drain} onClick={() => drain(hub)} /> },
  ]
  return (
    <Card flush title="Hubs" aside="OPTIONS, connections and calls from us to them">
      <Table
        caption={`Hubs of zone ${peering.zone}`}
        rows={peering.targets}
        keyOf={({ name }) => name}
        level={(hub) => {
          const { level } = hubStanding(hub, now)
          return level === 'error' || level === 'warn' ? level : undefined
        }}
        columns={columns.filter((column) => column !== false)}
      />
    </Card>
  )
}

const Regions = ({ view: { peering }, exact }: Shown) => {
  const columns: readonly Column<AskerView>[] = [
    { head: 'Region', kind: 'main', cell: ({ host }) => <Host of={host} /> },
    { head: 'Asked us', cell: ({ lastAt }) => <When at={lastAt} exact={exact} /> },
    { head: 'How often', kind: 'number', cell: ({ count }) => countText(count) },
    { head: 'From', kind: 'mono', cell: ({ addresses }) => addresses.map((address) => <div key={address}>{address}</div>) },
    { head: 'Certificate', cell: ({ names }) => names.map((name) => <div key={name}>{name}</div>) },
  ]
  return (
    <Card flush title="Regions that ask us" aside="OPTIONS from them to us">
      {peering.askers.length === 0 ? (
        <Empty title="Nobody has asked us yet">
          <p class="teams-invitation">
            Microsoft begins a few minutes after the SBC was entered in the tenant and has seen OPTIONS from here. If it does not, the{' '}
            <a href={`#${doctorPath(peering.zone)}`}>doctor</a> looks for the reason.
          </p>
        </Empty>
      ) : (
        <Table caption={`Regions that ask zone ${peering.zone}`} rows={peering.askers} keyOf={({ host }) => host} columns={columns} />
      )}
    </Card>
  )
}
