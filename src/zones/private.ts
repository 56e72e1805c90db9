import { network } from './networks.ts'

/** Loopback, private (RFC 1918, RFC 4193), shared (RFC 6598) and link-local (RFC 3927, RFC 4291). */
const RANGES = [
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16'],
  ...['::1', 'fc00::/7', 'fe80::/10'],
].map((text) => network(text)!)

/** An address that means something on its own network only. */
export const isPrivate = (address: string): boolean => RANGES.some((range) => range.contains(address))
