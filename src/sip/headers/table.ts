/** Every header we know: how it is written, its compact form, whether it may be a comma list. A header is one entry here. */
export interface HeaderFacts {
  readonly display: string
  readonly compact?: string
  /** Several values in one line, separated by commas, mean the same as several lines (§7.3.1). */
  readonly list?: true
  /** §7.3.1 and §20: more than one line is a fault. */
  readonly once?: true
}

export const HEADERS = {
  via: { display: 'Via', compact: 'v', list: true },
  from: { display: 'From', compact: 'f', once: true },
  to: { display: 'To', compact: 't', once: true },
  'call-id': { display: 'Call-ID', compact: 'i', once: true },
  cseq: { display: 'CSeq', once: true },
  contact: { display: 'Contact', compact: 'm', list: true },
  'max-forwards': { display: 'Max-Forwards', once: true },
  route: { display: 'Route', list: true },
  'record-route': { display: 'Record-Route', list: true },
  path: { display: 'Path', list: true },
  'service-route': { display: 'Service-Route', list: true },
  'content-length': { display: 'Content-Length', compact: 'l', once: true },
  'content-type': { display: 'Content-Type', compact: 'c', once: true },
  'content-encoding': { display: 'Content-Encoding', compact: 'e', list: true },
  'content-disposition': { display: 'Content-Disposition' },
  'content-language': { display: 'Content-Language', list: true },
  accept: { display: 'Accept', list: true },
  'accept-contact': { display: 'Accept-Contact', compact: 'a', list: true },
  'accept-encoding': { display: 'Accept-Encoding', list: true },
  'accept-language': { display: 'Accept-Language', list: true },
  'alert-info': { display: 'Alert-Info', list: true },
  allow: { display: 'Allow', list: true },
  'allow-events': { display: 'Allow-Events', compact: 'u', list: true },
  authorization: { display: 'Authorization' },
  'authentication-info': { display: 'Authentication-Info' },
  'call-info': { display: 'Call-Info', list: true },
  date: { display: 'Date', once: true },
  diversion: { display: 'Diversion', list: true },
  'error-info': { display: 'Error-Info', list: true },
  event: { display: 'Event', compact: 'o' },
  expires: { display: 'Expires', once: true },
  geolocation: { display: 'Geolocation', list: true },
  'history-info': { display: 'History-Info', list: true },
  identity: { display: 'Identity', compact: 'y' },
  'in-reply-to': { display: 'In-Reply-To', list: true },
  'min-expires': { display: 'Min-Expires', once: true },
  'min-se': { display: 'Min-SE', once: true },
  'mime-version': { display: 'MIME-Version', once: true },
  organization: { display: 'Organization' },
  'p-asserted-identity': { display: 'P-Asserted-Identity', list: true },
  'p-preferred-identity': { display: 'P-Preferred-Identity', list: true },
  priority: { display: 'Priority' },
  privacy: { display: 'Privacy' },
  'proxy-authenticate': { display: 'Proxy-Authenticate' },
  'proxy-authorization': { display: 'Proxy-Authorization' },
  'proxy-require': { display: 'Proxy-Require', list: true },
  rack: { display: 'RAck', once: true },
  reason: { display: 'Reason', list: true },
  'refer-to': { display: 'Refer-To', compact: 'r', once: true },
  'referred-by': { display: 'Referred-By', compact: 'b', once: true },
  'remote-party-id': { display: 'Remote-Party-ID', list: true },
  replaces: { display: 'Replaces', once: true },
  'reply-to': { display: 'Reply-To' },
  require: { display: 'Require', list: true },
  'retry-after': { display: 'Retry-After' },
  rseq: { display: 'RSeq', once: true },
  server: { display: 'Server' },
  'session-expires': { display: 'Session-Expires', compact: 'x', once: true },
  subject: { display: 'Subject', compact: 's' },
  'subscription-state': { display: 'Subscription-State', once: true },
  supported: { display: 'Supported', compact: 'k', list: true },
  timestamp: { display: 'Timestamp' },
  unsupported: { display: 'Unsupported', list: true },
  'user-agent': { display: 'User-Agent' },
  warning: { display: 'Warning', list: true },
  'www-authenticate': { display: 'WWW-Authenticate' },
} as const satisfies Record<string, HeaderFacts>

export type KnownHeader = keyof typeof HEADERS

export const headerFacts = (name: string): HeaderFacts | undefined =>
  Object.hasOwn(HEADERS, name) ? HEADERS[name as KnownHeader] : undefined

/** §7.3.1: names are compared without case; this answers the spellings that are seen on the wire without lowering each. */
const SPELLINGS = new Map<string, string>()
for (const [name, facts] of Object.entries(HEADERS) as [string, HeaderFacts][]) {
  const spellings = [name, facts.display, facts.display.toUpperCase()]
  if (facts.compact !== undefined) spellings.push(facts.compact, facts.compact.toUpperCase())
  for (const spelling of spellings) SPELLINGS.set(spelling, name)
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

/** The canonical name (lower case, long form) of a header as it was written; `undefined` when it is no token (§25.1). */
export const canonicalName = (written: string): string | undefined => {
  const known = SPELLINGS.get(written)
  if (known !== undefined) return known
  if (!TOKEN.test(written)) return undefined
  const lower = written.toLowerCase()
  return SPELLINGS.get(lower) ?? lower
}
