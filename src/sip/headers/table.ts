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
  'max-breadth': { display: 'Max-Breadth', once: true },
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

/** A way to write a known header: its long or compact form, in lower case. */
interface Spelling {
  readonly text: string
  readonly name: KnownHeader
}

/** Also as displayed, which is how our own code and most peers write them. */
const NAMES = new Map<string, KnownHeader>()
/** The spellings by their first two characters, so that a name is found in the text where it stands, without making a string of it. */
const BY_START: (Spelling[] | undefined)[] = new Array(1024).fill(undefined)

const startKey = (first: number, second: number): number => ((first & 31) << 5) | (second & 31)

for (const [name, facts] of Object.entries(HEADERS) as [KnownHeader, HeaderFacts][]) {
  for (const text of facts.compact === undefined ? [name] : [name, facts.compact]) {
    const spelling = { text, name }
    NAMES.set(text, name)
    const key = startKey(text.charCodeAt(0), text.length > 1 ? text.charCodeAt(1) : 58)
    BY_START[key] = [...(BY_START[key] ?? []), spelling]
  }
  NAMES.set(facts.display, name)
}

/** The known header whose name stands at `at` in any case, with its colon right behind it (§7.3.1); `undefined` when there is none. */
export const spellingAt = (text: string, at: number): Spelling | undefined => {
  const found = BY_START[startKey(text.charCodeAt(at), text.charCodeAt(at + 1))]
  if (found === undefined) return undefined
  for (let i = 0; i < found.length; i++) {
    const one = found[i]!
    const { length } = one.text
    if (text.charCodeAt(at + length) !== 58) continue
    let same = 0
    // Or-ing 32 makes a letter small. The hyphen is the only other character in known names, and only a CR becomes one: a fold,
    // behind which comes no letter
    while (same < length && (text.charCodeAt(at + same) | 32) === one.text.charCodeAt(same)) same++
    if (same === length) return one
  }
  return undefined
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

/** The canonical name (lower case, long form) of a header as it was written; `undefined` when it is no token (§25.1). */
export const canonicalName = (written: string): string | undefined => {
  const known = NAMES.get(written)
  if (known !== undefined) return known
  if (!TOKEN.test(written)) return undefined
  const lower = written.toLowerCase()
  return NAMES.get(lower) ?? lower
}
