import type { X509Certificate } from 'node:crypto'
import { EdgewaysError } from '../../base/errors.ts'
import { issuerUrlsOf, subjectOf } from './facts.ts'
import { endOf, isIssuedBy, isSame, isSelfSigned } from './links.ts'
import { certificatesOf } from './material.ts'
import { certificatesIn } from './pem.ts'

/** Gets what is at a URL that somebody else wrote. Rejects when that is not allowed, too large, or fails. */
export type IssuerFetch = (url: string, options: { readonly maxBytes: number; readonly signal: AbortSignal }) => Promise<Buffer>

export interface CompletionLimits {
  /** Certificates that are fetched, at most. */
  readonly hops?: number
  /** Bytes of each. */
  readonly bytes?: number
  /** Milliseconds for each. */
  readonly timeoutMs?: number
  /** PEM: roots beside the public ones. */
  readonly anchors?: readonly string[]
  readonly signal?: AbortSignal
}

export interface Completed {
  /** PEM: the certificates as they were, with the intermediates that were found at the end, without the root. */
  readonly chain: string
  /** It leads to a root, of which `root` is the PEM when it was fetched or is in the chain, and undefined when it is a known one. */
  readonly complete: boolean
  readonly root: string | undefined
  /** Sentences: what was fetched from where, and what failed. */
  readonly notes: readonly string[]
}

const HOPS = 4
const BYTES = 65_536
const TIMEOUT_MS = 5000
/** More than one is rare, and then the second is LDAP. */
const MOST_URLS = 3

/**
 * Fetches missing intermediates from where the certificates say (RFC 5280 §4.2.2.1, caIssuers), until the chain leads to a root. Only
 * a certificate that really signed the one below is taken. It never rejects for what others do: the notes say it.
 */
export const completeChain = async (pem: string, fetch: IssuerFetch, limits: CompletionLimits = {}): Promise<Completed> => {
  const { hops = HOPS, anchors = [] } = limits
  const roots = certificatesIn(anchors)
  const chain = [...certificatesIn([pem])]
  const notes: string[] = []
  let root: X509Certificate | undefined
  for (let hop = 0; hop < hops && chain.length > 0 && endOf(chain, roots).kind === 'missing'; hop++) {
    const issuer = await fetchIssuer(chain.at(-1)!, fetch, limits, notes)
    // The same again would be a circle of two that signed each other
    if (issuer === undefined || chain.some((one) => isSame(one, issuer))) break
    if (isSelfSigned(issuer)) {
      root = issuer
      break
    }
    chain.push(issuer)
  }
  const complete = root !== undefined || (chain.length > 0 && endOf(chain, roots).kind !== 'missing')
  return { chain: chain.length === 0 ? pem : chain.map((one) => one.toString()).join(''), complete, root: root?.toString(), notes }
}

const fetchIssuer = async (
  last: X509Certificate,
  fetch: IssuerFetch,
  { bytes: maxBytes = BYTES, timeoutMs = TIMEOUT_MS, signal }: CompletionLimits,
  notes: string[],
): Promise<X509Certificate | undefined> => {
  for (const url of issuerUrlsOf(last).slice(0, MOST_URLS)) {
    const timeout = AbortSignal.timeout(timeoutMs)
    const shown = url.slice(0, 200)
    try {
      const bytes = await fetch(url, { maxBytes, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
      if (bytes.length > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
      const issuer = (await certificatesOf(bytes)).find((one) => isIssuedBy(last, one))
      if (issuer !== undefined) {
        notes.push(`Fetched ${subjectOf(issuer)}, the issuer of ${subjectOf(last)}, from ${shown}`)
        return issuer
      }
      notes.push(`What ${shown} has did not issue ${subjectOf(last)}`)
    } catch (error) {
      notes.push(`The issuer of ${subjectOf(last)} could not be fetched from ${shown}: ${reasonOf(error, timeout, timeoutMs)}`)
    }
  }
  return undefined
}

const reasonOf = (error: unknown, timeout: AbortSignal, timeoutMs: number): string => {
  if (timeout.aborted && !(error instanceof EdgewaysError)) return `no answer within ${timeoutMs / 1000} seconds`
  return error instanceof Error ? error.message : String(error)
}
