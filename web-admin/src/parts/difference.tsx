import { useMemo } from 'preact/hooks'
import { differenceOf, hunksOf } from '../config/difference.ts'
import { countOf } from '../words/numbers.ts'
import { Empty } from './loaded.tsx'

const SIGNS = { same: ' ', gone: '−', new: '+' } as const
const WORDS = { same: '', gone: 'Removed: ', new: 'Added: ' } as const

/** What differs between two texts, line by line. */
export const Difference = ({ before, after, none }: { readonly before: string; readonly after: string; readonly none: string }) => {
  const { hunks, rest } = useMemo(() => hunksOf(differenceOf(before, after)), [before, after])
  if (hunks.length === 0) return <Empty title={none} />
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys
    <section class="diff" tabIndex={0} aria-label="Difference">
      {hunks.map(({ skipped, lines }) => (
        <div key={`${lines[0]?.before} ${lines[0]?.after}`}>
          {skipped > 0 && <p class="diff-skipped">{countOf(skipped, 'line')} as before</p>}
          {lines.map(({ kind, text, before: old, after: now }) => (
            <p key={`${old} ${now}`} class={`diff-line diff-${kind}`}>
              <span class="diff-number" aria-hidden="true">
                {old}
              </span>
              <span class="diff-number" aria-hidden="true">
                {now}
              </span>
              <span aria-hidden="true">{SIGNS[kind]}</span>
              <span class="diff-text">
                {WORDS[kind] !== '' && <span class="hidden">{WORDS[kind]}</span>}
                {text}
              </span>
            </p>
          ))}
        </div>
      ))}
      {rest > 0 && <p class="diff-skipped">{countOf(rest, 'line')} as before</p>}
    </section>
  )
}
