/** The only way to learn the time in pure code; tests pass a clock that they move themselves. */
export interface Clock {
  /** Milliseconds since an arbitrary moment, never going back. */
  now(): number
  /** Milliseconds since 1970, for what people and certificates read. */
  wall(): number
}
