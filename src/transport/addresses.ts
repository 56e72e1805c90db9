/** Addresses as sockets report them, in the one form that flows, tables and Via show. */

/** An IPv4 address that a dual-stack socket shows as `::ffff:192.0.2.1` is the IPv4 address; a scope (`%eth0`) is taken off. */
export const normalAddress = (address: string): string => {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const scope = address.indexOf('%')
  return scope < 0 ? address : address.slice(0, scope)
}

export const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** What the limit of connections per source counts: an IPv4 address, or the /64 of an IPv6 address, which is what one subscriber has. */
export const sourceOf = (address: string): string => {
  if (!address.includes(':')) return address
  const [front = '', back] = address.split('::')
  const groups = front === '' ? [] : front.split(':')
  if (back !== undefined) {
    const rest = back === '' ? [] : back.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
