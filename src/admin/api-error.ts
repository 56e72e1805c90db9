/** What a route throws to be answered `{ code, message }`: nothing went wrong with us. */
export class ApiError extends Error {
  readonly status: number
  /** Stable word for programs. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  /** @param message a sentence for people, no full stop */
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.headers = headers
  }
}
