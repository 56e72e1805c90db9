import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** RFC 6238 with what every authenticator app knows: HMAC-SHA-1, six digits, steps of 30 seconds. */
const STEP_MS = 30_000
const DIGITS = 6
/** RFC 6238 §5.2: one step back for the way of the code and for clocks that differ, and one ahead. */
const WINDOW = [0, -1, 1] as const
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A new secret of 160 bits (RFC 4226 §4), in base32, as people type it into an app. */
export const newTotpSecret = (): string => base32(randomBytes(20))

/** Whole steps since 1970. @param wall milliseconds since 1970 */
export const totpStep = (wall: number): number => Math.floor(wall / STEP_MS)

/** The six digits of a step (RFC 4226 §5.3). @param secret base32 */
export const totpCode = (secret: string, step: number): string => {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest()
  const offset = mac[mac.length - 1]! & 0x0f
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, '0')
}

/**
 * The step that a code is of, if it is of one that is near and later than the last one used (RFC 6238 §5.2: a code is good once).
 * @param code spaces are allowed, apps show them
 * @param usedStep of the last code that was taken; -1: none
 */
export const matchingStep = (secret: string, code: string, wall: number, usedStep: number): number | undefined => {
  const digits = Buffer.from(code.replaceAll(/\s/g, ''))
  const now = totpStep(wall)
  // All of them are compared, whichever fits
  const fits = WINDOW.map((difference) => {
    const wanted = Buffer.from(totpCode(secret, now + difference))
    return wanted.length === digits.length && timingSafeEqual(wanted, digits)
  })
  const found = WINDOW.find((_difference, index) => fits[index])
  return found === undefined || now + found <= usedStep ? undefined : now + found
}

/** What the QR code of an authenticator app holds. */
export const otpauthUri = (secret: string, user: string, issuer: string): string => {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(user)}`
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${DIGITS}&period=${STEP_MS / 1000}`
}

/** RFC 4648 §6; the lengths that occur need no padding. */
const base32 = (bytes: Uint8Array): string => {
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}

const fromBase32 = (text: string): Buffer => {
  let bits = ''
  for (const character of text) bits += BASE32.indexOf(character).toString(2).padStart(5, '0')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2)))
}
