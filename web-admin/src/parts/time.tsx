import { useEffect, useState } from 'preact/hooks'
import { absoluteText, clockText, instant, momentText, relativeText } from '../words/time.ts'

/** The time of now, again and again: at most as often as asked for. */
export const useNow = (everyMs: number): number => {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now())
    }, everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

interface At {
  /** ISO 8601, or milliseconds since 1970. */
  readonly at: string | number
}

const dateTime = (time: number): string | undefined => (Number.isNaN(time) ? undefined : new Date(time).toISOString())

/** `3 min ago`; the absolute time in the title. */
export const Ago = ({ at }: At) => {
  useNow(10_000)
  const time = instant(at)
  return (
    <time class="time" dateTime={dateTime(time)} title={absoluteText(time)}>
      {/* Of this moment: what has happened since the last tick is no future */}
      {Number.isNaN(time) ? '–' : relativeText(time, Date.now())}
    </time>
  )
}

/** `21 Nov 2025, 14:10:05`. */
export const Moment = ({ at }: At) => {
  const time = instant(at)
  return (
    <time class="time" dateTime={dateTime(time)} title={absoluteText(time)}>
      {momentText(time)}
    </time>
  )
}

/** How long something runs already, like a clock. */
export const Running = ({ at }: At) => {
  const now = useNow(1000)
  const time = instant(at)
  return (
    <time class="time" dateTime={dateTime(time)} title={`Since ${absoluteText(time)}`}>
      {Number.isNaN(time) ? '–' : clockText(now - time)}
    </time>
  )
}
