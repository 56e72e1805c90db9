import type { DestinationStream } from 'pino'

/** The last lines of the log, for people who look at it in a browser: what was masked stays masked. */
export class RecentLines {
  readonly #lines: string[] = []
  readonly #most: number
  #told: ((line: Readonly<Record<string, unknown>>) => void) | undefined

  constructor(most = 1000) {
    this.#most = most
  }

  /** Calls `told` with each line from now on. */
  follow(told: (line: Readonly<Record<string, unknown>>) => void): void {
    this.#told = told
  }

  /** @param text a line of JSON */
  add(text: string): void {
    this.#lines.push(text)
    if (this.#lines.length > this.#most) this.#lines.shift()
    if (this.#told === undefined) return
    const line = parsed(text)
    if (line !== undefined) this.#told(line)
  }

  /** The newest last. */
  list(limit: number): readonly Readonly<Record<string, unknown>>[] {
    return this.#lines.slice(-limit).flatMap((text) => {
      const line = parsed(text)
      return line === undefined ? [] : [line]
    })
  }
}

/** Everything that goes to `stream` is also remembered. */
export const remembering = (stream: DestinationStream, recent: RecentLines): DestinationStream => ({
  write: (text: string) => {
    stream.write(text)
    recent.add(text)
  },
})

const parsed = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
