import { useEffect, useRef, useState } from 'preact/hooks'
import { call } from '../api/client.ts'
import { onTopic } from '../api/live.ts'
import { refresh, useResource } from '../api/resource.ts'
import type { LogLevel, LogLine, LogLines, State } from '../api/types.ts'
import { told } from '../notices.ts'
import { Button } from '../parts/button.tsx'
import { Search, SelectField } from '../parts/field.tsx'
import { Empty, Loaded } from '../parts/loaded.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Tag } from '../parts/status.tsx'
import { fieldsOf, LEVEL_LOOKS, LEVELS, levelOfLine, lineMatches } from '../words/log.ts'
import { countOf } from '../words/numbers.ts'
import { absoluteText, dateText, instant, timeText } from '../words/time.ts'

const MOST = 1000
const SHOWN = 400

export const LogPage = () => {
  const past = useResource<LogLines>(`/log?limit=${MOST}`)
  const state = useResource<State>('/state', 'state').data
  const [least, setLeast] = useState<LogLevel>('info')
  const [text, setText] = useState('')
  const [paused, setPaused] = useState(false)
  const lines = useLines(past.data, paused)
  const shown = lines.filter((line) => lineMatches(line, { least, text }))
  const write = async (level: LogLevel): Promise<void> => {
    await call('PUT', '/log-level', { level })
    told(`From now on the edge writes ${level} and above`)
    refresh('/state')
  }
  return (
    <Page
      title="Log"
      lead="What the edge writes, as it writes it; the newest first"
      actions={
        <>
          <Search what="the log" value={text} onValue={setText} />
          <Button icon={paused ? 'play' : 'pause'} pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? 'Go on' : 'Pause'}
          </Button>
        </>
      }
    >
      <div class="row log-bar">
        <SelectField
          label="Show"
          value={least}
          options={LEVELS.map((level) => [level, `${level} and above`] as const)}
          onValue={setLeast}
        />
        {state !== undefined && (
          <SelectField
            label="The edge writes"
            value={state.logLevel}
            options={LEVELS.map((level) => [level, `${level} and above`] as const)}
            onValue={(level) => void write(level)}
          />
        )}
        <p class="muted" aria-live="off">
          {countOf(shown.length, 'line')}
          {shown.length > SHOWN && `, the newest ${SHOWN} are shown`}
        </p>
      </div>
      <Card flush>
        <Loaded from={past} lines={10}>
          {() =>
            shown.length === 0 ? (
              <Empty title={lines.length === 0 ? 'The log is empty' : 'No line matches'}>
                {lines.length > 0 && `${countOf(lines.length, 'line')} of other levels or with other words`}
              </Empty>
            ) : (
              <ol class="log">
                {shown.slice(0, SHOWN).map((line, index) => (
                  <Line key={keyOf(line)} line={line} day={dayBefore(shown[index - 1], line)} />
                ))}
              </ol>
            )
          }
        </Loaded>
      </Card>
    </Page>
  )
}

const keys = new WeakMap<LogLine, number>()
let nextKey = 1
/** Lines have no number of their own. */
const keyOf = (line: LogLine): number => {
  const key = keys.get(line) ?? nextKey++
  keys.set(line, key)
  return key
}

/** The newest first; those that come while it pauses appear when it goes on. */
const useLines = (past: LogLines | undefined, paused: boolean): readonly LogLine[] => {
  const [lines, setLines] = useState<readonly LogLine[]>([])
  const waiting = useRef<LogLine[]>([])
  const stopped = useRef(paused)
  stopped.current = paused

  useEffect(() => {
    if (past === undefined) return
    waiting.current = []
    setLines(inOrder(past.lines))
  }, [past])
  useEffect(() => {
    // A busy edge writes many lines in one moment: they are drawn together
    const timer = setInterval(() => {
      if (stopped.current || waiting.current.length === 0) return
      const come = waiting.current.reverse()
      waiting.current = []
      setLines((before) => [...come, ...before].slice(0, MOST))
    }, 250)
    const stop = onTopic('log', (event) => {
      const come = (event as Partial<LogLines>).lines ?? [event as LogLine]
      waiting.current = [...waiting.current, ...come.filter((line) => typeof line.msg === 'string')].slice(-MOST)
    })
    return () => {
      clearInterval(timer)
      stop()
    }
  }, [])
  return lines
}

const inOrder = (lines: readonly LogLine[]): readonly LogLine[] => lines.toSorted((a, b) => instant(b.time) - instant(a.time))

/** The day of a line, where it is another one than that of the line above. */
const dayBefore = (above: LogLine | undefined, line: LogLine): string | undefined => {
  const day = dateText(instant(line.time))
  const last = above === undefined ? dateText(Date.now()) : dateText(instant(above.time))
  return day === last ? undefined : day
}

const Line = ({ line, day }: { readonly line: LogLine; readonly day: string | undefined }) => {
  const level = levelOfLine(line)
  const time = instant(line.time)
  const fields = fieldsOf(line)
  return (
    <li>
      {day !== undefined && <p class="log-day">{day}</p>}
      <div class={`log-line log-${level}`}>
        <time class="mono muted" title={absoluteText(time)}>
          {timeText(time, true)}
        </time>
        <Tag level={LEVEL_LOOKS[level]}>{level}</Tag>
        <div>
          <p>{line.msg}</p>
          {fields.length > 0 && (
            <p class="log-fields mono">
              {fields.map(([name, value]) => (
                <LineField key={name} name={name} value={value} />
              ))}
            </p>
          )}
        </div>
      </div>
    </li>
  )
}

/** Longer ones are folded: they would hide the lines around them. */
const LONGEST = 120

const LineField = ({ name, value }: { readonly name: string; readonly value: string }) => {
  const [open, setOpen] = useState(false)
  const folded = value.length > LONGEST && !open
  return (
    <span>
      <span class="muted">{name}=</span>
      {folded ? value.slice(0, 60) : value}
      {folded && (
        <button type="button" class="line-link" onClick={() => setOpen(true)}>
          … all {value.length} characters
        </button>
      )}
    </span>
  )
}
