import { isIP } from 'node:net'

/** The addresses of one name. */
export interface LocalName {
  readonly 4: readonly string[]
  readonly 6: readonly string[]
}

export type Hosts = ReadonlyMap<string, LocalName>

/** RFC 6761 §6.3: what `localhost` is when the file does not say. */
const LOOPBACK: LocalName = { 4: ['127.0.0.1'], 6: ['::1'] }

/** hosts(5): an address, then names; `#` begins a comment. Lines with the same name add up. What is no address is skipped. */
export const parseHosts = (text: string): Hosts => {
  const hosts = new Map<string, { 4: string[]; 6: string[] }>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const family = isIP(address)
    if (family !== 4 && family !== 6) continue
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '')
      const entry = hosts.get(key) ?? { 4: [], 6: [] }
      if (!entry[family].includes(address)) entry[family].push(address)
      hosts.set(key, entry)
    }
  }
  return hosts
}

/** The addresses of a name that needs no DNS; `undefined` when it is not known, or not in this family. */
export const localAddresses = (hosts: Hosts, name: string, family: 4 | 6): readonly string[] | undefined => {
  const found = hosts.get(name)?.[family]
  if (found !== undefined && found.length > 0) return found
  return name === 'localhost' || name.endsWith('.localhost') ? LOOPBACK[family] : undefined
}
