import type { ComponentChildren } from 'preact'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { MediaNodeView, State, TargetView, ZoneView } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Note, Status, Tag } from '../parts/status.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { countText, listText, tookText } from '../words/numbers.ts'
import type { Level } from '../words/status.ts'

export const TargetStatus = ({ target: { health, drain } }: { readonly target: TargetView }) => {
  if (health === 'down') return <Status level="error">Down</Status>
  if (drain) return <Status level="off">Draining</Status>
  return health === 'up' ? <Status level="ok">Up</Status> : <Status level="off">Not probed</Status>
}

const MEDIA_STATES: Readonly<Record<MediaNodeView['state'], { readonly level: Level; readonly children: string }>> = {
  up: { level: 'ok', children: 'Up' },
  suspect: { level: 'warn', children: 'Being looked at' },
  down: { level: 'error', children: 'Down' },
  drain: { level: 'off', children: 'Draining' },
}

/** The properties of a `Status`. */
export const mediaLevel = ({ state }: MediaNodeView): { readonly level: Level; readonly children: string } => MEDIA_STATES[state]

const Why = ({ reason, children }: { readonly reason: string | undefined; readonly children: ComponentChildren }) => (
  <>
    {children}
    {reason !== undefined && <p class="muted small">{reason}</p>}
  </>
)

export const ZonesPage = () => {
  const state = useResource<State>('/state', 'state')
  return (
    <Page title="Zones and targets" lead="The sides of the edge, and where their calls go">
      <Loaded from={state} lines={8}>
        {({ zones, media }) => (
          <>
            {zones.length === 0 && <Empty title="There are no zones">Add them to the configuration.</Empty>}
            {zones.map((zone) => (
              <Zone key={zone.name} zone={zone} />
            ))}
            <Media media={media} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

const Zone = ({ zone: { name, kind, listeners, targets } }: { readonly zone: ZoneView }) => {
  const operates = useMay('operator')
  const drain = async (target: TargetView): Promise<void> => {
    await call('POST', `/zones/${encodeURIComponent(name)}/targets/${encodeURIComponent(target.name)}/drain`, { drain: !target.drain })
    told(target.drain ? `${target.name} takes calls again` : `${target.name} gets no new calls; those it has go on`)
    refresh('/state')
  }
  const columns: readonly (Column<TargetView> | false)[] = [
    { head: 'Target', kind: 'main', cell: (target) => <span class="mono">{target.name}</span>, sort: (target) => target.name },
    {
      head: 'State',
      cell: (target) => (
        <Why reason={target.reason}>
          <TargetStatus target={target} />
        </Why>
      ),
      sort: ({ health }) => health,
    },
    {
      head: 'Answers in',
      kind: 'number',
      cell: ({ optionsSeconds }) => (optionsSeconds === undefined ? '–' : tookText(optionsSeconds)),
      sort: ({ optionsSeconds = 0 }) => optionsSeconds,
    },
    operates && { head: 'Actions', kind: 'actions', cell: (target) => <DrainButton drains={target.drain} onClick={() => drain(target)} /> },
  ]
  return (
    <Card
      flush
      title={
        <>
          {name} <Tag>{kind}</Tag>
        </>
      }
      aside={`on ${listText(listeners, 6)}`}
    >
      {targets.length === 0 ? (
        <p class="card-foot">No targets: calls to this zone go to whoever has registered through it.</p>
      ) : (
        <Table
          caption={`Targets of zone ${name}`}
          even
          rows={targets}
          keyOf={(target) => target.name}
          level={({ health }) => (health === 'down' ? 'error' : undefined)}
          columns={columns.filter((column) => column !== false)}
        />
      )}
    </Card>
  )
}

export const DrainButton = ({ drains, onClick }: { readonly drains: boolean; readonly onClick: () => Promise<void> }) => (
  <Button
    icon={drains ? 'play' : 'pause'}
    title={drains ? 'New calls come here again' : 'No new calls come here; those there are go on'}
    onClick={onClick}
  >
    {drains ? 'Take back' : 'Drain'}
  </Button>
)

const Media = ({ media }: { readonly media: State['media'] }) => {
  const operates = useMay('operator')
  const drain = async ({ name, state }: MediaNodeView): Promise<void> => {
    const drains = state === 'drain'
    await call('POST', `/media/nodes/${encodeURIComponent(name)}/drain`, { drain: !drains })
    told(drains ? `${name} takes calls again` : `${name} gets no new calls; those it has go on`)
    refresh('/state')
  }
  const columns: readonly (Column<MediaNodeView> | false)[] = [
    { head: 'Node', kind: 'main', cell: ({ name }) => name, sort: ({ name }) => name },
    {
      head: 'State',
      cell: (node) => (
        <Why reason={node.reason}>
          <Status {...mediaLevel(node)} />
        </Why>
      ),
      sort: ({ state }) => state,
    },
    { head: 'Set', cell: ({ set }) => set },
    { head: 'Address', kind: 'mono', cell: ({ address }) => address },
    { head: 'Weight', kind: 'number', cell: ({ weight }) => weight },
    {
      head: 'Calls',
      kind: 'number',
      cell: ({ sessions }) => (sessions === undefined ? '–' : countText(sessions)),
      sort: ({ sessions = 0 }) => sessions,
    },
    { head: 'Answers in', kind: 'number', cell: ({ pingSeconds }) => (pingSeconds === undefined ? '–' : tookText(pingSeconds)) },
    operates && {
      head: 'Actions',
      kind: 'actions',
      cell: (node) => <DrainButton drains={node.state === 'drain'} onClick={() => drain(node)} />,
    },
  ]
  return (
    <Card flush title="Media nodes" aside={media.mode === 'local' ? 'run by Edgeways itself' : undefined}>
      {media.unavailable !== undefined && (
        <Note level="error" title="New calls get no media">
          <p>{media.unavailable}</p>
        </Note>
      )}
      {media.mode === 'off' ? (
        <p class="card-foot">Media is off: the ends of a call talk to each other directly.</p>
      ) : (
        media.nodes.length > 0 && (
          <Table
            caption="Media nodes"
            rows={media.nodes}
            keyOf={({ name }) => name}
            level={({ state }) => (state === 'down' ? 'error' : state === 'suspect' ? 'warn' : undefined)}
            columns={columns.filter((column) => column !== false)}
          />
        )
      )}
    </Card>
  )
}
