/** Spans in milliseconds, and times that are so far from now. */
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const iso = (fromNow: number): string => new Date(Date.now() + fromNow).toISOString()
