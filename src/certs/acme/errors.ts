import { CertificateError } from '../../base/errors.ts'

/** What an order fails with; each has a line in docs/errors.md. */
export type AcmeCode =
  | 'SBC_CERTIFICATE_ORDER'
  | 'SBC_CERTIFICATE_CHALLENGE'
  | 'SBC_CERTIFICATE_RATE_LIMIT'
  | 'SBC_CERTIFICATE_ACCOUNT'
  | 'SBC_CERTIFICATE_CA'
  | 'SBC_CERTIFICATE_DNS'
  | 'SBC_CERTIFICATE_PORT'
  | 'SBC_CERTIFICATE_STOPPED'

/** An order, or a question to a CA, that came to nothing: the CA's own reason and a remedy are in the sentence. */
export class AcmeError extends CertificateError {
  /** The CA's type of the problem (RFC 8555 §6.7), without its prefix, such as `rateLimited`. */
  readonly problem: string | undefined
  /** Before this moment (milliseconds since 1970) another attempt is of no use; undefined: the CA said nothing of it. */
  readonly notBefore: number | undefined

  constructor(
    code: AcmeCode,
    message: string,
    options: { readonly cause?: unknown; readonly problem?: string | undefined; readonly notBefore?: number | undefined } = {},
  ) {
    super(code, message, options.cause)
    this.problem = options.problem
    this.notBefore = options.notBefore
  }
}

/** When a failed order may be tried again at the earliest, milliseconds since 1970; undefined: whenever the caller likes. */
export const notBefore = (fault: unknown): number | undefined => (fault instanceof AcmeError ? fault.notBefore : undefined)
