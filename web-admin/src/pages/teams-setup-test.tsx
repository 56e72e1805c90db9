import { useResource } from '../api/resource.ts'
import type { Calls, PastCalls, TeamsView } from '../api/types.ts'
import { Card } from '../parts/page.tsx'
import { Note, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { callPath } from '../routes.ts'
import { exampleOf, stepPath } from '../words/teams-setup.ts'
import { Doctor } from './teams-doctor.tsx'
import { StepPage, type StepProps } from './teams-setup.tsx'

export const TestStep = ({ form }: StepProps) => {
  const teams = useResource<readonly TeamsView[]>('/teams', 'state').data ?? []
  const zone = (teams.find(({ peering }) => peering.name === form.name) ?? teams[0])?.peering.zone
  return (
    <StepPage step="test">
      {zone === undefined ? (
        <Note level="warn" title="There is no zone for Teams yet">
          <p>
            It comes with <a href={`#${stepPath('apply')}`}>the fourth step</a>; then the doctor can look at it.
          </p>
        </Note>
      ) : (
        <Doctor zone={zone} />
      )}
      <FirstCall zone={zone} number={exampleOf(form)} />
    </StepPage>
  )
}

/** How the first call is made, and that it was seen. */
const FirstCall = ({ zone, number }: { readonly zone: string | undefined; readonly number: string }) => (
  <Card title="The first call" aside={zone !== undefined && <Seen zone={zone} />}>
    <ol class="decision stack-small">
      <li>
        <strong>From Teams:</strong> sign in as a user with a number, open <em>Calls</em>, and dial a telephone of the PBX with + and the
        country code. Without a dial pad the user has no licence or no voice routing policy yet; it may come hours later.
      </li>
      <li>
        <strong>From the PBX:</strong> dial the number of that user
        {number !== '' && (
          <>
            , such as <span class="mono">{number}</span>
          </>
        )}
        . Teams should ring.
      </li>
      <li>
        <strong>If it does not work:</strong> the call is under <a href="#/calls">Calls</a> with its ladder while it is up, and under{' '}
        <a href="#/calls/past">past calls</a> afterwards; what was refused before it got so far is in the <a href="#/log">log</a>.
      </li>
    </ol>
  </Card>
)

const Seen = ({ zone }: { readonly zone: string }) => {
  const now = useResource<Calls>('/calls', 'calls').data?.calls.find(({ from, to }) => from.zone === zone || to.zone === zone)
  const past = useResource<PastCalls>('/calls/past', 'calls').data?.calls.find(({ from, to }) => from.zone === zone || to.zone === zone)
  return (
    <span role="status">
      {now !== undefined ? (
        <Status level="ok">
          <a href={`#${callPath(now.id)}`}>A call is {now.state === 'up' ? 'up' : 'ringing'}</a>
        </Status>
      ) : past !== undefined ? (
        <Status level="ok">
          <a href={`#${callPath(past.id)}`}>
            The last one was <Ago at={past.startedAt} />
          </a>
        </Status>
      ) : (
        <Status level="busy">Waiting for it</Status>
      )}
    </span>
  )
}
