/** In which order the contacts of an address-of-record are called (§16.6 items 5 and 6, RFC 5626 §7, RFC 5627 §5.3). */
import { instanceOf } from './contact.ts'
import type { Binding } from './types.ts'

/** One client, by the flow that is tried first; the others come, one after the other, when that one fails. */
export type Client = readonly [Binding, ...Binding[]]

/** `q`: groups by descending q, equal ones at the same time. `serial`: one after the other. `parallel`: all at once. */
export type Forking = 'q' | 'serial' | 'parallel'

/** @param bindings that can be reached; the highest q first, of equals the one that was refreshed last @param instance of a GRUU; empty: all */
export const groupsOf = (bindings: readonly Binding[], instance: string, forking: Forking): readonly (readonly Client[])[] => {
  const clients: [Binding, ...Binding[]][] = []
  const byInstance = new Map<string, [Binding, ...Binding[]]>()
  for (const binding of bindings) {
    const own = instanceOf(binding.parameters)
    if (instance !== '' && own !== instance) continue
    // RFC 5626 §7: of one instance one contact at a time
    const same = own === '' ? undefined : byInstance.get(own)
    if (same !== undefined) {
      same.push(binding)
      continue
    }
    const client: [Binding, ...Binding[]] = [binding]
    clients.push(client)
    if (own !== '') byInstance.set(own, client)
  }
  if (clients.length === 0) return []
  if (forking === 'parallel') return [clients]
  if (forking === 'serial') return clients.map((client) => [client])
  const groups: Client[][] = []
  for (const client of clients) {
    const last = groups.at(-1)
    if (last !== undefined && last[0]![0].q === client[0].q) last.push(client)
    else groups.push([client])
  }
  return groups
}
