import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, 43 characters of base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** What is kept of a secret of 256 random bits: too many to guess, so a fast hash is enough (base64url). */
export const digestOf = (secret: string): string => sha256(secret).toString('base64url')

/** Compares in a time that tells nothing about the secret, not even its length. */
export const sameSecret = (secret: string, given: string): boolean => timingSafeEqual(sha256(secret), sha256(given))
