import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { IssuerFetch } from './complete.ts'

export interface PublicFetchOptions {
  /** Ports that may be connected to. Default 80 and 443. */
  readonly ports?: readonly number[]
  /** Also loopback, private and other special addresses: for a CA inside. Default false. */
  readonly allowPrivate?: boolean
  /** Default the system's. */
  readonly lookup?: typeof systemLookup
}

const MOST_REDIRECTS = 2

/**
 * Fetches URLs that stand in certificates, which anybody can write: without this care, somebody who brings a certificate could have us ask
 * machines behind our firewall (SSRF). Only http and https, only ports 80 and 443, only public addresses, looked at after the name was
 * resolved and by the connection itself, so that a second answer of the DNS changes nothing. Redirects are held to the same.
 */
export const publicFetch = (options: PublicFetchOptions = {}): IssuerFetch => {
  const { ports = [80, 443], allowPrivate = false, lookup = systemLookup } = options
  const allowed = (address: string): boolean => allowPrivate || isPublicAddress(address)
  const guardedLookup: LookupFunction = (host, how, done) => {
    lookup(host, { ...(how as LookupOptions), all: true }, (error, found) => {
      const addresses = found as unknown as LookupAddress[]
      if (error !== null) return done(error, [])
      const forbidden = addresses.find(({ address }) => !allowed(address))
      if (forbidden !== undefined) return done(new Error(`${host} has the address ${forbidden.address}, which is not public`), [])
      if (how.all === true) return done(null, addresses)
      done(null, addresses[0]?.address ?? '', addresses[0]?.family)
    })
  }
  const get: IssuerFetch = async (text, limits) => follow(text, limits, MOST_REDIRECTS)
  const follow = async (text: string, limits: Parameters<IssuerFetch>[1], redirects: number): Promise<Buffer> => {
    const url = checkedUrl(text, ports, allowed)
    const answer = await ask(url, limits, guardedLookup)
    if (Buffer.isBuffer(answer)) return answer
    if (redirects === 0) throw new Error('too many redirects')
    return follow(new URL(answer.location, url).href, limits, redirects - 1)
  }
  return get
}

/** Neither private, loopback, link-local, shared, multicast, documentation nor a tunnel into IPv4 (RFC 6890). */
export const isPublicAddress = (address: string): boolean => {
  if (!ipaddr.isValid(address)) return false
  return ipaddr.process(address).range() === 'unicast'
}

const checkedUrl = (text: string, ports: readonly number[], allowed: (address: string) => boolean): URL => {
  if (!URL.canParse(text)) throw new Error('that is no URL')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`${url.protocol} is not fetched, only http and https`)
  if (url.username !== '' || url.password !== '') throw new Error('a URL with a user name is not fetched')
  const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port)
  if (!ports.includes(port)) throw new Error(`port ${port} is not asked, only ${ports.join(' and ')}`)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // An address is never looked up, so nobody else would see it
  if (isIP(host) !== 0 && !allowed(host)) throw new Error(`${host} is not a public address`)
  return url
}

const ask = (
  url: URL,
  { maxBytes, signal }: Parameters<IssuerFetch>[1],
  lookup: LookupFunction,
): Promise<Buffer | { readonly location: string }> =>
  new Promise((resolve, reject) => {
    const request = url.protocol === 'http:' ? httpRequest : httpsRequest
    const headers = { accept: 'application/pkix-cert, application/pkcs7-mime, */*', 'accept-encoding': 'identity' }
    const asked = request(url, { agent: false, lookup, signal, headers }, (response) => {
      const { statusCode = 0 } = response
      const { location } = response.headers
      const redirected = statusCode >= 300 && statusCode < 400 && location !== undefined
      if (redirected || statusCode !== 200) {
        asked.destroy()
        return redirected ? resolve({ location }) : reject(new Error(`it answered ${statusCode}`))
      }
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        parts.push(part)
        size += part.length
        if (size <= maxBytes) return
        asked.destroy()
        reject(new Error(`it has more than ${maxBytes} bytes`))
      })
      response.once('end', () => resolve(Buffer.concat(parts)))
      response.once('error', reject)
    })
    asked.once('error', reject)
    asked.end()
  })
