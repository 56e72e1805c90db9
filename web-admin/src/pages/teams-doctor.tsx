import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { apiUrl } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { DoctorReport, DoctorStep, TeamsView } from '../api/types.ts'
import { copyText } from '../clipboard.ts'
import { told } from '../notices.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { Bar } from '../parts/chart.tsx'
import { SelectField } from '../parts/field.tsx'
import { Empty, failureText, Loaded } from '../parts/loaded.tsx'
import { Card, Facts, Page } from '../parts/page.tsx'
import { Note, Shape, Status } from '../parts/status.tsx'
import { Moment } from '../parts/time.tsx'
import { go } from '../place.ts'
import { doctorPath } from '../routes.ts'
import { examine, reportPath, reportText, useDoctor } from '../teams/doctor.ts'
import { countOf, tookText } from '../words/numbers.ts'
import { doneOf, groupStanding, groupsOf, isOver, reportFileName, type StepGroup, stepStanding, verdictStanding } from '../words/teams.ts'
import { instant } from '../words/time.ts'

export const DoctorPage = ({ zone, parts }: { readonly zone: string | undefined; readonly parts: ComponentChildren }) => {
  const teams = useResource<readonly TeamsView[]>('/teams', 'state')
  const operates = useMay('operator')
  const zones = teams.data?.map(({ peering }) => peering.zone) ?? []
  const shown = zone ?? zones[0]
  return (
    <Page title="Teams doctor" lead="Looks at everything between us and the hubs, and says what to do">
      {parts}
      {!operates ? (
        <Card>
          <Empty title="Examining needs the role operator">
            <p>Ask somebody with the role admin to change yours.</p>
          </Empty>
        </Card>
      ) : (
        <Loaded from={teams}>
          {() =>
            shown === undefined || !zones.includes(shown) ? (
              <Card>
                <Empty title={zone === undefined ? 'There is nothing to examine yet' : `There is no zone ${zone} of kind teams`}>
                  <p>
                    The doctor examines a zone of kind teams; <a href="#/teams/setup">the wizard</a> makes one.
                  </p>
                </Empty>
              </Card>
            ) : (
              <>
                {zones.length > 1 && (
                  <div class="teams-choice">
                    <SelectField
                      label="Zone"
                      value={shown}
                      options={zones.map((name) => [name, name] as const)}
                      onValue={(name) => go(doctorPath(name))}
                    />
                  </div>
                )}
                <Doctor key={shown} zone={shown} />
              </>
            )
          }
        </Loaded>
      )}
    </Page>
  )
}

/** Examines a zone, and shows what was found as it is found. */
export const Doctor = ({ zone }: { readonly zone: string }) => {
  const { report, failure, lost } = useDoctor(zone)
  const running = report !== undefined && !isOver(report) && !lost
  return (
    <div class="stack">
      {report === undefined ? (
        <Card>
          <div class="teams-begin">
            <p>
              Name and DNS, certificate and chain, clock, and each hub: address, connection, TLS, OPTIONS both ways. It takes less than a
              minute, disturbs no call, and changes nothing.
            </p>
            <Button kind="primary" icon="play" onClick={() => examine(zone)}>
              Examine
            </Button>
          </div>
        </Card>
      ) : (
        <Summary report={report} running={running} zone={zone} />
      )}
      {failure !== undefined && (
        <Note level="error" title="This did not work">
          <p>{failureText(failure)}</p>
        </Note>
      )}
      {report !== undefined && <Groups report={report} running={running} />}
      <Spoken report={report} running={running} />
    </div>
  )
}

const Summary = ({ report, running, zone }: { readonly report: DoctorReport; readonly running: boolean; readonly zone: string }) => {
  const { id, name, startedAt, finishedAt, verdict, steps, summary } = report
  const done = doneOf(report)
  const { level } = running || verdict === undefined ? { level: running ? ('busy' as const) : ('off' as const) } : verdictStanding(verdict)
  const current = steps.find((step) => step.verdict === undefined)
  return (
    <section class={`verdict verdict-${level}`} aria-label="Summary">
      <div class="verdict-head">
        <Shape level={level} named />
        <div class="teams-summary">
          <h2>{running ? `Looking at ${current === undefined ? 'the rest' : current.title}` : summary}</h2>
          {running ? (
            <>
              <p class="muted">
                {done} of {countOf(steps.length, 'step')} done{current?.hub !== undefined && `, now with ${current.hub}`}
              </p>
              <Bar share={done / Math.max(1, steps.length)} level="ok" label={`${done} of ${steps.length} steps are done`} />
            </>
          ) : (
            <p class="muted">
              <span class="mono">{name}</span> on <Moment at={startedAt} />
              {finishedAt !== undefined && `, in ${tookText((instant(finishedAt) - instant(startedAt)) / 1000)}`}
            </p>
          )}
        </div>
      </div>
      <div class="teams-actions">
        <Button kind={running ? 'plain' : 'primary'} icon="again" busy={running} onClick={() => examine(zone)}>
          {running ? 'Examining' : 'Examine again'}
        </Button>
        {!running && (
          <>
            <Button
              icon="copy"
              onClick={async () => {
                await copyText(await reportText(id))
                told('Report copied')
              }}
            >
              Copy as text
            </Button>
            <ButtonLink href={apiUrl(`${reportPath(id)}/text`)} icon="download" download={reportFileName(report)}>
              Download text
            </ButtonLink>
          </>
        )}
      </div>
    </section>
  )
}

const Groups = ({ report, running }: { readonly report: DoctorReport; readonly running: boolean }) => {
  const current = report.steps.find(({ verdict }) => verdict === undefined)?.id
  return (
    <>
      {groupsOf(report).map((group) => (
        <Group key={group.key} group={group} running={running} current={current} />
      ))}
    </>
  )
}

interface Progress {
  readonly running: boolean
  /** Of the step whose turn it is. */
  readonly current: string | undefined
}

const Group = ({ group, ...progress }: Progress & { readonly group: StepGroup }) => {
  const standing = groupStanding(group)
  return (
    <Card flush title={group.title} aside={standing !== undefined && <Status level={standing.level}>{standing.text}</Status>}>
      <ol class="doctor-steps">
        {group.steps.map((step) => (
          <Step key={step.id} step={step} {...progress} />
        ))}
      </ol>
    </Card>
  )
}

const Step = ({ step, running, current }: Progress & { readonly step: DoctorStep }) => {
  const { level, text } = stepStanding(step, running, step.id === current)
  const { title, finding, remedy, facts = [], milliseconds } = step
  return (
    <li class={`doctor-step doctor-${level}`}>
      <Status level={level}>{text}</Status>
      <div class="doctor-text">
        <h3>{title}</h3>
        {finding !== '' && <p>{finding}</p>}
        {remedy !== undefined && (
          <p class="doctor-remedy">
            <strong>What to do:</strong> {remedy}
          </p>
        )}
        {facts.length > 0 && (
          <details>
            <summary>{countOf(facts.length, 'detail')}</summary>
            <Facts
              of={facts.map(
                ([label, value]) =>
                  [
                    label,
                    <span key={label} class="mono">
                      {value}
                    </span>,
                  ] as const,
              )}
            />
          </details>
        )}
      </div>
      {milliseconds !== undefined && milliseconds > 0 && <span class="doctor-time muted small">{tookText(milliseconds / 1000)}</span>}
    </li>
  )
}

/** For those who hear the page: each group as it is done, and the end. */
const Spoken = ({ report, running }: { readonly report: DoctorReport | undefined; readonly running: boolean }) => {
  const [text, setText] = useState('')
  const told = useRef({ id: '', groups: 0 })
  useEffect(() => {
    if (report === undefined) return
    const done = groupsOf(report).flatMap((group) => {
      const standing = groupStanding(group)
      return standing === undefined ? [] : [`${group.title}: ${standing.text}`]
    })
    // A report from before that is only shown again says nothing
    if (told.current.id !== report.id) told.current = { id: report.id, groups: running ? 0 : done.length }
    if (done.length === told.current.groups) return
    const news = done.slice(told.current.groups)
    told.current = { id: report.id, groups: done.length }
    setText(`${news.join('. ')}.${running ? '' : ` ${report.summary}`}`)
  }, [report, running])
  return (
    <p class="hidden" role="status">
      {text}
    </p>
  )
}
