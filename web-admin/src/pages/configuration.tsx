import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks'
import { type ApiFailure, call } from '../api/client.ts'
import { refresh, useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { ConfigCheck, ConfigText, ReloadView } from '../api/types.ts'
import { begin, type Draft, draftStore, isDirty, rebase, undo, useLeaveGuard, write, writeByForm } from '../config/draft.ts'
import type { SchemaNode } from '../config/form.ts'
import { placeProblems } from '../config/problems.ts'
import { told } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { Difference } from '../parts/difference.tsx'
import { CodeView, Editor, type EditorHandle } from '../parts/editor.tsx'
import { Empty, failureText, Loaded, Waiting } from '../parts/loaded.tsx'
import { Card, Page, Parts } from '../parts/page.tsx'
import { ProblemList } from '../parts/problems.tsx'
import { Note, Shape, Status } from '../parts/status.tsx'
import { useStore } from '../store.ts'
import { countOf } from '../words/numbers.ts'
import { ApplyDialog } from './configuration-apply.tsx'
import { ConfigForm } from './configuration-form.tsx'
import { ConfigHistoryList } from './configuration-history.tsx'

type PartName = 'edit' | 'effective' | 'history'

const PARTS: readonly (readonly [part: PartName, text: string])[] = [
  ['edit', 'Edit'],
  ['effective', 'In force'],
  ['history', 'History'],
]

export const ConfigurationPage = ({ part }: { readonly part: PartName }) => {
  const config = useResource<ConfigText>('/config', 'config')
  const draft = useStore(draftStore)
  const dirty = draft !== undefined && isDirty(draft)
  useLeaveGuard(dirty)
  // What is on disk is taken over unless somebody is at work on it
  useEffect(() => {
    const { data } = config
    const own = draftStore.get()
    if (data !== undefined && (own === undefined || (!isDirty(own) && own.base.version !== data.version))) begin(data)
  }, [config.data])
  const parts = (
    <Parts
      label="Configuration"
      parts={PARTS.map(([name, text]) => ({
        href: name === 'edit' ? '#/configuration' : `#/configuration/${name}`,
        text: name === 'edit' && dirty ? `${text} (not applied)` : text,
        current: part === name,
      }))}
    />
  )
  if (part === 'edit' && draft !== undefined) return <Edit draft={draft} disk={config.data} parts={parts} reload={config.reload} />
  return (
    <Page title="Configuration" lead={<code>{config.data?.file}</code>}>
      {parts}
      {part === 'edit' && <Loaded from={config}>{() => <Waiting lines={10} />}</Loaded>}
      {part === 'effective' && <Effective />}
      {part === 'history' && <ConfigHistoryList current={config.data?.text} />}
    </Page>
  )
}

const CHECK_MS = 400

/** What the edge says of a text, a moment after the last key. */
const useCheck = (
  text: string,
): { readonly check: ConfigCheck | undefined; readonly running: boolean; readonly failure: ApiFailure | undefined } => {
  const [check, setCheck] = useState<ConfigCheck>()
  const [failure, setFailure] = useState<ApiFailure>()
  const [running, setRunning] = useState(true)
  useEffect(() => {
    const stop = new AbortController()
    setRunning(true)
    const timer = setTimeout(async () => {
      try {
        setCheck(await call<ConfigCheck>('POST', '/config/check', { text }, stop.signal))
        setFailure(undefined)
      } catch (error) {
        if (stop.signal.aborted) return
        setFailure(error as ApiFailure)
      }
      setRunning(false)
    }, CHECK_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [text])
  return { check, running, failure }
}

const Edit = ({
  draft,
  disk,
  parts,
  reload,
}: {
  readonly draft: Draft
  readonly disk: ConfigText | undefined
  readonly parts: preact.ComponentChildren
  readonly reload: () => Promise<void>
}) => {
  const { base, text } = draft
  const administers = useMay('admin')
  const schema = useResource<SchemaNode>('/config/schema')
  const { check, running, failure } = useCheck(text)
  const [view, setView] = useState<'problems' | 'changes' | 'difference'>('problems')
  const [applying, setApplying] = useState(false)
  const [form, setForm] = useState(true)
  const editor = useRef<EditorHandle>(null)
  const id = useId()
  const lines = text.split('\n').length
  const placed = useMemo(() => placeProblems(check?.problems ?? [], lines), [check, lines])
  const dirty = isDirty(draft)
  const stale = disk !== undefined && disk.version !== base.version

  return (
    <Page
      title="Configuration"
      lead={<code>{base.file}</code>}
      actions={
        <>
          <Button pressed={form} onClick={() => setForm(!form)}>
            Form
          </Button>
          {draft.undo.length > 0 && <Button onClick={undo}>Undo</Button>}
          {dirty && <Button onClick={() => begin(disk ?? base)}>Discard changes</Button>}
          {administers ? (
            <Button kind="primary" disabled={!dirty || stale || running || check?.ok !== true} onClick={() => setApplying(true)}>
              Apply…
            </Button>
          ) : (
            <span class="muted">Applying needs the role admin</span>
          )}
        </>
      }
    >
      {parts}
      {stale && dirty && <Conflict base={base} disk={disk} />}
      <div class={form ? 'config config-both' : 'config'}>
        <div class="config-text">
          <Editor
            text={text}
            problems={placed.byLine}
            label="The configuration, YAML"
            describedBy={`${id}-verdict`}
            handle={editor}
            onText={write}
          />
          <p class="config-verdict" id={`${id}-verdict`} aria-live="polite">
            {failure !== undefined ? (
              <Status level="error">{failureText(failure)}</Status>
            ) : running && check === undefined ? (
              <Status level="busy">Checking</Status>
            ) : placed.errors > 0 ? (
              <Status level="error">
                {countOf(placed.errors, 'error')}
                {placed.warnings > 0 && ` and ${countOf(placed.warnings, 'warning')}`}
              </Status>
            ) : placed.warnings > 0 ? (
              <Status level="warn">{countOf(placed.warnings, 'warning')}</Status>
            ) : (
              <Status level="ok">Nothing is wrong with it</Status>
            )}
            <span class="muted">{countOf(lines, 'line')}</span>
          </p>
        </div>
        {form && (
          <div class="config-form">
            <Loaded from={schema} lines={10}>
              {(whole) => (
                <ConfigForm
                  schema={whole}
                  text={text}
                  problems={check?.problems ?? []}
                  onText={writeByForm}
                  onLine={(line) => editor.current?.goTo(line)}
                />
              )}
            </Loaded>
          </div>
        )}
      </div>
      <Card
        title={
          <span class="row">
            {(['problems', 'changes', 'difference'] as const).map((name) => (
              <Button key={name} pressed={view === name} onClick={() => setView(name)}>
                {name === 'problems'
                  ? `Problems (${placed.errors + placed.warnings})`
                  : name === 'changes'
                    ? `What would change (${check?.changes.length ?? 0})`
                    : 'Difference'}
              </Button>
            ))}
          </span>
        }
      >
        {view === 'problems' &&
          (check === undefined ? (
            <Waiting lines={2} />
          ) : check.problems.length === 0 ? (
            <Empty title="No problems" />
          ) : (
            <ProblemList problems={check.problems} onLine={(line) => editor.current?.goTo(line)} />
          ))}
        {view === 'changes' && <Changes check={check} />}
        {view === 'difference' && <Difference before={(disk ?? base).text} after={text} none="This is what is on disk" />}
      </Card>
      {applying && check !== undefined && (
        <ApplyDialog
          check={check}
          onClose={() => setApplying(false)}
          apply={() => call<ReloadView>('PUT', '/config', { text, version: base.version })}
          applied={async () => {
            told('The configuration is in force')
            const now = await call<ConfigText>('GET', '/config')
            begin(now)
            refresh('/config', '/state', '/certificates')
          }}
          conflict={reload}
        />
      )}
    </Page>
  )
}

const Changes = ({ check }: { readonly check: ConfigCheck | undefined }) => {
  if (check === undefined) return <Waiting />
  if (!check.ok) return <Empty title="Once nothing is wrong with it, this says what it would change" />
  if (check.changes.length === 0) return <Empty title="Nothing would change" />
  return (
    <ul class="bullets">
      {check.changes.map((change) => (
        <li key={change}>{change}</li>
      ))}
    </ul>
  )
}

/** Somebody else has written the file meanwhile. */
const Conflict = ({ base, disk }: { readonly base: ConfigText; readonly disk: ConfigText }) => {
  const [shown, setShown] = useState(false)
  return (
    <Note
      level="warn"
      title="The file has changed on disk since you began"
      actions={
        <div class="row">
          <Button expanded={shown} onClick={() => setShown(!shown)}>
            Look
          </Button>
          <Button onClick={() => begin(disk)}>Take theirs</Button>
          <Button onClick={() => rebase(disk)}>Keep mine</Button>
        </div>
      }
    >
      <p>Take it over and lose your changes, or keep your text: applying it then undoes what has changed on disk.</p>
      {shown && <Difference before={base.text} after={disk.text} none="The texts are the same" />}
    </Note>
  )
}

const Effective = () => {
  const effective = useResource<{ readonly text: string }>('/config/effective', 'config')
  return (
    <>
      <p class="muted">
        <Shape level="off" /> Everything that holds at this moment, with the defaults that nobody wrote, and where each comes from.
      </p>
      <Loaded from={effective} lines={10}>
        {(data) => <CodeView text={data.text} label="The configuration in force" />}
      </Loaded>
    </>
  )
}
