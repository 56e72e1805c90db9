/** Changes of the configuration file that are made for people: as few characters as can be, so that it stays theirs. Pure. */
import { type Document, isMap, isScalar, stringify, type YAMLMap } from 'yaml'
import { readSource } from './source.ts'

/** What a certificate is in the file: `development`, `stored`, or a mapping. */
export type WrittenCertificate = string | Readonly<Record<string, unknown>>

/**
 * The text with one certificate more. Comments, order and the rest of the layout stay.
 * @returns undefined when there is one of that name already, or the text is no YAML that a key can be added to
 */
export const withCertificate = (text: string, name: string, certificate: WrittenCertificate): string | undefined => {
  const source = readSource(text)
  if (!('document' in source) || !isMap(source.document.contents)) return undefined
  const { document } = source
  const certificates = document.get('certificates', true)
  if (certificates === undefined) return `${text.replace(/\s*$/, '\n')}\n${blockOf('certificates', { [name]: certificate })}`
  if (!isMap(certificates)) return undefined
  if (certificates.has(name)) return undefined
  return inserted(text, certificates, blockOf(name, certificate)) ?? rewritten(document, name, certificate)
}

/** After the last one of a block, with the same indentation; undefined for other styles. */
const inserted = (text: string, certificates: YAMLMap, block: string): string | undefined => {
  const first = certificates.items[0]?.key
  const last = certificates.items.at(-1)
  if (certificates.flow === true || !isScalar(first) || last === undefined) return undefined
  const start = first.range?.[0]
  const value = last.value as { readonly range?: readonly [number, number, number] | null } | null
  const end = value?.range?.[1] ?? (isScalar(last.key) ? last.key.range?.[1] : undefined)
  if (start === undefined || end === undefined) return undefined
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start)
  if (indent.trim() !== '') return undefined
  // A block value ends at the beginning of the next line, any other within its own
  const lineEnd = text.indexOf('\n', Math.max(end - 1, start))
  const at = lineEnd < 0 ? text.length : lineEnd + 1
  const before = text.slice(0, at)
  const lines = block.replaceAll(/^(?=.)/gm, indent)
  return `${before}${before.endsWith('\n') ? '' : '\n'}${lines}${text.slice(at)}`
}

const rewritten = (document: Document, name: string, certificate: WrittenCertificate): string => {
  document.setIn(['certificates', name], document.createNode(certificate, { flow: true }))
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

const blockOf = (key: string, value: unknown): string => stringify({ [key]: value }, { lineWidth: 0 })
