import { Component, type RefObject } from 'preact'
import { useEffect, useImperativeHandle, useRef, useState } from 'preact/hooks'
import { piecesOf } from '../config/highlight.ts'
import type { LineProblems } from '../config/problems.ts'

export interface EditorHandle {
  /** Puts the caret into a line and shows it. */
  goTo(line: number): void
}

interface LineProps {
  readonly text: string
  readonly problem: LineProblems | undefined
  readonly marked: boolean
}

/** One line behind the text area; drawn again only when it has changed. */
class Line extends Component<LineProps> {
  override shouldComponentUpdate({ text, problem, marked }: LineProps): boolean {
    return text !== this.props.text || problem !== this.props.problem || marked !== this.props.marked
  }

  override render({ text, problem, marked }: LineProps) {
    return (
      <span class={`code-line${problem === undefined ? '' : ` code-${problem.severity}`}${marked ? ' code-marked' : ''}`}>
        {piecesOf(text).map(([kind, piece]) => (kind === 'plain' ? piece : <span class={`code-${kind}`}>{piece}</span>))}
        {problem !== undefined && <span class="code-problem">{problem.problems.map(({ message }) => message).join('; ')}</span>}
      </span>
    )
  }
}

const NO_PROBLEMS: ReadonlyMap<number, LineProblems> = new Map()

export const Code = ({
  text,
  problems = NO_PROBLEMS,
  marked,
}: {
  readonly text: string
  readonly problems?: ReadonlyMap<number, LineProblems>
  readonly marked?: number | undefined
}) => (
  <>
    {text.split('\n').map((line, index) => (
      <Line key={index} text={line} problem={problems.get(index + 1)} marked={marked === index + 1} />
    ))}
  </>
)

/**
 * A plain text area over its own text in colours, with line numbers and with problems behind the lines. The text area is as large as the
 * text, and what is around it scrolls: so the two cannot come apart.
 */
export const Editor = ({
  text,
  problems,
  label,
  describedBy,
  handle,
  onText,
}: {
  readonly text: string
  readonly problems: ReadonlyMap<number, LineProblems>
  readonly label: string
  readonly describedBy?: string
  readonly handle: RefObject<EditorHandle>
  readonly onText: (text: string) => void
}) => {
  const area = useRef<HTMLTextAreaElement>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const [marked, setMarked] = useState<number>()

  useImperativeHandle(handle, () => ({
    goTo: (line) => {
      const [input, box] = [area.current, scroller.current]
      if (input === null || box === null) return
      const lines = input.value.split('\n')
      const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0)
      input.focus({ preventScroll: true })
      input.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
      const height = input.clientHeight / Math.max(1, lines.length)
      box.scrollTop = Math.max(0, (line - 4) * height)
      box.scrollLeft = 0
      box.scrollIntoView({ block: 'nearest' })
      setMarked(line)
    },
  }))
  useEffect(() => {
    if (marked === undefined) return undefined
    const timer = setTimeout(() => setMarked(undefined), 2500)
    return () => clearTimeout(timer)
  }, [marked])

  return (
    <div class="editor" ref={scroller}>
      <div class="editor-inner">
        <pre class="code" aria-hidden="true">
          <Code text={text} problems={problems} marked={marked} />
        </pre>
        <textarea
          ref={area}
          class="editor-area"
          aria-label={label}
          aria-describedby={describedBy}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          wrap="off"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.isComposing) return
            const { value, selectionStart } = event.currentTarget
            const line = value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart)
            const indent = `${/^ */.exec(line)![0]}${/:\s*$/.test(line) ? '  ' : ''}`
            if (indent === '') return
            // Unlike a change of the value, this can be taken back with the keys for it
            if (document.execCommand('insertText', false, `\n${indent}`)) event.preventDefault()
          }}
        />
      </div>
    </div>
  )
}

/** A text to look at, with line numbers. */
export const CodeView = ({ text, label }: { readonly text: string; readonly label: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with keys
  <section class="editor" tabIndex={0} aria-label={label}>
    <pre class="code">
      <Code text={text.replace(/\n$/, '')} />
    </pre>
  </section>
)
