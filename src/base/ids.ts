/** The source of everything that must not be guessed or repeated; tests pass a counting one. */
export interface Ids {
  /** `length` characters of [A-Za-z0-9_-], 6 random bits each. */
  token(length: number): string
}

/**
 * Which worker owns a transaction, flow or dialog: one character at the start of every branch, cookie and flow token.
 * There is one worker now; the place for the others is there from the first day.
 */
export type Owner = string
