import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import type { CallLegView, Calls, PastCall, PastCalls } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { found, Search } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page, Parts } from '../parts/page.tsx'
import { Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Moment, Running } from '../parts/time.tsx'
import { callPath } from '../routes.ts'
import { countOf } from '../words/numbers.ts'
import { howText, KINDS, verdictOfQuality } from '../words/quality.ts'
import { instant, spanText } from '../words/time.ts'

export const CallsPage = ({ part }: { readonly part: 'now' | 'past' }) => {
  const [search, setSearch] = useState('')
  return (
    <Page title="Calls" actions={<Search what="calls" value={search} onValue={setSearch} />}>
      <Parts
        label="Calls"
        parts={[
          { href: '#/calls', text: 'Now', current: part === 'now' },
          { href: '#/calls/past', text: 'Past', current: part === 'past' },
        ]}
      />
      {part === 'now' ? <Now search={search} /> : <Past search={search} />}
    </Page>
  )
}

export const Leg = ({ leg: { zone, kind } }: { readonly leg: CallLegView }) => (
  <>
    {zone} <Tag>{KINDS[kind]}</Tag>
  </>
)

const toCall = (id: string, text: ComponentChildren): ComponentChildren => (
  <a class="mono call-id" href={`#${callPath(id)}`}>
    {text}
  </a>
)

const Now = ({ search }: { readonly search: string }) => {
  const calls = useResource<Calls>('/calls', 'calls')
  return (
    <Card flush>
      <Loaded from={calls}>
        {({ calls: all, total }) => {
          const rows = all.filter(({ callId, from, to, node, codec }) => found(search, callId, from.zone, to.zone, node, codec))
          if (all.length === 0)
            return (
              <Empty title="No calls at the moment">
                Calls appear here as soon as they ring. <a href="#/calls/past">Past calls</a>
              </Empty>
            )
          if (rows.length === 0) return <Empty title={`Nothing among ${countOf(all.length, 'call')} matches “${search}”`} />
          return (
            <>
              <Table
                caption="Calls now"
                rows={rows}
                keyOf={({ id }) => id}
                columns={[
                  { head: 'Call', kind: 'main', cell: ({ id, callId }) => toCall(id, callId) },
                  { head: 'From', cell: ({ from }) => <Leg leg={from} />, sort: ({ from }) => from.zone },
                  { head: 'To', cell: ({ to }) => <Leg leg={to} />, sort: ({ to }) => to.zone },
                  {
                    head: 'State',
                    cell: ({ state }) => (state === 'up' ? <Status level="ok">Talking</Status> : <Status level="busy">Ringing</Status>),
                    sort: ({ state }) => state,
                  },
                  { head: 'For', kind: 'number', cell: ({ since }) => <Running at={since} />, sort: ({ since }) => -instant(since) },
                  { head: 'Codec', cell: ({ codec }) => codec ?? '–', sort: ({ codec = '' }) => codec },
                  { head: 'Media node', cell: ({ node }) => node, sort: ({ node }) => node },
                ]}
              />
              {total > all.length && (
                <p class="card-foot">
                  The newest {all.length} of {countOf(total, 'call')}
                </p>
              )}
            </>
          )
        }}
      </Loaded>
    </Card>
  )
}

const PAGE = 100

const Past = ({ search }: { readonly search: string }) => {
  const first = useResource<PastCalls>(`/calls/past?limit=${PAGE}`, 'calls')
  const [older, setOlder] = useState<readonly PastCall[]>([])
  const [end, setEnd] = useState(false)
  return (
    <Card flush>
      <Loaded from={first}>
        {({ calls }) => {
          // New calls push others from the first page onto the second
          const known = new Set(calls.map(({ id }) => id))
          const all = [...calls, ...older.filter(({ id }) => !known.has(id))]
          const rows = all.filter(({ callId, from, to, how }) => found(search, callId, from.zone, to.zone, how))
          const more = async (): Promise<void> => {
            const page = await call<PastCalls>('GET', `/calls/past?limit=${PAGE}&before=${encodeURIComponent(all.at(-1)!.id)}`)
            setOlder([...all.slice(calls.length), ...page.calls])
            setEnd(page.calls.length < PAGE)
          }
          if (all.length === 0)
            return (
              <Empty title="No calls have ended yet">Calls that were up stand here after their end, with the quality of their media.</Empty>
            )
          return (
            <>
              {rows.length === 0 ? (
                <Empty title={`Nothing among ${countOf(all.length, 'call')} matches “${search}”`} />
              ) : (
                <Table
                  caption="Past calls"
                  rows={rows}
                  keyOf={({ id }) => id}
                  columns={[
                    { head: 'Call', kind: 'main', cell: ({ id, callId }) => toCall(id, callId) },
                    { head: 'From', cell: ({ from }) => <Leg leg={from} />, sort: ({ from }) => from.zone },
                    { head: 'To', cell: ({ to }) => <Leg leg={to} />, sort: ({ to }) => to.zone },
                    { head: 'Began', cell: ({ startedAt }) => <Moment at={startedAt} />, sort: ({ startedAt }) => instant(startedAt) },
                    { head: 'Lasted', kind: 'number', cell: ({ seconds }) => spanText(seconds * 1000), sort: ({ seconds }) => seconds },
                    { head: 'Ended', cell: ({ how, by }) => howText(how, by), sort: ({ how }) => how },
                    {
                      head: 'Quality',
                      cell: ({ quality }) => {
                        const { level, text } = verdictOfQuality(quality)
                        return <Status level={level}>{text}</Status>
                      },
                      sort: ({ quality }) => Math.min(9, ...(quality?.legs ?? []).map(({ mos = 8 }) => mos)),
                    },
                  ]}
                />
              )}
              {calls.length === PAGE && !end && (
                <p class="card-foot">
                  <Button onClick={more}>Older calls</Button>
                </p>
              )}
            </>
          )
        }}
      </Loaded>
    </Card>
  )
}
