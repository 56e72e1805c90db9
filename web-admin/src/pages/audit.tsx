import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import type { AuditEntry, AuditPage as Entries } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { found, Search } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Moment } from '../parts/time.tsx'
import { countOf } from '../words/numbers.ts'

const PAGE = 100

export const AuditPage = () => {
  const first = useResource<Entries>(`/audit?limit=${PAGE}`, 'audit')
  const [older, setOlder] = useState<readonly AuditEntry[]>([])
  const [next, setNext] = useState<number>()
  const [search, setSearch] = useState('')
  return (
    <Page title="Audit" lead="Who did what, and from where" actions={<Search what="the audit log" value={search} onValue={setSearch} />}>
      <Card flush>
        <Loaded from={first}>
          {(page) => {
            // What has happened meanwhile pushes entries from the first page onto the second
            const known = new Set(page.entries.map(({ number }) => number))
            const all = [...page.entries, ...older.filter(({ number }) => !known.has(number))]
            const rows = all.filter(({ who, from, what, subject, before, after }) =>
              found(search, who, from, what, subject, textOf(before), textOf(after)),
            )
            const before = older.length === 0 ? page.next : next
            const more = async (): Promise<void> => {
              const answer = await call<Entries>('GET', `/audit?limit=${PAGE}&before=${before}`)
              setOlder([...all.slice(page.entries.length), ...answer.entries])
              setNext(answer.next)
            }
            if (all.length === 0)
              return <Empty title="Nothing has been done yet">Every change stands here: who made it, when, and from where.</Empty>
            return (
              <>
                {rows.length === 0 ? (
                  <Empty title={`Nothing among ${countOf(all.length, 'entry', 'entries')} matches “${search}”`} />
                ) : (
                  <Table
                    caption="Audit log"
                    rows={rows}
                    keyOf={({ number }) => String(number)}
                    level={({ result }) => (result === 'done' ? undefined : 'warn')}
                    columns={[
                      { head: 'When', cell: ({ at }) => <Moment at={at} /> },
                      {
                        head: 'Who',
                        kind: 'main',
                        cell: ({ who, role }) => (
                          <>
                            {who} {role !== undefined && <Tag>{role}</Tag>}
                          </>
                        ),
                      },
                      { head: 'From', kind: 'mono', cell: ({ from }) => from },
                      { head: 'What', cell: (entry) => <What entry={entry} /> },
                      { head: 'Result', cell: (entry) => <Result entry={entry} /> },
                    ]}
                  />
                )}
                {before !== undefined && (
                  <p class="card-foot">
                    <Button onClick={more}>Older entries</Button>
                  </p>
                )}
              </>
            )
          }}
        </Loaded>
      </Card>
    </Page>
  )
}

const textOf = (value: unknown): string =>
  value === undefined
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value).replaceAll(/["{}]/g, '').replaceAll(',', ', ').replaceAll(':', ': ')

const What = ({ entry: { what, subject, before, after } }: { readonly entry: AuditEntry }) => (
  <div class="audit-what">
    <span>
      {what.replaceAll('-', ' ')} {subject !== undefined && <strong>{subject}</strong>}
    </span>
    {(before !== undefined || after !== undefined) && (
      <span class="muted small">
        {before !== undefined && <del>{textOf(before)}</del>}
        {before !== undefined && after !== undefined && ' → '}
        {after !== undefined && <ins>{textOf(after)}</ins>}
      </span>
    )}
  </div>
)

const RESULTS = { done: ['ok', 'Done'], refused: ['warn', 'Refused'], failed: ['error', 'Failed'] } as const

const Result = ({ entry: { result, leftOut } }: { readonly entry: AuditEntry }) => (
  <>
    <Status level={RESULTS[result][0]}>{RESULTS[result][1]}</Status>
    {leftOut !== undefined && <p class="muted small">and {countOf(leftOut, 'attempt')} before it</p>}
  </>
)
