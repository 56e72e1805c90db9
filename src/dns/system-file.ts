import { readFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** A small file of the system that other programs change. A file that is missing or unreadable is an empty one. */
export class SystemFile {
  readonly #path: string
  #seen = ''
  #text = ''
  #busy = false

  constructor(path: string) {
    this.#path = path
  }

  get text(): string {
    return this.#text
  }

  /** Reads it now; for the start. */
  readNow(): string {
    try {
      this.#text = readFileSync(this.#path, 'utf8')
    } catch {
      this.#text = ''
    }
    return this.#text
  }

  /** Reads it again when its time or size changed. @returns whether its text is another one */
  async changed(): Promise<boolean> {
    if (this.#busy) return false
    this.#busy = true
    try {
      const seen = await stat(this.#path).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
        () => 'missing',
      )
      if (seen === this.#seen) return false
      const before = this.#text
      this.#text = seen === 'missing' ? '' : await readFile(this.#path, 'utf8').catch(() => '')
      this.#seen = seen
      return this.#text !== before
    } finally {
      this.#busy = false
    }
  }
}
