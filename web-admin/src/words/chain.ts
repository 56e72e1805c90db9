/** What stands in the certificates of a PEM chain: enough of X.509 (RFC 5280 §4.1) to show who signed whom, and until when. */

export interface ChainLink {
  readonly subject: string
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  /** Signed with its own key, as far as names tell. */
  readonly selfSigned: boolean
}

/** In the order of the file; what cannot be read is left out. */
export const readChain = (pem: string): readonly ChainLink[] =>
  [...pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)].flatMap(([, body]) => {
    try {
      return [linkOf(bytesOf(body!))]
    } catch {
      // Not a certificate; the server, which checks what it keeps, has more to say than we have
      return []
    }
  })

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64.replace(/\s/g, '')), (character) => character.charCodeAt(0))

interface Element {
  readonly tag: number
  readonly content: Uint8Array
}

/** DER: tag, length, content (X.690 §8.1, short tags alone). */
const elementsOf = (bytes: Uint8Array): readonly Element[] => {
  const found: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at]!
    let length = bytes[at + 1]!
    at += 2
    if (length > 127) {
      const size = length & 127
      if (size > 4) throw new RangeError('length')
      length = bytes.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0)
      at += size
    }
    if (!(at + length <= bytes.length)) throw new RangeError('length')
    found.push({ tag, content: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}

const linkOf = (der: Uint8Array): ChainLink => {
  const [whole] = elementsOf(der)
  const [toBeSigned] = elementsOf(whole!.content)
  // [0] version, when there: not in version 1
  const fields = elementsOf(toBeSigned!.content).filter(({ tag }) => tag !== 0xa0)
  const [, , issuer, validity, subject] = fields
  const [from, to] = elementsOf(validity!.content)
  const [subjectText, issuerText] = [nameOf(subject!), nameOf(issuer!)]
  return {
    subject: subjectText,
    issuer: issuerText,
    validFrom: timeOf(from!),
    validTo: timeOf(to!),
    selfSigned: sameBytes(subject!.content, issuer!.content),
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, index) => byte === b[index])

const COMMON_NAME = [0x55, 0x04, 0x03]
const ORGANISATION = [0x55, 0x04, 0x0a]

/** `R11 (Let's Encrypt)`. */
const nameOf = (name: Element): string => {
  const attributes = elementsOf(name.content)
    .flatMap(({ content }) => elementsOf(content))
    .map(({ content }) => elementsOf(content))
  const attribute = (type: readonly number[]): string | undefined => {
    const value = attributes.find(([oid]) => oid !== undefined && sameBytes(oid.content, Uint8Array.from(type)))?.[1]
    if (value === undefined) return undefined
    // BMPString has two bytes for each character
    return new TextDecoder(value.tag === 0x1e ? 'utf-16be' : 'utf-8').decode(value.content)
  }
  const [common, organisation] = [attribute(COMMON_NAME), attribute(ORGANISATION)]
  if (common === undefined) return organisation ?? '(no name)'
  return organisation === undefined || organisation === common ? common : `${common} (${organisation})`
}

/** UTCTime or GeneralizedTime, as RFC 5280 §4.1.2.5 has them: always with seconds and Z. */
const timeOf = ({ tag, content }: Element): number => {
  const text = new TextDecoder().decode(content)
  const full = tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? []
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
}
