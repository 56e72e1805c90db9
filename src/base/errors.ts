/**
 * The errors that are thrown. Each has a stable `code` with a line in docs/errors.md.
 * A remote's bad message is not among them: that is a `Problem`, a returned value.
 */
export abstract class EdgewaysError extends Error {
  readonly code: string
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
  }
}

/** A connection could not be opened, or was lost with something still to send. */
export class TransportError extends EdgewaysError {}

/** A name could not be resolved to any destination (RFC 3263). */
export class ResolveError extends EdgewaysError {}

/** A certificate or key cannot be used: it does not parse, does not match its key, or has no names. */
export class CertificateError extends EdgewaysError {}

/** rtpengine did not answer, refused, or cannot be had; `code` says which. */
export class MediaError extends EdgewaysError {}

/** The database in the data folder, or a key beside it, cannot be used; `code` says why. */
export class StoreError extends EdgewaysError {}

/** What was asked for a user of ours cannot be: there is none of that name, the name is taken, or is no name. */
export class SubscriberError extends EdgewaysError {}

/** Our bug. The message it happened in gets 500, the process goes on. */
export class InvariantError extends EdgewaysError {
  constructor(message: string, cause?: unknown) {
    super('SBC_INVARIANT', message, cause)
  }
}

/** Ends each switch over a closed set: a new member does not compile until every switch knows it. */
export const unreachable = (value: never): never => {
  throw new InvariantError(`Unreachable value ${JSON.stringify(value)}`)
}
