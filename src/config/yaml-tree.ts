/**
 * Where things stand in a configuration file: enough of YAML to find a value and to change it without touching anything else. The server alone
 * says what a file means; this only finds places. What is written in a way that this does not know (anchors, tags, texts over several lines)
 * becomes `opaque`: it stays as it is, and only the text changes it.
 */

interface Range {
  /** Offsets in the text; `end` is after the last character, without spaces and comments behind it. */
  readonly start: number
  readonly end: number
}

export interface ScalarNode extends Range {
  readonly kind: 'scalar'
  readonly value: string
  /** `empty`: a key without a value; the range is where one would stand. */
  readonly style: 'plain' | 'single' | 'double' | 'empty'
}

export interface MapEntry {
  readonly key: string
  readonly keyRange: Range
  readonly value: YamlNode
}

export interface MapNode extends Range {
  readonly kind: 'map'
  /** `{ a: 1 }` */
  readonly flow: boolean
  /** Column of the keys; of a flow mapping that of the line's first character. */
  readonly indent: number
  readonly entries: readonly MapEntry[]
}

export interface ListNode extends Range {
  readonly kind: 'list'
  readonly flow: boolean
  /** Column of the dashes. */
  readonly indent: number
  /** `start` of each: its dash, or in a flow list the item itself. */
  readonly items: readonly { readonly start: number; readonly value: YamlNode }[]
}

export interface OpaqueNode extends Range {
  readonly kind: 'opaque'
}

export type YamlNode = ScalarNode | MapNode | ListNode | OpaqueNode

/** Keys of mappings and indexes of lists. */
export type Path = readonly (string | number)[]

/** undefined: the text as a whole cannot be followed. Never throws. */
export const readYaml = (text: string): YamlNode | undefined => {
  const reader = new Reader(text)
  try {
    return reader.whole()
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

export const nodeAt = (root: YamlNode | undefined, path: Path): YamlNode | undefined => {
  let node = root
  for (const part of path) {
    if (node?.kind === 'map') node = node.entries.find(({ key }) => key === part)?.value
    else if (node?.kind === 'list' && typeof part === 'number') node = node.items[part]?.value
    else return undefined
  }
  return node
}

/** `zones.pbx.targets[0]`, as the server writes it. */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '')

/** From 1. */
export const lineAt = (text: string, offset: number): number => {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

class Unreadable extends Error {}

const DEEPEST = 60

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): YamlNode {
    this.#toContent()
    if (/^---(?=[ \t\r\n]|$)/.test(this.#text.slice(this.#at, this.#at + 4)) && this.#column() === 0) {
      this.#at += 3
      this.#toContent()
    }
    if (this.#at >= this.#text.length) return this.#empty(this.#text.length)
    const node = this.#block(-1, true)
    this.#toContent()
    if (this.#at < this.#text.length && !this.#text.startsWith('...', this.#at)) throw new Unreadable()
    return node
  }

  /** The node that begins here or, after an empty rest of the line, below. `parent` is the column that it must be right of. */
  #block(parent: number, mayBeMapping: boolean, listMayStandAtParent = false): YamlNode {
    if (++this.#depth > DEEPEST) throw new Unreadable()
    const before = this.#at
    const line = this.#lineStart()
    this.#toContent()
    const below = this.#lineStart() !== line
    const column = this.#column()
    const dash = this.#isDash()
    if (this.#text.slice(this.#lineStart(), this.#at).includes('\t')) throw new Unreadable()
    if (this.#at >= this.#text.length || (below && (column < parent || (column === parent && !(dash && listMayStandAtParent))))) {
      this.#at = before
      this.#depth--
      return this.#empty(before)
    }
    const node = this.#content(parent, column, mayBeMapping || below, dash)
    this.#depth--
    return node
  }

  #content(parent: number, column: number, mayBeMapping: boolean, dash: boolean): YamlNode {
    const first = this.#text[this.#at]!
    if (first === '\t' || first === '%' || first === '@' || first === '`') throw new Unreadable()
    if (dash) {
      if (!mayBeMapping) throw new Unreadable()
      return this.#blockList(column)
    }
    if (first === '?' && /[\s]/.test(this.#text[this.#at + 1] ?? ' ')) return this.#opaque(parent)
    if (mayBeMapping && this.#keyEnd() !== undefined) return this.#blockMap(column)
    switch (first) {
      case '[':
      case '{': {
        const node = this.#flow()
        this.#restIsEmpty()
        return node
      }
      case '|':
      case '>':
      case '&':
      case '*':
      case '!':
        return this.#opaque(parent)
      case '"':
      case "'": {
        const node = this.#quoted()
        this.#restIsEmpty()
        return node
      }
      default:
        return this.#plain(parent)
    }
  }

  #blockMap(indent: number): MapNode {
    const start = this.#at
    const entries: MapEntry[] = []
    let end = start
    for (;;) {
      const keyEnd = this.#keyEnd()
      if (keyEnd === undefined) throw new Unreadable()
      const keyRange = { start: this.#at, end: keyEnd }
      const key = this.#keyText(keyRange)
      this.#at = this.#text.indexOf(':', keyEnd) + 1
      const afterColon = this.#at
      const value = this.#block(indent, false, true)
      entries.push({ key, keyRange, value })
      end = value.kind === 'scalar' && value.style === 'empty' ? afterColon : value.end
      this.#at = Math.max(end, afterColon)
      this.#toContent()
      const column = this.#column()
      if (this.#at >= this.#text.length || column < indent || this.#documentEnd()) break
      if (column > indent) throw new Unreadable()
      if (this.#isDash()) throw new Unreadable()
    }
    return { kind: 'map', flow: false, indent, entries, start, end }
  }

  #blockList(indent: number): ListNode {
    const start = this.#at
    const items: { start: number; value: YamlNode }[] = []
    let end = start
    for (;;) {
      const dash = this.#at
      this.#at += 1
      const value = this.#block(indent, true)
      items.push({ start: dash, value })
      end = value.kind === 'scalar' && value.style === 'empty' ? dash + 1 : value.end
      this.#at = end
      this.#toContent()
      const column = this.#column()
      if (this.#at >= this.#text.length || column < indent || this.#documentEnd()) break
      if (column > indent) throw new Unreadable()
      // A list that stands at the column of its key ends at the next key
      if (!this.#isDash()) break
    }
    return { kind: 'list', flow: false, indent, items, start, end }
  }

  /** Flow collections and what is in them, from the bracket to its partner. */
  #flow(): MapNode | ListNode {
    if (++this.#depth > DEEPEST) throw new Unreadable()
    const start = this.#at
    const indent = /^ */.exec(this.#text.slice(this.#lineStart()))![0].length
    const isMap = this.#text[start] === '{'
    const close = isMap ? '}' : ']'
    const entries: MapEntry[] = []
    const items: { start: number; value: YamlNode }[] = []
    this.#at += 1
    for (;;) {
      this.#toContent()
      if (this.#text[this.#at] === close) break
      if (isMap) entries.push(this.#flowEntry())
      else {
        const at = this.#at
        items.push({ start: at, value: this.#flowValue() })
        this.#toContent()
        // `[ a: 1 ]` is a mapping in a list
        if (this.#text[this.#at] === ':') throw new Unreadable()
      }
      this.#toContent()
      if (this.#text[this.#at] === ',') this.#at += 1
      else if (this.#text[this.#at] !== close) throw new Unreadable()
    }
    this.#at += 1
    this.#depth--
    const range = { start, end: this.#at }
    return isMap ? { kind: 'map', flow: true, indent, entries, ...range } : { kind: 'list', flow: true, indent, items, ...range }
  }

  #flowEntry(): MapEntry {
    const quoted = /["']/.test(this.#text[this.#at] ?? '')
    const key = quoted ? this.#quoted() : this.#flowPlain(true)
    if (key.kind !== 'scalar') throw new Unreadable()
    this.#toContent()
    const keyRange = { start: key.start, end: key.end }
    if (this.#text[this.#at] !== ':') return { key: key.value, keyRange, value: this.#empty(this.#at) }
    this.#at += 1
    const after = this.#at
    this.#toContent()
    if (/[,}]/.test(this.#text[this.#at] ?? '')) return { key: key.value, keyRange, value: this.#empty(after) }
    return { key: key.value, keyRange, value: this.#flowValue() }
  }

  #flowValue(): YamlNode {
    const first = this.#text[this.#at]
    if (first === '[' || first === '{') return this.#flow()
    if (first === '"' || first === "'") return this.#quoted()
    return this.#flowPlain(false)
  }

  #flowPlain(key: boolean): ScalarNode {
    const start = this.#at
    if (/^(?:[&*!|>%@`]|[?-]\s)/.test(this.#text.slice(start, start + 2))) throw new Unreadable()
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!
      if (/[,[\]{}\n\r]/.test(character)) break
      if (character === '#' && /\s/.test(this.#text[this.#at - 1]!)) break
      if (character === ':' && /[\s,[\]{}]/.test(this.#text[this.#at + 1] ?? ' ')) break
      this.#at += 1
    }
    const value = this.#text.slice(start, this.#at).trimEnd()
    if (value === '') throw new Unreadable()
    const end = start + value.length
    this.#at = end
    if (!key) {
      // A plain text that goes on in the next line
      this.#toContent()
      if (!/[,\]}:]/.test(this.#text[this.#at] ?? '')) throw new Unreadable()
      this.#at = end
    }
    return { kind: 'scalar', value, style: 'plain', start, end }
  }

  #quoted(): ScalarNode {
    const start = this.#at
    const end = this.#quoteEnd(start)
    if (end === undefined) throw new Unreadable()
    this.#at = end
    const inner = this.#text.slice(start + 1, end - 1)
    if (inner.includes('\n')) throw new Unreadable()
    const single = this.#text[start] === "'"
    return {
      kind: 'scalar',
      style: single ? 'single' : 'double',
      value: single ? inner.replaceAll("''", "'") : unescaped(inner),
      start,
      end,
    }
  }

  #quoteEnd(start: number): number | undefined {
    const form = this.#text[start] === "'" ? /'(?:[^']|'')*'/y : /"(?:[^"\\]|\\[\s\S])*"/y
    form.lastIndex = start
    return form.test(this.#text) ? form.lastIndex : undefined
  }

  #plain(parent: number): YamlNode {
    const start = this.#at
    const value = this.#text.slice(start, this.#lineEnd()).split(/\s#/)[0]!.trimEnd()
    const end = start + value.length
    this.#at = end
    if (/:(?:\s|$)/.test(value)) throw new Unreadable()
    this.#toContent()
    const goesOn = this.#at < this.#text.length && this.#column() > parent && this.#lineStart() > end && !this.#documentEnd()
    this.#at = end
    if (goesOn) {
      this.#at = start
      return this.#opaque(parent)
    }
    return { kind: 'scalar', value, style: 'plain', start, end }
  }

  /** Everything from here to the next line that is not right of `parent`. */
  #opaque(parent: number): OpaqueNode {
    const start = this.#at
    let end = this.#lineEnd()
    this.#at = end
    while (this.#at < this.#text.length) {
      this.#at += 1
      const line = this.#text.slice(this.#at, this.#lineEnd())
      const indent = /^ */.exec(line)![0].length
      if (line.trim() !== '') {
        if (indent <= parent) break
        end = this.#at + line.trimEnd().length
      }
      this.#at = this.#lineEnd()
    }
    this.#at = end
    return { kind: 'opaque', start, end }
  }

  /** Where the key ends that begins here; undefined: no key begins here. */
  #keyEnd(): number | undefined {
    const first = this.#text[this.#at]!
    if (first === '"' || first === "'") {
      const end = this.#quoteEnd(this.#at)
      return end !== undefined && /^[ \t]*:(?:\s|$)/.test(this.#text.slice(end, this.#lineEnd())) ? end : undefined
    }
    if (/[[\]{}&*!|>,#]/.test(first)) return undefined
    const line = this.#text.slice(this.#at, this.#lineEnd())
    const [, key] = /^(.*?)[ \t]*:(?:\s|$)/.exec(line.split(/\s#/)[0]!) ?? []
    return key === undefined || key === '' ? undefined : this.#at + key.length
  }

  #keyText({ start, end }: Range): string {
    const raw = this.#text.slice(start, end)
    if (raw.startsWith("'")) return raw.slice(1, -1).replaceAll("''", "'")
    return raw.startsWith('"') ? unescaped(raw.slice(1, -1)) : raw
  }

  #empty(at: number): ScalarNode {
    return { kind: 'scalar', value: '', style: 'empty', start: at, end: at }
  }

  #isDash(): boolean {
    return this.#text[this.#at] === '-' && /\s/.test(this.#text[this.#at + 1] ?? ' ')
  }

  #documentEnd(): boolean {
    return this.#column() === 0 && /^(?:---|\.\.\.)(?=\s|$)/.test(this.#text.slice(this.#at, this.#at + 4))
  }

  /** Past spaces, line breaks and comments. */
  #toContent(): void {
    const form = /(?:[ \t\r\n]+(?:#[^\n]*)?|(?<=^|\n)#[^\n]*)*/y
    form.lastIndex = this.#at
    form.test(this.#text)
    this.#at = form.lastIndex
  }

  #restIsEmpty(): void {
    if (!/^[ \t\r]*(?:$|[ \t]#)/.test(this.#text.slice(this.#at, this.#lineEnd()))) throw new Unreadable()
  }

  #lineStart(): number {
    return this.#text.lastIndexOf('\n', this.#at - 1) + 1
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at)
    return end < 0 ? this.#text.length : end
  }

  #column(): number {
    return this.#at - this.#lineStart()
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0', ' ': ' ', '"': '"', '/': '/', '\\': '\\' }

const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/g, (_all, x?: string, u?: string, one?: string) =>
    one === undefined ? String.fromCharCode(Number.parseInt((x ?? u)!, 16)) : (ESCAPES[one] ?? one),
  )
