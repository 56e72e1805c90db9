import { Resolver } from 'node:dns/promises'

/** Questions to the DNS that an order has. A server is an address, with `:port` when it is not 53. */
export interface DnsLookup {
  /** What the name is an alias of. @param servers empty: those of the system */
  alias(name: string, servers: readonly string[], signal: AbortSignal): Promise<string | undefined>
  /** The addresses of the name servers of the zone that the name is in; empty when that cannot be learned. */
  authorities(name: string, signal: AbortSignal): Promise<readonly string[]>
  /**
   * The TXT values of a name; none when there is no such name.
   * @param server undefined: those of the system
   * @throws when the server does not answer
   */
  txt(name: string, server: string | undefined, signal: AbortSignal): Promise<readonly string[]>
}

const NOTHING_THERE = ['ENOTFOUND', 'ENODATA']

/** Each question has a resolver of its own, because one remembers answers, and that something was not there. */
const ask = async <T>(
  servers: readonly string[],
  signal: AbortSignal,
  question: (resolver: Resolver) => Promise<T>,
): Promise<T | undefined> => {
  signal.throwIfAborted()
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  if (servers.length > 0) resolver.setServers(servers)
  const stop = (): void => resolver.cancel()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await question(resolver)
  } catch (fault) {
    signal.throwIfAborted()
    if (NOTHING_THERE.includes((fault as NodeJS.ErrnoException).code ?? '')) return undefined
    throw fault
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** @param system asked where no server is named; empty: those of the system */
export const createLookup = (system: readonly string[] = []): DnsLookup => ({
  async alias(name, servers, signal) {
    const found = await ask(servers.length > 0 ? servers : system, signal, (resolver) => resolver.resolveCname(name))
    return found?.[0]?.replace(/\.$/, '').toLowerCase()
  },

  async authorities(name, signal) {
    const quietly = async <T>(question: (resolver: Resolver) => Promise<T>): Promise<T | undefined> => {
      try {
        return await ask(system, signal, question)
      } catch {
        // A zone without an answer is as good as none: another one above it may have one
        signal.throwIfAborted()
        return undefined
      }
    }
    const labels = name.split('.')
    for (let i = 0; i < labels.length - 1; i++) {
      const hosts = await quietly((resolver) => resolver.resolveNs(labels.slice(i).join('.')))
      if (hosts === undefined || hosts.length === 0) continue
      const addresses = await Promise.all(
        hosts
          .slice(0, 8)
          .flatMap((host) => [quietly((resolver) => resolver.resolve4(host)), quietly((resolver) => resolver.resolve6(host))]),
      )
      return addresses.flatMap((found) => found ?? []).slice(0, 16)
    }
    return []
  },

  async txt(name, server, signal) {
    const records = await ask(server === undefined ? system : [server], signal, (resolver) => resolver.resolveTxt(name))
    return (records ?? []).map((strings) => strings.join(''))
  },
})
