import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { useResource } from '../api/resource.ts'
import { useMay } from '../api/session.ts'
import type { Certificates, State, TeamsView } from '../api/types.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { Empty, Waiting } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { useNow } from '../parts/time.tsx'
import { go } from '../place.ts'
import { useStore } from '../store.ts'
import { fill, keep, type Setup, setupStore, startOver } from '../teams/setup.ts'
import type { Level } from '../words/status.ts'
import { verdictStanding } from '../words/teams.ts'
import {
  type CertificateFit,
  chosenFit,
  faultsAt,
  faultsOf,
  fitsOf,
  groupsFor,
  pbxZones,
  publicName,
  type SetupFaults,
  type SetupForm,
  type SetupStep,
  STEPS,
  stepNamed,
  stepPath,
} from '../words/teams-setup.ts'
import { ApplyStep, MicrosoftStep } from './teams-setup-apply.tsx'
import { CertificateStep, NameStep, PbxStep } from './teams-setup-steps.tsx'
import { TestStep } from './teams-setup-test.tsx'

/** What every step of the wizard sees. */
export interface StepProps {
  readonly form: SetupForm
  readonly set: (change: Partial<SetupForm>) => void
  readonly faults: SetupFaults
  readonly fits: readonly CertificateFit[]
  readonly state: State | undefined
  readonly setup: Setup
}

export const SetupPage = ({ step, parts }: { readonly step: string | undefined; readonly parts: ComponentChildren }) => {
  const operates = useMay('operator')
  return operates ? (
    <Wizard step={stepNamed(step)} parts={parts} />
  ) : (
    <Page title="Connect Teams">
      {parts}
      <Empty title="This page needs the role operator">
        <p>Ask somebody with the role admin to change yours.</p>
      </Empty>
    </Page>
  )
}

const Wizard = ({ step, parts }: { readonly step: SetupStep; readonly parts: ComponentChildren }) => {
  const setup = useStore(setupStore)
  const { data: state, loading: stateLoading } = useResource<State>('/state', 'state')
  const { data: teams, loading: teamsLoading } = useResource<readonly TeamsView[]>('/teams', 'state')
  const certificates = useResource<Certificates>('/certificates', 'certificates').data?.certificates
  const now = useNow(60_000)
  useSuggestions(setup, state, teams)
  const { form } = setup
  const fits = fitsOf(certificates ?? [], form.name, now)
  const faults = faultsOf(form, fits)
  const props: StepProps = { form, set: fill, faults, fits, state, setup }
  // What would be filled in a moment later must not come between the letters that somebody types
  const ready = setup.touched || (!stateLoading && !teamsLoading)
  const [, title] = STEPS.find(([name]) => name === step)!
  return (
    <Page
      title={`Connect Teams: ${title}`}
      lead="Each step can be left and taken up again; nothing changes before the fourth"
      actions={
        setup.touched && (
          <Button
            onClick={() => {
              startOver()
              go(stepPath('name'))
            }}
          >
            Start over
          </Button>
        )
      }
    >
      {parts}
      <Stepper current={step} props={props} />
      {ready ? <Step step={step} {...props} /> : <Waiting lines={8} />}
    </Page>
  )
}

const Step = ({ step, ...props }: StepProps & { readonly step: SetupStep }) => {
  switch (step) {
    case 'name':
      return <NameStep {...props} />
    case 'certificate':
      return <CertificateStep {...props} />
    case 'pbx':
      return <PbxStep {...props} />
    case 'apply':
      return <ApplyStep {...props} />
    case 'microsoft':
      return <MicrosoftStep {...props} />
    case 'test':
      return <TestStep {...props} />
  }
}

/** Until somebody types, fields have what is likely. */
const useSuggestions = ({ form, touched }: Setup, state: State | undefined, teams: readonly TeamsView[] | undefined): void => {
  useEffect(() => {
    if (touched || state === undefined || teams === undefined) return
    const [there] = teams
    const zones = pbxZones(state)
    const groups = groupsFor(state)
    keep({
      form: {
        ...form,
        name: there?.peering.name ?? publicName(state) ?? '',
        ...(there !== undefined && { cloud: there.cloud, port: String(there.peering.port) }),
        pbx: zones.length > 0 ? 'zone' : 'new',
        zone: zones[0]?.name ?? '',
        listener: groups[0] ?? '',
      },
    })
  }, [touched, state === undefined, teams === undefined])
}

/** How far a step is, for its mark. */
const standingOf = (step: SetupStep, { faults, fits, form, setup }: StepProps): Level => {
  switch (step) {
    case 'certificate': {
      const level = chosenFit(form, fits)?.level
      return level === undefined ? 'off' : level
    }
    case 'name': {
      if (faultsAt(step, faults).length > 0) return 'off'
      const { checked } = setup
      return checked === undefined || checked.name.toLowerCase() !== form.name.toLowerCase()
        ? 'off'
        : verdictStanding(checked.verdict).level
    }
    case 'pbx':
      return faultsAt(step, faults).length === 0 ? 'ok' : 'off'
    case 'apply':
      return setup.applied ? 'ok' : 'off'
    default:
      return 'off'
  }
}

const WORDS: Readonly<Record<Level, string>> = { ok: 'done', warn: 'to look at', error: 'wrong', busy: 'under way', off: 'open' }

const Stepper = ({ current, props }: { readonly current: SetupStep; readonly props: StepProps }) => (
  <nav aria-label="Steps">
    <ol class="steps">
      {STEPS.map(([step, title], index) => {
        const level = standingOf(step, props)
        return (
          <li key={step}>
            <a href={`#${stepPath(step)}`} aria-current={step === current ? 'step' : undefined}>
              <Status level={level}>
                {index + 1}.<span class="steps-title"> {title}</span>
              </Status>
              <span class="hidden">, {WORDS[level]}</span>
            </a>
          </li>
        )
      })}
    </ol>
  </nav>
)

/** A step: what is asked at the left, what helps at the right, and the ways on beneath. */
export const StepPage = ({
  step,
  ready = true,
  waits = false,
  onRefused,
  aside,
  children,
}: {
  readonly step: SetupStep
  /** Without it *Continue* shows what is missing; *Later* goes on all the same. */
  readonly ready?: boolean
  /** There is something else to do first: going on is less than that. */
  readonly waits?: boolean
  readonly onRefused?: () => void
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) => {
  const index = STEPS.findIndex(([name]) => name === step)
  const [before, after] = [STEPS[index - 1], STEPS[index + 1]]
  const submit = (event: Event): void => {
    event.preventDefault()
    if (ready) {
      if (after !== undefined) go(stepPath(after[0]))
      return
    }
    onRefused?.()
    const drawn = event.currentTarget as HTMLFormElement
    // Once it is drawn, what is wrong is where one goes on
    setTimeout(() => drawn.querySelector<HTMLElement>('[aria-invalid]')?.focus())
  }
  return (
    <form class={aside === undefined ? 'stack' : 'wizard'} onSubmit={submit} noValidate>
      <div class="stack">
        {children}
        <div class="row">
          {before !== undefined && <ButtonLink href={`#${stepPath(before[0])}`}>Back</ButtonLink>}
          {after !== undefined && !waits && (
            <Button type="submit" kind="primary">
              Continue
            </Button>
          )}
          {after !== undefined && (waits || !ready) && (
            <ButtonLink kind="quiet" href={`#${stepPath(after[0])}`}>
              Later
            </ButtonLink>
          )}
        </div>
      </div>
      {aside !== undefined && <aside class="wizard-aside">{aside}</aside>}
    </form>
  )
}

/** Steps that have to be finished before this one can be. */
export const Missing = ({ faults, what }: { readonly faults: SetupFaults; readonly what: string }) => (
  <Card title={`Before ${what}`}>
    <ul class="teams-missing">
      {STEPS.flatMap(([step, title]) =>
        faultsAt(step, faults).map((fault) => (
          <li key={fault}>
            <a href={`#${stepPath(step)}`}>{title}</a>: {fault}
          </li>
        )),
      )}
    </ul>
  </Card>
)
