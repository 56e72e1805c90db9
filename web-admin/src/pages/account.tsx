import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { readSession, signedIn, signOut, useSession } from '../api/session.ts'
import type { Session } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button, CopyButton } from '../parts/button.tsx'
import { Dialog, FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/field.tsx'
import { Empty, failureText } from '../parts/loaded.tsx'
import { Card, Facts, Page } from '../parts/page.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { Note, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'

type Asked = 'password' | 'totp' | 'no totp'

export const AccountPage = () => {
  const session = useSession()
  const [asked, setAsked] = useState<Asked>()
  const close = (): void => setAsked(undefined)
  if (session?.by !== 'session') {
    return (
      <Page title="Your account">
        <Empty title="You have none">Over a token, or from this machine itself, there is no account.</Empty>
      </Page>
    )
  }
  return (
    <Page
      title="Your account"
      actions={
        <Button icon="out" onClick={signOut}>
          Sign out
        </Button>
      }
    >
      <Card>
        <div class="stack">
          <Facts
            of={[
              ['Name', session.user],
              ['Role', session.role],
              session.expiresAt !== undefined && [
                'Session',
                <span key="session">
                  ends <Ago at={session.expiresAt} />, or after half an hour without a request
                </span>,
              ],
              ['Second factor', session.totp ? <Status level="ok">On</Status> : <Status level="off">Off</Status>],
            ]}
          />
          <div class="row">
            <Button icon="key" onClick={() => setAsked('password')}>
              Change the password…
            </Button>
            {session.totp ? (
              <Button onClick={() => setAsked('no totp')}>Turn the second factor off…</Button>
            ) : (
              <Button onClick={() => setAsked('totp')}>Turn the second factor on…</Button>
            )}
          </div>
        </div>
      </Card>
      {asked === 'password' && <PasswordDialog onClose={close} />}
      {asked === 'totp' && <TotpDialog onClose={close} />}
      {asked === 'no totp' && <NoTotpDialog onClose={close} />}
    </Page>
  )
}

const PasswordDialog = ({ onClose }: { readonly onClose: () => void }) => {
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const differs = again !== '' && again !== password
  return (
    <FormDialog
      title="Change the password"
      action="Change"
      disabled={again !== password}
      onClose={onClose}
      onSubmit={async () => {
        signedIn(await call<Session>('PUT', '/password', { current, password }))
        told('The password is changed; you are signed out everywhere else')
      }}
    >
      <TextField label="Password of now" type="password" required autocomplete="current-password" value={current} onValue={setCurrent} />
      <TextField
        label="New password"
        hint="At least 12 characters; four words make a good one"
        type="password"
        required
        autocomplete="new-password"
        value={password}
        onValue={setPassword}
      />
      <TextField
        label="New password again"
        type="password"
        required
        autocomplete="new-password"
        error={differs ? 'The two passwords differ' : undefined}
        value={again}
        onValue={setAgain}
      />
    </FormDialog>
  )
}

/** First the password, then a code of the app: only then it counts. */
const TotpDialog = ({ onClose }: { readonly onClose: () => void }) => {
  const [password, setPassword] = useState('')
  const [draft, setDraft] = useState<{ readonly secret: string; readonly uri: string }>()
  const [code, setCode] = useState('')
  const [failure, setFailure] = useState<unknown>()
  if (draft === undefined) {
    return (
      <FormDialog
        title="Turn the second factor on"
        action="Go on"
        onClose={onClose}
        onSubmit={async () => {
          setDraft(await call('POST', '/totp', { password }))
          return false
        }}
      >
        <p>From then on, signing in needs a code of your authenticator app, too.</p>
        <TextField label="Your password" type="password" required autocomplete="current-password" value={password} onValue={setPassword} />
      </FormDialog>
    )
  }
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault()
    setFailure(undefined)
    try {
      await call('POST', '/totp/confirm', { code })
      told('The second factor is on')
      await readSession()
      onClose()
    } catch (error) {
      setFailure(error)
      setCode('')
    }
  }
  return (
    <Dialog title="Turn the second factor on" onClose={onClose}>
      <form class="stack" onSubmit={confirm}>
        <p>Scan this with your authenticator app, or type the secret into it.</p>
        <QrCode text={draft.uri} label="QR code for the authenticator app" />
        <p class="fingerprint">
          <code>{draft.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
          <CopyButton text={draft.secret} what="Secret" />
        </p>
        {failure !== undefined && (
          <Note level="error">
            <p>{failureText(failure)}</p>
          </Note>
        )}
        <TextField
          label="The code that it shows"
          inputMode="numeric"
          autocomplete="one-time-code"
          required
          value={code}
          onValue={setCode}
        />
        <div class="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Turn it on
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

const NoTotpDialog = ({ onClose }: { readonly onClose: () => void }) => {
  const [password, setPassword] = useState('')
  return (
    <FormDialog
      title="Turn the second factor off?"
      action="Turn it off"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await call('POST', '/totp/remove', { password })
        told('The second factor is off')
        await readSession()
      }}
    >
      <p>Signing in then needs the password alone.</p>
      <TextField label="Your password" type="password" required autocomplete="current-password" value={password} onValue={setPassword} />
    </FormDialog>
  )
}
