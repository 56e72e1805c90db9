import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiFailure, call } from '../api/client.ts'
import { signedIn } from '../api/session.ts'
import type { Session } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { TextField } from '../parts/field.tsx'
import { Mark } from '../parts/icon.tsx'
import { failureText } from '../parts/loaded.tsx'
import { Note } from '../parts/status.tsx'
import { leaveSetupLink } from '../place.ts'

export const Gate = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }) => {
  useEffect(() => {
    document.title = `${title} – Edgeways`
  }, [title])
  return (
    <main class="gate">
      <div class="gate-card">
        <div class="gate-brand">
          <Mark />
          Edgeways
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  )
}

/**
 * @param ended there was a session a moment ago
 * @param link of the one-time link, which has been used
 */
export const SignIn = ({ ended, link }: { readonly ended: boolean; readonly link: boolean }) => {
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [needsCode, setNeedsCode] = useState(false)
  const [running, setRunning] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const form = useRef<HTMLFormElement>(null)

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (running) return
    setRunning(true)
    setFailure(undefined)
    try {
      const session = await call<Session>('POST', '/login', { user, password, ...(needsCode && { totp: code }) })
      if (link) leaveSetupLink()
      signedIn(session)
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'totp-needed') setNeedsCode(true)
      else {
        setFailure(error)
        setCode('')
        form.current?.querySelector<HTMLInputElement>(needsCode ? '[name=code]' : '[name=password]')?.select()
      }
    } finally {
      setRunning(false)
    }
  }

  return (
    <Gate title="Sign in">
      {ended && (
        <Note level="off">
          <p>Your session has ended. Sign in to go on where you were.</p>
        </Note>
      )}
      {link && (
        <Note level="off">
          <p>The one-time link has been used: there is an account already.</p>
        </Note>
      )}
      {failure !== undefined && (
        <Note level="error">
          <p>{failureText(failure)}</p>
        </Note>
      )}
      <form class="stack" ref={form} onSubmit={submit}>
        <TextField label="User" name="user" autocomplete="username" autoFocus required spellcheck={false} value={user} onValue={setUser} />
        <TextField
          label="Password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onValue={setPassword}
        />
        {needsCode && (
          <TextField
            label="Code"
            name="code"
            autocomplete="one-time-code"
            inputMode="numeric"
            autoFocus
            required
            hint="Six digits, from your authenticator app"
            value={code}
            onValue={setCode}
          />
        )}
        <Button kind="primary" type="submit" busy={running}>
          Sign in
        </Button>
      </form>
    </Gate>
  )
}

/** The first account, by the one-time link. */
export const SetUp = ({ token }: { readonly token: string }) => {
  const [user, setUser] = useState('admin')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const [running, setRunning] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const differs = again !== password ? 'The two passwords differ' : undefined
  const weak = failure instanceof ApiFailure && failure.code === 'weak-password' ? failure.message : undefined
  const over = failure instanceof ApiFailure && failure.code === 'setup-over'

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (running || differs !== undefined) return
    setRunning(true)
    setFailure(undefined)
    try {
      const session = await call<Session>('POST', '/setup', { token, user, password })
      leaveSetupLink()
      signedIn(session)
    } catch (error) {
      setFailure(error)
    } finally {
      setRunning(false)
    }
  }

  return (
    <Gate title="Make the first account">
      <p class="muted">This account may do everything. Others, who may do less, can be added later.</p>
      {failure !== undefined && weak === undefined && (
        <Note level="error">
          <p>{failureText(failure)}</p>
          {over && (
            <p>
              <a href="#/">Sign in</a>
            </p>
          )}
        </Note>
      )}
      <form class="stack" onSubmit={submit}>
        <TextField label="User name" name="user" autocomplete="username" required spellcheck={false} value={user} onValue={setUser} />
        <TextField
          label="Password"
          name="password"
          type="password"
          autocomplete="new-password"
          required
          autoFocus
          hint="At least 12 characters; four words make a good one"
          error={weak}
          value={password}
          onValue={setPassword}
        />
        <TextField
          label="Password again"
          name="again"
          type="password"
          autocomplete="new-password"
          required
          error={tried ? differs : undefined}
          value={again}
          onValue={setAgain}
        />
        <Button kind="primary" type="submit" busy={running}>
          Make the account
        </Button>
      </form>
    </Gate>
  )
}
