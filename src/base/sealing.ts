/**
 * Texts that we hand out, must read again later, and that nobody else is to read. Keys live elsewhere; pure code sees only this.
 * Sealing is deterministic: the same text for the same purpose stays the same under one key.
 */
export interface Sealing {
  /** The key that new texts are sealed with: one character. */
  readonly currentKey: string
  /**
   * @param bound what the text is good for, told again to open it
   * @returns base64url; `undefined` when that key is unknown or expired
   */
  seal(key: string, text: string, bound: string): string | undefined
  /** @returns the text; `forged`: it was changed, or belongs to something else; `undefined`: that key is unknown or expired */
  open(key: string, sealed: string, bound: string): { readonly text: string } | 'forged' | undefined
}
