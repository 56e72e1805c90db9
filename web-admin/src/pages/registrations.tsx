import { useEffect, useMemo, useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { Registration, Registrations } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Search, useSettled } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { countOf, countText, tookText } from '../words/numbers.ts'
import { natText, standingOf } from '../words/registration.ts'
import { instant } from '../words/time.ts'

const PAGE = 100

export const RegistrationsPage = () => {
  const [search, setSearch] = useState('')
  const [skip, setSkip] = useState(0)
  const [asked, setAsked] = useState<Registration>()
  const settled = useSettled(search.trim())
  useEffect(() => setSkip(0), [settled])
  const query = new URLSearchParams({
    ...(settled !== '' && { search: settled }),
    ...(skip > 0 && { skip: String(skip) }),
    limit: String(PAGE),
  })
  const registrations = useResource<Registrations>(`/registrations?${query}`, 'registrations')
  return (
    <Page
      title="Registrations"
      lead="Phones and browsers that registered with the edge or through it, and the way to each"
      actions={<Search what="registrations" value={search} onValue={setSearch} />}
    >
      <Card flush>
        <Loaded from={registrations}>
          {(data) => <Listed data={data} search={settled} skip={skip} onSkip={setSkip} onRemove={setAsked} />}
        </Loaded>
      </Card>
      {asked !== undefined && <EndDialog registration={asked} onClose={() => setAsked(undefined)} />}
    </Page>
  )
}

const Listed = ({
  data,
  search,
  skip,
  onSkip,
  onRemove,
}: {
  readonly data: Registrations
  readonly search: string
  readonly skip: number
  readonly onSkip: (skip: number) => void
  readonly onRemove: (registration: Registration) => void
}) => {
  const operates = useMay('operator')
  const { all, total, registrations } = data
  /** What counts down is counted from when it was read. */
  const read = useMemo(() => Date.now(), [data])
  if (all === 0)
    return (
      <Empty title="Nobody is registered">
        Phones and browsers appear here once they have registered through one of the listeners: with the PBX behind the edge, or with the
        edge itself where the configuration has a <code>registrar</code>. {operates && <a href="#/phone">The test phone</a>}
        {operates && ' is one of them.'}
      </Empty>
    )
  if (total === 0) return <Empty title={`Nothing among ${countOf(all, 'registration')} matches “${search}”`} />
  return (
    <>
      <Table
        caption="Registrations"
        rows={registrations}
        keyOf={({ id }) => id}
        part={total > registrations.length}
        level={({ lostSince, losses = 0 }) => (lostSince !== undefined || losses > 0 ? 'warn' : undefined)}
        columns={[
          {
            head: 'Address',
            kind: 'main',
            cell: ({ aor, contact, instance }) => (
              <>
                <span class="registration-aor">{aor}</span>
                <span class="registration-contact mono" title={instance === undefined ? contact : `${contact}\n${instance}`}>
                  {contact}
                </span>
              </>
            ),
            sort: ({ aor }) => aor,
          },
          {
            head: 'Way',
            cell: ({ zone, listener, transport, remote, nat }) => (
              <>
                {zone} <Tag>{transport}</Tag>{' '}
                {nat.length > 0 && (
                  <span title={natText(nat)}>
                    <Tag>NAT</Tag>
                  </span>
                )}
                <span class="registration-contact mono" title={`Listener ${listener}`}>
                  {remote === '' ? 'gone' : remote}
                </span>
              </>
            ),
            sort: ({ zone, remote }) => `${zone} ${remote}`,
          },
          {
            head: 'State',
            cell: (one) => {
              const { level, text } = standingOf(one)
              return (
                <Status level={level}>
                  {text} {one.lostSince !== undefined && <Ago at={one.lostSince} />}
                </Status>
              )
            },
            sort: (one) => standingOf(one).text,
          },
          {
            head: 'Round trip',
            kind: 'number',
            cell: ({ roundTripMs }) => (roundTripMs === undefined ? '–' : tookText(roundTripMs / 1000)),
            sort: ({ roundTripMs = -1 }) => roundTripMs,
          },
          {
            head: 'Registrar',
            cell: ({ registrar }) => <span title={registrar?.target}>{registrar === undefined ? 'the edge' : registrar.zone}</span>,
            sort: ({ registrar }) => registrar?.zone ?? '',
          },
          {
            head: 'Device',
            cell: ({ userAgent }) => <span class="registration-device">{userAgent ?? '–'}</span>,
            sort: ({ userAgent = '' }) => userAgent,
          },
          { head: 'Since', cell: ({ since }) => <Ago at={since} />, sort: ({ since }) => instant(since) },
          {
            head: 'Expires',
            cell: ({ expiresInSeconds }) => <Ago at={read + expiresInSeconds * 1000} />,
            sort: ({ expiresInSeconds }) => expiresInSeconds,
          },
          ...(operates
            ? [
                {
                  head: 'Actions',
                  kind: 'actions' as const,
                  cell: (one: Registration) => (
                    <Button kind="quiet" icon="remove" bare onClick={() => onRemove(one)}>{`End the registration of ${one.aor}`}</Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      {(total > registrations.length || skip > 0) && (
        <p class="card-foot row row-apart">
          <span>
            {countText(skip + 1)} to {countText(skip + registrations.length)} of {countText(total)}
          </span>
          <span class="row">
            <Button disabled={skip === 0} onClick={() => onSkip(Math.max(0, skip - PAGE))}>
              Previous
            </Button>
            <Button disabled={skip + registrations.length >= total} onClick={() => onSkip(skip + PAGE)}>
              Next
            </Button>
          </span>
        </p>
      )}
    </>
  )
}

const EndDialog = ({ registration, onClose }: { readonly registration: Registration; readonly onClose: () => void }) => {
  const { id, aor, contact, registrar } = registration
  return (
    <FormDialog
      title={`End the registration of ${aor}?`}
      action="End it"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await call('DELETE', `/registrations/${encodeURIComponent(id)}`)
        told(`${aor} is not registered any more`)
        refresh('/registrations')
      }}
    >
      <p>
        Calls to <span class="mono">{contact}</span> stop at once
        {registrar !== undefined && `, and the registrar in zone ${registrar.zone} is told`}. The device is not told: it comes back with its
        next refresh, unless something keeps it away.
      </p>
    </FormDialog>
  )
}
