import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { SocketAddress } from 'node:net'
import { alternativeNames } from '../base/alternative-names.ts'
import { CertificateError } from '../base/errors.ts'
import type { CertificateMaterial } from '../transport/types.ts'

/** A certificate that has passed every check, with what an overview of certificates shows of it. */
export interface CheckedCertificate extends CertificateMaterial {
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  /** As the certificate names its issuer, on one line. */
  readonly issuer: string
}

/**
 * Looks at a PEM chain and its key before they are used, and says in words what is wrong.
 * `now`: milliseconds since 1970.
 * @throws CertificateError SBC_CERTIFICATE_KEY, _CHAIN, _DATES or _NAMES
 */
export const checkCertificate = (name: string, chainPem: string, keyPem: string, now: number): CheckedCertificate => {
  const chain = readChain(name, chainPem)
  const key = readKey(name, keyPem)
  const leaf = chain[0]!
  checkKey(name, chain, key)
  checkOrder(name, chain)
  checkDates(name, chain, now)
  const hosts = hostsOf(leaf)
  if (hosts.length === 0) {
    throw new CertificateError(
      'SBC_CERTIFICATE_NAMES',
      `Certificate ${name} names no host: neither its alternative names nor its common name is one`,
    )
  }
  return {
    name,
    chain: chain.map((one) => one.toString()).join(''),
    key: keyPem,
    hosts,
    validFrom: leaf.validFromDate.getTime(),
    validTo: leaf.validToDate.getTime(),
    issuer: leaf.issuer.split('\n').join(', '),
  }
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

const readChain = (name: string, pem: string): X509Certificate[] => {
  const blocks = pem.match(CERTIFICATE) ?? []
  if (blocks.length === 0)
    throw new CertificateError('SBC_CERTIFICATE_CHAIN', `Certificate ${name} has no PEM block that begins with BEGIN CERTIFICATE`)
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw new CertificateError('SBC_CERTIFICATE_CHAIN', `Certificate ${name}: PEM block ${index + 1} is no certificate`, cause)
    }
  })
}

const readKey = (name: string, pem: string): KeyObject => {
  if (/ENCRYPTED/.test(pem))
    throw new CertificateError('SBC_CERTIFICATE_KEY', `The key of certificate ${name} is encrypted; store it without a password`)
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new CertificateError('SBC_CERTIFICATE_KEY', `The key of certificate ${name} is no PEM private key`, cause)
  }
}

const checkKey = (name: string, chain: readonly X509Certificate[], key: KeyObject): void => {
  const at = chain.findIndex((one) => one.checkPrivateKey(key))
  if (at === 0) return
  throw new CertificateError(
    'SBC_CERTIFICATE_KEY',
    at < 0
      ? `The key of certificate ${name} belongs to another certificate than ${subjectOf(chain[0]!)}`
      : `Certificate ${name}: the key belongs to number ${at + 1} of the chain; put that one first`,
  )
}

const checkOrder = (name: string, chain: readonly X509Certificate[]): void => {
  for (let i = 1; i < chain.length; i++) {
    const [one, issuer] = [chain[i - 1]!, chain[i]!]
    if (one.checkIssued(issuer) && one.verify(issuer.publicKey)) continue
    throw new CertificateError(
      'SBC_CERTIFICATE_CHAIN',
      `Certificate ${name}: ${subjectOf(issuer)} stands at place ${i + 1} but did not issue ${subjectOf(one)}; the order is the certificate, its issuer, the issuer's issuer`,
    )
  }
}

const checkDates = (name: string, chain: readonly X509Certificate[], now: number): void => {
  for (const one of chain) {
    if (one.validToDate.getTime() <= now) {
      throw new CertificateError(
        'SBC_CERTIFICATE_DATES',
        `Certificate ${name}: ${subjectOf(one)} ended on ${one.validToDate.toISOString()}`,
      )
    }
    if (one.validFromDate.getTime() > now) {
      throw new CertificateError(
        'SBC_CERTIFICATE_DATES',
        `Certificate ${name}: ${subjectOf(one)} is not valid before ${one.validFromDate.toISOString()}; is the clock right?`,
      )
    }
  }
}

const subjectOf = (certificate: X509Certificate): string => (certificate.subject ?? 'a certificate without subject').split('\n').join(', ')

/** The hosts that a certificate speaks for, lower case: its alternative names, or where there are none, its common name. */
const hostsOf = (leaf: X509Certificate): string[] => {
  if (leaf.subjectAltName === undefined) {
    const common = /(?:^|\n)CN=([^\n]*)/.exec(leaf.subject ?? '')?.[1]?.toLowerCase()
    return common !== undefined && HOST.test(common) ? [common] : []
  }
  const hosts: string[] = []
  for (const { kind, value, quoted } of alternativeNames(leaf.subjectAltName)) {
    if (quoted) continue
    if (kind === 'DNS' && HOST.test(value)) hosts.push(value.toLowerCase())
    if (kind === 'IP Address') hosts.push(shortAddress(value))
  }
  return hosts
}

const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

/** OpenSSL prints IPv6 addresses in full (`0:0:0:0:0:0:0:1`); hosts are compared in the short form. */
export const shortAddress = (address: string): string =>
  address.includes(':') ? new SocketAddress({ address, family: 'ipv6' }).address : address
