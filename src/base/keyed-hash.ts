import { fnv1a } from './fnv.ts'

/**
 * A keyed hash for what we hand out and must recognise again: route state, Path tokens.
 * Keys live elsewhere; pure code sees only this.
 */
export interface KeyedHash {
  /** The key that new state is signed with: one character, told in the state. */
  readonly currentKey: string
  /** 11 base64url characters (66 bits) of HMAC-SHA-256 over the text; `undefined` when that key is unknown or expired. */
  mac(key: string, text: string): string | undefined
}

/** Compares two texts in a time that depends on their length only. */
export const sameText = (a: string, b: string): boolean => {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

/** 24 bits of FNV-1a as four base64url characters: a short name for a name, never a secret. */
export const shortName = (text: string): string => {
  let hash = fnv1a(text)
  hash = (hash >>> 24) ^ (hash & 0xffffff)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[(hash >> 18) & 63]! + alphabet[(hash >> 12) & 63]! + alphabet[(hash >> 6) & 63]! + alphabet[hash & 63]!
}
