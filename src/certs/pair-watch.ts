import { stat } from 'node:fs/promises'

/**
 * Whether the two files of a pair have changed. Watching by the system's notices misses what happens on network file systems, behind
 * symbolic links and in renamed folders; looking at size and times does not. Whoever replaces a pair writes one file after the other: a
 * change counts when two looks in a row saw the same.
 */
export class PairWatch {
  readonly chain: string
  readonly key: string
  #used: string | undefined
  #seen: string | undefined
  #refused: string | undefined

  constructor(chain: string, key: string) {
    this.chain = chain
    this.key = key
  }

  /** To be called before the files are read. */
  stamp(): Promise<string> {
    return stampOf(this.chain, this.key)
  }

  /** The pair with that stamp is the one in use. */
  used(stamp: string): void {
    this.#used = stamp
    this.#seen = stamp
    this.#refused = undefined
  }

  /** The pair with that stamp cannot be used: it is not looked at again. */
  refused(stamp: string): void {
    this.#refused = stamp
  }

  /** There is something else than what is used, which may be half-written. */
  get waiting(): boolean {
    return this.#seen !== undefined && this.#seen !== this.#used
  }

  /** @returns true when there is another pair, and it has come to rest */
  async changed(): Promise<boolean> {
    const now = await this.stamp()
    const rests = now === this.#seen
    this.#seen = now
    return rests && now !== this.#used && now !== this.#refused
  }
}

const stampOf = async (...paths: readonly string[]): Promise<string> => {
  const stamps = await Promise.all(
    paths.map(async (path) => {
      try {
        const { mtimeMs, ctimeMs, size, ino } = await stat(path)
        return `${mtimeMs} ${ctimeMs} ${size} ${ino}`
      } catch {
        return '-' // Not there at the moment, or not to be looked at: both will be said by the reading
      }
    }),
  )
  return stamps.join(', ')
}
