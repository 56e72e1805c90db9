import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { ApiFailure } from '../api/client.ts'
import { type Resource, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { Certificates, Health, ListenerView, State, TeamsView } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { Bar, Sparkline } from '../parts/chart.tsx'
import { Empty, Failure, Loaded, Waiting } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Shape, Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago, useNow } from '../parts/time.tsx'
import { certificatePath } from '../routes.ts'
import { samplesStore } from '../samples.ts'
import { useStore } from '../store.ts'
import { leftText, levelOf, lifeOf, standing } from '../words/certificate.ts'
import { countOf, countText, listText, rateText } from '../words/numbers.ts'
import { hasTeams, type Trouble, troublesOf, verdictOf } from '../words/problems.ts'
import { ratesOf } from '../words/rates.ts'
import { spanText } from '../words/time.ts'
import { mediaLevel, TargetStatus } from './zones.tsx'

/** An edge that is not ready answers 503, and says the same. */
const checksOf = ({ data, failure }: Resource<Health>): Health['checks'] | undefined =>
  data?.checks ?? (failure?.body as Partial<Health> | undefined)?.checks

export const OverviewPage = () => {
  const state = useResource<State>('/state', 'state')
  const certificates = useResource<Certificates>('/certificates', 'certificates')
  const checks = checksOf(useResource<Health>('/health', 'state'))
  const teams = useResource<readonly TeamsView[]>(hasTeams(state.data) ? '/teams' : undefined, 'state').data
  const troubles = troublesOf({ state: state.data, certificates: certificates.data?.certificates, teams, checks })
  return (
    <Page title="Overview">
      <Verdict state={state} troubles={troubles} more={certificates.failure} />
      {state.data !== undefined && <Figures state={state.data} />}
      {state.data !== undefined && !hasTeams(state.data) && <NextStep />}
      <div class="columns">
        <div class="stack">
          <Card title="Listeners" flush>
            <Loaded from={state}>{({ listeners }) => <Listeners listeners={listeners} />}</Loaded>
          </Card>
          <Card title={<a href="#/certificates">Certificates</a>} flush>
            <Loaded from={certificates}>{(data) => <CertificateLines {...data} />}</Loaded>
          </Card>
        </div>
        <div class="stack">
          <Card title={<a href="#/zones">Zones and targets</a>} flush>
            <Loaded from={state}>{(data) => <Zones state={data} />}</Loaded>
          </Card>
          <Card title={<a href="#/zones">Media nodes</a>} flush>
            <Loaded from={state}>{({ media }) => <MediaLines media={media} />}</Loaded>
          </Card>
        </div>
      </div>
    </Page>
  )
}

const Verdict = ({
  state: { data: state, failure, reload },
  troubles,
  more,
}: {
  readonly state: Resource<State>
  readonly troubles: readonly Trouble[]
  readonly more: ApiFailure | undefined
}) => {
  if (state === undefined) {
    if (failure !== undefined) return <Failure failure={failure} retry={reload} />
    return (
      <section class="card">
        <Waiting lines={2} />
      </section>
    )
  }
  const { level, text } = verdictOf(troubles)
  return (
    <section class={`verdict verdict-${level}`} aria-label="How things stand">
      {failure !== undefined && <Failure failure={failure} retry={reload} />}
      <div class="verdict-head">
        <Shape level={level} />
        <div>
          <h2>{text}</h2>
          <Since state={state} />
        </div>
      </div>
      {troubles.length > 0 && (
        <ul class="troubles">
          {troubles.map(({ level: own, text: sentence, remedy, to }) => (
            <li key={sentence}>
              <Shape level={own} named />
              <div class="trouble-text">
                <p>{sentence}</p>
                {remedy !== undefined && <p class="muted">{remedy}</p>}
              </div>
              <TroubleLink to={to} />
            </li>
          ))}
        </ul>
      )}
      {more !== undefined && <p class="muted">Certificates could not be looked at: {more.message}</p>}
    </section>
  )
}

const DISMISSED = 'edgeways-next-step-dismissed'

const isDismissed = (): boolean => {
  try {
    return localStorage.getItem(DISMISSED) !== null
  } catch {
    // A browser that keeps nothing for pages
    return false
  }
}

const dismiss = (): void => {
  try {
    localStorage.setItem(DISMISSED, 'yes')
  } catch {
    // It comes back with the next visit
  }
}

/** From a first start to production; whoever has no Teams sends it away. */
const NextStep = () => {
  const operates = useMay('operator')
  const [gone, setGone] = useState(isDismissed)
  if (gone || !operates) return null
  return (
    <section class="note next-step" aria-label="Next step">
      <div class="note-body">
        <p>
          <strong>Next step:</strong> <a href="#/teams/setup">Connect Teams</a>. The wizard checks name and certificate, and changes nothing
          before you say so.
        </p>
      </div>
      <div class="note-actions">
        <Button
          kind="quiet"
          icon="close"
          bare
          onClick={() => {
            dismiss()
            setGone(true)
          }}
        >
          Dismiss
        </Button>
      </div>
    </section>
  )
}

const NAMES: Readonly<Record<string, string>> = {
  zones: 'Zones',
  teams: 'Teams',
  certificates: 'Certificate',
  configuration: 'Configuration',
  log: 'Log',
}

/** Where something can be done about it, for those who may go there. */
const TroubleLink = ({ to }: { readonly to: string }) => {
  const operates = useMay('operator')
  const page = to.split('/')[1]!
  if (page === '' || (!operates && (page === 'log' || page === 'configuration'))) return null
  return <a href={`#${to}`}>{NAMES[page] ?? 'Look'}</a>
}

const Since = ({ state: { version, phase, uptimeSeconds, lastReload } }: { readonly state: State }) => (
  <p class="muted">
    Edgeways {version}, {phase === 'running' ? `up for ${spanText(uptimeSeconds * 1000)}` : phase}
    {lastReload?.result === 'applied' && (
      <>
        , configuration taken over <Ago at={lastReload.at} />
      </>
    )}
  </p>
)

export const Figure = ({
  name,
  value,
  children,
}: {
  readonly name: string
  readonly value: string
  readonly children?: ComponentChildren
}) => (
  <div class="figure">
    <p class="figure-name">{name}</p>
    <p class="figure-value">{value}</p>
    {children}
  </div>
)

const Figures = ({ state }: { readonly state: State }) => {
  const samples = useStore(samplesStore)
  const rates = ratesOf(samples)
  const transactions = Object.values(state.transactions).reduce((sum, count) => sum + count, 0)
  return (
    <section class="figures" aria-label="Figures of now">
      <Figure name="Calls now" value={countText(state.media.sessions)}>
        <Sparkline values={samples.map(({ calls }) => calls)} label="Calls over the last minutes" />
      </Figure>
      <Figure name="Open connections" value={countText(state.openFlows)}>
        <Sparkline values={samples.map(({ flows }) => flows)} label="Connections over the last minutes" />
      </Figure>
      <Figure name="Registrations" value={countText(state.registrations)} />
      {rates !== undefined && (
        <>
          <Figure name="Call attempts" value={rateText(rates.invites)} />
          <Figure name="Messages received" value={rateText(rates.messages)} />
          <Figure name="Refused" value={rateText(rates.refused)} />
        </>
      )}
      <Figure name="Transactions" value={countText(transactions)} />
    </section>
  )
}

const Listeners = ({ listeners }: { readonly listeners: readonly ListenerView[] }) => (
  <Table
    caption="Listeners"
    rows={listeners}
    keyOf={({ name }) => name}
    level={({ open }) => (open ? undefined : 'error')}
    columns={[
      { head: 'Listener', kind: 'main', cell: ({ name }) => name },
      {
        head: 'Address',
        kind: 'mono',
        cell: ({ bind, advertised }) => (
          <>
            {bind}
            {advertised !== bind && <span class="muted"> as {advertised}</span>}
          </>
        ),
      },
      { head: 'Connections', kind: 'number', cell: ({ transport, flows }) => (transport === 'udp' ? '–' : countText(flows)) },
      { head: 'State', cell: ({ open }) => (open ? <Status level="ok">Open</Status> : <Status level="error">Closed</Status>) },
    ]}
  />
)

const Zones = ({ state: { zones } }: { readonly state: State }) => (
  <Table
    caption="Zones"
    rows={zones}
    keyOf={({ name }) => name}
    columns={[
      {
        head: 'Zone',
        kind: 'main',
        cell: ({ name, kind }) => (
          <>
            {name} <Tag>{kind}</Tag>
          </>
        ),
      },
      {
        head: 'Targets',
        cell: ({ targets }) =>
          targets.length === 0 ? (
            <span class="muted">Whoever registers</span>
          ) : (
            <div class="target-lines">
              {targets.map((target) => (
                <div key={target.name}>
                  <TargetStatus target={target} />
                  <span class="mono">{target.name}</span>
                </div>
              ))}
            </div>
          ),
      },
    ]}
  />
)

const CertificateLines = ({ certificates }: Certificates) => {
  const now = useNow(60_000)
  if (certificates.length === 0) return <Empty title="No certificates">Listeners for TLS and secure WebSockets need one.</Empty>
  return (
    <ul class="lines">
      {certificates.map((certificate) => {
        const level = levelOf(certificate, now)
        const life = lifeOf(certificate, now)
        return (
          <li key={certificate.name}>
            <div class="row row-apart">
              <a class="strong" href={`#${certificatePath(certificate.name)}`}>
                {certificate.name}
              </a>
              <Status level={level}>
                {certificate.validTo === undefined ? standing(certificate, now) : leftText(certificate.validTo, now)}
              </Status>
            </div>
            {life !== undefined && (
              <Bar share={life.elapsed} mark={life.next} level={level} label={`${Math.round(life.elapsed * 100)} % of its life is over`} />
            )}
            <p class="muted small">
              {listText(certificate.hosts)}
              {certificate.next.text !== '' && ` · ${certificate.next.text}`}
            </p>
          </li>
        )
      })}
    </ul>
  )
}

const MediaLines = ({ media }: { readonly media: State['media'] }) => {
  if (media.mode === 'off') return <Empty title="Media is off">Calls go past us: their ends talk to each other directly.</Empty>
  return (
    <>
      {media.nodes.length > 0 && (
        <Table
          caption="Media nodes"
          rows={media.nodes}
          keyOf={({ name }) => name}
          columns={[
            { head: 'Node', kind: 'main', cell: ({ name }) => name },
            { head: 'Calls', kind: 'number', cell: ({ sessions }) => (sessions === undefined ? '–' : countText(sessions)) },
            { head: 'State', cell: (node) => <Status {...mediaLevel(node)} /> },
          ]}
        />
      )}
      {media.nodes.length === 0 && <Empty title="No media node">{media.unavailable}</Empty>}
      {media.deletes > 0 && <p class="card-foot">{countOf(media.deletes, 'call')} that ended wait for rtpengine to confirm it</p>}
    </>
  )
}
