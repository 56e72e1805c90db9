import { isIP } from 'node:net'
import { hostName } from './access.ts'

const YEAR = 31_536_000
const NOTHING = "default-src 'none'; frame-ancestors 'none'"
/** Scripts, styles and everything else from here alone, nothing inline; `wss:` for the test phone. */
const OWN = [
  ...[
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self' wss:",
    "object-src 'none'",
  ],
  ...["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"],
].join('; ')

/** Of every answer. */
export const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': NOTHING,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(self), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

/** Of a page and its parts, which may stand beside us in compressed form. */
export const PAGE_HEADERS = { 'content-security-policy': OWN, 'cache-control': 'no-cache', vary: 'accept-encoding' } as const

/**
 * Over TLS: come back over TLS only (RFC 6797). Not for `localhost` and addresses: the name is everybody's on a machine,
 * for an address it has no meaning.
 */
export const transportHeaders = (secure: boolean, host: string | undefined): Readonly<Record<string, string>> => {
  const name = hostName(host ?? '')
  if (!secure || name === '' || name === 'localhost' || isIP(name) !== 0) return {}
  return { 'strict-transport-security': `max-age=${YEAR}` }
}
