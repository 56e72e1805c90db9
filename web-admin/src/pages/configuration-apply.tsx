import { useState } from 'preact/hooks'
import { ApiFailure } from '../api/client.ts'
import type { ConfigCheck, ConfigProblem, ReloadView } from '../api/types.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { ProblemList, Refused, reloading } from '../parts/problems.tsx'
import { Note } from '../parts/status.tsx'

/** How the edge ends a change that a reload does not make. */
const NEXT_START = 'changes with the next start'

/** The last look before a text takes effect. */
export const ApplyDialog = ({
  check,
  onClose,
  apply,
  applied,
  conflict,
}: {
  readonly check: ConfigCheck
  readonly onClose: () => void
  readonly apply: () => Promise<ReloadView>
  readonly applied: () => Promise<void>
  /** The file is another one meanwhile. */
  readonly conflict: () => Promise<void>
}) => {
  const [refused, setRefused] = useState<readonly ConfigProblem[]>()
  const atOnce = check.changes.filter((change) => !change.endsWith(NEXT_START))
  const later = check.changes.filter((change) => change.endsWith(NEXT_START))
  const warnings = check.problems.filter(({ severity }) => severity === 'warning')
  return (
    <FormDialog
      title="Apply this configuration?"
      action="Apply"
      onClose={onClose}
      onSubmit={async () => {
        setRefused(undefined)
        try {
          await reloading(apply)
        } catch (error) {
          if (error instanceof Refused) {
            setRefused(error.problems)
            return false
          }
          if (error instanceof ApiFailure && error.status === 409) await conflict()
          throw error
        }
        await applied()
        return true
      }}
    >
      {check.changes.length === 0 ? (
        <p>Nothing changes in what the edge does; the text is kept, and the one before it goes into the history.</p>
      ) : (
        atOnce.length > 0 && (
          <>
            <p>This changes at once, without a restart. Calls and connections that are there stay.</p>
            <ul class="bullets">
              {atOnce.map((change) => (
                <li key={change}>{change}</li>
              ))}
            </ul>
          </>
        )
      )}
      {later.length > 0 && (
        <Note level="warn" title="Not before a restart of the edge">
          <ul class="bullets">
            {later.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        </Note>
      )}
      {warnings.length > 0 && (
        <Note level="warn" title="To consider">
          <ProblemList problems={warnings} />
        </Note>
      )}
      {refused !== undefined && (
        <Note level="error" title="It was refused; what was in force before goes on">
          <ProblemList problems={refused} />
        </Note>
      )}
    </FormDialog>
  )
}
