import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { printable } from './errors.ts'

/** Steps from the root of the file: keys and list positions. */
export type Path = readonly (string | number)[]

export interface Place {
  readonly line: number
  readonly column: number
}

/** A file this long is no configuration that somebody wrote. */
const MAX_CHARACTERS = 512 * 1024
/** More aliases than this are a bomb or a mistake; each one costs a search through the whole file. */
const MAX_ALIASES = 100

const NOWHERE: Place = { line: 0, column: 0 }
const START: Place = { line: 1, column: 1 }

/** `zones.pbx.targets[0]`. */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`), '')

/** A YAML text with the places of its values; comments stay in `document`, for the web admin's edits. */
export class Source {
  readonly document: Document
  readonly #lines: LineCounter
  #aliases = 0

  constructor(document: Document, lines: LineCounter) {
    this.document = document
    this.#lines = lines
  }

  placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return line === 0 ? START : { line, column: col }
  }

  /** What an alias stands for. `undefined` when it stands for nothing, or when there are too many. */
  resolve(node: unknown): Node | undefined {
    if (!isAlias(node)) return (node ?? undefined) as Node | undefined
    if (++this.#aliases > MAX_ALIASES) return undefined
    return node.resolve(this.document)
  }

  get tooManyAliases(): boolean {
    return this.#aliases > MAX_ALIASES
  }

  /** Where a value stands, or the nearest thing around it; `key`: where its key stands. */
  placeOf(path: Path, at: 'key' | 'value'): Place {
    let node: unknown = this.document.contents
    let place = START
    for (const [index, step] of path.entries()) {
      const container = isAlias(node) ? node.resolve(this.document) : node
      let next: unknown
      if (isMap(container)) {
        const pair = container.items.find((item) => isScalar(item.key) && item.key.value === step)
        if (pair === undefined) return place
        next = pair.value
        place = this.#startOf(pair.key) ?? place
        if (at === 'key' && index === path.length - 1) return place
      } else if (isSeq(container) && typeof step === 'number') {
        next = container.items[step]
      } else return place
      place = this.#startOf(next) ?? place
      node = next
    }
    return place
  }

  #startOf(node: unknown): Place | undefined {
    const range = (node as Node | null | undefined)?.range
    return range ? this.placeAt(range[0]) : undefined
  }
}

export interface SyntaxProblem extends Place {
  readonly message: string
  readonly remedy: string
}

const SYNTAX_REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Indent with spaces',
  BAD_INDENT: 'Indent the keys of one mapping alike',
  MULTIPLE_DOCS: 'Remove the "---" line and what follows it',
  NON_STRING_KEY: 'Write a plain word as the key',
  MISSING_CHAR: 'Close what was opened, and put a comma between the entries of { } and [ ]',
  BAD_ALIAS: 'Define the anchor (&name) before it is used (*name)',
}

/** Reads YAML 1.2. Never throws; returns the source, or why it is no YAML. */
export const readSource = (text: string): Source | readonly SyntaxProblem[] => {
  if (text.length > MAX_CHARACTERS) {
    const message = `The file has ${text.length} characters, more than the ${MAX_CHARACTERS} allowed`
    return [{ ...NOWHERE, message, remedy: 'Check that this is the configuration file' }]
  }
  const lineCounter = new LineCounter()
  let document: Document
  try {
    // Keys are compared by us (`readTree`): the library does it in quadratic time
    document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false,
      stringKeys: true,
      logLevel: 'error',
    }) as Document
  } catch {
    // A RangeError: thousands of brackets nested into each other
    return [{ ...NOWHERE, message: 'The file is nested too deeply', remedy: 'Check that this is the configuration file' }]
  }
  const source = new Source(document, lineCounter)
  if (document.errors.length === 0) return source
  return document.errors.slice(0, 20).map((error) => ({
    ...source.placeAt(error.pos[0]),
    message: printable(`Not valid YAML: ${error.message.replace(/\s+/g, ' ')}`),
    remedy: SYNTAX_REMEDIES[error.code] ?? 'Correct the YAML syntax at this place',
  }))
}
