import { useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { ConfigHistory, ConfigProblem, ConfigVersion, ReloadView } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { Dialog, FormDialog } from '../parts/dialog.tsx'
import { Difference } from '../parts/difference.tsx'
import { CodeView } from '../parts/editor.tsx'
import { Empty, Loaded, Waiting } from '../parts/loaded.tsx'
import { Card } from '../parts/page.tsx'
import { ProblemList, Refused, reloading } from '../parts/problems.tsx'
import { Note } from '../parts/status.tsx'
import { Table } from '../parts/table.tsx'
import { Ago, Moment } from '../parts/time.tsx'

/** Texts that were in force before. */
export const ConfigHistoryList = ({ current }: { readonly current: string | undefined }) => {
  const history = useResource<ConfigHistory>('/config/history', 'config')
  const administers = useMay('admin')
  const [shown, setShown] = useState<ConfigVersion>()
  const [asked, setAsked] = useState<ConfigVersion>()
  return (
    <Card flush>
      <Loaded from={history}>
        {({ versions }) =>
          versions.length === 0 ? (
            <Empty title="There is no earlier version yet">Each text that is applied here is kept, and can be put in force again.</Empty>
          ) : (
            <Table
              caption="Versions of the configuration"
              rows={versions}
              keyOf={({ id }) => id}
              columns={[
                { head: 'Replaced', kind: 'main', cell: ({ at }) => <Moment at={at} /> },
                { head: 'Age', cell: ({ at }) => <Ago at={at} /> },
                { head: 'By', cell: ({ by }) => by },
                {
                  head: 'What changed then',
                  cell: ({ changes }) =>
                    changes.length === 0 ? (
                      <span class="muted">nothing that matters</span>
                    ) : (
                      <ul>
                        {changes.slice(0, 4).map((change) => (
                          <li key={change}>{change}</li>
                        ))}
                        {changes.length > 4 && <li class="muted">and {changes.length - 4} more</li>}
                      </ul>
                    ),
                },
                {
                  head: 'Actions',
                  kind: 'actions',
                  cell: (version) => (
                    <div class="row">
                      <Button onClick={() => setShown(version)}>Look</Button>
                      {administers && <Button onClick={() => setAsked(version)}>Restore…</Button>}
                    </div>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {shown !== undefined && <VersionDialog version={shown} current={current} onClose={() => setShown(undefined)} />}
      {asked !== undefined && <RestoreDialog version={asked} onClose={() => setAsked(undefined)} />}
    </Card>
  )
}

const VersionDialog = ({
  version,
  current,
  onClose,
}: {
  readonly version: ConfigVersion
  readonly current: string | undefined
  readonly onClose: () => void
}) => {
  const text = useResource<{ readonly text: string }>(`/config/history/${encodeURIComponent(version.id)}`)
  const [whole, setWhole] = useState(false)
  return (
    <Dialog wide title="An earlier version" onClose={onClose}>
      <div class="stack">
        <div class="row row-apart">
          <p class="muted">
            In force until <Moment at={version.at} />, replaced by {version.by}
          </p>
          <div class="row">
            <Button pressed={!whole} onClick={() => setWhole(false)}>
              Difference to now
            </Button>
            <Button pressed={whole} onClick={() => setWhole(true)}>
              Whole text
            </Button>
          </div>
        </div>
        <Loaded from={text}>
          {(data) =>
            whole ? (
              <CodeView text={data.text} label="An earlier version" />
            ) : current === undefined ? (
              <Waiting />
            ) : (
              <Difference before={current} after={data.text} none="It is the same as the text of now" />
            )
          }
        </Loaded>
      </div>
    </Dialog>
  )
}

const RestoreDialog = ({ version, onClose }: { readonly version: ConfigVersion; readonly onClose: () => void }) => {
  const [refused, setRefused] = useState<readonly ConfigProblem[]>()
  return (
    <FormDialog
      title="Put this version in force again?"
      action="Restore"
      onClose={onClose}
      onSubmit={async () => {
        setRefused(undefined)
        try {
          await reloading(() => call<ReloadView>('POST', `/config/history/${encodeURIComponent(version.id)}/restore`))
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          setRefused(error.problems)
          return false
        }
        told('The earlier version is in force again')
        refresh('/config', '/state', '/certificates')
        return true
      }}
    >
      <p>
        The text that was in force until <Moment at={version.at} /> takes the place of the one of now, which goes into the history.
      </p>
      {refused !== undefined && (
        <Note level="error" title="It was refused; what was in force before goes on">
          <ProblemList problems={refused} />
        </Note>
      )}
    </FormDialog>
  )
}
