import { useState } from 'preact/hooks'
import { useResource } from '../api/resource.ts'
import type { Registrations } from '../api/types.ts'
import { found, Search } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { countOf } from '../words/numbers.ts'
import { instant } from '../words/time.ts'

export const RegistrationsPage = () => {
  const registrations = useResource<Registrations>('/registrations', 'state')
  const [search, setSearch] = useState('')
  return (
    <Page
      title="Registrations"
      lead="Phones and browsers that registered through the edge, and the connection that they are reached by"
      actions={<Search what="registrations" value={search} onValue={setSearch} />}
    >
      <Card flush>
        <Loaded from={registrations}>
          {({ registrations: all }) => {
            const rows = all.filter(({ contact, zone, listener, remote }) => found(search, contact, zone, listener, remote))
            if (all.length === 0)
              return (
                <Empty title="Nobody is registered">
                  Phones and browsers appear here once they have registered with the server behind the edge, through one of its listeners.
                </Empty>
              )
            if (rows.length === 0) return <Empty title={`Nothing among ${countOf(all.length, 'registration')} matches “${search}”`} />
            return (
              <Table
                caption="Registrations"
                rows={rows}
                keyOf={({ identity, contact, remote }) => `${identity} ${contact} ${remote}`}
                columns={[
                  {
                    head: 'Contact',
                    kind: 'main',
                    cell: ({ contact }) => <span class="mono">{contact}</span>,
                    sort: ({ contact }) => contact,
                  },
                  { head: 'Zone', cell: ({ zone }) => zone, sort: ({ zone }) => zone },
                  { head: 'Listener', cell: ({ listener }) => listener, sort: ({ listener }) => listener },
                  { head: 'Transport', cell: ({ transport }) => <Tag>{transport}</Tag>, sort: ({ transport }) => transport },
                  { head: 'From', kind: 'mono', cell: ({ remote }) => remote, sort: ({ remote }) => remote },
                  { head: 'Since', cell: ({ since }) => <Ago at={since} />, sort: ({ since }) => instant(since) },
                ]}
              />
            )
          }}
        </Loaded>
      </Card>
    </Page>
  )
}
