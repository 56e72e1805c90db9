import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { ROLES, useSession } from '../api/session.ts'
import type { NewToken, Role, Token, Tokens, User, Users } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, CopyButton } from '../parts/button.tsx'
import { Dialog, FormDialog } from '../parts/dialog.tsx'
import { SelectField, TextField } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Note, Status, Tag } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago, Moment } from '../parts/time.tsx'
import { instant } from '../words/time.ts'

const ROLE_TEXTS: readonly (readonly [role: Role, text: string])[] = [
  ['viewer', 'Viewer: looks'],
  ['operator', 'Operator: looks, drains, renews, reads messages of calls'],
  ['admin', 'Admin: everything'],
]

type Asked =
  | { readonly what: 'add user' }
  | { readonly what: 'change user' | 'remove user'; readonly user: User }
  | { readonly what: 'add token' }
  | { readonly what: 'remove token'; readonly token: Token }

export const UsersPage = () => {
  const users = useResource<Users>('/users', 'audit')
  const tokens = useResource<Tokens>('/tokens', 'audit')
  const session = useSession()
  const [asked, setAsked] = useState<Asked>()
  const [made, setMade] = useState<NewToken>()
  const close = (): void => setAsked(undefined)
  return (
    <Page title="Users and tokens" lead="People sign in with a password; programs send a token">
      <Card
        flush
        title="Users"
        aside={
          <Button icon="plus" onClick={() => setAsked({ what: 'add user' })}>
            Add a user…
          </Button>
        }
      >
        <Loaded from={users}>
          {({ users: all }) => (
            <Table
              caption="Users"
              rows={all}
              keyOf={({ name }) => name}
              columns={[
                {
                  head: 'Name',
                  kind: 'main',
                  cell: ({ name }) => (
                    <>
                      {name} {name === session?.user && <Tag>you</Tag>}
                    </>
                  ),
                  sort: ({ name }) => name,
                },
                { head: 'Role', cell: ({ role }) => role, sort: ({ role }) => ROLES.indexOf(role) },
                {
                  head: 'Second factor',
                  cell: ({ totp }) => (totp ? <Status level="ok">On</Status> : <Status level="off">Off</Status>),
                  sort: ({ totp }) => Number(totp),
                },
                {
                  head: 'Signed in',
                  cell: ({ sessions }) => (sessions === 0 ? 'no' : sessions === 1 ? 'in one browser' : `in ${sessions} browsers`),
                },
                {
                  head: 'Password',
                  cell: ({ passwordChangedAt }) => <Ago at={passwordChangedAt} />,
                  sort: ({ passwordChangedAt }) => instant(passwordChangedAt),
                },
                {
                  head: 'Actions',
                  kind: 'actions',
                  cell: (user) => (
                    <div class="row">
                      <Button onClick={() => setAsked({ what: 'change user', user })}>Change…</Button>
                      {user.name !== session?.user && (
                        <Button kind="quiet" icon="remove" bare onClick={() => setAsked({ what: 'remove user', user })}>
                          {`Remove ${user.name}`}
                        </Button>
                      )}
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Loaded>
      </Card>
      <Card
        flush
        title="Tokens of the API"
        aside={
          <Button icon="plus" onClick={() => setAsked({ what: 'add token' })}>
            Make a token…
          </Button>
        }
      >
        <Loaded from={tokens}>
          {({ tokens: all }) =>
            all.length === 0 ? (
              <Empty title="There are no tokens">
                A token lets a program do what its role may: whatever these pages can, a script can as well.
              </Empty>
            ) : (
              <Table
                caption="Tokens of the API"
                rows={all}
                keyOf={({ name }) => name}
                level={({ expired }) => (expired ? 'warn' : undefined)}
                columns={[
                  { head: 'Name', kind: 'main', cell: ({ name }) => name, sort: ({ name }) => name },
                  { head: 'Role', cell: ({ role }) => role, sort: ({ role }) => ROLES.indexOf(role) },
                  { head: 'Made by', cell: ({ madeBy }) => madeBy, sort: ({ madeBy }) => madeBy },
                  {
                    head: 'Last used',
                    cell: ({ usedAt }) => (usedAt === undefined ? <span class="muted">not since the start</span> : <Ago at={usedAt} />),
                  },
                  {
                    head: 'Good until',
                    cell: ({ expiresAt, expired }) => (expired ? <Status level="warn">Expired</Status> : <Moment at={expiresAt} />),
                    sort: ({ expiresAt }) => instant(expiresAt),
                  },
                  {
                    head: 'Actions',
                    kind: 'actions',
                    cell: (token) => (
                      <Button kind="quiet" icon="remove" bare onClick={() => setAsked({ what: 'remove token', token })}>
                        {`Remove ${token.name}`}
                      </Button>
                    ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Card>
      {asked?.what === 'add user' && <AddUser onClose={close} />}
      {asked?.what === 'change user' && <ChangeUser user={asked.user} own={asked.user.name === session?.user} onClose={close} />}
      {asked?.what === 'remove user' && (
        <FormDialog
          title={`Remove ${asked.user.name}?`}
          action="Remove"
          danger
          onClose={close}
          onSubmit={async () => {
            await call('DELETE', `/users/${encodeURIComponent(asked.user.name)}`)
            told(`${asked.user.name} is removed`)
            refresh('/users', '/tokens')
          }}
        >
          <p>
            {asked.user.name} is signed out at once, and the tokens that {asked.user.name} made stop working.
          </p>
        </FormDialog>
      )}
      {asked?.what === 'add token' && <AddToken onClose={close} onMade={setMade} />}
      {asked?.what === 'remove token' && (
        <FormDialog
          title={`Remove token ${asked.token.name}?`}
          action="Remove"
          danger
          onClose={close}
          onSubmit={async () => {
            await call('DELETE', `/tokens/${encodeURIComponent(asked.token.name)}`)
            told(`Token ${asked.token.name} is removed`)
            refresh('/tokens')
          }}
        >
          <p>Programs that use it are refused from now on.</p>
        </FormDialog>
      )}
      {made !== undefined && (
        <Dialog title={`Token ${made.name}`} onClose={() => setMade(undefined)}>
          <div class="stack">
            <Note level="warn" title="Shown this once">
              <p>Put it where the program finds it. Nobody can read it here again.</p>
            </Note>
            <p class="fingerprint">
              <code>{made.token}</code>
              <CopyButton text={made.token} what="Token" />
            </p>
            <div class="dialog-actions">
              <Button kind="primary" onClick={() => setMade(undefined)}>
                Done
              </Button>
            </div>
          </div>
        </Dialog>
      )}
    </Page>
  )
}

const PASSWORD_HINT = 'At least 12 characters; four words make a good one'

const AddUser = ({ onClose }: { readonly onClose: () => void }) => {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [password, setPassword] = useState('')
  return (
    <FormDialog
      title="Add a user"
      action="Add"
      onClose={onClose}
      onSubmit={async () => {
        await call('POST', '/users', { name, role, password })
        told(`${name} can sign in`)
        refresh('/users')
      }}
    >
      <TextField label="Name" required autocomplete="off" spellcheck={false} value={name} onValue={setName} />
      <SelectField label="Role" value={role} options={ROLE_TEXTS} onValue={setRole} />
      <TextField
        label="First password"
        hint={PASSWORD_HINT}
        type="password"
        required
        autocomplete="new-password"
        value={password}
        onValue={setPassword}
      />
    </FormDialog>
  )
}

const ChangeUser = ({ user, own, onClose }: { readonly user: User; readonly own: boolean; readonly onClose: () => void }) => {
  const [role, setRole] = useState<Role>(user.role)
  const [password, setPassword] = useState('')
  const [drop, setDrop] = useState('keep')
  const change = {
    ...(role !== user.role && { role }),
    ...(password !== '' && { password }),
    ...(drop === 'drop' && { totp: false }),
  }
  return (
    <FormDialog
      title={`Change ${user.name}`}
      action="Save"
      disabled={Object.keys(change).length === 0}
      onClose={onClose}
      onSubmit={async () => {
        await call('PATCH', `/users/${encodeURIComponent(user.name)}`, change)
        told(`${user.name} is changed`)
        refresh('/users')
      }}
    >
      <SelectField label="Role" value={role} options={ROLE_TEXTS} onValue={setRole} />
      {own ? (
        <p class="muted">
          Your own password and second factor are on <a href="#/account">your account’s page</a>.
        </p>
      ) : (
        <>
          <TextField
            label="New password"
            hint={`Only when ${user.name} has lost the old one. ${user.name} is signed out everywhere`}
            type="password"
            autocomplete="new-password"
            value={password}
            onValue={setPassword}
          />
          {user.totp && (
            <SelectField
              label="Second factor"
              value={drop}
              options={[
                ['keep', 'Keep it'],
                ['drop', 'Take it away: the app or phone is lost'],
              ]}
              onValue={setDrop}
            />
          )}
        </>
      )}
    </FormDialog>
  )
}

const AddToken = ({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (token: NewToken) => void }) => {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState('365')
  return (
    <FormDialog
      title="Make a token"
      action="Make it"
      onClose={onClose}
      onSubmit={async () => {
        onMade(await call<NewToken>('POST', '/tokens', { name, role, days: Number(days) }))
        refresh('/tokens')
      }}
    >
      <TextField
        label="Name"
        hint="What it is for: prometheus, deploy-script"
        required
        autocomplete="off"
        spellcheck={false}
        value={name}
        onValue={setName}
      />
      <SelectField label="Role" value={role} options={ROLE_TEXTS} onValue={setRole} />
      <SelectField
        label="Good for"
        value={days}
        options={[
          ['30', '30 days'],
          ['90', '90 days'],
          ['365', 'a year'],
          ['1095', 'three years'],
        ]}
        onValue={setDays}
      />
    </FormDialog>
  )
}
