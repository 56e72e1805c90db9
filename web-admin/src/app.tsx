import { useEffect } from 'preact/hooks'
import { startLive, stopLive } from './api/live.ts'
import { forgetAll } from './api/resource.ts'
import { readSession, sessionStore } from './api/session.ts'
import { Gate, SetUp, SignIn } from './pages/gate.tsx'
import { Button } from './parts/button.tsx'
import { Waiting } from './parts/loaded.tsx'
import { Note } from './parts/status.tsx'
import { Toasts } from './parts/toast.tsx'
import { useHash } from './place.ts'
import { setupToken } from './routes.ts'
import { Shell } from './shell.tsx'
import { useStore } from './store.ts'

export const App = () => (
  <>
    <Door />
    <Toasts />
  </>
)

/** Whoever has no session stands before it. */
const Door = () => {
  const state = useStore(sessionStore)
  const token = setupToken(useHash())
  const inside = state.kind === 'in'
  useEffect(() => void readSession(), [])
  useEffect(() => {
    if (!inside) return undefined
    startLive()
    return () => {
      stopLive()
      forgetAll()
    }
  }, [inside])

  if (token !== undefined && (state.kind === 'setup' || (state.kind === 'in' && state.session.by === 'local')))
    return <SetUp token={token} />
  switch (state.kind) {
    case 'in':
      return <Shell />
    case 'signed out':
      return <SignIn ended={state.ended} link={token !== undefined} />
    case 'setup':
      return (
        <Gate title="Nobody has an account yet">
          <p>
            Open the one-time link that Edgeways printed when it started. It makes the first account. The link is in the log, and its token
            in the file <code>admin/setup-token</code> of the data folder; a restart prints it again.
          </p>
        </Gate>
      )
    case 'failed':
      return (
        <Gate title="The edge cannot be reached">
          <Note level="error">
            <p>{state.failure.message}</p>
          </Note>
          <Button kind="primary" icon="again" onClick={readSession}>
            Try again
          </Button>
        </Gate>
      )
    default:
      return (
        <Gate title="One moment">
          <Waiting lines={3} />
        </Gate>
      )
  }
}
