/** Field names whose values never reach the log, wherever they stand. Lower case, without `-` and `_`. */
const SECRET_NAMES = new Set([
  ...['password', 'passwd', 'passphrase', 'secret', 'token', 'apikey', 'key', 'keys', 'privatekey', 'credentials'],
  ...['authorization', 'proxyauthorization', 'cookie', 'setcookie', 'crypto', 'icepwd'],
])
const MASK = '***'
const DEEPEST = 5
/** Enough for the head of any sensible message; the rest is only counted. */
const LONGEST_HEAD = 4096

const isSecret = (name: string): boolean => SECRET_NAMES.has(name) || SECRET_NAMES.has(name.toLowerCase().replaceAll(/[-_]/g, ''))

const cleanValue = (name: string, value: unknown, depth: number): unknown => {
  if (isSecret(name)) return value === undefined ? undefined : MASK
  if (typeof value === 'string') return value.includes('PRIVATE KEY') ? MASK : value
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  // Bytes are a message or a key; both have their own way into the log (`safeHead`, `safeMessage`).
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (depth >= DEEPEST) return '[deeper]'
  if (Array.isArray(value)) return value.map((item) => cleanValue('', item, depth + 1))
  return clean(value as Readonly<Record<string, unknown>>, depth + 1)
}

/**
 * The same fields with the values of secrets masked, at every depth; bytes become their length.
 * Answers the very object when there was nothing to mask.
 */
export const clean = (fields: Readonly<Record<string, unknown>>, depth = 0): Readonly<Record<string, unknown>> => {
  let cleaned: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    const better = cleanValue(name, value, depth)
    if (better === value) continue
    cleaned ??= { ...fields }
    cleaned[name] = better
  }
  return cleaned ?? fields
}

// §7.3.1: a value goes on in lines that begin with white space.
const AUTHORIZATION = /^((?:proxy-)?authorization|authentication-info)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim
// §19.1.1: `sip:user:password@host` is allowed, if not recommended.
const URI_PASSWORD = /(\bsips?:[^\s:@<>;?,]+:)[^\s:@<>;?,]*(?=@)/gi
// RFC 4568 §9.1: the SRTP master key stands in the clear; RFC 8839 §5.4: so does the ICE password.
const SDP_SECRETS = /^(a=(?:crypto:\d+[ \t]+\S+|ice-pwd:|key-mgmt:)|k=)[^\r\n]*/gim
// What a terminal would obey. Line ends and tabs stay.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

const masked = (text: string): string =>
  text
    .replace(AUTHORIZATION, `$1: ${MASK}`)
    .replace(URI_PASSWORD, `$1${MASK}`)
    .replace(SDP_SECRETS, (_all, start: string) => `${start}${start.startsWith('a=crypto') ? ' ' : ''}${MASK}`)
    .replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)

/**
 * A received or sent message as it may be logged at any level: start line and headers without the body, credentials masked,
 * control characters escaped.
 * @param bytes a message, or any garbage
 * @returns at most about 4 KiB of text, with a count of what was left out
 */
export const safeHead = (bytes: Uint8Array): string => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = buffer.subarray(0, LONGEST_HEAD).toString('latin1')
  const end = /\r?\n\r?\n/.exec(start)?.index ?? start.length
  const left = bytes.byteLength - end
  const text = masked(start.slice(0, end))
  return left === 0 ? text : `${text}\n[${left} more bytes]`
}

/** The whole message with credentials, SRTP keys and ICE passwords masked: for debug and trace alone. */
export const safeMessage = (bytes: Uint8Array): string =>
  masked(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))

/**
 * The message with its credentials overwritten, and nothing else; as long as it was. A token or the answer to a challenge is as good as a
 * password for a while, or can be guessed at.
 */
export const withoutCredentials = (bytes: Buffer): Buffer => {
  const text = bytes.latin1Slice()
  const safe = text.replace(AUTHORIZATION, (line, name: string) => name + line.slice(name.length).replace(/[^\s:]/g, '*'))
  return safe === text ? bytes : Buffer.from(safe, 'latin1')
}
