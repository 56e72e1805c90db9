/** Changes to a configuration file that leave every other character as it is, comments included. From text to text. */
import {
  type ListNode,
  lineAt,
  type MapEntry,
  type MapNode,
  nodeAt,
  type Path,
  readYaml,
  type ScalarNode,
  type YamlNode,
} from './yaml-tree.ts'

/** What can be written by a form. */
export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain }

/** undefined: it cannot be done by a form; the text has to be edited. */
export type Patched = string | undefined

/** Sets what stands at a path; mappings on the way are made when they are not there. */
export const setAt = (text: string, path: Path, value: Plain): Patched => {
  const root = readYaml(text)
  if (root === undefined) return undefined
  if (path.length === 0) return undefined
  const node = nodeAt(root, path)
  if (node !== undefined) return replaceValue(text, root, path, node, value)
  // The last mapping on the way that exists
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const parent = nodeAt(root, path.slice(0, depth))
    if (parent === undefined) continue
    const missing = path.slice(depth)
    if (missing.some((part) => typeof part === 'number')) return undefined
    const inner = missing.slice(1).reduceRight<Plain>((nested, part) => ({ [String(part)]: nested }), value)
    return addEntry(text, root, path.slice(0, depth), parent, String(missing[0]), inner)
  }
  return undefined
}

/** Takes away a key of a mapping or an item of a list. What becomes empty by that stays as `{}` or `[]`. */
export const removeAt = (text: string, path: Path): Patched => {
  const root = readYaml(text)
  const parent = nodeAt(root, path.slice(0, -1))
  const last = path.at(-1)
  if (last === undefined) return undefined
  if (parent?.kind === 'map') {
    const index = parent.entries.findIndex(({ key }) => key === last)
    return index < 0 ? text : cut(text, parent, parent.entries.map(placeOfEntry), index)
  }
  if (parent?.kind === 'list' && typeof last === 'number')
    return last < parent.items.length
      ? cut(
          text,
          parent,
          parent.items.map(({ start, value }) => ({ start, end: Math.max(value.end, start + (parent.flow ? 0 : 1)) })),
          last,
        )
      : text
  return undefined
}

/** Adds an item to the end of a list, which is made when it is not there. */
export const addItem = (text: string, path: Path, value: Plain): Patched => {
  const root = readYaml(text)
  const list = nodeAt(root, path)
  if (list === undefined || (list.kind === 'scalar' && list.style === 'empty')) return setAt(text, path, [value])
  if (list.kind !== 'list') return undefined
  const last = list.items.at(-1)
  if (list.flow) {
    if (last === undefined) return splice(text, list.start, list.end, `[ ${flowText(value)} ]`)
    return splice(text, last.value.end, last.value.end, `, ${flowText(value)}`)
  }
  const at = lineEnd(text, list.end)
  return splice(text, at, at, `\n${' '.repeat(list.indent)}- ${inItem(value, list.indent + 2)}`)
}

/** Puts an item before the one of that index; at the end where there is none, as `addItem`. */
export const insertItem = (text: string, path: Path, index: number, value: Plain): Patched => {
  const list = nodeAt(readYaml(text), path)
  const next = list?.kind === 'list' ? list.items[index] : undefined
  if (list?.kind !== 'list' || next === undefined) return addItem(text, path, value)
  if (list.flow) return splice(text, next.start, next.start, `${flowText(value)}, `)
  const at = lineStart(text, next.start)
  if (text.slice(at, next.start).trim() !== '') return undefined
  return splice(text, at, at, `${' '.repeat(list.indent)}- ${inItem(value, list.indent + 2)}\n`)
}

export const renameKey = (text: string, path: Path, key: string): Patched => {
  const parent = nodeAt(readYaml(text), path.slice(0, -1))
  if (parent?.kind !== 'map' || parent.entries.some((entry) => entry.key === key)) return undefined
  const entry = parent.entries.find((one) => one.key === path.at(-1))
  return entry && splice(text, entry.keyRange.start, entry.keyRange.end, scalarText(key, parent.flow))
}

const splice = (text: string, start: number, end: number, piece: string): string => text.slice(0, start) + piece + text.slice(end)

const lineEnd = (text: string, offset: number): number => {
  const end = text.indexOf('\n', offset)
  return end < 0 ? text.length : end
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1

const placeOfEntry = ({ keyRange, value }: MapEntry): { start: number; end: number } => ({
  start: keyRange.start,
  end: Math.max(keyRange.end, value.end),
})

const isScalar = (value: Plain): value is string | number | boolean => typeof value !== 'object'

const replaceValue = (text: string, root: YamlNode, path: Path, node: YamlNode, value: Plain): Patched => {
  if (node.kind === 'scalar' && node.style === 'empty') return fillEmpty(text, root, path, node, value)
  const inFlow = isInFlow(root, path)
  if (node.kind === 'scalar' && isScalar(value)) {
    const wanted = String(value)
    if (node.value === wanted && node.style !== 'empty') return text
    // Who wrote quotes once wants them
    const piece = node.style === 'plain' ? scalarText(wanted, inFlow) : quotedText(wanted, node.style === 'single' ? 'single' : 'double')
    return splice(text, node.start, node.end, piece)
  }
  // A whole structure goes: comments inside of it would be lost, so that is left to the text
  if (node.kind !== 'scalar' && text.slice(node.start, node.end).includes('#')) return undefined
  const isBlock = (node.kind === 'map' || node.kind === 'list') && !node.flow
  if (!isBlock) return splice(text, node.start, node.end, flowText(value))
  const parent = nodeAt(root, path.slice(0, -1))
  if (parent?.kind !== 'map') return splice(text, node.start, node.end, flowText(value))
  const entry = parent.entries.find(({ key }) => key === path.at(-1))!
  const colon = text.indexOf(':', entry.keyRange.end) + 1
  const between = text.slice(colon, node.start)
  if (between.includes('#')) return undefined
  return splice(text, colon, node.end, ` ${flowText(value)}`)
}

/** `limits:` gets its first value. */
const fillEmpty = (text: string, root: YamlNode, path: Path, node: ScalarNode, value: Plain): Patched => {
  const inFlow = isInFlow(root, path)
  const parent = nodeAt(root, path.slice(0, -1))
  if (inFlow || isScalar(value) || Array.isArray(value) || parent?.kind !== 'map' || parent.flow)
    return splice(text, node.start, node.end, ` ${isScalar(value) ? scalarText(String(value), inFlow) : flowText(value)}`)
  const at = lineEnd(text, node.start)
  return splice(text, at, at, `\n${blockLines(value as { readonly [key: string]: Plain }, parent.indent + 2)}`)
}

const addEntry = (text: string, root: YamlNode, path: Path, parent: YamlNode, key: string, value: Plain): Patched => {
  if (parent.kind === 'scalar' && parent.style === 'empty') {
    if (path.length > 0) return fillEmpty(text, root, path, parent, { [key]: value })
    // Nothing but comments
    const body = blockLines({ [key]: value }, 0)
    return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${body}\n`
  }
  if (parent.kind !== 'map') return undefined
  const last = parent.entries.at(-1)
  if (parent.flow) {
    const piece = `${scalarText(key, true)}: ${flowText(value)}`
    if (last === undefined) return splice(text, parent.start, parent.end, `{ ${piece} }`)
    const at = placeOfEntry(last).end
    return splice(text, at, at, hasValue(last) ? `, ${piece}` : `: , ${piece}`)
  }
  const at = lineEnd(text, parent.end)
  return splice(text, at, at, `\n${blockLines({ [key]: value }, parent.indent)}`)
}

const hasValue = ({ value }: MapEntry): boolean => !(value.kind === 'scalar' && value.style === 'empty')

const isInFlow = (root: YamlNode, path: Path): boolean =>
  path.some((_part, depth) => {
    const node = nodeAt(root, path.slice(0, depth))
    return (node?.kind === 'map' || node?.kind === 'list') && node.flow
  })

/** Takes one of the members of a mapping or list away. */
const cut = (
  text: string,
  parent: MapNode | ListNode,
  members: readonly { readonly start: number; readonly end: number }[],
  index: number,
): Patched => {
  const { start, end } = members[index]!
  const next = members[index + 1]
  const previous = members[index - 1]
  if (members.length === 1) {
    if (parent.flow) return splice(text, parent.start, parent.end, parent.kind === 'map' ? '{}' : '[]')
    return emptied(text, parent)
  }
  if (parent.flow) {
    if (next !== undefined) return splice(text, start, next.start, '')
    return splice(text, previous!.end, end, '')
  }
  const from = lineStart(text, start)
  if (text.slice(from, start).trim() !== '') {
    // The first key of an item: `- ` stands before it, and the next key takes its place
    return next === undefined ? undefined : splice(text, start, next.start, '')
  }
  const to = lineEnd(text, end)
  return to < text.length ? splice(text, from, to + 1, '') : splice(text, Math.max(0, from - 1), to, '')
}

const emptied = (text: string, parent: MapNode | ListNode): string => {
  const piece = parent.kind === 'map' ? '{}' : '[]'
  // What stood below its key moves up beside it, where comments in between allow
  const colon = /:[ \t]*(\r?\n[ \t]*)$/.exec(text.slice(0, parent.start))
  if (colon !== null) return splice(text, colon.index, parent.end, `: ${piece}`)
  return splice(text, parent.start, parent.end, piece)
}

/** `key: value` lines; nested mappings in block form, the rest in one line each. */
export const blockLines = (value: { readonly [key: string]: Plain }, indent: number): string => {
  const space = ' '.repeat(indent)
  return Object.entries(value)
    .map(([key, inner]) => {
      const name = scalarText(key, false)
      if (isScalar(inner)) return `${space}${name}: ${scalarText(String(inner), false)}`
      if (Array.isArray(inner) || Object.keys(inner).length === 0 || isShort(inner)) return `${space}${name}: ${flowText(inner)}`
      return `${space}${name}:\n${blockLines(inner as { readonly [key: string]: Plain }, indent + 2)}`
    })
    .join('\n')
}

/** Reads better in one line. */
const isShort = (value: Plain): boolean =>
  Object.values(value).every(isScalar) && Object.keys(value).length > 1 && flowText(value).length <= 60

const inItem = (value: Plain, indent: number): string =>
  isScalar(value)
    ? scalarText(String(value), false)
    : Array.isArray(value) || flowText(value).length <= 100
      ? flowText(value)
      : blockLines(value as { readonly [key: string]: Plain }, indent).trimStart()

export const flowText = (value: Plain): string => {
  if (isScalar(value)) return scalarText(String(value), true)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${value.map(flowText).join(', ')} ]`
  const entries = Object.entries(value)
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, inner]) => `${scalarText(key, true)}: ${flowText(inner)}`).join(', ')} }`
}

const INDICATORS = /^[-?:,[\]{}#&*!|>'"%@`~=]/
const WORDS = /^(?:null|Null|NULL|~|)$/

/** Plain where YAML takes it for the very same text, else in double quotes. */
export const scalarText = (value: string, inFlow: boolean): string => {
  const needs =
    WORDS.test(value) ||
    (INDICATORS.test(value) && !/^-?\d/.test(value)) ||
    value !== value.trim() ||
    /[\0-\x1f\x7f\u0085\u2028\u2029]|:(?:\s|$)|\s#/.test(value) ||
    /^(?:---|\.\.\.)/.test(value) ||
    (inFlow && /[,[\]{}]|:$/.test(value))
  return needs ? quotedText(value, 'double') : value
}

const quotedText = (value: string, style: 'single' | 'double'): string =>
  style === 'single' && !/[\0-\x1f\x7f]/.test(value) ? `'${value.replaceAll("'", "''")}'` : JSON.stringify(value)

/** The line that a path stands in; of something that is not there, that of the nearest part of the path that is. */
export const lineOfPath = (text: string, path: Path): number => {
  const root = readYaml(text)
  for (let depth = path.length; depth > 0; depth--) {
    const parent = nodeAt(root, path.slice(0, depth - 1))
    if (parent?.kind === 'map') {
      const entry = parent.entries.find(({ key }) => key === path[depth - 1])
      if (entry !== undefined) return lineAt(text, entry.keyRange.start)
    }
    const part = path[depth - 1]
    if (parent?.kind === 'list' && typeof part === 'number' && parent.items[part] !== undefined)
      return lineAt(text, parent.items[part].start)
  }
  return 1
}
