import { useEffect, useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { NewSubscriber, Subscriber, Subscribers } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, CopyButton } from '../parts/button.tsx'
import { Dialog, FormDialog } from '../parts/dialog.tsx'
import { Check, Search, SelectField, TextField, useSettled } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Note, Status } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { countOf, countText } from '../words/numbers.ts'
import { aliasesOf, subscriberStanding } from '../words/subscriber.ts'
import { instant } from '../words/time.ts'

const PAGE = 100

type Asked =
  | { readonly what: 'add' }
  | { readonly what: 'change' | 'password' | 'remove'; readonly subscriber: Subscriber }
  | { readonly what: 'made'; readonly user: string; readonly password: string; readonly realm: string }

/** Users of phones and browsers, who show a password of ours. */
export const SubscribersPage = () => {
  const [search, setSearch] = useState('')
  const [asked, setAsked] = useState<Asked>()
  /** Where the pages before this one began. */
  const [before, setBefore] = useState<readonly string[]>([])
  const settled = useSettled(search.trim())
  useEffect(() => setBefore([]), [settled])
  const after = before.at(-1)
  const query = new URLSearchParams({
    ...(settled !== '' && { search: settled }),
    ...(after !== undefined && { after }),
    limit: String(PAGE),
  })
  const subscribers = useResource<Subscribers>(`/subscribers?${query}`, 'audit')
  const operates = useMay('operator')
  const realm = subscribers.data?.realm ?? ''
  const close = (): void => setAsked(undefined)
  const made = (user: string, password: string | undefined): void =>
    setAsked(password === undefined ? undefined : { what: 'made', user, password, realm })
  return (
    <Page
      title="Subscribers"
      lead="Users of phones and browsers, whose passwords the edge knows"
      actions={
        <>
          <Search what="subscribers" value={search} onValue={setSearch} />
          {operates && (
            <Button icon="plus" onClick={() => setAsked({ what: 'add' })}>
              Add a subscriber…
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <Loaded from={subscribers}>
          {(data) => (
            <Listed
              data={data}
              search={settled}
              first={before.length * PAGE}
              onPrevious={() => setBefore(before.slice(0, -1))}
              onNext={() => data.next !== undefined && setBefore([...before, data.next])}
              onAsk={setAsked}
            />
          )}
        </Loaded>
      </Card>
      {asked?.what === 'add' && <AddDialog realm={realm} onClose={close} onMade={made} />}
      {asked?.what === 'change' && <ChangeDialog subscriber={asked.subscriber} onClose={close} />}
      {asked?.what === 'password' && <PasswordDialog subscriber={asked.subscriber} onClose={close} onMade={made} />}
      {asked?.what === 'remove' && <RemoveDialog subscriber={asked.subscriber} onClose={close} />}
      {asked?.what === 'made' && <MadeDialog {...asked} onClose={close} />}
    </Page>
  )
}

const Listed = ({
  data: { subscribers, total, next, realm },
  search,
  first,
  onPrevious,
  onNext,
  onAsk,
}: {
  readonly data: Subscribers
  readonly search: string
  readonly first: number
  readonly onPrevious: () => void
  readonly onNext: () => void
  readonly onAsk: (asked: Asked) => void
}) => {
  const operates = useMay('operator')
  if (total === 0 && search !== '') return <Empty title={`No subscriber matches “${search}”`} />
  if (total === 0)
    return (
      <Empty title="There are no subscribers">
        <p>
          They are needed where a zone has <code>authenticate: true</code>: whoever registers or calls there shows a name and password from
          this list. With a section <code>registrar</code>, the edge keeps their registrations, too, and they can call each other.
        </p>
        {operates && (
          <p>
            Add one here, or with <code>edgeways user add NAME</code> on the machine itself.
          </p>
        )}
      </Empty>
    )
  return (
    <>
      <Table
        caption="Subscribers"
        rows={subscribers}
        keyOf={({ user }) => user}
        part={total > subscribers.length}
        level={(one) => (subscriberStanding(one).level === 'warn' ? 'warn' : undefined)}
        columns={[
          {
            head: 'Name',
            kind: 'main',
            cell: ({ user }) => (
              <>
                {user}
                <span class="muted subscriber-realm">@{realm}</span>
              </>
            ),
            sort: ({ user }) => user,
          },
          { head: 'Shown as', cell: ({ displayName }) => (displayName === '' ? '–' : displayName), sort: ({ displayName }) => displayName },
          {
            head: 'Numbers',
            cell: ({ aliases }) => (aliases.length === 0 ? '–' : aliases.join(', ')),
            sort: ({ aliases }) => aliases.join(' '),
          },
          {
            head: 'State',
            cell: (one) => {
              const { level, text, remedy } = subscriberStanding(one)
              return (
                <span title={remedy}>
                  <Status level={level}>{text}</Status>
                </span>
              )
            },
            sort: (one) => subscriberStanding(one).text,
          },
          { head: 'Changed', cell: ({ changed }) => <Ago at={changed} />, sort: ({ changed }) => instant(changed) },
          ...(operates
            ? [
                {
                  head: 'Actions',
                  kind: 'actions' as const,
                  cell: (subscriber: Subscriber) => (
                    <div class="row">
                      <Button onClick={() => onAsk({ what: 'change', subscriber })}>Change…</Button>
                      <Button kind="quiet" icon="key" bare onClick={() => onAsk({ what: 'password', subscriber })}>
                        {`New password for ${subscriber.user}`}
                      </Button>
                      <Button kind="quiet" icon="remove" bare onClick={() => onAsk({ what: 'remove', subscriber })}>
                        {`Remove ${subscriber.user}`}
                      </Button>
                    </div>
                  ),
                },
              ]
            : []),
        ]}
      />
      {(next !== undefined || first > 0) && (
        <p class="card-foot row row-apart">
          <span>
            {countText(first + 1)} to {countText(first + subscribers.length)} of {countOf(total, 'subscriber')}
          </span>
          <span class="row">
            <Button disabled={first === 0} onClick={onPrevious}>
              Previous
            </Button>
            <Button disabled={next === undefined} onClick={onNext}>
              Next
            </Button>
          </span>
        </p>
      )}
    </>
  )
}

type PasswordWay = 'make' | 'own'
const WAYS: readonly (readonly [PasswordWay, string])[] = [
  ['make', 'Make one; it is shown once'],
  ['own', 'I have one already'],
]

const PasswordFields = ({
  way,
  password,
  onWay,
  onPassword,
}: {
  readonly way: PasswordWay
  readonly password: string
  readonly onWay: (way: PasswordWay) => void
  readonly onPassword: (password: string) => void
}) => (
  <>
    <SelectField label="Password" value={way} options={WAYS} onValue={onWay} />
    {way === 'own' && (
      <TextField
        label="The password"
        hint="At least 8 characters"
        type="password"
        required
        minLength={8}
        autocomplete="new-password"
        value={password}
        onValue={onPassword}
      />
    )}
  </>
)

const AliasField = ({ value, onValue }: { readonly value: string; readonly onValue: (value: string) => void }) => (
  <TextField
    label="Numbers"
    hint="What else calls this subscriber, with commas between: 201, +442079460201"
    spellcheck={false}
    autocomplete="off"
    value={value}
    onValue={onValue}
  />
)

type Made = (user: string, password: string | undefined) => void

const AddDialog = ({ realm, onClose, onMade }: { readonly realm: string; readonly onClose: () => void; readonly onMade: Made }) => {
  const [user, setUser] = useState('')
  const [displayName, setDisplayName] = useState('')
  const [aliases, setAliases] = useState('')
  const [way, setWay] = useState<PasswordWay>('make')
  const [password, setPassword] = useState('')
  return (
    <FormDialog
      title="Add a subscriber"
      action="Add"
      onClose={onClose}
      onSubmit={async () => {
        const made = await call<NewSubscriber>('POST', '/subscribers', {
          user,
          ...(displayName !== '' && { displayName }),
          aliases: aliasesOf(aliases),
          ...(way === 'make' ? { generate: true } : { password }),
        })
        told(`${user} can register and call`)
        refresh('/subscribers')
        onMade(user, made.password)
        return made.password === undefined
      }}
    >
      <TextField
        label="Name"
        hint={`As in the address, before the @${realm}: anna, or 201`}
        required
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        value={user}
        onValue={setUser}
      />
      <TextField label="Shown as" hint="Name of a person or room" autocomplete="off" value={displayName} onValue={setDisplayName} />
      <AliasField value={aliases} onValue={setAliases} />
      <PasswordFields way={way} password={password} onWay={setWay} onPassword={setPassword} />
    </FormDialog>
  )
}

const ChangeDialog = ({ subscriber, onClose }: { readonly subscriber: Subscriber; readonly onClose: () => void }) => {
  const { user } = subscriber
  const [displayName, setDisplayName] = useState(subscriber.displayName)
  const [aliases, setAliases] = useState(subscriber.aliases.join(', '))
  const [enabled, setEnabled] = useState(subscriber.enabled)
  const change = {
    ...(displayName !== subscriber.displayName && { displayName }),
    ...(aliasesOf(aliases).join() !== subscriber.aliases.join() && { aliases: aliasesOf(aliases) }),
    ...(enabled !== subscriber.enabled && { enabled }),
  }
  return (
    <FormDialog
      title={`Change ${user}`}
      action="Save"
      disabled={Object.keys(change).length === 0}
      onClose={onClose}
      onSubmit={async () => {
        await call('PATCH', `/subscribers/${encodeURIComponent(user)}`, change)
        told(`${user} is changed`)
        refresh('/subscribers')
      }}
    >
      <TextField label="Shown as" autocomplete="off" value={displayName} onValue={setDisplayName} />
      <AliasField value={aliases} onValue={setAliases} />
      <Check label="Enabled: can register and call" checked={enabled} onValue={setEnabled} />
    </FormDialog>
  )
}

const PasswordDialog = ({
  subscriber: { user },
  onClose,
  onMade,
}: {
  readonly subscriber: Subscriber
  readonly onClose: () => void
  readonly onMade: Made
}) => {
  const [way, setWay] = useState<PasswordWay>('make')
  const [password, setPassword] = useState('')
  return (
    <FormDialog
      title={`A new password for ${user}`}
      action="Set it"
      onClose={onClose}
      onSubmit={async () => {
        const made = await call<NewSubscriber>(
          'PUT',
          `/subscribers/${encodeURIComponent(user)}/password`,
          way === 'make' ? {} : { password },
        )
        told(`${user} has a new password`)
        refresh('/subscribers')
        onMade(user, made.password)
        return made.password === undefined
      }}
    >
      <p>The old one stops working at once; devices that have it stay registered until their next refresh.</p>
      <PasswordFields way={way} password={password} onWay={setWay} onPassword={setPassword} />
    </FormDialog>
  )
}

const RemoveDialog = ({ subscriber: { user }, onClose }: { readonly subscriber: Subscriber; readonly onClose: () => void }) => (
  <FormDialog
    title={`Remove ${user}?`}
    action="Remove"
    danger
    onClose={onClose}
    onSubmit={async () => {
      await call('DELETE', `/subscribers/${encodeURIComponent(user)}`)
      told(`${user} is removed`)
      refresh('/subscribers')
    }}
  >
    <p>
      {user} can neither register nor call any more. To keep somebody out for a while only, change the subscriber and take “Enabled” away.
    </p>
  </FormDialog>
)

const MadeDialog = ({
  user,
  password,
  realm,
  onClose,
}: {
  readonly user: string
  readonly password: string
  readonly realm: string
  readonly onClose: () => void
}) => (
  <Dialog title={`Password of ${user}`} onClose={onClose}>
    <div class="stack">
      <Note level="warn" title="Shown this once">
        <p>
          Enter it in the phone as the password of {user}, with {realm} as its domain. Nobody can read it here again.
        </p>
      </Note>
      <p class="fingerprint">
        <code>{password}</code>
        <CopyButton text={password} what="Password" />
      </p>
      <div class="dialog-actions">
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  </Dialog>
)
