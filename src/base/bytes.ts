declare global {
  // Node's own fast paths, missing from its types: one byte is one character, no encoding is looked up by name
  interface Buffer {
    latin1Slice(start?: number, end?: number): string
    latin1Write(text: string, offset?: number, length?: number): number
  }
}

/**
 * Copies a string. A slice of a message keeps the whole message in memory; what is stored for long
 * (a Call-ID in a table, a binding, a flow token) goes through here.
 */
export const own = (text: string): string => ` ${text}`.slice(1)

export const EMPTY = Buffer.alloc(0)
