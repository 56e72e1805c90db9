import { type ConfigProblem, printable } from './errors.ts'
import { type Path, pathText, type Source } from './source.ts'

/** Why a text could not be read: a sentence with the value, and what to write instead. */
export interface Fault {
  readonly fault: string
  readonly remedy: string
}

export const fault = (sentence: string, remedy: string): Fault => ({ fault: sentence, remedy })
export const isFault = (value: object): value is Fault => Object.hasOwn(value, 'fault')

/** Where a setting of the effective configuration comes from. */
export type Origin =
  | { readonly kind: 'default'; readonly why: string }
  | { readonly kind: 'file'; readonly line: number }
  | { readonly kind: 'environment'; readonly variable: string }

/** More would not help anybody. */
const MAX_PROBLEMS = 200

/** Collects what is wrong in one file, so that all of it is told at once, and what was added by default. */
export class Report {
  readonly #source: Source
  readonly #problems: ConfigProblem[] = []
  readonly #seen = new Set<string>()
  readonly #derived: { readonly path: Path; readonly value: unknown; readonly why: string }[] = []
  #errors = 0

  constructor(source: Source) {
    this.#source = source
  }

  get failed(): boolean {
    return this.#errors > 0
  }

  /** Whether something is wrong in one part: complaints about what is built upon it would only repeat that. */
  failedIn(part: Path): boolean {
    const text = pathText(part)
    return this.#problems.some(
      ({ path, severity }) => severity === 'error' && path.startsWith(text) && /^(?:$|[.[])/.test(path.slice(text.length)),
    )
  }

  /** In the order of the file. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  }

  get derived(): readonly { readonly path: Path; readonly value: unknown; readonly why: string }[] {
    return this.#derived
  }

  error(path: Path, message: string, remedy: string, at: 'key' | 'value' = 'value'): void {
    this.#add(path, message, remedy, at, 'error')
  }

  warn(path: Path, message: string, remedy: string, at: 'key' | 'value' = 'value'): void {
    this.#add(path, message, remedy, at, 'warning')
  }

  /** Notes a fault and gives `undefined`, or passes the value on. */
  take<T extends object>(path: Path, value: T | Fault): T | undefined {
    if (!isFault(value)) return value
    this.error(path, value.fault, value.remedy)
    return undefined
  }

  /** A default that depends on other settings, for the effective configuration. */
  derive(path: Path, value: unknown, why: string): void {
    this.#derived.push({ path, value, why })
  }

  #add(path: Path, message: string, remedy: string, at: 'key' | 'value', severity: 'error' | 'warning'): void {
    if (severity === 'error') this.#errors++
    const text = pathText(path)
    const key = `${text}\n${message}`
    if (this.#problems.length >= MAX_PROBLEMS || this.#seen.has(key)) return
    this.#seen.add(key)
    this.#problems.push({
      path: printable(text),
      ...this.#source.placeOf(path, at),
      message: printable(message),
      remedy: printable(remedy),
      severity,
    })
  }
}

/** What the operator may have meant: the nearest of `known`, when it is near. */
export const suggestion = (written: string, known: Iterable<string>): string | undefined => {
  const plain = simplified(written)
  let best: string | undefined
  let least = Math.min(3, Math.ceil(written.length / 2))
  if (written.length > 64) return undefined
  for (const candidate of known) {
    const distance = simplified(candidate) === plain ? 0 : editDistance(plain, simplified(candidate))
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** `publicAddress`, `public_address` and `Public-Address` are the same word to a person. */
const simplified = (word: string): string => word.toLowerCase().replace(/[-_\s]/g, '')

/** Optimal string alignment: insertions, deletions, replacements, swaps of neighbours. */
const editDistance = (a: string, b: string): number => {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[b.length]!
}

/** `Did you mean "x"?` when something is near, else the whole list. */
export const didYouMean = (written: string, known: Iterable<string>, what: string): string => {
  const all = [...known]
  const near = suggestion(written, all)
  if (near !== undefined) return `Did you mean "${near}"?`
  if (all.length < 2) return all.length === 0 ? `There is no ${what} yet` : `Write "${all[0]}"`
  return `Write one of ${all.join(', ')}`
}
