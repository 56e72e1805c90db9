import { useEffect, useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { ConfigCheck, ConfigText, ReloadView, SetupProposal } from '../api/types.ts'
import { begin, draftStore, isDirty, writeByForm } from '../config/draft.ts'
import { told } from '../notices.ts'
import { Button, CopyButton } from '../parts/button.tsx'
import { Difference } from '../parts/difference.tsx'
import { Empty, Failure, failureText, Waiting } from '../parts/loaded.tsx'
import { Card } from '../parts/page.tsx'
import { ProblemList } from '../parts/problems.tsx'
import { Note } from '../parts/status.tsx'
import { go } from '../place.ts'
import { keep } from '../teams/setup.ts'
import { answersOf, stepPath } from '../words/teams-setup.ts'
import { ApplyDialog } from './configuration-apply.tsx'
import { Missing, StepPage, type StepProps } from './teams-setup.tsx'

interface Proposed {
  readonly proposal: SetupProposal | undefined
  /** What the edge says of its text. */
  readonly check: ConfigCheck | undefined
  readonly failure: unknown
}

const NONE: Proposed = { proposal: undefined, check: undefined, failure: undefined }

/** What the answers come to. Nothing is changed by asking. */
const useProposal = ({ form, faults, fits }: StepProps, version: string | undefined): Proposed => {
  const answers = Object.keys(faults).length === 0 ? JSON.stringify(answersOf(form, fits)) : undefined
  const [proposed, setProposed] = useState(NONE)
  useEffect(() => {
    if (answers === undefined) return undefined
    const stop = new AbortController()
    const ask = async (): Promise<void> => {
      try {
        const proposal = await call<SetupProposal>('POST', '/teams/setup', JSON.parse(answers), stop.signal)
        setProposed({ proposal, check: undefined, failure: undefined })
        const check = await call<ConfigCheck>('POST', '/config/check', { text: proposal.configuration }, stop.signal)
        setProposed({ proposal, check, failure: undefined })
      } catch (failure) {
        if (!stop.signal.aborted) setProposed({ ...NONE, failure })
      }
    }
    void ask()
    return () => stop.abort()
  }, [answers, version])
  return proposed
}

export const ApplyStep = (props: StepProps) => {
  const { faults, setup } = props
  const administers = useMay('admin')
  const config = useResource<ConfigText>('/config', 'config')
  const { proposal, check, failure } = useProposal(props, config.data?.version)
  const [applying, setApplying] = useState(false)
  const disk = config.data
  if (Object.keys(faults).length > 0)
    return (
      <StepPage step="apply" waits>
        <Missing faults={faults} what="the changes can be shown" />
      </StepPage>
    )
  const same = disk !== undefined && proposal?.configuration === disk.text
  // Those of the text are told with their lines, once it was checked
  const problems = (proposal?.problems ?? []).filter((problem) => !check?.problems.some(({ message }) => problem.includes(message)))
  const refused = problems.length > 0 || check?.ok === false
  return (
    <>
      <StepPage step="apply" waits={!same && !setup.applied}>
        {config.failure !== undefined && <Failure failure={config.failure} retry={config.reload} />}
        {failure !== undefined && (
          <Note level="error" title="The changes could not be made">
            <p>{failureText(failure)}</p>
          </Note>
        )}
        {proposal === undefined && failure === undefined && (
          <Card>
            <Waiting lines={6} />
          </Card>
        )}
        {proposal !== undefined && (
          <>
            {check !== undefined && problems.length > 0 && (
              <Note level="error" title="This stands against it">
                <ul class="bullets">
                  {problems.map((problem) => (
                    <li key={problem}>{problem}</li>
                  ))}
                </ul>
              </Note>
            )}
            {check !== undefined && check.problems.length > 0 && (
              <Card title="What the edge says of the text">
                <ProblemList problems={check.problems} />
              </Card>
            )}
            <Card title="What changes">
              {same ? (
                <Empty title="Everything is in force already" />
              ) : (
                <ul class="bullets">
                  {proposal.changes.map((change) => (
                    <li key={change}>{change}</li>
                  ))}
                </ul>
              )}
              {!same && (
                <div class="teams-apply">
                  {administers && (
                    <Button
                      kind="primary"
                      disabled={disk === undefined || check === undefined || refused}
                      onClick={() => setApplying(true)}
                    >
                      Apply…
                    </Button>
                  )}
                  <Button onClick={() => edit(disk, proposal.configuration)} disabled={disk === undefined}>
                    Go on in the configuration
                  </Button>
                  <span class="muted small">
                    {administers ? 'The text from before stays in the history, and can be put back' : 'Applying needs the role admin'}
                  </span>
                </div>
              )}
            </Card>
            {!same && disk !== undefined && (
              <Card title="Difference">
                <Difference before={disk.text} after={proposal.configuration} none="Nothing" />
              </Card>
            )}
          </>
        )}
        {setup.applied && (
          <Note level="ok" title="The configuration is in force">
            <p>The hubs are asked already. What is left is to make the edge known to Microsoft.</p>
          </Note>
        )}
      </StepPage>
      {applying && check !== undefined && proposal !== undefined && disk !== undefined && (
        <ApplyDialog
          check={check}
          onClose={() => setApplying(false)}
          apply={() => call<ReloadView>('PUT', '/config', { text: proposal.configuration, version: disk.version })}
          applied={async () => {
            told('The configuration is in force')
            keep({ applied: true, powershell: proposal.powershell })
            refresh('/config', '/state', '/certificates', '/teams')
            go(stepPath('microsoft'))
          }}
          conflict={config.reload}
        />
      )}
    </>
  )
}

/** The text goes to the configuration page, where it can be changed further; what was begun there can be had back with *Undo*. */
const edit = (disk: ConfigText | undefined, text: string): void => {
  const draft = draftStore.get()
  if (disk !== undefined && (draft === undefined || !isDirty(draft))) begin(disk)
  writeByForm(text)
  go('/configuration')
}

export const MicrosoftStep = (props: StepProps) => {
  const { faults, setup } = props
  const { proposal, failure } = useProposal(props, undefined)
  const blocks = setup.applied && setup.powershell.length > 0 ? setup.powershell : proposal?.powershell
  if (blocks === undefined && Object.keys(faults).length > 0)
    return (
      <StepPage step="microsoft" waits>
        <Missing faults={faults} what="the lines can be made" />
      </StepPage>
    )
  return (
    <StepPage step="microsoft">
      {!setup.applied && (
        <Note level="warn" title="The configuration is not applied yet">
          <p>
            The lines can be pasted all the same, but no hub gets an answer before <a href={`#${stepPath('apply')}`}>the fourth step</a>.
          </p>
        </Note>
      )}
      <Card>
        <p>
          Paste these lines into PowerShell, one block after the other, as somebody with the role Teams Administrator. Until a new SBC is
          known everywhere, it may take an hour.
        </p>
      </Card>
      {failure !== undefined && blocks === undefined && (
        <Note level="error" title="The lines could not be made">
          <p>{failureText(failure)}</p>
        </Note>
      )}
      {blocks === undefined && failure === undefined && (
        <Card>
          <Waiting lines={6} />
        </Card>
      )}
      {blocks?.map(({ heading, lines }, index) => (
        <Card key={heading} title={`${index + 1}. ${heading}`} aside={<CopyButton text={lines} what={`Block ${index + 1}`} />}>
          <pre class="text-box teams-lines">{lines}</pre>
        </Card>
      ))}
      {blocks !== undefined && blocks.length > 1 && (
        <div class="row">
          <CopyButton text={blocks.map(({ heading, lines }) => `# ${heading}\n${lines}`).join('\n\n')} what="All lines" wide />
        </div>
      )}
    </StepPage>
  )
}
