/** Times and spans in words. All times are milliseconds since 1970, shown in the zone of whoever looks. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const plural = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`

/** @returns NaN for what is no time */
export const instant = (time: string | number): number => (typeof time === 'number' ? time : Date.parse(time))

/** A span in its one or two largest units: `4 s`, `3 min 20 s`, `2 h 5 min`, `5 days`. */
export const spanText = (ms: number): string => {
  const span = Math.max(0, ms)
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`
  if (span < HOUR) return two(span, MINUTE, 'min', SECOND, 's')
  if (span < DAY) return two(span, HOUR, 'h', MINUTE, 'min')
  const days = Math.floor(span / DAY)
  if (days >= 3) return plural(days, 'day')
  const hours = Math.floor((span % DAY) / HOUR)
  return hours === 0 ? plural(days, 'day') : `${plural(days, 'day')} ${hours} h`
}

const two = (span: number, large: number, largeName: string, small: number, smallName: string): string => {
  const first = Math.floor(span / large)
  const second = Math.floor((span % large) / small)
  return second === 0 ? `${first} ${largeName}` : `${first} ${largeName} ${second} ${smallName}`
}

/** Like a clock, for something that runs: `0:07`, `12:30`, `1:02:03`. */
export const clockText = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / SECOND))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const padded = (part: number): string => String(part).padStart(2, '0')
  return h > 0 ? `${h}:${padded(m)}:${padded(s)}` : `${m}:${padded(s)}`
}

/** `3 min ago`, `in 23 days`, `just now`: one unit, as people say it. */
export const relativeText = (time: number, now: number): string => {
  const ahead = time > now
  const span = Math.abs(time - now)
  if (span < 5 * SECOND) return ahead ? 'in a moment' : 'just now'
  const text = oneUnit(span)
  return ahead ? `in ${text}` : `${text} ago`
}

const oneUnit = (span: number): string => {
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`
  if (span < 2 * DAY) return `${Math.floor(span / HOUR)} h`
  if (span < 60 * DAY) return plural(Math.floor(span / DAY), 'day')
  if (span < 730 * DAY) return plural(Math.floor(span / (30.44 * DAY)), 'month')
  return plural(Math.floor(span / (365.25 * DAY)), 'year')
}

/** English whatever the browser's language is, like everything else here; without a zone: the one of the machine. */
const format = (options: Intl.DateTimeFormatOptions, zone?: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-GB', { ...options, ...(zone !== undefined && { timeZone: zone }) })

/** `21 Nov 2025`. */
export const dateText = (time: number, zone?: string): string =>
  Number.isNaN(time) ? '–' : format({ day: 'numeric', month: 'short', year: 'numeric' }, zone).format(time)

/** `14:10:05`, or with milliseconds `14:10:05.123`. */
export const timeText = (time: number, milliseconds = false, zone?: string): string =>
  Number.isNaN(time)
    ? '–'
    : format(
        { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false, ...(milliseconds && { fractionalSecondDigits: 3 }) },
        zone,
      ).format(time)

/** `21 Nov 2025, 14:10:05`. */
export const momentText = (time: number, zone?: string): string =>
  Number.isNaN(time) ? '–' : `${dateText(time, zone)}, ${timeText(time, false, zone)}`

/** For titles: `Friday 21 November 2025 at 14:10:05 GMT+1`, and the same in UTC. */
export const absoluteText = (time: number, zone?: string): string =>
  Number.isNaN(time) ? 'unknown' : `${format({ dateStyle: 'full', timeStyle: 'long' }, zone).format(time)}\n${new Date(time).toISOString()}`
