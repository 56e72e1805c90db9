/** Which hosts a name stands for that may begin with `*.`: RFC 9525 §6.3. The one home of this rule. */

/** An IP literal, also in brackets, or what some resolvers would take for one: its last label is a number. */
export const isLiteral = (host: string): boolean => host.includes(':') || /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(host)

/** The one name with a wildcard that stands for this host, too; undefined: there is none, since it has one label, is a literal, or a wildcard itself. */
export const wildcardOf = (host: string): string | undefined => {
  const dot = host.indexOf('.')
  return dot > 0 && !host.startsWith('*') && !isLiteral(host) ? `*${host.slice(dot)}` : undefined
}

/** `*` stands for exactly one label, the leftmost. Both lower case; a literal is covered by the same text only. */
export const covers = (name: string, host: string): boolean => name === host || (name.startsWith('*.') && name === wildcardOf(host))

/** Of two names, either of which may begin with `*.`: a certificate's and one that is asked for. Both lower case. */
export const meet = (one: string, other: string): boolean => covers(one, other) || covers(other, one)
