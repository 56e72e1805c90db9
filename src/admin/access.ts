import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { bareHost } from '../address/listener.ts'
import { sameToken } from './token.ts'

export interface Refusal {
  readonly status: 401 | 403
  readonly code: string
  readonly message: string
}

/** The address the server listens on is reachable from this machine alone. */
export const isLoopback = (address: string): boolean => address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))

const hostName = (host: string): string => bareHost(host.replace(/:\d*$/, ''))

/**
 * Who may look inside and change things. On loopback everybody on this machine, but not a web page that somebody on this
 * machine has open: neither from another origin, nor under a name that was made to point here.
 * On any other address: who has the token.
 * @returns undefined when the request may pass
 */
export const refusalOf = (request: FastifyRequest, loopback: boolean, token: string): Refusal | undefined => {
  const { origin, host = '', authorization = '' } = request.headers
  if (origin !== undefined && !sameOrigin(origin, host)) {
    return { status: 403, code: 'foreign-origin', message: `Requests from pages of ${origin} are not allowed` }
  }
  if (loopback) {
    const name = hostName(host)
    if (isIP(name) !== 0 || name === 'localhost') return undefined
    return { status: 403, code: 'foreign-host', message: `This server is not called ${name}; use its address` }
  }
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (given !== undefined && sameToken(token, given)) return undefined
  const message =
    given === undefined ? 'This call needs the header Authorization: Bearer TOKEN' : 'The token is not the one in the data folder'
  return { status: 401, code: 'unauthorized', message }
}

const sameOrigin = (origin: string, host: string): boolean => {
  try {
    return new URL(origin).host === host.toLowerCase()
  } catch {
    return false
  }
}
