/** Names in certificates, and the limits that a CA is under (RFC 5280 §4.2.1.6, §4.2.1.10). */
import { type DerNode, isWhole, oidOf, partsOf, TAG } from '../base/der.ts'
import { covers, isLiteral } from '../base/host-match.ts'

/** `other`: a form that we do not read; `tag` tells forms apart. */
export type GeneralName =
  | { readonly form: 'dns' | 'email' | 'uri'; readonly text: string }
  | { readonly form: 'address'; readonly bytes: Buffer }
  | { readonly form: 'directory'; readonly name: DirectoryName }
  | { readonly form: 'other'; readonly tag: number }

/** Each relative name as the set of its attributes, in a text that is equal where RFC 5280 §7.1 compares them as equal. */
export type DirectoryName = readonly string[]

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** A certificate with more names is no host's; it also bounds what a comparison costs. */
const MOST_NAMES = 2000

/** Of a SEQUENCE OF GeneralName. @returns undefined: no such thing, or too many */
export const generalNames = (node: DerNode | undefined): readonly GeneralName[] | undefined => {
  if (node?.tag !== TAG.SEQUENCE) return undefined
  const parts = partsOf(node)
  return isWhole(node, parts) && parts.length <= MOST_NAMES ? parts.map(generalName) : undefined
}

const FORMS: Readonly<Record<number, 'email' | 'dns' | 'uri'>> = { 129: 'email', 130: 'dns', 134: 'uri' }

const generalName = (node: DerNode): GeneralName => {
  const form = FORMS[node.tag]
  if (form !== undefined) return { form, text: node.content.toString('latin1').toLowerCase() }
  if (node.tag === 0x87) return { form: 'address', bytes: node.content }
  if (node.tag === 0xa4) return { form: 'directory', name: directoryName(partsOf(node)[0]) }
  return { form: 'other', tag: node.tag }
}

const STRINGS: Readonly<Record<number, BufferEncoding>> = { 12: 'utf8', 19: 'latin1', 20: 'latin1', 22: 'latin1', 18: 'latin1' }

export const directoryName = (node: DerNode | undefined): DirectoryName =>
  partsOf(node).map((relative) => partsOf(relative).map(attributeText).sort().join('+'))

const attributeText = (attribute: DerNode): string => {
  const [type, value] = partsOf(attribute)
  const encoding = value === undefined ? undefined : STRINGS[value.tag]
  // BMPString, in network order
  const text =
    value?.tag === 0x1e && value.content.length % 2 === 0
      ? Buffer.from(value.content).swap16().toString('utf16le')
      : encoding === undefined || value === undefined
        ? undefined
        : value.content.toString(encoding)
  const shown =
    text === undefined ? (value?.whole.toString('hex') ?? '') : text.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')
  return `${oidOf(type)}=${JSON.stringify(shown)}`
}

/** @returns undefined: it cannot be read, or limits what only applications of another kind know (minimum, maximum) */
export const readConstraints = (node: DerNode | undefined): NameConstraints | undefined => {
  if (node?.tag !== TAG.SEQUENCE) return undefined
  const parts = partsOf(node)
  if (!isWhole(node, parts) || parts.some(({ tag }) => tag !== 0xa0 && tag !== 0xa1)) return undefined
  const subtrees = (tag: number): readonly GeneralName[] | undefined => {
    const trees = parts.filter((part) => part.tag === tag).flatMap(partsOf)
    const bases = trees.map((tree) => partsOf(tree))
    // RFC 5280 §4.2.1.10: minimum is 0 and left out, maximum does not stand there
    if (trees.length > MOST_NAMES || bases.some(({ length }) => length !== 1)) return undefined
    return bases.map(([base]) => generalName(base!))
  }
  const [permitted, excluded] = [subtrees(0xa0), subtrees(0xa1)]
  return permitted === undefined || excluded === undefined ? undefined : { permitted, excluded }
}

/** The DNS names of a certificate that a host can have, lower case; one with a blank, a NUL or a comma in it is none. */
export const hostNames = (names: readonly GeneralName[]): readonly string[] =>
  names.flatMap((name) => (name.form === 'dns' && HOST.test(name.text) && !isLiteral(name.text) ? [name.text] : []))

/** Whole labels, `*` as the leftmost only (RFC 9525 §6.3). */
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/**
 * RFC 5280 §6.1.3 (b), (c): the first name that a CA with these limits may not give.
 * @param subject of the certificate, undefined when it is empty
 */
export const nameBeyond = (
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
  subject: DirectoryName,
): GeneralName | undefined => {
  const all: readonly GeneralName[] = subject.length === 0 ? names : [...names, { form: 'directory', name: subject }]
  return all.find((name) => {
    const same = permitted.filter((base) => sameForm(base, name))
    return (
      (same.length > 0 && !same.some((base) => isWithin(name, base))) ||
      excluded.some((base) => sameForm(base, name) && touches(name, base))
    )
  })
}

const sameForm = (one: GeneralName, other: GeneralName): boolean =>
  one.form === other.form && (one.form !== 'other' || one.tag === (other as { readonly tag: number }).tag)

/** All that the name stands for is in the subtree. What we cannot compare is not. */
const isWithin = (name: GeneralName, base: GeneralName): boolean => {
  if (name.form === 'dns' && base.form === 'dns') return isBelow(name.text.replace(/^\*\./, ''), base.text)
  if (name.form === 'uri' && base.form === 'uri') return hostWithin(uriHost(name.text), base.text)
  if (name.form === 'email' && base.form === 'email') return mailboxWithin(name.text, base.text)
  if (name.form === 'address' && base.form === 'address') return addressWithin(name.bytes, base.bytes)
  return name.form === 'directory' && base.form === 'directory' && base.name.every((relative, at) => name.name[at] === relative)
}

/** Something that the name stands for is in the subtree. What we cannot compare is. */
const touches = (name: GeneralName, base: GeneralName): boolean =>
  name.form === 'other' ||
  // A URI without a host that we can read might be anywhere
  (name.form === 'uri' && uriHost(name.text) === undefined) ||
  (name.form === 'dns' && base.form === 'dns' && covers(name.text, base.text.replace(/^\./, ''))) ||
  isWithin(name, base)

/** RFC 5280 §4.2.1.10: the host itself, and what has labels before it; with a dot before it (nobody's rule, everybody's habit) the latter only. */
const isBelow = (name: string, base: string): boolean => {
  if (base === '') return true
  return base.startsWith('.') ? name.endsWith(base) : name === base || name.endsWith(`.${base}`)
}

/** Of URIs and mail: a host is that host alone, `.domain` what is below it. */
const hostWithin = (host: string | undefined, base: string): boolean =>
  host !== undefined && (base.startsWith('.') ? host.endsWith(base) : host === base)

const mailboxWithin = (mailbox: string, base: string): boolean => {
  const host = mailbox.slice(mailbox.lastIndexOf('@') + 1)
  return base.includes('@') ? mailbox === base : hostWithin(host, base)
}

/** undefined: it has none, or an address, for which no limit can be said. */
const uriHost = (uri: string): string | undefined => {
  const authority = /^[a-z][a-z0-9+.-]*:(?:\/\/)?(?:[^/?#@]*@)?([^/?#:;[\]@]+)/.exec(uri)?.[1]
  return authority === undefined || isLiteral(authority) ? undefined : authority
}

/** Address and mask, each as long as the address. */
const addressWithin = (address: Buffer, base: Buffer): boolean => {
  const { length } = address
  return base.length === 2 * length && address.every((byte, at) => (byte & base[length + at]!) === (base[at]! & base[length + at]!))
}
