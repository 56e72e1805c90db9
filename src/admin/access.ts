import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { bareHost } from '../address/listener.ts'
import type { Accounts } from './auth/accounts.ts'
import { atMost, type Role } from './auth/roles.ts'
import type { Session } from './auth/sessions.ts'
import type { Token } from './auth/tokens.ts'
import { sameToken } from './token.ts'

export interface Refusal {
  readonly status: 401 | 403
  readonly code: string
  readonly message: string
}

/** A request, as far as it matters here. */
interface Asking {
  readonly method?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** On whose behalf a request is. */
export interface Principal {
  /** For log and audit: a user's name, `token NAME`, `admin-token`, or `local`. */
  readonly who: string
  readonly by: 'session' | 'token' | 'admin-token' | 'local'
  readonly role: Role
  /** Whose the tokens are that are made now: a user's name, or `admin-token`. */
  readonly maker: string
  /** Of a browser. */
  readonly signedIn?: { readonly id: string; readonly session: Session }
  /** The role at this moment, for what lasts longer than a request; undefined: signed out, removed or expired. */
  roleNow(): Role | undefined
}

export interface AccessOptions {
  /** That the server listens on. */
  readonly address: string
  /** It speaks TLS. */
  readonly secure: boolean
  /** From `adminToken`. */
  readonly token: string
  readonly accounts: Accounts | undefined
}

/** The prefix keeps other hosts, paths and plain HTTP from setting it (RFC 6265bis §4.1.3.2). */
const COOKIE = '__Host-edgeways'
const RULES = 'Path=/; Secure; HttpOnly; SameSite=Strict'

/** For the header Set-Cookie. @param id base64url */
export const sessionCookie = (id: string): string => `${COOKIE}=${id}; ${RULES}`
export const noSessionCookie = `${COOKIE}=; Max-Age=0; ${RULES}`

/** From the header Cookie; the first of that name (RFC 6265 §5.4). */
const sessionId = (header = ''): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1)

/** The address the server listens on is reachable from this machine alone. */
export const isLoopback = (address: string): boolean => address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))

export const isRefusal = (result: Principal | Refusal): result is Refusal => 'status' in result

const SAFE = ['GET', 'HEAD', 'OPTIONS']
export const changes = (method: string): boolean => !SAFE.includes(method)

/** What proxies add: whoever is behind one is not on this machine. */
const PROXIED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/**
 * No page of another origin speaks through its visitor's browser: not with what browsers tell of where a request comes from.
 * @returns undefined when the request is none of such a page
 */
export const foreignPage = ({ method = '', headers }: Asking): Refusal | undefined => {
  const { origin, host = '', 'sec-fetch-site': site } = headers
  if (origin !== undefined && !sameOrigin(origin, host)) return foreign(`Requests from pages of ${origin.slice(0, 200)} are not allowed`)
  if (changes(method) && site !== undefined && site !== 'same-origin' && site !== 'none')
    return foreign('Requests from pages of another origin are not allowed')
  return undefined
}

const foreign = (message: string): Refusal => ({ status: 403, code: 'foreign-origin', message })

/**
 * Who asks, by the first that is there of: a bearer token; the cookie of a session, with its CSRF token where something is changed;
 * and, over plain HTTP on a loopback address, while nobody has an account: this machine itself, which may operate but decide over
 * nobody's access. A secret that is wrong is refused, whatever else is there.
 */
export const createAccess = ({ address, secure, token, accounts }: AccessOptions): ((request: Asking) => Principal | Refusal) => {
  const open = !secure && isLoopback(address)
  const trusting = (): boolean => open && accounts?.anybody !== true

  const ofBearer = (given: string): Principal | Refusal => {
    if (sameToken(token, given))
      return { who: 'admin-token', by: 'admin-token', role: 'admin', maker: 'admin-token', roleNow: () => 'admin' }
    const found = accounts?.tokens.use(given)
    const role = found && roleOf(found)
    if (found === undefined || role === undefined)
      return {
        status: 401,
        code: 'unauthorized',
        message: 'The token is neither the one in the data folder nor one of those that were made, or it has expired',
      }
    const roleNow = (): Role | undefined => (accounts?.tokens.lasts(found) === true ? roleOf(found) : undefined)
    return { who: `token ${found.name}`, by: 'token', role, maker: found.madeBy, roleNow }
  }

  /** A token is worth what its maker is, at most. */
  const roleOf = ({ role, madeBy }: Token): Role | undefined => {
    if (madeBy === 'admin-token') return role
    const maker = accounts?.users.find(madeBy)
    return maker && atMost(role, maker.role)
  }

  const ofCookie = (id: string, { method = '', headers }: Asking): Principal | Refusal => {
    const session = accounts?.sessions.use(id)
    const user = session && accounts?.users.find(session.user)
    if (session === undefined || user === undefined)
      return { status: 401, code: 'session-over', message: 'You are signed out; sign in again' }
    if (changes(method) && !sameToken(session.csrf, String(headers['x-csrf-token'] ?? '')))
      return {
        status: 403,
        code: 'csrf',
        message: 'A change from a browser needs the header X-CSRF-Token with the value of GET /api/session',
      }
    const roleNow = (): Role | undefined => (accounts?.sessions.lasts(id) === true ? accounts.users.find(session.user)?.role : undefined)
    return { who: user.name, by: 'session', role: user.role, maker: user.name, signedIn: { id, session }, roleNow }
  }

  return (request) => {
    const { host = '', authorization, cookie } = request.headers
    if (authorization !== undefined) {
      const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      if (given === undefined) return { status: 401, code: 'unauthorized', message: NO_TOKEN }
      return ofBearer(given)
    }
    const id = sessionId(cookie)
    if (id !== undefined && accounts !== undefined) return ofCookie(id, request)
    if (trusting() && !PROXIED.some((name) => request.headers[name] !== undefined)) {
      // A name that was made to point here would make pages of its owner pages of ours
      const name = hostName(host)
      if (isIP(name) === 0 && name !== 'localhost')
        return { status: 403, code: 'foreign-host', message: `This server is not called ${name.slice(0, 200)}; use its address` }
      return { who: 'local', by: 'local', role: 'operator', maker: 'local', roleNow: () => (trusting() ? 'operator' : undefined) }
    }
    if (accounts === undefined) return { status: 401, code: 'unauthorized', message: NO_TOKEN }
    return accounts.anybody
      ? { status: 401, code: 'unauthorized', message: `Sign in, or send the header ${HEADER}` }
      : {
          status: 401,
          code: 'setup-needed',
          message: `Nobody has an account yet: open the link that the start has logged, or send the header ${HEADER}`,
        }
  }
}

const HEADER = 'Authorization: Bearer TOKEN'
const NO_TOKEN = `This call needs the header ${HEADER}`

/** Of a Host header; without brackets and port. */
export const hostName = (host: string): string => bareHost(host.replace(/:\d*$/, ''))

const sameOrigin = (origin: string, host: string): boolean => {
  try {
    return new URL(origin).host === host.toLowerCase()
  } catch {
    return false
  }
}
