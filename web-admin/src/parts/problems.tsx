import { ApiFailure } from '../api/client.ts'
import type { ConfigProblem, ReloadView } from '../api/types.ts'
import { Shape } from './status.tsx'

/** What a check or a reload found, each with its place and what to do. */
export const ProblemList = ({
  problems,
  onLine,
}: {
  readonly problems: readonly ConfigProblem[]
  readonly onLine?: (line: number) => void
}) => (
  <ul class="problems">
    {problems.map(({ path, line, message, remedy, severity }) => (
      <li key={`${line} ${path} ${message}`}>
        <Shape level={severity === 'error' ? 'error' : 'warn'} named />
        <div>
          <p>
            {line > 0 &&
              (onLine === undefined ? (
                <span class="muted">Line {line}: </span>
              ) : (
                <button type="button" class="line-link" onClick={() => onLine(line)}>
                  Line {line}
                </button>
              ))}{' '}
            {path !== '' && <code>{path}</code>} {message}
          </p>
          <p class="muted">{remedy}</p>
        </div>
      </li>
    ))}
  </ul>
)

/** A configuration was refused: with its problems as the reason. */
export class Refused extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems[0]?.message ?? 'The configuration was refused')
    this.problems = problems
  }
}

/** Runs what answers with a reload, whichever status a refusal has. @throws Refused */
export const reloading = async (run: () => Promise<ReloadView>): Promise<Extract<ReloadView, { result: 'applied' }>> => {
  let view: ReloadView
  try {
    view = await run()
  } catch (error) {
    const body = error instanceof ApiFailure ? (error.body as Partial<ReloadView> | undefined) : undefined
    if (body?.result !== 'refused' || body.problems === undefined) throw error
    throw new Refused(body.problems)
  }
  if (view.result === 'refused') throw new Refused(view.problems)
  return view
}
