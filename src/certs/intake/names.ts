import { isIP, SocketAddress } from 'node:net'
import { domainToASCII } from 'node:url'
import { CertificateError } from '../../base/errors.ts'

/** OpenSSL prints IPv6 addresses in full (`0:0:0:0:0:0:0:1`); hosts are compared in the short form. */
export const shortAddress = (address: string): string =>
  address.includes(':') && isAddress(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address

/** An IP literal without brackets, and without a zone, which is nobody's but this machine's. */
export const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

/** As a certificate may write it: whole labels, `*` as the leftmost only (RFC 9525 §6.3). */
export const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

/** A host as names are compared: lower case, international labels in ASCII, no dot at the end, IPv6 short and without brackets. */
export const comparable = (host: string): string => {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (isAddress(bare)) return shortAddress(bare)
  const wildcard = bare.startsWith('*.') ? '*.' : ''
  const name = bare.slice(wildcard.length)
  // Only where it is needed: it takes 10.1 for an address
  return wildcard + ((/[^\x00-\x7f]/.test(name) && domainToASCII(name)) || name.toLowerCase())
}

/**
 * A host as it goes into a request.
 * @throws CertificateError SBC_CERTIFICATE_NAMES when it cannot be in a certificate
 */
export const requestedHost = (host: string): string => {
  const name = comparable(host.trim())
  if (isAddress(name)) return name
  const plain = name.startsWith('*.') ? name.slice(2) : name
  if (plain === '' || plain.includes('*') || !HOST.test(plain))
    throw refusal(host, 'write a DNS name, where * may be the first label, or an IP address')
  if (name.length > 253 || plain.split('.').some((label) => label.length > 63))
    throw refusal(host, 'DNS names have 253 characters at most, 63 between two dots')
  if (name.startsWith('*.') && !plain.includes('.')) throw refusal(host, 'no CA signs a wildcard for a whole top-level domain')
  // A name that ends in digits is an address that is none (RFC 3696 §2)
  if (/^\d+$/.test(plain.slice(plain.lastIndexOf('.') + 1))) throw refusal(host, 'it looks like an IP address but is none')
  return name
}

const refusal = (host: string, remedy: string): CertificateError =>
  new CertificateError('SBC_CERTIFICATE_NAMES', `${JSON.stringify(host.slice(0, 300))} cannot be a host in a certificate; ${remedy}`)
