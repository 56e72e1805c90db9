import type { RenewalWindow } from '../types.ts'
import { AcmeError } from './errors.ts'
import type { Session } from './session.ts'

const MINUTE = 60_000
const DAY = 86_400_000
/** RFC 9773 §4.3.2 leaves it to us when the CA names none. */
const ASK_AGAIN = 6 * 3_600_000

/**
 * The name of a certificate at the CA that issued it (RFC 9773 §4.1): key identifier of the issuer, and the serial number's own bytes.
 * @param certificate PEM; the first certificate counts
 * @returns undefined when it names no key of its issuer
 */
export const certificateId = async (certificate: string): Promise<string | undefined> => {
  const { default: forge } = await import('node-forge')
  const { asn1, pem } = forge
  const der = pem.decode(certificate)[0]?.body
  if (der === undefined) return undefined
  const [tbs] = asn1.fromDer(der).value as AsnNode[]
  const fields = (tbs?.value ?? []) as AsnNode[]
  // [0] version is there in every certificate with extensions; then the serial number
  const serial = fields[1]?.value
  const extensions = fields.find(({ tagClass, type }) => tagClass === CONTEXT && type === 3)?.value as AsnNode[] | undefined
  for (const extension of (extensions?.[0]?.value ?? []) as AsnNode[]) {
    const [id, ...rest] = extension.value as AsnNode[]
    if (id === undefined || asn1.derToOid(id.value as string) !== AUTHORITY_KEY_IDENTIFIER) continue
    const value = asn1.fromDer(rest.at(-1)!.value as string).value as AsnNode[]
    const key = value.find(({ tagClass, type }) => tagClass === CONTEXT && type === 0)?.value
    if (typeof key === 'string' && typeof serial === 'string') return `${base64url(key)}.${base64url(serial)}`
  }
  return undefined
}

type AsnNode = import('node-forge').asn1.Asn1
const CONTEXT = 0x80
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
const base64url = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('base64url')

/**
 * Asks the CA when it wants a certificate to be renewed (RFC 9773 §4.2).
 * @returns undefined when the CA has no such information, or the certificate names no key of its issuer
 */
export const askRenewal = async (session: Session, chain: string): Promise<RenewalWindow | undefined> => {
  const { renewalInfo } = await session.directory()
  const id = renewalInfo === undefined ? undefined : await certificateId(chain)
  if (id === undefined) return undefined
  const url = `${renewalInfo!.replace(/\/$/, '')}/${id}`
  const { document } = await session.get(url)
  const { suggestedWindow, explanationURL } = (document ?? {}) as { readonly suggestedWindow?: unknown; readonly explanationURL?: unknown }
  const { start, end } = (suggestedWindow ?? {}) as { readonly start?: unknown; readonly end?: unknown }
  const [from, to] = [Date.parse(String(start)), Date.parse(String(end))]
  // §4.2: an end before the start is as good as no answer
  if (!(from < to))
    throw new AcmeError('SBC_CERTIFICATE_ORDER', `${session.ca} suggests no time to renew, but ${JSON.stringify(suggestedWindow)}`)
  return {
    start: from,
    end: to,
    ...(typeof explanationURL === 'string' && { explanation: explanationURL }),
    retryAfterMs: Math.min(Math.max(session.retryAfterMs(url) ?? ASK_AGAIN, MINUTE), DAY),
  }
}
