/** A report as text, for people and for a support ticket. What is in a report is no secret: no keys, no numbers of people. */
import type { DoctorReport, DoctorStep, Verdict } from './types.ts'

/** Of the terminal; undefined: it has none. */
export type Paint = ((text: string, colour: 'green' | 'yellow' | 'red' | 'grey' | 'bold') => string) | undefined

const MARKS: Readonly<Record<Verdict, string>> = { good: 'ok', warning: 'warn', bad: 'BAD', skipped: '--' }
const COLOURS = { good: 'green', warning: 'yellow', bad: 'red', skipped: 'grey' } as const
const GROUPS = { name: 'Our name', certificate: 'Our certificate', clock: 'Clock', hub: 'From Microsoft' } as const
const INDENT = '       '

/** The heading of the group that a step is in. */
export const headingOf = ({ group, hub }: DoctorStep): string => (hub === undefined ? GROUPS[group] : `Hub ${hub}`)

/** @param facts also the further values @param paint colours */
export const stepText = (step: DoctorStep, facts: boolean, paint?: Paint): string => {
  const { verdict, title, finding, remedy } = step
  const plain = (verdict === undefined ? '...' : MARKS[verdict]).padEnd(5)
  const mark = paint === undefined || verdict === undefined ? plain : paint(plain, COLOURS[verdict])
  const lines = [`${mark}${title}: ${clean(finding)}`]
  if (remedy !== undefined && verdict !== 'good') lines.push(`${INDENT}What to do: ${clean(remedy)}`)
  if (facts) for (const [label, value] of step.facts ?? []) lines.push(clean(`${INDENT}${label}: ${value}`))
  return `${lines.join('\n')}\n`
}

/** The whole report; with all facts. */
export const reportText = (report: DoctorReport, version: string): string => {
  const { zone, name, startedAt, finishedAt, steps, summary } = report
  const lines = [
    'Microsoft Teams Direct Routing: report of the doctor',
    '',
    `Edgeways ${version}, zone ${zone}, name ${name}`,
    `Begun ${startedAt}, ${finishedAt === undefined ? 'not finished' : `finished ${finishedAt}`}`,
    `Result: ${clean(summary)}`,
    '',
  ]
  let heading = ''
  for (const step of steps) {
    if (headingOf(step) !== heading) {
      heading = headingOf(step)
      lines.push(heading)
    }
    lines.push(
      ...stepText(step, true)
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    )
  }
  return `${lines.join('\n')}\n`
}

/** Values of strangers (texts of answers, names in certificates) must not write into a terminal. */
const clean = (text: string): string => text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, ' ')
