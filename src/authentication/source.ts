/** Somebody with IPv6 has a whole /64 to come from (RFC 6177): its first four groups; an IPv4 address (also one mapped into IPv6) is itself. */
export const ipv6Network = (address: string): string => {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  const bare = address.replace(/%.*$/, '').toLowerCase()
  const gap = bare.indexOf('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const before = groups(gap < 0 ? bare : bare.slice(0, gap))
  const after = gap < 0 ? [] : groups(bare.slice(gap + 2))
  const all = [...before, ...new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
