import { useState } from 'preact/hooks'
import { useResource } from '../api/resource.ts'
import type { Security } from '../api/types.ts'
import { found, Search } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { countOf, countText } from '../words/numbers.ts'
import { instant } from '../words/time.ts'

export const SecurityPage = () => {
  const security = useResource<Security>('/security', 'state')
  const [search, setSearch] = useState('')
  return (
    <Page
      title="Security"
      lead="Who was refused, and why: sources that no zone admits, forged route state, broken messages"
      actions={<Search what="refusals" value={search} onValue={setSearch} />}
    >
      <Loaded from={security}>
        {({ refusals, bans }) => (
          <>
            {bans.length > 0 && (
              <Card title="Banned sources" aside={countOf(bans.length, 'source')} flush>
                <Table
                  caption="Banned sources"
                  rows={bans}
                  keyOf={({ source }) => source}
                  columns={[
                    {
                      head: 'Source',
                      kind: 'main',
                      cell: ({ source }) => <span class="mono">{source}</span>,
                      sort: ({ source }) => source,
                    },
                    { head: 'Why', cell: ({ why }) => why },
                    { head: 'Since', cell: ({ since }) => <Ago at={since} />, sort: ({ since }) => instant(since) },
                    { head: 'Until', cell: ({ until }) => (until === undefined ? 'further notice' : <Ago at={until} />) },
                  ]}
                />
              </Card>
            )}
            <Refusals refusals={refusals} search={search} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

const Refusals = ({ refusals, search }: Pick<Security, 'refusals'> & { readonly search: string }) => {
  const rows = refusals.filter(({ source, listener, why }) => found(search, source, listener, why))
  return (
    <Card
      title="Refusals"
      aside={countOf(
        refusals.reduce((sum, { count }) => sum + count, 0),
        'request',
      )}
      flush
    >
      {refusals.length === 0 ? (
        <Empty title="Nobody was refused">Requests that the edge turned away appear here, with their source and the reason.</Empty>
      ) : rows.length === 0 ? (
        <Empty title={`Nothing matches “${search}”`} />
      ) : (
        <Table
          caption="Refusals"
          rows={rows}
          keyOf={({ source, listener, why }) => `${source} ${listener} ${why}`}
          columns={[
            { head: 'Source', kind: 'main', cell: ({ source }) => <span class="mono">{source}</span>, sort: ({ source }) => source },
            { head: 'Why', cell: ({ why }) => why, sort: ({ why }) => why },
            { head: 'Listener', cell: ({ listener }) => listener, sort: ({ listener }) => listener },
            { head: 'Times', kind: 'number', cell: ({ count }) => countText(count), sort: ({ count }) => count },
            { head: 'Last', cell: ({ at }) => <Ago at={at} />, sort: ({ at }) => instant(at) },
          ]}
        />
      )}
    </Card>
  )
}
