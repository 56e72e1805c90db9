import type { X509Certificate } from 'node:crypto'
import { certificateFrom } from './facts.ts'

/** One block of a PEM text (RFC 7468), or of the older form with headers (RFC 1421). */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string
  /** As it stands in the text. */
  readonly text: string
  /** Proc-Type, DEK-Info: a key that OpenSSL encrypted in the old way. */
  readonly headers: Readonly<Record<string, string>>
  /** undefined: what is between the two lines is no base64. */
  readonly der: Buffer | undefined
}

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'

/**
 * The blocks of a text, in order; what stands around them is passed over, as are a block that has no end and one that another begins in.
 * Line ends of every kind are taken, also none and `\n` spelt out: people paste from everywhere. Linear in the length.
 */
export const pemBlocks = (text: string): PemBlock[] => {
  const blocks: PemBlock[] = []
  for (let begin = text.indexOf(BEGIN); begin >= 0; ) {
    const next = text.indexOf(BEGIN, begin + BEGIN.length)
    const whole = text.slice(begin, next < 0 ? undefined : next)
    const block = blockOf(whole)
    if (block !== undefined) blocks.push(block)
    begin = next
  }
  return blocks
}

/** How many blocks begin and do not end. */
export const cutOffBlocks = (text: string): number => text.split(BEGIN).length - 1 - pemBlocks(text).length

export const CERTIFICATE_LABEL = /^(?:TRUSTED |X509 )?CERTIFICATE$/

/** The certificates in texts; what cannot be read is passed over. */
export const certificatesIn = (texts: readonly string[]): readonly X509Certificate[] =>
  texts.flatMap((text) =>
    pemBlocks(text).flatMap(({ label, der }) => (CERTIFICATE_LABEL.test(label) && der !== undefined ? (certificateFrom(der) ?? []) : [])),
  )

const blockOf = (text: string): PemBlock | undefined => {
  const labelEnd = text.indexOf(DASHES, BEGIN.length)
  const end = labelEnd < 0 ? -1 : text.indexOf(END, labelEnd)
  const close = end < 0 ? -1 : text.indexOf(DASHES, end + END.length)
  if (close < 0) return undefined
  const label = text.slice(BEGIN.length, labelEnd)
  const { headers, base64 } = bodyOf(text.slice(labelEnd + DASHES.length, end).replaceAll(/\\[rn]/g, '\n'))
  return { label, text: text.slice(0, close + DASHES.length), headers, der: fromBase64(base64) }
}

const bodyOf = (body: string): { readonly headers: Record<string, string>; readonly base64: string } => {
  const headers: Record<string, string> = {}
  const rest = body.split(/\r\n|\r|\n/).filter((line) => {
    const colon = line.indexOf(':')
    if (colon < 0) return true
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim()
    return false
  })
  return { headers, base64: rest.join('') }
}

/** Strictly: Node's decoder passes over what it does not know. */
export const fromBase64 = (text: string): Buffer | undefined => {
  const bare = text.replaceAll(/\s/g, '')
  return bare !== '' && /^[A-Za-z0-9+/]*={0,2}$/.test(bare) ? Buffer.from(bare, 'base64') : undefined
}
